//! Watches one connection: what arrives, what is stuck, what is under way.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

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
}

impl Overdue {
    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Write => "write",
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
        let stuck = state.stuck_since.map(|since| (since + limits.write_timeout, Overdue::Write));
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

    fn written<T>(&self, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let mut state = self.watch.state();
        if poll.is_pending() {
            state.stuck_since.get_or_insert_with(Instant::now);
        } else {
            state.stuck_since = None;
        }
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
        self.written(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.written(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.written(poll)
    }
}
