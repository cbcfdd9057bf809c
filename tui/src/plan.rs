//! A change on its way: what is asked for, what the daemon plans, and the only way to apply it.

use crate::request::{Method, Request};
use crate::route::Document;
use shared::json::Json;
use uuid::Uuid;

/// A change that somebody wants, before the daemon has planned it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// What it does, as a sentence without a full stop: `turn checkout off in production`.
    pub title: String,
    /// The request that makes it, without `dryRun`, `planHash`, `confirm`, `comment`.
    pub request: Request,
    /// The flags and segments it touches, with their environment; none for all of them.
    pub touches: Vec<Touch>,
    /// The revision that the author saw; what came since is merged or conflicts.
    pub base_revision: Option<u64>,
    /// The same on the command line.
    pub cli: String,
    /// Whether a review is shown even where the daemon asks for nothing.
    pub review: bool,
    /// A reason to begin with, such as `revert of 4812`.
    pub comment: String,
    /// The edit that it comes from, where it comes from one: its draft goes when it is applied, and a conflict
    /// is settled with it.
    pub edit: Option<Box<Edit>>,
    /// Whether it cannot be undone: access is given and taken in its own way.
    pub lasting: bool,
}

/// An edit of a whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What was edited.
    pub document: Document,
    /// What the edit began from.
    pub base: Json,
    /// What it makes of it.
    pub ours: Json,
    /// Its text as typed.
    pub text: String,
    /// The revision that it began from.
    pub base_revision: u64,
}

/// Something a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Touch {
    /// The key of the flag or segment.
    pub key: String,
    /// The environment's key; none when the change is in all of them.
    pub environment: Option<String>,
}

impl Wish {
    /// A change set of `mutations` (`POST /api/change-sets`).
    #[must_use]
    pub fn mutations(title: impl Into<String>, mutations: Vec<Json>, touches: Vec<Touch>) -> Self {
        let body = Json::Object(vec![("mutations".to_owned(), Json::Array(mutations))]);
        Self::request(title, Request::new(Method::Post, "/api/change-sets").with_body(body), touches)
    }

    /// Any other writing request.
    #[must_use]
    pub fn request(title: impl Into<String>, request: Request, touches: Vec<Touch>) -> Self {
        Self {
            title: title.into(),
            request,
            touches,
            base_revision: None,
            cli: String::new(),
            review: false,
            comment: String::new(),
            edit: None,
            lasting: false,
        }
    }

    /// The same, made from what stood at `revision`.
    #[must_use]
    pub fn based_on(mut self, revision: u64) -> Self {
        self.base_revision = Some(revision);
        self
    }

    /// The same with its like on the command line.
    #[must_use]
    pub fn with_cli(mut self, cli: impl Into<String>) -> Self {
        self.cli = cli.into();
        self
    }

    /// The same, always shown before it is applied.
    #[must_use]
    pub fn reviewed(mut self) -> Self {
        self.review = true;
        self
    }

    /// The same with a reason to begin with.
    #[must_use]
    pub fn because(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// The same where nothing undoes it.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.lasting = true;
        self
    }

    fn based(&self) -> Request {
        match self.base_revision {
            Some(revision) => self.request.clone().with_query("baseRevision", &revision.to_string()),
            None => self.request.clone(),
        }
    }

    /// The request that only plans it.
    #[must_use]
    pub fn dry_run(&self) -> DryRun {
        DryRun(self.based().with_query("dryRun", "true"))
    }
}

/// A request that writes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRun(Request);

impl DryRun {
    /// The request, to send.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.0
    }
}

/// One entity that a plan changes.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// `flag`, `config`, `segment`, ...
    pub kind: String,
    /// Its key.
    pub key: String,
    /// Its environment, where it has one.
    pub environment: Option<String>,
    /// What is done, such as `turned-off`.
    pub action: String,
    /// Each path: pointer, before, after.
    pub diff: Vec<(String, Option<Json>, Option<Json>)>,
}

/// What has to be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `guarded` or `wide`.
    pub tier: String,
    /// The strictest environment whose served result changes.
    pub environment: String,
    /// What has to be typed, exactly.
    pub text: String,
    /// Whether a reason has to be given.
    pub comment_required: bool,
}

