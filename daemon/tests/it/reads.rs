//! What people look up before a change: segments, histories, comparisons, exports, schemas.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn body(app: &TestApp, path: &str) -> Value {
    let response = app.get(path).await;
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// `checkout` with a rule on the segment `beta`, which takes `staff` in; `banner` is plain.
async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    for environment in ["staging", "production"] {
        for segment in [
            json!({"key": "staff", "document": {"included": ["ann"]}}),
            json!({"key": "beta", "document": {"included": ["bob"], "rules": [{"id": "s", "clauses": [
                {"attribute": "", "op": "segmentMatch", "values": ["staff"]}]}]}}),
        ] {
            let made = app.post(&format!("/api/environments/{environment}/segments"), &segment).await;
            assert_eq!(made.status(), StatusCode::CREATED, "{:?}", made.text().await);
        }
    }
    for key in ["checkout", "banner"] {
        let made = app.post("/api/flags", &json!({"key": key, "type": "boolean", "tags": [key]})).await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let config = json!({"comment": "for testers", "config": {"on": true, "offVariation": 1, "fallthrough": {"variation": 1},
        "rules": [{"id": "r", "variation": 0, "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta"]}]}]}});
    assert_eq!(app.put("/api/flags/checkout/config/staging", &config).await.status(), StatusCode::OK);
    // A read waits for what was written.
    assert_eq!(app.get("/api/flags").await.status(), StatusCode::OK);
    app
}

