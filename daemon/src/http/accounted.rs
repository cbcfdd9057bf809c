//! Tells the access log who was let in and who was turned away, for every route there is.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;

use super::AppState;
use crate::access_log::Who;
use crate::net::peer::Peer;
use crate::net::request::RequestId;
use crate::service::Caller;

/// Where the one who finds out who is calling leaves it; an extension of every request.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<OnceLock<(String, String)>>);

impl Known {
    /// Leaves who is calling.
    pub fn tell(&self, caller: &Caller) {
        let _ = self.0.set((caller.principal.clone(), caller.credential.clone()));
    }
}

/// Why a request was turned away; an extension of the answer.
#[derive(Clone, Debug)]
pub struct Denied(pub String);

/// Runs the rest, then notes a log-in or a denial.
pub async fn accounted(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let peer = request.extensions().get::<Peer>().cloned();
    let request_id = request.extensions().get::<RequestId>().cloned();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    let denied = response.extensions().get::<Denied>().map_or("", |denied| denied.0.as_str());
    match (known.0.get(), response.status()) {
        (Some((principal, credential)), status) => {
            let (principal, credential) = (principal.clone(), credential.clone());
            let request_id = request_id.map(|id| id.0.to_string());
            let who = Who { principal, credential, request_id };
            if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                state.access_log.denied(&who, &format!("{method} {}", uri.path()), denied);
            }
            // A demo's nobody logs in with nothing.
            if who.credential != "none" {
                state.access_log.known(&who);
            }
        }
        (None, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            state.access_log.unknown(peer.as_ref(), denied);
        }
        (None, _) => {}
    }
    response
}
