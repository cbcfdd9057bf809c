//! A program on a pseudo-terminal: what it writes, when, and what a person would see.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Silence after which a program has done what a key asked for.
pub const QUIET: Duration = Duration::from_millis(120);
const PATIENCE: Duration = Duration::from_secs(60);

struct Heard {
    parser: vt100::Parser,
    bytes: usize,
    frames: usize,
    last: Instant,
    first: Option<Instant>,
    ended: bool,
    tail: Vec<u8>,
}

/// A program and its terminal.
pub struct Pty {
    hand: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    /// When it was started.
    pub began: Instant,
    _master: Box<dyn MasterPty + Send>,
}

/// What one key cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Bytes to the terminal.
    pub bytes: usize,
    /// From the key to the last byte.
    pub took: Duration,
}

/// What a process used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// CPU time, user and system, in milliseconds (the kernel counts in steps of ten).
    pub cpu: u64,
    /// How often it went to sleep by itself.
    pub wakes: u64,
    /// Resident memory, in KiB.
    pub memory: u64,
    /// Bytes to the terminal.
    pub bytes: usize,
}

impl Pty {
    /// Starts a program.
    pub fn start(mut command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        command.env("TERM", "xterm-256color");
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let number = |n| NonZeroU16::new(n).unwrap();
        let began = Instant::now();
        let heard = Arc::new((
            Mutex::new(Heard {
                parser: vt100::Parser::new(number(rows), number(columns), 0),
                bytes: 0,
                frames: 0,
                last: began,
                first: None,
                ended: false,
                tail: Vec::new(),
            }),
            Condvar::new(),
        ));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let hand = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let (watched, reply) = (Arc::clone(&heard), Arc::clone(&hand));
        std::thread::spawn(move || {
            let mut bytes = [0; 64 * 1024];
            while let Ok(count) = reader.read(&mut bytes)
                && count > 0
            {
                let new = &bytes[..count];
                // What terminals answer to those who ask where the cursor is, and what they are.
                if new.windows(4).any(|w| w == b"\x1b[6n") {
                    drop(reply.lock().unwrap().write_all(b"\x1b[1;1R"));
                }
                if new.windows(3).any(|w| w == b"\x1b[c") {
                    drop(reply.lock().unwrap().write_all(b"\x1b[?62;22c"));
                }
                let mut heard = watched.0.lock().unwrap();
                heard.last = Instant::now();
                heard.first = heard.first.or(Some(heard.last));
                heard.bytes += count;
                heard.parser.process(new);
                let mut joined = std::mem::take(&mut heard.tail);
                joined.extend_from_slice(new);
                heard.frames += joined.windows(8).filter(|w| *w == b"\x1b[?2026h").count();
                heard.tail = joined[joined.len().saturating_sub(7)..].to_vec();
                watched.1.notify_all();
            }
            watched.0.lock().unwrap().ended = true;
            watched.1.notify_all();
        });
        Self { hand: Box::new(Shared(hand)), child, heard, began, _master: pair.master }
    }

    /// Types.
    pub fn send(&mut self, keys: &[u8]) {
        self.hand.write_all(keys).expect("the terminal takes it");
        self.hand.flush().unwrap();
    }

    /// Waits until nothing was written for [`QUIET`].
    pub fn quiet(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let last = self.heard.0.lock().unwrap().last;
            let still = last.elapsed();
            if still >= QUIET || Instant::now() > end {
                return;
            }
            std::thread::sleep(QUIET - still);
        }
    }

    /// Types, waits until the program is quiet again, and tells what that cost.
    pub fn press(&mut self, keys: &[u8]) -> Cost {
        let before = self.bytes();
        let at = Instant::now();
        self.send(keys);
        std::thread::sleep(QUIET);
        self.quiet();
        let heard = self.heard.0.lock().unwrap();
        Cost { bytes: heard.bytes - before, took: heard.last.saturating_duration_since(at) }
    }

    /// Waits until `text` is on the screen; how long after the start that was.
    pub fn shows(&self, text: &str) -> Duration {
        let (mutex, changed) = &*self.heard;
        let end = Instant::now() + PATIENCE;
        let mut heard = mutex.lock().unwrap();
        loop {
            let screen = heard.parser.screen().contents();
            if screen.contains(text) {
                return heard.last.duration_since(self.began);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !heard.ended, "{text:?} never came:\n{screen}");
            heard = changed.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// When the first byte came, after the start.
    pub fn first(&self) -> Option<Duration> {
        self.heard.0.lock().unwrap().first.map(|at| at.duration_since(self.began))
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.heard.0.lock().unwrap().bytes
    }

    /// Frames so far, of a program that marks them.
    pub fn frames(&self) -> usize {
        self.heard.0.lock().unwrap().frames
    }

    /// What is seen.
    pub fn text(&self) -> String {
        self.heard.0.lock().unwrap().parser.screen().contents()
    }

    /// What the process used.
    pub fn used(&self) -> Used {
        let pid = self.child.process_id().unwrap();
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let stat = read("stat");
        let after = stat.rsplit(')').next().unwrap_or_default();
        let field =
            |n: usize| after.split_whitespace().nth(n).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        let number = |text: &str, name: &str| {
            let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
        };
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let wakes = threads
            .map(|task| std::fs::read_to_string(task.path().join("status")).unwrap_or_default())
            .map(|status| number(&status, "voluntary_ctxt_switches"))
            .sum();
        Used {
            cpu: (field(11) + field(12)) * 10,
            wakes,
            memory: number(&read("status"), "VmRSS"),
            bytes: self.bytes(),
        }
    }
}

struct Shared(Arc<Mutex<Box<dyn Write + Send>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
