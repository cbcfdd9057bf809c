//! LaunchDarkly's server-side protocol: the stream and the polls of flags and segments.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, header};
use shared::access::CredentialKind;

use super::asked;
use super::refused::Refused;
use crate::http::AppState;
use crate::live::serving::{Piece, ServedEnvironment};
use crate::protocol::launchdarkly::{self, Documents};

/// The routes that answer at once.
pub fn quick() -> Router<AppState> {
    Router::new().route("/sdk/latest-all", get(latest_all))
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new()
}

async fn latest_all(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Refused> {
    let asked = asked::by_key(&state, &headers, &[CredentialKind::Server]).await?;
    let body = latest(&asked.served);
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], body)
        .into_response())
}

fn latest(served: &ServedEnvironment) -> Bytes {
    served.piece(Piece::Latest, || Bytes::from(launchdarkly::latest(&documents(served))))
}

/// The documents of an environment: what is archived is not there.
fn documents(served: &ServedEnvironment) -> Documents<'_> {
    let state = &served.state;
    let lives = state.segments.iter().filter(|(_, segment)| !segment.stored.row.archived);
    Documents {
        flags: state.configs.iter().map(|(key, config)| (key.as_str(), &config.document)).collect(),
        segments: lives.map(|(key, segment)| (key.as_str(), &segment.document)).collect(),
    }
}
