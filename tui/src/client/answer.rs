//! What an HTTP response says, in our words.

use std::io::Read;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use shared::json::{Json, parse_within};

use crate::request::{Answer, Failure, Problem};

/// The largest body, unpacked.
const MOST: u64 = 512 * 1024 * 1024;
/// A row that holds the deepest document is deeper itself.
const DEPTH: usize = 512;

/// Reads a response.
///
/// # Errors
/// A refusal, or what cannot be read.
pub fn read(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Result<Answer, Failure> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let body = body_of(headers, body)?;
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(Answer {
            status: status.as_u16(),
            etag: text(ETAG.as_str()).map(ToOwned::to_owned),
            revision: text("flagstaff-revision").and_then(|v| v.parse().ok()),
            stale: text("flagstaff-stale") == Some("true"),
            body,
        });
    }
    if status.is_redirection() {
        let place = text(LOCATION.as_str()).unwrap_or("nowhere");
        return Err(Failure::Unreadable(format!("it points elsewhere ({status}): {place}")));
    }
    let member = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let kind = member("type");
    let kind = kind.rsplit(':').next().unwrap_or_default();
    let mut detail = member("detail");
    if detail.is_empty() && body.get("type").is_none() {
        detail = format!("{status}; what answers there does not look like flagstaffd");
    }
    Err(Failure::Refused(Box::new(Problem {
        status: status.as_u16(),
        kind: kind.to_owned(),
        detail,
        instance: Some(member("instance"))
            .filter(|id| !id.is_empty())
            .or_else(|| text("x-request-id").map(ToOwned::to_owned))
            .unwrap_or_default(),
        retry_after: text(RETRY_AFTER.as_str()).and_then(|v| v.trim().parse().ok()),
        body,
    })))
}

fn body_of(headers: &HeaderMap, body: &Bytes) -> Result<Json, Failure> {
    let zipped = headers.get(CONTENT_ENCODING).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"gzip"));
    let unpacked;
    let bytes: &[u8] = if zipped {
        let mut out = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(body.as_ref()).take(MOST);
        decoder.read_to_end(&mut out).map_err(|e| Failure::Unreadable(format!("gzip: {e}")))?;
        unpacked = out;
        &unpacked
    } else {
        body
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    let text = String::from_utf8_lossy(bytes);
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.ends_with("/json") || kind.ends_with("+json") {
        return parse_within(&text, DEPTH).map_err(|error| {
            Failure::Unreadable(format!("{} (line {}, column {})", error.detail, error.line, error.column))
        });
    }
    Ok(Json::String(text.into_owned()))
}
