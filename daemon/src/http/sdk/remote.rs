//! What protocols share whose flags are evaluated here: bodies in, answers and refusals out.

use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::etag::{self, Known};
use super::refused::Refused;
use crate::http::accounted::Denied;

/// From so many flags on evaluating takes longer than a task may hold its thread.
const MANY: usize = 1_000;
/// The most bytes of a refusal that are read to tell it again.
const REFUSAL: usize = 64 * 1024;
/// What an answer depends on beside the path.
const VARY: &str = "authorization, x-api-key, origin";

/// The whole body, whatever it says it is.
///
/// # Errors
/// 413 where it is too large, 400 where it did not arrive.
pub async fn body_of(request: Request) -> Result<Bytes, Refused> {
    Bytes::from_request(request, &()).await.map_err(|rejection: BytesRejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Refused::TooLarge("the body is larger than this daemon takes".to_owned())
        } else {
            Refused::Malformed("the body did not arrive".to_owned())
        }
    })
}

/// An answer that is nobody else's.
pub fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    own(headers);
    response
}

fn unchanged(tag: HeaderValue) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::ETAG, tag);
    own(response.headers_mut());
    response
}

fn own(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
}

/// The answer to a poll: nothing but word of it where the client has it. Without looking at a flag where it
/// asked the very same before; `flags` is how many there are otherwise.
///
/// # Errors
/// 503 where the evaluation did not end.
pub async fn polled(
    known: &Known,
    question: &str,
    flags: usize,
    evaluate: impl FnOnce() -> String + Send + 'static,
) -> Result<Response, Refused> {
    if let Some(tag) = known.asked(question) {
        return Ok(unchanged(tag));
    }
    let body = if flags > MANY {
        let evaluated = tokio::task::spawn_blocking(evaluate).await;
        evaluated.map_err(|_| Refused::NotNow("the evaluation did not end".to_owned()))?
    } else {
        evaluate()
    };
    let answer = etag::answer(&body);
    let tag = etag::tag(question, &answer);
    if known.has(&answer) {
        return Ok(unchanged(tag));
    }
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// Puts the headers of a refusal to the answer that tells it.
pub fn marked(mut response: Response, refused: &Refused) -> Response {
    let headers = response.headers_mut();
    if let Some(seconds) = refused.retry_after() {
        // In whole seconds: nothing else is understood by all clients.
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Refused::Method(allowed) = refused {
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    if matches!(refused, Refused::UnknownKey) {
        response.extensions_mut().insert(Denied(refused.to_string()));
    }
    response
}

/// Tells a refusal that was made around the handlers (time, size, a panic) again, in the protocol's own form.
pub async fn told_again(response: Response, tell: impl FnOnce(StatusCode, &str) -> Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(Body::new(body), REFUSAL).await.unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let detail =
        problem.as_ref().and_then(|problem| problem.get("detail")).and_then(|detail| detail.as_str());
    let mut answer = tell(status, detail.or(status.canonical_reason()).unwrap_or("the request was refused"));
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer.extensions_mut().extend(parts.extensions);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked_with(refused: &Refused) -> Response {
        marked(json(refused.status(), "{}".to_owned()), refused)
    }

    #[test]
    fn whoever_is_to_come_again_is_told_when_in_whole_seconds() {
        for (refused, seconds) in
            [(Refused::Later(7), "7"), (Refused::NotNow(String::new()), "1"), (Refused::Later(0), "1")]
        {
            let response = marked_with(&refused);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], seconds);
        }
        assert!(!marked_with(&Refused::UnknownKey).headers().contains_key(header::RETRY_AFTER));
    }

    #[tokio::test]
    async fn what_was_refused_around_the_handlers_is_told_in_the_protocols_own_form() {
        let tell = |status, detail: &str| json(status, format!("{{\"own\":{detail:?}}}"));
        let text = async |response: Response| {
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, REFUSAL).await.unwrap();
            (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
        };
        let mut problem = (StatusCode::SERVICE_UNAVAILABLE, r#"{"detail":"too busy"}"#).into_response();
        problem
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        problem.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        let (status, headers, body) = text(told_again(problem, tell).await).await;
        assert_eq!((status, body.as_str()), (503, r#"{"own":"too busy"}"#));
        assert_eq!(headers[header::RETRY_AFTER], "2");
        let bare = (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response();
        assert_eq!(text(told_again(bare, tell).await).await.2, r#"{"own":"Internal Server Error"}"#);
        for kept in [json(StatusCode::BAD_REQUEST, "{}".to_owned()), (StatusCode::OK, "fine").into_response()]
        {
            let before = kept.status();
            let (status, _, body) = text(told_again(kept, tell).await).await;
            assert_eq!(status, before.as_u16());
            assert!(!body.contains("own"));
        }
    }
}
