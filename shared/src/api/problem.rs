//! Problems: the closed list of ways a request is refused (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fault::Fault;
use crate::json::{Conflict, Json};

/// Every kind of problem there is; the wire name is the end of the problem's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The body is not JSON, or a parameter cannot be read.
    Malformed,
    /// No credential, or one that is not known.
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path exists, the method doesn't.
    MethodNotAllowed,
    /// The key exists or existed.
    KeyTaken,
    /// Something else needs it.
    InUse,
    /// Both sides changed the same places.
    Conflict,
    /// Somebody was faster: the ETag is not the current one.
    Stale,
    /// The write must be confirmed; the plan says how.
    ConfirmationRequired,
    /// What the plan rested on has changed.
    PlanChanged,
    /// The revision cannot be reverted.
    NotRevertible,
    /// The flag is richer than this view can show.
    NotRepresentable,
    /// The body is more than is taken.
    TooLarge,
    /// The content type is not one of those that are taken.
    UnsupportedMediaType,
    /// What was sent is understood and cannot be accepted.
    Invalid,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The idempotency key was resolved as not applied.
    IdempotencyKeyBurned,
    /// The request took too long to arrive.
    RequestTimeout,
    /// Path and query are too long.
    UriTooLong,
    /// The request has too many headers.
    TooManyHeaders,
    /// Programs on its way may read the path differently.
    AmbiguousPath,
    /// Too many requests.
    TooManyRequests,
    /// A mistake of ours.
    Internal,
    /// PostgreSQL is not there.
    DatabaseUnavailable,
    /// Nobody knows whether the change was made; ask with the idempotency key.
    OutcomeUnknown,
    /// The database is older than what this daemon has seen.
    RevisionRegressed,
    /// The daemon is stopping.
    Draining,
    /// The secrets key is missing or another one.
    SecretsUnavailable,
    /// The answer took too long; a change may have been made or not.
    HandlerTimeout,
}

impl ProblemKind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::AmbiguousPath => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::KeyTaken
            | Self::InUse
            | Self::Conflict
            | Self::ConfirmationRequired
            | Self::PlanChanged
            | Self::NotRepresentable
            | Self::IdempotencyKeyBurned => 409,
            Self::Stale => 412,
            Self::TooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::NotRevertible | Self::IdempotencyKeyReused => 422,
            Self::TooManyRequests => 429,
            Self::TooManyHeaders => 431,
            Self::Internal => 500,
            Self::DatabaseUnavailable
            | Self::OutcomeUnknown
            | Self::RevisionRegressed
            | Self::Draining
            | Self::SecretsUnavailable
            | Self::HandlerTimeout => 503,
        }
    }

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::KeyTaken => "key-taken",
            Self::InUse => "in-use",
            Self::Conflict => "conflict",
            Self::Stale => "stale",
            Self::ConfirmationRequired => "confirmation-required",
            Self::PlanChanged => "plan-changed",
            Self::NotRevertible => "not-revertible",
            Self::NotRepresentable => "not-representable",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Invalid => "invalid",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::IdempotencyKeyBurned => "idempotency-key-burned",
            Self::RequestTimeout => "request-timeout",
            Self::UriTooLong => "uri-too-long",
            Self::TooManyHeaders => "too-many-headers",
            Self::AmbiguousPath => "ambiguous-path",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::DatabaseUnavailable => "database-unavailable",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::RevisionRegressed => "revision-regressed",
            Self::Draining => "draining",
            Self::SecretsUnavailable => "secrets-unavailable",
            Self::HandlerTimeout => "handler-timeout",
        }
    }

    /// The title: the same for every problem of the kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Unauthenticated => "A credential is needed",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This method is not offered here",
            Self::KeyTaken => "The key is taken",
            Self::InUse => "Something else needs it",
            Self::Conflict => "Both sides changed the same places",
            Self::Stale => "Somebody was faster",
            Self::ConfirmationRequired => "This change must be confirmed",
            Self::PlanChanged => "What the plan rested on has changed",
            Self::NotRevertible => "This revision cannot be reverted",
            Self::NotRepresentable => "The flag is richer than this view",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The content type is not taken here",
            Self::Invalid => "The request cannot be accepted",
            Self::IdempotencyKeyReused => "The idempotency key was used for another request",
            Self::IdempotencyKeyBurned => "The idempotency key was resolved as not applied",
            Self::RequestTimeout => "The request took too long to arrive",
            Self::UriTooLong => "The address is too long",
            Self::TooManyHeaders => "There are too many headers",
            Self::AmbiguousPath => "The path is ambiguous",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Something went wrong here",
            Self::DatabaseUnavailable => "The database is not available",
            Self::OutcomeUnknown => "Nobody knows whether the change was made",
            Self::RevisionRegressed => "The database has gone back in time",
            Self::Draining => "The daemon is stopping",
            Self::SecretsUnavailable => "The secrets key is not available",
            Self::HandlerTimeout => "The answer took too long",
        }
    }
}

/// A refusal as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable name: `urn:flagstaff:problem:<kind>`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, as a sentence.
    pub detail: String,
    /// The request's id, to find it in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What is wrong, place by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The parameter that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The place in the parameter's text, as the number of characters before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
    /// The places that both sides changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// What stands there now, where somebody was faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub current: Option<Json>,
    /// The plan that must be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub plan: Option<Json>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            type_: format!("urn:flagstaff:problem:{}", kind.as_str()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            parameter: None,
            at: None,
            conflicts: Vec::new(),
            current: None,
            plan: None,
        }
    }
}
