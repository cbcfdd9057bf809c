//! Evaluation: prepared once a revision, walked without I/O; never an error, always a reason.
//!
//! ROOF over its rooms: `prepare`, `keys`, `kind`, `salt` and `targets` (documents made quick), `store` (where the
//! others are found by key) and `ruleset` (where they are linked already), `graph` (either, as the walk sees it),
//! `walk`, `segment` and `decision` (the algorithm), `budget` (how much of it), `clause` and `bucket` (its two primitives, with `foreign` for
//! the buckets of other tools and `digits`), `reason`, `outcome` (the answer), `shape` (what it was like), `evalx`
//! (the answer as bytes), `trace` and `explain` (the same walk, told), `documents` (a payload on its own).

mod bucket;
mod budget;
mod clause;
mod decision;
mod digits;
mod documents;
mod evalx;
mod explain;
mod foreign;
mod graph;
mod keys;
mod kind;
mod outcome;
mod prepare;
mod reason;
mod ruleset;
mod salt;
mod segment;
mod shape;
mod store;
mod targets;
mod trace;
mod walk;

pub use budget::{Budget, Spent};
pub use documents::{Documents, MAX_PATTERNS, count_patterns, write_answer};
pub use evalx::EvalxForm;
pub use explain::{explain, explain_within};
pub use outcome::{Evaluation, evaluate, evaluate_within};
pub use prepare::{PreparedFlag, PreparedSegment, Variation, prepare_flag, prepare_segment};
pub use reason::{BigSegmentsStatus, ErrorKind, Reason, ReasonKind};
pub use ruleset::Ruleset;
pub use store::{EmptyStore, Store};
pub use trace::{
    BucketStep, ClauseStep, Explanation, PrerequisiteStep, RolloutStep, RuleStep, SegmentRuleStep,
    SegmentStep, ServeStep, TargetStep,
};
pub use walk::MAX_DEPTH;
