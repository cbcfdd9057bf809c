//! How the daemon is: for people, for whatever starts and stops it, and for Prometheus.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::json::Json;
use utoipa::ToSchema;

use super::AppState;
use super::error::ApiError;
use super::request::{Asked, json};
use crate::config::model::AccessMode;

/// How long the database may take to answer a probe.
const PROBE: Duration = Duration::from_secs(1);

/// Whether everything works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything works.
    Ok,
    /// Reads work, something else doesn't.
    Degraded,
}

/// The database, as this daemon sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseHealth {
    /// Whether it answered just now.
    pub connected: bool,
    /// Milliseconds that it took.
    pub latency: Option<f64>,
    /// Whether it is older than what this daemon has served: then writes are refused.
    pub regressed: bool,
}

/// The connections to the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolHealth {
    /// Those that there are.
    pub size: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// The most that there may be.
    pub max: u32,
}

/// How the daemon is. There are no names in it: it is for everybody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether everything works.
    pub status: HealthStatus,
    /// The database.
    pub database: DatabaseHealth,
    /// The connections to it.
    pub pool: PoolHealth,
    /// The epoch that is served.
    pub epoch: i64,
    /// The revision that is served.
    pub revision: i64,
    /// Revisions that are not served yet.
    pub lag: i64,
    /// Rows that cannot be served as they stand.
    pub degraded: usize,
    /// The program.
    pub version: String,
    /// Seconds since it started.
    pub uptime: u64,
}

/// A probe's answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Whether the answer is yes.
    pub ok: bool,
    /// Why not.
    pub because: Option<String>,
}

/// Asks the database for nothing, and tells how long that took.
async fn ask(state: &AppState) -> Option<Duration> {
    let began = state.clock.monotonic();
    tokio::time::timeout(PROBE, state.gate.ping()).await.ok()?.ok()?;
    Some(state.clock.monotonic().saturating_sub(began))
}

fn pool(state: &AppState) -> PoolHealth {
    let pool = state.gate.pool();
    PoolHealth {
        size: pool.size(),
        idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
        max: pool.options().get_max_connections(),
    }
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = json(status, Json::from_serialize(body).to_text());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How the daemon and its database are. 200 also while the database is away and reads go on.
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses(
    (status = 200, description = "reads work", body = Health),
    (status = 503, description = "there is nothing to serve yet", body = Health),
))]
pub async fn health(State(state): State<AppState>) -> Response {
    let latency = ask(&state).await;
    let catalog = state.live.catalog();
    let well = latency.is_some()
        && state.live.ready()
        && !state.live.stale()
        && !state.gate.regressed()
        && catalog.degraded.is_empty()
        && state.secrets.trouble().is_none();
    let body = Health {
        status: if well { HealthStatus::Ok } else { HealthStatus::Degraded },
        database: DatabaseHealth {
            connected: latency.is_some(),
            latency: latency.map(|latency| (latency.as_secs_f64() * 1e6).round() / 1e3),
            regressed: state.gate.regressed(),
        },
        pool: pool(&state),
        epoch: catalog.position.epoch.0,
        revision: catalog.position.revision.0,
        lag: state.live.lag(),
        degraded: catalog.degraded.len(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime: state.clock.monotonic().as_secs(),
    };
    let status = if state.live.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &body)
}

/// Whether the process answers. It never asks the database: a restart would not bring that back.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses(
    (status = 200, description = "it does", body = Probe),
))]
pub async fn live() -> Response {
    std::future::ready(answer(StatusCode::OK, &Probe { ok: true, because: None })).await
}

/// What a caller needs.
#[derive(Debug, Deserialize)]
pub struct Need {
    need: Option<String>,
}

/// Whether requests should be sent here.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()), params(
    ("need" = Option<String>, Query, description = "`write`: also say no while writes are refused"),
), responses(
    (status = 200, description = "yes", body = Probe),
    (status = 503, description = "no, and why", body = Probe),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn ready(
    State(state): State<AppState>,
    need: Result<Query<Need>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let write = match need.map(|Query(need)| need.need) {
        Ok(None) => false,
        Ok(Some(need)) if need == "read" => false,
        Ok(Some(need)) if need == "write" => true,
        Ok(Some(_)) | Err(_) => return Err(ApiError::parameter("need", "must be read or write")),
    };
    let because = if state.drain.is_going() {
        Some("the daemon is stopping")
    } else if !state.live.ready() {
        Some("there is nothing to serve yet")
    } else if write && state.gate.regressed() {
        Some(
            "the database is older than what was served; `flagstaffd accept-rollback` says that this is right",
        )
    } else if write && ask(&state).await.is_none() {
        Some("the database does not answer")
    } else {
        None
    };
    let status = if because.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(answer(status, &Probe { ok: because.is_none(), because: because.map(ToOwned::to_owned) }))
}

/// The metrics, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "the metrics", body = String, content_type = "text/plain"),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn metrics(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let open = state.config.access.metrics_public || state.config.access.mode == AccessMode::Demo;
    if !open {
        let (mut parts, _) = request.into_parts();
        let asked = Asked::from_request_parts(&mut parts, &state).await?;
        asked.allow(Permission::Operate, Scope::INSTALLATION)?;
    }
    gather(&state);
    let mut response = state.metrics.render().into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Sets the gauges of what stands somewhere, at the moment it is asked for.
#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn gather(state: &AppState) {
    let catalog = state.live.catalog();
    let pool = pool(state);
    let truth = |yes: bool| if yes { 1.0 } else { 0.0 };
    metrics::gauge!("flagstaff_pool_connections", "state" => "idle").set(f64::from(pool.idle));
    metrics::gauge!("flagstaff_pool_connections", "state" => "used")
        .set(f64::from(pool.size.saturating_sub(pool.idle)));
    metrics::gauge!("flagstaff_pool_connections_max").set(f64::from(pool.max));
    metrics::gauge!("flagstaff_epoch").set(catalog.position.epoch.0 as f64);
    metrics::gauge!("flagstaff_revision").set(catalog.position.revision.0 as f64);
    metrics::gauge!("flagstaff_revision_lag").set(state.live.lag() as f64);
    metrics::gauge!("flagstaff_degraded_items").set(catalog.degraded.len() as f64);
    metrics::gauge!("flagstaff_flags").set(catalog.flags.len() as f64);
    metrics::gauge!("flagstaff_database_up").set(truth(state.gate.answers() && !state.live.stale()));
    metrics::gauge!("flagstaff_database_regressed").set(truth(state.gate.regressed()));
    metrics::gauge!("flagstaff_ready").set(truth(state.live.ready() && !state.drain.is_going()));
    metrics::gauge!("flagstaff_uptime_seconds").set(state.clock.monotonic().as_secs_f64());
    state.metrics.run_upkeep();
}
