//! Idempotency keys: a repeated write is one change, and a lost answer is settled for good.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create;
use crate::support::app::TestApp;

async fn toggle(app: &TestApp, key: &str, on: bool) -> reqwest::Response {
    app.request(reqwest::Method::POST, "/api/flags/checkout/toggle")
        .header("idempotency-key", key)
        .json(&json!({"environment": "staging", "enabled": on}))
        .send()
        .await
        .unwrap()
}

async fn resolve(app: &TestApp, user: &str, key: &str) -> Value {
    let path = app.at(&format!("/api/idempotency-keys/{key}/resolve"));
    app.client.post(path).header("x-user-id", user).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_repeated_write_is_answered_as_the_first_was() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let first = toggle(&app, "k1", true).await;
    assert!(first.headers().get("idempotency-replayed").is_none());
    let (etag, body) = (first.headers()["etag"].clone(), first.text().await.unwrap());
    let again = toggle(&app, "k1", true).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["etag"], etag);
    assert_eq!(again.text().await.unwrap(), body);
    let other = toggle(&app, "k1", false).await;
    assert_eq!(other.status(), 422);
    assert_eq!(other.json::<Value>().await.unwrap()["type"], "urn:flagstaff:problem:idempotency-key-reused");
}

#[tokio::test]
async fn a_write_that_was_made_is_resolved_to_its_revision() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let made = super::revision(toggle(&app, "k1", true).await, 200).await;
    assert_eq!(resolve(&app, "alice", "k1").await, json!({"applied": true, "revision": made}));
    assert_eq!(resolve(&app, "bob", "k1").await, json!({"applied": false}), "a key is its caller's own");
    assert_eq!(resolve(&app, "alice", "k1").await, json!({"applied": true, "revision": made}));
}

#[tokio::test]
async fn a_key_resolved_as_not_applied_refuses_a_late_original() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    assert_eq!(resolve(&app, "alice", "k2").await, json!({"applied": false}));
    let late = toggle(&app, "k2", true).await;
    assert_eq!(late.status(), 409);
    assert_eq!(late.json::<Value>().await.unwrap()["type"], "urn:flagstaff:problem:idempotency-key-burned");
    let config: Value = app.get("/api/flags/checkout/config/staging").await.json().await.unwrap();
    assert_eq!(config["enabled"], false);
    assert_eq!(resolve(&app, "alice", "k2").await, json!({"applied": false}));
    let anonymous = app.client.post(app.at("/api/idempotency-keys/k2/resolve")).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
}

#[tokio::test]
async fn original_and_resolution_at_once_never_disagree() {
    let app = Arc::new(TestApp::start().await);
    create(&app, "checkout").await;
    for round in 0..30 {
        let key = format!("race-{round}");
        let (original, settled) =
            tokio::join!(toggle(&app, &key, round % 2 == 0), resolve(&app, "alice", &key));
        match settled["applied"].as_bool().unwrap() {
            true => assert_eq!(original.status(), 200, "{settled}"),
            false => assert_eq!(original.status(), 409, "{settled}"),
        }
        assert_eq!(resolve(&app, "alice", &key).await, settled, "for good");
    }
}

#[tokio::test]
async fn old_keys_are_forgotten() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let first = super::revision(toggle(&app, "k1", true).await, 200).await;
    super::revision(toggle(&app, "k3", false).await, 200).await;
    super::sql(
        &app,
        "update idempotency_key set created_at = created_at - interval '25 hours' where key = 'k1'",
    )
    .await
    .unwrap();
    assert_eq!(flagstaffd::service::idempotency::prune(&app.state.gate).await.unwrap(), 1);
    let again = super::revision(toggle(&app, "k1", true).await, 200).await;
    assert!(again > first, "a new write");
    assert_eq!(toggle(&app, "k3", false).await.headers()["idempotency-replayed"], "true");
}
