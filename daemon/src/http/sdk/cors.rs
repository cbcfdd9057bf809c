//! Cross-origin rules for SDKs in browsers: any origin may ask, unless some are configured.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, REPORT, OPTIONS");
/// What browsers may read of an answer, beside what they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Date, ETag, Retry-After, X-LD-EnvID, X-LD-FD-Fallback, X-LD-FD-Fallback-TTL, X-Request-Id",
);
/// What SDKs send, for a browser that does not say what it wants to send.
const USUAL: HeaderValue = HeaderValue::from_static(
    "Authorization, Cache-Control, Content-Type, Content-Length, Accept-Encoding, If-None-Match, \
     X-LaunchDarkly-User-Agent, X-LaunchDarkly-Payload-ID, X-LaunchDarkly-Wrapper, \
     X-LaunchDarkly-Event-Schema, X-LaunchDarkly-Tags, X-LaunchDarkly-Instance-Id",
);
const PRIVATE_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The origins that may ask.
#[derive(Clone, Debug)]
pub struct Origins(Option<Arc<[HeaderValue]>>);

impl Origins {
    /// Those of the configuration; none, or `*` among them, is any.
    pub fn new(configured: &[String]) -> Self {
        if configured.is_empty() || configured.iter().any(|origin| origin == "*") {
            return Self(None);
        }
        Self(Some(configured.iter().filter_map(|origin| origin.parse().ok()).collect()))
    }

    /// What an origin is told: itself where it may ask, else the first that may.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let Some(known) = &self.0 else { return Some(HeaderValue::from_static("*")) };
        known.iter().find(|one| Some(*one) == origin).or_else(|| known.first()).cloned()
    }
}

/// Answers a preflight, and puts the headers on every other answer, errors and streams included.
pub async fn cors(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Some(allowed) = origins.allowed(origin.as_ref()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(USUAL));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    if asked.contains_key(PRIVATE_ASKED) {
        headers.insert(PRIVATE_ALLOWED, HeaderValue::from_static("true"));
    }
    response
}
