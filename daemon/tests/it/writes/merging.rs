//! Edits made on an older revision: merged where they do not overlap, else told.

use flagstaffd::service::{Refusal, WriteOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::change::{Mutation, NewSegment, Patch};
use shared::key::ProjectKey;
use shared::read::FromJson;
use shared::revision::Revision;

use super::{environment, head, letters, run, segment, send, text, told};
use crate::support::app::TestApp;

#[tokio::test]
async fn edits_of_a_flag_merge_where_they_do_not_overlap() {
    let app = TestApp::start().await;
    letters(&app, "merged").await;
    let base = head(&app).await;
    app.patch("/api/flags/merged", &json!({"name": "Theirs", "tags": ["x"]})).await;
    let path = format!("/api/flags/merged?baseRevision={base}");
    let (status, body) = told(app.patch(&path, &json!({"description": "Ours"})).await).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!((body["name"].as_str(), body["description"].as_str()), (Some("Theirs"), Some("Ours")));
    let (status, problem) = told(app.patch(&path, &json!({"name": "Ours"})).await).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["type"].as_str().unwrap().ends_with("conflict"), "{problem}");
    assert_eq!(problem["conflicts"][0]["pointer"], "/name");
    let both = problem["conflicts"][0].to_string();
    assert!(both.contains("Ours") && both.contains("Theirs"), "{both}");
    assert_eq!(problem["current"]["name"], "Theirs");
}

#[tokio::test]
async fn edits_of_a_configuration_merge_whether_put_or_patched() {
    let app = TestApp::start().await;
    letters(&app, "merged").await;
    let base = head(&app).await;
    let path = "/api/flags/merged/config/staging";
    let theirs = json!({"fallthrough": {"variation": 1}});
    assert_eq!(app.patch(path, &theirs).await.status(), StatusCode::OK);
    // A patch.
    let (status, body) =
        told(app.patch(&format!("{path}?baseRevision={base}"), &json!({"trackEvents": true})).await).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["config"]["fallthrough"]["variation"], 1);
    assert_eq!(body["config"]["trackEvents"], true);
    // A whole document, written by somebody who saw the old one; the revision in the body.
    let ours = json!({"config": {"on": true, "fallthrough": {"variation": 0}, "offVariation": 2},
        "baseRevision": base});
    let (status, body) = told(app.put(path, &ours).await).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["config"]["fallthrough"]["variation"], 1, "theirs stays");
    assert_eq!(body["config"]["on"], true, "ours is there");
    let ours = json!({"config": {"on": false, "fallthrough": {"variation": 2}, "offVariation": 2},
        "baseRevision": base.to_string()});
    let (status, problem) = told(app.put(path, &ours).await).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(problem["conflicts"][0]["pointer"].as_str().unwrap().starts_with("/fallthrough"), "{problem}");
    // Operations of a JSON Patch are applied to what their author saw.
    let operations = r#"[{"op":"test","path":"/fallthrough/variation","value":0},
        {"op":"add","path":"/maintainer","value":"me"}]"#;
    let response = app
        .request(Method::PATCH, &format!("{path}?baseRevision={base}"))
        .header("content-type", "application/json-patch+json")
        .body(operations)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let response = app
        .request(Method::PATCH, path)
        .header("content-type", "application/json-patch+json")
        .body(operations)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "on the head the test fails");
}

#[tokio::test]
async fn edits_of_a_segment_merge() {
    let app = TestApp::start().await;
    let (project, staging, key) = (ProjectKey::default(), environment("staging"), segment("beta"));
    let new = NewSegment::from_json(&text(r#"{"key":"beta","document":{"included":["a"]}}"#), "").unwrap();
    let create = Mutation::CreateSegment(project.clone(), staging.clone(), Box::new(new));
    run(&app, &WriteOptions::default(), &[create]).await.unwrap();
    let base = Some(Revision(head(&app).await));
    let patch = |merge: &str| {
        [Mutation::UpdateSegment(project.clone(), staging.clone(), key.clone(), Patch::Merge(text(merge)))]
    };
    run(&app, &WriteOptions::default(), &patch(r#"{"document":{"included":["a","b"]}}"#)).await.unwrap();
    let options = WriteOptions { base_revision: base, ..WriteOptions::default() };
    run(&app, &options, &patch(r#"{"name":"Beta"}"#)).await.unwrap();
    let refused = run(&app, &options, &patch(r#"{"document":{"included":null}}"#)).await;
    assert!(
        matches!(&refused, Err(Refusal::Conflict { conflicts, .. }) if !conflicts.is_empty()),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_base_that_cannot_be_is_refused() {
    let app = TestApp::start().await;
    letters(&app, "merged").await;
    let base = head(&app).await;
    let put = async |query: &str, body: &str| {
        told(send(&app, Method::PATCH, &format!("/api/flags/merged{query}"), body).await).await
    };
    for (query, status) in [
        (format!("?baseRevision={}", base + 1), 422),
        ("?baseRevision=x".to_owned(), 400),
        ("?baseRevision=-1".to_owned(), 400),
        ("?baseRevision=1.2.3".to_owned(), 400),
        ("?baseRevision=99999999999999999999".to_owned(), 400),
        (format!("?baseRevision=2.{base}"), 409),
        (format!("?baseRevision=1.{base}"), 200),
        (format!("?baseRevision=r{base}"), 200),
        ("?baseRevision=0".to_owned(), 200),
    ] {
        let (got, body): (_, Value) = put(&query, r#"{"name":"n"}"#).await;
        assert_eq!(got.as_u16(), status, "{query}: {body}");
    }
}
