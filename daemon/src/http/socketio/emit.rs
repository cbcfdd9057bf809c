//! Moves the rooms along with the catalog: every change becomes events, encoded once a room.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use engineioxide::DisconnectReason;
use engineioxide::socket::Sid;
use shared::change::{Action, EntityKind};
use shared::key::{FlagKey, ProjectKey};
use shared::revision::Position;
use uuid::Uuid;

use super::identify::who;
use super::members::Inner;
use super::shown::{Emission, Step, shown};
use crate::http::AppState;
use crate::live::catalog::Catalog;
use crate::live::delta::Delta;
use crate::live::feed::Since;

/// Ends clients whose credential no longer opens what they hear; coming back, they are told so.
pub fn recheck(state: &AppState, inner: &mut Inner) {
    let catalog = state.live.catalog();
    let places: HashMap<Uuid, _> = inner.rooms.iter().map(|(id, room)| (*id, room.place.clone())).collect();
    inner.members.retain(|_, member| {
        let connection = &member.connection;
        let now = who(state, &catalog, &connection.socket.req_parts, &connection.presented);
        let still = now.is_ok_and(|now| {
            now.caller.principal == connection.who.caller.principal
                && member.rooms.iter().filter_map(|id| places.get(id)).all(|place| now.may_hear(place))
        });
        if !still {
            connection.close(DisconnectReason::ClosingServer);
        }
        still
    });
}

/// Which flags of which rooms a run of deltas touched, and in which of them last.
struct Touched<'a> {
    steps: BTreeMap<(usize, Uuid), BTreeSet<FlagKey>>,
    created: HashSet<(&'a ProjectKey, &'a str)>,
    access: bool,
}

fn touched<'a>(inner: &Inner, catalog: &Catalog, deltas: &'a [Arc<Delta>]) -> Touched<'a> {
    let mut last: HashMap<(Uuid, &FlagKey), usize> = HashMap::new();
    let mut created = HashSet::new();
    let mut access = false;
    for (index, delta) in deltas.iter().enumerate() {
        for (place, flags) in &delta.affected {
            let id = catalog.environments.get(place).map(|state| state.stored.row.id);
            let Some(id) = id.filter(|id| inner.rooms.contains_key(id)) else { continue };
            last.extend(flags.iter().map(|key| ((id, key), index)));
        }
        for entry in &delta.entries {
            match entry.kind {
                EntityKind::Flag if entry.action == Action::Created => {
                    created.extend(entry.project.as_ref().map(|project| (project, entry.key.as_str())));
                }
                EntityKind::Token | EntityKind::SdkCredential | EntityKind::RoleBinding => access = true,
                _ => {}
            }
        }
    }
    let mut steps: BTreeMap<(usize, Uuid), BTreeSet<FlagKey>> = BTreeMap::new();
    for ((room, key), index) in last {
        steps.entry((index, room)).or_default().insert(key.clone());
    }
    Touched { steps, created, access }
}

/// Tells everything that happened since the last time.
pub fn advance(state: &AppState, inner: &mut Inner) {
    let (deltas, whole) = match state.live.feed().since(inner.emitted, usize::MAX) {
        Since::Deltas(deltas) => {
            let whole = deltas.iter().any(|d| d.snapshot && d.entries.is_empty());
            (deltas, whole)
        }
        Since::Gone => (Vec::new(), true),
    };
    // Taken after the deltas, so it is never older than they are; it may be newer, and then a flag that
    // changed twice is told as the newer one.
    let catalog = state.live.catalog();
    let head = if whole { Some(catalog.position) } else { deltas.last().map(|d| d.position) };
    let Some(head) = head else { return };
    let mut emissions = Vec::new();
    let mut access = whole;
    if whole {
        all(inner, &catalog, &mut emissions);
    } else {
        access = some(inner, &catalog, &deltas, &mut emissions);
    }
    inner.emitted = head;
    if !emissions.is_empty() {
        metrics::counter!("flagstaff_socketio_events_total").increment(emissions.len() as u64);
        let members = inner.members.iter();
        let slow: Vec<Sid> =
            members.filter_map(|(sid, member)| (!member.tell(&emissions)).then_some(*sid)).collect();
        inner.drop_slow(&slow);
    }
    if access {
        recheck(state, inner);
    }
}

/// The flags that deltas touched; true where they touched who may do what.
fn some(inner: &mut Inner, catalog: &Catalog, deltas: &[Arc<Delta>], out: &mut Vec<Emission>) -> bool {
    let found = touched(inner, catalog, deltas);
    for ((index, id), keys) in &found.steps {
        let (Some(delta), Some(room)) = (deltas.get(*index), inner.rooms.get_mut(id)) else { continue };
        let before = index.checked_sub(1).and_then(|i| deltas.get(i)).map_or(inner.emitted, |d| d.position);
        let Some(environment) = catalog.environments.get(&room.place) else { continue };
        // A room that was made from a newer catalog holds the object already, but nobody was told.
        let always = delta.position.revision <= room.built;
        for key in keys {
            let old = room.shown.get(key).cloned();
            let new = shown(catalog, environment, key).map(Arc::new);
            let step = Step { room: *id, place: &room.place, key, before, after: delta.position };
            let created = found.created.contains(&(&room.place.0, key.as_str()));
            step.told(old.as_deref(), new.as_deref(), always, created, out);
            match new {
                Some(new) => drop(room.shown.insert(key.clone(), new)),
                None => drop(room.shown.remove(key)),
            }
        }
    }
    found.access
}

/// Every flag of every room, after a jump: those that differ are told, in the order of their last change.
fn all(inner: &mut Inner, catalog: &Catalog, out: &mut Vec<Emission>) {
    let (before, after): (Position, Position) = (inner.emitted, catalog.position);
    for (id, room) in &mut inner.rooms {
        let Some(environment) = catalog.environments.get(&room.place) else { continue };
        let mut now: HashMap<FlagKey, Arc<_>> = environment
            .configs
            .keys()
            .filter_map(|key| Some((key.clone(), Arc::new(shown(catalog, environment, key)?))))
            .collect();
        std::mem::swap(&mut room.shown, &mut now);
        let old = now;
        let mut keys: Vec<&FlagKey> = room.shown.keys().chain(old.keys()).collect();
        keys.sort_by_key(|key| (room.shown.get(*key).map(|s| s.last), *key));
        keys.dedup();
        for key in keys {
            let step = Step { room: *id, place: &room.place, key, before, after };
            let (old, new) = (old.get(key).map(AsRef::as_ref), room.shown.get(key).map(AsRef::as_ref));
            step.told(old, new, false, false, out);
        }
        room.built = after.revision;
    }
}
