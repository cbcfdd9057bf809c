//! Why a context gets what it gets, how often, and the keys of applications: on a terminal.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use nix::sys::signal::Signal;
use shared::json::{Json, parse};

use crate::support::ask::text;
use crate::support::daemon::{Daemon, until};
use crate::support::home::{Home, Launch};
use crate::support::program::Terminal as Program;
use crate::support::terminal::Terminal;

const FLAG: &str = "request-timeout-seconds";

/// Opens the question why about [`FLAG`] in staging, and asks it for a context.
fn ask(terminal: &mut Terminal, context: &str) {
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r", "w"]);
    terminal.wait_for(&format!("Why > {FLAG}"));
    terminal.keys(context);
    terminal.press(&["\r"]);
    terminal.wait_for("SERVES");
}

/// The program as the owner, by the socket.
fn owner(daemon: &Daemon, size: (u16, u16)) -> Launch {
    let address = format!("unix:{}", daemon.socket.display());
    Launch { size, arguments: vec!["-H".to_owned(), address], ..Launch::default() }
}

/// What an application reports, as LaunchDarkly's server SDKs send it. The status.
fn report(daemon: &Daemon, key: &str, events: &str) -> u16 {
    let mut stream = TcpStream::connect(daemon.url.trim_start_matches("http://")).unwrap();
    let request = format!(
        "POST /bulk HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n\
         User-Agent: NodeJSClient/7.0.2\r\nX-LaunchDarkly-Event-Schema: 4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{events}",
        events.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Now, as SDKs write it.
#[allow(clippy::disallowed_methods, reason = "what an application reports has just happened")]
fn now_millis() -> i128 {
    time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000
}

#[test]
fn every_step_is_told_and_another_answer_follows_a_change_by_itself() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let rule = r#"[{"op":"patchConfig","flag":"request-timeout-seconds","environment":"staging","patch":[
        {"op":"add","path":"/rules","value":[{"id":"pros","variation":1,"clauses":[
            {"attribute":"plan","op":"in","values":["pro"]}]}]}]}]"#;
    daemon.change_easily(rule);
    let mut terminal = home.open_as(&Launch::sized(80, 24));
    ask(&mut terminal, "anna plan=free");
    for said in
        ["rule 1  pros", "plan = pro", "saw \"free\"", "no target and no rule matches", "BECAUSE  rev "]
    {
        assert!(terminal.text().contains(said), "{said}\n{}", terminal.text());
    }
    // Another context is asked about; and what would be with one more attribute.
    terminal.press(&["c"]);
    terminal.keys("\x15anna plan=pro");
    terminal.press(&["\r"]);
    terminal.wait_for("rule 1 (pros) matches");
    terminal.press(&["w"]);
    terminal.wait_for("What if >");
    terminal.keys("plan=");
    terminal.press(&["\r"]);
    terminal.wait_for("if plan=");
    terminal.wait_for("default: no target, no rule");
    terminal.wait_for("turned off");
    terminal.press(&["2"]);
    terminal.wait_for("production");
    terminal.wait_for("staging (here)");
    terminal.press(&["1"]);
    terminal.wait_for("rule 1 (pros) matches");
    // Somebody turns it off: the answer changes under the eyes.
    daemon.turn(FLAG, "staging", false);
    terminal.wait_for("off: nothing else is looked at");
    // And as it was before.
    terminal.press(&["a"]);
    terminal.keys(&(daemon.revision() - 1).to_string());
    terminal.press(&["\r"]);
    terminal.wait_for("rule 1 (pros) matches");
    terminal.press(&["q"]);
    terminal.send(b"q");
    assert_eq!(terminal.wait_end(), 0);
    for file in home.files("state") {
        let kept = std::fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&kept).contains("anna"), "{} keeps the context", file.display());
    }
}

#[test]
fn a_new_key_is_shown_once_works_and_is_kept_nowhere() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open_as(&owner(&daemon, (80, 24)));
    terminal.press(&["g", "e"]);
    terminal.wait_for("Environments");
    terminal.press(&["c"]);
    terminal.wait_for("SDK keys > staging");
    terminal.press(&["a"]);
    terminal.wait_for("New key");
    terminal.press(&["\x18"]);
    terminal.wait_for("Review:");
    terminal.press(&["\r"]);
    terminal.wait_for("shown only now");
    let shown = terminal.text();
    let secret =
        shown.lines().map(str::trim).find(|row| row.starts_with("sdk-")).unwrap_or_default().to_owned();
    assert!(secret.len() > 30 && !secret.contains('…'), "{shown}");
    terminal.press(&["y", "v"]);
    terminal.wait_for("terminal's clipboard");
    let copied = terminal.view().told().copied.last().cloned().unwrap_or_default();
    let copied = base64::engine::general_purpose::STANDARD.decode(copied).unwrap();
    assert_eq!(String::from_utf8_lossy(&copied), secret);
    assert_eq!(report(&daemon, &secret, "[]"), 202);
    terminal.press(&["\x1b"]);
    terminal.wait_gone(&secret);
    terminal.press(&["@"]);
    terminal.wait_for("POST");
    assert!(!terminal.text().contains(&secret), "{}", terminal.text());
    terminal.press(&["\x1b"]);
    // Two keys work side by side for the grace that was asked for.
    terminal.press(&["r"]);
    terminal.wait_for("Old keys end after");
    terminal.press(&["\t"]);
    terminal.keys("\x152h");
    terminal.press(&["\x18"]);
    terminal.wait_for("Review:");
    terminal.press(&["\r"]);
    terminal.wait_for("shown only now");
    terminal.press(&["\x1b"]);
    terminal.wait_for("ends in 1h");
    assert_eq!(report(&daemon, &secret, "[]"), 202);
    // Revoked, it is refused at once.
    terminal.keys("j");
    terminal.press(&["x"]);
    terminal.wait_for("Review:");
    terminal.press(&["\r"]);
    terminal.wait_gone("ends in");
    until("the key is refused", || report(&daemon, &secret, "[]") == 401);
    terminal.signal(Signal::SIGTERM);
    terminal.wait_end();
    for folder in ["state", "cache", "data", "config"] {
        for file in home.files(folder) {
            let kept = std::fs::read(&file).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&kept).contains(&secret), "{} keeps the key", file.display());
        }
    }
    assert!(!daemon.log().contains(&secret));
}

