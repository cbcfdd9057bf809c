//! One client: what waits to be sent to it, and the task that sends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
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

/// More packets than this wait only for a client that is too slow.
const BACKLOG: usize = 1024;
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

/// One client that was let in.
pub struct Connection {
    /// Its transport.
    pub socket: Arc<Socket<()>>,
    /// Who it is.
    pub who: Who,
    /// What it showed.
    pub presented: Presented,
    carries: Option<Carries>,
    queue: Mutex<VecDeque<Out>>,
    backlog: AtomicUsize,
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
            backlog: AtomicUsize::new(BACKLOG),
            wake: Notify::new(),
            refreshed: AtomicI64::new(now),
            ended: CancellationToken::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Out>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a packet behind the others; false where too many wait already.
    pub fn push(&self, out: Out) -> bool {
        let mut queue = self.queue();
        if queue.len() >= self.backlog.load(Ordering::Relaxed) {
            return false;
        }
        queue.push_back(out);
        drop(queue);
        self.wake.notify_one();
        true
    }

    /// Lets so many more packets wait: what a client is told at once, it need not take at once.
    pub fn allow(&self, more: usize) {
        self.backlog.fetch_add(more, Ordering::Relaxed);
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
            let next = self.queue().pop_front();
            let Some(out) = next else {
                self.wake.notified().await;
                continue;
            };
            let text = self.text(out, clock);
            loop {
                match self.socket.reserve() {
                    Ok(place) => {
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
