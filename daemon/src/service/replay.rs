//! Reads back changes that the feed has forgotten.

use shared::revision::Position;

use crate::store::StoreError;
use crate::store::audit::{self, Committed, Entry};
use crate::store::gate::Gate;

/// A change with what it touched.
pub type Replayed = (Committed, Vec<Entry>);

/// The changes after `from` up to `to`, oldest first, at most `limit` of them; `None` where the history
/// does not go on from there in the same epoch.
///
/// # Errors
/// The database's.
pub async fn changes(
    gate: &Gate,
    from: Position,
    to: Position,
    limit: i64,
) -> Result<Option<Vec<Replayed>>, StoreError> {
    let mut conn = gate.read().await?;
    let mut found = audit::since(&mut conn, from.revision, limit).await?;
    found.retain(|committed| committed.position <= to);
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(None) };
    let mut entries = audit::entries(&mut conn, first.position.revision, last.position.revision)
        .await?
        .into_iter()
        .peekable();
    let mut after = from;
    let mut changes = Vec::with_capacity(found.len());
    for committed in found {
        if committed.position.epoch != from.epoch || committed.position.revision != after.revision.next() {
            return Ok(None);
        }
        after = committed.position;
        let mut touched = Vec::new();
        while let Some(entry) = entries.next_if(|e| e.revision <= after.revision) {
            touched.push(entry);
        }
        changes.push((committed, touched));
    }
    Ok(Some(changes))
}
