//! Evaluation: prepared once a revision, walked without I/O; never an error, always a reason.
//!
//! ROOF over its rooms: `prepare` (documents made quick), `store` (where the others are found), `walk` and `segment`
//! (the algorithm), `clause` and `bucket` (its two primitives), `reason`, `outcome` (the answer),
//! `trace` and `explain` (the same walk, told).

mod bucket;
mod clause;
mod explain;
mod outcome;
mod prepare;
mod reason;
mod segment;
mod shape;
mod store;
mod trace;
mod walk;

pub use explain::explain;
pub use outcome::{Evaluation, evaluate};
pub use prepare::{PreparedFlag, PreparedSegment, Variation, prepare_flag, prepare_segment};
pub use reason::{BigSegmentsStatus, ErrorKind, Reason, ReasonKind};
pub use store::{EmptyStore, Store};
pub use trace::{
    BucketStep, ClauseStep, Explanation, PrerequisiteStep, RolloutStep, RuleStep, SegmentRuleStep,
    SegmentStep, ServeStep, TargetStep,
};
