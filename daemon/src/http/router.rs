//! ROOF: every route on one screen.

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::admin::{audit, changes, compare, evaluate, flags};
use super::compat::system_config;
use super::error::ApiError;
use super::openapi;
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
        .routes(routes!(evaluate::evaluate))
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

/// The whole API.
pub fn router(state: AppState) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest("/api", nouns())
        .nest("/api/projects/{project}", nouns())
        .merge(beside())
        .split_for_parts();
    let timeout = state.config.http.handler_timeout;
    api.merge(openapi::routes(document))
        .layer(from_fn_with_state(timeout, guard::handler_timeout))
        .layer(cors(&state))
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
