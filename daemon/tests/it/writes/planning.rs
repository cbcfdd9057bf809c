//! Plans: nothing is written by a dry run, and what is protected asks to be confirmed.

use flagstaffd::service::{Refusal, WriteOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::api::problem::ProblemKind;
use shared::change::{Mutation, Patch};
use shared::key::ProjectKey;

use super::{boolean, environment, flag, head, letters, protect, run, send, text, told};
use crate::support::app::TestApp;

async fn toggle(app: &TestApp, key: &str, query: &str, more: Value) -> (StatusCode, Value) {
    let mut body = json!({"environment": "production"});
    for (k, v) in more.as_object().unwrap() {
        body[k] = v.clone();
    }
    told(app.post(&format!("/api/flags/{key}/toggle{query}"), &body).await).await
}

#[tokio::test]
async fn a_dry_run_of_every_write_says_what_and_writes_nothing() {
    let app = TestApp::start().await;
    letters(&app, "planned").await;
    boolean(&app, "archived").await;
    assert_eq!(send(&app, Method::DELETE, "/api/flags/archived", "").await.status(), StatusCode::OK);
    let before = head(&app).await;
    let rows = || async {
        let query =
            "select (select count(*) from feature_flag_audit_log) + (select count(*) from feature_flags)";
        sqlx::query_scalar::<_, i64>(query).fetch_one(app.state.gate.pool()).await.unwrap()
    };
    let counted = rows().await;
    for (method, path, body, action) in [
        (Method::POST, "/api/flags", r#"{"key":"fresh"}"#, "created"),
        (Method::PATCH, "/api/flags/planned", r#"{"name":"x"}"#, "updated"),
        (Method::DELETE, "/api/flags/planned", "", "archived"),
        (Method::POST, "/api/flags/archived/restore", "", "restored"),
        (Method::POST, "/api/flags/planned/toggle", r#"{"environment":"staging"}"#, "turned-on"),
        (
            Method::PUT,
            "/api/flags/planned/config/staging",
            r#"{"config":{"value":"b","variation":1}}"#,
            "turned-on",
        ),
        (Method::PATCH, "/api/flags/planned/config/staging", r#"{"trackEvents":true}"#, "updated"),
    ] {
        let (status, plan) =
            told(send(&app, method.clone(), &format!("{path}?dryRun=true"), body).await).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {plan}");
        assert_eq!(plan["dryRun"], true);
        assert_eq!(plan["confirmation"], Value::Null);
        assert_eq!(plan["planHash"].as_str().unwrap().len(), 64);
        assert_eq!(plan["changes"][0]["action"], action, "{method} {path}: {plan}");
        assert!(!plan["changes"][0]["diff"].as_array().unwrap().is_empty());
        // A wrong request is refused by a dry run as it would be by the write.
        let (status, _) = told(send(&app, method, &format!("{path}?dryRun=true"), "[1]").await).await;
        assert!(status.is_client_error() || (body.is_empty() && status == StatusCode::OK));
    }
    assert_eq!(head(&app).await, before);
    assert_eq!(rows().await, counted);
}

#[tokio::test]
async fn a_plan_that_was_overtaken_comes_back_new() {
    let app = TestApp::start().await;
    letters(&app, "planned").await;
    let path = "/api/flags/planned/config/staging";
    let body = r#"{"trackEvents":true}"#;
    let (_, plan) = told(send(&app, Method::PATCH, &format!("{path}?dryRun=true"), body).await).await;
    let hash = plan["planHash"].as_str().unwrap().to_owned();
    // What the plan does not rest on may change.
    boolean(&app, "another").await;
    let (_, same) = told(send(&app, Method::PATCH, &format!("{path}?dryRun=true"), body).await).await;
    assert_eq!(same["planHash"], plan["planHash"]);
    app.patch(path, &json!({"fallthrough": {"variation": 1}})).await;
    let planned = format!("{path}?planHash={hash}");
    let (status, problem) = told(send(&app, Method::PATCH, &planned, body).await).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["type"].as_str().unwrap().ends_with("plan-changed"), "{problem}");
    let fresh = problem["plan"]["planHash"].as_str().unwrap();
    assert_ne!(fresh, hash);
    let (status, _) = told(send(&app, Method::PATCH, &format!("{path}?planHash={fresh}"), body).await).await;
    assert_eq!(status, StatusCode::OK);
    // Another request than the planned one is not what was reviewed.
    let (_, plan) =
        told(send(&app, Method::PATCH, &format!("{path}?dryRun=true"), r#"{"trackEvents":false}"#).await)
            .await;
    let planned = format!("{path}?planHash={}", plan["planHash"].as_str().unwrap());
    let (status, _) = told(send(&app, Method::PATCH, &planned, r#"{"trackEvents":null}"#).await).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_protected_environment_asks_for_the_flags_key() {
    let app = TestApp::start().await;
    boolean(&app, "guarded").await;
    protect(&app, "").await;
    let before = head(&app).await;
    let (status, problem) = toggle(&app, "guarded", "", json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["type"].as_str().unwrap().ends_with("confirmation-required"));
    let wanted = &problem["plan"]["confirmation"];
    assert_eq!((wanted["text"].as_str(), wanted["tier"].as_str()), (Some("guarded"), Some("guarded")));
    assert_eq!(wanted["commentRequired"], false);
    for wrong in ["Guarded", "production", "", "guarded "] {
        let (status, _) = toggle(&app, "guarded", "", json!({"confirm": wrong})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{wrong:?}");
    }
    assert_eq!(head(&app).await, before);
    let (status, body) = toggle(&app, "guarded", "", json!({"confirm": "guarded"})).await;
    assert_eq!((status, body["enabled"].as_bool()), (StatusCode::OK, Some(true)));
    let (status, _) = toggle(&app, "guarded", "?confirm=guarded", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = toggle(&app, "guarded", "?confirm=guarded", json!({"confirm": "other"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "both given and different");
    // Nothing to change asks for nothing.
    let (status, body) = toggle(&app, "guarded", "", json!({"enabled": false})).await;
    assert_eq!((status, body["changed"].as_bool()), (StatusCode::OK, Some(false)));
    // staging is not protected.
    let staging = app.post("/api/flags/guarded/toggle", &json!({"environment": "staging"})).await;
    assert_eq!(staging.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_serves_nobody_anything_else_needs_no_confirmation() {
    let app = TestApp::start().await;
    protect(&app, "").await;
    letters(&app, "free").await;
    for body in
        [json!({"name": "x"}), json!({"description": "x"}), json!({"tags": ["x"]}), json!({"owner": "me"})]
    {
        assert_eq!(app.patch("/api/flags/free", &body).await.status(), StatusCode::OK, "{body}");
    }
    let off = json!({"fallthrough": {"variation": 1}});
    assert_eq!(app.patch("/api/flags/free/config/production", &off).await.status(), StatusCode::OK);
    // On from the start is served at once; so is another off variation, and its value.
    for (method, path, body) in [
        (Method::POST, "/api/flags", json!({"key": "loud", "type": "boolean", "enabled": true})),
        (Method::PATCH, "/api/flags/free/config/production", json!({"offVariation": 0})),
        (
            Method::PATCH,
            "/api/flags/free",
            json!({"variations": [{"value": "a"}, {"value": "b"}, {"value": "z"}]}),
        ),
    ] {
        let (status, problem) = told(send(&app, method, path, &body.to_string()).await).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path} {body}: {problem}");
    }
}

#[tokio::test]
async fn a_flags_change_is_counted_where_the_flag_is_on() {
    let app = TestApp::start().await;
    letters(&app, "on").await;
    app.post("/api/flags/on/toggle", &json!({"environment": "production"})).await;
    protect(&app, "").await;
    for (method, body) in [
        (Method::PATCH, json!({"variations": [{"value": "a!"}, {"value": "b"}, {"value": "c"}]})),
        (
            Method::PATCH,
            json!({"clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true}}),
        ),
        (Method::DELETE, Value::Null),
    ] {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, problem) = told(send(&app, method.clone(), "/api/flags/on", &text).await).await;
        assert_eq!(status, StatusCode::CONFLICT, "{method} {body}");
        assert_eq!(problem["plan"]["confirmation"]["text"], "on");
        let (status, _) = told(send(&app, method, "/api/flags/on?confirm=on", &text).await).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_comment_is_asked_for_where_the_environment_wants_one() {
    let app = TestApp::start().await;
    boolean(&app, "guarded").await;
    protect(&app, r#","commentRequired":true"#).await;
    for (query, more, status) in [
        ("", json!({"confirm": "guarded"}), 409),
        ("", json!({"confirm": "guarded", "comment": "  "}), 409),
        ("", json!({"comment": "because"}), 409),
        ("", json!({"confirm": "guarded", "comment": "because"}), 200),
        ("?comment=because", json!({"confirm": "guarded"}), 200),
    ] {
        let (got, body) = toggle(&app, "guarded", query, more.clone()).await;
        assert_eq!(got.as_u16(), status, "{query} {more}: {body}");
    }
    let said: Option<String> =
        sqlx::query_scalar("select comment from revision order by number desc limit 1")
            .fetch_one(app.state.gate.pool())
            .await
            .unwrap();
    assert_eq!(said.as_deref(), Some("because"));
}

#[tokio::test]
async fn two_flags_ask_for_the_environment_and_the_count() {
    let app = TestApp::start().await;
    boolean(&app, "one").await;
    boolean(&app, "two").await;
    protect(&app, "").await;
    let on =
        |key: &str| Mutation::SetOn(ProjectKey::default(), flag(key), environment("production"), Some(true));
    let both = [on("one"), on("two")];
    let refused = run(&app, &WriteOptions::default(), &both).await;
    let Err(Refusal::Plan(ProblemKind::ConfirmationRequired, plan)) = refused else { panic!("{refused:?}") };
    let wanted = plan.confirmation.unwrap();
    assert_eq!(wanted.text, "production 2");
    let options = WriteOptions { confirm: Some(wanted.text), ..WriteOptions::default() };
    run(&app, &options, &both).await.unwrap();
}

#[tokio::test]
async fn unprotecting_is_itself_guarded() {
    let app = TestApp::start().await;
    protect(&app, "").await;
    let patch = |merge: &str| {
        [Mutation::UpdateEnvironment(
            ProjectKey::default(),
            environment("production"),
            Patch::Merge(text(merge)),
        )]
    };
    for merge in [
        r#"{"protected":false}"#,
        r#"{"protected":null}"#,
        r#"{"archived":true}"#,
        r#"{"commentRequired":true}"#,
    ] {
        let refused = run(&app, &WriteOptions::default(), &patch(merge)).await;
        assert!(
            matches!(refused, Err(Refusal::Plan(ProblemKind::ConfirmationRequired, _))),
            "{merge}: {refused:?}"
        );
    }
    run(&app, &WriteOptions::default(), &patch(r#"{"name":"Production","color":"ff0000"}"#)).await.unwrap();
    let options = WriteOptions { confirm: Some("production".to_owned()), ..WriteOptions::default() };
    run(&app, &options, &patch(r#"{"protected":false}"#)).await.unwrap();
}
