//! What the system and the shell tell the program.

use nix::sys::signal::Signal as Number;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Something the program was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// To end, by the signal of this number; the exit status is 128 more.
    End(u8),
    /// To stop until `fg`; see [`TerminalGuard::stop`](crate::terminal::guard::TerminalGuard::stop).
    Stop,
    /// To go on after a stop, also one that was asked for here; see
    /// [`TerminalGuard::retake`](crate::terminal::guard::TerminalGuard::retake).
    Continue,
}

/// Listens to SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP and SIGCONT.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    stop: Signal,
    go_on: Signal,
}

fn listen(number: Number) -> io::Result<Signal> {
    signal(SignalKind::from_raw(number as i32))
}

impl Signals {
    /// Listens from now on, within a Tokio runtime; none of them ends the program by itself then.
    ///
    /// # Errors
    /// When a signal cannot be listened to.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            term: listen(Number::SIGTERM)?,
            hang_up: listen(Number::SIGHUP)?,
            interrupt: listen(Number::SIGINT)?,
            quit: listen(Number::SIGQUIT)?,
            stop: listen(Number::SIGTSTP)?,
            go_on: listen(Number::SIGCONT)?,
        })
    }

    /// The next one. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Heard {
        let end = |number: Number| Heard::End(u8::try_from(number as i32).unwrap_or(0));
        tokio::select! {
            _ = self.term.recv() => end(Number::SIGTERM),
            _ = self.hang_up.recv() => end(Number::SIGHUP),
            _ = self.interrupt.recv() => end(Number::SIGINT),
            _ = self.quit.recv() => end(Number::SIGQUIT),
            _ = self.stop.recv() => Heard::Stop,
            _ = self.go_on.recv() => Heard::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[tokio::test]
    async fn signals_are_told_by_what_they_ask_for() {
        let mut signals = Signals::listen().unwrap();
        for (number, heard) in [
            (Number::SIGTERM, Heard::End(15)),
            (Number::SIGHUP, Heard::End(1)),
            (Number::SIGINT, Heard::End(2)),
            (Number::SIGQUIT, Heard::End(3)),
            (Number::SIGTSTP, Heard::Stop),
            (Number::SIGCONT, Heard::Continue),
        ] {
            raise(number).unwrap();
            assert_eq!(signals.next().await, heard);
        }
    }
}
