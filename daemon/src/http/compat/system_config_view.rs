//! What the second seed's API shows: its shapes, and a flag rendered in them.

use shared::flag::{Flag, FlagConfig, FlagKind, new_document};
use shared::json::Json;
use shared::system_config::audience;
use time::OffsetDateTime;

use crate::http::views::time;
use crate::live::catalog::Served;
use crate::store::Stored;

/// A flag as this API shows it.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct FeatureFlag {
    /// Its identity.
    id: uuid::Uuid,
    /// Its name, which is the flag's key.
    name: String,
    /// What it is for.
    #[schema(required)]
    description: Option<String>,
    /// On or off.
    enabled: bool,
    /// To whom it is shown; empty = everyone; null where the flag is richer than this.
    #[schema(required)]
    allowed_groups: Option<Vec<String>>,
    /// To how many of them, 0 to 100; null where the flag is richer than this.
    #[schema(required, minimum = 0, maximum = 100)]
    rollout_percentage: Option<i64>,
    /// Anything else.
    metadata: serde_json::Map<String, serde_json::Value>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Who created it.
    created_by: String,
    /// Who changed it.
    updated_by: String,
    /// True where groups and a percentage cannot say what is served; else left out.
    #[schema(nullable = false)]
    custom: Option<bool>,
}

/// The flags that are on for a user.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Features {
    /// Their names.
    features: Vec<String>,
}

/// Whether a flag is on for a user.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Checked {
    /// The flag.
    name: String,
    /// Whether it is on.
    enabled: bool,
}

/// A flag to be created or changed.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is read by hand, with a pointer to every fault")]
pub struct FeatureFlagBody {
    /// Its name: letters, digits, `.`, `_` and `-`.
    name: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// On or off; a new flag is off.
    enabled: Option<bool>,
    /// The groups; empty or missing = everyone.
    allowed_groups: Option<Vec<String>>,
    /// The percentage; a new flag has 100.
    #[schema(minimum = 0, maximum = 100)]
    rollout_percentage: Option<i64>,
    /// Anything else.
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who made a flag and who changed it last.
pub struct Made {
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// Who created it.
    pub created_by: String,
    /// When it was changed.
    pub updated_at: OffsetDateTime,
    /// Who changed it.
    pub updated_by: String,
}

/// What the rows' stamps say of a flag and its configuration together.
pub fn made(flag: &Stored<Flag>, config: Option<&Served>) -> Made {
    let last = match config.map(|c| &c.stored.stamp) {
        Some(config) if config.last.revision > flag.stamp.last.revision => config,
        _ => &flag.stamp,
    };
    Made {
        created_at: flag.stamp.created_at,
        created_by: flag.stamp.created_by.clone(),
        updated_at: last.updated_at,
        updated_by: last.updated_by.clone(),
    }
}

/// A flag as this API shows it.
pub fn view(flag: &Flag, config: Option<&FlagConfig>, made: &Made) -> Json {
    // Where the environment has no configuration yet, the flag is off and would be created plain.
    let plain = new_document(FlagKind::Boolean, flag.variations.len(), false);
    let audience = audience(flag, config.map_or(&plain, |c| &c.document));
    let custom = audience.is_none();
    let (groups, percentage) = match audience {
        Some(a) => {
            (Json::Array(a.groups.into_iter().map(Json::from).collect()), Json::from(i64::from(a.percentage)))
        }
        None => (Json::Null, Json::Null),
    };
    let description = Some(flag.description.as_str()).filter(|d| !d.is_empty());
    let mut view: Json = [
        ("id", Json::from(flag.id.to_string())),
        ("name", Json::from(flag.key.as_str())),
        ("description", description.map_or(Json::Null, Json::from)),
        ("enabled", Json::Bool(config.is_some_and(FlagConfig::on))),
        ("allowedGroups", groups),
        ("rolloutPercentage", percentage),
        ("metadata", flag.metadata.clone()),
        ("createdAt", time(made.created_at)),
        ("updatedAt", time(made.updated_at)),
        ("createdBy", Json::from(made.created_by.as_str())),
        ("updatedBy", Json::from(made.updated_by.as_str())),
    ]
    .into_iter()
    .collect();
    if custom {
        view.set("custom", Json::Bool(true));
    }
    view
}
