//! Connections lost and locks held: an answer never claims what was not committed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{boolean, head, told};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::proxy::{Commit, Proxy};

async fn keyed(app: &TestApp, key: &str) -> reqwest::Response {
    let request = app.request(Method::POST, "/api/flags/lost/toggle").header("idempotency-key", key);
    request.json(&json!({"environment": "staging"})).send().await.expect("an answer")
}

fn is(problem: &Value, kind: &str) -> bool {
    problem["type"].as_str().is_some_and(|t| t.ends_with(kind))
}

/// The head, past the proxy.
async fn truth(url: &str) -> i64 {
    use sqlx::Connection;
    let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("select revision from head").fetch_one(&mut conn).await.unwrap()
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_key_tells() {
    let direct = cluster::fresh_database().await;
    let proxy = Proxy::before(&direct).await;
    let app = TestApp::start_on(proxy.url.clone(), |_| {}).await;
    boolean(&app, "lost").await;
    let before = truth(&direct).await;
    for (what, changes) in [(Commit::AnswerLost, 1), (Commit::Lost, 0)] {
        let start = truth(&direct).await;
        proxy.next(what);
        let response = keyed(&app, &format!("{what:?}")).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        assert!(!response.headers().contains_key("flagstaff-revision"), "it names no revision");
        let problem: Value = response.json().await.unwrap();
        assert!(is(&problem, "outcome-unknown"), "{problem}");
        assert_eq!(truth(&direct).await, start + changes, "{what:?}");
        // The same key settles it: answered as it was, or done now; once in any case.
        let again = keyed(&app, &format!("{what:?}")).await;
        assert_eq!(again.status(), StatusCode::OK);
        assert_eq!(again.headers().contains_key("idempotency-replayed"), changes == 1);
        assert_eq!(truth(&direct).await, start + 1);
    }
    assert_eq!(truth(&direct).await, before + 2);
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_has_changed_nothing_for_sure() {
    let direct = cluster::fresh_database().await;
    let proxy = Proxy::before(&direct).await;
    let app = TestApp::start_on(proxy.url.clone(), |_| {}).await;
    boolean(&app, "lost").await;
    let before = truth(&direct).await;
    proxy.next(Commit::LostBefore);
    let (status, problem) = told(keyed(&app, "k").await).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(is(&problem, "database-unavailable"), "{problem}");
    assert_eq!(truth(&direct).await, before);
    let again = keyed(&app, "k").await;
    assert!(!again.headers().contains_key("idempotency-replayed"));
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(truth(&direct).await, before + 1);
}

#[tokio::test]
async fn a_toggle_takes_few_round_trips() {
    let direct = cluster::fresh_database().await;
    let proxy = Proxy::before(&direct).await;
    let app = TestApp::start_on(proxy.url.clone(), |_| {}).await;
    boolean(&app, "lost").await;
    let toggle = async || {
        let body = json!({"environment": "staging"});
        assert_eq!(app.post("/api/flags/lost/toggle", &body).await.status(), StatusCode::OK);
    };
    for _ in 0..20 {
        toggle().await;
    }
    let trips = proxy.trips.lock().unwrap().split_off(0);
    let fewest = trips.iter().min().copied().unwrap();
    // begin, head, flag, environment, configuration; configuration, history, commit.
    assert!(fewest <= 8, "{trips:?}");
}

#[tokio::test]
async fn a_head_that_is_held_makes_writes_busy_and_nothing_worse() {
    let app = TestApp::start().await;
    boolean(&app, "lost").await;
    let before = head(&app).await;
    let mut holder = app.state.gate.pool().acquire().await.unwrap();
    sqlx::raw_sql("begin; select * from head for update").execute(&mut *holder).await.unwrap();
    let waiting = (0..7).map(|i| {
        let request = app.request(Method::POST, "/api/flags/lost/toggle").header("idempotency-key", i);
        tokio::spawn(request.json(&json!({"environment": "staging"})).send())
    });
    let waiting: Vec<_> = waiting.collect();
    for one in waiting {
        let (status, problem) = told(one.await.unwrap().unwrap()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("busy"), "{problem}");
    }
    // The database is there: reads from it and dry runs are not refused.
    assert!(app.state.gate.answers());
    let dry = app.post("/api/flags/lost/toggle?dryRun=true", &json!({"environment": "staging"})).await;
    assert_eq!(dry.status(), StatusCode::OK);
    sqlx::raw_sql("rollback").execute(&mut *holder).await.unwrap();
    assert_eq!(keyed(&app, "k").await.status(), StatusCode::OK);
    assert_eq!(head(&app).await, before + 1);
}

#[tokio::test]
async fn an_open_breaker_lets_one_try_and_closes_when_it_succeeds() {
    use flagstaffd::clock::{Clock, SystemClock};
    use flagstaffd::store::gate::Gate;
    use std::sync::Arc;
    let app = TestApp::start().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let gate = Gate::new(app.state.gate.pool().clone(), clock);
    for _ in 0..4 {
        gate.failed();
    }
    assert!(gate.read().await.is_ok(), "four failures leave it closed");
    gate.failed();
    assert!(gate.read().await.is_err(), "five open it, at once");
    app.until("one may try", async || gate.read().await.is_ok()).await;
    assert!(gate.answers());
    assert!(gate.read().await.is_ok());
}

#[tokio::test]
async fn another_epoch_ends_the_waiting_for_what_was_committed_before() {
    let app = TestApp::start().await;
    boolean(&app, "lost").await;
    // As after a restore: what was committed here is of a history that is no more.
    app.state.gate.committed(shared::revision::Position::new(1, 1_000));
    sqlx::raw_sql(
        "begin;
         insert into revision (number, epoch, at, kind, actor, credential, source, previous_hash, hash)
         select revision + 1, epoch + 1, clock_timestamp(), 'epoch', 'x', 'cli', 'cli', hash, sha256(hash) from head;
         update head set epoch = epoch + 1, revision = revision + 1, hash = sha256(hash), at = clock_timestamp();
         commit",
    )
    .execute(app.state.gate.pool())
    .await
    .unwrap();
    app.until("the new epoch is served", async || app.state.live.catalog().position.epoch.0 == 2).await;
    assert_eq!(app.state.gate.last_committed(), 0);
    let toggled = app.post("/api/flags/lost/toggle", &json!({"environment": "staging"})).await;
    assert_eq!(toggled.headers()["etag"].to_str().unwrap().split('.').next(), Some("\"2"));
}
