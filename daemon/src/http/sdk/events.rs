//! What SDKs report: events, diagnostics, beacons. Never an answer that silences one.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use shared::access::CredentialKind;

use super::asked::{SdkAsked, by_id, by_key};
use super::counted;
use super::events_body::{Arrived, arrive};
use super::refused::Refused;
use crate::http::AppState;
use crate::protocol::events;
use crate::usage::queue::Held;

/// The smallest picture there is.
const GIF: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The routes that answer at once.
pub fn quick() -> Router<AppState> {
    Router::new()
        .route("/bulk", post(server_events))
        .route("/diagnostic", post(server_diagnostic))
        .route("/mobile", post(mobile_events))
        .route("/mobile/events", post(mobile_events))
        .route("/mobile/events/bulk", post(mobile_events))
        .route("/mobile/events/diagnostic", post(mobile_diagnostic))
        .route("/events/bulk/{id}", post(browser_events))
        .route("/events/diagnostic/{id}", post(browser_diagnostic))
        .route("/a/{picture}", get(beacon))
        .route("/sdk/goals/{id}", get(goals))
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new()
}

async fn server_events(State(state): State<AppState>, request: Request) -> Result<Response, Refused> {
    let asked = by_key(&state, request.headers(), &[CredentialKind::Server]).await?;
    take(asked, request).await
}

async fn mobile_events(State(state): State<AppState>, request: Request) -> Result<Response, Refused> {
    let asked = by_key(&state, request.headers(), &[CredentialKind::Mobile]).await?;
    take(asked, request).await
}

async fn browser_events(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let asked = by_id(&state, &id).await?;
    take(asked, request).await
}

async fn server_diagnostic(State(state): State<AppState>, request: Request) -> Result<Response, Refused> {
    let asked = by_key(&state, request.headers(), &[CredentialKind::Server]).await?;
    hear(asked, request).await
}

async fn mobile_diagnostic(State(state): State<AppState>, request: Request) -> Result<Response, Refused> {
    let asked = by_key(&state, request.headers(), &[CredentialKind::Mobile]).await?;
    hear(asked, request).await
}

async fn browser_diagnostic(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let asked = by_id(&state, &id).await?;
    hear(asked, request).await
}

/// 202, with a `Date`, which SDKs take for the time.
fn accepted() -> Response {
    let mut response = StatusCode::ACCEPTED.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn shed() -> Response {
    metrics::counter!("flagstaff_usage_shed_total", "what" => "payload").increment(1);
    accepted()
}

async fn arrived(asked: &SdkAsked, request: Request) -> Result<(HeaderMap, Arrived), Refused> {
    let (parts, body) = request.into_parts();
    let held = asked.state.usage.queue.hold();
    let arrived = arrive(&parts.headers, body, held, asked.state.config.usage.body_bytes).await?;
    if let Arrived::Whole(bytes, _) = &arrived
        && !looks_like_json(bytes)
    {
        return Err(Refused::Malformed("events are a JSON array".to_owned()));
    }
    Ok((parts.headers, arrived))
}

/// Whether a body begins and ends as an array or an object does: what is within is read after the answer.
fn looks_like_json(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    matches!((body.first(), body.last()), (Some(b'['), Some(b']')) | (Some(b'{'), Some(b'}')))
}

/// Accepts events; they are read later.
async fn take(asked: SdkAsked, request: Request) -> Result<Response, Refused> {
    let (headers, arrived) = arrived(&asked, request).await?;
    let Arrived::Whole(bytes, held) = arrived else { return Ok(shed()) };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unsummarized = text("x-launchdarkly-unsummarized").eq_ignore_ascii_case("true");
    Ok(enqueue(asked, bytes, held, text("x-launchdarkly-payload-id"), unsummarized))
}

/// Has events read, unless they were taken before, or too much waits already.
fn enqueue(asked: SdkAsked, bytes: Vec<u8>, held: Held, payload: &str, unsummarized: bool) -> Response {
    let SdkAsked { state, credential, served } = asked;
    let usage = std::sync::Arc::clone(&state.usage);
    let environment = served.state.stored.row.id;
    if !usage.settings.enabled || !usage.payloads.is_first(environment, payload, state.clock.monotonic()) {
        return accepted();
    }
    let offered = usage.queue.offer(move || {
        let _held = held;
        let place = (&credential.project, &credential.environment);
        match events::read(&bytes, unsummarized) {
            Ok(payload) => counted::told(&state, place, credential.kind, &payload),
            Err(error) => {
                tracing::debug!(%error, credential = %credential.id, "events that cannot be read");
                metrics::counter!("flagstaff_usage_unread_events_total").increment(1);
            }
        }
    });
    if offered { accepted() } else { shed() }
}

/// Accepts diagnostics, which tell nothing that anybody here asks for.
async fn hear(asked: SdkAsked, request: Request) -> Result<Response, Refused> {
    arrived(&asked, request).await.map(|_| accepted())
}

/// Goals of LaunchDarkly's own experiments: there are none.
async fn goals(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, Refused> {
    by_id(&state, &id).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let store = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(([kind, store], "[]").into_response())
}

#[derive(Deserialize)]
struct Beacon {
    d: Option<String>,
}

/// Events in the address of a picture, for browsers that can do no better.
async fn beacon(
    State(state): State<AppState>,
    Path(picture): Path<String>,
    query: Result<Query<Beacon>, QueryRejection>,
) -> Result<Response, Refused> {
    let id = picture.strip_suffix(".gif").ok_or(Refused::UnknownEnvironment)?;
    let asked = by_id(&state, id).await?;
    if let Some(bytes) = query.ok().and_then(|Query(beacon)| decoded(&beacon.d?)) {
        let mut held = state.usage.queue.hold();
        // What is no payload is not shed either.
        if looks_like_json(&bytes) {
            let _ = if held.more(bytes.len()) { enqueue(asked, bytes, held, "", false) } else { shed() };
        }
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    let store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([kind, store], GIF).into_response())
}

/// Base64 of either alphabet, with or without its end; a form has made spaces of `+`.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text: String = text
        .chars()
        .map(|c| match c {
            ' ' | '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beacons_decode_however_they_were_written() {
        let wanted = Some(b"[\"\xfb\xff~\"]".to_vec());
        for text in ["WyL7/34iXQ==", "WyL7_34iXQ", "WyL7/34iXQ"] {
            assert_eq!(decoded(text), wanted, "{text}");
        }
        assert_eq!(decoded("+/+/"), decoded(" _-_"));
        assert_eq!(decoded("%"), None);
    }

    #[test]
    fn what_is_no_array_and_no_object_is_seen_at_its_ends() {
        for good in ["[]", " [1] \n", "{\"kind\":1}"] {
            assert!(looks_like_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "  ", "[", "x", "[1", "\"[]\"", "[}"] {
            assert!(!looks_like_json(bad.as_bytes()), "{bad}");
        }
    }
}
