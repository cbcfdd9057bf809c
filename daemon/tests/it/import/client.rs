//! Client payloads: what a browser was served, taken in.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::json::{Json, parse};

use super::{PRODUCTION, STAGING, import, line, pointers, taken};
use crate::support::app::TestApp;

async fn payload(app: &TestApp, environment: &str) -> Json {
    let text = app.get(&format!("/api/environments/{environment}/flags")).await.text().await.unwrap();
    parse(&text).unwrap()
}

#[tokio::test]
async fn both_exports_come_back_as_they_were() {
    let app = TestApp::start().await;
    for (environment, export) in [("staging", STAGING), ("production", PRODUCTION)] {
        let body = taken(&app, &format!("environment={environment}"), export).await;
        assert_eq!(body["format"], "launchdarkly-client");
        assert_eq!(body["totals"]["refused"], 0, "{body}");
        assert_eq!(body["changed"], true);
    }
    for (environment, export) in [("staging", STAGING), ("production", PRODUCTION)] {
        let export = parse(export).unwrap();
        assert_eq!(payload(&app, environment).await.to_text(), export.to_text(), "{environment}");
    }
}

#[tokio::test]
async fn the_same_export_again_makes_no_revision() {
    let app = TestApp::start().await;
    let first = taken(&app, "environment=staging", STAGING).await;
    let total = first["report"].as_array().unwrap().len();
    assert_eq!(first["totals"], json!({"created": total, "updated": 0, "unchanged": 0, "refused": 0}));
    let second = taken(&app, "environment=staging", STAGING).await;
    assert_eq!(second["changed"], false);
    assert_eq!(second["revision"], first["revision"]);
    assert_eq!(second["totals"], json!({"created": 0, "updated": 0, "unchanged": total, "refused": 0}));
}

