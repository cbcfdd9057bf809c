//! Two environments compared, and one taken into the other.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::change::{Mutation, NewSegment, Patch};
use shared::key::EnvironmentKey;

use crate::support::app::TestApp;
use flagstaffd::service::commit::Item;

async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    for key in ["alpha", "beta", "gamma"] {
        let created = app.post("/api/flags", &json!({"key": key, "type": "boolean"})).await;
        assert_eq!(created.status(), StatusCode::CREATED);
    }
    let rule = json!({"config": {"on": true, "offVariation": 1, "fallthrough": {"variation": 0},
        "rules": [{"id": "one", "variation": 1, "clauses": [
            {"contextKind": "user", "attribute": "age", "op": "greaterThan", "values": [1.50]}]}]}});
    assert_eq!(app.put("/api/flags/alpha/config/staging", &rule).await.status(), StatusCode::OK);
    app
}

async fn add_segment(app: &TestApp, environment: &str, key: &str, document: &str) {
    let segment = NewSegment {
        key: key.parse().unwrap(),
        name: None,
        description: String::new(),
        tags: vec![],
        salt: None,
        document: shared::json::parse(document).unwrap(),
    };
    let environment = EnvironmentKey::new(environment).unwrap();
    app.commit(&[Item::whole(Mutation::CreateSegment(Default::default(), environment, Box::new(segment)))])
        .await;
}

