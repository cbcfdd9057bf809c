//! Health and metrics: what probes and Prometheus see, with the database and without.

use flagstaffd::config::model::AccessMode;
use flagstaffd::postgres::cluster::{self, Options};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::cluster::{binaries, directory, fresh_database};

async fn health(app: &TestApp) -> Value {
    app.get("/health").await.json().await.unwrap()
}

#[tokio::test]
async fn health_tells_how_the_database_and_the_pool_are_and_names_nobody() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "secret-plan", "type": "boolean"})).await;
    app.until("the revision is served", async || health(&app).await["revision"] == 2).await;
    let answer = app.get("/health").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    assert!(!text.contains("secret-plan") && !text.contains("staging"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], "ok");
    assert_eq!(body["database"]["connected"], true);
    assert!(body["database"]["latency"].as_f64().is_some_and(|ms| ms >= 0.0), "{body}");
    assert!(body["pool"]["size"].as_u64() >= Some(1) && body["pool"]["max"] == 20, "{body}");
    assert_eq!(body["lag"], 0);
    assert_eq!(body["epoch"], 1);
}

#[tokio::test]
async fn while_postgresql_is_away_reads_go_on_and_probes_tell_the_difference() {
    let own = Options { max_connections: 20, ..Options::new(directory("away"), binaries()) };
    let server = cluster::start(own.clone()).await.unwrap();
    let app = TestApp::start_on(server.url(), |config| {
        config.database.acquire_timeout = std::time::Duration::from_millis(300);
    })
    .await;
    app.post("/api/flags", &json!({"key": "kept", "type": "boolean"})).await;
    app.until("it is served", async || app.get("/api/flags/kept").await.status() == 200).await;
    assert_eq!(app.get("/health/ready?need=write").await.status(), 200);
    server.stop().await;
    app.until("the loss is seen", async || health(&app).await["status"] == "degraded").await;
    assert_eq!(app.get("/health").await.status(), 200);
    assert_eq!(health(&app).await["database"]["connected"], false);
    assert_eq!(app.get("/health/live").await.status(), 200);
    assert_eq!(app.get("/health/ready").await.status(), 200);
    assert_eq!(app.get("/health/ready?need=write").await.status(), 503);
    assert_eq!(app.get("/api/flags/kept").await.status(), 200);
    let refused = app.post("/api/flags", &json!({"key": "late", "type": "boolean"})).await;
    assert_eq!(refused.status(), 503);
    let back = cluster::start(own).await.unwrap();
    app.until("writes go on", async || app.get("/health/ready?need=write").await.status() == 200).await;
    app.until("all is well", async || health(&app).await["status"] == "ok").await;
    let made = app.post("/api/flags", &json!({"key": "late", "type": "boolean"})).await;
    assert_eq!(made.status(), 201);
    back.stop().await;
}

#[tokio::test]
async fn readiness_knows_two_needs() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/health/ready").await.status(), 200);
    let refused = app.get("/health/ready?need=luck").await;
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn metrics_have_the_names_that_alerts_rest_on() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "counted", "type": "boolean"})).await;
    app.post("/api/flags", &json!({"key": "counted", "type": "boolean"})).await;
    let answer = app.get("/metrics").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    for name in [
        "flagstaff_pool_connections{state=\"idle\"}",
        "flagstaff_pool_connections_max ",
        "flagstaff_commit_seconds_bucket{",
        "flagstaff_changes_total{kind=\"change\"}",
        "flagstaff_refusals_total{kind=\"key-taken\"}",
        "flagstaff_revision ",
        "flagstaff_revision_lag ",
        "flagstaff_epoch ",
        "flagstaff_degraded_items 0",
        "flagstaff_database_up 1",
        "flagstaff_http_requests_total{",
        "flagstaff_uptime_seconds ",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
}

#[tokio::test]
async fn metrics_are_for_operators_unless_they_are_made_public() {
    let closed =
        TestApp::start_on(fresh_database().await, |config| config.access.mode = AccessMode::Normal).await;
    assert_eq!(closed.get("/metrics").await.status(), 401);
    assert_eq!(closed.get("/health").await.status(), 200);
    let open = TestApp::start_on(fresh_database().await, |config| {
        config.access.mode = AccessMode::Normal;
        config.access.metrics_public = true;
    })
    .await;
    assert_eq!(open.get("/metrics").await.status(), 200);
}
