//! The editor: what is typed is checked, kept and applied as it was typed.

use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use shared::json::Json;

use crate::support::ask::text;
use crate::support::daemon::{Daemon, beside, until};
use crate::support::home::{Home, Launch};
use crate::support::terminal::Terminal;
use crate::support::wire::Wire;

const FLAG: &str = "request-timeout-seconds";
const REVIEW: &str = "\x18";

/// Opens the editor on the configuration of [`FLAG`] in staging.
fn edit(terminal: &mut Terminal) {
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r", "e"]);
    terminal.wait_for(&format!("Edit {FLAG} @ staging"));
    terminal.wait_for("offVariation");
}

/// Moves the caret down so many lines and to the end of the line.
fn to_the_end_of_line(terminal: &mut Terminal, line: usize) {
    terminal.keys(&"\x1b[B".repeat(line - 1));
    terminal.keys("\x1b[F");
}

#[test]
fn an_error_is_shown_at_its_line_and_nothing_is_saved_before_it_is_mended() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    edit(&mut terminal);
    let before = daemon.revision();
    to_the_end_of_line(&mut terminal, 6);
    terminal.keys(",");
    terminal.paste(
        "\n  \"rules\": [{\"variation\": 1, \"clauses\": [{\"attribute\": \"score\", \"op\": \"in\", \
         \"values\": [1.50, 0.10, oops]}]}]",
    );
    terminal.wait_for("1 error");
    terminal.press(&[REVIEW]);
    terminal.wait_for("not yet:");
    let caret = terminal.view().row_with("!  ").unwrap_or_default();
    assert!(caret.contains('^'), "{}", terminal.text());
    assert!(!terminal.text().contains("Review:"));
    assert_eq!(daemon.revision(), before);
    // The caret stands on the fault.
    terminal.keys(&"\x1b[3~".repeat(4));
    terminal.keys("7");
    terminal.wait_gone("1 error");
    terminal.press(&[REVIEW]);
    terminal.wait_for("Review:");
    assert_eq!(daemon.revision(), before);
    terminal.press(&["\r"]);
    terminal.wait_for("(rev ");
    let config = daemon.config(FLAG, "staging").to_text();
    assert!(config.contains("[1.50,0.10,7]"), "{config}");
    assert_eq!(daemon.audit_after(before).len(), 1);
    assert_eq!(home.files("state").len(), 0, "the draft is gone: {:?}", home.files("state"));
}