async fn protect(app: &TestApp, environment: &str) {
    let environment = EnvironmentKey::new(environment).unwrap();
    let patch = Patch::Merge(shared::json::parse(r#"{"protected":true}"#).unwrap());
    app.commit(&[Item::whole(Mutation::UpdateEnvironment(Default::default(), environment, patch))]).await;
}

async fn compare(app: &TestApp, more: &str) -> Value {
    let response = app.get(&format!("/api/environments/compare?left=staging&right=production{more}")).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn promote(app: &TestApp, body: &Value) -> (u16, Value) {
    let response = app.post("/api/environments/promote", body).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn config(app: &TestApp, flag: &str, environment: &str) -> Value {
    app.get(&format!("/api/flags/{flag}/config/{environment}")).await.json().await.unwrap()
}

#[tokio::test]
async fn a_comparison_tells_what_differs_place_by_place() {
    let app = furnished().await;
    let both = compare(&app, "").await;
    assert_eq!(both["summary"], json!({"same": 2, "differs": 1, "onlyLeft": 0, "onlyRight": 0}));
    let alpha = &both["flags"][0];
    assert_eq!((alpha["key"].as_str(), alpha["standing"].as_str()), (Some("alpha"), Some("differs")));
    assert_eq!(alpha["left"]["enabled"], true);
    assert_eq!(alpha["right"]["enabled"], false);
    let paths: Vec<_> =
        alpha["diff"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/on", "/rules"]);
    let only = compare(&app, "&standing=differs").await;
    assert_eq!(only["flags"].as_array().unwrap().len(), 1);
    assert_eq!(compare(&app, "&q=GAM").await["flags"][0]["key"], "gamma");
    let page = compare(&app, "&limit=2").await;
    assert_eq!(page["nextCursor"], "beta");
    let rest = compare(&app, "&limit=2&cursor=beta").await;
    assert_eq!(rest["flags"][0]["key"], "gamma");
    assert!(rest["nextCursor"].is_null());
    let missing = app.get("/api/environments/compare?left=staging").await;
    assert_eq!(missing.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_order_of_members_is_no_difference_and_segments_are_compared_too() {
    let app = furnished().await;
    let turned = json!({"config": {"offVariation": 1, "fallthrough": {"variation": 0}, "on": false}});
    assert_eq!(app.put("/api/flags/beta/config/staging", &turned).await.status(), StatusCode::OK);
    add_segment(&app, "staging", "testers", r#"{"included":["a"]}"#).await;
    let both = compare(&app, "").await;
    assert_eq!(both["summary"]["differs"], 1);
    assert_eq!(both["segments"][0]["standing"], "only-left");
    assert!(both["segments"][0]["left"].get("enabled").is_none());
}

#[tokio::test]
async fn a_promotion_takes_documents_over_as_one_revision_and_keeps_the_targets_own() {
    let app = furnished().await;
    let before = config(&app, "alpha", "production").await;
    let (status, answer) =
        promote(&app, &json!({"from": "staging", "to": "production", "flags": "all", "comment": "go"})).await;
    assert_eq!(status, 200, "{answer:#}");
    let after = config(&app, "alpha", "production").await;
    let source = config(&app, "alpha", "staging").await;
    assert_eq!(after["config"], source["config"]);
    assert_eq!(after["salt"], before["salt"]);
    assert_ne!(after["salt"], source["salt"]);
    assert_eq!(after["version"], before["version"].as_i64().unwrap() + 1);
    assert_eq!(answer["changes"].as_array().unwrap().len(), 1, "what is equal is not touched");
    assert_eq!(after["revision"], answer["revision"]);
    let text = app.get("/api/flags/alpha/config/production").await.text().await.unwrap();
    assert!(text.contains("1.5"), "{text}");
    assert_eq!(compare(&app, "").await["summary"]["differs"], 0);
    let (_, again) = promote(&app, &json!({"from": "staging", "to": "production", "flags": "all"})).await;
    assert_eq!(again["changed"], false);
}

#[tokio::test]
async fn targeting_and_on_are_taken_apart() {
    let app = furnished().await;
    let part = |include: &str| json!({"from": "staging", "to": "production", "flags": ["alpha"], "include": [include]});
    assert_eq!(promote(&app, &part("targeting")).await.0, 200);
    let taken = config(&app, "alpha", "production").await;
    assert_eq!(taken["enabled"], false);
    assert_eq!(taken["config"]["rules"][0]["id"], "one");
    assert_eq!(promote(&app, &part("on")).await.0, 200);
    assert_eq!(config(&app, "alpha", "production").await["enabled"], true);
}

#[tokio::test]
async fn a_protected_target_asks_for_its_key_and_a_plan_that_rests_on_other_ground_is_refused() {
    let app = furnished().await;
    protect(&app, "production").await;
    let body = |more: Value| {
        let mut body = json!({"from": "staging", "to": "production", "flags": ["alpha"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (status, plan) = promote(&app, &body(json!({"dryRun": true}))).await;
    assert_eq!(status, 200);
    assert_eq!(plan["confirmation"]["text"], "production");
    assert_eq!(plan["confirmation"]["tier"], "wide");
    assert_eq!(config(&app, "alpha", "production").await["enabled"], false, "a plan writes nothing");
    let (status, problem) = promote(&app, &body(json!({"planHash": plan["planHash"]}))).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:flagstaff:problem:confirmation-required"))
    );
    let (status, _) = promote(&app, &body(json!({"confirm": "alpha"}))).await;
    assert_eq!(status, 409, "the flag's key is not what was asked for");

    let off = json!({"environment": "staging", "enabled": false});
    assert_eq!(app.post("/api/flags/alpha/toggle", &off).await.status(), StatusCode::OK);
    let confirmed = body(json!({"planHash": plan["planHash"], "confirm": "production"}));
    let (status, problem) = promote(&app, &confirmed).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:flagstaff:problem:plan-changed")));
    let on = json!({"environment": "staging", "enabled": true});
    assert_eq!(app.post("/api/flags/alpha/toggle", &on).await.status(), StatusCode::OK);
    let (status, answer) = promote(&app, &body(json!({"confirm": "production"}))).await;
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(config(&app, "alpha", "production").await["enabled"], true);
}

#[tokio::test]
async fn segments_that_the_target_lacks_are_named_or_copied_with_those_they_rest_on() {
    let app = furnished().await;
    add_segment(&app, "staging", "inner", r#"{"included":["bob"]}"#).await;
    let outer = r#"{"rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["inner"]}]}]}"#;
    add_segment(&app, "staging", "outer", outer).await;
    let document = json!({"config": {"on": true, "offVariation": 1, "fallthrough": {"variation": 1},
        "rules": [{"id": "r", "variation": 0, "clauses": [
            {"attribute": "", "op": "segmentMatch", "values": ["outer"]}]}]}});
    assert_eq!(app.put("/api/flags/beta/config/staging", &document).await.status(), StatusCode::OK);
    let mut body = json!({"from": "staging", "to": "production", "flags": ["alpha", "beta"]});
    let (status, problem) = promote(&app, &body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["errors"][0]["pointer"], "/flags/1");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("outer"), "{problem:#}");
    assert_eq!(config(&app, "alpha", "production").await["enabled"], false, "all or nothing");
    body["segments"] = json!(true);
    let (status, answer) = promote(&app, &body).await;
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(answer["changes"].as_array().unwrap().len(), 4);
    let ask =
        json!({"environment": "production", "flagKey": "beta", "context": {"kind": "user", "key": "bob"}});
    let served: Value = app.post("/api/evaluate", &ask).await.json().await.unwrap();
    assert_eq!(served["results"][0]["flags"]["beta"]["value"], true);
    let both = compare(&app, "").await;
    assert!(both["segments"].as_array().unwrap().iter().all(|s| s["standing"] == "same"), "{both:#}");
}

#[tokio::test]
async fn what_cannot_be_promoted_is_named() {
    let app = furnished().await;
    let (status, problem) =
        promote(&app, &json!({"from": "staging", "to": "production", "flags": ["alpha", "none"]})).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/flags/1")));
    let nowhere = promote(&app, &json!({"from": "staging", "to": "nowhere", "flags": "all"})).await;
    assert_eq!(nowhere.0, 404);
    let viewer = app
        .client
        .post(app.at("/api/environments/promote"))
        .json(&json!({"from": "staging", "to": "production", "flags": "all"}))
        .send()
        .await
        .unwrap();
    assert_eq!(viewer.status(), StatusCode::FORBIDDEN);
}
