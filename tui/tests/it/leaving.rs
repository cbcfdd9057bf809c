//! Signals, sizes and panics: whatever happens, the terminal is given back as it was.

use nix::sys::signal::Signal;

use crate::support::daemon::Daemon;
use crate::support::home::{Home, Launch};
use crate::support::terminal::Terminal;

/// Nothing of ours is left on the terminal: the main screen, a cursor, no mode.
fn given_back(terminal: &Terminal, how: &str) {
    let view = terminal.view();
    assert!(!view.screen().alternate_screen(), "{how}: the other screen is still shown");
    assert!(!view.screen().hide_cursor(), "{how}: the cursor is hidden");
    let modes: Vec<String> = view.modes().into_iter().filter(|mode| mode != "7").collect();
    assert!(modes.is_empty(), "{how}: modes are left: {modes:?}");
    let end = String::from_utf8_lossy(&view.written[view.written.len().saturating_sub(400)..]).into_owned();
    assert!(end.contains("\u{1b}[?7h") && end.contains("\u{1b}[?25h"), "{how}: {end:?}");
}

#[test]
fn every_signal_that_ends_it_gives_the_terminal_back_and_is_told_by_the_status() {
    let home = Home::of("alice", Daemon::shared());
    for (signal, status) in
        [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130), (Signal::SIGQUIT, 131)]
    {
        let mut terminal = home.open();
        assert!(terminal.view().screen().alternate_screen());
        terminal.signal(signal);
        assert_eq!(terminal.wait_end(), status, "{signal}");
        given_back(&terminal, signal.as_str());
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_where_its_report_is() {
    let home = Home::of("alice", Daemon::shared());
    let mut terminal = home.open_as(&Launch::default().with("FLAGSTAFF_TEST_PANIC", "1"));
    terminal.send(b"\x1b[O");
    assert_eq!(terminal.wait_end(), 70);
    given_back(&terminal, "panic");
    let said = terminal.text();
    assert!(said.contains("flagstaff has failed: a test has asked for it"), "{said}");
    let report = home.files("state").into_iter().find(|file| file.display().to_string().contains("crash"));
    let report = report.expect("a report");
    assert!(said.replace('\n', "").contains(report.to_str().unwrap()), "{said}");
    assert!(std::fs::read_to_string(report).unwrap().contains("full_screen"));
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_again_with_writes_closed() {
    let home = Home::of("alice", Daemon::shared());
    let mut terminal = home.start(&Launch { by_shell: true, ..Launch::default() });
    terminal.wait_for("ready>");
    let before = terminal.settings();
    let program = crate::support::daemon::beside("flagstaff");
    terminal.send_elsewhere(format!("{}\n", program.display()).as_bytes());
    terminal.wait_for("LIVE");
    assert_ne!(terminal.settings(), before, "it is in raw mode");
    terminal.keys("!");
    terminal.wait_for("WRITES OPEN");
    for signal in [None, Some(Signal::SIGTSTP)] {
        match signal {
            None => terminal.send(b"\x1a"),
            Some(signal) => {
                // The shell's only child is the program.
                let found = std::process::Command::new("pgrep")
                    .args(["-P", &terminal.pid().to_string()])
                    .output()
                    .expect("pgrep");
                let pid: i32 = String::from_utf8_lossy(&found.stdout).trim().parse().expect("one child");
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
            }
        }
        drop(terminal.wait_until("the shell's screen", |view| {
            !view.screen().alternate_screen() && view.screen().contents().trim_end().ends_with("ready>")
        }));
        given_back(&terminal, "stop");
        assert_eq!(terminal.settings(), before);
        terminal.send_elsewhere(b"fg\n");
        let view = terminal.wait_until("the screen again", |view| {
            let ours = view.screen().alternate_screen();
            ours && view.row(0).contains("LIVE") && view.screen().contents().contains("dark-mode")
        });
        assert!(!view.screen().contents().contains("WRITES OPEN"), "{}", view.screen().contents());
    }
    terminal.send(b"q");
    drop(terminal.wait_until("the shell's screen", |view| !view.screen().alternate_screen()));
    terminal.send_elsewhere(b"echo left with $?\n");
    terminal.wait_for("left with 0");
    given_back(&terminal, "q");
    assert_eq!(terminal.settings(), before);
    // Not once more for the SIGCONT that ends a stop: the shell's screen would flash up.
    let taken = String::from_utf8_lossy(&terminal.view().written).matches("\u{1b}[?1049h").count();
    assert_eq!(taken, 3, "taken at the start and after each stop");
}

#[test]
fn a_storm_of_sizes_ends_in_the_screen_of_the_last_one() {
    let home = Home::of("alice", Daemon::shared());
    let mut terminal = home.open_as(&Launch::sized(80, 24));
    terminal.keys("jjjjj");
    let before = terminal.text();
    for (columns, rows) in [(200, 50), (40, 10), (120, 40), (1, 1), (61, 16), (200, 50)].repeat(5) {
        terminal.resize(columns, rows);
    }
    terminal.resize(40, 10);
    terminal.wait_for("terminal too small");
    terminal.resize(80, 24);
    // A latency and ages may have changed; the list and what is selected have not.
    let list = |text: &str| {
        text.lines().skip(1).take(18).map(|row| row.chars().take(58).collect()).collect::<Vec<String>>()
    };
    drop(terminal.wait_until("the same screen", |view| list(&view.screen().contents()) == list(&before)));
    terminal.send(b"q");
    assert_eq!(terminal.wait_end(), 0);
    given_back(&terminal, "q");
}
