//! Turns away requests that no handler should see, and catches handlers that fail.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use http::{HeaderValue, header};
use shared::api::problem::ProblemKind;

use super::limits::Limits;
use super::problem::problem;
use super::request::RequestId;

/// What is wrong with a request's head, if anything.
///
/// A path that a proxy and we could read differently is refused: `//`, `.` and `..`, and slashes,
/// backslashes and NUL behind a `%`.
pub fn refusal(request: &Request, limits: &Limits) -> Option<(ProblemKind, String)> {
    let path = request.uri().path();
    let length = request.uri().path_and_query().map_or(0, |whole| whole.as_str().len());
    if length > limits.uri_bytes {
        let detail = format!("Path and query have at most {} bytes, these have {length}.", limits.uri_bytes);
        return Some((ProblemKind::UriTooLong, detail));
    }
    if request.headers().len() > limits.headers {
        let detail = format!("A request has at most {} headers.", limits.headers);
        return Some((ProblemKind::TooManyHeaders, detail));
    }
    // Nearly every path holds nothing that could be any of it.
    if !path.contains(['%', '\\']) && !path.contains("//") && !path.contains("/.") {
        return None;
    }
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2f", "%5c", "%00", "\\"].into_iter().find(|hidden| lower.contains(hidden));
    let dots = || lower.split('/').any(|part| matches!(part.replace("%2e", ".").as_str(), "." | ".."));
    // Providers of OpenFeature put a base URL, which may end in a slash, before their path.
    let bare = path.strip_prefix('/').filter(|rest| rest.starts_with("/ofrep/")).unwrap_or(path);
    let what = match hidden {
        Some(hidden) => hidden,
        None if bare.contains("//") => "//",
        None if dots() => "a part that is only dots",
        None => return None,
    };
    let detail = format!("The path holds {what}, which programs on its way may read differently.");
    Some((ProblemKind::AmbiguousPath, detail))
}

/// Runs the rest; a panic becomes a 500, logged once.
pub async fn caught(id: Option<&RequestId>, rest: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(rest).catch_unwind().await {
        Ok(response) => response,
        Err(cause) => {
            let text = cause.downcast_ref::<&str>().copied();
            let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
            tracing::error!("panic.message" = text.unwrap_or("?"), "a handler panicked");
            metrics::counter!("flagstaff_panics_total").increment(1);
            let detail = "The request failed inside the daemon; its log tells more under this request id.";
            problem(ProblemKind::Internal, detail, id.map(|id| &*id.0))
        }
    }
}

/// Layer for routes that answer at once: 503 when the answer doesn't begin within the time.
///
/// Not for long polls. A stream's head comes at once, so its length doesn't matter.
pub async fn handler_timeout(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    in_time(longest, id.as_ref(), next.run(request)).await
}

/// What [`handler_timeout`] and [`caught`] do, for routes that tell refusals in words of their own: in one layer,
/// since each makes a copy of everything below it, for every request.
pub async fn answered(longest: Duration, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    caught(id.as_ref(), in_time(longest, id.as_ref(), next.run(request))).await
}

async fn in_time(
    longest: Duration,
    id: Option<&RequestId>,
    rest: impl Future<Output = Response>,
) -> Response {
    if let Ok(response) = tokio::time::timeout(longest, rest).await {
        return response;
    }
    let detail =
        "The daemon is too busy to answer now. A change may have been made or not: read before repeating it.";
    let mut response = problem(ProblemKind::HandlerTimeout, detail, id.map(|id| &*id.0));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}
