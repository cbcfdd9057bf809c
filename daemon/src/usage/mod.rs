//! GROUND of what SDKs report: the words that counting is done in. Its files import this one.
//!
//! A room of its own between the protocols and the store: it imports `store`, `clock` and `shared`, nothing of
//! the catalog or of HTTP. `recorder` takes what is reported and never waits; `worker` brings it to the database
//! every few seconds, over a connection of its own; `report` puts both together for readers. Nothing of it is in
//! the history, and all of it is shed before anything else suffers.

pub mod kept;
pub mod payloads;
pub mod queue;
pub mod recorder;
pub mod report;
pub mod reservoir;
pub mod room;
pub mod worker;

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

/// The longest id of a rule that is kept, in bytes; a longer one is not told apart.
pub const LONGEST_RULE: usize = 128;

/// How counting is done; the keys of `[usage]` in `config.example.toml`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether anything is counted.
    pub enabled: bool,
    /// Whether contexts are kept.
    pub contexts: bool,
    /// The most contexts of an environment.
    pub most_contexts: usize,
    /// The most counters of an environment in a minute.
    pub most_counters: usize,
    /// How often counts go to the database.
    pub flush_interval: Duration,
    /// How long counts stay by minute, before they are summed into hours.
    pub minutes: Duration,
    /// How long hours and contexts stay.
    pub hours: Duration,
}

/// Why a flag served what it served, as far as counting tells it apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Not told.
    #[default]
    Untold,
    /// `OFF`
    Off,
    /// `FALLTHROUGH`
    Fallthrough,
    /// `TARGET_MATCH`
    TargetMatch,
    /// `RULE_MATCH`
    RuleMatch,
    /// `PREREQUISITE_FAILED`
    PrerequisiteFailed,
    /// `ERROR`
    Error,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Untold,
        Self::Off,
        Self::Fallthrough,
        Self::TargetMatch,
        Self::RuleMatch,
        Self::PrerequisiteFailed,
        Self::Error,
    ];

    /// LaunchDarkly's name of it; empty where it is not told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untold => "",
            Self::Off => "OFF",
            Self::Fallthrough => "FALLTHROUGH",
            Self::TargetMatch => "TARGET_MATCH",
            Self::RuleMatch => "RULE_MATCH",
            Self::PrerequisiteFailed => "PREREQUISITE_FAILED",
            Self::Error => "ERROR",
        }
    }

    /// The kind of that name; what is not known is not told.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or_default()
    }
}

/// Evaluations of one flag in one environment that had the same outcome.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// The flag's configuration there: `FlagConfig::id`, so that only what exists is counted.
    pub config: Uuid,
    /// The configuration's version as the caller knew it.
    pub version: Option<i64>,
    /// The variation's index; `None` = the caller's default was served.
    pub variation: Option<usize>,
    /// Why.
    pub kind: Kind,
    /// The rule's id, where it was a rule.
    pub rule: Option<&'a str>,
    /// When; what lies in the future, or over an hour back, counts as now.
    pub at: OffsetDateTime,
    /// How often.
    pub count: u64,
}

/// Over which protocol a context was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// LaunchDarkly's events.
    Events,
    /// LaunchDarkly's client-side evaluation.
    Evalx,
    /// OpenFeature's remote evaluation.
    Ofrep,
    /// Unleash's front-end API.
    Unleash,
}

impl Source {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Evalx => "evalx",
            Self::Ofrep => "ofrep",
            Self::Unleash => "unleash",
        }
    }
}
