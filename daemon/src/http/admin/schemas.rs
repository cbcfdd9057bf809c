//! The JSON Schemas of what people write by hand, for editors that hint.

use axum::response::Response;
use http::{HeaderValue, header};
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::targeting::{FLAG_SCHEMA, SEGMENT_SCHEMA};

use crate::http::error::ApiError;
use crate::http::request::Asked;

/// Shows the JSON Schema of a flag's document in an environment, or of a segment's document.
#[utoipa::path(get, path = "/schemas/{schema}", tag = "operation", params(
    ("schema" = String, Path, description = "`flag` or `segment`", example = "flag"),
), responses(
    (status = 200, description = "the schema", content_type = "application/schema+json", body = Object),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    if asked.cx.caller.bindings.is_empty() {
        asked.allow(Permission::Read, Scope::INSTALLATION)?;
    }
    let name: String = asked.path("schema")?;
    let schema = match name.as_str() {
        "flag" => FLAG_SCHEMA,
        "segment" => SEGMENT_SCHEMA,
        _ => return Err(ApiError::unknown("such schema; there are flag and segment")),
    };
    let etag = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    let mut response = asked.reply_with(Some(etag), || schema.to_owned());
    if response.headers().contains_key(header::CONTENT_TYPE) {
        let kind = HeaderValue::from_static("application/schema+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
