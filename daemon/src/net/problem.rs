//! Refusals of the edge itself, before any handler: RFC 9457 problems.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// An answer of type `application/problem+json`.
///
/// `kind` is the stable end of the problem's `type`; `instance` is the request id.
pub fn problem(
    status: StatusCode,
    kind: &str,
    title: &str,
    detail: &str,
    instance: Option<&str>,
) -> Response {
    let mut body = json!({
        "type": format!("urn:flagstaff:problem:{kind}"),
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    });
    if let (Some(object), Some(id)) = (body.as_object_mut(), instance) {
        object.insert("instance".into(), id.into());
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
