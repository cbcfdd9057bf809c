//! How large the terminal is, and when that changes.

use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A window that is being dragged sends many sizes; only the one that it rests at counts.
const REST: Duration = Duration::from_millis(30);

/// The columns and rows of the terminal; 80 by 24 where it does not say.
#[must_use]
pub fn size() -> (u16, u16) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
        _ => (80, 24),
    }
}

/// The sizes that the terminal takes from now on.
#[derive(Debug)]
pub struct Sizes {
    changed: Signal,
    last: (u16, u16),
}

impl Sizes {
    /// Listens to the terminal, within a Tokio runtime.
    ///
    /// # Errors
    /// When the signal cannot be listened to.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { changed: signal(SignalKind::window_change())?, last: size() })
    }

    /// The next size that is not the last one. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> (u16, u16) {
        loop {
            if self.changed.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            while tokio::time::timeout(REST, self.changed.recv()).await.is_ok() {}
            let now = size();
            if now != self.last {
                self.last = now;
                return now;
            }
        }
    }
}
