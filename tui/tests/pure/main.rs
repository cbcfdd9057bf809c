//! Tests of the terminal's pure parts: no daemon, no terminal, no time that passes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod actions;
mod budgets;
mod evaluations;
mod manual;
mod properties;
mod screens;
mod support;
#[allow(dead_code, reason = "the tests of the screen use all of it")]
#[path = "../screen/terminal.rs"]
mod terminal;
