//! One client: what waits to be sent to it, and the task that sends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engineioxide::{DisconnectReason, Socket};
use shared::revision::Position;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::identify::{Presented, Who};
use crate::clock::Clock;
use crate::protocol::recovery::{Offset, RecoveryKey};
use crate::protocol::socketio::finish;

/// More bytes than this wait only for a client that is too slow. One step of the history may come on top:
/// a client is not slow because an import was large.
const BACKLOG: usize = 16 << 20;
/// How long to wait for room in the transport before looking again.
const FULL: Duration = Duration::from_millis(5);

/// The environments that a client listens to, by id.
pub type Rooms = Arc<BTreeSet<Uuid>>;

/// A packet on its way out.
#[derive(Clone, Debug)]
pub enum Out {
    /// A whole packet.
    Whole(Arc<str>),
    /// An event without its end: the offset of this client follows.
    Event(Arc<str>, Position, Rooms),
}

/// How a client carries on after a break.
#[derive(Clone, Debug)]
pub struct Carries {
    /// What seals it.
    pub key: RecoveryKey,
    /// Its pid.
    pub pid: String,
}

impl Out {
    fn weight(&self) -> usize {
        let (Self::Whole(text) | Self::Event(text, ..)) = self;
        64 + text.len()
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Out>,
    bytes: usize,
}

/// One client that was let in.
pub struct Connection {
    /// Its transport.
    pub socket: Arc<Socket<()>>,
    /// Who it is.
    pub who: Who,
    /// What it showed.
    pub presented: Presented,
    carries: Option<Carries>,
    queue: Mutex<Queue>,
    wake: Notify,
    /// When its last offset was written, in Unix seconds.
    refreshed: AtomicI64,
    ended: CancellationToken,
}

impl Connection {
    /// A client that was let in at `now`, in Unix seconds.
    pub fn new(
        socket: Arc<Socket<()>>,
        who: Who,
        presented: Presented,
        carries: Option<Carries>,
        now: i64,
    ) -> Self {
        Self {
            socket,
            who,
            presented,
            carries,
            queue: Mutex::default(),
            wake: Notify::new(),
            refreshed: AtomicI64::new(now),
            ended: CancellationToken::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts packets behind the others; false, and none of them, where too much waits already.
    pub fn push(&self, packets: impl IntoIterator<Item = Out>) -> bool {
        let mut queue = self.queue();
        if queue.bytes > BACKLOG {
            return false;
        }
        for out in packets {
            queue.bytes += out.weight();
            queue.waiting.push_back(out);
        }
        drop(queue);
        self.wake.notify_one();
        true
    }

    fn next(&self) -> Option<Out> {
        let mut queue = self.queue();
        let out = queue.waiting.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(out.weight());
        Some(out)
    }

    /// When its last offset was written, in Unix seconds.
    pub fn refreshed(&self) -> i64 {
        self.refreshed.load(Ordering::Relaxed)
    }

    /// Ends the transport, which a client answers by coming back; a DISCONNECT packet would end it for good.
    pub fn close(&self, reason: DisconnectReason) {
        self.ended.cancel();
        self.socket.close(reason);
    }

    /// Stops sending; the transport is somebody else's matter.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Sends what waits, until the client is gone or `leave` ends.
    pub async fn pump(self: Arc<Self>, clock: Arc<dyn Clock>, leave: impl Future<Output = ()>) {
        tokio::select! {
            () = self.send(&*clock) => {}
            () = self.ended.cancelled() => {}
            () = leave => self.close(DisconnectReason::ClosingServer),
        }
    }

    async fn send(&self, clock: &dyn Clock) {
        loop {
            let Some(out) = self.next() else {
                self.wake.notified().await;
                continue;
            };
            let text = self.text(out, clock);
            loop {
                // One place more than is needed: a ping that finds none ends the transport.
                match self.socket.reserve().and_then(|place| Ok((place, self.socket.reserve()?))) {
                    Ok((place, _spare)) => {
                        place.emit(text.into());
                        break;
                    }
                    Err(_) if self.socket.is_closed() => return,
                    Err(_) => tokio::time::sleep(FULL).await,
                }
            }
        }
    }

    fn text(&self, out: Out, clock: &dyn Clock) -> String {
        let (start, position, rooms) = match out {
            Out::Whole(text) => return text.as_ref().to_owned(),
            Out::Event(start, position, rooms) => (start, position, rooms),
        };
        let Some(carries) = &self.carries else { return finish(&start, None) };
        let issued_at = clock.now().unix_timestamp();
        self.refreshed.store(issued_at, Ordering::Relaxed);
        let offset = Offset { position, issued_at, rooms: rooms.iter().copied().collect() };
        finish(&start, Some(&carries.key.offset(&carries.pid, &offset)))
    }
}
