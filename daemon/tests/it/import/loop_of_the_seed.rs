//! The founding document's own import script, as the HTTP calls that its service functions are.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::json::{Json, parse};

use super::STAGING;
use crate::support::app::TestApp;

/// `createFlag` and `updateFlagConfig` for every entry. Values, variations and track come back as they
/// were; what differs, and why:
/// - `createFlag` makes a configuration everywhere at version 1, and `updateFlagConfig` changes it, so an
///   imported version 1 comes back as 2. Higher versions come back as they were.
/// - `retiredExperiment` serves nothing, so it stays off although the script says `enabled: true`; the
///   answer says so.
/// - production has a configuration too, which no import would make.
#[tokio::test]
async fn the_script_moves_the_whole_export() {
    let app = TestApp::start().await;
    let export = parse(STAGING).unwrap();
    for (key, config) in export.as_object().unwrap() {
        let kind = if config.get("value").unwrap().as_bool().is_some() { "boolean" } else { "json" };
        let create = json!({"key": key, "name": key, "type": kind, "enabled": true});
        let created = app.post("/api/flags", &create).await;
        assert_eq!(created.status(), StatusCode::CREATED, "{key}");
        let body = format!(r#"{{"config":{config},"enabled":true}}"#);
        let path = format!("/api/flags/{key}/config/staging");
        let put =
            app.request(reqwest::Method::PUT, &path).header("content-type", "application/json").body(body);
        let put = put.send().await.unwrap();
        let status = put.status();
        let answer: Value = put.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{key}: {answer}");
        let warned = answer["warnings"].to_string().contains("nothing is served");
        assert_eq!(warned, key == "retiredExperiment", "{key}: {answer}");
    }
    let text = app.get("/api/environments/staging/flags").await.text().await.unwrap();
    let served = parse(&text).unwrap();
    let mut wanted = export.clone();
    for (key, _) in export.as_object().unwrap() {
        let entry = wanted.get_mut(key).unwrap();
        if entry.get("version") == Some(&Json::from(1_i64)) {
            entry.set("version", Json::from(2_i64));
        }
    }
    assert_eq!(served.to_text(), wanted.to_text());
    let production: Value = app.get("/api/environments/production/flags").await.json().await.unwrap();
    assert_eq!(production["databasePremium"]["value"], true);
    assert_eq!(production["aclp"]["value"], Value::Null, "a flag without values was created off");
}
