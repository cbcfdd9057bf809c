//! Idempotency keys: a repeated request is answered as before and changes nothing.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{boolean, head};
use crate::support::app::TestApp;

async fn keyed(app: &TestApp, who: &str, key: &str, path: &str, body: &Value) -> reqwest::Response {
    let request = app.client.request(Method::POST, app.at(path)).header("x-user-id", who);
    request.header("idempotency-key", key).json(body).send().await.unwrap()
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_bytes_and_changes_nothing() {
    let app = TestApp::start().await;
    boolean(&app, "once").await;
    let (path, body) = ("/api/flags/once/toggle", json!({"environment": "staging"}));
    let first = keyed(&app, "alice", "k1", path, &body).await;
    assert!(first.headers().get("idempotency-replayed").is_none());
    let (etag, revision) = (first.headers()["etag"].clone(), first.headers()["flagstaff-revision"].clone());
    let first = first.bytes().await.unwrap();
    let before = head(&app).await;
    // Meanwhile somebody changes it: the answer stays the one that was given.
    app.post(path, &body).await;
    let again = keyed(&app, "alice", "k1", path, &body).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["etag"], etag);
    assert_eq!(again.headers()["flagstaff-revision"], revision);
    assert_eq!(again.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(again.bytes().await.unwrap(), first);
    assert_eq!(head(&app).await, before + 1);
    // Created answers keep status and place.
    let new = json!({"key": "made"});
    let made = keyed(&app, "alice", "k2", "/api/flags", &new).await;
    let remade = keyed(&app, "alice", "k2", "/api/flags", &new).await;
    assert_eq!((made.status(), remade.status()), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(remade.headers()["location"], "/api/flags/made");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_principal() {
    let app = TestApp::start().await;
    boolean(&app, "once").await;
    let path = "/api/flags/once/toggle";
    let body = json!({"environment": "staging"});
    assert_eq!(keyed(&app, "alice", "k", path, &body).await.status(), StatusCode::OK);
    let other = json!({"environment": "production"});
    for response in [
        keyed(&app, "alice", "k", path, &other).await,
        keyed(&app, "alice", "k", &format!("{path}?comment=x"), &body).await,
    ] {
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = response.json().await.unwrap();
        assert!(problem["type"].as_str().unwrap().ends_with("idempotency-key-reused"), "{problem}");
    }
    let bob = keyed(&app, "bob", "k", path, &other).await;
    assert_eq!(bob.status(), StatusCode::OK);
    assert!(bob.headers().get("idempotency-replayed").is_none());
}

#[tokio::test]
async fn dry_runs_and_refusals_leave_the_key_unused() {
    let app = TestApp::start().await;
    boolean(&app, "once").await;
    let path = "/api/flags/once/toggle";
    let body = json!({"environment": "staging", "enabled": true});
    let dry = keyed(&app, "alice", "k", &format!("{path}?dryRun=true"), &body).await;
    assert_eq!(dry.status(), StatusCode::OK);
    let dry = keyed(&app, "alice", "k", path, &json!({"environment": "staging", "dryRun": true})).await;
    assert_eq!(dry.json::<Value>().await.unwrap()["dryRun"], true);
    let refused = keyed(&app, "alice", "k", path, &json!({"environment": "staging", "enabled": 7})).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let done = keyed(&app, "alice", "k", path, &body).await;
    assert!(done.headers().get("idempotency-replayed").is_none());
    assert_eq!(done.json::<Value>().await.unwrap()["changed"], true);
    for key in ["", &"x".repeat(256)] {
        assert_eq!(keyed(&app, "alice", key, path, &body).await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn duplicates_at_the_same_time_make_one_change() {
    let app = Arc::new(TestApp::start().await);
    boolean(&app, "once").await;
    let before = head(&app).await;
    let mut sent = Vec::new();
    for _ in 0..24 {
        let app = Arc::clone(&app);
        sent.push(tokio::spawn(async move {
            let body = json!({"environment": "staging"});
            let response = keyed(&app, "alice", "same", "/api/flags/once/toggle", &body).await;
            assert_eq!(response.status(), StatusCode::OK);
            (response.headers().contains_key("idempotency-replayed"), response.bytes().await.unwrap())
        }));
    }
    let mut answers = Vec::new();
    for one in sent {
        answers.push(one.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|(replayed, _)| !replayed).count(), 1);
    assert!(answers.windows(2).all(|w| w[0].1 == w[1].1), "different bytes");
    assert_eq!(head(&app).await, before + 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::start().await;
    boolean(&app, "once").await;
    let (path, body) = ("/api/flags/once/toggle", json!({"environment": "staging"}));
    keyed(&app, "alice", "k", path, &body).await;
    sqlx::query("update idempotency_key set created_at = created_at - interval '25 hours'")
        .execute(app.state.gate.pool())
        .await
        .unwrap();
    let again = keyed(&app, "alice", "k", path, &json!({"environment": "production"})).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(again.headers().get("idempotency-replayed").is_none());
}
