//! The audit feed: a flood while somebody reads, a stranger's change found and reverted.

use std::time::Instant;

use flagstaff::request::{Method, Request};
use shared::json::{Json, parse};

use crate::support::ask::text;
use crate::support::daemon::{Daemon, block_on};
use crate::support::home::Home;
use crate::support::terminal::View;

/// The keys of flags that have a configuration in staging.
fn flags(daemon: &Daemon, count: usize) -> Vec<String> {
    let page = daemon.get("/api/matrix?environments=staging&limit=500");
    let items = page.get("items").and_then(Json::as_array).expect("items");
    // Without variations there is nothing to be turned on.
    let has_values =
        |item: &&Json| item.get("variations").and_then(Json::as_array).is_some_and(|v| !v.is_empty());
    let keys: Vec<String> =
        items.iter().filter(has_values).take(count).map(|item| text(item, "key").to_owned()).collect();
    assert_eq!(keys.len(), count);
    keys
}

/// How much memory a process has, in MiB.
fn memory(pid: nix::unistd::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[test]
fn five_thousand_changes_move_nothing_under_somebody_who_has_paused() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    daemon.turn("dark-mode", "staging", false);
    daemon.turn("apl", "production", false);
    let keys = flags(&daemon, 50);
    let turn = |on: bool| {
        let one = |key: &String| {
            format!(r#"{{"op":"setOn","flag":"{key}","environment":"staging","enabled":{on}}}"#)
        };
        let all: Vec<String> = keys.iter().map(one).collect();
        daemon.change_easily(&format!("[{}]", all.join(",")));
    };
    // From now on each turn changes all fifty.
    turn(false);
    let mut terminal = home.open();
    terminal.press(&["g", "a"]);
    terminal.wait_for("FOLLOWING");
    terminal.press(&["k"]);
    terminal.wait_for("PAUSED");
    let selected = |view: &View| {
        view.row_with(" > ").unwrap_or_else(|| panic!("no row is selected:\n{}", view.screen().contents()))
    };
    let (row, place) = {
        let view = terminal.view();
        (selected(&view), view.screen().cursor_position())
    };
    assert!(row.contains("production") && row.contains("apl"), "{row}");
    let (frames, started) = (terminal.view().frames(), Instant::now());
    for n in 0..100 {
        turn(n % 2 == 0);
    }
    let last = daemon.revision();
    drop(terminal.wait_until("all of it", |view| {
        view.row(0).contains(&format!("rev {last} ")) && view.row(1).contains("+5,000 new (staging 5,000)")
    }));
    let took = started.elapsed().as_secs_f64();
    let frames = terminal.view().frames() - frames;
    assert!(frames as f64 <= took * 30.5 + 2.0, "{frames} frames in {took} s");
    {
        let view = terminal.view();
        assert_eq!((selected(&view), view.screen().cursor_position()), (row, place));
    }
    let memory = memory(terminal.pid());
    assert!(memory < 150, "{memory} MiB");
    terminal.press(&["p"]);
    terminal.wait_for("FOLLOWING");
    let view = terminal.view();
    let newest = selected(&view);
    assert!(newest.contains("flag.turned-off") && newest.contains("+49"), "{newest}");
    assert!(view.screen().contents().contains(&format!("rev {last}  ")), "{}", view.screen().contents());
}

#[test]
fn a_strangers_change_is_found_and_reverted_and_what_came_later_is_kept() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    let body = parse(
        r#"{"mutations":[{"op":"setOn","flag":"dark-mode","environment":"production","enabled":false}]}"#,
    );
    let turn = Request::new(Method::Post, "/api/change-sets").with_body(body.unwrap());
    let turn = turn.with_query("confirm", "dark-mode").with_query("comment", "oops");
    block_on(async { daemon.user("bob").send(turn).await }).expect("bob turns it off");
    let oops = daemon.revision();
    daemon.change(
        r#"[{"op":"patchConfig","flag":"dark-mode","environment":"production",
             "patch":[{"op":"replace","path":"/offVariation","value":0}]}]"#,
    );
    terminal.press(&["g", "a", "/"]);
    terminal.keys("actor:bob");
    terminal.press(&["\r"]);
    terminal.wait_for("oops");
    terminal.press(&["R"]);
    terminal.wait_for("press ! to open");
    assert!(!daemon.is_on("dark-mode", "production"));
    terminal.press(&["!", "R"]);
    terminal.wait_for(&format!("Review: revert revision {oops}"));
    terminal.wait_for("Type  dark-mode  to apply in PRODUCTION");
    terminal.press(&["\r"]);
    terminal.keys("dark-mode");
    terminal.press(&["\r"]);
    terminal.wait_gone("Review:");
    let now = daemon.config("dark-mode", "production");
    assert_eq!(now.get("on"), Some(&Json::Bool(true)), "{}", now.to_text());
    assert_eq!(now.get("offVariation").and_then(Json::as_i64), Some(0), "{}", now.to_text());
    let revert = daemon.audit_after(oops + 1);
    assert_eq!(revert.len(), 1);
    assert_eq!((text(&revert[0], "kind"), text(&revert[0], "actor")), ("revert", "user:alice"));
    let verified = daemon.must(Method::Post, "/api/audit/verify", "");
    assert_eq!(verified.get("intact"), Some(&Json::Bool(true)), "{}", verified.to_text());
}
