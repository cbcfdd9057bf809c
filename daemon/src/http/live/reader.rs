//! Reads for one stream what came after its cursor: feed, history, snapshot.

use std::sync::Arc;
use std::time::Duration;

use shared::revision::Position;
use tokio::sync::watch;

use super::listener::Listener;
use super::topics::Topics;
use super::wire::{self, Message};
use crate::live::delta::Delta;
use crate::live::feed::Since;
use crate::service::replay;

/// So many changes are read at a time.
const BATCH: usize = 64;
/// A stream further behind than this takes a snapshot.
const FAR_BEHIND: i64 = 1_000;
/// How long a cursor ahead of this daemon waits for it: another daemon was faster.
const AHEAD: Duration = Duration::from_secs(2);

/// The cursor of one stream.
pub struct Reader {
    /// What it hears.
    pub topics: Topics,
    cursor: Position,
    told: Position,
    head: watch::Receiver<Position>,
}

impl Reader {
    /// A stream that hears `topics` from `since` on, or from now on.
    pub fn new(listener: &Listener, topics: Topics, since: Option<Position>) -> Self {
        let feed = listener.state.live.feed();
        let mut head = feed.watch();
        // Whatever comes from here on wakes the stream; what is there already, it looks at first.
        head.mark_changed();
        let cursor = since.unwrap_or_else(|| feed.position());
        Self { topics, cursor, told: cursor, head }
    }

    /// Goes on with other topics, from where the stream is or from `since`.
    pub fn subscribe(&mut self, topics: Topics, since: Option<Position>) {
        self.topics = topics;
        self.cursor = since.unwrap_or(self.cursor);
        self.told = self.cursor;
        self.head.mark_changed();
    }

    /// How far the stream has read.
    pub const fn position(&self) -> Position {
        self.cursor
    }

    /// Waits until there is something to read. Cancelling it loses nothing.
    pub async fn moved(&mut self) {
        if self.head.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Says how far the stream is, where the client was not told since it read on.
    pub fn bookmark(&mut self) -> Option<Message> {
        if self.told == self.cursor {
            return None;
        }
        self.told = self.cursor;
        Some(wire::position(self.cursor))
    }

    /// Reads the next messages, a batch at a time; [`Reader::moved`] tells when there are more.
    pub async fn read(&mut self, listener: &Listener) -> Vec<Message> {
        let (messages, more) = self.batch(listener).await;
        if more {
            self.head.mark_changed();
        }
        messages
    }

    async fn batch(&mut self, listener: &Listener) -> (Vec<Message>, bool) {
        let live = &listener.state.live;
        let deltas = match live.feed().since(self.cursor, BATCH) {
            Since::Deltas(deltas) => deltas,
            Since::Gone => match self.missed(listener).await {
                Missed::Deltas(deltas) => deltas,
                Missed::Wait => return (Vec::new(), true),
                Missed::Snapshot => {
                    let catalog = live.catalog();
                    metrics::counter!("flagstaff_stream_snapshots_total").increment(1);
                    self.cursor = catalog.position;
                    self.told = self.cursor;
                    return (vec![wire::snapshot(live, &catalog, &self.topics)], true);
                }
            },
        };
        let more = !deltas.is_empty();
        let mut messages = Vec::new();
        for delta in deltas {
            self.cursor = delta.position;
            let shown = self.topics.shown(&delta, &listener.caller);
            if !shown.is_empty() {
                messages.push(wire::revision(&delta, &shown));
                self.told = self.cursor;
            }
        }
        (messages, more)
    }

    /// What to do with a cursor that the feed does not know.
    async fn missed(&mut self, listener: &Listener) -> Missed {
        let state = &listener.state;
        let head = state.live.feed().position();
        if self.cursor > head {
            let cursor = self.cursor;
            let arrived = self.head.wait_for(|head| *head >= cursor);
            return match tokio::time::timeout(AHEAD, arrived).await {
                Ok(Ok(_)) => Missed::Wait,
                _ => Missed::Snapshot,
            };
        }
        if self.cursor.epoch != head.epoch || head.revision.0 - self.cursor.revision.0 > FAR_BEHIND {
            return Missed::Snapshot;
        }
        let Ok(_permit) = state.live.snapshots().replays().acquire().await else { return Missed::Snapshot };
        // Limited to where the feed is, so that what it says next connects.
        match replay::changes(&state.gate, self.cursor, head, BATCH as i64).await {
            Ok(Some(changes)) => {
                let delta = |(committed, entries)| Arc::new(Delta::replayed(&committed, entries));
                Missed::Deltas(changes.into_iter().map(delta).collect())
            }
            Ok(None) => Missed::Snapshot,
            Err(error) => {
                tracing::debug!(%error, "the history cannot be read; a stream takes a snapshot");
                Missed::Snapshot
            }
        }
    }
}

enum Missed {
    Deltas(Vec<Arc<Delta>>),
    Wait,
    Snapshot,
}
