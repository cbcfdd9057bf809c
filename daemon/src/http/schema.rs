//! What the answers about flags look like, for the API's description; `views` renders them.
#![allow(dead_code, reason = "these types describe answers; nothing makes one")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::flag::{FlagKind, Variation};
use shared::project::ClientSideAvailability;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of flags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FlagPage {
    /// The flags, each with its per-environment summary.
    items: Vec<FlagView>,
    /// How many match in all.
    total: i64,
    /// Where the next page starts.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A flag with its per-environment summary.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FlagView {
    id: Uuid,
    project: String,
    key: String,
    name: String,
    description: String,
    kind: FlagKind,
    /// The same as `kind`.
    #[schema(rename = "type")]
    type_: FlagKind,
    variations: Vec<Variation>,
    flag_version: i64,
    tags: Vec<String>,
    #[schema(required)]
    owner: Option<String>,
    temporary: bool,
    client_side_availability: ClientSideAvailability,
    metadata: Map<String, Value>,
    /// A JSON Schema that every value satisfies, or null.
    value_schema: Value,
    archived: bool,
    /// The last revision that touched the flag itself.
    revision: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    created_by: String,
    updated_by: String,
    /// The environments that have a configuration of it.
    environments: BTreeMap<String, EnvironmentSummary>,
}

/// A flag's configuration in an environment, in short.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct EnvironmentSummary {
    enabled: bool,
    version: i64,
    /// What is served where no target and no rule matches, or null.
    fallthrough: Value,
    #[schema(required)]
    off_variation: Option<i64>,
    /// How many rules there are.
    rules: i64,
    /// How many targets there are.
    targets: i64,
    /// How many prerequisites there are.
    prerequisites: i64,
    revision: i64,
    #[schema(format = DateTime)]
    updated_at: String,
    updated_by: String,
}

/// A flag after a write; with `dryRun` the plan instead.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FlagWritten {
    id: Uuid,
    project: String,
    key: String,
    name: String,
    description: String,
    kind: FlagKind,
    /// The same as `kind`.
    #[schema(rename = "type")]
    type_: FlagKind,
    variations: Vec<Variation>,
    flag_version: i64,
    tags: Vec<String>,
    #[schema(required)]
    owner: Option<String>,
    temporary: bool,
    client_side_availability: ClientSideAvailability,
    metadata: Map<String, Value>,
    /// A JSON Schema that every value satisfies, or null.
    value_schema: Value,
    archived: bool,
    /// Of the flag alone.
    etag: String,
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether anything differed.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// A flag's configuration in an environment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigView {
    id: Uuid,
    project: String,
    flag_key: String,
    environment: String,
    enabled: bool,
    version: i64,
    salt: String,
    /// The targeting document, as it was written.
    config: Map<String, Value>,
    /// Members of an imported entry that we do not know.
    #[schema(nullable = false)]
    entry_extra: Option<Map<String, Value>>,
    revision: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    created_by: String,
    updated_by: String,
}

/// A configuration after a write; with `dryRun` the plan instead.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigWritten {
    id: Uuid,
    project: String,
    flag_key: String,
    environment: String,
    enabled: bool,
    version: i64,
    salt: String,
    /// The targeting document, as it was written.
    config: Map<String, Value>,
    /// Members of an imported entry that we do not know.
    #[schema(nullable = false)]
    entry_extra: Option<Map<String, Value>>,
    etag: String,
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether anything differed.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// An entry of the client payload; members of an import that we do not know come after.
#[derive(ToSchema, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientEntry {
    flag_version: i64,
    track_events: bool,
    /// Null where nothing is served.
    value: Value,
    #[schema(required)]
    variation: Option<i64>,
    version: i64,
    #[schema(nullable = false)]
    debug_events_until_date: Option<i64>,
    /// What else an import held.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// What was changed by a list of mutations.
#[derive(ToSchema)]
pub struct ChangesMade {
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    #[schema(format = DateTime)]
    at: String,
    /// Whether anything differed.
    changed: bool,
    /// Everything that was touched.
    changes: Vec<ChangeMade>,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// One entity that was touched.
#[derive(ToSchema)]
pub struct ChangeMade {
    kind: shared::change::EntityKind,
    key: String,
    action: shared::change::Action,
    #[schema(nullable = false)]
    project: Option<String>,
    #[schema(nullable = false)]
    environment: Option<String>,
    #[schema(nullable = false)]
    etag: Option<String>,
}

/// What a write says: what it did, or with `dryRun` what it would do.
#[derive(ToSchema, serde::Serialize)]
#[serde(untagged)]
pub enum Said<T: ToSchema> {
    /// What it did.
    Done(T),
    /// What it would do.
    Planned(crate::service::plan::Plan),
}
