//! Flags over HTTP.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::TestApp;

#[tokio::test]
async fn a_flag_is_created_toggled_and_read_back() {
    let app = TestApp::start().await;
    let created = app
        .post(
            "/api/flags",
            &json!({"key": "myNewFeature", "name": "My", "type": "boolean", "enabled": false}),
        )
        .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["location"], "/api/flags/myNewFeature");
    let toggled =
        app.post("/api/flags/myNewFeature/toggle", &json!({"environment": "staging", "enabled": true})).await;
    assert_eq!(toggled.status(), StatusCode::OK);
    let body: Value = toggled.json().await.unwrap();
    assert_eq!(body["enabled"], true);
    assert_eq!(body["version"], 2);
    let flag: Value = app.get("/api/flags/myNewFeature").await.json().await.unwrap();
    assert_eq!(flag["environments"]["staging"]["enabled"], true);
    assert_eq!(flag["environments"]["production"]["enabled"], false);
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(payload["myNewFeature"]["value"], true);
    assert_eq!(payload["myNewFeature"]["variation"], 0);
}
