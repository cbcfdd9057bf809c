//! The one place where a refusal becomes an answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use shared::api::problem::{Problem, ProblemKind};
use shared::fault::Fault;
use shared::json::Json;

use super::accounted::Denied;
use crate::service::Refusal;
use crate::store::StoreError;

/// The most faults that one answer lists, and the longest text of one, in bytes.
const MOST_FAULTS: usize = 100;
const LONGEST: usize = 1_000;

fn shorten(text: &mut String) {
    if text.len() > LONGEST {
        let end = text.floor_char_boundary(LONGEST);
        text.truncate(end);
        text.push_str("...");
    }
}

/// A problem on its way out.
#[derive(Debug)]
pub struct ApiError {
    /// What is told.
    pub problem: Box<Problem>,
    /// The ETag of what stands there, where somebody was faster.
    pub etag: Option<String>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
}

impl ApiError {
    /// A problem of a kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        shorten(&mut detail);
        Self { problem: Box::new(Problem::new(kind, detail)), etag: None, retry_after: None }
    }

    /// A problem with faults.
    pub fn faults(kind: ProblemKind, mut faults: Vec<Fault>) -> Self {
        // What was sent may be huge, and a fault may quote it.
        for fault in faults.iter_mut().take(MOST_FAULTS) {
            shorten(&mut fault.pointer);
            shorten(&mut fault.detail);
        }
        if faults.len() > MOST_FAULTS {
            let more = faults.len() - MOST_FAULTS;
            faults.truncate(MOST_FAULTS);
            faults.push(Fault::new("", format!("and {more} more")));
        }
        let detail = match faults.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{} {}", one.pointer, one.detail),
            many => format!("{} things are wrong; see errors", many.len()),
        };
        let mut error = Self::new(kind, detail);
        error.problem.errors = faults;
        error
    }

    /// A query parameter or header that cannot be read.
    pub fn parameter(name: &str, detail: impl std::fmt::Display) -> Self {
        let mut error = Self::new(ProblemKind::Malformed, format!("the parameter {name} {detail}"));
        error.problem.parameter = Some(name.to_owned());
        error
    }

    /// A query parameter with a text of which one place is wrong.
    pub fn parameter_at(name: &str, at: usize, detail: impl std::fmt::Display) -> Self {
        let mut error = Self::parameter(name, format!("at character {at}: {detail}"));
        error.problem.at = Some(at);
        error
    }

    /// There is no such thing.
    pub fn unknown(what: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no {what}"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is not available");
                let mut error = Self::new(
                    ProblemKind::DatabaseUnavailable,
                    "the database is not available at the moment; reads from the catalog go on, try again soon",
                );
                error.retry_after = Some(2);
                error
            }
            StoreError::Busy(cause) => {
                tracing::warn!(%cause, "the database is busy");
                let mut error = Self::new(
                    ProblemKind::DatabaseUnavailable,
                    "the database is busy: nothing was changed, try again",
                );
                error.retry_after = Some(1);
                error
            }
            StoreError::OutcomeUnknown => {
                let mut error = Self::new(
                    ProblemKind::OutcomeUnknown,
                    "the connection was lost during the commit; send the same Idempotency-Key again, or resolve it",
                );
                error.retry_after = Some(1);
                error
            }
            StoreError::Taken(constraint) if constraint == "sdk_credential_hash_unique" => {
                let detail = "is a credential already, here or in another environment";
                let mut error = Self::new(ProblemKind::KeyTaken, format!("the key {detail}"));
                error.problem.errors = vec![Fault::new("/key", detail)];
                error
            }
            StoreError::Taken(constraint) => Self::new(
                ProblemKind::KeyTaken,
                format!("something else holds that place already ({constraint})"),
            ),
            StoreError::Corrupt { what, detail } => {
                tracing::error!(%what, %detail, "a row cannot be read");
                Self::new(
                    ProblemKind::Internal,
                    format!("the stored {what} cannot be read; `flagstaffd check` says why"),
                )
            }
            StoreError::Database(cause) => {
                tracing::error!(%cause, "an unexpected answer of the database");
                Self::new(ProblemKind::Internal, "an unexpected answer of the database; the logs say more")
            }
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        metrics::counter!("flagstaff_refusals_total", "kind" => refusal_kind(&refusal)).increment(1);
        match refusal {
            Refusal::Plain(kind, detail) => {
                let mut error = Self::new(kind, detail);
                if kind.status() == 503 {
                    error.retry_after = Some(2);
                }
                error
            }
            Refusal::Invalid(faults) => Self::faults(ProblemKind::Invalid, faults),
            Refusal::Malformed(faults) => Self::faults(ProblemKind::Malformed, faults),
            Refusal::Stale { current, etag } => {
                let mut error = Self::new(
                    ProblemKind::Stale,
                    if current.is_null() {
                        "there is nothing yet that the ETag could belong to".to_owned()
                    } else {
                        format!("the current ETag is {etag}; `current` holds what stands there now")
                    },
                );
                error.problem.current = (!current.is_null()).then_some(current);
                error.etag = (!etag.is_empty()).then_some(etag);
                error
            }
            Refusal::Conflict { conflicts, current } => {
                let mut error = Self::new(
                    ProblemKind::Conflict,
                    match conflicts.len() {
                        1 => "1 place was changed by both sides".to_owned(),
                        n => format!("{n} places were changed by both sides"),
                    },
                );
                error.problem.conflicts = conflicts;
                error.problem.current = Some(current);
                error
            }
            Refusal::Plan(kind, plan) => {
                let detail = match (&plan.confirmation, kind) {
                    (Some(wanted), ProblemKind::ConfirmationRequired) => format!(
                        "this changes what {} serves: send confirm={:?}{}",
                        wanted.environment,
                        wanted.text,
                        if wanted.comment_required { " and a comment" } else { "" }
                    ),
                    _ => "what the plan rested on has changed; here is the new one".to_owned(),
                };
                let mut error = Self::new(kind, detail);
                error.problem.plan = Some(Json::from_serialize(plan.as_ref()));
                error
            }
            Refusal::Store(error) => error.into(),
        }
    }
}

fn refusal_kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Plain(kind, _) | Refusal::Plan(kind, _) => kind.as_str(),
        Refusal::Invalid(_) => ProblemKind::Invalid.as_str(),
        Refusal::Malformed(_) => ProblemKind::Malformed.as_str(),
        Refusal::Stale { .. } => ProblemKind::Stale.as_str(),
        Refusal::Conflict { .. } => ProblemKind::Conflict.as_str(),
        Refusal::Store(StoreError::Unavailable(_) | StoreError::Busy(_)) => {
            ProblemKind::DatabaseUnavailable.as_str()
        }
        Refusal::Store(StoreError::OutcomeUnknown) => ProblemKind::OutcomeUnknown.as_str(),
        Refusal::Store(_) => ProblemKind::Internal.as_str(),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let denied = matches!(self.problem.status, 401 | 403).then(|| Denied(self.problem.detail.clone()));
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.problem).unwrap_or_else(|_| "{}".to_owned());
        let mut response = (status, body).into_response();
        if let Some(denied) = denied {
            response.extensions_mut().insert(denied);
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"flagstaff\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(etag) = self.etag.and_then(|e| HeaderValue::from_str(&e).ok()) {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}
