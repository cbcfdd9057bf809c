//! Segments: named groups of contexts, one set in each environment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::json::Json;
use crate::key::{EnvironmentKey, ProjectKey, SegmentKey};

/// A segment of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Identity in the database (UUIDv7).
    pub id: Uuid,
    /// The project of the environment.
    pub project: ProjectKey,
    /// The environment.
    pub environment: EnvironmentKey,
    /// The key that clauses name.
    pub key: SegmentKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Rises with every change, never falls.
    pub version: i64,
    /// Rules with a weight hash with it.
    pub salt: String,
    /// LaunchDarkly's segment document without key, version and salt, as it was written.
    #[schema(value_type = serde_json::Value)]
    pub document: Json,
    /// Archived segments contain nobody; the key stays taken.
    #[serde(default)]
    pub archived: bool,
}
