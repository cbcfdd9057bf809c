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

use harness::{Client, Context, Side, Words, is_served};

#[tokio::test]
async fn the_server_sdk_of_launchdarkly() {
    is_served(Client::rust("launchdarkly", Side::Server)).await;
}

#[tokio::test]
async fn the_provider_of_openfeature() {
    let client = Client::rust("openfeature", Side::Server).saying(Words::OpenFeature);
    let mut client = client.that_asks_each_time();
    client.contexts = &Context::PLAIN;
    // It says of everything that it is static, and knows no null.
    client.reasons = false;
    client.without = &["document"];
    is_served(client).await;
}
