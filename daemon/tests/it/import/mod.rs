//! Exports taken in, over HTTP and as the seeds do it.

mod bulk;
mod client;
mod loop_of_the_seed;
mod rest;
mod seeds;
mod server;

use std::sync::Arc;

use flagstaffd::app;
use flagstaffd::clock::{Clock, SystemClock};
use flagstaffd::service::{Caller, Cx};
use flagstaffd::store::gate::Gate;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::app::{TestApp, config};

pub const STAGING: &str = include_str!("../../../../seeds/launch-darkly-staging.json");
pub const PRODUCTION: &str = include_str!("../../../../seeds/launch-darkly-production.json");

/// POSTs an export as alice and answers status and body.
pub async fn import(app: &TestApp, query: &str, export: &str) -> (StatusCode, Value) {
    let answer = app
        .request(reqwest::Method::POST, &format!("/api/import?{query}"))
        .header("content-type", "application/json")
        .body(export.to_owned())
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    (status, answer.json().await.expect("JSON"))
}

/// An import that must be taken.
pub async fn taken(app: &TestApp, query: &str, export: &str) -> Value {
    let (status, body) = import(app, query, export).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// The line of a key.
pub fn line<'v>(body: &'v Value, key: &str) -> &'v Value {
    let lines = body["report"].as_array().expect("a report");
    lines.iter().find(|l| l["key"] == key).unwrap_or_else(|| panic!("{key} is in the report: {body}"))
}

/// The pointers of a line's faults.
pub fn pointers<'v>(body: &'v Value, key: &str) -> Vec<&'v str> {
    let faults = line(body, key)["faults"].as_array().expect("faults");
    faults.iter().map(|f| f["pointer"].as_str().expect("a pointer")).collect()
}

/// The context of a command on a fresh, migrated database.
pub async fn command(url: &str) -> Cx {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let pool = app::pool(&config(), url.parse().expect("an address"));
    app::migrate(&pool, clock.as_ref()).await.expect("the database migrates");
    Cx {
        gate: Arc::new(Gate::new(pool, Arc::clone(&clock))),
        clock,
        caller: Caller::command_line("os:test"),
        source: "cli",
        request_id: None,
    }
}
