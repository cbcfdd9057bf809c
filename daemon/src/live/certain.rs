//! Certainty: what is not in the catalog after this look was not committed before it.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Live;
use crate::store::gate::Gate;
use crate::store::{self, StoreError};

/// Between the beginnings of two looks: a flood of questions costs the database no more than this.
const BETWEEN: Duration = Duration::from_millis(100);
/// A look that takes longer tells nothing.
const LONGEST: Duration = Duration::from_secs(2);

/// When the last look began, and the revision that it found.
#[derive(Clone, Copy, Debug)]
struct Look {
    began: Instant,
    found: Option<i64>,
}

/// Looks at the database's head for those who must be certain; one at a time, shared.
#[derive(Debug, Default)]
pub struct Certain {
    last: Mutex<Option<Look>>,
}

impl Certain {
    /// Waits until the catalog holds everything that was committed before this was called; false where that
    /// cannot be told.
    pub async fn of(&self, live: &Live, gate: &Gate) -> bool {
        if live.stale() || live.provisional() || gate.regressed() {
            return false;
        }
        let Some(revision) = self.head(gate).await else { return false };
        if live.catalog().position.revision.0 < revision {
            gate.look();
        }
        live.wait_for(revision, LONGEST).await && !live.provisional() && !gate.regressed()
    }

    async fn head(&self, gate: &Gate) -> Option<i64> {
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
            Ok::<_, StoreError>(store::head::get(&mut conn).await?.position.revision.0)
        };
        let found = tokio::time::timeout(LONGEST, read).await.ok().and_then(Result::ok);
        metrics::counter!("flagstaff_certain_looks_total").increment(1);
        *last = Some(Look { began, found });
        found
    }
}
