//! Commands that only look: formats, filters, numbers at the end, and the tail of the history.

use nix::sys::signal::Signal;
use shared::json::{Json, parse};

use crate::support::daemon::Daemon;
use crate::support::program::Terminal;
use flagstaff::request::Method;

fn owner() -> Terminal {
    Terminal::at(&format!("unix:{}", Daemon::shared().socket.display()))
}

#[test]
fn the_list_of_flags_is_written_in_each_format() {
    let terminal = owner();
    let list = |format: &str| terminal.run(&["flag", "ls", "--tag", "payments", "-o", format]).ends(0);
    let table = list("table").out;
    assert!(table.starts_with("KEY"), "{table}");
    assert!(table.lines().all(|line| !line.contains('\x1b') && line == line.trim_end()), "{table}");
    let names: Vec<String> = list("name").out.lines().map(ToOwned::to_owned).collect();
    assert_eq!(table.lines().count(), names.len() + 1);
    let json = list("json").json();
    assert_eq!(json.get("schema"), Some(&Json::from("flagstaff.flags/1")));
    let items = json.get("items").and_then(Json::as_array).unwrap().to_vec();
    let keys: Vec<&str> = items.iter().map(|flag| flag.get("key").unwrap().as_str().unwrap()).collect();
    assert_eq!(keys, names);
    let lines = list("jsonl").out;
    for (line, item) in lines.lines().zip(&items) {
        let mut line = parse(line).unwrap();
        assert_eq!(line.remove("schema"), Some(Json::from("flagstaff.flags/1")));
        assert_eq!(&line, item);
    }
    assert_eq!(lines.lines().count(), names.len());
    let csv = list("csv").out;
    assert!(csv.starts_with("key,type,staging,production,tags,name,updated,by\r\n"), "{csv}");
    assert_eq!(csv.lines().count(), names.len() + 1);
    assert!(list("yaml").out.starts_with("schema: flagstaff.flags/1\n"));
}

#[test]
fn fields_choose_members_and_columns() {
    let terminal = owner();
    let fields = "key,environments.staging.enabled";
    let json =
        terminal.run(&["flag", "get", "checkout-redesign", "-o", "json", "--fields", fields]).ends(0).json();
    assert_eq!(
        json.to_text(),
        r#"{"schema":"flagstaff.flag/1","key":"checkout-redesign","environments.staging.enabled":true}"#
    );
    let arguments =
        ["flag", "ls", "--tag", "checkout", "-o", "csv", "--no-header", "--fields", "staging,key"];
    let csv = terminal.run(&arguments).ends(0).out;
    assert!(csv.contains("50%,checkout-redesign\r\n"), "{csv}");
}

#[test]
fn numbers_keep_the_text_they_were_written_with() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    let flags = format!("/api/projects/{project}/flags");
    daemon.must(
        Method::Post,
        &flags,
        r#"{"key":"ratio","type":"number","variations":[{"value":1.0},{"value":1e2}]}"#,
    );
    let said = owner().run(&["-p", &project, "flag", "get", "ratio", "-o", "json"]).ends(0);
    assert!(said.out.contains("1.0") && said.out.contains("1e2"), "{}", said.out);
}

#[test]
fn what_is_not_there_ends_with_three_and_errors_are_json_where_json_is_asked_for() {
    let terminal = owner();
    let said = terminal.run(&["flag", "get", "no-such-flag"]).ends(3);
    assert!(said.out.is_empty() && said.err.contains("there is no flag no-such-flag"), "{said:?}");
    let said = terminal.run(&["flag", "get", "no-such-flag", "-o", "json"]).ends(3);
    let error = parse(said.err.trim()).unwrap();
    let error = error.get("error").unwrap();
    assert_eq!(error.get("code"), Some(&Json::from("not-found")));
    assert!(error.get("requestId").and_then(Json::as_str).is_some_and(|id| !id.is_empty()), "{error}");
    terminal.run(&["flag", "get", "x", "--nonsense"]).ends(2);
    let said = terminal.run(&["flag", "get", "x", "--nonsense", "-o", "json"]).ends(2);
    assert_eq!(parse(said.err.trim()).unwrap().get("error").unwrap().get("code"), Some(&Json::from("usage")));
}

