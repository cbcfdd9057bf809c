//! GROUND: what is live: the catalog at a revision, the feed of changes, and who moves them.
//!
//! Only [`follow`] writes; everything else reads [`Live`]. The children import this file for [`Live`];
//! it names their types and runs none of their code.

pub mod catalog;
pub mod clients;
pub mod delta;
pub mod feed;
pub mod follow;
pub mod load;
pub mod past;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::revision::Position;

use catalog::Catalog;
use clients::Clients;
use feed::Feed;

/// The catalog and the feed, as readers see them.
pub struct Live {
    catalog: ArcSwap<Catalog>,
    feed: Feed,
    past: past::Past,
    clients: Arc<Clients>,
    ready: AtomicBool,
    stale: AtomicBool,
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

    /// Waits until the catalog holds a revision; false if it took too long.
    pub async fn wait_for(&self, revision: i64, timeout: Duration) -> bool {
        if self.catalog.load().position.revision.0 >= revision {
            return true;
        }
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

    pub(in crate::live) fn seen_head(&self, revision: i64) {
        self.head.store(revision, Ordering::Release);
    }
}
