//! ROOF: the clients in Rust, which scripts/test-rust-clients builds and tries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

#[allow(dead_code, reason = "the clients in other languages use the rest")]
mod harness;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the daemon stand on the rest")]
mod support;

use harness::{Client, Side, is_served};

#[tokio::test]
async fn the_server_sdk_of_launchdarkly() {
    is_served(Client::rust("launchdarkly", Side::Server)).await;
}
