//! A request's id, its span, its log line and its metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tracing::Instrument;

use crate::clock::Clock;

/// The header of the request id, in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id taken from a client, in bytes.
const LONGEST: usize = 128;

/// The name of a request in answers, logs and the audit; an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's id if it is harmless in a log, else a new one.
    pub fn of(headers: &HeaderMap, clock: &dyn Clock) -> Self {
        let given = headers.get(HEADER).and_then(|id| id.to_str().ok());
        let harmless = |id: &&str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b);
            !id.is_empty() && id.len() <= LONGEST && id.bytes().all(plain)
        };
        Self(given.filter(harmless).map_or_else(|| clock.uuid().to_string(), ToOwned::to_owned))
    }
}

/// Gives the request its id and runs the rest in a span; then one line, one count, one duration.
pub async fn traced(clock: Arc<dyn Clock>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &*clock);
    let method = word(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", "request.id" = id.0);
    let start = Instant::now();
    async move {
        let mut response = next.run(request).await;
        let took = start.elapsed();
        if let Ok(value) = HeaderValue::try_from(id.0) {
            response.headers_mut().insert(HEADER, value);
        }
        let status = response.status().as_u16();
        let milliseconds = took.as_secs_f64() * 1_000.0;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    "http.method" = method,
                    "http.route" = route,
                    "http.status" = status,
                    "http.duration_ms" = milliseconds,
                    "request"
                )
            };
        }
        match (status, method) {
            // Its cause stands in an error line of its own.
            (500.., _) => line!(warn),
            // A poll's other half, of which one client sends many.
            (..300, "POST") if route == "/socket.io/" => line!(debug),
            (..300, "POST" | "PUT" | "PATCH" | "DELETE") => line!(info),
            _ => line!(debug),
        }
        let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
        metrics::counter!("flagstaff_http_requests_total", &labels).increment(1);
        let [method, route, _] = labels;
        metrics::histogram!("flagstaff_http_request_duration_seconds", &[method, route])
            .record(took.as_secs_f64());
        response
    }
    .instrument(span)
    .await
}

/// The method as a label: a client can't make up new ones.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "REPORT" => "REPORT",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_harmless_id_is_kept_and_any_other_is_replaced() {
        let clock = ManualClock::at(time::OffsetDateTime::UNIX_EPOCH);
        let id = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(given).unwrap());
            RequestId::of(&headers, &clock).0
        };
        assert_eq!(id(b"build-17/step:3"), "build-17/step:3");
        for wrong in [&b""[..], b"two words", b"quote\"", b"\xff", &[b'a'; 129]] {
            assert_eq!(id(wrong).len(), 36);
        }
        assert_eq!(id(&[b'a'; 128]), "a".repeat(128));
    }
}