#[test]
fn what_was_typed_when_the_program_was_killed_is_offered_again() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    edit(&mut terminal);
    to_the_end_of_line(&mut terminal, 4);
    terminal.keys("\x7f");
    terminal.keys("2");
    terminal.wait_for("draft saved");
    terminal.wait_gone("saving draft");
    terminal.signal(Signal::SIGKILL);
    terminal.wait_end();
    let mut terminal = home.open();
    terminal.wait_for("1 unsent draft");
    edit(&mut terminal);
    terminal.wait_for("this is your draft");
    assert!(terminal.text().contains("\"variation\": 2"), "{}", terminal.text());
    // What was typed last is kept when the terminal goes away, too.
    to_the_end_of_line(&mut terminal, 4);
    terminal.keys("\x7f");
    terminal.send(b"1");
    terminal.wait_for("\"variation\": 1");
    terminal.signal(Signal::SIGHUP);
    assert_eq!(terminal.wait_end(), 129);
    let mut terminal = home.open();
    edit(&mut terminal);
    assert!(terminal.text().contains("\"variation\": 1"), "{}", terminal.text());
    terminal.press(&[REVIEW]);
    terminal.wait_for("Review:");
    terminal.press(&["\r"]);
    terminal.wait_for("(rev ");
    let served = daemon.config(FLAG, "staging").get("fallthrough").map(Json::to_text);
    assert_eq!(served.as_deref(), Some(r#"{"variation":1}"#));
    assert_eq!(home.files("state").len(), 0, "the draft is gone: {:?}", home.files("state"));
}

#[test]
fn a_write_whose_answer_is_lost_is_told_as_applied_or_not_and_is_never_sent_again() {
    let daemon = Daemon::own();
    let wire = Wire::to(&daemon.url);
    let home = Home::leading_to("alice", &wire.url);
    let mut terminal = home.open();
    let change = |terminal: &mut Terminal, to: &str| {
        edit(terminal);
        to_the_end_of_line(terminal, 4);
        terminal.keys("\x7f");
        terminal.keys(to);
        terminal.press(&[REVIEW]);
        terminal.wait_for("Review:");
    };
    let before = daemon.revision();
    change(&mut terminal, "1");
    wire.lose_answers();
    terminal.send(b"\r");
    until("it is applied", || daemon.revision() == before + 1);
    wire.cut();
    terminal.wait_for(&format!("(rev {})", before + 1));
    terminal.wait_for("LIVE");
    terminal.wait_gone("Review:");

    // Clears the filter.
    terminal.keys("\x1b");
    terminal.wait_for("59 of 59");
    change(&mut terminal, "0");
    wire.lose_requests();
    terminal.send(b"\r");
    terminal.wait_for("applying ..");
    // Impatience is no second change.
    terminal.send(b"\r\r");
    until("it has left the program", || wire.lost().contains("idempotency-key"));
    wire.cut();
    terminal.wait_for("was not applied");
    terminal.wait_for("LIVE");
    terminal.wait_idle();
    assert_eq!(daemon.revision(), before + 1);
    assert_eq!(daemon.audit_after(before).len(), 1);
}

#[test]
fn two_people_edit_one_flag_and_both_edits_live() {
    let daemon = Daemon::own();
    let (alices, bobs) = (Home::of("alice", &daemon), Home::of("bob", &daemon));
    let mut alice = alices.open();
    let mut bob = bobs.open();
    edit(&mut alice);
    edit(&mut bob);
    let before = daemon.revision();
    to_the_end_of_line(&mut alice, 4);
    alice.keys("\x7f");
    alice.keys("1");
    // Bob wants another value there, and one elsewhere.
    to_the_end_of_line(&mut bob, 4);
    bob.keys("\x7f");
    bob.keys("2");
    bob.keys("\x1b[B\x1b[B\x1b[F\x7f");
    bob.keys("0");
    bob.press(&[REVIEW]);
    bob.wait_for("Review:");
    bob.press(&["\r"]);
    bob.wait_for("(rev ");
    assert_eq!(daemon.revision(), before + 1);

    alice.wait_for("user:bob changed this");
    alice.press(&[REVIEW]);
    alice.wait_for("theirs");
    alice.press(&["o"]);
    alice.press(&[REVIEW]);
    alice.wait_for("Review:");
    alice.press(&["\r"]);
    alice.wait_for("(rev ");
    let config = daemon.config(FLAG, "staging");
    assert_eq!(config.to_text(), r#"{"on":true,"fallthrough":{"variation":1},"offVariation":0}"#);
    assert_eq!(daemon.audit_after(before).len(), 2);
}

/// Puts a program into a home.
fn script(home: &Home, name: &str, text: &str) -> std::path::PathBuf {
    let path = home.file(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn an_editor_has_the_terminal_for_itself_and_gives_its_text_to_a_review() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let editor = script(
        &home,
        "editor",
        "stty -a >inside; echo 'the editor asks'; IFS= read -r line; printf '%s' \"$line\" >typed
         sed -i 's/\"variation\": 0/\"variation\": 1/' \"$1\"",
    );
    let launch = Launch { by_shell: true, ..Launch::default() }.with("EDITOR", editor);
    let mut terminal = home.start(&launch);
    terminal.wait_for("ready>");
    let before = terminal.settings();
    terminal.send_elsewhere(format!("{}\n", beside("flagstaff").display()).as_bytes());
    terminal.wait_for("LIVE");
    terminal.wait_for("aclp");
    let (raw, modes, revision) = (terminal.settings(), terminal.view().modes(), daemon.revision());
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r"]);
    terminal.send(b"E");
    terminal.wait_for("the editor asks");
    assert!(!terminal.view().screen().alternate_screen());
    // All of these would do something in the list.
    terminal.send_elsewhere(b" Dq!\n");
    terminal.wait_for("Review:");
    assert_eq!(std::fs::read_to_string(home.file("typed")).unwrap(), " Dq!");
    let inside = std::fs::read_to_string(home.file("inside")).unwrap();
    assert_eq!(inside, before);
    assert_eq!(terminal.settings(), raw);
    assert_eq!(terminal.view().modes(), modes);
    assert_eq!(daemon.revision(), revision);
    terminal.send(b"\r");
    terminal.wait_for("(rev ");
    let served = daemon.config(FLAG, "staging").get("fallthrough").map(Json::to_text);
    assert_eq!(served.as_deref(), Some(r#"{"variation":1}"#));
    assert_eq!(text(&daemon.audit_after(revision)[0], "actor"), "user:alice");
}

#[test]
fn an_editor_that_says_no_changes_nothing_and_late_answers_of_the_terminal_press_no_key() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let no = script(&home, "no", "sed -i 's/0/1/' \"$1\"; exit 1");
    // As an editor does that asks for colours, modes and a name, and leaves before the answers are there.
    let late = script(&home, "late", "printf '\\033]11;?\\033\\\\\\033[c\\033P+q544e\\033\\\\'; echo asked");
    let revision = daemon.revision();
    let mut terminal = home.open_as(&Launch::default().with("VISUAL", no));
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r"]);
    terminal.send(b"E");
    terminal.wait_for("the editor failed");
    terminal.signal(Signal::SIGTERM);
    terminal.wait_end();

    let mut terminal = home.open_as(&Launch::default().with("VISUAL", late));
    terminal.press(&["/"]);
    terminal.keys(FLAG);
    terminal.press(&["\r"]);
    terminal.send(b"E");
    terminal.wait_for("the text is unchanged");
    terminal.wait_for("OTHER ENVIRONMENTS");
    // A latency in the banner may change.
    let below = |text: String| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let before = below(terminal.text());
    // Letters that are keys, in answers that are cut in two.
    for part in
        ["\x1b]11;rgb:dddd/DD", "DD/eeee\x1b", "\\\x1b[?62;", "22c\x1bP1+r544e=DqDq\x1b\\", "\x1b[?2026;2$y"]
    {
        terminal.send(part.as_bytes());
    }
    terminal.wait_idle();
    assert_eq!(below(terminal.text()), before);
    assert_eq!(daemon.revision(), revision);
    assert!(home.files("state").is_empty(), "{:?}", home.files("state"));
}
