//! A refusal as SDKs read it: a status that they act on, and a sentence for people.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use shared::context::SentError;
use shared::json::Json;

use crate::http::accounted::Denied;
use crate::secure_mode::Insecure;

/// Why an SDK is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The key is certainly not known: classic SDKs stop for good.
    #[error("this key is not known, or no longer valid")]
    UnknownKey,
    /// There is no environment of that client-side id.
    #[error("there is no environment with this client-side id")]
    UnknownEnvironment,
    /// Whether the key is good cannot be told now, or there is nothing to serve yet: SDKs try again.
    #[error("{0}")]
    NotNow(String),
    /// Too many ask at once: after so many seconds.
    #[error("too many clients connect at the moment")]
    Later(u32),
    /// The environment of a good key is archived, which can be undone: classic SDKs that were told 404 would stop
    /// for good.
    #[error("the environment of this key is archived")]
    Archived,
    /// What was sent cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// More was sent than is taken.
    #[error("{0}")]
    TooLarge(String),
    /// The path takes other methods; they are named.
    #[error("this path takes {0}")]
    Method(&'static str),
}

impl Refused {
    /// The environment of a good key is not served.
    pub const fn archived() -> Self {
        Self::Archived
    }

    /// The status that SDKs act on (`401`, `403`, `404` and `405` stop classic ones for good).
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::UnknownEnvironment | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotNow(_) | Self::Later(_) | Self::Archived => StatusCode::SERVICE_UNAVAILABLE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Seconds after which to try again, where that is known.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Later(seconds) => Some(*seconds),
            Self::NotNow(_) => Some(1),
            Self::Archived => Some(30),
            _ => None,
        }
    }
}

impl From<SentError> for Refused {
    fn from(error: SentError) -> Self {
        match error {
            SentError::TooLarge => Self::TooLarge(error.to_string()),
            _ => Self::Malformed(error.to_string()),
        }
    }
}

impl From<Insecure> for Refused {
    fn from(error: Insecure) -> Self {
        match error {
            Insecure::Unavailable(trouble) => Self::NotNow(trouble.to_string()),
            Insecure::Missing | Insecure::Wrong => Self::Malformed(error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let text = self.to_string();
        let body: Json = [("message", Json::from(text.as_str()))].into_iter().collect();
        let mut response = (self.status(), body.to_text()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Method(allowed) = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if matches!(self, Self::UnknownKey) {
            response.extensions_mut().insert(Denied(text));
        }
        response
    }
}