#[tokio::test]
async fn a_dry_run_says_everything_and_writes_nothing() {
    let app = TestApp::start().await;
    let before = payload(&app, "staging").await;
    let plan = taken(&app, "environment=staging&dryRun=true", STAGING).await;
    assert_eq!(plan["dryRun"], true);
    assert_eq!(line(&plan, "aclp")["outcome"], "created");
    assert!(plan["changes"].as_array().unwrap().len() > plan["report"].as_array().unwrap().len());
    assert_eq!(payload(&app, "staging").await, before);
    let query = format!("environment=staging&planHash={}", plan["planHash"].as_str().unwrap());
    assert_eq!(taken(&app, &query, STAGING).await["changed"], true, "the plan's hash holds");
    let (status, body) = import(&app, &query, r#"{"other":{"value":1,"variation":0}}"#).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
}

#[tokio::test]
async fn versions_are_taken_where_equal_or_missing_and_else_go_past_ours() {
    let app = TestApp::start().await;
    let entry = |value: u8, variation: u8, version: u32, flag_version: u32| {
        json!({"f": {"flagVersion": flag_version, "trackEvents": false, "value": value,
            "variation": variation, "version": version}})
        .to_string()
    };
    let versions = async || {
        let all: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
        (all["f"]["version"].as_i64().unwrap(), all["f"]["flagVersion"].as_i64().unwrap())
    };
    taken(&app, "environment=staging", &entry(1, 0, 40, 7)).await;
    assert_eq!(versions().await, (40, 7), "missing: as it is");
    taken(&app, "environment=staging", &entry(1, 0, 50, 7)).await;
    assert_eq!(versions().await, (50, 7), "equal: as it is");
    let body = taken(&app, "environment=staging", &entry(1, 0, 30, 7)).await;
    assert_eq!((versions().await, &body["changed"]), ((50, 7), &json!(false)), "it never falls");
    let body = taken(&app, "environment=staging", &entry(2, 0, 30, 7)).await;
    assert_eq!(versions().await, (51, 7), "another content: past ours");
    let notes = line(&body, "f")["notes"].to_string();
    assert!(notes.contains("added as variation 1"), "{notes}");
    taken(&app, "environment=staging", &entry(1, 0, 90, 9)).await;
    assert_eq!(versions().await, (90, 9), "another content: the higher one");
}

#[tokio::test]
async fn what_another_environment_appends_raises_no_version_here() {
    let app = TestApp::start().await;
    let entry = |value: &str, variation: u8, version: u32| {
        format!(
            r#"{{"f":{{"flagVersion":3,"trackEvents":false,"value":{value},"variation":{variation},"version":{version}}}}}"#
        )
    };
    taken(&app, "environment=staging", &entry(r#"{"a":1.0}"#, 2, 8)).await;
    let before = payload(&app, "staging").await.to_text();
    taken(&app, "environment=production", &entry(r#"{"b":1e2}"#, 0, 5)).await;
    taken(&app, "environment=production", &entry(r#"{"c":3}"#, 2, 6)).await;
    assert_eq!(payload(&app, "staging").await.to_text(), before);
    let flag: Value = app.get("/api/flags/f").await.json().await.unwrap();
    let values: Vec<_> = flag["variations"].as_array().unwrap().iter().map(|v| &v["value"]).collect();
    assert_eq!(values, [&json!({"b": 1e2}), &json!(null), &json!({"a": 1.0}), &json!({"c": 3})]);
    assert_eq!(flag["variations"][1]["placeholder"], true);
    assert_eq!(flag["flagVersion"], 3);
    assert_eq!(flag["environments"]["staging"]["version"], 8);
    assert_eq!(flag["clientSideAvailability"]["usingEnvironmentId"], true);
}

#[tokio::test]
async fn a_client_payload_makes_configurations_only_where_it_goes() {
    let app = TestApp::start().await;
    taken(&app, "environment=staging", STAGING).await;
    assert_eq!(payload(&app, "production").await.to_text(), "{}");
    let missing = app.get("/api/flags/aclp/config/production").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let environments = app.state.live.catalog();
    let base = environments
        .environments
        .values()
        .map(|s| (s.stored.row.key.to_string(), s.stored.row.version_base))
        .collect::<std::collections::BTreeMap<_, _>>();
    assert_eq!(base["staging"], 520, "the highest version of the export");
    assert_eq!(base["production"], 0);
}

#[tokio::test]
async fn the_bad_is_left_out_with_pointers_and_the_good_is_taken() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "kind", "type": "string", "variations": [{"value": "a"}]})).await;
    app.post("/api/flags", &json!({"key": "gone", "type": "boolean"})).await;
    let gone = app.request(reqwest::Method::DELETE, "/api/flags/gone").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    let export = r#"{
        "good": {"value": 1, "variation": 0, "version": 2},
        "kind": {"value": 3, "variation": 0, "version": 2},
        "gone": {"value": true, "variation": 0, "version": 2},
        "a/b~c": {"value": 1, "variation": 0, "version": 2},
        "..": {"value": 1, "variation": 0, "version": 2},
        "": {"value": 1, "variation": 0, "version": 2},
        "sly\u202e": {"value": 1, "variation": 0, "version": 2},
        "far": {"value": 1, "variation": 100, "version": 2},
        "old": {"value": 1, "variation": 0, "version": 0},
        "huge": {"value": 1, "variation": 0, "version": 3000000000},
        "bare": {"variation": 0, "version": 1},
        "track": {"value": 1, "variation": 0, "version": 1, "trackEvents": "yes"},
        "until": {"value": 1, "variation": 0, "version": 1, "debugEventsUntilDate": "soon"},
        "list": [1]
    }"#;
    let body = taken(&app, "environment=staging&format=launchdarkly-client", export).await;
    assert_eq!(body["totals"], json!({"created": 1, "updated": 0, "unchanged": 0, "refused": 13}), "{body}");
    assert_eq!(line(&body, "good")["outcome"], "created");
    assert_eq!(pointers(&body, "kind"), ["/kind/value"]);
    assert_eq!(pointers(&body, "gone"), ["/gone"]);
    assert_eq!(pointers(&body, "a/b~c"), ["/a~1b~0c"]);
    assert_eq!(pointers(&body, ".."), ["/.."]);
    assert_eq!(pointers(&body, ""), ["/"]);
    assert_eq!(line(&body, "sly\u{fffd}")["outcome"], "refused");
    assert_eq!(pointers(&body, "far"), ["/far/variation"]);
    assert_eq!(pointers(&body, "old"), ["/old/version"]);
    assert_eq!(pointers(&body, "huge"), ["/huge/version"]);
    assert_eq!(pointers(&body, "bare"), ["/bare/value"]);
    assert_eq!(pointers(&body, "track"), ["/track/trackEvents"]);
    assert_eq!(pointers(&body, "until"), ["/until/debugEventsUntilDate"]);
    assert_eq!(pointers(&body, "list"), ["/list"]);
    assert!(
        payload(&app, "staging")
            .await
            .get("kind")
            .is_some_and(|k| k.get("value") != Some(&Json::from(3_i64)))
    );
}

#[tokio::test]
async fn odd_entries_come_back_byte_for_byte() {
    let app = TestApp::start().await;
    let export = concat!(
        r#"{"n":{"flagVersion":2,"trackEvents":true,"value":1.50,"variation":3,"version":9,"reason":{"kind":"OFF"},"x":[1e2]},"#,
        r#""nothing":{"flagVersion":1,"trackEvents":false,"value":null,"variation":null,"version":4},"#,
        r#""nul":{"flagVersion":1,"trackEvents":false,"value":null,"variation":0,"version":4},"#,
        r#""deep":{"flagVersion":1,"trackEvents":false,"value":{"z":1,"a":[{},[],"\u0001é",-0.0]},"variation":1,"version":4,"debugEventsUntilDate":1795219200000}}"#
    );
    let body = taken(&app, "environment=staging", export).await;
    assert_eq!(body["totals"]["created"], 4, "{body}");
    assert_eq!(payload(&app, "staging").await.to_text(), parse(export).unwrap().to_text());
}

#[tokio::test]
async fn targeting_that_gives_way_to_one_value_is_told() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "rich", "type": "boolean"})).await;
    let rules = json!({"on": true, "rules": [{"id": "r", "variation": 0, "clauses": [
        {"contextKind": "user", "attribute": "key", "op": "in", "values": ["a"], "negate": false}]}]});
    assert_eq!(app.patch("/api/flags/rich/config/staging", &rules).await.status(), StatusCode::OK);
    let body =
        taken(&app, "environment=staging", r#"{"rich":{"value":true,"variation":0,"version":1}}"#).await;
    let notes = line(&body, "rich")["notes"].to_string();
    assert!(notes.contains("rules gives way"), "{notes}");
}

