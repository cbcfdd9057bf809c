//! Whole environments on their way to clients: so many at a time, the others in line.
//!
//! After a restart everybody comes back at once, and each wants everything. Memory and the network are kept
//! by sending to a few at a time, first come, first served; who finds even the line full is sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A client that takes less than this in a second gives its turn away; [`PATIENCE`] comes on top.
const SLOWEST: usize = 64 * 1024;
/// How long the slowest client may keep its turn for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The line is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many clients wait for their environment")]
pub struct Full;

/// The turns of one daemon.
#[derive(Debug)]
pub struct Deliveries {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    line: usize,
}

impl Deliveries {
    /// So many turns at a time, and a line of that length.
    pub fn new(turns: usize, line: usize) -> Self {
        let turns = Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS)));
        Self { turns, waiting: AtomicUsize::new(0), line }
    }

    /// Takes a turn, or a place in the line.
    ///
    /// # Errors
    /// The line is full.
    pub fn ask(self: &Arc<Self>) -> Result<Turn, Full> {
        if self.waiting.load(Ordering::Acquire) == 0
            && let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned()
        {
            return Ok(Turn::Had(permit));
        }
        let place = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < self.line).then_some(waiting + 1)
        });
        if place.is_err() {
            metrics::counter!("flagstaff_deliveries_refused_total").increment(1);
            return Err(Full);
        }
        Ok(Turn::InLine(Place(Arc::clone(self))))
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How many could begin at once.
    pub fn free(&self) -> usize {
        self.turns.available_permits()
    }
}

/// A turn, or the place in the line for one.
#[derive(Debug)]
pub enum Turn {
    /// It may begin.
    Had(OwnedSemaphorePermit),
    /// It waits.
    InLine(Place),
}

impl Turn {
    /// Waits for the turn. Whoever gives up leaves the line.
    pub async fn come(self) -> Option<OwnedSemaphorePermit> {
        match self {
            Self::Had(permit) => Some(permit),
            Self::InLine(place) => Arc::clone(&place.0.turns).acquire_owned().await.ok(),
        }
    }
}

/// A place in the line; dropping it leaves.
#[derive(Debug)]
pub struct Place(Arc<Deliveries>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A turn in use: over when dropped, or when the client took too long for so many bytes.
#[derive(Debug)]
pub struct Lease(#[allow(dead_code, reason = "its end is the word")] oneshot::Sender<()>);

impl Lease {
    /// Uses a turn for so many bytes. A stream that its connection does not ask for more cannot watch the
    /// time itself.
    pub fn new(permit: OwnedSemaphorePermit, bytes: usize) -> Self {
        let seconds = u64::try_from(bytes / SLOWEST).unwrap_or(u64::MAX);
        Self::within(permit, PATIENCE.saturating_add(Duration::from_secs(seconds)))
    }

    fn within(permit: OwnedSemaphorePermit, longest: Duration) -> Self {
        let (done, over) = oneshot::channel();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(longest, over).await;
            drop(permit);
        });
        Self(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_had_in_the_order_of_coming_and_beyond_the_line_nobody_waits() {
        let deliveries = Arc::new(Deliveries::new(1, 2));
        let first = deliveries.ask().unwrap().come().await.unwrap();
        let mut second = Box::pin(deliveries.ask().unwrap().come());
        let mut third = Box::pin(deliveries.ask().unwrap().come());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!(deliveries.waiting(), 2);
        assert_eq!(deliveries.ask().unwrap_err(), Full);
        drop(first);
        assert!(futures_util::poll!(&mut third).is_pending(), "the second comes first");
        let turn = second.await.unwrap();
        assert_eq!(deliveries.waiting(), 1);
        drop(turn);
        drop(third);
        assert_eq!((deliveries.waiting(), deliveries.free()), (0, 1), "who gives up leaves the line");
        assert!(matches!(deliveries.ask(), Ok(Turn::Had(_))));
    }

    #[tokio::test]
    async fn a_lease_ends_when_it_is_dropped_and_when_the_client_is_too_slow() {
        let deliveries = Arc::new(Deliveries::new(1, 1));
        let first = Lease::new(deliveries.ask().unwrap().come().await.unwrap(), 10);
        let mut second = Box::pin(deliveries.ask().unwrap().come());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        let slow = Lease::within(second.await.unwrap(), Duration::from_millis(1));
        let third = deliveries.ask().unwrap().come().await;
        assert!(third.is_some(), "it is had although the slow one goes on");
        drop(slow);
    }
}