#[tokio::test]
async fn a_segment_says_who_leans_on_it_and_whom_it_holds() {
    let app = furnished().await;
    let list = body(&app, "/api/environments/staging/segments").await;
    let used: Vec<_> = list["items"].as_array().unwrap().iter().map(|s| (&s["key"], &s["usedBy"])).collect();
    assert_eq!(
        used,
        [
            (&json!("beta"), &json!({"flags": ["checkout"], "segments": []})),
            (&json!("staff"), &json!({"flags": [], "segments": ["beta"]})),
        ]
    );
    let one = body(&app, "/api/environments/staging/segments/beta").await;
    assert_eq!(one["usedBy"]["flags"], json!(["checkout"]));
    assert_eq!(body(&app, "/api/environments/production/segments/beta").await["usedBy"]["flags"], json!([]));
    let contains = async |query: &str| {
        let path = format!("/api/environments/staging/segments/beta/contains?{query}");
        body(&app, &path).await
    };
    assert_eq!(contains("contextKey=bob").await["contains"], true);
    let ann = contains("contextKey=ann").await;
    assert_eq!(
        (&ann["contains"], &ann["step"]["rules"][0]["matched"]),
        (&json!(true), &json!(true)),
        "{ann}"
    );
    assert_eq!(contains("contextKey=eve").await["contains"], false);
    assert_eq!(contains("contextKey=bob&contextKind=device").await["contains"], false);
    // {"kind":"user","key":"bob"}
    assert_eq!(contains("context=eyJraW5kIjoidXNlciIsImtleSI6ImJvYiJ9").await["contains"], true);
    for (path, status) in [
        ("/api/environments/staging/segments/beta/contains?contextKey=a&context=e30", 400),
        ("/api/environments/staging/segments/nothing/contains?contextKey=a", 404),
        ("/api/environments/staging/segments/beta/contains?contextKey=a&contextKind=no%20kind", 400),
    ] {
        assert_eq!(app.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_flag_in_an_environment_has_a_history_with_both_sides() {
    let app = furnished().await;
    let before = app.state.live.catalog().position.revision.0;
    let off = json!({"environment": "staging", "enabled": false, "comment": "too loud"});
    assert_eq!(app.post("/api/flags/checkout/toggle", &off).await.status(), StatusCode::OK);
    let elsewhere = json!({"environment": "production", "enabled": true});
    assert_eq!(app.post("/api/flags/checkout/toggle", &elsewhere).await.status(), StatusCode::OK);
    let history = body(&app, "/api/flags/checkout/audit?environment=staging").await;
    let items = history["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "made, replaced, turned off: {history}");
    let last = &items[0];
    assert_eq!((&last["revision"], &last["comment"]), (&json!(before + 1), &json!("too loud")));
    assert_eq!((&last["actor"], &last["entity"]["environment"]), (&json!("user:alice"), &json!("staging")));
    assert_eq!(
        (&last["before"]["document"]["on"], &last["after"]["document"]["on"]),
        (&json!(true), &json!(false))
    );
    assert_eq!((&last["before"]["version"], &last["after"]["version"]), (&json!(2), &json!(3)));
    assert!(last["diff"].as_array().unwrap().iter().any(|d| d["path"] == "/document/on"), "{last}");
    assert_eq!(items[2]["action"], "created");
    for (query, count) in [
        (format!("from={}", before + 1), 1),
        (format!("to={before}"), 2),
        ("actor=user:alice".to_owned(), 3),
        ("actor=user:bob".to_owned(), 0),
        ("action=created".to_owned(), 1),
        ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z".to_owned(), 0),
    ] {
        for path in ["/api/flags/checkout/audit?", "/api/audit?flag=checkout&"] {
            let found = body(&app, &format!("{path}environment=staging&{query}")).await;
            assert_eq!(found["items"].as_array().unwrap().len(), count, "{path}{query}");
        }
    }
}

#[tokio::test]
async fn what_differs_is_found_by_query_and_promoted_as_one_revision() {
    let app = furnished().await;
    let compared = async |filter: &str| {
        let path = format!("/api/environments/compare?left=staging&right=production&filter={filter}");
        let comparison = body(&app, &path).await;
        let flags = comparison["flags"].as_array().unwrap().clone();
        (flags.into_iter().map(|f| (f["key"].clone(), f["standing"].clone())).collect::<Vec<_>>(), comparison)
    };
    assert_eq!(compared("tag:checkout").await.0, [(json!("checkout"), json!("differs"))]);
    assert_eq!(compared("-tag:checkout").await.0, [(json!("banner"), json!("same"))]);
    assert_eq!(compared("").await.1["segments"].as_array().unwrap().len(), 2);
    assert_eq!(compared("tag:checkout").await.1["segments"], json!([]));
    let bad = app.get("/api/environments/compare?left=staging&right=production&filter=tag:").await;
    assert_eq!(bad.json::<Value>().await.unwrap()["at"], 4);
    let flip = json!({"environment": "staging", "enabled": true});
    assert_eq!(app.post("/api/flags/banner/toggle", &flip).await.status(), StatusCode::OK);
    let promotion =
        json!({"from": "staging", "to": "production", "flags": ["checkout", "banner"], "comment": "out"});
    let mut dry = promotion.clone();
    dry["dryRun"] = json!(true);
    let plan: Value = app.post("/api/environments/promote", &dry).await.json().await.unwrap();
    assert!(plan["planHash"].is_string() && plan["changes"].as_array().unwrap().len() == 2, "{plan}");
    let before = app.state.gate.last_committed();
    let done: Value = app.post("/api/environments/promote", &promotion).await.json().await.unwrap();
    assert_eq!(
        (&done["revision"], done["changes"].as_array().unwrap().len()),
        (&json!(before + 1), 2),
        "{done}"
    );
    assert_eq!(compared("").await.1["summary"]["same"], 2);
}

#[tokio::test]
async fn an_environment_is_taken_out_whole_and_in_again() {
    let app = furnished().await;
    let response = app.get("/api/environments/staging/export").await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"default-staging.json\"");
    let whole: Value = response.json().await.unwrap();
    assert_eq!(whole["environment"]["key"], "staging");
    for (list, count) in [("flags", 2), ("configs", 2), ("segments", 2)] {
        assert_eq!(whole[list].as_array().unwrap().len(), count, "{list}");
    }
    let export =
        app.get("/api/environments/staging/export?format=launchdarkly-server").await.text().await.unwrap();
    let path = "/api/import?environment=production&format=launchdarkly-server";
    let taken = app.request(Method::POST, path).body(export).send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK, "{:?}", taken.text().await);
    let served = async |environment: &str| {
        let path = format!("/api/environments/{environment}/export?format=launchdarkly-server");
        let mut export = body(&app, &path).await;
        for list in ["flags", "segments"] {
            for entry in export[list].as_object_mut().unwrap().values_mut() {
                entry.as_object_mut().unwrap().remove("version");
            }
        }
        export
    };
    let (staging, production) = (served("staging").await, served("production").await);
    assert_eq!(staging, production);
    assert_eq!(staging["flags"]["checkout"]["rules"][0]["clauses"][0]["values"], json!(["beta"]));
    assert_eq!(
        app.get("/api/environments/staging/export?format=xml").await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn the_schemas_admit_what_is_stored_and_say_what_each_member_is() {
    let app = furnished().await;
    let schema = async |name: &str| {
        let response = app.get(&format!("/api/schemas/{name}")).await;
        assert_eq!(response.headers()["content-type"], "application/schema+json");
        response.json::<Value>().await.unwrap()
    };
    let (flag, segment) = (schema("flag").await, schema("segment").await);
    let flags = jsonschema::validator_for(&flag).unwrap();
    let segments = jsonschema::validator_for(&segment).unwrap();
    for (validator, path, member) in [
        (&flags, "/api/flags/checkout/config/staging", "config"),
        (&flags, "/api/flags/banner/config/production", "config"),
        (&segments, "/api/environments/staging/segments/beta", "document"),
    ] {
        let stored = body(&app, path).await;
        let faults: Vec<_> = validator.iter_errors(&stored[member]).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{path}: {faults:?}");
    }
    assert!(!flags.is_valid(&json!({"on": "yes"})) && !segments.is_valid(&json!({"included": [1]})));
    for (_, member) in flag["properties"].as_object().unwrap() {
        assert!(member["description"].is_string(), "{member}");
    }
    assert_eq!(app.get("/api/schemas/other").await.status(), StatusCode::NOT_FOUND);
}
