//! An older database in the place of ours, and nobody has looked yet: no write is taken on it.

use std::time::Duration;

use flagstaffd::config::Config;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

/// A follower that looks when this daemon has written, and by itself never.
fn slow(config: &mut Config) {
    config.live.poll_interval = Duration::from_secs(3600);
    config.database.listen = false;
}

/// What the database holds: the head, the newest revision, the version of the flag's configuration.
async fn truth(conn: &mut PgConnection) -> (i64, i64, i64) {
    sqlx::query_as(
        "select (select revision from head), (select max(number) from revision),
            (select c.version from feature_flag_configs c join environments e on e.id = c.environment_id
             where e.key = 'staging')",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

async fn refusal(app: &TestApp, key: &str) -> Value {
    let request = app.request(reqwest::Method::POST, "/api/flags/f/toggle").header("idempotency-key", key);
    let answer = request.json(&json!({"environment": "staging"})).send().await.unwrap();
    json!({"status": answer.status().as_u16(), "type": answer.json::<Value>().await.unwrap()["type"]})
}

fn frozen() -> Value {
    json!({"status": 503, "type": "urn:flagstaff:problem:revision-regressed"})
}

#[tokio::test]
async fn an_older_database_takes_no_write_before_the_follower_has_looked() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url.clone(), slow).await;
    flag(&app, "f").await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let old = truth(&mut database).await;
    let on = flip(&app, "f").await;
    app.until("it is served", async || app.state.live.catalog().position.revision.0 == on).await;
    cluster::take_back(&mut database, on).await;
    assert_eq!(truth(&mut database).await, (old.0, old.1, old.2 + 1), "the history is a step shorter");
    assert!(!app.state.gate.regressed(), "nobody has looked");
    assert_eq!(refusal(&app, "a").await, frozen());
    assert_eq!(truth(&mut database).await, (old.0, old.1, old.2 + 1), "nothing was written");
    app.until("it is noticed by all", async || app.state.gate.regressed()).await;
    assert_eq!(refusal(&app, "b").await, frozen());
    let kept: i64 =
        sqlx::query_scalar("select count(*) from idempotency_key").fetch_one(&mut database).await.unwrap();
    assert_eq!(kept, 0);
    let shown: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(shown["environments"]["staging"]["enabled"], true, "what was served is served");
}

#[tokio::test]
async fn another_history_of_the_same_length_takes_no_write_either() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url.clone(), slow).await;
    flag(&app, "f").await;
    let on = flip(&app, "f").await;
    app.until("it is served", async || app.state.live.catalog().position.revision.0 == on).await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let other = "update head set hash = decode(repeat('ab', 32), 'hex')";
    sqlx::query(other).execute(&mut database).await.unwrap();
    let now = truth(&mut database).await;
    assert_eq!(refusal(&app, "a").await, frozen());
    let resolved = app.post("/api/idempotency-keys/k/resolve", &json!({})).await;
    assert_eq!(resolved.status(), 503, "nothing is settled on another history");
    assert_eq!(truth(&mut database).await, now);
}

#[tokio::test]
async fn a_commit_that_nobody_has_followed_yet_counts_as_seen() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url.clone(), slow).await;
    flag(&app, "f").await;
    let on = flip(&app, "f").await;
    app.until("it is served", async || app.state.live.catalog().position.revision.0 == on).await;
    // As if the next change had been answered, and its database were gone before anybody followed it.
    app.state.gate.saw(shared::revision::Position::new(1, on + 1), [7; 32]);
    assert_eq!(refusal(&app, "a").await, frozen());
    app.until("it is noticed by all", async || app.state.gate.regressed()).await;
    assert_eq!(app.state.live.catalog().position.revision.0, on);
}
