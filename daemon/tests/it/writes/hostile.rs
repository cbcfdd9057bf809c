//! Hostile requests: whatever is sent, the answer is a problem that says what, and nothing breaks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{boolean, head, letters};
use crate::support::app::TestApp;

/// Every write endpoint with a body that it takes.
fn endpoints() -> Vec<(Method, &'static str, Value)> {
    vec![
        (
            Method::POST,
            "/api/flags",
            json!({"key": "fresh", "name": "n", "description": "d", "type": "string", "kind": "string",
                "variations": [{"value": "a", "name": "n", "description": "d", "placeholder": false}],
                "enabled": false, "tags": ["t"], "owner": "o", "temporary": true, "metadata": {"m": 1},
                "clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true},
                "valueSchema": {"type": "string"}}),
        ),
        (
            Method::PATCH,
            "/api/flags/h",
            json!({"name": "n", "description": "d", "tags": ["t"], "owner": "o", "temporary": true,
                "variations": [{"value": "a"}, {"value": "b"}, {"value": "c"}], "kind": "string",
                "clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true},
                "metadata": {"m": 1}, "valueSchema": {"type": "string"}, "key": "h"}),
        ),
        (
            Method::PUT,
            "/api/flags/h/config/staging",
            json!({"config": {"on": true, "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 100_000}],
                    "bucketBy": "key", "kind": "rollout", "seed": 1, "contextKind": "user"}}, "offVariation": 0,
                "targets": [{"variation": 0, "values": ["x"], "contextKind": "user"}],
                "contextTargets": [{"variation": 0, "values": [], "contextKind": "user"}],
                "rules": [{"id": "r", "variation": 0, "trackEvents": true,
                    "clauses": [{"attribute": "name", "op": "in", "values": ["x"], "negate": false, "contextKind": "user"}]}],
                "prerequisites": [{"key": "p", "variation": 0}], "trackEvents": true,
                "debugEventsUntilDate": 1, "trackEventsFallthrough": true, "samplingRatio": 1,
                "excludeFromSummaries": false, "migration": {"checkRatio": 1}, "salt": "s"},
                "enabled": true, "comment": "c", "dryRun": false, "planHash": null, "confirm": "x", "baseRevision": 1}),
        ),
        (
            Method::PUT,
            "/api/flags/h/config/staging",
            json!({"config": {"value": "a", "variation": 0, "version": 3, "flagVersion": 4, "trackEvents": true,
                "debugEventsUntilDate": 1}, "enabled": true}),
        ),
        (
            Method::PATCH,
            "/api/flags/h/config/staging",
            json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 2, "rules": [], "targets": []}),
        ),
        (
            Method::POST,
            "/api/flags/h/toggle",
            json!({"environment": "staging", "enabled": true, "comment": "c", "confirm": "x", "dryRun": false}),
        ),
        (Method::POST, "/api/flags/h/restore", json!({"comment": "c"})),
    ]
}

async fn send(app: &TestApp, method: &Method, path: &str, body: Vec<u8>) -> reqwest::Response {
    let request = app.request(method.clone(), path).header("content-type", "application/json");
    request.body(body).send().await.expect("an answer")
}

