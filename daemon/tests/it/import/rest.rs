//! Exports of the REST API: every environment, with names and ids.

use flagstaffd::import::{self, Request, Sealer};
use flagstaffd::seed;
use flagstaffd::service::WriteOptions;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::access::CredentialKind;
use shared::json::parse;
use shared::key::{EnvironmentKey, ProjectKey};

use super::{command, line, pointers, taken};
use crate::support::app::TestApp;
use crate::support::cluster;

fn config(version: u32, more: &Value) -> Value {
    let mut config = json!({"on": true, "archived": false, "salt": "s1", "sel": "x", "lastModified": 1,
        "version": version, "targets": [], "contextTargets": [], "rules": [], "fallthrough": {"variation": 0},
        "offVariation": 1, "prerequisites": [], "trackEvents": true, "trackEventsFallthrough": false,
        "_debugEventsUntilDate": 1_795_219_200_000_i64, "_environmentName": "Staging", "_site": {}, "_summary": {}});
    for (member, value) in more.as_object().unwrap() {
        config[member] = value.clone();
    }
    config
}

fn flag(key: &str, environments: &Value) -> Value {
    json!({"key": key, "name": format!("The {key}"), "description": "why", "kind": "multivariate",
        "_version": 12, "creationDate": 1, "archived": false, "temporary": false, "tags": ["x", "y"],
        "maintainerId": "569f", "_maintainer": {"email": "sandy@example.test"},
        "customProperties": {"jira": {"name": "Jira", "value": ["A-1"]}},
        "variations": [{"_id": "v1", "value": "a", "name": "A"}, {"_id": "v2", "value": "b", "description": "bee"}],
        "defaults": {"onVariation": 0, "offVariation": 1},
        "clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true},
        "environments": environments})
}

#[tokio::test]
async fn a_list_of_flags_is_taken_with_names_and_every_environment_that_is_here() {
    let app = TestApp::start().await;
    let staging = config(
        40,
        &json!({
            "rules": [
                {"_id": "r1", "disabled": true, "variation": 0, "clauses": []},
                {"_id": "r2", "description": "Germans", "ref": "", "variation": 1, "trackEvents": true, "clauses": [
                    {"_id": "c1", "contextKind": "user", "attribute": "country", "op": "in", "values": ["DE"], "negate": false}]},
            ],
            "fallthrough": {"rollout": {"contextKind": "user", "seed": 61,
                "experimentAllocation": {"defaultVariation": 0, "canReshuffle": true},
                "variations": [{"variation": 0, "weight": 50000, "_untracked": true}, {"variation": 1, "weight": 50000}]}},
        }),
    );
    let environments = json!({"staging": staging, "production": config(3, &json!({"on": false})), "qa": config(1, &json!({}))});
    let export = json!({"items": [flag("f", &environments)], "totalCount": 1}).to_string();
    let body = taken(&app, "", &export).await;
    assert_eq!(body["format"], "launchdarkly-rest");
    assert_eq!(body["totals"]["created"], 1, "{body}");
    assert!(body["notes"].to_string().contains("environment qa"), "{body}");
    let notes = line(&body, "f")["notes"].to_string();
    assert!(notes.contains("/items/0/environments/staging/rules/0 is disabled"), "{notes}");
    assert!(notes.contains("an experiment"), "{notes}");
    let flag: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(flag["name"], "The f");
    assert_eq!(flag["description"], "why");
    assert_eq!(flag["tags"], json!(["x", "y"]));
    assert_eq!(flag["owner"], "sandy@example.test");
    assert_eq!(flag["temporary"], false);
    assert_eq!(flag["kind"], "string");
    assert_eq!(flag["flagVersion"], 12);
    assert_eq!(flag["variations"][0], json!({"value": "a", "name": "A"}));
    assert_eq!(flag["variations"][1], json!({"value": "b", "description": "bee"}));
    assert_eq!(flag["metadata"]["launchDarkly"]["variationIds"], json!(["v1", "v2"]));
    assert_eq!(flag["metadata"]["launchDarkly"]["customProperties"]["jira"]["value"], json!(["A-1"]));
    assert_eq!(flag["environments"]["production"]["version"], 3);
    assert_eq!(flag["environments"]["production"]["enabled"], false);
    let config: Value = app.get("/api/flags/f/config/staging").await.json().await.unwrap();
    assert_eq!((&config["salt"], &config["version"]), (&json!("s1"), &json!(40)));
    assert_eq!(
        config["config"],
        json!({
            "on": true, "targets": [], "contextTargets": [],
            "rules": [{"id": "r2", "description": "Germans", "variation": 1, "trackEvents": true, "clauses": [
                {"contextKind": "user", "attribute": "country", "op": "in", "values": ["DE"], "negate": false}]}],
            "fallthrough": {"rollout": {"contextKind": "user", "seed": 61, "kind": "experiment", "variations": [
                {"variation": 0, "weight": 50000, "untracked": true}, {"variation": 1, "weight": 50000}]}},
            "offVariation": 1, "prerequisites": [], "trackEvents": true, "trackEventsFallthrough": false,
            "debugEventsUntilDate": 1_795_219_200_000_i64,
        })
    );
    let again = taken(&app, "", &export).await;
    assert_eq!(again["changed"], false, "{again}");
    let picked = taken(&app, "environment=production&dryRun=true", &export).await;
    assert!(picked["notes"].to_string().contains("environment staging"), "{picked}");
}

