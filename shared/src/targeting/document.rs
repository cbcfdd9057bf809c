//! The documents of a flag and a segment as LaunchDarkly's server SDKs know them, typed.

use super::algorithm::Algorithm;
use crate::json::Json;
use crate::project::ClientSideAvailability;

/// The whole that a rollout's weights divide.
pub const WHOLE: i64 = 100_000;

/// A flag in one environment: its variations and who gets which.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // they are the protocol's
pub struct FlagDocument {
    /// Its key in the project.
    pub key: String,
    /// The version of its configuration in the environment.
    pub version: i64,
    /// Whether targeting is on.
    pub on: bool,
    /// Flags that must be on and serve a certain variation first.
    pub prerequisites: Vec<Prerequisite>,
    /// Keys of users, by variation.
    pub targets: Vec<Target>,
    /// Keys of any kind; an entry of kind `user` without values stands for the one in `targets`.
    pub context_targets: Vec<Target>,
    /// Tried in order after the targets.
    pub rules: Vec<Rule>,
    /// What everybody else gets.
    pub fallthrough: Serve,
    /// What is served while it is off.
    pub off_variation: Option<i64>,
    /// How its rollouts divide where they don't say so themselves; `None` = LaunchDarkly's way.
    pub algorithm: Option<Algorithm>,
    /// The values that it can serve.
    pub variations: Vec<Json>,
    /// Makes its buckets different from those of other flags.
    pub salt: String,
    /// Which client-side SDKs may see it.
    pub availability: ClientSideAvailability,
    /// Whether SDKs send an event for each evaluation.
    pub track_events: bool,
    /// Whether they do so for the fallthrough, with the reason.
    pub track_events_fallthrough: bool,
    /// Until when SDKs send debug events, in milliseconds since 1970.
    pub debug_events_until_date: Option<i64>,
    /// Whether it is a tombstone.
    pub deleted: bool,
}

/// A flag that must be on and serve a certain variation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prerequisite {
    /// The other flag's key.
    pub key: String,
    /// The index it must serve.
    pub variation: i64,
}

/// Keys that get a variation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The kind of the keys; `None` = user.
    pub context_kind: Option<String>,
    /// The index they get.
    pub variation: i64,
    /// The keys.
    pub values: Vec<String>,
}

/// Who matches every clause gets what it serves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Names the rule in reasons; may be empty.
    pub id: String,
    /// All of them must match; none at all match everybody.
    pub clauses: Vec<Clause>,
    /// What it serves.
    pub serve: Serve,
    /// Whether SDKs send an event for each match, with the reason.
    pub track_events: bool,
}

/// A variation, a rollout or the caller's default; with several the first wins, with none the flag is malformed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serve {
    /// The index of a variation.
    pub variation: Option<i64>,
    /// A division by weights.
    pub rollout: Option<Rollout>,
    /// Whether there is no value on purpose: callers take their own default.
    pub code_default: bool,
}

/// A division of contexts by weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Whether it is an experiment: then it always divides by key and marks its reasons.
    pub experiment: bool,
    /// The kind that is divided; `None` = user.
    pub context_kind: Option<String>,
    /// The parts, in order.
    pub variations: Vec<Weighted>,
    /// Takes the place of flag key and salt.
    pub seed: Option<i64>,
    /// The attribute to divide by; `None` = key. A literal name where `context_kind` is `None`.
    pub bucket_by: Option<String>,
    /// How it divides; `None` = as the flag says.
    pub algorithm: Option<Algorithm>,
    /// What another tool's algorithm takes in place of the flag's key; `None` = that key.
    pub group: Option<String>,
}

/// One part of a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weighted {
    /// The index it serves.
    pub variation: i64,
    /// Its share of 100,000.
    pub weight: i64,
    /// Whether it stays out of the experiment.
    pub untracked: bool,
}

/// One condition on an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The kind whose attribute is meant; `None` = user, and then `attribute` is a literal name.
    pub context_kind: Option<String>,
    /// A name or a reference; empty for `segmentMatch`.
    pub attribute: String,
    /// How attribute and values are compared.
    pub op: Op,
    /// Any one of them is enough.
    pub values: Vec<Json>,
    /// Whether the result is turned round.
    pub negate: bool,
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident $text:literal),* $(,)?) => {
        /// How a clause compares. An unknown operator never matches.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Op {
            $($(#[$doc])* $name,)*
            /// Anything else.
            Unknown(String),
        }

        impl Op {
            /// Every operator's name.
            pub const NAMES: &[&str] = &[$($text),*];

            /// Reads an operator's name.
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }

            /// Its name.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }
    };
}

operators! {
    /// The same JSON value.
    In "in",
    /// Strings.
    StartsWith "startsWith",
    /// Strings.
    EndsWith "endsWith",
    /// A regular expression found somewhere in a string.
    Matches "matches",
    /// Strings.
    Contains "contains",
    /// Numbers.
    LessThan "lessThan",
    /// Numbers.
    LessThanOrEqual "lessThanOrEqual",
    /// Numbers.
    GreaterThan "greaterThan",
    /// Numbers.
    GreaterThanOrEqual "greaterThanOrEqual",
    /// Instants.
    Before "before",
    /// Instants.
    After "after",
    /// The context is in a segment.
    SegmentMatch "segmentMatch",
    /// Semantic versions.
    SemVerEqual "semVerEqual",
    /// Semantic versions.
    SemVerLessThan "semVerLessThan",
    /// Semantic versions.
    SemVerGreaterThan "semVerGreaterThan",
}

/// A named set of contexts in one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentDocument {
    /// Its key in the environment.
    pub key: String,
    /// Its version.
    pub version: i64,
    /// Keys of users that are in it.
    pub included: Vec<String>,
    /// Keys of users that are not, unless they are included.
    pub excluded: Vec<String>,
    /// Keys of other kinds that are in it.
    pub included_contexts: Vec<SegmentTarget>,
    /// Keys of other kinds that are not, unless they are included.
    pub excluded_contexts: Vec<SegmentTarget>,
    /// Tried in order; one that matches is enough.
    pub rules: Vec<SegmentRule>,
    /// Makes its buckets different from those of other segments.
    pub salt: String,
    /// Whether its members live in another store.
    pub unbounded: bool,
    /// The kind of those members; `None` = user.
    pub unbounded_context_kind: Option<String>,
    /// Which edition of those members is meant.
    pub generation: Option<i64>,
    /// Whether it is a tombstone.
    pub deleted: bool,
}

/// Keys of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentTarget {
    /// The kind of the keys; `None` = user.
    pub context_kind: Option<String>,
    /// The keys.
    pub values: Vec<String>,
}

/// Who matches every clause, and falls below the weight, is in the segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentRule {
    /// Names the rule; may be empty.
    pub id: String,
    /// All of them must match.
    pub clauses: Vec<Clause>,
    /// A share of 100,000; `None` = everybody.
    pub weight: Option<i64>,
    /// The attribute to divide by; `None` = key. A literal name where `rollout_context_kind` is `None`.
    pub bucket_by: Option<String>,
    /// The kind that is divided; `None` = user.
    pub rollout_context_kind: Option<String>,
}
