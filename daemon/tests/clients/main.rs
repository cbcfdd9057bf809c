//! ROOF: clients that nobody here wrote, unmodified, against the real program.
//!
//! A client is a small file beside this one, in JavaScript, Python or Rust, that says how a library connects, tells
//! what a flag is and sends its events (`drive.mjs`, `driver.py` and `rust/src/lib.rs` do the rest), and a line in one
//! of the modules here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

#[allow(dead_code, reason = "the clients in Rust use the rest")]
mod harness;
mod launchdarkly;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the daemon stand on the rest")]
mod support;
