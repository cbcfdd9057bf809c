//! Unleash's client for front ends.

use serde_json::json;

use crate::harness::{Client, Context, Side, Words, is_served};

fn client(host: fn(&str, Side) -> Client) -> Client {
    let mut client = host("unleash/proxy.mjs", Side::Browser).saying(Words::Unleash);
    client.contexts = &Context::PLAIN;
    // It knows variants by name and nothing of why.
    client.variations = false;
    client.reasons = false;
    client
}

#[tokio::test]
async fn the_client_in_node() {
    is_served(client(Client::node)).await;
}

#[tokio::test]
async fn the_client_in_node_with_contexts_in_bodies() {
    is_served(client(Client::node).with(json!({"usePOSTrequests": true}))).await;
}

#[tokio::test]
async fn the_client_in_chromium() {
    is_served(client(Client::chromium)).await;
}
