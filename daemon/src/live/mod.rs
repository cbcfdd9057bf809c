//! GROUND: what is live: the catalog at a revision, the feed of changes, and who moves them.
//!
//! Only [`follow`] writes; everything else reads [`Live`]. The children import this file for [`Live`];
//! it names their types and runs none of their code.

pub mod begin;
pub mod behind;
pub mod catalog;
pub mod certain;
pub mod clients;
pub mod daemons;
pub mod deliveries;
pub mod delta;
pub mod disk;
pub mod feed;
pub mod follow;
pub mod heartbeat;
pub mod keep;
pub mod load;
pub mod named;
pub mod past;
pub mod serving;
pub mod snapshot;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::revision::Position;
use uuid::Uuid;

use catalog::Catalog;
use clients::Clients;
use daemons::Daemons;
use feed::Feed;
use snapshot::Snapshots;

/// How long to wait for a revision while the database does not answer.
const WHILE_STALE: Duration = Duration::from_millis(50);

/// The catalog and the feed, as readers see them.
pub struct Live {
    catalog: ArcSwap<Catalog>,
    feed: Feed,
    past: past::Past,
    clients: Arc<Clients>,
    daemons: Daemons,
    snapshots: Snapshots,
    installation: OnceLock<Uuid>,
    ready: AtomicBool,
    stale: AtomicBool,
    /// What is served came from the disk and the database has not confirmed it yet.
    provisional: AtomicBool,
    /// The head's revision as the database last told it: lag is what is between it and the catalog.
    head: AtomicI64,
}

impl Live {
    /// An empty catalog that is not ready.
    pub fn new(ring: feed::Limits) -> Self {
        Self {
            catalog: ArcSwap::from_pointee(Catalog::default()),
            feed: Feed::new(ring),
            past: past::Past::default(),
            clients: Arc::default(),
            daemons: Daemons::default(),
            snapshots: Snapshots::default(),
            installation: OnceLock::new(),
            provisional: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            head: AtomicI64::new(0),
        }
    }

    /// The catalog as it is now: one load, so that one answer sees one revision.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// The feed of changes.
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Catalogs of the past.
    pub const fn past(&self) -> &past::Past {
        &self.past
    }

    /// The clients that hear changes at the moment.
    pub const fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// The daemons on this database, as the last heartbeat found them.
    pub const fn daemons(&self) -> &Daemons {
        &self.daemons
    }

    /// Whole environments, encoded once for everybody.
    pub const fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The installation whose catalog is served; `None` until the database has told it.
    pub fn installation(&self) -> Option<Uuid> {
        self.installation.get().copied()
    }

    /// Whether what is served came from the disk and the database has not confirmed it yet.
    pub fn provisional(&self) -> bool {
        self.provisional.load(Ordering::Acquire)
    }

    /// Whether there is a catalog to serve.
    pub fn ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Whether the database did not answer the follower the last time: what is served may be old.
    pub fn stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// How many revisions the catalog is behind the head that was last seen.
    pub fn lag(&self) -> i64 {
        (self.head.load(Ordering::Acquire) - self.catalog.load().position.revision.0).max(0)
    }

    /// Waits until the catalog holds a revision; false if it took too long. While the database is away
    /// there is little to wait for.
    pub async fn wait_for(&self, revision: i64, timeout: Duration) -> bool {
        if self.catalog.load().position.revision.0 >= revision {
            return true;
        }
        let timeout = if self.stale() { timeout.min(WHILE_STALE) } else { timeout };
        let mut moves = self.feed.watch();
        tokio::time::timeout(timeout, moves.wait_for(|head: &Position| head.revision.0 >= revision))
            .await
            .is_ok_and(|moved| moved.is_ok())
    }

    pub(in crate::live) fn swap(&self, catalog: Arc<Catalog>) {
        self.head.fetch_max(catalog.position.revision.0, Ordering::AcqRel);
        self.catalog.store(catalog);
        self.ready.store(true, Ordering::Release);
    }

    pub(in crate::live) fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Release);
    }

    pub(in crate::live) fn set_provisional(&self, provisional: bool) {
        self.provisional.store(provisional, Ordering::Release);
    }

    pub(in crate::live) fn set_installation(&self, installation: Uuid) {
        // The first one stays: a daemon serves one installation as long as it runs.
        let _ = self.installation.set(installation);
    }

    pub(in crate::live) fn seen_head(&self, revision: i64) {
        self.head.store(revision, Ordering::Release);
    }
}
