//! ROOF of LaunchDarkly's client-side protocol: its routes, and its polls.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderValue, StatusCode, header};
use shared::access::CredentialKind;

use super::client_asked::{ClientAsked, Door, Sent};
use super::refused::Refused;
use super::{client_objects, client_stream};
use crate::http::AppState;

/// The routes that answer at once. REPORT is a method that the router has no name for.
pub fn quick() -> Router<AppState> {
    Router::new()
        .route("/sdk/evalx/{id}/contexts/{*context}", any(browser))
        .route("/sdk/evalx/{id}/users/{*context}", any(browser))
        .route("/sdk/evalx/{id}/context", any(browser))
        .route("/sdk/evalx/{id}/user", any(browser))
        .route("/msdk/evalx/contexts/{*context}", any(mobile))
        .route("/msdk/evalx/users/{*context}", any(mobile))
        .route("/msdk/evalx/context", any(mobile))
        .route("/msdk/evalx/user", any(mobile))
        .route("/sdk/evalx/contexts/{*context}", any(server))
        .route("/sdk/evalx/users/{*context}", any(server))
        .route("/sdk/evalx/context", any(server))
        .route("/sdk/evalx/user", any(server))
        .route("/sdk/poll/eval", any(client_objects::poll))
        .route("/sdk/poll/eval/{*context}", any(client_objects::poll))
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new()
        .route("/eval/{id}", any(client_stream::browser))
        .route("/eval/{id}/{*context}", any(client_stream::browser))
        .route("/meval", any(client_stream::mobile))
        .route("/meval/{*context}", any(client_stream::mobile))
        .route("/ping/{id}", any(client_stream::browser_pings))
        .route("/mping", any(client_stream::mobile_pings))
        .route("/sdk/stream/eval", any(client_objects::stream))
        .route("/sdk/stream/eval/{*context}", any(client_objects::stream))
}

async fn browser(sent: Sent) -> Result<Response, Refused> {
    let door = Door::Id(sent.id.as_deref().unwrap_or_default());
    poll(&sent, door).await
}

async fn mobile(sent: Sent) -> Result<Response, Refused> {
    poll(&sent, Door::Key(CredentialKind::Mobile)).await
}

async fn server(sent: Sent) -> Result<Response, Refused> {
    poll(&sent, Door::Key(CredentialKind::Server)).await
}

async fn poll(sent: &Sent, door: Door<'_>) -> Result<Response, Refused> {
    let asked = ClientAsked::arrive(sent, door, "REPORT").await?;
    let etag = asked.etag();
    let known = sent.has(&etag);
    // Without secure mode an ETag that we gave is proof that the context was read.
    if known && !asked.is_secured() {
        return Ok(answered(&asked, &etag, None));
    }
    let context = asked.context()?;
    let served = &asked.sdk.served;
    let body = (!known).then(|| asked.audience.all(served.rules(), &context, served.version()));
    Ok(answered(&asked, &etag, body))
}

/// The results; none where the sender has them.
fn answered(asked: &ClientAsked, etag: &str, results: Option<Vec<u8>>) -> Response {
    let mut response = match results {
        Some(results) => {
            let mut response = Body::from(results).into_response();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    asked.name_environment(headers);
    response
}
