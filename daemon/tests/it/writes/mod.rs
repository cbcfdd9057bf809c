//! GROUND: the one write path, tried hard over HTTP. What its tests share.

mod hostile;
mod keeping;
mod losing;
mod merging;
mod planning;
mod racing;
mod replaying;
mod schema;
mod validating;
mod versions;

use std::sync::Arc;

use flagstaffd::service::commit::{self, Answer, Item};
use flagstaffd::service::{Caller, Cx, Refusal, WriteOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::change::{Mutation, Patch};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};

use crate::support::app::TestApp;

pub fn text(json: &str) -> Json {
    shared::json::parse(json).expect("JSON")
}

pub fn flag(key: &str) -> FlagKey {
    FlagKey::new(key).expect("a key")
}

pub fn environment(key: &str) -> EnvironmentKey {
    EnvironmentKey::new(key).expect("a key")
}

pub fn segment(key: &str) -> SegmentKey {
    SegmentKey::new(key).expect("a key")
}

/// Sends a body as it is written, as `alice`.
pub async fn send(app: &TestApp, method: Method, path: &str, body: &str) -> reqwest::Response {
    let request = app.request(method, path).header("content-type", "application/json");
    request.body(body.to_owned()).send().await.expect("an answer")
}

/// The answer's status and its body as JSON.
pub async fn told(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{status}: {e}: {text}")))
}

/// Creates a boolean flag.
pub async fn boolean(app: &TestApp, key: &str) {
    let created = app.post("/api/flags", &json!({"key": key, "type": "boolean"})).await;
    assert_eq!(created.status(), StatusCode::CREATED);
}

/// Creates a flag with the string variations a, b and c.
pub async fn letters(app: &TestApp, key: &str) {
    let body = json!({"key": key, "type": "string",
        "variations": [{"value": "a"}, {"value": "b"}, {"value": "c"}]});
    assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::CREATED);
}

/// Protects production.
pub async fn protect(app: &TestApp, more: &str) {
    let patch = Patch::Merge(text(&format!(r#"{{"protected":true{more}}}"#)));
    app.commit(&[Item::whole(Mutation::UpdateEnvironment(
        ProjectKey::default(),
        environment("production"),
        patch,
    ))])
    .await;
}

/// Does mutations as the owner; the body of the answer is what was touched.
pub async fn run(app: &TestApp, options: &WriteOptions, mutations: &[Mutation]) -> Result<Answer, Refusal> {
    let caller = Caller::command_line("os:owner");
    run_as(app, caller, options, mutations).await
}

/// Does mutations as somebody.
pub async fn run_as(
    app: &TestApp,
    caller: Caller,
    options: &WriteOptions,
    mutations: &[Mutation],
) -> Result<Answer, Refusal> {
    let cx = Cx {
        gate: Arc::clone(&app.state.gate),
        clock: Arc::clone(&app.state.clock),
        caller,
        source: "change-set",
        request_id: None,
    };
    let items: Vec<Item> = mutations
        .iter()
        .enumerate()
        .map(|(i, m)| Item { mutation: m.clone(), at: format!("/mutations/{i}"), if_match: None })
        .collect();
    let render = |done: &commit::Done| Answer {
        status: 200,
        headers: vec![],
        body: done.touched.iter().map(|t| format!("{} {}\n", t.action.as_str(), t.key)).collect::<String>(),
        revision: None,
        replayed: false,
    };
    commit::run(&cx, options, &items, &render).await
}

/// The revision of the head.
pub async fn head(app: &TestApp) -> i64 {
    sqlx::query_scalar("select revision from head").fetch_one(app.state.gate.pool()).await.expect("a head")
}

/// The pointers of a problem's errors.
pub fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|e| e["pointer"].as_str()).collect()
}