/// What the daemon would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What was asked for.
    pub wish: Wish,
    /// `epoch.revision` that it was made at.
    pub base: String,
    /// What it rests on; the daemon refuses when that has changed.
    pub hash: String,
    /// What would change.
    pub changes: Vec<PlannedChange>,
    /// What the daemon wants to be known.
    pub warnings: Vec<String>,
    /// What has to be typed; none for an easy change.
    pub confirmation: Option<Confirmation>,
}

impl Plan {
    /// The revision that it was made at, without the epoch that only daemons count.
    #[must_use]
    pub fn base_revision(&self) -> &str {
        self.base.split_once('.').map_or(&self.base, |(_, revision)| revision)
    }

    /// Reads the plan that answers `wish`; none when the answer is not a plan.
    #[must_use]
    pub fn read(wish: Wish, answer: &Json) -> Option<Self> {
        let text = |json: &Json, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let changes = answer
            .get("changes")
            .and_then(Json::as_array)
            .unwrap_or_default()
            .iter()
            .map(|change| PlannedChange {
                kind: text(change, "kind").unwrap_or_default(),
                key: text(change, "key").unwrap_or_default(),
                environment: text(change, "environment"),
                action: text(change, "action").unwrap_or_default(),
                diff: diff(change.get("diff")),
            })
            .collect();
        let confirmation = answer.get("confirmation").filter(|c| c.as_object().is_some());
        Some(Self {
            base: text(answer, "base").unwrap_or_default(),
            hash: text(answer, "planHash")?,
            changes,
            warnings: answer
                .get("warnings")
                .and_then(Json::as_array)
                .unwrap_or_default()
                .iter()
                .map(warning)
                .collect(),
            confirmation: confirmation.map(|c| Confirmation {
                tier: text(c, "tier").unwrap_or_default(),
                environment: text(c, "environment").unwrap_or_default(),
                text: text(c, "text").unwrap_or_default(),
                comment_required: c.get("commentRequired") == Some(&Json::Bool(true)),
            }),
            wish,
        })
    }

    /// The write of this plan.
    ///
    /// # Errors
    /// What is still missing: the exact text, or a reason.
    pub fn apply(&self, typed: &str, comment: &str, key: Uuid) -> Result<Apply, Missing> {
        let comment = comment.trim();
        if let Some(confirmation) = &self.confirmation {
            if typed != confirmation.text {
                return Err(Missing::Text);
            }
            if confirmation.comment_required && comment.is_empty() {
                return Err(Missing::Comment);
            }
        }
        let mut request = self.wish.based().with_query("planHash", &self.hash);
        if self.confirmation.is_some() {
            request = request.with_query("confirm", typed);
        }
        if !comment.is_empty() {
            request = request.with_query("comment", comment);
        }
        request.idempotency_key = Some(key);
        Ok(Apply { request, wish: self.wish.clone(), key })
    }
}

/// The diff of an answer: each path with what was and what is.
#[must_use]
pub fn diff(of: Option<&Json>) -> Vec<(String, Option<Json>, Option<Json>)> {
    of.and_then(Json::as_array)
        .unwrap_or_default()
        .iter()
        .map(|change| {
            let op = change.get("op").and_then(Json::as_str).unwrap_or_default();
            (
                change.get("path").and_then(Json::as_str).unwrap_or_default().to_owned(),
                change.get("before").filter(|_| op != "add").cloned(),
                change.get("after").filter(|_| op != "remove").cloned(),
            )
        })
        .collect()
}

fn warning(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => {
            let detail = other.get("detail").and_then(Json::as_str).unwrap_or_default();
            let pointer = other.get("pointer").and_then(Json::as_str).unwrap_or_default();
            if detail.is_empty() { other.to_text() } else { format!("{pointer} {detail}").trim().to_owned() }
        }
    }
}

/// What a plan still needs before it can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The text that has to be typed.
    #[error("type the text shown, exactly")]
    Text,
    /// A reason.
    #[error("a reason is required")]
    Comment,
}

/// A write that was planned and confirmed. Nothing else makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    request: Request,
    wish: Wish,
    key: Uuid,
}

impl Apply {
    /// The request, to send. Sent twice it is applied once.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What was asked for.
    #[must_use]
    pub fn wish(&self) -> &Wish {
        &self.wish
    }

    /// The idempotency key.
    #[must_use]
    pub fn key(&self) -> Uuid {
        self.key
    }
}
