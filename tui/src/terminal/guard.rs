//! The modes of the terminal: set while the screen is ours, and given back on every way out.

use nix::errno::Errno;
use nix::sys::signal::{Signal, raise};
use nix::unistd::{getpgid, getpgrp, getppid, getsid, write};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

/// The window's title is kept; the other screen; keys without doubt; pastes and the focus are
/// told; no row goes on in the next.
pub const ENTER: &[u8] = b"\x1b[22;0t\x1b[?1049h\x1b[>1u\x1b[?2004h\x1b[?1004h\x1b[?7l";

/// All of that taken back, and whatever else a frame may have left.
pub const RESTORE: &[u8] = b"\x1b[?2026l\x1b[r\x1b[m\x1b[<u\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1000l\x1b[?7h\x1b[?25h\x1b[?1049l\x1b[23;0t";

/// Clicks and the wheel are told, with places beyond column 223.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// The mouse selects text again.
const NO_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is in our modes.
static OURS: AtomicBool = AtomicBool::new(false);
/// Where to write what gives it back, for a panic.
static DISPLAY: Mutex<Option<File>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Holds the terminal; giving it back is certain, whether by [`leave`](Self::leave), by drop or by
/// a panic.
#[derive(Debug)]
pub struct TerminalGuard {
    display: File,
    mouse: bool,
    sent: u64,
}

/// What came of [`TerminalGuard::stop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The program was stopped, and goes on; draw everything, and hold writes.
    Resumed,
    /// No shell waits that could let it go on, so it was not stopped.
    NoShell,
}

impl TerminalGuard {
    /// Takes the terminal that `display` writes to; see [`crate::terminal::tty::display`].
    ///
    /// # Errors
    /// When it cannot be put into raw mode, or takes nothing.
    pub fn new(display: File) -> io::Result<Self> {
        *DISPLAY.lock().unwrap_or_else(PoisonError::into_inner) = Some(display.try_clone()?);
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let mut guard = Self { display, mouse: false, sent: 0 };
        guard.enter()?;
        Ok(guard)
    }

    /// Takes the terminal, again after [`leave`](Self::leave). What it shows is unknown then.
    ///
    /// # Errors
    /// When it cannot be put into raw mode, or takes nothing.
    pub fn enter(&mut self) -> io::Result<()> {
        // In the background this stops the program until it is in the foreground again, so it
        // comes before anything that is seen.
        crossterm::terminal::enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        self.send(ENTER)?;
        if self.mouse { self.send(MOUSE) } else { Ok(()) }
    }

    /// How many bytes it has written.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent += bytes.len() as u64;
        send(&self.display, bytes)
    }

    /// Gives the terminal back, for an editor or for good. Twice does no harm.
    ///
    /// # Errors
    /// When it takes nothing any more.
    pub fn leave(&mut self) -> io::Result<()> {
        if !OURS.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let sent = self.send(RESTORE);
        crossterm::terminal::disable_raw_mode().and(sent)
    }

    /// Takes the terminal anew after a SIGCONT, since a shell may have set its own modes in between.
    /// Does nothing while the terminal is an editor's.
    ///
    /// # Errors
    /// As [`enter`](Self::enter) and [`leave`](Self::leave).
    pub fn retake(&mut self) -> io::Result<()> {
        if !OURS.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.leave()?;
        self.enter()
    }

    /// Gives the terminal back, stops the program until `fg`, and takes the terminal again.
    ///
    /// # Errors
    /// As [`enter`](Self::enter) and [`leave`](Self::leave).
    pub fn stop(&mut self) -> io::Result<Stop> {
        if !shell_waits() {
            return Ok(Stop::NoShell);
        }
        self.leave()?;
        let stopped = raise(Signal::SIGSTOP);
        self.enter()?;
        stopped?;
        Ok(Stop::Resumed)
    }

    /// Lets the program have the mouse, or the terminal, which then selects text with it.
    ///
    /// # Errors
    /// When the terminal takes nothing.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.send(if on { MOUSE } else { NO_MOUSE })
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back when it is ours; for ways out that run no destructors.
pub fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let display = DISPLAY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(display) = display.as_ref() {
        // Nobody is left to tell that it failed.
        let _ = send(display, RESTORE);
    }
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Straight to `write(2)`: no lock and no buffer that a panic may have left half full.
fn send(display: &File, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match write(display, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // As for frames: another program made the terminal impatient.
            Err(Errno::EAGAIN) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a shell with job control started the program: its group has a parent in the session
/// that is not of the group.
fn shell_waits() -> bool {
    let parent = getppid();
    let session = |pid| getsid(pid).ok();
    session(Some(parent)).is_some()
        && session(Some(parent)) == session(None)
        && getpgid(Some(parent)) != Ok(getpgrp())
}
