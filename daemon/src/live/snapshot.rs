//! Whole environments as one piece of JSON, encoded once a revision for everybody who needs one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use shared::audit::public;
use shared::change::Entity;
use shared::json::Json;
use shared::revision::Position;
use tokio::sync::Semaphore;

use super::catalog::{Catalog, EnvironmentState, Place};
use crate::store::Stored;

/// How many streams at once may have the history read for them.
const REPLAYS: usize = 4;

/// The snapshots that were asked for last, one an environment, and the door to the history.
#[derive(Debug)]
pub struct Snapshots {
    made: Mutex<BTreeMap<Place, (Position, Bytes)>>,
    replays: Arc<Semaphore>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { made: Mutex::default(), replays: Arc::new(Semaphore::new(REPLAYS)) }
    }
}

impl Snapshots {
    /// An environment as it stands in a catalog: `{"environment", "flags", "configs", "segments"}`, each
    /// row as changes show it in `after`, with its stamp. `None` where there is no such environment.
    pub fn environment(&self, catalog: &Catalog, place: &Place) -> Option<Bytes> {
        let held = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((position, bytes)) = held().get(place)
            && *position == catalog.position
        {
            return Some(bytes.clone());
        }
        let state = catalog.environments.get(place)?;
        let bytes = Bytes::from(encode(catalog, place, state));
        let mut made = held();
        if made.get(place).is_none_or(|(position, _)| *position < catalog.position) {
            made.insert(place.clone(), (catalog.position, bytes.clone()));
        }
        Some(bytes)
    }

    /// Who reads the history for a stream holds one of these, so that a crowd does not take every
    /// connection to the database.
    pub const fn replays(&self) -> &Arc<Semaphore> {
        &self.replays
    }
}

/// An environment as [`Snapshots::environment`] tells it, made anew.
pub fn encode(catalog: &Catalog, place: &Place, state: &EnvironmentState) -> String {
    let mut out = String::from("{\"environment\":");
    row(&mut out, state.stored.clone().map(Entity::Environment));
    let mut list = |name: &str, rows: &mut dyn Iterator<Item = Stored<Entity>>| {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":[");
        for (index, stored) in rows.enumerate() {
            if index > 0 {
                out.push(',');
            }
            row(&mut out, stored);
        }
        out.push(']');
    };
    list("flags", &mut catalog.flags_of(&place.0).map(|f| f.as_ref().clone().map(Entity::Flag)));
    let configs = state.configs.values().chain(state.resting.values());
    list("configs", &mut configs.map(|c| c.stored.clone().map(Entity::Config)));
    list("segments", &mut state.segments.values().map(|s| s.stored.clone().map(Entity::Segment)));
    out.push('}');
    out
}

fn row(out: &mut String, stored: Stored<Entity>) {
    let stamp = stored.stamp;
    let mut view = public(stored.row.kind(), stored.row.to_json());
    view.set("revision", Json::from(stamp.last.revision.0));
    view.set("createdAt", time(stamp.created_at));
    view.set("updatedAt", time(stamp.updated_at));
    view.set("createdBy", Json::from(stamp.created_by));
    view.set("updatedBy", Json::from(stamp.updated_by));
    view.write(out);
}

fn time(at: time::OffsetDateTime) -> Json {
    at.format(&time::format_description::well_known::Rfc3339).map_or(Json::Null, Json::from)
}
