//! Within tmux, without colours, and as few bytes as a slow line wants.

use std::path::PathBuf;
use std::process::Command;

use crate::support::daemon::{Daemon, beside};
use crate::support::home::{Home, Launch};
use crate::support::terminal::Terminal;

/// A tmux with the program in its only window, and the terminal that is attached to it.
struct Tmux {
    terminal: Terminal,
    socket: PathBuf,
}

impl Tmux {
    fn start(home: &Home, term: &str, set_clipboard: &str) -> Self {
        let socket = home.file("tmux");
        let settings = home.file("tmux.conf");
        let lines =
            format!("set -g status off\nset -s escape-time 0\nset -s set-clipboard {set_clipboard}\n");
        std::fs::write(&settings, lines).unwrap();
        let words = [
            "-S".into(),
            socket.display().to_string(),
            "-f".into(),
            settings.display().to_string(),
            "new-session".into(),
            beside("flagstaff").display().to_string(),
        ];
        let launch = Launch { program: Some("tmux".into()), arguments: words.into(), ..Launch::default() };
        let launch = launch.with("TERM", term);
        Self { terminal: home.start(&launch), socket }
    }

    fn ask(&self, words: &[&str]) -> String {
        let said = Command::new("tmux").arg("-S").arg(&self.socket).args(words).output().expect("tmux");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.ask(&["kill-server"]);
    }
}

/// The screen without what differs from one moment to the next: numbers, ages, latencies.
fn lasting(screen: &str) -> Vec<String> {
    let word = |word: &str| {
        let mut kept = String::new();
        for c in word.chars() {
            let number = c.is_ascii_digit() || (".,:".contains(c) && kept.ends_with('#'));
            match number {
                true if kept.ends_with('#') => {}
                true => kept.push('#'),
                false => kept.push(c),
            }
        }
        let age = kept.strip_prefix('#').is_some_and(|unit| ["ms", "s", "m", "h", "d"].contains(&unit));
        if age || kept == "now" { "#".to_owned() } else { kept }
    };
    let line =
        |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ").replace("# ago", "#");
    screen.lines().map(line).collect()
}

/// Each key of the tour, and what is then to be seen.
const TOUR: [(&str, &str); 21] = [
    ("\r", "aclp"),
    ("2", "aclp"),
    ("3", "aclp"),
    ("4", "aclp"),
    ("5", "aclp"),
    ("6", "aclp"),
    ("q", "Flags"),
    ("ge", "Environments"),
    ("q", "Flags"),
    ("gs", "Segments"),
    ("q", "Flags"),
    ("ga", "Audit feed"),
    ("q", "Flags"),
    ("gh", "History"),
    ("q", "Flags"),
    ("gd", "ompare"),
    ("q", "Flags"),
    ("gw", "raft"),
    ("q", "Flags"),
    ("?", "help"),
    ("\x1b", "Flags"),
];

#[test]
fn every_screen_is_the_same_within_tmux() {
    let daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut seen = Vec::new();
    let mut direct = home.open();
    for (keys, shows) in TOUR {
        for key in keys.chars() {
            direct.keys(&key.to_string());
        }
        direct.wait_for(shows);
        direct.wait_idle();
        seen.push(lasting(&direct.text()));
    }
    direct.send(b"q");
    assert_eq!(direct.wait_end(), 0);

    let mut tmux = Tmux::start(&home, "xterm-256color", "off");
    tmux.terminal.wait_for("LIVE");
    tmux.terminal.wait_for("aclp");
    for ((keys, _), expected) in TOUR.iter().zip(seen) {
        for key in keys.chars() {
            tmux.terminal.send(key.to_string().as_bytes());
        }
        let what = format!("the screen after {keys:?} to be\n{}\n", expected.join("\n"));
        drop(tmux.terminal.wait_until(&what, |view| lasting(&view.screen().contents()) == expected));
    }
}

#[test]
fn a_copy_within_tmux_reaches_its_buffer_and_what_is_said_of_the_clipboard_is_true() {
    let home = Home::of("alice", Daemon::shared());
    // The last terminal has no clipboard that tmux knew of.
    let cases = [
        ("on", "xterm-256color", "key copied (tmux)"),
        ("off", "xterm-256color", "key copied (tmux)"),
        ("on", "vt220", "key is in tmux's buffer only"),
    ];
    for (set_clipboard, term, said) in cases {
        let mut tmux = Tmux::start(&home, term, set_clipboard);
        tmux.terminal.wait_for("LIVE");
        tmux.terminal.wait_for("aclp");
        tmux.terminal.send(b"yk");
        tmux.terminal.wait_for(said);
        assert_eq!(tmux.ask(&["show-buffer"]), "aclp");
        let outside = tmux.terminal.view().told().copied.clone();
        let expected: &[&str] = if term == "vt220" { &[] } else { &["YWNscA=="] };
        assert_eq!(outside, expected, "{term}, set-clipboard {set_clipboard}");
    }
}

#[test]
fn a_copy_goes_to_the_terminal_that_the_program_runs_in() {
    let home = Home::of("alice", Daemon::shared());
    let mut terminal = home.open();
    terminal.press(&["y", "k"]);
    terminal.wait_for("key sent to the terminal's clipboard");
    assert_eq!(terminal.view().told().copied, ["YWNscA=="]);
}

#[test]
fn production_is_a_word_in_reverse_where_there_are_no_colours() {
    let home = Home::of("alice", Daemon::shared());
    let launch = Launch::sized(80, 24).with("NO_COLOR", "1").with("TERM", "xterm");
    let mut terminal = home.open_as(&launch);
    terminal.press(&["l"]);
    terminal.wait_for("PRODUCTION");
    terminal.wait_for("READ-ONLY");
    {
        let view = terminal.view();
        assert!(view.row(0).starts_with(" PRODUCTION"), "{}", view.row(0));
        for column in 0..80 {
            let cell = view.screen().cell(0, column).expect("a cell");
            assert!(cell.inverse(), "column {column}");
        }
        for row in 0..24 {
            for column in 0..80 {
                let cell = view.screen().cell(row, column).expect("a cell");
                let plain = (vt100::Color::Default, vt100::Color::Default);
                assert_eq!((cell.fgcolor(), cell.bgcolor()), plain, "row {row}, column {column}");
            }
        }
    }
    terminal.press(&[" "]);
    terminal.wait_for("press ! to open");
}

#[test]
fn a_key_in_a_list_costs_few_bytes_and_one_frame() {
    let home = Home::of("alice", Daemon::shared());
    home.configure("[ui]\nmotion = false");
    let mut terminal = home.open_as(&Launch::sized(80, 24));
    terminal.press(&["i"]);
    for (key, most) in [("j", 110), ("k", 110), ("l", 1_000), ("h", 1_000), ("\x04", 1_800)] {
        // An age or a round trip may change in the same moment; it does not do so each time.
        let mut costs = Vec::new();
        while !costs.iter().any(|&(cost, frames)| cost > 0 && cost <= most && frames <= 1) {
            assert!(costs.len() < 3, "{key:?} costs (bytes, frames) {costs:?}");
            let (bytes, frames) = {
                let view = terminal.view();
                (view.written.len(), view.frames())
            };
            terminal.keys(key);
            let view = terminal.view();
            costs.push((view.written.len() - bytes, view.frames() - frames));
        }
    }
}
