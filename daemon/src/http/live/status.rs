//! How the daemons are: revisions and lag, the pool, connected clients, what is degraded.

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Serialize;
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::json::Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::service::Caller;

/// How this daemon and the others on its database are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonsStatus {
    /// What is served, as `epoch.revision`.
    position: String,
    /// The epoch of it.
    epoch: i64,
    /// The revision of it.
    revision: i64,
    /// How many revisions what is served is behind the database.
    lag: i64,
    /// The database did not answer the last time: what is served may be old.
    stale: bool,
    /// The database is older than what was served: writes are frozen.
    regressed: bool,
    /// The daemon is stopping.
    draining: bool,
    /// The daemons that were heard of within the last 15 seconds, this one first.
    daemons: Vec<DaemonStatus>,
    /// The connections to the database.
    pool: PoolStatus,
    /// The clients that hear changes.
    clients: ClientsStatus,
    /// What cannot be served as it stands.
    degraded: DegradedStatus,
}

/// One daemon.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DaemonStatus {
    /// Made at its start.
    id: String,
    /// Its host's name.
    name: String,
    /// Its version.
    version: String,
    /// Where it listens; only who may operate sees it.
    address: Option<String>,
    /// What it serves, as `epoch.revision`.
    position: String,
    /// The revision of it.
    revision: i64,
    /// How many revisions it is behind the newest that is known.
    lag: i64,
    /// How many clients hear changes from it.
    clients: usize,
    /// How many of those say what they applied, and are not behind.
    current: usize,
    /// When it started, RFC 3339.
    started_at: String,
    /// When it was last heard of, RFC 3339.
    seen_at: String,
    /// Whether it is the one that answers.
    own: bool,
}

/// The connections to the database.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PoolStatus {
    /// How many are open.
    size: u32,
    /// How many of them wait for work.
    idle: u32,
    /// How many of them work.
    in_use: u32,
    /// How many there may be.
    max: u32,
    /// Whether the database answered the last time it was asked.
    answers: bool,
}

/// The clients that hear changes from this daemon.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClientsStatus {
    /// How many hear changes from this daemon.
    connected: usize,
    /// How many of them say what they applied.
    acknowledging: usize,
    /// How many of those are not behind.
    current: usize,
    /// How many speak what.
    by_protocol: BTreeMap<&'static str, usize>,
    /// Each of them, the oldest first; only who may operate sees it.
    list: Option<Vec<ClientStatus>>,
}

/// One client.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClientStatus {
    /// Its number in this daemon.
    id: u64,
    /// What it speaks.
    protocol: &'static str,
    /// Who it is for.
    principal: String,
    /// Where it comes from.
    address: String,
    /// The program, as it calls itself.
    user_agent: Option<String>,
    /// Since when it is connected, RFC 3339.
    since: String,
    /// What it hears.
    topics: Vec<String>,
    /// The position of the last change or snapshot that was written to it.
    sent: Option<String>,
    /// The last revision that it said to have applied.
    applied: Option<i64>,
    /// Whether it applied everything that was written to it.
    current: Option<bool>,
}

/// What cannot be served as it stands; the last good state of it is served, where there is one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DegradedStatus {
    /// How many things.
    count: usize,
    /// Each of them; only who may operate sees it.
    items: Option<Vec<DegradedItem>>,
}

/// One thing that cannot be served as it stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DegradedItem {
    /// What it is.
    what: String,
    /// Why.
    detail: String,
}

fn told(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// What a caller may see of how the daemons are.
pub fn view(state: &AppState, caller: &Caller) -> DaemonsStatus {
    let operates = caller.may(Permission::Operate, &Scope::INSTALLATION).allowed;
    let catalog = state.live.catalog();
    let lag = state.live.lag();
    let pool = state.gate.pool();
    let (size, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
    let degraded = catalog
        .degraded
        .iter()
        .map(|(what, detail)| DegradedItem { what: what.clone(), detail: detail.clone() });
    DaemonsStatus {
        position: catalog.position.to_string(),
        epoch: catalog.position.epoch.0,
        revision: catalog.position.revision.0,
        lag,
        stale: state.live.stale(),
        regressed: state.gate.regressed(),
        draining: state.drain.is_going(),
        daemons: daemons(state, operates),
        pool: PoolStatus {
            size,
            idle,
            in_use: size.saturating_sub(idle),
            max: state.config.database.pool_max,
            answers: state.gate.answers(),
        },
        clients: clients(state, operates),
        degraded: DegradedStatus {
            count: catalog.degraded.len(),
            items: operates.then(|| degraded.collect()),
        },
    }
}

fn daemons(state: &AppState, operates: bool) -> Vec<DaemonStatus> {
    let found = state.live.daemons().found();
    let position = state.live.catalog().position;
    let head = position.revision.0 + state.live.lag();
    let mut all = Vec::new();
    let clients = state.live.clients().list();
    if let Some(myself) = &found.myself {
        all.push(DaemonStatus {
            id: myself.id.to_string(),
            name: myself.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: operates.then(|| myself.address.clone()),
            position: position.to_string(),
            revision: position.revision.0,
            lag: head - position.revision.0,
            clients: clients.len(),
            current: clients.iter().filter(|c| c.current() == Some(true)).count(),
            started_at: told(myself.started_at),
            seen_at: told(state.clock.now()),
            own: true,
        });
    }
    let own = found.myself.as_ref().map(|m| m.id);
    for other in found.all.iter().filter(|d| Some(d.id) != own) {
        let clients = shared::json::parse(&other.clients).ok();
        let clients = clients.as_ref().and_then(Json::as_array).unwrap_or_default();
        all.push(DaemonStatus {
            id: other.id.to_string(),
            name: other.name.clone(),
            version: other.version.clone(),
            address: operates.then(|| other.address.clone()),
            position: other.position.to_string(),
            revision: other.position.revision.0,
            lag: (head - other.position.revision.0).max(0),
            clients: clients.len(),
            current: clients.iter().filter(|c| c.get("current") == Some(&Json::Bool(true))).count(),
            started_at: told(other.started_at),
            seen_at: told(other.seen_at),
            own: false,
        });
    }
    all
}

fn clients(state: &AppState, operates: bool) -> ClientsStatus {
    let clients = state.live.clients().list();
    let mut by_protocol = BTreeMap::new();
    for client in &clients {
        *by_protocol.entry(client.introduction.protocol.as_str()).or_default() += 1;
    }
    ClientsStatus {
        connected: clients.len(),
        acknowledging: clients.iter().filter(|c| c.current().is_some()).count(),
        current: clients.iter().filter(|c| c.current() == Some(true)).count(),
        by_protocol,
        list: operates.then(|| {
            let shown = clients.into_iter().map(|client| ClientStatus {
                id: client.id,
                current: client.current(),
                protocol: client.introduction.protocol.as_str(),
                principal: client.introduction.principal,
                address: client.introduction.address,
                user_agent: client.introduction.user_agent,
                since: told(client.introduction.since),
                topics: client.topics,
                sent: client.sent.map(|p| p.to_string()),
                applied: client.applied.map(|r| r.0),
            });
            shown.collect()
        }),
    }
}

/// Tells how the daemons are, which clients hear changes, and how far they are.
#[utoipa::path(get, path = "/status", tag = "operation", responses(
    (status = 200, description = "how the daemons on this database are", body = DaemonsStatus),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    asked.allow(Permission::Read, Scope::INSTALLATION)?;
    Ok(asked.reply(None, &Json::from_serialize(&view(&asked.state, &asked.cx.caller))))
}
