//! Flags, environments and history lines, as the screens want them.

use shared::flag::{FlagKind, Variation};
use shared::json::Json;
use shared::targeting::{Serves, Summary};
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A flag in one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What a list shows of the configuration's document.
    pub summary: Summary,
    /// The configuration's version.
    pub version: i64,
    /// The revision that last changed it.
    pub revision: u64,
    /// When that was.
    pub updated_at: Option<OffsetDateTime>,
    /// Who that was.
    pub updated_by: String,
    /// When it was last evaluated, as it was told with the list.
    pub evaluated: Evaluated,
}

/// When a flag was last evaluated in an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evaluated {
    /// It was not told.
    #[default]
    Unknown,
    /// Never, as far as is known.
    Never,
    /// Then.
    At(OffsetDateTime),
}

impl Evaluated {
    /// When; none for never, and where it was not told.
    #[must_use]
    pub fn at(self) -> Option<OffsetDateTime> {
        match self {
            Self::At(at) => Some(at),
            Self::Unknown | Self::Never => None,
        }
    }
}

/// A flag in all environments.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagRow {
    /// The key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What all its values are.
    pub kind: FlagKind,
    /// The values; a placeholder is one that was never seen.
    pub variations: Vec<Variation>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Meant to be removed again.
    pub temporary: bool,
    /// Served to nobody any more.
    pub archived: bool,
    /// The flag's own version.
    pub flag_version: i64,
    /// The JSON Schema of its values.
    pub value_schema: Option<Json>,
    /// Everything else a team keeps with it.
    pub metadata: Json,
    /// `usingEnvironmentId`, `usingMobileKey`.
    pub client_side: (bool, bool),
    /// The revision that last changed the flag itself.
    pub revision: u64,
    /// When the flag itself was made.
    pub created_at: Option<OffsetDateTime>,
    /// When the flag itself was last changed.
    pub updated_at: Option<OffsetDateTime>,
    /// Who last changed the flag itself.
    pub updated_by: String,
    /// Its configuration in each environment that has one.
    pub cells: BTreeMap<String, Arc<Cell>>,
}

/// A value in a few characters: its name, or the value itself; `?` where it was never seen.
#[must_use]
pub fn short(variation: &Variation) -> String {
    if variation.placeholder {
        return "?".to_owned();
    }
    match (&variation.name, &variation.value) {
        (Some(name), _) if !name.is_empty() => name.clone(),
        // What would be nothing on the screen is seen with its quotes.
        (_, Json::String(text)) if !text.trim().is_empty() => text.clone(),
        (_, other) => other.to_text(),
    }
}

impl FlagRow {
    /// When anything of it last changed, and who did it.
    #[must_use]
    pub fn changed(&self) -> Option<(OffsetDateTime, &str)> {
        let own = self.updated_at.map(|at| (at, self.updated_by.as_str()));
        self.cells
            .values()
            .filter_map(|cell| cell.updated_at.map(|at| (at, cell.updated_by.as_str())))
            .chain(own)
            .max_by_key(|(at, _)| *at)
    }

    /// The variation at `index`, in a few characters.
    #[must_use]
    pub fn value(&self, index: usize) -> String {
        self.variations.get(index).map_or_else(|| "?".to_owned(), short)
    }

    /// What an environment serves, in one word: `on`, `off`, `25%`, a value, `-` where there is no configuration.
    #[must_use]
    pub fn word(&self, environment: &str) -> String {
        let Some(cell) = self.cells.get(environment) else { return "-".to_owned() };
        if self.archived {
            return "archived".to_owned();
        }
        if !cell.summary.on {
            return "off".to_owned();
        }
        match &cell.summary.default {
            Serves::Nothing => "on".to_owned(),
            Serves::Variation(index) if self.kind == FlagKind::Boolean => {
                let value = self.variations.get(*index).map(|v| &v.value);
                if value == Some(&Json::Bool(false)) { "on=false".to_owned() } else { "on".to_owned() }
            }
            Serves::Variation(index) if self.kind == FlagKind::Json => {
                if self.variations.len() > 1 {
                    format!("on #{index}")
                } else {
                    "on".to_owned()
                }
            }
            Serves::Variation(index) => self.value(*index),
            Serves::Rollout(parts) => percent(self.first_part(parts)),
        }
    }

    /// The weight that is shown for a rollout: that of `true`, else of the first variation.
    fn first_part(&self, parts: &[(usize, i64)]) -> i64 {
        let truth = self.variations.iter().position(|v| v.value == Json::Bool(true));
        let shown = truth.or_else(|| parts.first().map(|(index, _)| *index));
        parts.iter().filter(|(index, _)| Some(*index) == shown).map(|(_, weight)| weight).sum()
    }

    /// Reads one item of `GET /api/flags`.
    #[must_use]
    pub fn read(item: &Json) -> Option<Self> {
        let mut row = Self::of_flag(item)?;
        for (environment, cell) in item.get("environments").and_then(Json::as_object).unwrap_or_default() {
            if cell.as_object().is_some() && cell.get("exists") != Some(&Json::Bool(false)) {
                row.cells.insert(environment.clone(), Arc::new(Cell::summary(cell)));
            }
        }
        Some(row)
    }

