//! The rooms and their members: what one lock guards.

use std::collections::HashMap;
use std::sync::Arc;

use engineioxide::DisconnectReason;
use engineioxide::socket::Sid;
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::revision::{Position, Revision};
use uuid::Uuid;

use super::connection::{Connection, Out, Rooms};
use super::shown::{Emission, Shown, shown};
use crate::live::catalog::{Catalog, Place};
use crate::live::clients::Guard;
use crate::protocol::socketio::event_start;

/// An environment that somebody listens to, or listened to a moment ago.
#[derive(Debug)]
pub struct Room {
    /// The environment.
    pub place: Place,
    /// Its flags as they were last told.
    pub shown: HashMap<FlagKey, Arc<Shown>>,
    /// The revision of the catalog that `shown` was first taken from.
    pub built: Revision,
}

/// A client in the hub.
pub struct Member {
    /// The client.
    pub connection: Arc<Connection>,
    /// Where it is.
    pub rooms: Rooms,
    /// Its line on the register of clients, which goes with it.
    pub registered: Guard,
}

/// What the lock guards.
#[derive(Default)]
pub struct Inner {
    /// Everything up to here was told.
    pub emitted: Position,
    /// Rooms by the environment's id.
    pub rooms: HashMap<Uuid, Room>,
    /// Clients by the id of their transport.
    pub members: HashMap<Sid, Member>,
}

impl Inner {
    /// Makes the room of an environment where it is missing; `None` where there is no such environment.
    pub fn enter(&mut self, catalog: &Catalog, place: &Place) -> Option<Uuid> {
        let state = catalog.environments.get(place).filter(|state| !state.stored.row.archived)?;
        let id = state.stored.row.id;
        self.rooms.entry(id).or_insert_with(|| Room {
            place: place.clone(),
            shown: state
                .configs
                .keys()
                .filter_map(|key| Some((key.clone(), Arc::new(shown(catalog, state, key)?))))
                .collect(),
            built: catalog.position.revision,
        });
        Some(id)
    }

    /// Ends clients that are too slow; they come back and are told what they missed.
    pub fn drop_slow(&mut self, slow: &[Sid]) {
        for sid in slow {
            if let Some(member) = self.members.remove(sid) {
                metrics::counter!("flagstaff_socketio_slow_total").increment(1);
                tracing::debug!("a Socket.IO client took its events too slowly and is ended");
                member.connection.close(DisconnectReason::TransportError);
            }
        }
    }
}

impl Member {
    /// Tells those of the emissions that are for this client; false where it is too slow.
    pub fn tell(&self, emissions: &[Emission]) -> bool {
        let audience = self.connection.who.audience;
        let mut mine =
            emissions.iter().filter(|e| self.rooms.contains(&e.room) && e.is_for(audience)).peekable();
        if mine.peek().is_none() {
            return true;
        }
        if let Some(last) = emissions.last() {
            self.registered.sent(last.after);
        }
        self.connection.push(std::iter::from_fn(|| {
            let emission = mine.next()?;
            // Only the last event of a step carries the position after it: whoever is cut off in the
            // middle hears the whole step again.
            let more = mine.peek().is_some_and(|next| next.after == emission.after);
            let position = if more { emission.before } else { emission.after };
            Some(Out::Event(Arc::clone(&emission.start), position, Arc::clone(&self.rooms)))
        }))
    }

    /// Tells an event that is this client's own; false where it is too slow.
    pub fn event(&self, name: &str, argument: &Json, position: Position) -> bool {
        let start = event_start(name, &argument.to_text()).into();
        self.connection.push([Out::Event(start, position, Arc::clone(&self.rooms))])
    }

    /// Says that everything up to a position was told, so that the client's offset stays young.
    pub fn synced(&self, position: Position) -> bool {
        let told: Json = [("revision", Json::from(position.revision.0))].into_iter().collect();
        self.event("synced", &told, position)
    }

    /// Says where the client listens now.
    pub fn subscribed(&self, inner: &Inner) {
        let heard = self.rooms.iter().filter_map(|id| inner.rooms.get(id));
        let topics = heard.map(|room| format!("environment:{}/{}", room.place.0, room.place.1));
        self.registered.hears(topics.collect());
        let environments: Vec<Json> = self
            .rooms
            .iter()
            .filter_map(|id| inner.rooms.get(id))
            .map(|room| {
                let mut environment = Json::object();
                described(&room.place, &mut environment);
                environment
            })
            .collect();
        let told: Json =
            [("environments", Json::from(environments)), ("revision", Json::from(inner.emitted.revision.0))]
                .into_iter()
                .collect();
        self.event("subscribed", &told, inner.emitted);
    }
}

/// Names an environment as clients know it; the default project goes without saying.
pub fn described(place: &Place, into: &mut Json) {
    into.set("environment", Json::from(place.1.as_str()));
    if place.0 != ProjectKey::default() {
        into.set("project", Json::from(place.0.as_str()));
    }
}
