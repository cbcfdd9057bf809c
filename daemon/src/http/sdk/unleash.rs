//! Unleash's front-end API.

use axum::Router;

use crate::http::AppState;

/// The routes that answer at once.
pub fn quick() -> Router<AppState> {
    Router::new()
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new()
}
