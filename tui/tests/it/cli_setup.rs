//! Profiles, tokens, the doctor, and what is made of the commands' descriptions.

use std::os::unix::fs::PermissionsExt;

use flagstaff::drafts;
use flagstaff::effect::Draft;
use flagstaff::route::Document;
use shared::json::Json;

use crate::support::daemon::Daemon;
use crate::support::program::Terminal;

#[test]
fn profiles_are_added_used_listed_and_removed() {
    let daemon = Daemon::shared();
    let terminal = Terminal::new();
    let socket = format!("unix:{}", daemon.socket.display());
    terminal.run(&["profile", "add", "here", &socket, "--env", "staging"]).ends(0);
    terminal.run(&["profile", "add", "demo", &daemon.url, "--user", "alice"]).ends(0);
    terminal.run(&["profile", "add", "here", &socket]).ends(2);
    // The first one is the default one.
    let me = terminal.run(&["whoami", "-o", "json"]).ends(0).json();
    assert_eq!(me.get("credential"), Some(&Json::from("socket")));
    assert!(terminal.run(&["segment", "ls", "-o", "name"]).ends(0).out.contains("employees"));
    terminal.run(&["profile", "use", "demo"]).ends(0);
    let me = terminal.run(&["whoami", "-o", "json"]).ends(0).json();
    assert_eq!(me.get("principal"), Some(&Json::from("user:alice")));
    let list = terminal.run(&["profile", "ls"]).ends(0).out;
    assert!(list.lines().any(|line| line.starts_with("demo") && line.contains("default")), "{list}");
    let said = terminal.run(&["-P", "her", "whoami"]).ends(2);
    assert!(said.err.contains("there are demo, here"), "{}", said.err);
    terminal.run(&["profile", "rm", "demo"]).ends(0);
    assert_eq!(terminal.run(&["profile", "ls", "-o", "name"]).ends(0).out, "here\n");
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_line() {
    let terminal = Terminal::new();
    std::fs::create_dir_all(terminal.config().parent().unwrap()).unwrap();
    std::fs::write(terminal.config(), "[ui]\nwrites_minuts = 5\n").unwrap();
    let said = terminal.run(&["whoami"]).ends(2);
    assert!(
        said.err.contains("config.toml line 2: there is no key `ui.writes_minuts`; did you mean"),
        "{}",
        said.err
    );
}

#[test]
fn a_token_is_kept_once_the_daemon_took_it_and_forgotten_again() {
    let daemon = Daemon::shared();
    let owner = Terminal::at(&format!("unix:{}", daemon.socket.display()));
    let token = owner.run(&["token", "create", "laptop", "--expires", "1d"]).ends(0).out;
    let terminal = Terminal::new();
    terminal.run(&["login"]).ends(2);
    terminal.run(&["profile", "add", "demo", &daemon.url]).ends(0);
    terminal.fed(&["login"], "fsp_notone\n").ends(4);
    let said = terminal.fed(&["login"], &token).ends(0);
    assert!(said.out.contains("signed in as os:") && !said.out.contains(token.trim()), "{}", said.out);
    let file = terminal.state().join("tokens/demo");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let me = terminal.run(&["whoami", "-o", "json"]).ends(0).json();
    assert!(me.get("credential").unwrap().as_str().unwrap().starts_with("token:"), "{me}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = terminal.run(&["whoami"]).ends(4);
    assert!(said.err.contains("chmod 600") && !said.err.contains(token.trim()), "{}", said.err);
    terminal.run(&["logout"]).ends(0);
    let me = terminal.run(&["whoami", "-o", "json"]).ends(0).json();
    assert_eq!(me.get("principal"), Some(&Json::from("anonymous")));
    let list = owner.run(&["token", "ls", "-o", "json"]).ends(0).json();
    let tokens = list.get("items").unwrap().as_array().unwrap().to_vec();
    let ours = tokens.iter().find(|t| t.get("name") == Some(&Json::from("laptop"))).unwrap();
    let id = ours.get("id").unwrap().as_str().unwrap();
    owner.run(&["token", "revoke", id]).ends(0);
    Terminal::at(&daemon.url).with("FLAGSTAFF_TOKEN", token.trim()).run(&["whoami"]).ends(4);
}

#[test]
fn a_token_is_never_sent_where_others_can_read_it() {
    let terminal = Terminal::at("http://flags.example.test:3001").with("FLAGSTAFF_TOKEN", "fsp_secret");
    let said = terminal.run(&["whoami"]).ends(2);
    assert!(said.err.contains("not sent to http://flags.example.test:3001"), "{}", said.err);
    assert!(!said.err.contains("fsp_secret"));
}

#[test]
fn the_doctor_says_what_works_and_what_does_not() {
    let daemon = Daemon::shared();
    let well = Terminal::at(&daemon.url).with("LANG", "C.UTF-8");
    let said = well.run(&["doctor"]).ends(0).out;
    for what in ["configuration", "characters", "address", "connecting", "identifying", "health", "clock"] {
        let line = said.lines().find(|line| line.split_whitespace().nth(1) == Some(what));
        assert!(line.is_some_and(|line| line.starts_with("[ok]")), "{what}: {said}");
    }
    assert!(!said.contains("[BAD]"), "{said}");
    let away = Terminal::at("http://127.0.0.1:1").run(&["doctor", "-o", "json"]).ends(7);
    let items = away.json().get("items").unwrap().as_array().unwrap().to_vec();
    assert!(
        items.iter().any(|i| i.get("state") == Some(&Json::from("BAD"))
            && i.get("what") == Some(&Json::from("connecting")))
    );
}

#[test]
fn drafts_on_disk_are_listed_shown_and_thrown_away() {
    let terminal = Terminal::new();
    let folder = drafts::folder(&terminal.state(), "acme", "default");
    let draft = Draft {
        document: Document::Config { flag: "pay".to_owned(), environment: "production".to_owned() },
        text: "{\"on\": true}".to_owned(),
        base: "{}".to_owned(),
        base_revision: 12,
        saved_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    drafts::save(&folder, &draft).unwrap();
    assert_eq!(terminal.run(&["draft", "ls", "-o", "name"]).ends(0).out, "acme/production/pay\n");
    assert_eq!(terminal.run(&["draft", "show", "acme/production/pay"]).ends(0).out, "{\"on\": true}\n");
    terminal.run(&["draft", "show", "../secret"]).ends(3);
    terminal.run(&["draft", "rm", "acme/production/pay"]).ends(0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn shells_get_completions_and_people_manual_pages() {
    let terminal = Terminal::new();
    for (shell, word) in
        [("bash", "_flagstaff()"), ("zsh", "#compdef flagstaff"), ("fish", "complete -c flagstaff")]
    {
        assert!(terminal.run(&["completion", shell]).ends(0).out.contains(word), "{shell}");
    }
    assert!(terminal.run(&["man"]).ends(0).out.contains(".TH flagstaff"));
    terminal.run(&["man", "--dir", "pages"]).ends(0);
    let page = std::fs::read_to_string(terminal.home().join("pages/flagstaff-flag-rollout.1")).unwrap();
    assert!(page.contains("percent"), "{page}");
}
