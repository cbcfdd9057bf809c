//! Watches one connection: what arrives, what is stuck, what is under way.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::Limits;

/// An HTTP/2 connection starts with these bytes, which aren't a request.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Why a connection is over before its client closed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// A head began and didn't end, or nothing came at all.
    Head,
    /// Nothing was asked for a while.
    Idle,
    /// The client takes nothing.
    Write,
    /// The client takes so little that it never catches up.
    Slow,
}

/// Slower than this, in bytes a second, is a trickle.
const SLOWEST: u32 = 64 * 1024;

impl Overdue {
    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Write => "write",
            Self::Slow => "slow",
        }
    }
}

#[derive(Debug)]
struct State {
    /// The first bytes, and how many of them are there.
    first: [u8; PREFACE.len()],
    have: usize,
    requests: usize,
    idle_since: Instant,
    head_since: Option<Instant>,
    stuck_since: Option<Instant>,
    /// Patience that was used up, of what [`Limits::write_timeout`] allows: time that the client let bytes
    /// wait for, less what it took and the time that nothing waited.
    used: Duration,
    taken_at: Instant,
}

/// What is known of a connection, shared by its socket, its requests and its timer.
#[derive(Debug)]
pub struct Watch {
    state: Mutex<State>,
    waker: AtomicWaker,
}

impl Watch {
    /// A connection that was opened now. Its first head is awaited from now on.
    pub fn new() -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            first: [0; PREFACE.len()],
            have: 0,
            requests: 0,
            idle_since: now,
            head_since: Some(now),
            stuck_since: None,
            used: Duration::ZERO,
            taken_at: now,
        };
        Arc::new(Self { state: Mutex::new(state), waker: AtomicWaker::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the connection is overdue if nothing else happens, and why. A stream or a long poll under
    /// way is overdue only if its client takes nothing.
    pub fn due(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let state = self.state();
        let stuck = state.stuck_since.map(|since| {
            let left = limits.write_timeout.saturating_sub(state.used);
            (since + left, if state.used.is_zero() { Overdue::Write } else { Overdue::Slow })
        });
        let quiet = match (state.requests, state.head_since) {
            (0, Some(since)) => Some((since + limits.head_timeout, Overdue::Head)),
            (0, None) => Some((state.idle_since + limits.idle_timeout, Overdue::Idle)),
            _ => None,
        };
        match (stuck, quiet) {
            (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
            (one, other) => one.or(other),
        }
    }

    /// Registers the connection's task, to be woken when a request ends elsewhere.
    pub fn register(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    /// A request's head is complete; it is under way until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> UnderWay {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        drop(state);
        UnderWay(self.clone())
    }

    /// Whether nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.state().requests == 0
    }

    /// So many bytes were taken; `None` where they have to wait.
    fn wrote(&self, bytes: Option<usize>, now: Instant) {
        let mut state = self.state();
        let Some(bytes) = bytes else {
            if state.stuck_since.is_none() {
                // While nothing waited, the client had caught up.
                state.used = state.used.saturating_sub(now.duration_since(state.taken_at));
                state.stuck_since = Some(now);
            }
            return;
        };
        // Nearly always: nothing waited, and nothing is held against the client.
        let stuck = state.stuck_since.take();
        if stuck.is_none() && state.used.is_zero() {
            return;
        }
        let waited = stuck.map_or(Duration::ZERO, |since| now.duration_since(since));
        let idle = if stuck.is_none() { now.duration_since(state.taken_at) } else { Duration::ZERO };
        let earned = u32::try_from(bytes).map_or(Duration::MAX, |n| Duration::from_secs(n.into()) / SLOWEST);
        state.used = (state.used + waited).saturating_sub(earned.saturating_add(idle));
        state.taken_at = now;
    }

    fn arrived(&self, bytes: &[u8]) {
        let mut state = self.state();
        let have = state.have;
        for (slot, byte) in state.first.iter_mut().skip(have).zip(bytes) {
            *slot = *byte;
        }
        state.have = have.saturating_add(bytes.len()).min(PREFACE.len());
        if state.first == *PREFACE {
            // Frames come and go without a request; only idleness counts.
            if state.head_since.take().is_some() {
                state.idle_since = Instant::now();
            }
        } else if state.requests == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct UnderWay(Arc<Watch>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            state.idle_since = Instant::now();
            drop(state);
            // Streams of HTTP/2 end in tasks of their own.
            self.0.waker.wake();
        }
    }
}

/// A socket whose reads and writes are watched, and that holds what must live as long as it does.
#[derive(Debug)]
pub struct Watched<S, K> {
    socket: S,
    watch: Arc<Watch>,
    _kept: K,
}

impl<S, K> Watched<S, K> {
    /// Watches `socket`; `kept` is dropped with it, also after an upgrade.
    pub fn new(socket: S, watch: Arc<Watch>, kept: K) -> Self {
        Self { socket, watch, _kept: kept }
    }

    fn written<T>(&self, poll: Poll<io::Result<T>>, count: impl Fn(&T) -> usize) -> Poll<io::Result<T>> {
        let bytes = match &poll {
            Poll::Ready(Ok(written)) => Some(count(written)),
            Poll::Ready(Err(_)) => Some(0),
            Poll::Pending => None,
        };
        self.watch.wrote(bytes, Instant::now());
        poll
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for Watched<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let poll = Pin::new(&mut self.socket).poll_read(cx, into);
        match into.filled().get(before..) {
            Some(bytes) if !bytes.is_empty() => self.watch.arrived(bytes),
            _ => {}
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for Watched<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.written(poll, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.written(poll, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.written(poll, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        let config = crate::config::layers::Layers::defaults().unwrap();
        Limits { write_timeout: 10 * SECOND, ..Limits::of(config.config()) }
    }

    /// Lets a client wait for a second, then take so much, until it is overdue; after how many seconds?
    fn lasts(watch: &Watch, mut now: Instant, bytes: usize) -> (u32, Option<Overdue>) {
        for second in 0..1_000 {
            watch.wrote(None, now);
            let due = watch.due(&limits()).filter(|(due, _)| *due <= now + SECOND);
            if let Some((_, why)) = due {
                return (second, Some(why));
            }
            now += SECOND;
            watch.wrote(Some(bytes), now);
        }
        (1_000, None)
    }

    #[test]
    fn who_takes_too_little_is_overdue_and_who_takes_enough_never_is() {
        let start = Instant::now();
        let under_way = |watch: &Arc<Watch>| watch.request();
        let nothing = Watch::new();
        let _one = under_way(&nothing);
        nothing.wrote(None, start);
        assert_eq!(nothing.due(&limits()), Some((start + 10 * SECOND, Overdue::Write)));
        let half = Watch::new();
        let _two = under_way(&half);
        assert_eq!(lasts(&half, start, 32 * 1024), (18, Some(Overdue::Slow)));
        let enough = Watch::new();
        let _three = under_way(&enough);
        assert_eq!(lasts(&enough, start, 64 * 1024), (1_000, None));
    }

    #[test]
    fn a_client_that_caught_up_has_all_its_patience_again() {
        let start = Instant::now();
        let watch = Watch::new();
        let _under_way = watch.request();
        watch.wrote(None, start);
        watch.wrote(Some(10), start + 9 * SECOND);
        let later = start + 60 * SECOND;
        watch.wrote(None, later);
        assert_eq!(watch.due(&limits()), Some((later + 10 * SECOND, Overdue::Write)));
    }
}
