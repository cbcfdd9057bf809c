//! Going on from a database that went back: the revision that begins a new epoch.

use shared::access::{Permission, Scope};
use shared::audit::RevisionKind;
use shared::revision::Position;

use super::commit::{self, Answer, Done};
use super::{Cx, Refusal, WriteOptions, epoch};
use crate::store;

/// What the operator says about it, and what is known.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// Why the database went back: the backup, or the operator's words.
    pub reason: String,
    /// The newest positions that files, daemons and the operator remember.
    pub seen: Vec<Position>,
}

/// What was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The first revision of the new epoch.
    pub position: Position,
    /// Where the database stood.
    pub restored: Position,
    /// The newest position that anybody has seen.
    pub seen: Position,
}

/// Begins a new epoch: every stream takes a snapshot, frozen daemons accept writes again, and no version falls.
///
/// # Errors
/// Why not; then nothing was written.
pub async fn accept(cx: &Cx, rollback: &Rollback) -> Result<Accepted, Refusal> {
    let decision = cx.caller.may(Permission::Operate, &Scope::INSTALLATION);
    if !decision.allowed {
        return Err(Refusal::forbidden(decision.because));
    }
    let mut conn = cx.gate.read().await?;
    let restored = store::head::get(&mut conn).await?.position;
    // Daemons that are frozen still tell what they serve.
    let beats = store::daemons::list(&mut conn, HEARD_OF).await?;
    drop(conn);
    let known = rollback.seen.iter().copied().chain(beats.into_iter().map(|beat| beat.position));
    // A later epoch may count lower than an earlier one did: each number is compared for itself.
    let seen = known.fold(restored, |seen, other| Position {
        epoch: seen.epoch.max(other.epoch),
        revision: seen.revision.max(other.revision),
    });
    let lost = epoch::lost(restored, seen);
    let options = WriteOptions {
        kind: RevisionKind::Epoch,
        comment: Some(format!(
            "{}; the database stood at {restored}, the lost head was {seen} ({lost} revisions)",
            rollback.reason
        )),
        new_epoch: Some(seen),
        ..WriteOptions::default()
    };
    let began = std::sync::Mutex::new(Position::default());
    let render = |done: &Done| {
        if let Ok(mut began) = began.lock() {
            *began = done.position;
        }
        Answer { status: 200, headers: Vec::new(), body: String::new(), revision: None, replayed: false }
    };
    commit::run(cx, &options, &[], &render).await?;
    let position = began.into_inner().unwrap_or_default();
    Ok(Accepted { position, restored, seen })
}

/// Seconds within which a daemon's heartbeat counts.
const HEARD_OF: f64 = 3600.0;
