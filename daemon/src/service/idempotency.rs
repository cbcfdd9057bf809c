//! Answers that were lost: whether a write with an idempotency key was made, settled for good.

use shared::revision::Revision;
use sqlx::Connection;

use super::{Cx, Refusal};
use crate::store::gate::{Closed, Gate};
use crate::store::idempotency::Known;
use crate::store::{self, StoreError};

/// Whether the caller's write with this key was made: its revision, or `None`, and then the key is
/// burned, so that an original that is still on its way is refused when it arrives.
///
/// Taken under the head's lock: an original that is being committed is decided first.
///
/// # Errors
/// The database's; while an original holds the lock for long, that it is not available.
pub async fn resolve(cx: &Cx, key: &str) -> Result<Option<Revision>, Refusal> {
    let mut conn = cx.gate.write().await?;
    let mut tx = conn
        .begin_with(
            "begin; set local lock_timeout = '5s'; set local statement_timeout = '10s'; \
             set local synchronous_commit = on",
        )
        .await
        .map_err(StoreError::from)?;
    let (head, _) = store::head::lock(&mut tx).await?;
    if cx.gate.seen().is_after(&head) {
        cx.gate.look();
        return Err(Closed::Regressed.into());
    }
    let principal = &cx.caller.principal;
    match store::idempotency::find(&mut tx, principal, key).await? {
        Some(Known::Answered { revision, .. }) => {
            tx.rollback().await.map_err(StoreError::from)?;
            Ok(Some(Revision(revision)))
        }
        Some(Known::Burned) => {
            tx.rollback().await.map_err(StoreError::from)?;
            Ok(None)
        }
        None => {
            store::idempotency::keep(&mut tx, principal, key, &Known::Burned).await?;
            tx.commit().await.map_err(|error| match StoreError::from(error) {
                StoreError::Unavailable(_) => StoreError::OutcomeUnknown,
                other => other,
            })?;
            Ok(None)
        }
    }
}

/// Forgets answers older than 24 hours; how many.
///
/// # Errors
/// The database's.
pub async fn prune(gate: &Gate) -> Result<u64, StoreError> {
    store::idempotency::prune(&mut *gate.read().await?).await
}
