//! ROOF: every route on one screen.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::accounted;
use super::admin::{
    access, audit, backups, changes, compare, credentials, environments, evaluate, export, flags, import,
    matrix, membership, projects, schemas, segments, usage,
};
use super::compat::system_config;
use super::error::ApiError;
use super::live::{sse, status, websocket};
use super::{health, openapi, sdk, socketio};
use crate::net::guard;

/// The nouns: mounted for the default project and for every other one.
fn nouns() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(flags::list, flags::create))
        .routes(routes!(flags::get, flags::update, flags::archive))
        .routes(routes!(flags::restore))
        .routes(routes!(flags::get_config, flags::put_config, flags::patch_config))
        .routes(routes!(flags::toggle))
        .routes(routes!(flags::payload))
        .routes(routes!(matrix::get))
        .routes(routes!(evaluate::evaluate))
        .routes(routes!(usage::of_flag))
        .routes(routes!(usage::contexts))
        .routes(routes!(compare::compare))
        .routes(routes!(compare::promote))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::of_flag))
        .routes(routes!(audit::revisions))
        .routes(routes!(audit::revision))
        .routes(routes!(changes::revert))
        .routes(routes!(changes::change_set))
        .routes(routes!(changes::resolve))
        .routes(routes!(environments::list, environments::create))
        .routes(routes!(environments::get, environments::update, environments::archive))
        .routes(routes!(segments::list, segments::create))
        .routes(routes!(segments::get, segments::replace, segments::update, segments::archive))
        .routes(routes!(segments::restore))
        .routes(routes!(membership::contains))
        .routes(routes!(export::get))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::rotate))
        .routes(routes!(credentials::revoke))
}

/// What belongs to the whole installation: mounted once.
fn installation() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get, projects::update, projects::archive))
        .routes(routes!(access::me))
        .routes(routes!(access::list_tokens, access::create_token))
        .routes(routes!(access::revoke_token))
        .routes(routes!(access::list_bindings, access::create_binding))
        .routes(routes!(access::replace_binding, access::remove_binding))
        .routes(routes!(backups::list, backups::create))
        .routes(routes!(backups::get))
        .routes(routes!(schemas::get))
        .routes(routes!(status::get))
}

fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest("/api", nouns())
        .nest("/api/projects/{project}", nouns())
        .nest("/api", installation())
        .merge(beside())
        .merge(probes())
}

/// The OpenAPI document of every route.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = documented().into_openapi();
    document.merge(imports().into_openapi());
    document.merge(lasting().into_openapi());
    document
}

/// What lasts as long as its client stays: no time-out of handlers is around it.
fn lasting() -> OpenApiRouter<AppState> {
    let streams = OpenApiRouter::new().routes(routes!(websocket::open)).routes(routes!(sse::stream));
    OpenApiRouter::new().nest("/api", streams)
}

/// What is asked by whoever starts, stops and watches the daemon.
fn probes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// What stands beside the projects.
fn beside() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(system_config::list, system_config::create))
        .routes(routes!(system_config::batch))
        .routes(routes!(system_config::enabled))
        .routes(routes!(system_config::get, system_config::update, system_config::archive))
        .routes(routes!(system_config::toggle))
        .routes(routes!(system_config::check))
}

/// Imports: larger bodies, and more time, than anything else has.
fn imports() -> OpenApiRouter<AppState> {
    let import = || OpenApiRouter::new().routes(routes!(import::run));
    OpenApiRouter::new().nest("/api", import()).nest("/api/projects/{project}", import())
}

/// How long an import may take: 5,000 flags need seconds.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);

/// The whole API.
pub fn router(state: AppState) -> Router {
    let (quick, _) = documented().split_for_parts();
    let (imports, _) = imports().split_for_parts();
    let imports = imports
        .layer(DefaultBodyLimit::max(state.config.http.import_body_bytes))
        .layer(from_fn_with_state(IMPORT_TIMEOUT, guard::handler_timeout));
    let (lasting, _) = lasting().split_for_parts();
    let timeout = state.config.http.handler_timeout;
    quick
        .merge(openapi::routes(document()))
        .layer(from_fn_with_state(timeout, guard::handler_timeout))
        .merge(imports)
        .merge(lasting)
        .layer(cors(&state))
        // With rules of its own for browsers.
        .merge(sdk::routes::routes(&state))
        .layer(from_fn_with_state(state.clone(), accounted::accounted))
        // Streams and WebSockets pass as they are.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .merge(socketio::routes(&state))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn not_found() -> ApiError {
    ApiError::unknown("such path; /docs lists them")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(
        shared::api::problem::ProblemKind::MethodNotAllowed,
        "this path takes other methods; /docs lists them",
    )
}

/// CORS for browsers: the configured origins, or any; never with cookies, which we do not read.
fn cors(state: &AppState) -> CorsLayer {
    let origins = &state.config.http.cors_origin;
    let allowed = if origins.iter().any(|o| o == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|o| o.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([
            http::Method::GET,
            http::Method::POST,
            http::Method::PUT,
            http::Method::PATCH,
            http::Method::DELETE,
        ])
        .allow_headers(Any)
        .expose_headers(Any)
}
