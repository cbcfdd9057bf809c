//! What the API shows of flags, configurations and the like: one shape each, everywhere.

use std::sync::Arc;

use shared::audit::public;
use shared::change::{Entity, EntityRef};
use shared::eval;
use shared::evaluated;
use shared::flag::{Flag, FlagConfig};
use shared::json::Json;
use shared::project::Environment;
use shared::revision::{Position, Revision};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::live::catalog::{Catalog, EnvironmentState, Served};
use crate::service::commit::Done;
use crate::store::{Stamp, Stored};

/// A time as RFC 3339.
pub fn time(at: OffsetDateTime) -> Json {
    at.format(&Rfc3339).map_or(Json::Null, Json::from)
}

/// Adds what a stamp says.
pub fn stamped(view: &mut Json, stamp: &Stamp) {
    view.set("revision", Json::from(stamp.last.revision.0));
    view.set("createdAt", time(stamp.created_at));
    view.set("updatedAt", time(stamp.updated_at));
    view.set("createdBy", Json::from(stamp.created_by.as_str()));
    view.set("updatedBy", Json::from(stamp.updated_by.as_str()));
}

/// A flag by itself: `type` and `kind` say the same, for both seeds' readers.
pub fn flag_row(flag: &Flag) -> Json {
    let row = Entity::Flag(flag.clone()).to_json();
    let mut view = Json::object();
    for (key, value) in row.as_object().unwrap_or_default() {
        view.set(key, value.clone());
        if key == "kind" {
            view.set("type", value.clone());
        }
    }
    view
}

/// An environment by itself, with what it is for.
pub fn environment_row(environment: &Environment) -> Json {
    let mut view = Entity::Environment(environment.clone()).to_json();
    view.set("class", Json::from(environment.shown_class().as_str()));
    view
}

/// A configuration by itself: `config` is the targeting document as it was written.
pub fn config_row(config: &FlagConfig) -> Json {
    let mut view: Json = [
        ("id", Json::from(config.id.to_string())),
        ("project", Json::from(config.project.as_str())),
        ("flagKey", Json::from(config.flag.as_str())),
        ("environment", Json::from(config.environment.as_str())),
        ("enabled", Json::Bool(config.on())),
        ("version", Json::from(config.version)),
        ("salt", Json::from(config.salt.as_str())),
        ("config", config.document.clone()),
    ]
    .into_iter()
    .collect();
    if let Some(extra) = &config.entry_extra {
        view.set("entryExtra", extra.clone());
    }
    view
}

/// A configuration with its stamp.
pub fn config(stored: &Stored<FlagConfig>) -> Json {
    let mut view = config_row(&stored.row);
    stamped(&mut view, &stored.stamp);
    view
}

/// The ETag of a configuration or another entity: its last revision.
pub fn etag(last: Position) -> String {
    format!("\"{last}\"")
}

/// The ETag of a flag: its last revision, and the highest of its configurations'.
pub fn flag_etag(last: Position, configs: Revision) -> String {
    format!("\"{last}.{}\"", configs.0)
}

/// A flag with its summary in each of these environments.
pub fn flag(stored: &Stored<Flag>, states: &[Arc<EnvironmentState>]) -> Json {
    let mut view = flag_row(&stored.row);
    stamped(&mut view, &stored.stamp);
    let mut environments = Json::object();
    for state in states {
        if let Some(served) = state.standing(&stored.row.key) {
            environments.set(state.stored.row.key.as_str(), summary(&served.stored));
        }
    }
    view.set("environments", environments);
    view
}

fn summary(stored: &Stored<FlagConfig>) -> Json {
    let document = &stored.row.document;
    let count =
        |member: &str| Json::from(document.get(member).and_then(Json::as_array).map_or(0, <[Json]>::len));
    [
        ("enabled", Json::Bool(stored.row.on())),
        ("version", Json::from(stored.row.version)),
        ("fallthrough", document.get("fallthrough").cloned().unwrap_or_default()),
        ("offVariation", document.get("offVariation").cloned().unwrap_or_default()),
        ("rules", count("rules")),
        ("targets", count("targets")),
        ("prerequisites", count("prerequisites")),
        ("revision", Json::from(stored.stamp.last.revision.0)),
        ("updatedAt", time(stored.stamp.updated_at)),
        ("updatedBy", Json::from(stored.stamp.updated_by.as_str())),
    ]
    .into_iter()
    .collect()
}

