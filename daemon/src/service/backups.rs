//! Backups: asked for, and looked at. The queue's workers make them.

use uuid::Uuid;

use super::{Cx, Refusal};
use crate::store::backups::{self, Job};

/// Asks for a backup; one of the daemons makes it.
///
/// # Errors
/// The database's.
pub async fn ask(cx: &Cx) -> Result<Job, Refusal> {
    let mut conn = cx.gate.read().await?;
    Ok(backups::enqueue(&mut conn, cx.clock.uuid(), &cx.caller.principal).await?)
}

/// The newest backups.
///
/// # Errors
/// The database's.
pub async fn newest(cx: &Cx, limit: usize) -> Result<Vec<Job>, Refusal> {
    let mut conn = cx.gate.read().await?;
    Ok(backups::list(&mut conn, i64::try_from(limit).unwrap_or(i64::MAX)).await?)
}

/// One backup.
///
/// # Errors
/// The database's, or that there is none.
pub async fn one(cx: &Cx, id: Uuid) -> Result<Job, Refusal> {
    let mut conn = cx.gate.read().await?;
    backups::find(&mut conn, id).await?.ok_or_else(|| Refusal::unknown(format!("backup {id}")))
}
