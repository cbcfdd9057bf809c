//! The feed: a ring of deltas that every connection reads with a cursor of its own.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use shared::revision::Position;
use tokio::sync::watch;

use super::delta::Delta;

/// How much the ring keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At most so many revisions.
    pub revisions: usize,
    /// At most about so many bytes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { revisions: 1_000, bytes: 4 << 20 }
    }
}

/// What a cursor finds.
#[derive(Debug)]
pub enum Since {
    /// The deltas after the cursor, oldest first; empty when it is at the head.
    Deltas(Vec<Arc<Delta>>),
    /// The cursor fell off the ring, or is of another epoch: take a snapshot.
    Gone,
}

struct Ring {
    deltas: VecDeque<Arc<Delta>>,
    weight: usize,
    /// The position before the oldest delta: cursors from here on can be served.
    tail: Position,
}

/// The ring and its head.
pub struct Feed {
    limits: Limits,
    ring: RwLock<Ring>,
    head: watch::Sender<Position>,
}

impl Feed {
    /// An empty feed.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ring: RwLock::new(Ring { deltas: VecDeque::new(), weight: 0, tail: Position::default() }),
            head: watch::Sender::new(Position::default()),
        }
    }

    /// Where the feed stands.
    pub fn position(&self) -> Position {
        *self.head.borrow()
    }

    /// Wakes whoever waits for the head to move.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// What came after a cursor, at most `limit` deltas at a time.
    pub fn since(&self, cursor: Position, limit: usize) -> Since {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let head = ring.deltas.back().map_or(ring.tail, |d| d.position);
        if cursor == head {
            return Since::Deltas(Vec::new());
        }
        if cursor.epoch != head.epoch || cursor < ring.tail || cursor > head {
            return Since::Gone;
        }
        let start = ring.deltas.partition_point(|d| d.position <= cursor);
        Since::Deltas(ring.deltas.iter().skip(start).take(limit).cloned().collect())
    }

    /// Adds the delta after the head and wakes everybody. Called by the follower alone.
    pub(in crate::live) fn publish(&self, delta: Arc<Delta>) {
        let position = delta.position;
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.weight += delta.weight();
            ring.deltas.push_back(delta);
            while ring.deltas.len() > 1
                && (ring.deltas.len() > self.limits.revisions || ring.weight > self.limits.bytes)
            {
                if let Some(old) = ring.deltas.pop_front() {
                    ring.weight = ring.weight.saturating_sub(old.weight());
                    ring.tail = old.position;
                }
            }
        }
        self.head.send_replace(position);
    }

    /// Forgets everything: whoever has a cursor takes a snapshot. Called by the follower alone.
    pub(in crate::live) fn reset(&self, position: Position) {
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.deltas.clear();
            ring.weight = 0;
            ring.tail = position;
        }
        self.head.send_replace(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::audit::{Header, RevisionKind};
    use time::OffsetDateTime;

    fn delta(revision: i64) -> Arc<Delta> {
        let catalog =
            crate::live::catalog::Catalog { position: Position::new(1, revision), ..Default::default() };
        let header = Header {
            at: OffsetDateTime::UNIX_EPOCH,
            kind: RevisionKind::Change,
            actor: String::new(),
            credential: String::new(),
            source: String::new(),
            comment: None,
            request_id: None,
        };
        Arc::new(Delta::jump(&catalog, header))
    }

    fn numbers(since: Since) -> Option<Vec<i64>> {
        match since {
            Since::Deltas(deltas) => Some(deltas.iter().map(|d| d.position.revision.0).collect()),
            Since::Gone => None,
        }
    }

    #[test]
    fn a_cursor_reads_what_came_after_it_and_no_more() {
        let feed = Feed::new(Limits::default());
        feed.reset(Position::new(1, 10));
        for r in 11..=15 {
            feed.publish(delta(r));
        }
        assert_eq!(numbers(feed.since(Position::new(1, 10), 99)), Some(vec![11, 12, 13, 14, 15]));
        assert_eq!(numbers(feed.since(Position::new(1, 13), 1)), Some(vec![14]));
        assert_eq!(numbers(feed.since(Position::new(1, 15), 99)), Some(vec![]));
    }

    #[test]
    fn a_cursor_off_the_ring_or_of_another_epoch_needs_a_snapshot() {
        let feed = Feed::new(Limits { revisions: 2, bytes: usize::MAX });
        feed.reset(Position::new(1, 0));
        for r in 1..=5 {
            feed.publish(delta(r));
        }
        assert_eq!(numbers(feed.since(Position::new(1, 2), 9)), None);
        assert_eq!(numbers(feed.since(Position::new(1, 3), 9)), Some(vec![4, 5]));
        assert_eq!(numbers(feed.since(Position::new(2, 4), 9)), None);
        assert_eq!(numbers(feed.since(Position::new(1, 6), 9)), None);
    }
}
