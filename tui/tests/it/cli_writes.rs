//! Commands that change something: planned, confirmed, made once, refused with a number.

use shared::json::{Json, parse};

use crate::support::daemon::Daemon;
use crate::support::program::{Said, Terminal};

/// An owner in a project of their own with a boolean flag `f`.
struct Work {
    terminal: Terminal,
    project: String,
}

impl Work {
    fn new() -> Self {
        let daemon = Daemon::shared();
        let work = Self {
            terminal: Terminal::at(&format!("unix:{}", daemon.socket.display())),
            project: daemon.project(),
        };
        work.run(&["flag", "create", "f", "--tag", "a", "--name", "The flag"]).ends(0);
        work
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.fed(arguments, "")
    }

    fn fed(&self, arguments: &[&str], input: &str) -> Said {
        let mut all = vec!["-p", &self.project];
        all.extend(arguments);
        self.terminal.fed(&all, input)
    }

    fn config(&self, environment: &str) -> Json {
        self.run(&["flag", "get", "f", "-e", environment, "-o", "json"]).ends(0).json()
    }

    fn is_on(&self, environment: &str) -> bool {
        self.config(environment).get("enabled").unwrap().as_bool().unwrap()
    }
}

fn revision(json: &Json) -> String {
    json.get("revision").unwrap().to_text()
}

#[test]
fn an_unprotected_environment_takes_a_change_at_once() {
    let work = Work::new();
    let said = work.run(&["flag", "on", "f", "-e", "staging", "--reason", "go"]).ends(0);
    assert!(said.out.starts_with("f in staging: on (revision "), "{}", said.out);
    assert!(work.is_on("staging") && !work.is_on("production"));
    let again = work.run(&["flag", "on", "f", "-e", "staging"]).ends(0);
    assert!(again.out.contains("nothing to change"), "{}", again.out);
    work.run(&["flag", "toggle", "f", "-e", "staging"]).ends(0);
    assert!(!work.is_on("staging"));
    let history =
        work.run(&["flag", "history", "f", "-e", "staging", "-o", "csv", "--fields", "comment"]).ends(0);
    assert!(history.out.contains("go\r\n"), "{}", history.out);
}

#[test]
fn a_protected_environment_asks_for_the_text_and_a_pipe_is_told_which_option_gives_it() {
    let work = Work::new();
    let said = work.run(&["flag", "on", "f", "-e", "production"]).ends(6);
    assert!(said.out.is_empty() && said.err.contains("--confirm f"), "{said:?}");
    // Neither an answer on a pipe nor --yes is consent.
    work.fed(&["flag", "on", "f", "-e", "production"], "f\n").ends(6);
    work.run(&["flag", "on", "f", "-e", "production", "--yes"]).ends(6);
    work.run(&["flag", "on", "f", "-e", "production", "--confirm", "g"]).ends(6);
    assert!(!work.is_on("production"));
    let said = work.run(&["flag", "on", "f", "-e", "production", "-o", "json"]).ends(6);
    let error = parse(said.err.trim()).unwrap();
    let plan = error.get("error").unwrap().get("problem").unwrap().get("plan").unwrap();
    assert_eq!(plan.get("confirmation").unwrap().get("text"), Some(&Json::from("f")));
    work.run(&["flag", "on", "f", "-e", "production", "--confirm", "f"]).ends(0);
    assert!(work.is_on("production"));
}

#[test]
fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let work = Work::new();
    let before = work.config("production");
    let said = work.run(&["flag", "on", "f", "-e", "production", "--dry-run"]).ends(0);
    assert!(
        said.out.contains("~ /document/on  false -> true") && said.out.contains("--confirm f"),
        "{}",
        said.out
    );
    let json = work.run(&["flag", "on", "f", "-e", "production", "--dry-run", "-o", "json"]).ends(0).json();
    assert_eq!(json.get("schema"), Some(&Json::from("flagstaff.plan/1")));
    assert_eq!(json.get("dryRun"), Some(&Json::Bool(true)));
    assert_eq!(work.config("production"), before);
}

#[test]
fn a_protected_environment_is_never_meant_without_being_named() {
    let work = Work::new();
    let with = |environment: &str| {
        let terminal = Terminal::at(&format!("unix:{}", Daemon::shared().socket.display()))
            .with("FLAGSTAFF_ENVIRONMENT", environment);
        terminal.run(&["-p", &work.project, "flag", "on", "f"])
    };
    let said = with("production").ends(2);
    assert!(said.err.contains("--env production"), "{}", said.err);
    with("staging").ends(0);
    work.run(&["flag", "on", "f"]).ends(2);
    assert!(work.is_on("staging") && !work.is_on("production"));
}

