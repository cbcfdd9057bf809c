//! What is asked of the daemon, and what comes back: the words the edges and the pure rooms share.

use shared::json::Json;
use std::time::Duration;
use uuid::Uuid;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or does.
    Post,
    /// Replaces.
    Put,
    /// Changes parts.
    Patch,
    /// Archives, or takes away.
    Delete,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request to the daemon's API.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded, from `/api/` or `/health` on.
    pub path: String,
    /// The body, sent as `application/json` unless `content_type` says otherwise.
    pub body: Option<Json>,
    /// `Content-Type` of a body that is not plain JSON, such as `application/merge-patch+json`.
    pub content_type: Option<&'static str>,
    /// `If-Match`, quotes included.
    pub if_match: Option<String>,
    /// `Idempotency-Key`: a write with one may be sent again when its answer was lost.
    pub idempotency_key: Option<Uuid>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

impl Request {
    /// A read of `path`.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            content_type: None,
            if_match: None,
            idempotency_key: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with one more query parameter, percent-encoded here.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        self.path.push_str(&encoded(value));
        self
    }
}

/// `text` as one segment of a path, or as the value of a query parameter (RFC 3986 unreserved bytes stay).
#[must_use]
pub fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A good answer: status 200 to 299, or 304.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `ETag`, quotes included.
    pub etag: Option<String>,
    /// `Flagstaff-Revision`.
    pub revision: Option<u64>,
    /// Whether the daemon said `Flagstaff-Stale: true`: its database does not answer.
    pub stale: bool,
    /// The body; `Json::Null` where it is empty. A body that is not JSON is one JSON string.
    pub body: Json,
}

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The daemon refused: status 400 to 599 with a problem (RFC 9457).
    #[error("{}", .0.sentence())]
    Refused(Box<Problem>),
    /// Nothing was sent: no connection. Safe to try again.
    #[error("the daemon is not reached: {0}")]
    Unreachable(String),
    /// The request went out and its answer was lost: a write may be applied or not.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// The answer is not what this API says.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// Taken back by the caller.
    #[error("cancelled")]
    Cancelled,
}

/// A refusal by the daemon (RFC 9457).
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The last part of `type`, such as `confirmation-required`; empty where there is none.
    pub kind: String,
    /// A sentence for people.
    pub detail: String,
    /// The request's id, for the daemon's log.
    pub instance: String,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// The whole body: `errors`, `plan`, `current`, `conflicts`.
    pub body: Json,
}

impl Problem {
    /// What to show: the detail, and each error with its pointer.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = if self.detail.is_empty() {
            format!("the daemon answered {} {}", self.status, self.kind)
        } else {
            self.detail.clone()
        };
        let errors = self.body.get("errors").and_then(Json::as_array).unwrap_or_default();
        for error in errors {
            let pointer = error.get("pointer").and_then(Json::as_str).unwrap_or_default();
            let detail = error.get("detail").and_then(Json::as_str).unwrap_or_default();
            if !detail.is_empty() && !self.detail.contains(detail) {
                text.push_str(&format!("; {pointer}: {detail}"));
            }
        }
        text
    }
}

/// What the feed (`/api/ws`) tells.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// A connection is being made, for the n-th time in a row.
    Connecting(u32),
    /// The feed is open; messages follow.
    Up,
    /// One message, as `docs/LIVE.md` describes it.
    Message(Json),
    /// A round trip of a ping took this long.
    RoundTrip(Duration),
    /// The feed broke, and is tried again after the time named. It resumes where it was.
    Down {
        /// Why, as a sentence.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The daemon does not let us in (401, 403, or closed with 1008): no use in trying again with this credential.
    Shut(String),
}
