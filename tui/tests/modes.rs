//! The terminal after each way out: its modes, its screen and its settings are as before.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use flagstaff::terminal::guard::{ENTER, RESTORE, Stop, TerminalGuard, give_back};
use flagstaff::terminal::tty;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

const ROLE: &str = "FLAGSTAFF_TEST_ROLE";

fn vt() -> vt100::Parser {
    vt100::Parser::new(NonZeroU16::new(24).unwrap(), NonZeroU16::new(80).unwrap(), 0)
}

/// The modes that a text sets and resets, in order.
fn modes(text: &[u8]) -> Vec<(String, bool)> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.split('\u{1b}')
        .filter_map(|part| part.strip_prefix("[?"))
        .map(|part| (part[..part.len() - 1].to_owned(), part.ends_with('h')))
        .collect()
}

#[test]
fn every_mode_that_is_set_is_taken_back() {
    let back = modes(RESTORE);
    for (mode, on) in modes(ENTER) {
        assert!(back.contains(&(mode.clone(), !on)), "{mode}");
    }
    for mode in ["2026", "1000", "1006"] {
        assert!(back.contains(&(mode.to_owned(), false)), "{mode}");
    }
    let text = String::from_utf8(RESTORE.to_vec()).unwrap();
    assert!(text.contains("\u{1b}[<u") && text.contains("\u{1b}[23;0t"));
    // Keyboard flags belong to the screen that they were pushed on.
    assert!(text.find("\u{1b}[<u") < text.find("\u{1b}[?1049l"));
}

/// What the child does when this file runs itself on a pseudo-terminal; without a role, nothing.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut guard = TerminalGuard::new(tty::display().unwrap()).unwrap();
    let mut display = tty::display().unwrap();
    // As a frame that is cut off in the middle leaves it.
    display.write_all(b"\x1b[?2026h\x1b[?25l\x1b[31;7mours").unwrap();
    let mut byte = [0];
    tty::keyboard().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"k");
    match role.as_str() {
        "drop" => drop(guard),
        "panic" => panic!("on purpose"),
        "exit" => {
            give_back();
            std::process::exit(3);
        }
        "editor" => {
            guard.set_mouse(true).unwrap();
            guard.leave().unwrap();
            guard.leave().unwrap();
            display.write_all(b"\r\nthe editor\r\n").unwrap();
            tty::keyboard().unwrap().read_exact(&mut byte).unwrap();
            guard.enter().unwrap();
            display.write_all(b"back").unwrap();
            tty::keyboard().unwrap().read_exact(&mut byte).unwrap();
        }
        "suspend" => {
            assert_eq!(guard.stop().unwrap(), Stop::Resumed);
            display.write_all(b"back").unwrap();
            tty::keyboard().unwrap().read_exact(&mut byte).unwrap();
            guard.retake().unwrap();
        }
        "stop" => assert_eq!(guard.stop().unwrap(), Stop::NoShell),
        other => panic!("no role {other}"),
    }
}

struct Run {
    master: Box<dyn MasterPty + Send>,
    hand: Box<dyn Write + Send>,
    shows: Receiver<Vec<u8>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    parser: vt100::Parser,
    before: String,
}

impl Run {
    fn start(role: &str) -> Self {
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role);
        command.env("RUST_BACKTRACE", "0");
        Self::spawn(command)
    }

    fn spawn(command: CommandBuilder) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (hand, mut reader) =
            (pair.master.take_writer().unwrap(), pair.master.try_clone_reader().unwrap());
        let (sender, shows) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = reader.read(&mut bytes)
                && count > 0
                && sender.send(bytes[..count].to_vec()).is_ok()
            {}
        });
        Self { master: pair.master, hand, shows, child, parser: vt(), before }
    }

    /// Reads until the screen says so, or to the end.
    fn until(&mut self, done: impl Fn(&vt100::Screen) -> bool) -> bool {
        while !done(self.parser.screen()) {
            match self.shows.recv_timeout(Duration::from_secs(30)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("nothing more came: {}", self.parser.screen().contents())
                }
            }
        }
        true
    }

    fn press(&mut self, keys: &str) {
        self.hand.write_all(keys.as_bytes()).unwrap();
    }

    fn termios(&self) -> String {
        format!("{:?}", self.master.get_termios())
    }

    fn assert_given_back(&mut self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert!(!screen.contents().contains("ours"), "{}", screen.contents());
        assert_eq!((screen.inverse(), screen.fgcolor()), (false, vt100::Color::Default));
        assert_eq!(self.termios(), self.before);
    }
}

fn ours(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.bracketed_paste() && screen.contents().contains("ours")
}

fn gives_back(role: &str, status: u32) -> String {
    let mut run = Run::start(role);
    assert!(run.until(ours), "{role} never took the terminal");
    assert_ne!(run.termios(), run.before);
    run.press("k");
    run.until(|_| false);
    assert_eq!(run.child.wait().unwrap().exit_code(), status, "{role}: {}", run.parser.screen().contents());
    run.assert_given_back();
    run.parser.screen().contents()
}

#[test]
fn leaving_gives_the_terminal_back() {
    gives_back("drop", 0);
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_why() {
    assert!(gives_back("panic", 101).contains("on purpose"));
}

#[test]
fn an_exit_without_destructors_gives_the_terminal_back() {
    gives_back("exit", 3);
}

#[test]
fn without_a_shell_the_program_does_not_stop_for_ever() {
    gives_back("stop", 0);
}

#[test]
fn an_editor_gets_the_terminal_and_hands_it_on() {
    let mut run = Run::start("editor");
    assert!(run.until(ours));
    run.press("k");
    assert!(run.until(|screen| screen.contents().contains("the editor")));
    run.assert_given_back();
    run.press("\n");
    assert!(run.until(|screen| screen.alternate_screen() && screen.contents().contains("back")));
    assert_eq!(run.parser.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::PressRelease);
    run.press("q");
    run.until(|_| false);
    assert!(run.child.wait().unwrap().success(), "{}", run.parser.screen().contents());
    run.assert_given_back();
}

#[test]
fn a_shell_gets_the_terminal_while_the_program_is_stopped() {
    let mut command = CommandBuilder::new("sh");
    command.args(["-i"]);
    for (name, value) in [("PS1", "ready> "), ("ENV", ""), (ROLE, "suspend"), ("RUST_BACKTRACE", "0")] {
        command.env(name, value);
    }
    let mut run = Run::spawn(command);
    let ready = |screen: &vt100::Screen| screen.contents().trim_end().ends_with("ready>");
    assert!(run.until(ready));
    let program = std::env::current_exe().unwrap();
    run.press(&format!("clear; {} --exact child --nocapture --test-threads=1\n", program.display()));
    assert!(run.until(ours));
    run.press("k");
    assert!(run.until(|screen| !screen.alternate_screen() && ready(screen)));
    assert!(!run.parser.screen().bracketed_paste() && !run.parser.screen().hide_cursor());
    run.press("fg\n");
    assert!(run.until(|screen| screen.alternate_screen() && screen.contents().contains("back")));
    run.press("q");
    assert!(run.until(|screen| !screen.alternate_screen() && ready(screen)));
    assert!(run.parser.screen().contents().contains("1 passed"), "{}", run.parser.screen().contents());
    run.press("exit\n");
    run.until(|_| false);
    run.child.wait().unwrap();
    run.assert_given_back();
}