/// The entry of a flag in the client payload: its value for a context. `None` where the row cannot be
/// evaluated at all.
pub fn client_entry(
    state: &EnvironmentState,
    flag: &Flag,
    served: &Served,
    context: &shared::context::Context,
) -> Option<Json> {
    let prepared = served.prepared.as_deref()?;
    let evaluation = eval::evaluate(state, prepared, context);
    let value = evaluation.value().cloned().unwrap_or_default();
    Some(evaluated::entry(flag, &served.stored.row, &value, evaluation.variation_index))
}

/// Every flag of an environment as LaunchDarkly's client payload, in order of creation.
pub fn client_payload(
    catalog: &Catalog,
    state: &EnvironmentState,
    context: &shared::context::Context,
) -> Json {
    let project = &state.stored.row.project;
    let mut served: Vec<_> = state
        .configs
        .iter()
        .filter_map(|(key, served)| Some((catalog.flag(project, key)?, served)))
        .collect();
    served.sort_by_key(|(flag, _)| flag.row.id);
    served
        .into_iter()
        .filter_map(|(flag, served)| {
            Some((flag.row.key.to_string(), client_entry(state, &flag.row, served, context)?))
        })
        .collect()
}

/// What a write did, as its answer: the entity it was about, the revision, and what is worth knowing.
pub fn done(done: &Done, reference: &EntityRef) -> Json {
    let mut view = match done.entities.get(reference) {
        Some((Entity::Flag(flag), _)) => flag_row(flag),
        Some((Entity::Config(config), _)) => config_row(config),
        Some((Entity::Environment(environment), _)) => environment_row(environment),
        Some((entity, _)) => public(entity.kind(), entity.to_json()),
        None => Json::object(),
    };
    if let Some((_, last)) = done.entities.get(reference).filter(|(entity, _)| !entity.kind().is_access()) {
        view.set("etag", Json::from(etag(*last)));
    }
    view.set("revision", Json::from(done.position.revision.0));
    view.set("changed", Json::Bool(done.changed));
    if !done.warnings.is_empty() {
        view.set("warnings", Json::from_serialize(&done.warnings));
    }
    view
}

/// The ETag of what a write was about; who may do what has none, since nothing compares it.
pub fn done_etag(done: &Done, reference: &EntityRef) -> Vec<(String, String)> {
    let Some((entity, last)) = done.entities.get(reference) else { return Vec::new() };
    let tag = match entity {
        Entity::Flag(flag) => {
            let configs = done
                .entities
                .values()
                .filter_map(|(e, last)| match e {
                    Entity::Config(c) if c.flag == flag.key => Some(last.revision),
                    _ => None,
                })
                .max()
                .unwrap_or_default();
            flag_etag(*last, configs)
        }
        access if access.kind().is_access() => return Vec::new(),
        _ => etag(*last),
    };
    vec![("etag".to_owned(), tag)]
}

/// A change set's answer: everything that was touched.
pub fn done_all(done: &Done) -> Json {
    let touched: Vec<Json> = done
        .touched
        .iter()
        .map(|t| {
            let mut change: Json = [
                ("kind", Json::from(t.kind.as_str())),
                ("key", Json::from(t.key.as_str())),
                ("action", Json::from(t.action.as_str())),
            ]
            .into_iter()
            .collect();
            if let Some(project) = &t.project {
                change.set("project", Json::from(project.as_str()));
            }
            if let Some(environment) = &t.environment {
                change.set("environment", Json::from(environment.as_str()));
            }
            if !t.kind.is_access()
                && let Some((_, last)) = done.entities.get(&t.reference)
            {
                change.set("etag", Json::from(etag(*last)));
            }
            change
        })
        .collect();
    let mut view: Json = [
        ("revision", Json::from(done.position.revision.0)),
        ("at", time(done.at)),
        ("changed", Json::Bool(done.changed)),
        ("changes", Json::Array(touched)),
    ]
    .into_iter()
    .collect();
    if !done.warnings.is_empty() {
        view.set("warnings", Json::from_serialize(&done.warnings));
    }
    view
}
