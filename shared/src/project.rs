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
    /// What it is for; where it does not say, its key does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EnvironmentClass>,
    /// Archived environments refuse writes and are left out of lists.
    #[serde(default)]
    pub archived: bool,
}

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentClass {
    /// People rely on it.
    Production,
    /// What is to go to production is tried here.
    Staging,
    /// Anything else.
    Development,
}

impl EnvironmentClass {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }

    /// What a key says: `prod-eu` is production, `pre-prod` and `qa` are staging.
    fn said_by(key: &str) -> Option<Self> {
        let key = key.to_ascii_lowercase();
        let words = || key.split(|c: char| !c.is_ascii_alphanumeric());
        let staging = |w: &str| {
            w.starts_with("stag")
                || w.starts_with("preprod")
                || matches!(w, "pre" | "stg" | "qa" | "uat" | "test")
        };
        if words().any(staging) {
            Some(Self::Staging)
        } else if words().any(|w| w.starts_with("prod") || w.starts_with("prd") || w == "live") {
            Some(Self::Production)
        } else {
            None
        }
    }
}

impl std::str::FromStr for EnvironmentClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Production, Self::Staging, Self::Development]
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a class: production, staging or development"))
    }
}

impl Environment {
    /// What it is for: what it says, else what its key says, else production where it is protected.
    pub fn shown_class(&self) -> EnvironmentClass {
        let guessed = || EnvironmentClass::said_by(self.key.as_str());
        let rest = if self.protected { EnvironmentClass::Production } else { EnvironmentClass::Development };
        self.class.or_else(guessed).unwrap_or(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_an_environment_is_for() {
        for (key, class) in [
            ("production", Some(EnvironmentClass::Production)),
            ("eu-prod_2", Some(EnvironmentClass::Production)),
            ("pre-prod", Some(EnvironmentClass::Staging)),
            ("Staging", Some(EnvironmentClass::Staging)),
            ("latest", None),
            ("delivery", None),
        ] {
            assert_eq!(EnvironmentClass::said_by(key), class, "{key}");
        }
    }
}
