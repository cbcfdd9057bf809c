//! What every request passes before its handler, and every answer after it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;

use super::guard;
use super::limits::Limits;
use super::problem::problem;
use super::request::{self, RequestId};
use crate::clock::Clock;

#[derive(Clone)]
struct Edge {
    limits: Arc<Limits>,
    clock: Arc<dyn Clock>,
}

/// Puts the edge around a complete router: id, span, log line and metrics, then the guard against
/// ambiguous heads, then the catcher of panics. Call it last, so that every route is inside.
///
/// A body has at most `http.body_bytes`; a route that takes more has its own
/// `DefaultBodyLimit::max(...)`, which wins, being nearer to the handler. Time-outs belong to routes, too:
/// [`guard::handler_timeout`].
pub fn around(app: Router, limits: &Limits, clock: Arc<dyn Clock>) -> Router {
    let edge = Edge { limits: Arc::new(limits.clone()), clock };
    app.layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(from_fn(guard::caught))
        .layer(from_fn_with_state(edge.clone(), guarded))
        .layer(from_fn_with_state(edge, traced))
}

async fn traced(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    request::traced(edge.clock, request, next).await
}

async fn guarded(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let Some((kind, detail)) = guard::refusal(&request, &edge.limits) else {
        return next.run(request).await;
    };
    let id = request.extensions().get::<RequestId>().map(|id| id.0.as_str());
    problem(kind, &detail, id)
}
