//! What a client missed: the present object of each flag that may have changed since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use shared::change::{Action, EntityKind};
use shared::key::{FlagKey, SegmentKey};
use shared::revision::Position;
use uuid::Uuid;

use super::members::{Inner, Room};
use super::shown::{Emission, Step};
use crate::http::AppState;
use crate::live::catalog::{Catalog, EnvironmentState, affected};
use crate::live::delta::Delta;
use crate::live::feed::Since;

/// A flag that may have changed: the step of its last change, and whether it may have been turned on or off.
#[derive(Clone, Copy)]
struct Change {
    before: Position,
    after: Position,
    flipped: bool,
}

type Changes = BTreeMap<FlagKey, Change>;

/// The events for a client that heard everything up to `heard` in these rooms, in the order of revisions.
pub fn missed(
    state: &AppState,
    catalog: &Catalog,
    inner: &Inner,
    rooms: &BTreeSet<Uuid>,
    heard: Position,
) -> Vec<Emission> {
    let now = inner.emitted;
    let same_epoch = heard.epoch == now.epoch;
    if same_epoch && heard >= now {
        return Vec::new();
    }
    let deltas = match state.live.feed().since(heard, usize::MAX) {
        Since::Deltas(deltas) if deltas.iter().all(|d| !d.snapshot || !d.entries.is_empty()) => Some(deltas),
        _ => None,
    };
    let mut steps = Vec::new();
    for (id, room) in rooms.iter().filter_map(|id| Some((*id, inner.rooms.get(id)?))) {
        let Some(environment) = catalog.environments.get(&room.place) else { continue };
        let changes = match &deltas {
            Some(deltas) => from_ring(deltas, room, heard, now),
            None if same_epoch => from_rows(catalog, environment, heard, now),
            None => everything(environment, heard, now),
        };
        steps.extend(changes.into_iter().map(|(key, change)| (change, id, room, key)));
    }
    steps.sort_by(|a, b| (a.0.after, a.1, &a.3).cmp(&(b.0.after, b.1, &b.3)));
    let mut out = Vec::new();
    for (change, id, room, key) in &steps {
        let Some(environment) = catalog.environments.get(&room.place) else { continue };
        let Change { before, after, flipped } = *change;
        let step = Step { room: *id, place: &room.place, key, before, after };
        let gone = environment.resting.get(key).and_then(|served| {
            let flag = catalog.flag(&room.place.0, key)?;
            Some((served.stored.row.version, flag.row.client_side_availability))
        });
        step.caught_up(room.shown.get(key).map(AsRef::as_ref), gone, flipped, &mut out);
    }
    out
}

/// Exactly: what the ring tells of the revisions in between.
fn from_ring(deltas: &[Arc<Delta>], room: &Room, heard: Position, now: Position) -> Changes {
    let mut changes = Changes::new();
    let mut before = heard;
    for delta in deltas.iter().take_while(|d| d.position <= now) {
        let after = delta.position;
        for key in delta.affected.get(&room.place).into_iter().flatten() {
            let flipped = changes.get(key).is_some_and(|c| c.flipped);
            changes.insert(key.clone(), Change { before, after, flipped });
        }
        for entry in &delta.entries {
            let here = entry.kind == EntityKind::Config
                && matches!(entry.action, Action::TurnedOn | Action::TurnedOff)
                && entry.project.as_ref() == Some(&room.place.0)
                && entry.environment.as_ref() == Some(&room.place.1);
            if here
                && let Ok(key) = FlagKey::new(entry.key.as_str())
                && let Some(change) = changes.get_mut(&key)
            {
                change.flipped = true;
            }
        }
        before = after;
    }
    changes
}

/// Without the ring, as after a start: what was last written after the client left, and what rests on it.
fn from_rows(catalog: &Catalog, state: &EnvironmentState, heard: Position, now: Position) -> Changes {
    let project = &state.stored.row.project;
    let mut own: HashMap<&FlagKey, (Position, bool)> = HashMap::new();
    for (key, served) in state.configs.iter().chain(state.resting.iter()) {
        let config = served.stored.stamp.last;
        let flag = catalog.flag(project, key).map(|flag| flag.stamp.last).unwrap_or_default();
        if config.max(flag) > heard {
            own.insert(key, (config.max(flag), config > heard));
        }
    }
    let segments: BTreeSet<SegmentKey> = state
        .segments
        .iter()
        .filter(|(_, segment)| segment.stored.stamp.last > heard)
        .map(|(key, _)| key.clone())
        .collect();
    let flags = own.keys().map(|key| (*key).clone()).collect();
    affected(state, &flags, &segments)
        .into_iter()
        .map(|key| {
            // When what it rests on changed is not known flag by flag: at the latest, now.
            let (after, flipped) = own.get(&key).copied().unwrap_or((now, false));
            let after = after.min(now);
            let before = Position { revision: shared::revision::Revision(after.revision.0 - 1), ..after };
            (key, Change { before: before.max(heard), after, flipped })
        })
        .collect()
}

/// In another epoch nothing that was heard is certain: every flag.
fn everything(state: &EnvironmentState, heard: Position, now: Position) -> Changes {
    let keys = state.configs.keys().chain(state.resting.keys());
    keys.map(|key| (key.clone(), Change { before: heard, after: now, flipped: true })).collect()
}
