//! Projects and their environments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Role;
use crate::key::{EnvironmentKey, ProjectKey};

/// A project: owns flags and environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Identity in the database (UUIDv7).
    pub id: Uuid,
    /// The key in URLs.
    pub key: ProjectKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Where new flags are available to client-side SDKs.
    #[serde(default)]
    pub default_client_side_availability: ClientSideAvailability,
    /// Archived projects refuse writes and are left out of lists.
    #[serde(default)]
    pub archived: bool,
}

/// Which client-side credentials may see a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientSideAvailability {
    /// Browser SDKs, which use the client-side id.
    #[serde(default)]
    pub using_environment_id: bool,
    /// Mobile SDKs, which use the mobile key.
    #[serde(default)]
    pub using_mobile_key: bool,
}

impl Default for ClientSideAvailability {
    /// As LaunchDarkly does it for new flags: mobile yes, browser no.
    fn default() -> Self {
        Self { using_environment_id: false, using_mobile_key: true }
    }
}

/// An environment of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Identity in the database (UUIDv7).
    pub id: Uuid,
    /// The project it belongs to.
    pub project: ProjectKey,
    /// The key in URLs.
    pub key: EnvironmentKey,
    /// What people call it.
    pub name: String,
    /// Six hexadecimal digits, for people's eyes.
    #[serde(default)]
    pub color: String,
    /// Place in lists, smallest first.
    #[serde(default)]
    pub order: i32,
    /// Writes that alter what it serves need a plan and a typed confirmation.
    #[serde(default)]
    pub protected: bool,
    /// Writes that need a confirmation also need a comment.
    #[serde(default)]
    pub comment_required: bool,
    /// The least role that may write here, where it is stricter than `editor`.
    #[serde(default)]
    pub minimum_role: Option<Role>,
    /// Client-side SDKs must prove the context with a hash.
    #[serde(default)]
    pub secure_mode: bool,
    /// Added to the revision on client-side wires, so that versions never fall behind an import.
    #[serde(default)]
    pub version_base: i64,
    /// Archived environments refuse writes and are left out of lists.
    #[serde(default)]
    pub archived: bool,
}
