//! What evaluation promises: LaunchDarkly's results, never an error, and a path that can be told.

// What the tests share stands outside of test functions, where the lints would ask for more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod algorithms;
mod bucketing;
mod checks;
mod clauses;
mod composing;
mod contexts;
mod dice;
mod differential;
mod disagreements;
mod documents;
mod exceptions;
mod explaining;
mod flags;
mod generate;
mod linked;
mod operators;
mod peer;
mod prerequisites;
mod properties;
mod segments;
mod world;
