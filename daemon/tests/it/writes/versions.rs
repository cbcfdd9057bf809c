//! Versions rise with what changed, and with nothing else.

use flagstaffd::service::{Caller, Refusal, WriteOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::access::{Role, RoleBinding};
use shared::api::problem::ProblemKind;
use shared::change::{Mutation, NewFlag, Patch};
use shared::key::ProjectKey;
use shared::read::FromJson;

use super::{boolean, environment, flag, head, letters, run, run_as, send, text, told};
use crate::support::app::TestApp;

/// The flag's version, and those of its configurations in staging and production.
async fn versions(app: &TestApp, key: &str) -> (i64, i64, i64) {
    let flag: Value = app.get(&format!("/api/flags/{key}")).await.json().await.unwrap();
    let of = |e: &str| flag["environments"][e]["version"].as_i64().unwrap();
    (flag["flagVersion"].as_i64().unwrap(), of("staging"), of("production"))
}

/// The last revision's entries, as action and environment.
async fn last_entries(app: &TestApp) -> Vec<(String, String)> {
    sqlx::query_as(
        "select action, coalesce(environment, '') from feature_flag_audit_log
         where revision = (select revision from head) order by ordinal",
    )
    .fetch_all(app.state.gate.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_version_rises_where_something_changed() {
    let app = TestApp::start().await;
    letters(&app, "v").await;
    assert_eq!(versions(&app, "v").await, (1, 1, 1));
    app.post("/api/flags/v/toggle", &json!({"environment": "staging", "enabled": true})).await;
    assert_eq!(versions(&app, "v").await, (1, 2, 1));
    app.patch("/api/flags/v/config/staging", &json!({"trackEvents": true})).await;
    assert_eq!(versions(&app, "v").await, (1, 3, 1));
    // Metadata is the flag's alone.
    app.patch("/api/flags/v", &json!({"name": "V", "tags": ["t"]})).await;
    assert_eq!(versions(&app, "v").await, (2, 3, 1));
    app.patch(
        "/api/flags/v",
        &json!({"variations": [{"value": "a", "name": "A"}, {"value": "b"}, {"value": "c"}]}),
    )
    .await;
    assert_eq!(versions(&app, "v").await, (3, 3, 1), "the name of a variation is not served");
    // What is served raises both.
    app.patch("/api/flags/v", &json!({"variations": [{"value": "A"}, {"value": "b"}, {"value": "c"}]})).await;
    assert_eq!(versions(&app, "v").await, (4, 4, 2));
    let raised = |e: &str| ("version-raised".to_owned(), e.to_owned());
    let mut entries = last_entries(&app).await;
    assert_eq!(entries.remove(0), ("updated".to_owned(), String::new()));
    entries.sort();
    assert_eq!(entries, [raised("production"), raised("staging")]);
    app.patch("/api/flags/v", &json!({"clientSideAvailability": {"usingEnvironmentId": true}})).await;
    assert_eq!(versions(&app, "v").await, (5, 5, 3));
    send(&app, Method::DELETE, "/api/flags/v", "").await;
    assert_eq!(versions(&app, "v").await, (6, 6, 4));
    assert_eq!(app.post("/api/flags/v/restore", &json!({})).await.status(), StatusCode::OK);
    assert_eq!(versions(&app, "v").await, (7, 7, 5));
}

#[tokio::test]
async fn what_changes_nothing_makes_no_revision() {
    let app = TestApp::start().await;
    letters(&app, "same").await;
    let before = head(&app).await;
    for (method, path, body) in [
        (Method::POST, "/api/flags/same/toggle", json!({"environment": "staging", "enabled": false})),
        (Method::PATCH, "/api/flags/same", json!({})),
        (Method::PATCH, "/api/flags/same", json!({"name": "same"})),
        (Method::PATCH, "/api/flags/same/config/staging", json!({"unknown": null})),
        (Method::PUT, "/api/flags/same/config/staging", json!({"enabled": false})),
        (Method::POST, "/api/flags/same/restore", json!({})),
    ] {
        let response = send(&app, method.clone(), path, &body.to_string()).await;
        assert_eq!(response.headers()["flagstaff-revision"], before.to_string().as_str());
        let (status, body) = told(response).await;
        assert_eq!(
            (status, body["changed"].as_bool()),
            (StatusCode::OK, Some(false)),
            "{method} {path}: {body}"
        );
        assert_eq!(body["revision"].as_i64(), Some(before));
    }
    assert_eq!(head(&app).await, before);
    assert_eq!(versions(&app, "same").await, (1, 1, 1));
}

#[tokio::test]
async fn the_evaluated_form_takes_imported_versions_and_else_counts_on() {
    let app = TestApp::start().await;
    letters(&app, "shown").await;
    let path = "/api/flags/shown/config/staging";
    let put = async |config: Value| told(app.put(path, &json!({"config": config})).await).await;
    let (status, _) = put(json!({"value": "b", "variation": 1, "version": 40, "flagVersion": 7})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(versions(&app, "shown").await, (7, 40, 1));
    put(json!({"value": "b", "variation": 1, "version": 40, "flagVersion": 7})).await;
    assert_eq!(versions(&app, "shown").await, (7, 40, 1), "the same again is nothing");
    put(json!({"value": "c", "variation": 2, "version": 12})).await;
    assert_eq!(versions(&app, "shown").await, (7, 41, 1), "never falls");
    // A value that the flag does not have is a change of the flag.
    let (_, body) = put(json!({"value": "d"})).await;
    assert_eq!(body["config"]["fallthrough"]["variation"], 3, "{body}");
    assert_eq!(versions(&app, "shown").await, (8, 42, 2));
}

#[tokio::test]
async fn an_archived_flag_is_served_to_nobody_and_edited_by_nobody() {
    let app = TestApp::start().await;
    boolean(&app, "gone").await;
    assert_eq!(send(&app, Method::DELETE, "/api/flags/gone", "").await.status(), StatusCode::OK);
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert!(payload.get("gone").is_none());
    for (method, path, body) in [
        (Method::POST, "/api/flags/gone/toggle", r#"{"environment":"staging"}"#),
        (Method::PATCH, "/api/flags/gone", r#"{"name":"x"}"#),
        (Method::PATCH, "/api/flags/gone/config/staging", r#"{"on":true}"#),
    ] {
        let (status, problem) = told(send(&app, method, path, body).await).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("archived"));
    }
    app.post("/api/flags/gone/restore", &json!({})).await;
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(payload["gone"]["value"], false);
}

fn bound(role: Role, environment: &str) -> Caller {
    let binding = RoleBinding {
        id: uuid::Uuid::nil(),
        subject: "user:bob".to_owned(),
        role,
        project: "default".to_owned(),
        environment: environment.to_owned(),
    };
    Caller {
        principal: "user:bob".to_owned(),
        credential: "header".to_owned(),
        bindings: vec![binding],
        ceiling: None,
    }
}

#[tokio::test]
async fn rights_are_those_of_what_is_really_written() {
    let app = TestApp::start().await;
    letters(&app, "owned").await;
    let (project, staging) = (ProjectKey::default(), environment("staging"));
    let put = |config: &str| {
        [Mutation::ReplaceConfig(project.clone(), flag("owned"), staging.clone(), Some(text(config)), None)]
    };
    let usual = WriteOptions::default();
    let bob = || bound(Role::Editor, "staging");
    run_as(&app, bob(), &usual, &put(r#"{"value":"b","variation":1}"#)).await.unwrap();
    // Another value would be a variation in every environment, which is not bob's to make.
    let refused = run_as(&app, bob(), &usual, &put(r#"{"value":"z"}"#)).await;
    assert!(matches!(refused, Err(Refusal::Plain(ProblemKind::Forbidden, _))), "{refused:?}");
    let elsewhere = Mutation::SetOn(project.clone(), flag("owned"), environment("production"), None);
    let refused = run_as(&app, bob(), &usual, std::slice::from_ref(&elsewhere)).await;
    assert!(matches!(refused, Err(Refusal::Plain(ProblemKind::Forbidden, _))), "{refused:?}");
    // Production asks for an admin: an editor still creates flags that are off, and changes nothing served.
    let minimum = Patch::Merge(text(r#"{"minimumRole":"admin"}"#));
    run(&app, &usual, &[Mutation::UpdateEnvironment(project.clone(), environment("production"), minimum)])
        .await
        .unwrap();
    let editor = || bound(Role::Editor, "*");
    let new = |body: &str| {
        Mutation::CreateFlag(project.clone(), Box::new(NewFlag::from_json(&text(body), "").unwrap()))
    };
    run_as(&app, editor(), &usual, &[new(r#"{"key":"quiet"}"#)]).await.unwrap();
    for mutation in [
        new(r#"{"key":"loud","enabled":true}"#),
        elsewhere.clone(),
        Mutation::ArchiveFlag(project.clone(), flag("owned")),
    ] {
        let refused = run_as(&app, editor(), &usual, &[mutation]).await;
        assert!(matches!(refused, Err(Refusal::Plain(ProblemKind::Forbidden, _))), "{refused:?}");
    }
    run_as(&app, bound(Role::Admin, "*"), &usual, &[elsewhere]).await.unwrap();
}