/// The answer must be a success, or a problem of the client's that says what it is.
async fn settled(response: reqwest::Response, what: &str) -> StatusCode {
    let status = response.status();
    let kind = response.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    assert!(status.is_success() || status.is_client_error(), "{what}: {status} {text}");
    if status.is_client_error() {
        assert_eq!(kind.as_deref(), Some("application/problem+json"), "{what}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert!(problem["detail"].as_str().is_some_and(|d| d.len() > 5), "{what}: {text}");
        assert!(text.len() < 300_000, "{what}: the problem has {} bytes", text.len());
        for error in problem["errors"].as_array().into_iter().flatten() {
            let pointer = error["pointer"].as_str().unwrap();
            assert!(pointer.is_empty() || pointer.starts_with('/'), "{what}: {text}");
        }
    }
    status
}

/// Every place in a body, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(k, v)| places(v, &format!("{at}/{k}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| places(v, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

fn panics(app: &TestApp) -> String {
    let rendered = app.state.metrics.render();
    rendered.lines().filter(|l| l.starts_with("flagstaff_panics_total")).collect()
}

#[tokio::test]
async fn every_member_of_every_write_takes_every_wrong_type_without_breaking() {
    let app = TestApp::start().await;
    letters(&app, "h").await;
    boolean(&app, "p").await;
    let before = panics(&app);
    let wrong = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_991_i64),
        json!(""),
        json!("\u{1b}[31m\u{202e}"),
        json!("x".repeat(70_000)),
        json!([]),
        json!([[[]]]),
        json!({}),
        json!({"": {"": null}}),
        json!({"$ref": "http://x", "op": "in", "value": null}),
    ];
    for (method, path, body) in endpoints() {
        let mut found = Vec::new();
        places(&body, "", &mut found);
        for pointer in found {
            for value in &wrong {
                let mut sent = body.clone();
                *sent.pointer_mut(&pointer).unwrap() = value.clone();
                let what = format!("{method} {path} {pointer} = {:.60}", value.to_string());
                settled(send(&app, &method, path, sent.to_string().into_bytes()).await, &what).await;
                if let Some(parent) = sent.pointer_mut(&pointer).and_then(Value::as_object_mut) {
                    parent.insert("added~/\u{7f}".to_owned(), value.clone());
                    settled(send(&app, &method, path, sent.to_string().into_bytes()).await, &what).await;
                }
            }
        }
    }
    assert_eq!(panics(&app), before);
    // And the daemon still writes, reads and counts right.
    let intact: bool = sqlx::query_scalar(
        "select (select max(number) from revision) = (select revision from head)
            and (select count(*) from revision) = (select revision from head)",
    )
    .fetch_one(app.state.gate.pool())
    .await
    .unwrap();
    assert!(intact);
    boolean(&app, "after").await;
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused() {
    let app = TestApp::start().await;
    letters(&app, "h").await;
    let at = head(&app).await;
    let before = panics(&app);
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let many: String = (0..100_000).map(|i| format!("\"m{i}\":0,")).collect();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("10 MB of spaces in a string", format!("{{\"key\":\"{}\"}}", "x".repeat(10_000_000)).into_bytes()),
        ("arrays in arrays", deep("[", "]").into_bytes()),
        ("objects in objects", deep("{\"a\":", "}").into_bytes()),
        ("only openings", "[".repeat(500_000).into_bytes()),
        ("nonsense", b"\x89PNG\r\n\x1a\n\0\0\0".to_vec()),
        ("not UTF-8", b"{\"key\":\"\xff\xfe\"}".to_vec()),
        ("half a character", b"{\"key\":\"\xe2\x82\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("a word", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a number", b"1e400".to_vec()),
        ("a string", b"\"key\"".to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("half a body", b"{\"key\":".to_vec()),
        ("a hundred thousand members", format!("{{{many}\"key\":\"x\"}}").into_bytes()),
        ("a long number", format!("{{\"key\":{}}}", "1".repeat(100_000)).into_bytes()),
        ("a long member", format!("{{\"{}\":1}}", "k".repeat(900_000)).into_bytes()),
    ];
    for (method, path, _) in endpoints() {
        for (what, body) in &bodies {
            let what = format!("{method} {path}: {what}");
            let status = settled(send(&app, &method, path, body.clone()).await, &what).await;
            assert!(status.is_client_error(), "{what}: {status}");
        }
        if !path.ends_with("restore") {
            let status = settled(send(&app, &method, path, Vec::new()).await, "nothing at all").await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path} without a body");
        }
    }
    let odd = app.request(Method::POST, "/api/flags").header("content-type", "text/xml").body("<x/>");
    assert_eq!(odd.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(head(&app).await, at);
    assert_eq!(panics(&app), before);
}

#[tokio::test]
async fn keys_and_parameters_from_outside_name_nothing() {
    let app = TestApp::start().await;
    letters(&app, "h").await;
    let at = head(&app).await;
    for key in [
        "%00",
        "%ff",
        "%2e%2e",
        "..",
        "a%2fb",
        "%F0%9F%98%80",
        "a b",
        "'%3B--",
        "%1b%5b31m",
        "-",
        "%",
        "%zz",
        &"k".repeat(257),
        &"k".repeat(5_000),
    ] {
        for (method, path) in [
            (Method::PATCH, format!("/api/flags/{key}")),
            (Method::DELETE, format!("/api/flags/{key}")),
            (Method::POST, format!("/api/flags/{key}/toggle")),
            (Method::PUT, format!("/api/flags/{key}/config/staging")),
            (Method::PUT, format!("/api/flags/h/config/{key}")),
            (Method::POST, format!("/api/projects/{key}/flags")),
        ] {
            let body = br#"{"environment":"staging"}"#.to_vec();
            let what = format!("{method} {path:.80}");
            let status = settled(send(&app, &method, &path, body).await, &what).await;
            assert!(status.is_client_error(), "{what}: {status}");
        }
    }
    for query in [
        "dryRun=maybe",
        "dryRun=%ff",
        "baseRevision=",
        "baseRevision=1.",
        "comment=%00",
        "comment=%1b",
        "min_revision=x",
        "min_revision=99999999999999999999999",
    ] {
        let what = format!("?{query}");
        let status = settled(
            send(&app, &Method::PATCH, &format!("/api/flags/h?{query}"), b"{\"name\":\"x\"}".to_vec()).await,
            &what,
        )
        .await;
        assert!(status.is_client_error(), "{what}: {status}");
    }
    assert_eq!(head(&app).await, at);
}
