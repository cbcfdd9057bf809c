//! What is refused, and where: each fault points at the member it is about.

use flagstaffd::service::{Refusal, WriteOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::change::{Mutation, NewFlag, NewSegment, Patch};
use shared::key::ProjectKey;
use shared::read::FromJson;

use super::{boolean, environment, flag, head, letters, pointers, run, segment, send, text, told};
use crate::support::app::TestApp;

async fn refused(app: &TestApp, path: &str, body: &Value) -> Value {
    let (status, problem) = told(app.patch(path, body).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {problem}");
    problem
}

const CONFIG: &str = "/api/flags/checked/config/staging";

#[tokio::test]
async fn wrong_documents_are_refused_at_the_member() {
    let app = TestApp::start().await;
    letters(&app, "checked").await;
    let rollout = |a: i64, b: i64| {
        json!({"fallthrough": {"variation": null, "rollout": {"variations": [
            {"variation": 0, "weight": a}, {"variation": 1, "weight": b}]}}})
    };
    for (body, pointer) in [
        (json!({"fallthrough": {"variation": 3}}), "/fallthrough/variation"),
        (json!({"offVariation": -1}), "/offVariation"),
        (json!({"offVariation": 1.5}), "/offVariation"),
        (json!({"on": "yes"}), "/on"),
        (json!({"prerequisites": [{"key": "ghost", "variation": 0}]}), "/prerequisites/0/key"),
        (json!({"prerequisites": [{"key": "checked", "variation": 0}]}), "/prerequisites"),
        (
            json!({"rules": [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": ["ghost"]}],
            "variation": 0}]}),
            "/rules/0/clauses/0/values/0",
        ),
        (rollout(60_000, 39_999), "/fallthrough/rollout"),
        (rollout(100_001, -1), "/fallthrough/rollout"),
        (json!({"version": 77}), "/version"),
        (json!({"variations": ["a"]}), "/variations"),
        (json!({"key": "other"}), "/key"),
        (json!({"deleted": true}), "/deleted"),
        (json!({"salt": ""}), "/salt"),
    ] {
        let problem = refused(&app, CONFIG, &body).await;
        assert!(pointers(&problem).iter().any(|p| p.starts_with(pointer)), "{body}: {problem}");
        let details = problem["errors"].as_array().unwrap();
        assert!(details.iter().all(|e| e["detail"].as_str().unwrap().len() > 5), "{problem}");
    }
    refused(
        &app,
        CONFIG,
        &json!({"prerequisites": [{"key": "x", "variation": 0}, {"key": "x", "variation": 1}]}),
    )
    .await;
    assert_eq!(app.patch(CONFIG, &rollout(60_000, 40_000)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn wrong_flags_are_refused_at_the_member() {
    let app = TestApp::start().await;
    letters(&app, "checked").await;
    for (body, pointer) in [
        (json!({"variations": [{"value": "a"}, {"value": 7}, {"value": "c"}]}), "/variations/1/value"),
        (json!({"variations": []}), "/variations"),
        (json!({"variations": [{"value": "a"}]}), "/variations"),
        (json!({"variations": [{"name": "x"}]}), "/variations/0/value"),
        (
            json!({"variations": [{"value": "a", "placeholder": true}, {"value": "b"}, {"value": "c"}]}),
            "/variations/0/placeholder",
        ),
        (json!({"kind": "number"}), "/kind"),
        (json!({"type": "boolean"}), "/type"),
        (json!({"key": "other"}), "/key"),
        (json!({"name": ""}), "/name"),
        (json!({"name": null}), "/name"),
        (json!({"name": 5}), "/name"),
        (json!({"tags": "x"}), "/tags"),
        (json!({"tags": [1]}), "/tags/0"),
        (json!({"metadata": []}), "/metadata"),
        (json!({"unknown": 1}), "/unknown"),
        (json!({"name": "evil\u{202e}"}), "/name"),
    ] {
        let problem = refused(&app, "/api/flags/checked", &body).await;
        assert!(pointers(&problem).iter().any(|p| p.starts_with(pointer)), "{body}: {problem}");
    }
    assert_eq!(app.patch("/api/flags/checked", &json!({"type": "string"})).await.status(), StatusCode::OK);
    for (body, status) in [
        (json!({"key": "checked"}), 409),
        (json!({"key": "two", "type": "string", "kind": "number"}), 422),
        (json!({"key": "has space"}), 422),
        (json!({"key": ""}), 422),
        (json!({"key": "k".repeat(257)}), 422),
        (json!({}), 422),
        (json!({"key": "k".repeat(256)}), 201),
    ] {
        let (got, problem) = told(app.post("/api/flags", &body).await).await;
        assert_eq!(got.as_u16(), status, "{body}: {problem}");
    }
}

#[tokio::test]
async fn circles_are_refused_however_long() {
    let app = TestApp::start().await;
    let length = 40;
    for i in 0..length {
        boolean(&app, &format!("c{i}")).await;
    }
    let wait = |i: usize, j: usize| {
        let path = format!("/api/flags/c{i}/config/staging");
        let body = json!({"prerequisites": [{"key": format!("c{j}"), "variation": 0}]});
        (path, body)
    };
    for i in 0..length - 1 {
        let (path, body) = wait(i, i + 1);
        assert_eq!(app.patch(&path, &body).await.status(), StatusCode::OK, "{path}");
    }
    let (path, body) = wait(length - 1, 0);
    let problem = refused(&app, &path, &body).await;
    assert_eq!(pointers(&problem), ["/prerequisites"]);
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("c38 -> c39"), "{problem}");
    // The same edge is fine in the other environment.
    let other = path.replace("staging", "production");
    assert_eq!(app.patch(&other, &body).await.status(), StatusCode::OK);
    let edges: i64 = sqlx::query_scalar("select count(*) from flag_prerequisites")
        .fetch_one(app.state.gate.pool())
        .await
        .unwrap();
    assert_eq!(edges, length as i64);
}

#[tokio::test]
async fn chains_are_as_long_as_evaluation_follows_them_and_no_longer() {
    let app = TestApp::start().await;
    let (project, staging) = (ProjectKey::default(), environment("staging"));
    let usual = WriteOptions::default();
    let last = shared::eval::MAX_DEPTH;
    let mut changes = Vec::new();
    for i in (0..=last + 1).rev() {
        let new = NewFlag::from_json(&text(&format!(r#"{{"key":"c{i}","enabled":true}}"#)), "").unwrap();
        changes.push(Mutation::CreateFlag(project.clone(), Box::new(new)));
        let rules = if i < last {
            format!(
                r#"{{"rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["s{}"]}}]}}]}}"#,
                i + 1
            )
        } else {
            "{}".to_owned()
        };
        let new =
            NewSegment::from_json(&text(&format!(r#"{{"key":"s{i}","document":{rules}}}"#)), "").unwrap();
        changes.push(Mutation::CreateSegment(project.clone(), staging.clone(), Box::new(new)));
    }
    let wait = |i: usize| {
        let patch = format!(r#"{{"prerequisites":[{{"key":"c{}","variation":0}}]}}"#, i + 1);
        Mutation::PatchConfig(
            project.clone(),
            flag(&format!("c{i}")),
            staging.clone(),
            Patch::Merge(text(&patch)),
        )
    };
    changes.extend((0..last).map(wait));
    run(&app, &usual, &changes).await.unwrap();
    let served = app.post("/api/evaluate", &json!({"environment": "staging", "flagKey": "c0"})).await;
    let served: Value = served.json().await.unwrap();
    let reason = &served["results"][0]["flags"]["c0"]["reason"];
    assert_eq!(reason["kind"], "FALLTHROUGH", "64 steps are followed: {served}");
    // One more at the end makes it too deep for the first.
    let told = run(&app, &usual, &[wait(last)]).await;
    let Err(Refusal::Invalid(faults)) = told else { panic!("{told:?}") };
    assert!(faults[0].pointer.ends_with("/prerequisites"), "{faults:?}");
    assert!(faults[0].detail.contains("65 steps"), "{faults:?}");
    let asks = format!(
        r#"{{"document":{{"rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["s{}"]}}]}}]}}}}"#,
        last + 1
    );
    let more = Mutation::UpdateSegment(
        project.clone(),
        staging.clone(),
        segment(&format!("s{last}")),
        Patch::Merge(text(&asks)),
    );
    let told = run(&app, &usual, &[more]).await;
    let Err(Refusal::Invalid(faults)) = told else { panic!("{told:?}") };
    assert!(faults[0].pointer.ends_with("/rules") && faults[0].detail.contains("segments"), "{faults:?}");
    // Another branch beside it is fine.
    let patch = format!(r#"{{"prerequisites":[{{"key":"c{last}","variation":0}}]}}"#);
    let path = format!("/api/flags/c{}/config/staging", last + 1);
    assert_eq!(
        app.patch(&path, &serde_json::from_str::<Value>(&patch).unwrap()).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_flag_that_others_wait_for_stays() {
    let app = TestApp::start().await;
    letters(&app, "base").await;
    boolean(&app, "waiting").await;
    let wait = json!({"prerequisites": [{"key": "base", "variation": 2}]});
    assert_eq!(app.patch("/api/flags/waiting/config/staging", &wait).await.status(), StatusCode::OK);
    let (status, problem) = told(send(&app, Method::DELETE, "/api/flags/base", "").await).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["type"].as_str().unwrap().ends_with("in-use"));
    assert!(problem["detail"].as_str().unwrap().contains("waiting in staging"), "{problem}");
    app.patch("/api/flags/base/config/staging", &json!({"offVariation": 0})).await;
    app.patch("/api/flags/base/config/production", &json!({"offVariation": 0})).await;
    let fewer = json!({"variations": [{"value": "a"}, {"value": "b"}]});
    let problem = refused(&app, "/api/flags/base", &fewer).await;
    assert!(problem["detail"].as_str().unwrap().contains("waiting waits for variation 2"), "{problem}");
    // In one change set the waiting one lets go first, or is archived itself.
    let (project, staging) = (ProjectKey::default(), environment("staging"));
    let free = Mutation::PatchConfig(
        project.clone(),
        flag("waiting"),
        staging,
        Patch::Merge(text(r#"{"prerequisites":[]}"#)),
    );
    let go = Mutation::ArchiveFlag(project.clone(), flag("base"));
    let dry = WriteOptions { dry_run: true, ..WriteOptions::default() };
    run(&app, &dry, &[free, go.clone()]).await.unwrap();
    run(&app, &WriteOptions::default(), &[Mutation::ArchiveFlag(project, flag("waiting")), go])
        .await
        .unwrap();
    // And cannot come back while what it waits for is archived.
    let (status, problem) = told(app.post("/api/flags/waiting/restore", &json!({})).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let (status, _) = told(app.post("/api/flags", &json!({"key": "base"})).await).await;
    assert_eq!(status, StatusCode::CONFLICT, "a key is never used again");
}

#[tokio::test]
async fn a_prerequisite_made_in_the_same_change_set_is_kept() {
    let app = TestApp::start().await;
    boolean(&app, "waiting").await;
    let new = NewFlag::from_json(&text(r#"{"key":"later"}"#), "").unwrap();
    let create = Mutation::CreateFlag(ProjectKey::default(), Box::new(new));
    let wait = Mutation::PatchConfig(
        ProjectKey::default(),
        flag("waiting"),
        environment("staging"),
        Patch::Merge(text(r#"{"prerequisites":[{"key":"later","variation":0}]}"#)),
    );
    // The configuration is put before the flag it names.
    let touch = Mutation::SetOn(ProjectKey::default(), flag("waiting"), environment("staging"), Some(true));
    run(&app, &WriteOptions::default(), &[touch, create, wait]).await.unwrap();
    let edges: Vec<(String, i32)> = sqlx::query_as(
        "select f.key, r.variation from flag_prerequisites r join feature_flags f on f.id = r.prerequisite_flag_id",
    )
    .fetch_all(app.state.gate.pool())
    .await
    .unwrap();
    assert_eq!(edges, [("later".to_owned(), 0)]);
}

#[tokio::test]
async fn a_segment_in_use_stays_and_segments_form_no_circle() {
    let app = TestApp::start().await;
    boolean(&app, "user").await;
    let (project, staging) = (ProjectKey::default(), environment("staging"));
    let usual = WriteOptions::default();
    let create = |body: &str| {
        let new = NewSegment::from_json(&text(body), "").unwrap();
        Mutation::CreateSegment(project.clone(), staging.clone(), Box::new(new))
    };
    let uses = |key: &str| {
        format!(r#"{{"rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["{key}"]}}]}}]}}"#)
    };
    run(&app, &usual, &[create(r#"{"key":"a"}"#)]).await.unwrap();
    let b = create(&format!(r#"{{"key":"b","document":{}}}"#, uses("a")));
    run(&app, &usual, std::slice::from_ref(&b)).await.unwrap();
    assert!(matches!(run(&app, &usual, &[b]).await, Err(Refusal::Plain(..))), "the key is taken");
    let circle = Mutation::UpdateSegment(
        project.clone(),
        staging.clone(),
        segment("a"),
        Patch::Merge(text(&format!(r#"{{"document":{}}}"#, uses("b")))),
    );
    let told = run(&app, &usual, &[circle]).await;
    assert!(matches!(&told, Err(Refusal::Invalid(f)) if f[0].detail.contains("circle")), "{told:?}");
    let archive = |key: &str| Mutation::ArchiveSegment(project.clone(), staging.clone(), segment(key));
    assert!(matches!(run(&app, &usual, &[archive("a")]).await, Err(Refusal::Plain(..))));
    let rule =
        r#"{"rules":[{"variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["b"]}]}]}"#;
    let response = send(&app, Method::PATCH, "/api/flags/user/config/staging", rule).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(matches!(run(&app, &usual, &[archive("b")]).await, Err(Refusal::Plain(..))));
    app.patch("/api/flags/user/config/staging", &json!({"rules": []})).await;
    run(&app, &usual, &[archive("b"), archive("a")]).await.unwrap();
}

#[tokio::test]
async fn values_satisfy_the_flags_schema() {
    let app = TestApp::start().await;
    let schema =
        json!({"type": "object", "required": ["limit"], "properties": {"limit": {"type": "integer"}}});
    let body = json!({"key": "schemed", "type": "json", "valueSchema": schema,
        "variations": [{"value": {"limit": 1}}, {"value": {"limit": "x"}}]});
    let (status, problem) = told(app.post("/api/flags", &body).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&problem), ["/variations/1/value/limit"]);
    for schema in [
        json!({"$ref": "http://127.0.0.1:1/schema.json"}),
        json!({"$ref": "file:///etc/passwd"}),
        json!({"type": 7}),
        json!({"type": "string", "pattern": "("}),
    ] {
        let body = json!({"key": "schemed", "type": "json", "valueSchema": schema,
            "variations": [{"value": "x"}]});
        let (status, problem) = told(app.post("/api/flags", &body).await).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{schema}");
        assert!(pointers(&problem).iter().all(|p| p.starts_with("/valueSchema")), "{problem}");
    }
    // A pattern that would take a backtracking engine for ever is nothing.
    let body = json!({"key": "slow", "type": "string", "valueSchema": {"pattern": "^(a+)+$"},
        "variations": [{"value": format!("{}!", "a".repeat(2000))}]});
    assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_placeholder_cannot_be_chosen_until_it_has_a_value() {
    let app = TestApp::start().await;
    let body = json!({"key": "checked", "type": "json", "variations": []});
    assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::CREATED);
    let on = app.post("/api/flags/checked/toggle", &json!({"environment": "staging", "enabled": true})).await;
    assert_eq!(on.status(), StatusCode::UNPROCESSABLE_ENTITY, "nothing to serve");
    let shown = json!({"config": {"value": {"a": 1}, "variation": 2, "version": 9, "flagVersion": 4}});
    let (status, body) = told(app.put(CONFIG, &shown).await).await;
    assert_eq!((status, body["version"].as_i64()), (StatusCode::OK, Some(9)), "{body}");
    let problem = refused(&app, CONFIG, &json!({"offVariation": 0})).await;
    assert!(problem["detail"].as_str().unwrap().contains("placeholder"), "{problem}");
    let filled = json!({"variations": [{"value": 1}, {"value": 2}, {"value": {"a": 1}}]});
    assert_eq!(app.patch("/api/flags/checked", &filled).await.status(), StatusCode::OK);
    assert_eq!(app.patch(CONFIG, &json!({"offVariation": 0})).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn limits_hold_at_the_last_and_not_beyond() {
    let app = TestApp::start().await;
    let values = |n: usize| (0..n).map(|i| json!({"value": i})).collect::<Vec<_>>();
    let (at, over) = (
        json!({"key": "hundred", "type": "number", "variations": values(100)}),
        json!({"key": "more", "type": "number", "variations": values(101)}),
    );
    assert_eq!(app.post("/api/flags", &at).await.status(), StatusCode::CREATED);
    let (status, problem) = told(app.post("/api/flags", &over).await).await;
    assert_eq!((status, pointers(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, vec!["/variations"]));
    // A document of exactly 256 KiB, and one byte more.
    letters(&app, "checked").await;
    let document = |size: usize| {
        let frame = r#"{"on":false,"offVariation":0,"fallthrough":{"variation":0},"pad":""}"#;
        frame.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(size - frame.len())))
    };
    let limit = 256 * 1024;
    let put = async |size: usize| {
        send(&app, Method::PUT, CONFIG, &format!(r#"{{"config":{}}}"#, document(size))).await.status()
    };
    assert_eq!(put(limit + 1).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(put(limit).await, StatusCode::OK);
    // A patch cannot make what could not have been sent.
    let before = head(&app).await;
    assert_eq!(app.patch(CONFIG, &json!({"more": 1})).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(put(70).await, StatusCode::OK);
    let nested = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    let deep = send(&app, Method::PATCH, CONFIG, &format!(r#"{{"deep":{}}}"#, nested(62))).await;
    assert_eq!(deep.status(), StatusCode::OK);
    let path = "/a".repeat(62);
    let operations = format!(r#"[{{"op":"replace","path":"/deep{path}","value":{}}}]"#, nested(50));
    let response = app
        .request(Method::PATCH, CONFIG)
        .header("content-type", "application/json-patch+json")
        .body(operations)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(head(&app).await, before + 2);
    // The deepest document is planned, kept and shown whole.
    let read: Value = app.get(CONFIG).await.json().await.unwrap();
    assert!(read["config"]["deep"]["a"]["a"].is_object());
    let (status, plan) =
        told(send(&app, Method::PATCH, &format!("{CONFIG}?dryRun=true"), r#"{"deep":null}"#).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(plan["changes"][0]["action"], "updated", "{plan}");
    let kept: Option<String> = sqlx::query_scalar(
        "select after from feature_flag_audit_log order by revision desc, ordinal desc limit 1",
    )
    .fetch_one(app.state.gate.pool())
    .await
    .unwrap();
    assert!(kept.unwrap().contains(&nested(62)));
}
