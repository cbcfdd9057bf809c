//! The daemons on this database, as the last heartbeat found them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::daemons::Heartbeat;

/// Who this daemon is.
#[derive(Clone, Debug)]
pub struct Myself {
    /// Made at its start.
    pub id: Uuid,
    /// Its host's name.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// When it started.
    pub started_at: OffsetDateTime,
}

/// The daemons on this database, as the last heartbeat found them.
#[derive(Debug, Default)]
pub struct Daemons {
    found: ArcSwap<Found>,
}

/// What a heartbeat found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// This daemon; `None` before its first heartbeat.
    pub myself: Option<Myself>,
    /// Every daemon that was heard of lately, this one included where the database answered.
    pub all: Vec<Heartbeat>,
}

impl Daemons {
    /// What the last heartbeat found.
    pub fn found(&self) -> Arc<Found> {
        self.found.load_full()
    }

    pub(in crate::live) fn tell(&self, found: Found) {
        self.found.store(Arc::new(found));
    }
}
