//! The daemon's tests against real servers: one binary, a module a resource.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

mod chaos;
mod documents;
mod edge;
mod flags;
mod live;
mod postgres;
mod program;
mod rows;
mod support;
