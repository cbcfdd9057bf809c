//! LaunchDarkly's server-side protocol: the stream and the polls of flags and segments.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, header};
use shared::access::CredentialKind;
use shared::json::Json;
use shared::key::{FlagKey, SegmentKey};

use super::asked::{self, SdkAsked};
use super::documents::{documents, items};
use super::poll::{self, Answer};
use super::refused::Refused;
use super::stream::{self, Visitor, Wire};
use crate::http::AppState;
use crate::live::clients::Protocol;
use crate::live::serving::{Piece, ServedEnvironment, Step};
use crate::protocol::launchdarkly;

/// The routes that answer at once.
pub fn quick() -> Router<AppState> {
    Router::new()
        .route("/sdk/latest-all", get(latest_all))
        .route("/sdk/flags", get(flag_map))
        .route("/sdk/flags/{*key}", get(flag))
        .route("/sdk/segments/{*key}", get(segment))
        .route("/status", get(status))
}

/// What scripts ask relays of LaunchDarkly. It names no environment: nobody has to show a key.
async fn status(State(state): State<AppState>) -> Response {
    let well = state.live.ready() && !state.live.stale();
    let version = env!("CARGO_PKG_VERSION");
    let body: Json = [
        ("status", Json::from(if well { "healthy" } else { "degraded" })),
        ("version", Json::from(version)),
        ("clientVersion", Json::from(version)),
        ("environments", Json::object()),
    ]
    .into_iter()
    .collect();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.to_text())
        .into_response()
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new().route("/all", get(all)).route("/flags", get(flags))
}

async fn by_key(state: &AppState, headers: &HeaderMap) -> Result<SdkAsked, Refused> {
    asked::by_key(state, headers, &[CredentialKind::Server]).await
}

async fn all(
    State(state): State<AppState>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    stream::open(asked, &visitor, Protocol::LaunchDarkly, Documents { flags_alone: false })
}

async fn flags(
    State(state): State<AppState>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    stream::open(asked, &visitor, Protocol::LaunchDarkly, Documents { flags_alone: true })
}

async fn latest_all(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    let plain = |served: &ServedEnvironment| {
        served.piece(Piece::Latest, || Bytes::from(launchdarkly::latest(&documents(served))))
    };
    let answer = Answer { tag: poll::tag(&asked.served), plain, packed: Some(Piece::LatestGzip) };
    poll::answer(&asked, &headers, answer).await
}

async fn flag_map(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    let plain = |served: &ServedEnvironment| {
        served.piece(Piece::FlagMap, || Bytes::from(launchdarkly::flag_map(&documents(served))))
    };
    let answer = Answer { tag: poll::tag(&asked.served), plain, packed: None };
    poll::answer(&asked, &headers, answer).await
}

async fn flag(
    State(state): State<AppState>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    let found = FlagKey::new(&key).ok().and_then(|key| asked.served.state.configs.get(&key).cloned());
    let found = found.ok_or_else(|| Refused::NotFound("there is no such flag here".to_owned()))?;
    let tag = poll::item_tag(&asked.served, found.stored.row.version);
    let plain = move |_: &ServedEnvironment| Bytes::from(found.document.to_text());
    poll::answer(&asked, &headers, Answer { tag, plain, packed: None }).await
}

async fn segment(
    State(state): State<AppState>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let asked = by_key(&state, &headers).await?;
    let found = SegmentKey::new(&key)
        .ok()
        .and_then(|key| asked.served.state.segments.get(&key).cloned())
        .filter(|found| !found.stored.row.archived)
        .ok_or_else(|| Refused::NotFound("there is no such segment here".to_owned()))?;
    let tag = poll::item_tag(&asked.served, found.stored.row.version);
    let plain = move |_: &ServedEnvironment| Bytes::from(found.document.to_text());
    poll::answer(&asked, &headers, Answer { tag, plain, packed: None }).await
}

/// The stream of documents, or the older one of flags alone.
struct Documents {
    flags_alone: bool,
}

impl Wire for Documents {
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        let documents = || documents(served);
        vec![if self.flags_alone {
            served.piece(Piece::Flags, || Bytes::from(launchdarkly::put_flags(&documents())))
        } else {
            served.piece(Piece::All, || Bytes::from(launchdarkly::put(&documents())))
        }]
    }

    fn steps(
        &mut self,
        _: &Arc<ServedEnvironment>,
        _: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let encoded = |step: &Arc<Step>| {
            if self.flags_alone {
                step.piece(Piece::Flags, || Bytes::from(launchdarkly::flag_changes(&items(step))))
            } else {
                step.piece(Piece::All, || Bytes::from(launchdarkly::changes(&items(step))))
            }
        };
        steps.iter().map(encoded).collect()
    }
}
