//! A program on a real pseudo-terminal, and the screen that a person would see.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use flagstaff::terminal::input::AT_ONCE;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::daemon::PATIENCE;

/// What a terminal keeps of what it was told, beside the screen.
#[derive(Debug, Default)]
pub struct Told {
    /// The titles of the window, newest last.
    pub titles: Vec<String>,
    /// What was copied by OSC 52, in base64.
    pub copied: Vec<String>,
}

impl vt100::Callbacks for Told {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied.push(String::from_utf8_lossy(data).into_owned());
    }
}

/// What is known of the terminal's side.
pub struct View {
    parser: vt100::Parser<Told>,
    /// All that the program has written.
    pub written: Vec<u8>,
    /// Bytes of the keyboard that the program dealt with, and bytes that it had written, when it last had nothing to
    /// do.
    idle: Option<(u64, u64)>,
    ended: bool,
}

impl View {
    /// The screen.
    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// What the terminal was told beside.
    pub fn told(&self) -> &Told {
        self.parser.callbacks()
    }

    /// One row, without the blanks at its end.
    pub fn row(&self, row: u16) -> String {
        let width = self.screen().size().1.get();
        let rows: Vec<String> = self.screen().rows(0, width).collect();
        rows.get(usize::from(row)).map(|row| row.trim_end().to_owned()).unwrap_or_default()
    }

    /// The first row that holds `text`.
    pub fn row_with(&self, text: &str) -> Option<String> {
        let width = self.screen().size().1.get();
        self.screen().rows(0, width).find(|row| row.contains(text)).map(|row| row.trim_end().to_owned())
    }

    /// How many frames with content were painted.
    pub fn frames(&self) -> usize {
        self.written.windows(8).filter(|bytes| *bytes == b"\x1b[?2026h").count()
    }

    /// The private modes that are set now, and `keyboard` where its flags were pushed and not popped. Those that
    /// come and go with each frame are left out: the frame's own, and that of the cursor.
    pub fn modes(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.written);
        let mut modes: BTreeMap<String, i32> = BTreeMap::new();
        for part in text.split('\u{1b}') {
            if part.starts_with("[>1u") {
                *modes.entry("keyboard".to_owned()).or_default() += 1;
            } else if part.starts_with("[<u") {
                // Popping an empty stack does nothing.
                let flags = modes.entry("keyboard".to_owned()).or_default();
                *flags = (*flags - 1).max(0);
            } else if let Some(rest) = part.strip_prefix("[?") {
                let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
                match rest.get(number.len()..number.len() + 1) {
                    Some("h") => drop(modes.insert(number, 1)),
                    Some("l") => drop(modes.insert(number, 0)),
                    _ => {}
                }
            }
        }
        let of_frames = |mode: &str| ["2026", "25"].contains(&mode);
        modes.into_iter().filter(|(mode, set)| *set > 0 && !of_frames(mode)).map(|(mode, _)| mode).collect()
    }
}

type Shared = Arc<(Mutex<View>, Condvar)>;

/// A program on a terminal; killed when dropped.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    hand: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shared: Shared,
    /// How many bytes were typed that the program should have read.
    typed: u64,
}

