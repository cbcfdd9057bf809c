//! Changes: what one key does, what a protected environment asks for, and what no paste can do.

use nix::sys::signal::Signal;

use crate::support::ask::text;
use crate::support::daemon::Daemon;
use crate::support::home::Home;
use crate::support::terminal::Terminal;

/// Selects a flag by the filter.
fn select(terminal: &mut Terminal, flag: &str) {
    terminal.press(&["/"]);
    terminal.keys(&format!("^{flag}$").replace(['^', '$'], ""));
    terminal.press(&["\r"]);
    let row = terminal.view().row_with(&format!("> {flag}"));
    assert!(row.is_some(), "{flag} is selected:\n{}", terminal.text());
}

/// The cells of a flag's row.
fn row(terminal: &Terminal, flag: &str) -> String {
    let view = terminal.view();
    let row = view.row_with(&format!("> {flag}"));
    row.unwrap_or_else(|| panic!("no row of {flag}:\n{}", view.screen().contents()))
}

#[test]
fn one_key_turns_a_flag_in_staging_and_undo_gives_it_back_through_a_review() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    select(&mut terminal, "dark-mode");
    let before = daemon.revision();
    assert!(daemon.is_on("dark-mode", "staging"));
    terminal.press(&[" "]);
    terminal.wait_for("turn dark-mode off in staging (rev ");
    assert!(!daemon.is_on("dark-mode", "staging"));
    assert!(row(&terminal, "dark-mode").contains(" off"), "{}", terminal.text());
    let turned = daemon.audit_after(before);
    assert_eq!(turned.len(), 1);
    assert_eq!((text(&turned[0], "actor"), text(&turned[0], "action")), ("user:alice", "turned-off"));

    terminal.press(&["u"]);
    terminal.wait_for("turn dark-mode off in staging");
    terminal.press(&["\r"]);
    terminal.wait_for("Review:");
    assert!(!daemon.is_on("dark-mode", "staging"));
    terminal.press(&["\r"]);
    terminal.wait_gone("Review:");
    assert!(daemon.is_on("dark-mode", "staging"));
    let both = daemon.audit_after(before);
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(text(&both[1], "action"), "turned-on");
    // The second names the first.
    let first = turned[0].get("revision").and_then(shared::json::Json::as_i64).unwrap();
    assert!(text(&both[1], "comment").contains(&first.to_string()), "{:?}", both[1]);
}

#[test]
fn production_is_changed_only_after_writes_are_opened_and_the_exact_text_is_typed() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    select(&mut terminal, "dark-mode");
    terminal.press(&["l"]);
    terminal.wait_for("PRODUCTION");
    let before = daemon.revision();
    terminal.press(&[" "]);
    terminal.wait_for("press ! to open");
    assert_eq!(daemon.revision(), before);

    terminal.press(&["!"]);
    terminal.wait_for("WRITES OPEN");
    terminal.press(&[" "]);
    terminal.wait_for("Type  dark-mode  to apply in PRODUCTION");
    // At once, and one after the other.
    terminal.keys("\r\r\r\r\r");
    terminal.press(&["\r", "\r", "\r", "\r", "\r"]);
    terminal.wait_for("enter alone does nothing");
    terminal.keys("dark-mod");
    terminal.press(&["\r"]);
    terminal.wait_for("type dark-mode exactly");
    terminal.paste("e");
    terminal.wait_for("a paste does not confirm");
    terminal.press(&["\r"]);
    assert_eq!(daemon.revision(), before);
    assert!(daemon.is_on("dark-mode", "production"));
    terminal.press(&["e"]);
    terminal.wait_for("enter applies");
    terminal.press(&["\r"]);
    terminal.wait_for("turn dark-mode off in production (rev ");
    terminal.wait_gone("Review:");
    assert!(!daemon.is_on("dark-mode", "production"));
    assert_eq!(daemon.audit_after(before).len(), 1);
}

#[test]
fn open_writes_close_after_ten_minutes_of_use_and_when_the_program_was_stopped() {
    let home = Home::of("alice", Daemon::shared());
    let mut terminal = home.open();
    terminal.press(&["l", "!"]);
    terminal.wait_for("WRITES OPEN");
    for minutes in [4, 8] {
        home.clock_ahead(minutes * 60);
        terminal.press(&["j"]);
        terminal.wait_for("WRITES OPEN");
    }
    home.clock_ahead(9 * 60 + 5);
    terminal.wait_for("writes close in a minute");
    home.clock_ahead(10 * 60 + 1);
    terminal.wait_for("writes are closed again");
    terminal.wait_for("READ-ONLY");
    // Nobody types for five minutes.
    terminal.press(&["!"]);
    terminal.wait_for("WRITES OPEN");
    home.clock_ahead(15 * 60 + 10);
    terminal.wait_for("READ-ONLY");
    terminal.press(&["!"]);
    terminal.wait_for("WRITES OPEN");
    terminal.signal(Signal::SIGCONT);
    terminal.wait_for("READ-ONLY");
}

/// Two thousand characters with every key that a person types, over and over, and none that leaves.
fn everything() -> String {
    let keys: Vec<char> = (' '..='~').filter(|key| *key != 'q').chain(['\r', '\t']).collect();
    // Steps of 37 through 96 keys meet each of them, in no order that means anything.
    (0..2_000).map(|n| keys[n * 37 % keys.len()]).collect()
}

#[test]
fn a_paste_of_every_key_writes_nothing_marked_or_raw() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let before = daemon.revision();
    for keys in ["", "!", "l!"] {
        let mut terminal = home.open();
        for key in keys.chars() {
            terminal.press(&[&key.to_string()]);
        }
        terminal.paste(&everything());
        terminal.wait_for("paste ignored, 2000 characters");
        assert!(terminal.text().contains("Flags"), "{}", terminal.text());
        terminal.keys(&everything());
        assert_eq!(daemon.revision(), before, "after {keys:?}:\n{}", terminal.text());
        terminal.keys(" rpaDU\r ");
        assert_eq!(daemon.revision(), before, "after {keys:?}:\n{}", terminal.text());
        terminal.signal(Signal::SIGTERM);
        assert_eq!(terminal.wait_end(), 143);
    }
}
