//! Exports: what one says in our terms, and the report of how it was taken in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::SdkCredential;
use crate::evaluated::Shown;
use crate::fault::Fault;
use crate::flag::Variation;
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use crate::project::ClientSideAvailability;

/// What an export looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The client payload: flag key to value, variation and versions.
    LaunchdarklyClient,
    /// The server payload: `{"flags": {..}, "segments": {..}}`.
    LaunchdarklyServer,
    /// Lists and objects of the REST API.
    LaunchdarklyRest,
}

impl Format {
    /// Every format by its name, for messages.
    pub const NAMES: &'static str = "launchdarkly-client (flag key to {value, variation, version, flagVersion}), \
         launchdarkly-server ({\"flags\": {..}, \"segments\": {..}} of /sdk/latest-all), \
         launchdarkly-rest ({\"items\": [..]} of /api/v2/flags/PROJECT?summary=0, or \
         {\"environments\": .., \"flags\": .., \"segments\": ..})";

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LaunchdarklyClient => "launchdarkly-client",
            Self::LaunchdarklyServer => "launchdarkly-server",
            Self::LaunchdarklyRest => "launchdarkly-rest",
        }
    }
}

/// An export as it was read, before it meets what is here.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Where it goes.
    pub project: ProjectKey,
    /// What it looked like.
    pub format: Format,
    /// The environments it may write.
    pub environments: Vec<EnvironmentKey>,
    /// The flags that could be read.
    pub flags: Vec<ImportedFlag>,
    /// The segments that could be read.
    pub segments: Vec<ImportedSegment>,
    /// The keys of SDKs, each with its place in the export.
    pub credentials: Vec<(SdkCredential, String)>,
    /// What reading alone refused.
    pub refused: Vec<Line>,
    /// What is worth knowing about the export as a whole.
    pub notes: Vec<String>,
}

/// A flag of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedFlag {
    /// Its key.
    pub key: FlagKey,
    /// Where it stands in the export.
    pub at: String,
    /// Its values; `None` where only those that are served are known.
    pub variations: Option<Vec<Variation>>,
    /// Its version across environments, where the export has one.
    pub version: Option<i64>,
    /// Which client-side SDKs may see it, where the export says so.
    pub availability: Option<ClientSideAvailability>,
    /// What people call it, where the export says so.
    pub details: Option<Details>,
    /// Its configuration in each environment.
    pub configs: Vec<ImportedConfig>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// What only people need of a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Meant to be removed again.
    pub temporary: bool,
    /// Served to nobody.
    pub archived: bool,
    /// What we have no member for, kept under `metadata.launchDarkly`.
    pub other: Json,
}

/// A flag's configuration in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedConfig {
    /// The environment.
    pub environment: EnvironmentKey,
    /// Where it stands in the export.
    pub at: String,
    /// Its version there.
    pub version: Option<i64>,
    /// What rollouts hash with.
    pub salt: Option<String>,
    /// What it serves.
    pub said: Said,
    /// For each rule of the document its place in the export, where some were left out.
    pub rule_places: Vec<usize>,
}

/// How a configuration is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// By one result.
    Shown(Shown),
    /// By the targeting document.
    Document(Json),
}

/// A segment of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSegment {
    /// Its key.
    pub key: SegmentKey,
    /// The environment.
    pub environment: EnvironmentKey,
    /// Where it stands in the export.
    pub at: String,
    /// Name, description and tags, where the export has them.
    pub details: Option<(String, String, Vec<String>)>,
    /// Its version.
    pub version: Option<i64>,
    /// What rules with a weight hash with.
    pub salt: Option<String>,
    /// Its document.
    pub document: Json,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// What a line of the report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A flag, with its configurations.
    Flag,
    /// A segment.
    Segment,
    /// A key of an SDK.
    Credential,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is new here.
    Created,
    /// It was here and differs now.
    Updated,
    /// It was here just so.
    Unchanged,
    /// It was left out; the faults say why.
    Refused,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its key; a credential's is masked.
    pub key: String,
    /// What it is.
    pub kind: Subject,
    /// The environment of a segment or a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// What was taken in another way than it was written, and what is worth knowing.
    pub notes: Vec<String>,
    /// Why it was refused, with pointers into the export.
    pub faults: Vec<Fault>,
}

impl Line {
    /// A line about something that reading refused. Characters that could deceive a reader are replaced.
    pub fn refused(kind: Subject, key: &str, faults: Vec<Fault>) -> Self {
        Self {
            key: key
                .chars()
                .take(256)
                .map(|c| if crate::read::hostile(c) { '\u{fffd}' } else { c })
                .collect(),
            kind,
            environment: None,
            outcome: Outcome::Refused,
            notes: Vec::new(),
            faults,
        }
    }
}

/// How many lines came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// New here.
    pub created: usize,
    /// Different now.
    pub updated: usize,
    /// Just so before.
    pub unchanged: usize,
    /// Left out.
    pub refused: usize,
}

/// How an export was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportReport)]
pub struct Report {
    /// What the export looked like.
    pub format: Format,
    /// Flags, segments and credentials in the order of the export, what reading refused last.
    pub report: Vec<Line>,
    /// How many lines came out how.
    pub totals: Totals,
    /// What is worth knowing about the export as a whole.
    pub notes: Vec<String>,
}

impl Report {
    /// A report of these lines.
    pub fn of(format: Format, report: Vec<Line>, notes: Vec<String>) -> Self {
        let mut totals = Totals::default();
        for line in &report {
            match line.outcome {
                Outcome::Created => totals.created += 1,
                Outcome::Updated => totals.updated += 1,
                Outcome::Unchanged => totals.unchanged += 1,
                Outcome::Refused => totals.refused += 1,
            }
        }
        Self { format, report, totals, notes }
    }

    /// Puts the report's members into an answer.
    pub fn tell(&self, answer: &mut Json) {
        for (member, value) in Json::from_serialize(self).as_object().unwrap_or_default() {
            answer.set(member, value.clone());
        }
    }
}
