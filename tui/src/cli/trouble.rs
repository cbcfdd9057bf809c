//! What can go wrong at the command line, and the number the program ends with.

use std::process::ExitCode;

use shared::json::Json;

use crate::config::ConfigError;
use crate::request::{Failure, Problem};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The answer is no: environments differ, the history is broken, somebody lags behind.
    No = 1,
    /// Asked wrongly.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// Not signed in, or not allowed.
    NotAllowed = 4,
    /// Somebody was faster, or the key is taken.
    Conflict = 5,
    /// A confirmation or a reason is missing.
    NeedsConfirmation = 6,
    /// Not reached, or no answer in time. Safe to try again with the same `--key`.
    Unreachable = 7,
    /// Done in part; the output says which.
    Partly = 8,
    /// A mistake of ours.
    Bug = 70,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Nobody reads our output any more.
    Pipe = 141,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// The number to end with.
    pub exit: Exit,
    /// A word for programs: the problem's kind, or one of ours.
    pub code: String,
    /// A sentence for people; empty where nothing is to be said.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The request, for the daemon's log.
    pub request_id: Option<String>,
    /// The daemon's whole refusal.
    pub details: Option<Box<Json>>,
}

impl Trouble {
    /// A trouble of ours.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, code: code.to_owned(), message, hint: None, request_id: None, details: None }
    }

    /// Asked wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The answer is no, and has been shown.
    pub fn no() -> Self {
        Self::new(Exit::No, "no", "")
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes it to standard error: lines for people, or one of JSON for programs.
    pub fn tell(&self, json: bool) {
        if self.message.is_empty() {
            return;
        }
        if json {
            eprintln!("{}", self.to_json().to_text());
            return;
        }
        eprintln!("flagstaff: {}", crate::text::shown(&self.message));
        if let Some(hint) = &self.hint {
            eprintln!("  {}", crate::text::shown(hint));
        }
        if let Some(id) = &self.request_id {
            eprintln!("  request {}", crate::text::shown(id));
        }
    }

    /// `{"error": {"code", "message", "hint", "requestId", "problem"}}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let text = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
        let mut error: Json = [
            ("code", Json::from(self.code.as_str())),
            ("message", Json::from(self.message.as_str())),
            ("hint", text(&self.hint)),
            ("requestId", text(&self.request_id)),
        ]
        .into_iter()
        .collect();
        if let Some(details) = &self.details {
            error.set("problem", Json::clone(details));
        }
        [("error", error)].into_iter().collect()
    }
}

impl From<ConfigError> for Trouble {
    fn from(error: ConfigError) -> Self {
        let exit = if matches!(error, ConfigError::Open(_)) { Exit::NotAllowed } else { Exit::Usage };
        Self::new(exit, "configuration", error.to_string())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Pipe, "pipe", "");
        }
        Self::new(Exit::Usage, "input-output", error.to_string())
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Refused(problem) => refused(*problem),
            Failure::Unreachable(_) => Self::new(Exit::Unreachable, "unreachable", message),
            Failure::Lost(_) => Self::new(Exit::Unreachable, "lost", message),
            Failure::Unreadable(_) => Self::new(Exit::Unreachable, "unreadable", message),
            Failure::Cancelled => Self::new(Exit::Interrupted, "cancelled", message),
        }
    }
}

fn refused(problem: Problem) -> Trouble {
    let exit = match (problem.status, problem.kind.as_str()) {
        (_, "confirmation-required") => Exit::NeedsConfirmation,
        (_, "outcome-unknown") | (408 | 425 | 429 | 502..=504, _) => Exit::Unreachable,
        (401 | 403, _) => Exit::NotAllowed,
        (404 | 410, _) => Exit::NotFound,
        (409 | 412, _) | (_, "idempotency-key-reused") => Exit::Conflict,
        (500.., _) => Exit::Bug,
        _ => Exit::Usage,
    };
    let hint = match (problem.status, problem.kind.as_str()) {
        (401, _) => {
            Some("`flagstaff login` keeps a token; on the daemon's host its socket needs none".to_owned())
        }
        (403, _) => Some("`flagstaff whoami` shows what you may do".to_owned()),
        (_, "stale" | "conflict" | "plan-changed") => Some("look again, then repeat the command".to_owned()),
        (503, _) => Some(match problem.retry_after {
            Some(seconds) => format!("try again in {seconds} s, with the same --key"),
            None => "try again, with the same --key".to_owned(),
        }),
        _ => None,
    };
    Trouble {
        exit,
        code: if problem.kind.is_empty() { format!("http-{}", problem.status) } else { problem.kind.clone() },
        message: problem.sentence(),
        hint,
        request_id: Some(problem.instance).filter(|id| !id.is_empty()),
        details: problem.body.as_object().is_some().then(|| Box::new(problem.body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_number() {
        let number = |status: u16, kind: &str| {
            let problem = Problem {
                status,
                kind: kind.to_owned(),
                detail: "no".to_owned(),
                instance: String::new(),
                retry_after: None,
                body: Json::Null,
            };
            Trouble::from(Failure::Refused(Box::new(problem))).exit as u8
        };
        for (status, kind, expected) in [
            (400, "malformed", 2),
            (422, "invalid", 2),
            (404, "not-found", 3),
            (401, "unauthenticated", 4),
            (403, "forbidden", 4),
            (409, "conflict", 5),
            (412, "stale", 5),
            (409, "plan-changed", 5),
            (422, "idempotency-key-reused", 5),
            (409, "confirmation-required", 6),
            (503, "database-unavailable", 7),
            (503, "outcome-unknown", 7),
            (502, "", 7),
            (500, "internal", 70),
        ] {
            assert_eq!(number(status, kind), expected, "{status} {kind}");
        }
    }
}