#[tokio::test]
async fn a_renamed_flag_rises_and_an_archived_one_is_archived() {
    let app = TestApp::start().await;
    let environments = json!({"staging": config(4, &json!({}))});
    let mut export = flag("f", &environments);
    taken(&app, "", &export.to_string()).await;
    export["name"] = json!("Renamed");
    taken(&app, "", &export.to_string()).await;
    let read: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!((&read["name"], &read["flagVersion"]), (&json!("Renamed"), &json!(13)));
    assert_eq!(read["environments"]["staging"]["version"], 4, "a name is not served");
    export["archived"] = json!(true);
    taken(&app, "", &export.to_string()).await;
    let read: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(read["archived"], true);
    export["archived"] = json!(false);
    let body = taken(&app, "", &json!({"items": [export]}).to_string()).await;
    assert_eq!(pointers(&body, "f"), ["/items/0"]);
}

#[tokio::test]
async fn one_that_others_wait_for_is_not_archived() {
    let app = TestApp::start().await;
    let plain = json!({"staging": config(4, &json!({}))});
    let waits = json!({"staging": config(4, &json!({"prerequisites": [{"key": "f", "variation": 0}]}))});
    taken(&app, "", &json!({"items": [flag("waits", &waits), flag("f", &plain)]}).to_string()).await;
    let mut archived = flag("f", &plain);
    archived["archived"] = json!(true);
    let body = taken(&app, "", &json!({"items": [archived, flag("other", &plain)]}).to_string()).await;
    assert_eq!(pointers(&body, "f"), ["/items/0/archived"]);
    assert_eq!(line(&body, "other")["outcome"], "created");
}

#[tokio::test]
async fn faults_point_into_the_export_past_what_was_left_out() {
    let app = TestApp::start().await;
    let clause = json!({"contextKind": "user", "attribute": "a", "op": "in", "values": [1], "negate": false});
    let rules = json!({"rules": [
        {"_id": "off", "disabled": true, "variation": 9, "clauses": []},
        {"_id": "r", "variation": 9, "clauses": [clause]},
        {"_id": "r", "variation": 0, "clauses": [clause]}]});
    let mut tags = flag("tags", &json!({}));
    tags["tags"] = json!("x");
    let mut version = flag("version", &json!({}));
    version["_version"] = json!(0);
    let mut values = flag("values", &json!({}));
    values["variations"] = json!([{"value": 1}, {"name": "x"}]);
    let export =
        json!({"flags": [flag("rules", &json!({"staging": config(1, &rules)})), tags, version, values, 3]});
    let body = taken(&app, "", &export.to_string()).await;
    assert_eq!(
        pointers(&body, "rules"),
        ["/flags/0/environments/staging/rules/2/_id", "/flags/0/environments/staging/rules/1/variation",]
    );
    assert_eq!(pointers(&body, "tags"), ["/flags/1/tags"]);
    assert_eq!(pointers(&body, "version"), ["/flags/2/_version"]);
    assert_eq!(pointers(&body, "values"), ["/flags/3/variations/1/value"]);
    assert_eq!(pointers(&body, ""), ["/flags/4"]);
}

