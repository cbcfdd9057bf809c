//! What decides who gets what: the documents of flags and segments, read, checked and composed.
//!
//! ROOF over its rooms: `document` (the types), `read` and `parse` (from JSON, forgiving as SDKs are),
//! `check` and `check_clause` (strict, for what people write), `compose` (what SDKs are sent), `summary`
//! (what lists show), `schema` (for editors), `keys`, `algorithm` (how rollouts divide), and `instant`, `pattern`,
//! `version` (the operands that are not plain JSON).

mod algorithm;
mod check;
mod check_clause;
mod compose;
mod document;
mod instant;
mod keys;
mod parse;
mod pattern;
mod read;
mod schema;
mod summary;
mod version;

pub use algorithm::Algorithm;
pub use check::{check_flag, check_segment};
pub use compose::{compose_flag, compose_segment};
pub use document::{
    Clause, FlagDocument, Op, Prerequisite, Rollout, Rule, SegmentDocument, SegmentRule, SegmentTarget,
    Serve, Target, Weighted,
};
pub use instant::Instant;
pub use keys::{prerequisite_keys, segment_keys};
pub use pattern::{PatternBounds, PatternError, compile as compile_pattern};
pub use schema::{FLAG_SCHEMA, SEGMENT_SCHEMA};
pub use summary::{Serves, Summary};
pub use version::Version;
