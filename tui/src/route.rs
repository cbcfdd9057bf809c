//! Where one can go: a name for each screen, with what it shows.

use shared::json::Json;

/// A screen, and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// The matrix of flags and environments, with a filter.
    Flags {
        /// The text of the filter; empty for none.
        filter: String,
    },
    /// One flag, in one environment.
    Flag {
        /// The flag's key.
        key: String,
        /// The environment's key.
        environment: String,
        /// Which tab: 0 overview, 1 rules, 2 variations, 3 prerequisites, 4 history, 5 JSON.
        tab: usize,
    },
    /// Why a context gets what it gets of a flag.
    Why {
        /// The flag's key.
        flag: String,
        /// The environment's key.
        environment: String,
        /// When, as it is typed: a revision, `3h`, a time; empty is the present.
        at: String,
    },
    /// The SDK credentials of an environment.
    Credentials {
        /// The environment's key.
        environment: String,
    },
    /// The editor of one document.
    Editor(Document),
    /// The conflict of an edit with what somebody else saved.
    Conflict {
        /// What was edited.
        document: Document,
        /// What the edit began from.
        base: Json,
        /// What the edit made of it.
        ours: Json,
        /// Its text as written, for the draft.
        text: String,
        /// The revision it began from.
        base_revision: u64,
    },
    /// The audit feed.
    Audit {
        /// Only what matches; empty for all.
        filter: String,
    },
    /// The history of a flag, in an environment or in all, or of a segment.
    History {
        /// `flag` or `segment`.
        kind: &'static str,
        /// Its key.
        key: String,
        /// The environment; a segment always has one.
        environment: Option<String>,
    },
    /// The segments of an environment, one of them selected.
    Segments {
        /// The environment's key.
        environment: String,
        /// The selected segment's key.
        key: Option<String>,
    },
    /// The environments.
    Environments,
    /// Two environments side by side.
    Compare {
        /// The environment on the left: what is promoted from.
        left: String,
        /// The environment on the right: what is promoted to.
        right: String,
        /// The flags selected at first.
        keys: Vec<String>,
    },
    /// This client, the daemons, PostgreSQL, the clients.
    Health,
    /// The profiles.
    Connect,
    /// The drafts.
    Drafts,
    /// What this session asked of the daemon.
    Log,
    /// What can be undone.
    Undo,
    /// A small form: a rollout, a new flag, a rule, ...; each has its own file among the screens.
    Form(Form),
}

/// What the editor edits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Document {
    /// A flag's configuration in an environment.
    Config {
        /// The flag's key.
        flag: String,
        /// The environment's key.
        environment: String,
    },
    /// A flag itself: name, variations, tags, schema, ...
    Flag {
        /// The flag's key.
        flag: String,
    },
    /// The value of one variation.
    Variation {
        /// The flag's key.
        flag: String,
        /// Its place among the variations.
        index: usize,
    },
    /// A segment in an environment.
    Segment {
        /// The segment's key.
        segment: String,
        /// The environment's key.
        environment: String,
    },
}

impl Document {
    /// The environment that a change of it touches; none when it touches all of them.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        match self {
            Self::Config { environment, .. } | Self::Segment { environment, .. } => Some(environment),
            Self::Flag { .. } | Self::Variation { .. } => None,
        }
    }

    /// The key of the flag or segment.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Config { flag, .. } | Self::Flag { flag } | Self::Variation { flag, .. } => flag,
            Self::Segment { segment, .. } => segment,
        }
    }

    /// The key of the flag; none for a segment.
    #[must_use]
    pub fn flag(&self) -> Option<&str> {
        match self {
            Self::Segment { .. } => None,
            other => Some(other.key()),
        }
    }

    /// What a person calls it, such as `checkout @ production`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Config { flag, environment } => format!("{flag} @ {environment}"),
            Self::Flag { flag } => format!("{flag} (all environments)"),
            Self::Variation { flag, index } => format!("{flag} variation {index}"),
            Self::Segment { segment, environment } => format!("segment {segment} @ {environment}"),
        }
    }
}

/// The small forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// The share of each variation in the default rule.
    Rollout {
        /// The flag's key.
        flag: String,
        /// The environment's key.
        environment: String,
    },
    /// A new flag.
    NewFlag,
    /// One targeting rule; a new one when `index` is none. The answer goes to the screen below.
    Rule {
        /// The flag's key.
        flag: String,
        /// The environment's key.
        environment: String,
        /// Its place among the rules.
        index: Option<usize>,
        /// The rule as it is staged now.
        rule: Json,
    },
    /// Where to promote these flags to.
    Promote {
        /// The flags' keys.
        flags: Vec<String>,
        /// The environment's key they come from.
        from: String,
    },
    /// A new segment.
    NewSegment {
        /// The environment's key.
        environment: String,
    },
    /// Context keys to add to a segment or to take out of it.
    Members {
        /// The segment's key.
        segment: String,
        /// The environment's key.
        environment: String,
        /// Whether they are taken out.
        remove: bool,
    },
    /// A new profile, or the profile of that name.
    Profile {
        /// The name of the profile that is edited; none for a new one.
        name: Option<String>,
    },
}
