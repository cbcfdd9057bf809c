//! The changes that the feed told, newest last, in a bounded ring.

use super::rows::{instant, number, text};
use shared::json::Json;
use std::collections::VecDeque;
use std::sync::Arc;
use time::OffsetDateTime;

/// How many changes are kept in memory.
pub const KEPT: usize = 10_000;

/// One entity of a revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The revision.
    pub revision: u64,
    /// Its place in the revision.
    pub ordinal: u64,
    /// When it was committed.
    pub at: Option<OffsetDateTime>,
    /// `change`, `revert`, `promote`, `import`, ...
    pub cause: String,
    /// Who did it.
    pub actor: String,
    /// How they were known.
    pub credential: String,
    /// Through which door: `api`, `cli`, ...
    pub source: String,
    /// The id of the request.
    pub request_id: String,
    /// Why, in their words.
    pub comment: String,
    /// `flag`, `config`, `segment`, ...
    pub kind: String,
    /// Its key.
    pub key: String,
    /// Its project; empty when it has none.
    pub project: String,
    /// Its environment; empty when it has none.
    pub environment: String,
    /// What was done.
    pub action: String,
    /// The row before.
    pub before: Option<Json>,
    /// The row after.
    pub after: Option<Json>,
}

impl Line {
    /// Reads the lines of one `revision` message of the feed, or of one item of `GET /api/audit`.
    #[must_use]
    pub fn read(message: &Json) -> Vec<Self> {
        let line = |ordinal: usize, change: &Json| {
            let entity = change.get("entity");
            let of = |name: &str| entity.and_then(|e| text(e.get(name))).unwrap_or_default();
            let own = |name: &str| text(message.get(name)).unwrap_or_default();
            Self {
                revision: number(message.get("revision")),
                ordinal: change.get("ordinal").map_or(ordinal as u64, |n| number(Some(n))),
                at: instant(message.get("at")),
                cause: own("kind"),
                actor: own("actor"),
                credential: own("credential"),
                source: own("source"),
                request_id: own("requestId"),
                comment: own("comment"),
                kind: of("kind"),
                key: of("key"),
                project: of("project"),
                environment: of("environment"),
                action: text(change.get("action")).unwrap_or_default(),
                before: change.get("before").filter(|b| **b != Json::Null).cloned(),
                after: change.get("after").filter(|a| **a != Json::Null).cloned(),
            }
        };
        match message.get("changes").and_then(Json::as_array) {
            Some(changes) => changes.iter().enumerate().map(|(n, change)| line(n, change)).collect(),
            None if message.get("entity").is_some() => vec![line(0, message)],
            None => Vec::new(),
        }
    }

    /// What changed, path by path.
    #[must_use]
    pub fn diff(&self) -> Vec<shared::json::Change> {
        let null = Json::Null;
        shared::json::diff(self.before.as_ref().unwrap_or(&null), self.after.as_ref().unwrap_or(&null))
    }
}

/// The ring.
#[derive(Clone, Debug, Default)]
pub struct Events {
    lines: VecDeque<Arc<Line>>,
    /// How many older lines fell out of memory.
    pub dropped: u64,
    /// How many lines ever came, so that a screen can tell what is new.
    pub seen: u64,
}

impl Events {
    /// Adds a line as the newest one.
    pub fn push(&mut self, line: Line) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(Arc::new(line));
        self.seen += 1;
    }

    /// Puts older lines, the newest of them first, before those that are there. Lines already there are passed over.
    pub fn prepend(&mut self, older: Vec<Line>) {
        let oldest = self.lines.front().map(|line| (line.revision, line.ordinal));
        for line in older {
            if oldest.is_none_or(|first| (line.revision, line.ordinal) < first) && self.lines.len() < KEPT {
                self.lines.push_front(Arc::new(line));
            }
        }
    }

    /// The lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Line>> + ExactSizeIterator {
        self.lines.iter()
    }

    /// How many are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