    /// Reads a flag's own row, without its environments.
    #[must_use]
    pub fn of_flag(row: &Json) -> Option<Self> {
        let availability = row.get("clientSideAvailability");
        let available = |name: &str| truth(availability.and_then(|a| a.get(name)));
        Some(Self {
            key: text(row.get("key"))?,
            name: text(row.get("name")).unwrap_or_default(),
            description: text(row.get("description")).unwrap_or_default(),
            kind: text(row.get("kind")).and_then(|kind| kind.parse().ok()).unwrap_or(FlagKind::Json),
            variations: row
                .get("variations")
                .and_then(Json::as_array)
                .unwrap_or_default()
                .iter()
                .map(|variation| Variation {
                    value: variation.get("value").cloned().unwrap_or(Json::Null),
                    name: text(variation.get("name")),
                    description: text(variation.get("description")),
                    placeholder: truth(variation.get("placeholder")),
                })
                .collect(),
            tags: texts(row.get("tags")),
            owner: text(row.get("owner")),
            temporary: truth(row.get("temporary")),
            archived: truth(row.get("archived")),
            flag_version: row.get("flagVersion").and_then(Json::as_i64).unwrap_or_default(),
            value_schema: row.get("valueSchema").filter(|schema| **schema != Json::Null).cloned(),
            metadata: row.get("metadata").cloned().unwrap_or_else(Json::object),
            client_side: (available("usingEnvironmentId"), available("usingMobileKey")),
            revision: number(row.get("revision")),
            created_at: instant(row.get("createdAt")),
            updated_at: instant(row.get("updatedAt")),
            updated_by: text(row.get("updatedBy")).unwrap_or_default(),
            cells: BTreeMap::new(),
        })
    }
}

impl Cell {
    /// Reads an environment's cell in an item of `GET /api/matrix`.
    #[must_use]
    pub fn summary(json: &Json) -> Self {
        Self::stamped(Summary::from_json(json), json)
    }

    /// Reads a configuration's whole row: `document` of the feed, or `config` of an answer.
    #[must_use]
    pub fn of_config(row: &Json) -> Self {
        let document = row.get("document").or_else(|| row.get("config"));
        Self::stamped(document.map(Summary::of).unwrap_or_default(), row)
    }

    fn stamped(summary: Summary, row: &Json) -> Self {
        Self {
            summary,
            version: row.get("version").and_then(Json::as_i64).unwrap_or_default(),
            revision: number(row.get("revision")),
            updated_at: instant(row.get("updatedAt")),
            updated_by: text(row.get("updatedBy")).unwrap_or_default(),
            evaluated: match row.get("lastEvaluated") {
                None => Evaluated::Unknown,
                told => instant(told).map_or(Evaluated::Never, Evaluated::At),
            },
        }
    }
}

/// An environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentRow {
    /// The key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// `production`, `staging`, `development`, or what the daemon says.
    pub class: String,
    /// Whether writes need a plan and a typed confirmation.
    pub protected: bool,
    /// Whether a reason is required.
    pub comment_required: bool,
    /// Place in lists.
    pub order: i64,
    /// Whether my role writes here.
    pub may_write: bool,
    /// My role here.
    pub role: String,
    /// The row, as the daemon gave it.
    pub row: Json,
}

impl EnvironmentRow {
    /// Reads an environment's row.
    #[must_use]
    pub fn read(row: &Json) -> Option<Self> {
        let key = text(row.get("key"))?;
        let protected = truth(row.get("protected"));
        Some(Self {
            name: text(row.get("name")).unwrap_or_else(|| key.clone()),
            class: text(row.get("class")).unwrap_or_else(|| class(&key, protected)),
            protected,
            comment_required: truth(row.get("commentRequired")),
            order: row.get("order").and_then(Json::as_i64).unwrap_or_default(),
            may_write: true,
            role: String::new(),
            row: row.clone(),
            key,
        })
    }
}

/// What kind of environment a key speaks of, where the daemon does not say.
fn class(key: &str, protected: bool) -> String {
    let word = if protected || key.starts_with("prod") {
        "production"
    } else if key.starts_with("stag") || key.starts_with("test") {
        "staging"
    } else {
        "development"
    };
    word.to_owned()
}

/// `12.5%` of thousandths of a percent.
#[must_use]
pub fn percent(weight: i64) -> String {
    let (whole, part) = (weight / 1000, weight % 1000);
    if part == 0 {
        format!("{whole}%")
    } else {
        format!("{whole}.{}%", format!("{part:03}").trim_end_matches('0'))
    }
}

/// A string member.
#[must_use]
pub fn text(json: Option<&Json>) -> Option<String> {
    json.and_then(Json::as_str).map(str::to_owned)
}

/// The strings of a list.
#[must_use]
pub fn texts(json: Option<&Json>) -> Vec<String> {
    json.and_then(Json::as_array).unwrap_or_default().iter().filter_map(|t| text(Some(t))).collect()
}

/// Whether a member is `true`.
#[must_use]
pub fn truth(json: Option<&Json>) -> bool {
    json == Some(&Json::Bool(true))
}

/// A whole number that is not negative; 0 where there is none.
#[must_use]
pub fn number(json: Option<&Json>) -> u64 {
    json.and_then(Json::as_i64).and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}

/// A time (RFC 3339).
#[must_use]
pub fn instant(json: Option<&Json>) -> Option<OffsetDateTime> {
    json.and_then(Json::as_str).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
}
