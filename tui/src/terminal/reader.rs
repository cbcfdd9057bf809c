//! The thread that reads the keyboard, and that leaves it untouched as soon as it is told to stop.

use crate::terminal::input::{Input, InputEvent};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::Instant;

/// Reads a keyboard until it is stopped or dropped.
#[derive(Debug)]
pub struct Reader {
    // Closing it ends the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Reads `keyboard` (see [`crate::terminal::tty::keyboard`]) on a thread of its own, and
    /// gives what came to `deliver`, until that returns false.
    ///
    /// # Errors
    /// When there is no pipe or no thread to be had.
    pub fn start(
        keyboard: impl Into<OwnedFd>,
        deliver: impl FnMut(Vec<InputEvent>) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_telling(keyboard, deliver, |_| {})
    }

    /// As [`start`](Self::start); `settled` is told of bytes taken, once what they meant was delivered. Those that
    /// still wait for the rest of a sequence are told of later.
    ///
    /// # Errors
    /// When there is no pipe or no thread to be had.
    pub fn start_telling(
        keyboard: impl Into<OwnedFd>,
        mut deliver: impl FnMut(Vec<InputEvent>) -> bool + Send + 'static,
        mut settled: impl FnMut(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let keyboard = keyboard.into();
        let (stopped, stop) = io::pipe()?;
        let thread = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
            if follow(keyboard, &stopped, &mut deliver, &mut settled).is_err() {
                deliver(vec![InputEvent::Closed]);
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Stops. When this returns, no byte is taken from the keyboard any more, and none that came
    /// after the last event was.
    pub fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked reads nothing either.
            let _ = thread.join();
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop();
    }
}

fn follow(
    keyboard: OwnedFd,
    stopped: &impl AsFd,
    deliver: &mut impl FnMut(Vec<InputEvent>) -> bool,
    settled: &mut impl FnMut(u64),
) -> io::Result<()> {
    let mut keyboard = std::fs::File::from(keyboard);
    let mut input = Input::new();
    let mut bytes = [0_u8; 4096];
    let mut untold = 0;
    loop {
        let wait = match input.due() {
            // Rounded up, so that time is really due when the wait ends.
            Some(due) => due.saturating_duration_since(Instant::now()).as_millis().saturating_add(1),
            None => u128::MAX,
        };
        let wait = u16::try_from(wait).map_or(PollTimeout::NONE, PollTimeout::from);
        let (read, end) = {
            let mut both = [
                PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
                PollFd::new(keyboard.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut both, wait) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let [stop, keys] = both.map(|one| one.revents().is_some_and(|events| !events.is_empty()));
            (keys, stop)
        };
        if end {
            return Ok(());
        }
        let count = if read { take(&mut keyboard, &mut bytes)? } else { 0 };
        let events = input.feed(bytes.get(..count).unwrap_or_default(), Instant::now());
        if !events.is_empty() && !deliver(events) {
            return Ok(());
        }
        untold += count as u64;
        if untold > 0 && input.due().is_none() {
            settled(std::mem::take(&mut untold));
        }
    }
}

fn take(keyboard: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    match keyboard.read(bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(count),
        Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(0),
        Err(error) => Err(error),
    }
}