fn number(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

fn pty_size((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// Starts `command`, which tells of its idleness by the named pipe `idle`.
    pub fn start(command: CommandBuilder, size: (u16, u16), idle: &Path) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo-terminal");
        let parser = vt100::Parser::new_with_callbacks(number(size.1), number(size.0), 0, Told::default());
        let view = View { parser, written: Vec::new(), idle: None, ended: false };
        let shared: Shared = Arc::new((Mutex::new(view), Condvar::new()));
        hear(idle, &shared);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let hand = pair.master.take_writer().unwrap();
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(count) = reader.read(&mut bytes)
                && count > 0
            {
                let mut view = watched.0.lock().unwrap();
                view.parser.process(&bytes[..count]);
                view.written.extend_from_slice(&bytes[..count]);
                watched.1.notify_all();
            }
            watched.0.lock().unwrap().ended = true;
            watched.1.notify_all();
        });
        Self { master: pair.master, hand, child, shared, typed: 0 }
    }

    /// What is seen now.
    pub fn view(&self) -> MutexGuard<'_, View> {
        self.shared.0.lock().unwrap()
    }

    /// The text of the screen.
    pub fn text(&self) -> String {
        self.view().screen().contents()
    }

    /// Waits until the terminal is so; shows the screen where it never is.
    pub fn wait_until(&self, what: &str, so: impl Fn(&View) -> bool) -> MutexGuard<'_, View> {
        let (mutex, changed) = &*self.shared;
        let end = Instant::now() + PATIENCE;
        let mut view = mutex.lock().unwrap();
        while !so(&view) {
            let left = end.saturating_duration_since(Instant::now());
            let ended = if view.ended { " (the program has ended)" } else { "" };
            if left.is_zero() || view.ended {
                let screen = view.screen().contents();
                drop(view);
                panic!("waited for {what}{ended}; the screen:\n{screen}");
            }
            view = changed.wait_timeout(view, left).unwrap().0;
        }
        view
    }

    /// Waits until `text` is on the screen.
    pub fn wait_for(&self, text: &str) {
        drop(self.wait_until(&format!("{text:?}"), |view| view.screen().contents().contains(text)));
    }

    /// Waits until `text` is not on the screen any more.
    pub fn wait_gone(&self, text: &str) {
        drop(self.wait_until(&format!("{text:?} to go"), |view| !view.screen().contents().contains(text)));
    }

    /// Waits until everything that was typed was dealt with, nothing is on its way, and the frame of it is seen.
    pub fn wait_idle(&mut self) {
        let typed = self.typed;
        drop(self.wait_until("the program to be idle", |view| {
            view.idle.is_some_and(|(read, sent)| read >= typed && view.written.len() as u64 >= sent)
        }));
    }

    /// Types, and does not wait.
    pub fn send(&mut self, bytes: &[u8]) {
        self.typed += bytes.len() as u64;
        self.hand.write_all(bytes).expect("the terminal takes it");
        self.hand.flush().unwrap();
    }

    /// Types for another program than ours, such as an editor or a shell.
    pub fn send_elsewhere(&mut self, bytes: &[u8]) {
        self.hand.write_all(bytes).expect("the terminal takes it");
        self.hand.flush().unwrap();
    }

    /// Types a text at once, as into a field, and waits for what comes of it. What is typed next is no part of it,
    /// as it would be if it came in the very same moment.
    pub fn keys(&mut self, text: &str) {
        self.send(text.as_bytes());
        self.wait_idle();
        if text.len() > 1 {
            std::thread::sleep(2 * AT_ONCE);
        }
    }

    /// Presses keys one after the other, as a person does, each after the frame of the one before.
    pub fn press(&mut self, keys: &[&str]) {
        for key in keys {
            self.keys(key);
        }
    }

    /// Pastes, as a terminal does that was asked to mark pastes.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
        self.wait_idle();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.view().parser.screen_mut().set_size(number(rows), number(columns));
        self.master.resize(pty_size((columns, rows))).unwrap();
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// The process of the program, or of the shell that was asked to start it.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap())
    }

    /// The terminal's settings as `stty -a` shows them.
    pub fn settings(&self) -> String {
        let name = self.master.tty_name().expect("a name");
        let shown = Command::new("stty").arg("-a").arg("-F").arg(name).output().expect("stty");
        String::from_utf8_lossy(&shown.stdout).into_owned()
    }

    /// Waits for the end of the program, and of what it wrote; its exit status, 128 and more for a signal that it
    /// did not take itself.
    pub fn wait_end(&mut self) -> u32 {
        let (mutex, changed) = &*self.shared;
        let end = Instant::now() + PATIENCE;
        let mut view = mutex.lock().unwrap();
        while !view.ended {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program does not end:\n{}", view.screen().contents());
            view = changed.wait_timeout(view, left).unwrap().0;
        }
        drop(view);
        self.child.wait().unwrap().exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes the named pipe and notes what comes through it.
fn hear(path: &Path, shared: &Shared) {
    drop(std::fs::remove_file(path));
    nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)).expect("a named pipe");
    // Open at both ends, so that opening waits for nobody, and the end of one program is not the end of the pipe.
    let pipe = File::options().read(true).write(true).open(path).unwrap();
    let shared = Arc::downgrade(shared);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let Some(shared) = shared.upgrade() else { return };
            let mut numbers = line.split(' ').map(|word| word.parse().unwrap());
            // A test that has failed has nothing more to hear.
            let Ok(mut view) = shared.0.lock() else { return };
            view.idle = numbers.next().zip(numbers.next());
            shared.1.notify_all();
        }
    });
}
