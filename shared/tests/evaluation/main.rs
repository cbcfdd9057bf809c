//! What evaluation promises: LaunchDarkly's results, never an error, and a path that can be told.

mod bucketing;
mod checks;
mod clauses;
mod composing;
mod contexts;
mod disagreements;
mod explaining;
mod flags;
mod operators;
mod prerequisites;
mod properties;
mod segments;
mod world;