#[tokio::test]
async fn a_protected_environment_asks_for_its_own_key() {
    let app = TestApp::start().await;
    protect(&app).await;
    let (status, body) = import(&app, "environment=production", PRODUCTION).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(body["type"].as_str().unwrap().rsplit(':').next(), Some("confirmation-required"));
    assert_eq!(body["plan"]["confirmation"]["text"], "production");
    assert_eq!(payload(&app, "production").await.to_text(), "{}");
    taken(&app, "environment=production&confirm=production", PRODUCTION).await;
    assert_eq!(
        taken(&app, "environment=production", PRODUCTION).await["changed"],
        false,
        "nothing to ask for"
    );
}

async fn protect(app: &TestApp) {
    use flagstaffd::service::commit::Item;
    use shared::change::{Mutation, Patch};
    use shared::key::{EnvironmentKey, ProjectKey};
    let patch = Patch::Merge(parse(r#"{"protected":true}"#).unwrap());
    let production = EnvironmentKey::new("production").unwrap();
    app.commit(&[Item::whole(Mutation::UpdateEnvironment(ProjectKey::default(), production, patch))]).await;
}

#[tokio::test]
async fn what_cannot_be_an_import_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    for (query, export, status, says) in [
        ("environment=nowhere", "{}", 404, "environment nowhere"),
        ("", r#"{"a":{"value":1,"variation":0}}"#, 400, "environment is required"),
        ("environment=staging&format=csv", "{}", 400, "launchdarkly-rest"),
        ("environment=staging", "{}", 422, "launchdarkly-server"),
        ("environment=staging", "[1]", 422, "launchdarkly-client"),
        ("environment=staging", "{\"a\":", 400, ""),
        ("environment=staging", r#"{"a":{"value":1e999999,"variation":0}}"#, 422, ""),
        ("environment=staging&format=launchdarkly-server", r#"{"flags":[]}"#, 422, "must be an object"),
    ] {
        let (got, body) = import(&app, query, export).await;
        assert_eq!(got.as_u16(), status, "{query} {export}: {body}");
        assert!(body["detail"].as_str().unwrap().contains(says), "{query} {export}: {body}");
    }
    let nobody =
        app.client.post(app.at("/api/import?environment=staging")).body(STAGING).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::FORBIDDEN, "a viewer imports nothing");
}
