//! What every request passes before its handler, and every answer after it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
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
    app.layer(DefaultBodyLimit::max(limits.body_bytes)).layer(from_fn_with_state(edge, at_the_edge))
}

/// One layer: each makes a copy of everything below it, for every request.
async fn at_the_edge(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let rest = |request: Request, id: RequestId| async move {
        match guard::refusal(&request, &edge.limits) {
            None => guard::caught(Some(&id), next.run(request)).await,
            Some((kind, detail)) => problem(kind, &detail, Some(&id.0)),
        }
    };
    request::traced(&*edge.clock.clone(), request, rest).await
}
