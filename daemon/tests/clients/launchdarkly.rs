//! LaunchDarkly's own SDKs.

use serde_json::json;

use crate::harness::{Client, Side, is_served, is_served_when_it_asks, needs_a_hash};

#[tokio::test]
async fn the_server_sdk_for_node() {
    is_served(Client::node("launchdarkly/node-server.mjs", Side::Server)).await;
}

#[tokio::test]
async fn the_server_sdk_for_node_with_its_data_system() {
    is_served(Client::node("launchdarkly/node-server.mjs", Side::Server).with(json!({"dataSystem": {}})))
        .await;
}

#[tokio::test]
async fn the_server_sdk_for_node_that_polls() {
    let client = Client::node("launchdarkly/node-server.mjs", Side::Server);
    is_served_when_it_asks(client.with(json!({"stream": false}))).await;
}

#[tokio::test]
async fn the_server_sdk_for_python() {
    is_served(Client::python("launchdarkly/server.py", Side::Server)).await;
}

#[tokio::test]
async fn the_server_sdk_for_python_with_its_data_system() {
    is_served(Client::python("launchdarkly/server.py", Side::Server).with(json!({"dataSystem": {}}))).await;
}

#[tokio::test]
async fn the_server_sdk_for_python_that_polls() {
    let client = Client::python("launchdarkly/server.py", Side::Server);
    is_served_when_it_asks(client.with(json!({"stream": false}))).await;
}

#[tokio::test]
async fn the_client_sdk_4_for_javascript_in_chromium() {
    is_served(Client::chromium("launchdarkly/js-client-4.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_4_for_javascript_in_chromium_with_its_data_system() {
    is_served(
        Client::chromium("launchdarkly/js-client-4.mjs", Side::Browser).with(json!({"dataSystem": {}})),
    )
    .await;
}

#[tokio::test]
async fn the_client_sdk_4_for_javascript_in_jsdom() {
    is_served(Client::jsdom("launchdarkly/js-client-4.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_javascript_in_chromium() {
    is_served(Client::chromium("launchdarkly/js-client-3.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_javascript_in_chromium_with_contexts_in_bodies() {
    let client = Client::chromium("launchdarkly/js-client-3.mjs", Side::Browser);
    is_served(client.with(json!({"useReport": true}))).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_javascript_in_jsdom() {
    is_served(Client::jsdom("launchdarkly/js-client-3.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_node() {
    is_served(Client::node("launchdarkly/node-client.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_react_in_chromium() {
    is_served(Client::chromium("launchdarkly/react-3.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_3_for_react_in_jsdom() {
    is_served(Client::jsdom("launchdarkly/react-3.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn the_client_sdk_4_for_react_in_chromium() {
    is_served(Client::chromium("launchdarkly/react-4.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn secure_mode_with_the_client_sdk_3_for_javascript() {
    let server = Client::node("launchdarkly/node-server.mjs", Side::Server);
    needs_a_hash(server, || Client::chromium("launchdarkly/js-client-3.mjs", Side::Browser)).await;
}

#[tokio::test]
async fn secure_mode_with_the_client_sdk_4_for_javascript() {
    let server = Client::node("launchdarkly/node-server.mjs", Side::Server);
    needs_a_hash(server, || Client::chromium("launchdarkly/js-client-4.mjs", Side::Browser)).await;
}
