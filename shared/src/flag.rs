//! Flags and their configuration in each environment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::fault::Fault;
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey};
use crate::project::ClientSideAvailability;

/// What all values of a flag are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlagKind {
    /// `true` or `false`
    Boolean,
    /// Text.
    String,
    /// A number.
    Number,
    /// Any JSON; also what a flag is before its first value is known.
    Json,
}

impl FlagKind {
    /// The kind that a value fixes; `None` for null, which fixes nothing.
    pub const fn of(value: &Json) -> Option<Self> {
        match value {
            Json::Null => None,
            Json::Bool(_) => Some(Self::Boolean),
            Json::String(_) => Some(Self::String),
            Json::Number(_) => Some(Self::Number),
            Json::Array(_) | Json::Object(_) => Some(Self::Json),
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Number => "number",
            Self::Json => "json",
        }
    }

    /// Whether a value may be a variation of this kind. A `json` flag takes any value.
    pub fn admits(self, value: &Json) -> bool {
        self == Self::Json || Self::of(value) == Some(self)
    }
}

impl std::str::FromStr for FlagKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "number" => Self::Number,
            "json" => Self::Json,
            other => return Err(format!("{other:?} is not a kind: boolean, string, number or json")),
        })
    }
}

/// One of the values a flag can have; its place in the list is its index everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variation {
    /// The value, as its author wrote it.
    #[schema(value_type = serde_json::Value)]
    pub value: Json,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A position that an import did not show: null, not selectable, replaced once it is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub placeholder: bool,
}

impl Variation {
    /// A variation that is only a value.
    pub const fn of(value: Json) -> Self {
        Self { value, name: None, description: None, placeholder: false }
    }

    /// A position whose value is not known.
    pub const fn unknown() -> Self {
        Self { value: Json::Null, name: None, description: None, placeholder: true }
    }
}

/// A flag: what it is in every environment of its project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    /// Identity in the database (UUIDv7); its order is that of creation.
    pub id: Uuid,
    /// The project it belongs to.
    pub project: ProjectKey,
    /// The key in code and URLs.
    pub key: FlagKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What all its values are.
    pub kind: FlagKind,
    /// The values; the index is the same in every environment.
    pub variations: Vec<Variation>,
    /// Rises with every change of the flag itself, never falls.
    pub flag_version: i64,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Meant to be removed again.
    #[serde(default = "yes")]
    pub temporary: bool,
    /// Which client-side SDKs may see it.
    pub client_side_availability: ClientSideAvailability,
    /// Anything else a team keeps with it: an object.
    #[serde(default = "Json::object")]
    #[schema(value_type = serde_json::Value)]
    pub metadata: Json,
    /// A JSON Schema that every value must satisfy.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub value_schema: Option<Json>,
    /// Archived flags are served to nobody; the key stays taken.
    #[serde(default)]
    pub archived: bool,
}

const fn yes() -> bool {
    true
}

impl Flag {
    /// Whether `index` names a variation that can be served.
    pub fn selectable(&self, index: usize) -> bool {
        self.variations.get(index).is_some_and(|v| !v.placeholder)
    }

    /// Whether no value has fixed the kind yet.
    pub fn kind_is_open(&self) -> bool {
        self.kind == FlagKind::Json && self.variations.iter().all(|v| v.value.is_null())
    }

    /// The index of the variation whose text is `value`, else of one with the same value.
    pub fn index_of(&self, value: &Json) -> Option<usize> {
        let known = || self.variations.iter().enumerate().filter(|(_, v)| !v.placeholder);
        known()
            .find(|(_, v)| v.value == *value)
            .or_else(|| known().find(|(_, v)| v.value.same_value(value)))
            .map(|(i, _)| i)
    }

    /// What is wrong with the variations by themselves: kinds and metadata's type.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (i, variation) in self.variations.iter().enumerate() {
            if variation.placeholder && !variation.value.is_null() {
                faults.push(Fault::new(
                    format!("/variations/{i}/placeholder"),
                    "must not be set where there is a value: it marks a value that nobody knows",
                ));
            }
            if !variation.placeholder && !self.kind.admits(&variation.value) {
                faults.push(Fault::new(
                    format!("/variations/{i}/value"),
                    format!(
                        "is {} where every value of this flag is a {}",
                        article(variation.value.type_name()),
                        self.kind.as_str()
                    ),
                ));
            }
        }
        if self.metadata.as_object().is_none() {
            faults.push(Fault::new("/metadata", "must be an object"));
        }
        faults
    }
}

fn article(name: &str) -> String {
    match name {
        "null" => "null".to_owned(),
        "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// A flag's configuration in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagConfig {
    /// Identity in the database (UUIDv7).
    pub id: Uuid,
    /// The project of flag and environment.
    pub project: ProjectKey,
    /// The flag.
    pub flag: FlagKey,
    /// The environment.
    pub environment: EnvironmentKey,
    /// Rises with every change of what is served here, never falls.
    pub version: i64,
    /// Rollouts hash with it; kept from an import so that nobody changes bucket.
    pub salt: String,
    /// LaunchDarkly's targeting document without what the flag holds, as it was written.
    #[schema(value_type = serde_json::Value)]
    pub document: Json,
    /// Members of a client payload's entry that we do not know, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub entry_extra: Option<Json>,
}

impl FlagConfig {
    /// Whether targeting is on.
    pub fn on(&self) -> bool {
        self.document.get("on").and_then(Json::as_bool).unwrap_or(false)
    }

    /// The same configuration turned on or off.
    #[must_use]
    pub fn turned(mut self, on: bool) -> Self {
        self.document.set("on", Json::Bool(on));
        self
    }
}

/// The document of a new flag: boolean flags serve `true` when on, `false` when off.
pub fn new_document(kind: FlagKind, variations: usize, on: bool) -> Json {
    let mut document = Json::object();
    document.set("on", Json::Bool(on));
    if kind == FlagKind::Boolean && variations >= 2 {
        document.set("fallthrough", [("variation", Json::from(0_i64))].into_iter().collect());
        document.set("offVariation", Json::from(1_i64));
    } else if variations > 0 {
        document.set("fallthrough", [("variation", Json::from(0_i64))].into_iter().collect());
        document.set("offVariation", Json::from(variations as i64 - 1));
    }
    document
}
