//! Refusals of the edge itself, before any handler: RFC 9457 problems.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use shared::api::problem::{Problem, ProblemKind};
use shared::json::Json;

/// An answer of type `application/problem+json`; `instance` is the request id.
pub fn problem(kind: ProblemKind, detail: &str, instance: Option<&str>) -> Response {
    let problem = Problem { instance: instance.map(ToOwned::to_owned), ..Problem::new(kind, detail) };
    let mut response = Response::new(Body::from(Json::from_serialize(&problem).to_text()));
    *response.status_mut() = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
