//! Evaluation: prepared once a revision, walked without I/O; never an error, always a reason.
//!
//! ROOF over its rooms: `prepare` (documents made quick), `store` (where the others are found), `walk` and `segment`
//! (the algorithm), `clause` and `bucket` (its two primitives, with `foreign` for the buckets of other tools), `reason`, `outcome` (the answer),
//! `trace` and `explain` (the same walk, told), `documents` (a payload on its own).

mod bucket;
mod clause;
mod documents;
mod explain;
mod foreign;
mod outcome;
mod prepare;
mod reason;
mod segment;
mod store;
mod trace;
mod walk;

pub use documents::{Documents, MAX_PATTERNS, count_patterns, write_answer};
pub use explain::explain;
pub use outcome::{Evaluation, evaluate};
pub use prepare::{PreparedFlag, PreparedSegment, Variation, prepare_flag, prepare_segment};
pub use reason::{BigSegmentsStatus, ErrorKind, Reason, ReasonKind};
pub use store::{EmptyStore, Store};
pub use trace::{
    BucketStep, ClauseStep, Explanation, PrerequisiteStep, RolloutStep, RuleStep, SegmentRuleStep,
    SegmentStep, ServeStep, TargetStep,
};