#[test]
fn if_the_revision_moved_nothing_is_changed() {
    let work = Work::new();
    let read = revision(&work.config("staging"));
    work.run(&["flag", "on", "f", "-e", "staging", "--if-rev", &read]).ends(0);
    let said = work.run(&["flag", "off", "f", "-e", "staging", "--if-rev", &read]).ends(5);
    assert!(said.err.contains("somebody was faster"), "{}", said.err);
    assert!(work.is_on("staging"));
}

#[test]
fn a_command_that_is_repeated_with_its_key_makes_its_change_once() {
    let work = Work::new();
    let key = "0197a6d2-7c1e-7000-8000-000000000001";
    let on = ["flag", "on", "f", "-e", "staging", "--key", key, "-o", "json"];
    let first = work.run(&on).ends(0).json();
    work.run(&["flag", "off", "f", "-e", "staging"]).ends(0);
    let head = revision(&work.config("staging"));
    // Another plan under the same key is another request: it is refused, and not made a second time.
    work.run(&on).ends(5);
    assert_eq!(revision(&work.config("staging")), head);
    assert_eq!(first.get("changed"), Some(&Json::Bool(true)));
}

#[test]
fn configurations_are_set_by_path_whole_and_by_percentage() {
    let work = Work::new();
    work.run(&[
        "flag",
        "set",
        "f",
        "-e",
        "staging",
        "--path",
        "/trackEvents=true",
        "--path",
        "/offVariation=1",
    ])
    .ends(0);
    let config = |name: &str| work.config("staging").get("config").unwrap().get(name).cloned();
    assert_eq!(config("trackEvents"), Some(Json::Bool(true)));
    work.run(&["flag", "set", "f", "-e", "staging", "--path", "/trackEvents="]).ends(0);
    assert_eq!(config("trackEvents"), None);
    let document = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1,"rules":[]}"#;
    work.fed(&["flag", "set", "f", "-e", "staging", "--file", "-"], document).ends(0);
    assert_eq!(config("rules").map(|rules| rules.to_text()).as_deref(), Some("[]"));
    work.run(&["flag", "rollout", "f", "12.5", "-e", "staging"]).ends(0);
    let list =
        work.run(&["flag", "ls", "-o", "csv", "--no-header", "--fields", "staging,production"]).ends(0);
    assert_eq!(list.out, "12.5%,off\r\n");
    work.run(&["flag", "rollout", "f", "100", "-e", "staging"]).ends(0);
    assert_eq!(config("fallthrough").map(|f| f.to_text()).as_deref(), Some(r#"{"variation":0}"#));
    work.run(&["flag", "rollout", "f", "101", "-e", "staging"]).ends(2);
    let said = work.run(&["flag", "set", "f", "-e", "staging", "--path", "/fallthrough/variation=9"]).ends(2);
    assert!(said.err.contains("/fallthrough/variation"), "{}", said.err);
}

#[test]
fn what_was_done_can_be_compared_undone_and_promoted() {
    let work = Work::new();
    let done = work.run(&["flag", "on", "f", "-e", "staging", "-o", "json"]).ends(0).json();
    let said = work.run(&["flag", "diff", "f", "-e", "staging", "--exit-code", "-o", "csv"]).ends(1);
    assert!(said.out.contains("/enabled,replace,false,true"), "{}", said.out);
    work.run(&["flag", "revert", "other", "--rev", &revision(&done)]).ends(2);
    work.run(&["flag", "revert", "f", "--rev", &revision(&done)]).ends(0);
    assert!(!work.is_on("staging"));
    work.run(&["flag", "on", "f", "-e", "staging"]).ends(0);
    let promote = ["flag", "promote", "f", "--from", "staging", "--to", "production"];
    work.run(&promote).ends(6);
    let mut confirmed = promote.to_vec();
    confirmed.extend(["--confirm", "production"]);
    work.run(&confirmed).ends(0);
    assert!(work.is_on("production"));
}

#[test]
fn a_flag_is_archived_and_comes_back_and_its_key_stays_taken() {
    let work = Work::new();
    work.run(&["flag", "archive", "f"]).ends(0);
    assert_eq!(work.run(&["flag", "ls", "-o", "name"]).ends(0).out, "");
    assert_eq!(work.run(&["flag", "ls", "-o", "name", "--archived"]).ends(0).out, "f\n");
    work.run(&["flag", "create", "f"]).ends(5);
    work.run(&["flag", "restore", "f"]).ends(0);
    assert_eq!(work.run(&["flag", "ls", "-o", "name"]).ends(0).out, "f\n");
}

#[test]
fn members_of_a_segment_come_and_go() {
    let work = Work::new();
    let place = ["-e", "staging"];
    let run = |words: &[&str], input: &str| {
        let mut all = vec!["segment"];
        all.extend(words);
        all.extend(place);
        work.fed(&all, input)
    };
    run(&["create", "beta", "--name", "Beta"], "").ends(0);
    run(&["add-ids", "beta", "a", "--file", "-"], "b\n\nc\na\n").ends(0);
    run(&["rm-ids", "beta", "b"], "").ends(0);
    let shown = run(&["get", "beta", "-o", "json"], "").ends(0).json();
    let included = shown.get("document").unwrap().get("included").unwrap().to_text();
    assert_eq!(included, r#"["a","c"]"#);
    run(&["add-ids", "beta"], "").ends(2);
    let list = run(&["ls", "-o", "csv", "--no-header", "--fields", "key,included"], "").ends(0).out;
    assert_eq!(list, "beta,2\r\n");
}

#[test]
fn an_export_can_be_imported_and_is_then_unchanged() {
    let work = Work::new();
    work.run(&["flag", "rollout", "f", "10", "-e", "staging"]).ends(0);
    work.run(&["flag", "on", "f", "-e", "staging"]).ends(0);
    work.run(&["segment", "create", "beta", "-e", "staging"]).ends(0);
    let export = work.run(&["export", "-e", "staging"]).ends(0);
    let other = Work::new();
    let import = ["import", "-", "-e", "staging", "-o", "json"];
    other.fed(&import, &export.out).ends(0);
    let again = other.fed(&import, &export.out).ends(0).json();
    assert_eq!(again.get("changed"), Some(&Json::Bool(false)), "{again}");
    assert_eq!(other.run(&["export", "-e", "staging"]).ends(0).out, export.out);
    other.fed(&["import", "-", "-e", "production", "--yes"], &export.out).ends(6);
    let said = other.fed(&["import", "-", "-e", "staging"], r#"{"flags":{"no key":{}}}"#);
    assert!([2, 8].contains(&said.code), "{said:?}");
}

#[test]
fn who_may_only_read_is_told_so_and_ends_with_four() {
    let daemon = Daemon::shared();
    let nobody = Terminal::at(&daemon.url);
    let said = nobody.run(&["flag", "on", "dark-mode", "-e", "staging"]).ends(4);
    assert!(said.err.contains("whoami"), "{}", said.err);
    let said = nobody.run(&["whoami", "-o", "json"]).ends(0);
    assert_eq!(said.json().get("principal"), Some(&Json::from("anonymous")));
    let stranger = Terminal::at(&daemon.url).with("FLAGSTAFF_TOKEN", "fsp_unknown");
    stranger.run(&["whoami"]).ends(4);
}

#[test]
fn the_changes_of_a_file_are_planned_and_made_together() {
    let work = Work::new();
    let set = r#"[{"op":"setOn","flag":"f","environment":"staging","enabled":true},
                  {"op":"setOn","flag":"f","environment":"production","enabled":true}]"#;
    let plan = work.fed(&["plan", "-f", "-"], set).ends(0).out;
    assert!(plan.contains("2 changes") && plan.contains("--confirm f"), "{plan}");
    work.fed(&["apply", "-f", "-"], set).ends(6);
    assert!(!work.is_on("staging"));
    let done = work.fed(&["apply", "-f", "-", "--confirm", "f", "-o", "json"], set).ends(0).json();
    assert!(work.is_on("staging") && work.is_on("production"));
    work.run(&["revert", &revision(&done), "--dry-run"]).ends(0);
}

#[test]
fn an_environment_is_made_and_edited() {
    let work = Work::new();
    let made =
        work.run(&["env", "create", "qa", "--name", "Tests", "--order", "9", "-o", "json"]).ends(0).json();
    assert!(made.get("credentials").is_some_and(|keys| keys.get("serverKey").is_some()), "{made}");
    work.run(&["env", "edit", "qa"]).ends(2);
    work.run(&["env", "edit", "qa", "--protected", "--reason-required"]).ends(0);
    let list =
        work.run(&["env", "ls", "-o", "csv", "--no-header", "--fields", "key,protected,reason"]).ends(0).out;
    assert!(list.contains("qa,yes,required\r\n"), "{list}");
    let said = work.run(&["flag", "on", "f", "-e", "qa", "--confirm", "f"]).ends(6);
    assert!(said.err.contains("--reason TEXT"), "{}", said.err);
    work.run(&["flag", "on", "f", "-e", "qa", "--confirm", "f", "--reason", "tried"]).ends(0);
}