#[test]
fn without_a_command_and_without_a_terminal_there_is_help_and_two() {
    let said = owner().run(&[]).ends(2);
    assert!(said.out.is_empty() && said.err.contains("Usage: flagstaff"), "{said:?}");
    assert!(owner().run(&["--version"]).ends(0).out.starts_with("flagstaff "));
}

#[test]
fn environments_that_differ_end_with_one_when_that_is_asked() {
    let terminal = owner();
    let diff = |more: &[&str]| {
        let mut arguments = vec!["env", "diff", "staging", "production", "-q", "checkout-redesign"];
        arguments.extend(more);
        terminal.run(&arguments)
    };
    assert!(diff(&[]).ends(0).out.contains("checkout-redesign"));
    diff(&["--exit-code"]).ends(1);
    let said =
        diff(&["--exit-code", "--ignore", "/fallthrough", "--ignore", "/rules", "--ignore", "/targets"]);
    assert!([0, 1].contains(&said.code), "{said:?}");
    let same = ["env", "diff", "staging", "staging2", "--exit-code"];
    terminal.run(&same).ends(3);
}

#[test]
fn a_segment_contains_whom_its_rules_say() {
    let terminal = owner();
    let ask = |more: &[&str]| {
        let mut arguments = vec!["segment", "contains", "employees", "-e", "staging"];
        arguments.extend(more);
        terminal.run(&arguments).code
    };
    assert_eq!(ask(&["user-qa-robot"]), 0);
    assert_eq!(ask(&["nobody-we-know"]), 1);
    assert_eq!(ask(&["--context", r#"{"kind":"user","key":"x","email":"x@example.test"}"#]), 0);
    assert_eq!(ask(&["--context", r#"{"kind":"user"}"#]), 2);
}

#[test]
fn nobody_who_reads_our_output_gets_a_panic() {
    let script = "flagstaff api GET /api/openapi.json 2>err | head -c 1 >/dev/null; cat err";
    let terminal = owner();
    let folder =
        std::path::Path::new(env!("CARGO_BIN_EXE_flagstaff")).parent().unwrap().display().to_string();
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(script).current_dir(terminal.home()).env_clear();
    for (name, value) in terminal.environment() {
        shell.env(&name, if name == "PATH" { format!("{folder}:{value}") } else { value });
    }
    let output = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn the_history_is_listed_verified_and_shown() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    let flags = format!("/api/projects/{project}/flags");
    daemon.must(Method::Post, &flags, r#"{"key":"f","type":"boolean"}"#);
    let toggle = format!("{flags}/f/toggle?comment=because");
    let done = daemon.must(Method::Post, &toggle, r#"{"environment":"staging","enabled":true}"#);
    let revision = done.get("revision").unwrap().to_text();
    let terminal = owner();
    let list = terminal.run(&["-p", &project, "audit", "ls", "--flag", "f"]).ends(0).out;
    let first = list.lines().nth(1).unwrap();
    assert!(
        first.starts_with(&revision) && first.contains("/on false -> true") && first.ends_with("because"),
        "{list}"
    );
    let shown = terminal.run(&["audit", "show", &revision]).ends(0).out;
    assert!(shown.contains("config f in staging: turned-on"), "{shown}");
    let hash = terminal.run(&["audit", "show", &revision, "-o", "json"]).ends(0).json();
    let hash = hash.get("hash").unwrap().as_str().unwrap().to_owned();
    terminal.fed(&["audit", "verify", "--anchor", "-"], &format!("# kept\n{revision} {hash}\n")).ends(0);
    let wrong = format!("{revision} {}\n", "0".repeat(64));
    let said = terminal.fed(&["audit", "verify", "--anchor", "-"], &wrong).ends(1);
    assert!(said.out.contains("was 000"), "{}", said.out);
}

#[test]
fn the_tail_goes_on_across_a_killed_daemon_and_tells_each_change_once() {
    let mut daemon = Daemon::start();
    let project = daemon.project();
    let flags = format!("/api/projects/{project}/flags");
    daemon.must(Method::Post, &flags, r#"{"key":"f","type":"boolean"}"#);
    let address = format!("unix:{}", daemon.socket.display());
    let terminal = Terminal::at(&address);
    let arguments =
        ["-p", &project, "audit", "tail", "-f", "-n", "1", "-o", "jsonl", "--fields", "revision,action"];
    let mut tail = terminal.start(&arguments);
    let revision = |line: &str| parse(line).unwrap().get("revision").unwrap().as_i64().unwrap();
    revision(&tail.line());
    let toggle = |daemon: &Daemon| {
        let body = r#"{"environment":"staging"}"#;
        daemon
            .must(Method::Post, &format!("{flags}/f/toggle"), body)
            .get("revision")
            .unwrap()
            .as_i64()
            .unwrap()
    };
    let made = [toggle(&daemon), toggle(&daemon)];
    assert_eq!([revision(&tail.line()), revision(&tail.line())], made);
    daemon.kill();
    daemon.start_again();
    let made = [toggle(&daemon), toggle(&daemon)];
    assert_eq!([revision(&tail.line()), revision(&tail.line())], made);
    assert_eq!(tail.end(Signal::SIGINT), 130);
    assert_eq!(terminal.start(&arguments).end(Signal::SIGTERM), 143);
}

#[test]
fn waiting_ends_when_everybody_has_it_and_with_one_when_the_time_is_over() {
    let terminal = owner();
    terminal.run(&["wait", "--rev", "1", "--for", "5s"]).ends(0);
    let said = terminal.run(&["wait", "--rev", "999999999", "--for", "300ms", "-o", "json"]).ends(1);
    assert_eq!(said.json().get("arrived"), Some(&Json::Bool(false)));
}

#[test]
fn any_request_can_be_sent() {
    let terminal = owner();
    let said = terminal.run(&["api", "GET", "flags?limit=1", "-i"]).ends(0);
    assert_eq!(said.json().get("items").unwrap().as_array().unwrap().len(), 1);
    assert!(said.err.starts_with("HTTP 200\n"), "{}", said.err);
    let csv = terminal.run(&["api", "GET", "/api/audit?limit=2", "--accept", "text/csv"]).ends(0).out;
    assert!(csv.starts_with("revision,position,"), "{csv}");
    terminal.run(&["api", "POST", "flags", "-d", "{"]).ends(2);
    terminal.run(&["api", "BREW", "flags"]).ends(2);
}

#[test]
fn flags_are_found_by_the_query_language() {
    let terminal = owner();
    let found = |query: &str| terminal.run(&["flag", "ls", "-o", "name", "--filter", query]).ends(0).out;
    assert!(found("tag:checkout off:production").contains("checkout-express-pay\n"));
    assert!(!found("tag:checkout on:production").contains("checkout-express-pay\n"));
    let said = terminal.run(&["flag", "ls", "--filter", "tag:("]).ends(2);
    assert!(said.err.contains("filter"), "{}", said.err);
}

#[test]
fn the_keys_of_the_screen_are_listed_and_a_wrong_key_file_is_found_out() {
    let terminal = Terminal::new();
    assert!(terminal.run(&["keys", "--markdown"]).ends(0).out.contains("| `flags.toggle` | `space` |"));
    terminal.run(&["keys", "--check"]).ends(0);
    std::fs::create_dir_all(terminal.config().parent().unwrap()).unwrap();
    std::fs::write(terminal.config().with_file_name("keys.toml"), "[flags]\ntoggel = [\"x\"]\n").unwrap();
    let said = terminal.run(&["keys", "--check"]).ends(2);
    assert!(said.err.contains("line 2"), "{}", said.err);
}
