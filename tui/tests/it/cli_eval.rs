//! `flagstaff eval`: answers from a file, from lines and from the daemon.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use shared::json::Json;

use crate::support::daemon::Daemon;
use crate::support::program::Terminal;
use flagstaff::request::Method;

const PAYLOAD: &str = r#"{"path":"/","data":{"flags":{
    "colour":{"key":"colour","version":7,"on":true,"salt":"s","variations":["red","blue"],"offVariation":1,
        "fallthrough":{"rollout":{"variations":[{"variation":0,"weight":100000}]}},
        "rules":[{"id":"beta","variation":1,"clauses":[{"attribute":"","op":"segmentMatch","values":["beta"]}]}]},
    "ratio":{"key":"ratio","on":false,"variations":[1.50],"offVariation":0},
    "broken":{"key":"broken","variations":7}},
    "segments":{"beta":{"key":"beta","included":["anna"]}}}}"#;

fn file(terminal: &Terminal) -> String {
    let file = terminal.home().join("payload.json");
    std::fs::write(&file, PAYLOAD).unwrap();
    file.display().to_string()
}

#[test]
fn a_payload_in_a_file_is_evaluated_without_a_daemon() {
    let terminal = Terminal::at("http://127.0.0.1:9");
    let file = file(&terminal);
    let said = terminal.run(&["eval", "--data", &file, "colour", "--context", "anna", "-o", "json"]).ends(0);
    let expected = r#"{"schema":"flagstaff.evaluation/1","flag":"colour","value":"blue","variationIndex":1,"reason":{"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"beta"}}"#;
    assert_eq!(said.json().to_text(), expected);
    assert!(said.err.contains("/data/flags/broken/variations"), "{}", said.err);
    let context = r#"{"kind":"org","key":"acme"}"#;
    let said = terminal.run(&["eval", "--data", &file, "colour", "-c", context, "--explain"]).ends(0);
    for line in ["✗ rule 1 (beta)", "✗ segment beta", "→ fallthrough: variation 0", "of 0 to 1"] {
        assert!(said.out.contains(line), "{line} is missing:\n{}", said.out);
    }
    std::fs::write(terminal.home().join("who.json"), r#"{"key":"anna"}"#).unwrap();
    let who = format!("@{}", terminal.home().join("who.json").display());
    let ask = |key: &str, who: &str, expected: &str| {
        terminal.run(&["eval", "--data", &file, key, "-c", who, "--expect", expected]).code
    };
    assert_eq!((ask("colour", &who, "blue"), ask("colour", &who, "\"blue\"")), (0, 0));
    assert_eq!((ask("colour", &who, "red"), ask("ratio", &who, "1.5")), (1, 0));
    assert_eq!((ask("broken", &who, "red"), ask("none", &who, "red")), (1, 3));
    assert_eq!((ask("colour", r#"{"kind":"user"}"#, "red"), ask("colour", "{", "red")), (2, 2));
    let all = terminal.run(&["eval", "--data", &file, "-o", "jsonl"]).ends(0).out;
    assert_eq!(all.lines().count(), 3);
    assert!(all.contains(r#""flag":"ratio","value":1.50"#), "{all}");
    terminal.run(&["eval", "--data", &file, "colour", "--env", "staging"]).ends(2);
    assert_eq!(terminal.fed(&["eval", "--data", "-", "colour", "-c", "anna"], PAYLOAD).code, 0);
    let said = terminal.fed(&["eval", "--data", "-", "colour", "-c", "@-"], PAYLOAD).ends(2);
    assert!(said.err.contains("standard input can be only one of --data and --context"), "{}", said.err);
    let said = terminal.run(&["eval", "--data", &file, "colour", "-c", "anna"]).ends(0);
    assert!(said.out.contains("RULE_MATCH rule 1 (beta)"), "{}", said.out);
}

#[test]
fn lines_are_answered_one_by_one_while_somebody_waits() {
    let terminal = Terminal::new();
    let mut command = terminal.command(&["eval", "--jsonl"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut ask = |line: &str| {
        writeln!(to, "{line}").unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        answer
    };
    let flags = r#""flags":{"f":{"key":"f","on":false,"variations":[1.0],"offVariation":0}},"segments":{}"#;
    let served = "{\"value\":1.0,\"variationIndex\":0,\"reason\":{\"kind\":\"OFF\"}}\n";
    for _ in 0..3 {
        assert_eq!(ask(&format!(r#"{{{flags},"flagKey":"f","context":{{"key":"u"}}}}"#)), served);
    }
    assert!(ask("what?").contains("EXCEPTION"));
    assert!(
        ask(&format!(r#"{{{flags},"flagKey":"f","context":{{"kind":7}}}}"#)).contains("USER_NOT_SPECIFIED")
    );
    drop(to);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 4"), "{output:?}");
}

#[test]
fn a_file_of_lines_ends_with_zero_where_each_was_a_question() {
    let terminal = Terminal::new();
    let file = terminal.home().join("lines.jsonl");
    std::fs::write(&file, "{\"flags\":{},\"flagKey\":\"f\",\"context\":{\"key\":\"u\"}}\n\n".repeat(500))
        .unwrap();
    let said = terminal.run(&["eval", "--jsonl", &file.display().to_string()]).ends(0);
    assert_eq!(said.out.lines().count(), 500);
    assert!(said.out.lines().all(|line| line.contains("FLAG_NOT_FOUND")));
    terminal.run(&["eval", "--jsonl", "nowhere.jsonl"]).ends(2);
}

#[test]
fn the_daemon_answers_what_it_serves_and_what_it_served() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    let flags = format!("/api/projects/{project}/flags");
    daemon.must(
        Method::Post,
        &flags,
        r#"{"key":"ratio","type":"number","variations":[{"value":1.0},{"value":2e0}]}"#,
    );
    let toggle = format!("{flags}/ratio/toggle");
    daemon.must(Method::Post, &toggle, r#"{"environment":"staging","enabled":true}"#);
    let env = "staging";
    let terminal = Terminal::at(&format!("unix:{}", daemon.socket.display()));
    let ask = |more: &[&str]| {
        let mut arguments = vec!["-p", &project, "eval", "ratio", "--env", env];
        arguments.extend(more);
        terminal.run(&arguments)
    };
    let said = ask(&["--context", "anna", "-o", "json"]).ends(0);
    assert!(said.out.contains("1.0"), "{}", said.out);
    assert_eq!(said.json().get("reason").unwrap().get("kind"), Some(&Json::from("FALLTHROUGH")));
    assert!(ask(&["--explain"]).ends(0).out.contains("→ fallthrough: variation 0"));
    assert_eq!((ask(&["--expect", "1"]).code, ask(&["--expect", "2"]).code), (0, 1));
    let before = said.json().get("because").is_none();
    assert!(before);
    terminal.run(&["-p", &project, "eval", "none", "--env", env]).ends(3);
    terminal.run(&["-p", &project, "eval", "ratio", "--env", "nowhere"]).ends(3);
    daemon.must(Method::Delete, &format!("{flags}/ratio"), "{}");
    let said = ask(&[]).ends(3);
    assert!(said.err.contains("ratio is archived, so SDKs do not know it"), "{}", said.err);
    daemon.must(Method::Post, &format!("{flags}/ratio/restore"), "{}");
    ask(&["--at", "yesterday"]).ends(2);
    ask(&["--at", "999999"]).ends(2);
}