#[tokio::test]
async fn segments_come_by_environment_and_get_a_salt() {
    let app = TestApp::start().await;
    let segment = json!({"key": "s", "name": "S", "description": "d", "tags": ["t"], "creationDate": 1, "version": 6,
        "included": ["u"], "excluded": [], "includedContexts": [{"contextKind": "org", "values": ["o"]}],
        "excludedContexts": [], "_flags": [], "deleted": false,
        "rules": [{"_id": "r", "weight": 5000, "rolloutContextKind": "user", "clauses": [
            {"_id": "c", "contextKind": "user", "attribute": "a", "op": "in", "values": [1], "negate": false}]}]});
    let export =
        json!({"segments": {"staging": {"items": [segment]}, "nowhere": []}, "flags": []}).to_string();
    let body = taken(&app, "", &export).await;
    assert_eq!(line(&body, "s")["outcome"], "created", "{body}");
    assert!(line(&body, "s")["notes"].to_string().contains("no salt"), "{body}");
    assert_eq!(app.get("/api/environments/staging/flags").await.status(), StatusCode::OK);
    let catalog = app.state.live.catalog();
    let staging = catalog.environments.values().find(|e| e.stored.row.key.as_str() == "staging").unwrap();
    let row = &staging.segments.values().next().expect("a segment").stored.row;
    assert_eq!((row.name.as_str(), row.version, row.salt.len()), ("S", 6, 32));
    assert!(row.document.to_text().contains(r#""rules":[{"id":"r","weight":5000"#), "{}", row.document);
    assert!(!row.document.to_text().contains("_id"), "{}", row.document);
    assert_eq!(taken(&app, "", &export).await["changed"], false, "the salt it got stays");
    let (status, body) = super::import(&app, "", &json!({"segments": []}).to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}

struct Reversed;

impl Sealer for Reversed {
    fn seal(&self, secret: &str) -> Result<String, String> {
        Ok(secret.chars().rev().collect())
    }
}

#[tokio::test]
async fn keys_of_sdks_are_kept_as_they_are() {
    let url = cluster::fresh_database().await;
    let cx = command(&url).await;
    assert!(seed::found(&cx).await.unwrap());
    let export = r#"{"environments":{"items":[{"_id":"61d4b26f5a0e7c0d3c1f2a4b","key":"staging",
        "apiKey":"sdk-0000-1111-2222-3333","mobileKey":"mob-0000-1111-2222-3333"}]},"flags":[]}"#;
    let export = parse(export).unwrap();
    let staging = Some(EnvironmentKey::new("staging").unwrap());
    let request =
        Request { format: None, project: ProjectKey::default(), environment: staging, export: &export };
    let plan = import::run(&cx, &WriteOptions { dry_run: true, ..Default::default() }, &request, &Reversed)
        .await
        .unwrap();
    let plan: Value = serde_json::from_str(&plan.body).unwrap();
    assert!(!plan.to_string().contains("3333-2222"), "nothing sealed is told: {plan}");
    let options =
        WriteOptions { plan_hash: plan["planHash"].as_str().map(str::to_owned), ..Default::default() };
    let answer = import::run(&cx, &options, &request, &Reversed).await.unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["totals"]["created"], 3, "{body}");
    assert_eq!(line(&body, "sdk-****3333")["environment"], "staging");
    let again = import::run(&cx, &options, &request, &Reversed).await.unwrap();
    let again: Value = serde_json::from_str(&again.body).unwrap();
    assert_eq!((&again["changed"], &again["totals"]["unchanged"]), (&json!(false), &json!(3)));
    let app = TestApp::start_on(url, |_| {}).await;
    let catalog = app.state.live.catalog();
    let public = |kind| {
        let all = catalog.access.credentials.values();
        all.filter(|c| c.kind == kind).map(|c| (c.public.clone(), c.sealed.clone())).collect::<Vec<_>>()
    };
    let id = Some("61d4b26f5a0e7c0d3c1f2a4b".to_owned());
    assert_eq!(public(CredentialKind::ClientSideId), [(id, None)]);
    assert_eq!(public(CredentialKind::Server), [(None, Some("3333-2222-1111-0000-kds".to_owned()))]);
    assert_eq!(public(CredentialKind::Mobile).len(), 1);
}
