//! ROOF of the SDKs' protocols: every route of theirs, with the limits around it.

use axum::Router;
use axum::middleware::from_fn_with_state;
use shared::api::problem::ProblemKind;

use super::cors::{self, Origins};
use super::{client, events, fdv2, ofrep, server, unleash};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::net::guard;

/// Every route of the SDKs' protocols, at the root and below the prefix.
pub fn routes(state: &AppState) -> Router<AppState> {
    let routes = every(state);
    match state.config.http.sdk_prefix.as_str() {
        "" => routes,
        prefix => Router::new().nest(prefix, routes.clone()).merge(routes),
    }
}

fn every(state: &AppState) -> Router<AppState> {
    let quick = server::quick()
        .merge(fdv2::quick())
        .merge(client::quick())
        .merge(events::quick())
        .layer(from_fn_with_state(state.config.http.handler_timeout, guard::handler_timeout));
    let lasting = server::lasting()
        .merge(fdv2::lasting())
        .merge(client::lasting())
        .merge(events::lasting())
        .merge(ofrep::lasting())
        .merge(unleash::lasting());
    let origins = Origins::new(&state.config.http.cors_origin);
    let routes = quick.merge(lasting).merge(ofrep::quick(state)).merge(unleash::quick(state));
    // Before the layer: what is set after it answers preflights in its place.
    routes.method_not_allowed_fallback(method_not_allowed).layer(from_fn_with_state(origins, cors::cors))
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ProblemKind::MethodNotAllowed, "this path takes other methods; /docs lists them")
}
