//! A request's id, its span, its log line and its metrics.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
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
pub struct RequestId(pub Arc<str>);

impl RequestId {
    /// The client's id if it is harmless in a log, else a new one.
    pub fn of(headers: &HeaderMap, clock: &dyn Clock) -> Self {
        let given = headers.get(HEADER).and_then(|id| id.to_str().ok());
        let harmless = |id: &&str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b);
            !id.is_empty() && id.len() <= LONGEST && id.bytes().all(plain)
        };
        Self(given.filter(harmless).map_or_else(
            || {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                Arc::from(&*clock.uuid().hyphenated().encode_lower(&mut text))
            },
            Arc::from,
        ))
    }
}

/// Gives the request its id and runs the rest in a span; then one line, one count, one duration.
pub async fn traced<F>(
    clock: &dyn Clock,
    mut request: Request,
    run: impl FnOnce(Request, RequestId) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let id = RequestId::of(request.headers(), clock);
    let method = word(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", "request.id" = &*id.0);
    let start = Instant::now();
    let rest = run(request, id.clone());
    async move {
        let mut response = rest.await;
        let took = start.elapsed();
        if let Ok(value) = HeaderValue::try_from(&*id.0) {
            response.headers_mut().insert(HEADER, value);
        }
        let status = response.status().as_u16();
        let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
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
        count(method, route, status, took.as_secs_f64());
        response
    }
    .instrument(span)
    .await
}

/// The metrics of requests of one kind. Looking them up by their labels costs as much as a small answer.
struct Counted {
    requests: metrics::Counter,
    seconds: metrics::Histogram,
}

type Kinds = HashMap<(&'static str, u16), HashMap<String, Counted>>;

thread_local! {
    /// What this thread has looked up; there are only as many as routes, methods and statuses of ours.
    static COUNTED: RefCell<Kinds> = RefCell::default();
}

/// Counts one request.
fn count(method: &'static str, route: &str, status: u16, seconds: f64) {
    COUNTED.with_borrow_mut(|kinds| {
        let routes = kinds.entry((method, status)).or_default();
        if let Some(counted) = routes.get(route) {
            counted.requests.increment(1);
            counted.seconds.record(seconds);
            return;
        }
        let labels =
            [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        let requests = metrics::counter!("flagstaff_http_requests_total", &labels);
        let [method, of_route, _] = labels;
        let histogram = metrics::histogram!("flagstaff_http_request_duration_seconds", &[method, of_route]);
        requests.increment(1);
        histogram.record(seconds);
        routes.insert(route.to_owned(), Counted { requests, seconds: histogram });
    });
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
            RequestId::of(&headers, &clock).0.to_string()
        };
        assert_eq!(id(b"build-17/step:3"), "build-17/step:3");
        for wrong in [&b""[..], b"two words", b"quote\"", b"\xff", &[b'a'; 129]] {
            assert_eq!(id(wrong).len(), 36);
        }
        assert_eq!(id(&[b'a'; 128]), "a".repeat(128));
    }
}