#[test]
fn what_applications_report_stands_beside_the_steps_and_their_contexts_can_be_asked_about() {
    let daemon = Daemon::own();
    let program = Program::at(&format!("unix:{}", daemon.socket.display()));
    let made = program.run(&["env", "credentials", "create", "staging", "--yes"]).ends(0);
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("sdk-") && made.err.contains("only time"), "{made:?}");
    let config = daemon.config(FLAG, "staging");
    let served = config.get("fallthrough").and_then(|f| f.get("variation")).and_then(Json::as_i64).unwrap();
    let version = daemon.get(&format!("/api/flags/{FLAG}/config/staging"));
    let version = version.get("version").and_then(Json::as_i64).unwrap();
    let now = now_millis();
    let events = format!(
        r#"[{{"kind":"summary","startDate":{now},"endDate":{now},"features":{{"{FLAG}":{{"default":1,"contextKinds":["user"],
            "counters":[{{"variation":{served},"version":{version},"value":1,"count":1234}}]}}}}}},
           {{"kind":"index","creationDate":{now},"context":{{"kind":"user","key":"zoe","plan":"pro"}}}}]"#
    );
    assert_eq!(report(&daemon, &key, &events), 202);
    until("the evaluations are counted", || {
        let usage = daemon.get(&format!("/api/flags/{FLAG}/usage?environment=staging"));
        usage.get("total").and_then(Json::as_i64) == Some(1234)
    });
    let said = program.run(&["usage", FLAG, "-e", "staging", "-o", "json"]).ends(0).json();
    assert_eq!(text(&said, "schema"), "flagstaff.usage/1");
    let first = said.get("items").and_then(Json::as_array).and_then(<[Json]>::first).unwrap();
    assert_eq!(
        (text(first, "step"), first.get("inferred")),
        ("default", Some(&Json::Bool(true))),
        "{said:?}"
    );
    let table = program.run(&["usage", FLAG, "-e", "staging"]).ends(0);
    assert!(table.out.contains("1234") && table.err.contains("1,234 evaluations"), "{table:?}");

    let home = Home::of("alice", &daemon);
    let mut terminal = home.open_as(&owner(&daemon, (100, 30)));
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r", "\r"]);
    terminal.wait_for("EVALS");
    terminal.wait_for("~1.2k");
    terminal.wait_for("1.2k in 24 h");
    terminal.wait_for("never evaluated");
    terminal.press(&["w"]);
    terminal.wait_for("Context");
    terminal.press(&["\x1b", "4"]);
    terminal.wait_for("zoe plan=pro");
    terminal.press(&["\r"]);
    terminal.wait_for("SERVES");
    terminal.press(&["q", "q"]);
    terminal.press(&["/"]);
    terminal.keys("\x15evaluated:<1h");
    terminal.press(&["\r"]);
    terminal.press(&["\x12"]);
    terminal.wait_for("1 of ");
    terminal.wait_for(FLAG);
}

#[test]
fn credentials_are_listed_rotated_and_revoked_on_the_command_line() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    let program = Program::at(&format!("unix:{}", daemon.socket.display()));
    let run = |arguments: &[&str]| {
        let mut all = vec!["-p", &project, "env", "credentials"];
        all.extend(arguments);
        program.run(&all)
    };
    let list = || {
        let said = run(&["list", "production", "-o", "json"]).ends(0).json();
        assert_eq!(text(&said, "schema"), "flagstaff.credentials/1");
        said.get("items").and_then(Json::as_array).map(<[Json]>::to_vec).unwrap_or_default()
    };
    let before = list().len();
    let made = run(&["create", "production", "--kind", "mobile", "--yes", "-o", "json"]).ends(0).json();
    assert!(text(&made, "key").starts_with("mob-"), "{made:?}");
    let old = text(&made, "id").to_owned();
    let rotated = run(&["rotate", "production", "--kind", "mobile", "--grace", "1h", "--yes"]).ends(0);
    assert!(rotated.out.starts_with("mob-") && rotated.out.trim() != text(&made, "key"), "{rotated:?}");
    let keys = list();
    assert_eq!(keys.len(), before + 2, "{keys:?}");
    let ends = keys.iter().find(|key| text(key, "id") == old).unwrap();
    assert!(!text(ends, "expiresAt").is_empty(), "{ends:?}");
    assert!(!keys.iter().any(|key| key.to_text().contains(rotated.out.trim())), "masked: {keys:?}");
    let refused = run(&["revoke", "production", &old, "--yes"]);
    assert!(refused.code != 0 && refused.err.contains("--confirm"), "{refused:?}");
    assert_eq!(list().len(), before + 2);
    run(&["revoke", "production", &old, "--confirm", "production"]).ends(0);
    assert_eq!(list().len(), before + 1);
    run(&["revoke", "production", "nothing", "--yes"]).ends(3);
    let plan = run(&["create", "production", "--dry-run", "-o", "json"]).ends(0);
    assert!(plan.json().get("key").is_none(), "{plan:?}");
    assert_eq!(list().len(), before + 1);
    assert!(parse(&plan.out).is_ok());
}
