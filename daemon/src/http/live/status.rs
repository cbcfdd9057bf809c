//! How the daemons are: revisions and lag, the pool, connected clients, what is degraded.

use axum::response::Response;
use serde::Serialize;
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::audit::hex;
use shared::json::Json;
use utoipa::ToSchema;

use super::status_clients::{self, ClientsStatus, told};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::live::behind;
use crate::live::catalog::Catalog;
use crate::service::{Caller, database};

/// How this daemon and the others on its database are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonsStatus {
    /// The version of this daemon.
    version: &'static str,
    /// How many seconds it runs.
    uptime_seconds: u64,
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
    /// What the database says of itself; null where it does not answer, and in the stream.
    database: Option<DatabaseStatus>,
    /// The history.
    audit: AuditStatus,
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

/// What the database says of itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DatabaseStatus {
    /// PostgreSQL's version.
    version: String,
    /// How many bytes the database takes.
    size_bytes: i64,
    /// How many connections it has, of everybody.
    connections: i64,
    /// Whether it only follows another server.
    in_recovery: bool,
    /// How many milliseconds it took to answer.
    latency_ms: f64,
}

/// The history.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditStatus {
    /// The hash of the revision that is served, hexadecimal; each holds that of the one before.
    hash: String,
    /// When that revision was committed, RFC 3339.
    at: String,
    /// The last verification that this daemon was asked for; null where there was none since its start.
    verified: Option<VerifiedStatus>,
}

/// A verification of the history.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VerifiedStatus {
    /// When it was done, RFC 3339.
    at: String,
    /// Whether nothing was wrong.
    intact: bool,
    /// Up to where, as `epoch.revision`.
    position: String,
    /// How many revisions were read.
    revisions: u64,
    /// How many things were wrong.
    findings: u64,
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
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: state.clock.monotonic().as_secs(),
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
        database: None,
        audit: audit(state, &catalog),
        clients: status_clients::view(state, operates),
        degraded: DegradedStatus {
            count: catalog.degraded.len(),
            items: operates.then(|| degraded.collect()),
        },
    }
}

fn audit(state: &AppState, catalog: &Catalog) -> AuditStatus {
    let verified = state.verified.load_full().map(|verified| VerifiedStatus {
        at: told(verified.at),
        intact: verified.report.intact,
        position: verified.report.position.to_string(),
        revisions: verified.report.revisions,
        findings: verified.report.findings.len() as u64 + verified.report.untold,
    });
    AuditStatus { hash: hex(&catalog.hash), at: told(catalog.at), verified }
}

fn daemons(state: &AppState, operates: bool) -> Vec<DaemonStatus> {
    let found = state.live.daemons().found();
    let position = state.live.catalog().position;
    let head = position.revision.0 + state.live.lag();
    let mut all = Vec::new();
    if let Some(myself) = &found.myself {
        all.push(DaemonStatus {
            id: myself.id.to_string(),
            name: myself.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: operates.then(|| myself.address.clone()),
            position: position.to_string(),
            revision: position.revision.0,
            lag: head - position.revision.0,
            clients: state.live.clients().count(),
            current: behind::standings(&state.live).iter().filter(|s| s.current == Some(true)).count(),
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

/// Tells how the daemons are, which clients hear changes, and how far they are.
#[utoipa::path(get, path = "/status", tag = "operation", responses(
    (status = 200, description = "how the daemons on this database are", body = DaemonsStatus),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    asked.allow(Permission::Read, Scope::INSTALLATION)?;
    let mut view = view(&asked.state, &asked.cx.caller);
    view.database = database::facts(&asked.cx).await.map(|(facts, took)| DatabaseStatus {
        version: facts.version,
        size_bytes: facts.size,
        connections: facts.connections,
        in_recovery: facts.in_recovery,
        latency_ms: took.as_secs_f64() * 1_000.0,
    });
    Ok(asked.reply(None, &Json::from_serialize(&view)))
}
