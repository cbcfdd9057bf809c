//! ROOF: Socket.IO at `/socket.io/`: the transport, who may come in, who tells changes.
//!
//! Nothing is kept of a client that is gone: what it needs to go on, it carries itself.

mod connection;
mod door;
mod emit;
mod hub;
mod identify;
mod members;
mod replay;
mod shown;
mod task;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use engineioxide::config::EngineIoConfig;
use engineioxide::service::EngineIoService;
use http::{HeaderValue, Method, header};
use shared::api::problem::ProblemKind;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::AppState;
use super::error::ApiError;

/// The most that a client may send in one request or message, in bytes.
const MAX_PAYLOAD: usize = 100_000;
/// Packets that wait in a transport, besides those that wait for it.
const TRANSPORT_BUFFER: usize = 256;

/// The routes, with the task behind them; outside of every handler's time-out, since a poll waits.
pub fn routes(state: &AppState) -> Router<AppState> {
    let hub = Arc::new(hub::Hub::new(state.clone()));
    tokio::spawn(task::run(Arc::clone(&hub)));
    let live = &state.config.live;
    let config = EngineIoConfig::builder()
        .req_path("/socket.io")
        .ping_interval(live.socketio_ping_interval)
        .ping_timeout(live.socketio_ping_timeout)
        .max_payload(MAX_PAYLOAD as u64)
        .max_buffer_size(TRANSPORT_BUFFER)
        .ws_max_message_size(MAX_PAYLOAD)
        .ws_max_frame_size(MAX_PAYLOAD)
        .build();
    let service = EngineIoService::with_config(Arc::new(door::Door::new(hub)), config);
    Router::new()
        .route_service("/socket.io/", service.clone())
        .route_service("/socket.io", service)
        .layer(from_fn_with_state(state.clone(), guard))
        .layer(cors(state))
}

/// CORS as the stock client wants it: any origin, or the listed ones, which may send credentials.
fn cors(state: &AppState) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request());
    match listed(state) {
        None => layer.allow_origin(AllowOrigin::any()),
        Some(origins) => layer
            .allow_origin(AllowOrigin::list(origins.iter().filter_map(|o| o.parse().ok())))
            .allow_credentials(true),
    }
}

/// The origins that pages may come from; `None` is any.
fn listed(state: &AppState) -> Option<&[String]> {
    let origins = &state.config.http.cors_origin;
    (!origins.iter().any(|o| o == "*")).then_some(origins)
}

/// New clients are turned away for a moment while the daemon cannot serve them: the stock client tries again
/// after a 5xx, and gives up after a refusal. WebSockets know no CORS, so their origin is looked at here.
async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let is_new = !query.split('&').any(|pair| pair.starts_with("sid="));
    if is_new && (state.drain.is_going() || !state.live.ready()) {
        let (kind, why) = if state.drain.is_going() {
            (ProblemKind::Draining, "the daemon is stopping; another one answers soon")
        } else {
            (ProblemKind::DatabaseUnavailable, "the daemon has no catalog to serve yet")
        };
        let mut error = ApiError::new(kind, why);
        error.retry_after = Some(1);
        return error.into_response();
    }
    if let Some(origins) = listed(&state)
        && request.headers().contains_key(header::UPGRADE)
        && let Some(origin) = request.headers().get(header::ORIGIN)
    {
        let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
        if !own && !origins.iter().any(|o| o == origin) {
            let why = "http.cors_origin does not list the page's origin";
            return ApiError::new(ProblemKind::Forbidden, why).into_response();
        }
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
