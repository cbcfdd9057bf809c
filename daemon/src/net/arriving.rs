//! A request's body that must keep arriving.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Slower than this, in bytes a second, is a trickle.
const SLOWEST: u32 = 4096;

/// The body stopped arriving.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body stopped arriving")]
pub struct Stalled;

/// A body that fails with [`Stalled`] when it pauses or trickles.
///
/// Only the time spent waiting counts: a handler that reads slowly is not the client's fault.
#[derive(Debug)]
pub struct Arriving<B> {
    inner: B,
    pause: Duration,
    /// Waiting that is left: `pause`, plus what the bytes so far have earned.
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    stalled: Arc<AtomicBool>,
}

impl<B> Arriving<B> {
    /// A body that may pause for `pause`; `stalled` is set when it does so for longer.
    pub fn new(inner: B, pause: Duration, stalled: Arc<AtomicBool>) -> Self {
        Self { inner, pause, left: pause, waiting: None, stalled }
    }
}

impl<B> Body for Arriving<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            let allowed = this.left.min(this.pause);
            let (_, sleep) =
                this.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(allowed))));
            ready!(sleep.as_mut().poll(cx));
            this.stalled.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Stalled.into())));
        };
        if let Some((since, _)) = this.waiting.take() {
            this.left = this.left.saturating_sub(since.elapsed());
        }
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let earned =
                u32::try_from(data.len()).map_or(this.pause, |n| Duration::from_secs(n.into()) / SLOWEST);
            this.left = this.left.saturating_add(earned);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
