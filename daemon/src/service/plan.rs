//! The shape of a plan: what a write would do, and what it needs to be confirmed.

use serde::Serialize;
use shared::change::{Action, EntityKind};
use shared::fault::Fault;
use shared::json::Change;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::Position;
use utoipa::ToSchema;

/// How far a change reaches, and therefore what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// One flag or segment in a protected environment.
    Guarded,
    /// Several at once, or a whole environment.
    Wide,
}

/// What must be said to have the change made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// How far the change reaches.
    pub tier: Tier,
    /// The environment that asks.
    pub environment: EnvironmentKey,
    /// The text that `confirm` must equal.
    pub text: String,
    /// Whether a comment is needed too.
    pub comment_required: bool,
}

/// One entity of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// What it is.
    pub kind: EntityKind,
    /// Its key.
    pub key: String,
    /// Its project.
    pub project: Option<ProjectKey>,
    /// Its environment.
    pub environment: Option<EnvironmentKey>,
    /// What would be done.
    pub action: Action,
    /// What would differ, place by place.
    pub diff: Vec<Change>,
}

/// What a write would do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// The head it was made on.
    #[schema(value_type = String)]
    pub base: Position,
    /// What it rests on: send it back with the write, and a different ground is refused.
    pub plan_hash: String,
    /// What would change; empty where nothing would.
    pub changes: Vec<PlannedChange>,
    /// What is allowed and worth knowing.
    pub warnings: Vec<Fault>,
    /// What must be said, if anything.
    pub confirmation: Option<Confirmation>,
}
