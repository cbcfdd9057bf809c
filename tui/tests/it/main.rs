//! The terminal's tests against a real daemon: one binary, a module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

mod cli_eval;
mod cli_lost;
mod cli_reads;
mod cli_setup;
mod cli_ways;
mod cli_writes;
mod client;
mod editing;
mod feed;
mod guarded;
mod leaving;
mod live;
mod support;
mod tmux;
mod why;
