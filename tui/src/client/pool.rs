//! Connections that are kept: one for a burst of requests, a few when it is busy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::dial::{DialError, Dialler};
use super::step::Watch;

/// The most connections at a time; more requests wait.
const MOST: usize = 4;
/// The daemon closes what is idle for 75 s; a request must not meet that.
const FRESH: Duration = Duration::from_secs(60);

type Sender = SendRequest<Full<Bytes>>;

/// The connections to one daemon.
pub struct Pool {
    dialler: Arc<Dialler>,
    idle: Mutex<Vec<(Sender, Instant)>>,
    places: Arc<Semaphore>,
}

/// A connection that is ours for one exchange.
pub struct Line {
    /// Where the request goes in.
    pub sender: Sender,
    /// Whether it has served before, and so may be closed by now.
    pub reused: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Pool {
    pub fn new(dialler: Arc<Dialler>) -> Self {
        Self { dialler, idle: Mutex::new(Vec::new()), places: Arc::new(Semaphore::new(MOST)) }
    }

    pub fn dialler(&self) -> &Dialler {
        &self.dialler
    }

    /// Opens a connection and keeps it for the next request.
    ///
    /// # Errors
    /// There is none.
    pub async fn open(&self, watch: &Watch) -> Result<(), DialError> {
        let sender = self.fresh(watch).await?;
        self.clear();
        self.put(sender);
        Ok(())
    }

    /// A connection, kept or new.
    ///
    /// # Errors
    /// There is none.
    pub async fn take(&self) -> Result<Line, DialError> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        if let Some(sender) = self.kept() {
            return Ok(Line { sender, reused: true, _place: place });
        }
        let sender = self.fresh(&Watch::nobody()).await?;
        Ok(Line { sender, reused: false, _place: place })
    }

    /// Gives a connection back after a whole exchange.
    pub fn give(&self, line: Line) {
        if !line.sender.is_closed() {
            self.put(line.sender);
        }
    }

    /// Forgets every idle connection.
    pub fn clear(&self) {
        self.held().clear();
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<(Sender, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, sender: Sender) {
        self.held().push((sender, Instant::now()));
    }

    fn kept(&self) -> Option<Sender> {
        let mut idle = self.held();
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < FRESH);
        idle.pop().map(|(sender, _)| sender)
    }

    async fn fresh(&self, watch: &Watch) -> Result<Sender, DialError> {
        let stream = self.dialler.dial(watch).await?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| DialError::Speech(e.to_string()))?;
        // It ends when the sender is dropped, or the other side leaves.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
