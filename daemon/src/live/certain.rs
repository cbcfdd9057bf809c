//! Certainty: what is not in the catalog after this look was not committed before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::revision::Position;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Live;
use crate::store::gate::Gate;
use crate::store::{self, StoreError};

/// Between the beginnings of two looks: a flood of questions costs the database no more than this.
const BETWEEN: Duration = Duration::from_millis(100);
/// A look that takes longer tells nothing.
const LONGEST: Duration = Duration::from_secs(2);

/// When the last look began, and the head that it found.
#[derive(Clone, Copy, Debug)]
struct Look {
    began: Instant,
    found: Option<Position>,
}

/// Looks at the database's head for those who must be certain; one at a time, shared.
#[derive(Debug, Default)]
pub struct Certain {
    last: Mutex<Option<Look>>,
    looks: AtomicU64,
}

impl Certain {
    /// Waits until the catalog holds everything that was committed before this was called; false where that
    /// cannot be told.
    pub async fn of(&self, live: &Live, gate: &Gate) -> bool {
        if live.stale() || live.provisional() || gate.regressed() {
            return false;
        }
        let Some(head) = self.head(gate).await else { return false };
        let mut moves = live.feed().watch();
        if live.catalog().position < head {
            gate.look();
            // In another epoch a lower number may be the later one.
            let holds = tokio::time::timeout(LONGEST, moves.wait_for(|at: &Position| *at >= head)).await;
            if !holds.is_ok_and(|held| held.is_ok()) {
                return false;
            }
        }
        !live.provisional() && !gate.regressed()
    }

    /// How often the database was looked at for this.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    async fn head(&self, gate: &Gate) -> Option<Position> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(look) = *last {
            // It began after the question, so that it is an answer to it.
            if look.began >= asked {
                return look.found;
            }
            tokio::time::sleep_until(look.began + BETWEEN).await;
        }
        let began = Instant::now();
        let read = async {
            let mut conn = gate.read().await?;
            Ok::<_, StoreError>(store::head::get(&mut conn).await?.position)
        };
        let found = tokio::time::timeout(LONGEST, read).await.ok().and_then(Result::ok);
        self.looks.fetch_add(1, Ordering::Relaxed);
        *last = Some(Look { began, found });
        found
    }
}
