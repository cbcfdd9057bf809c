//! GROUND: what every use case needs, and how it is refused.
//!
//! One file a noun, one function a thing people do; all writes end in [`commit`]. The children import
//! this file; it imports none of them but the shape of a [`plan::Plan`], which imports nothing here.

pub mod audit;
pub mod backups;
pub mod bootstrap;
mod chains;
mod circles;
pub mod commit;
pub mod credentials;
pub mod database;
pub mod draft;
pub mod edits;
pub mod epoch;
pub mod findings;
pub mod flags;
pub mod history;
pub mod idempotency;
pub mod import;
mod import_check;
mod import_plan;
mod import_values;
pub mod mutate;
pub mod permitted;
pub mod plan;
mod planning;
pub mod promote;
mod reach;
pub mod replay;
pub mod revert;
pub mod rollback;
mod rows;
pub mod single_use;
pub mod system_config;
pub mod tokens;
mod touched;
pub mod validate;
pub mod verify;
pub mod verify_rows;
mod versions;

use std::sync::Arc;

use shared::access::{Decision, Permission, Role, RoleBinding, Scope, allows, binding_at};
use shared::api::problem::ProblemKind;
use shared::audit::RevisionKind;
use shared::fault::Fault;
use shared::json::{Conflict, Json};
use shared::revision::{Position, Revision};

use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::gate::{Closed, Gate};

/// Who is calling, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `os:alice`, `user:alice`, `token:<id>`, `anonymous`.
    pub principal: String,
    /// How they are known: `socket`, `token:<id>`, `header`, `none`, `cli`.
    pub credential: String,
    /// What is bound to them, their groups included.
    pub bindings: Vec<RoleBinding>,
    /// The most they may do, where their token says less than their bindings.
    pub ceiling: Option<Role>,
}

impl Caller {
    /// The daemon itself, at the command line of its own host.
    pub fn command_line(principal: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            credential: "cli".to_owned(),
            bindings: vec![RoleBinding {
                id: uuid::Uuid::nil(),
                subject: "cli".to_owned(),
                role: Role::Owner,
                project: "*".to_owned(),
                environment: "*".to_owned(),
            }],
            ceiling: None,
        }
    }

    /// Whether the caller may do something somewhere, and why.
    pub fn may(&self, permission: Permission, scope: &Scope<'_>) -> Decision {
        let decision = allows(&self.bindings, permission, scope);
        if decision.allowed
            && let Some(ceiling) = self.ceiling
            && !permission.is_had_by(ceiling, scope)
        {
            let needed = permission.needs_in(scope);
            return Decision {
                allowed: false,
                because: format!("the token is limited to {ceiling}; {} needs {needed}", permission.as_str()),
            };
        }
        decision
    }

    /// The role the caller has in a place: what is bound there, or the token's limit where that is less.
    pub fn role_at(&self, scope: &Scope<'_>) -> Option<Role> {
        let bound = binding_at(&self.bindings, scope)?.role;
        Some(self.ceiling.filter(|ceiling| !ceiling.covers(bound)).unwrap_or(bound))
    }
}

/// The context of one request: there is no way to the store without one.
#[derive(Clone)]
pub struct Cx {
    /// Connections, and whether there are any.
    pub gate: Arc<Gate>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Who is calling.
    pub caller: Caller,
    /// The door: `api`, `change-set`, `system-config`, `import`, `cli`.
    pub source: &'static str,
    /// The request, for the history and the logs.
    pub request_id: Option<String>,
}

impl Cx {
    /// Random bytes from the operating system's generator.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        rand::fill(&mut bytes);
        bytes
    }

    /// A new salt for a flag or segment: 32 hexadecimal digits, as LaunchDarkly makes them.
    pub fn salt(&self) -> String {
        shared::audit::hex(&self.random::<16>())
    }
}

/// How a write wants to be done.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Say what would happen, write nothing.
    pub dry_run: bool,
    /// The plan that was seen.
    pub plan_hash: Option<String>,
    /// The text that the plan asked for.
    pub confirm: Option<String>,
    /// What the actor says about it.
    pub comment: Option<String>,
    /// What the history says where the actor says nothing.
    pub default_comment: Option<String>,
    /// The revision the edit was made on: what came since is merged.
    pub base_revision: Option<Revision>,
    /// The epoch of that revision, where it was said: after a restore the same numbers name other changes.
    pub base_epoch: Option<i64>,
    /// The ETag that was read; another current one is refused.
    pub if_match: Option<String>,
    /// The key, and SHA-256 over method, path with query, and body.
    pub idempotency: Option<(String, Vec<u8>)>,
    /// What the revision is called.
    pub kind: RevisionKind,
    /// The tier of an import, a seed or a promotion: the whole environment.
    pub whole_environment: bool,
    /// Begin a new epoch: the database went back, and this is the newest position anybody has seen.
    pub new_epoch: Option<Position>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            plan_hash: None,
            confirm: None,
            comment: None,
            default_comment: None,
            base_revision: None,
            base_epoch: None,
            if_match: None,
            idempotency: None,
            kind: RevisionKind::Change,
            whole_environment: false,
            new_epoch: None,
        }
    }
}

/// Why a use case was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A refusal of a kind, with a sentence.
    #[error("{1}")]
    Plain(ProblemKind, String),
    /// What was sent cannot be accepted.
    #[error("{} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// What was sent cannot be read.
    #[error("{} faults", .0.len())]
    Malformed(Vec<Fault>),
    /// The ETag is not the current one.
    #[error("the ETag is not the current one")]
    Stale {
        /// What stands there now.
        current: Json,
        /// Its ETag.
        etag: String,
    },
    /// Both sides changed the same places.
    #[error("{} places were changed by both sides", .conflicts.len())]
    Conflict {
        /// The places.
        conflicts: Vec<Conflict>,
        /// What stands there now.
        current: Json,
    },
    /// The write must be confirmed, or its plan has changed.
    #[error("the plan must be confirmed")]
    Plan(ProblemKind, Box<plan::Plan>),
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Closed> for Refusal {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Draining => Self::Plain(ProblemKind::Draining, closed.to_string()),
            Closed::Regressed => Self::Plain(ProblemKind::RevisionRegressed, closed.to_string()),
            Closed::Store(error) => Self::Store(error),
        }
    }
}

impl Refusal {
    /// There is no such thing.
    pub fn unknown(what: impl std::fmt::Display) -> Self {
        Self::Plain(ProblemKind::NotFound, format!("there is no {what}"))
    }

    /// The caller may not do that.
    pub fn forbidden(because: impl Into<String>) -> Self {
        Self::Plain(ProblemKind::Forbidden, because.into())
    }

    /// One fault.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(pointer, detail)])
    }
}
