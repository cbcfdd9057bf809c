//! What was accepted and waits to be read: bounded in number and bytes, done one after the other.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The most payloads that wait.
const MOST: usize = 2_000;
/// The most bytes of payloads that are held, those included that still arrive.
const MOST_BYTES: usize = 64 << 20;

type Work = Box<dyn FnOnce() + Send>;

/// Bytes that are held; given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    all: Arc<AtomicUsize>,
    mine: usize,
}

impl Held {
    /// Holds so many bytes more; `false` where that would be too many of all.
    pub fn more(&mut self, bytes: usize) -> bool {
        let before = self.all.fetch_add(bytes, Ordering::AcqRel);
        if before.saturating_add(bytes) > MOST_BYTES {
            self.all.fetch_sub(bytes, Ordering::AcqRel);
            return false;
        }
        self.mine += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.mine, Ordering::AcqRel);
    }
}

/// The queue.
pub struct Queue {
    sender: mpsc::Sender<Work>,
    receiver: Mutex<Option<mpsc::Receiver<Work>>>,
    bytes: Arc<AtomicUsize>,
}

impl Default for Queue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MOST);
        Self { sender, receiver: Mutex::new(Some(receiver)), bytes: Arc::default() }
    }
}

impl Queue {
    /// Begins to hold bytes: none yet.
    pub fn hold(&self) -> Held {
        Held { all: Arc::clone(&self.bytes), mine: 0 }
    }

    /// Hands over work; `false` where too much waits already.
    pub fn offer(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.sender.try_send(Box::new(work)).is_ok()
    }

    /// Does the work, one after the other, until told to stop and nothing waits any more. Once in a process.
    pub async fn work(&self, stop: CancellationToken) {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else { return };
        loop {
            let next = tokio::select! {
                biased;
                next = receiver.recv() => next,
                () = stop.cancelled() => receiver.try_recv().ok(),
            };
            let Some(next) = next else { return };
            // Reading JSON of megabytes takes longer than a task may hold its thread. One that panics is lost.
            if tokio::task::spawn_blocking(next).await.is_err() {
                metrics::counter!("flagstaff_usage_shed_total", "what" => "payload").increment(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_up_to_a_bound_and_given_back() {
        let queue = Queue::default();
        let (mut one, mut other) = (queue.hold(), queue.hold());
        assert!(one.more(MOST_BYTES - 1) && !other.more(2) && other.more(1) && !other.more(1));
        drop(one);
        assert!(other.more(MOST_BYTES - 1));
        drop(other);
        assert_eq!(queue.bytes.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn what_waits_is_done_before_the_end_and_what_is_too_much_is_refused() {
        let queue = Queue::default();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..MOST {
            let done = Arc::clone(&done);
            assert!(queue.offer(move || {
                done.fetch_add(1, Ordering::AcqRel);
            }));
        }
        assert!(!queue.offer(|| {}));
        let stop = CancellationToken::new();
        stop.cancel();
        queue.work(stop).await;
        assert_eq!(done.load(Ordering::Acquire), MOST);
    }
}
