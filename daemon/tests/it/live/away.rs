//! Without the database: what goes on, what is refused, and how it comes back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flagstaffd::config::Config;
use flagstaffd::live::disk::Disk;
use flagstaffd::postgres::cluster::{self as postgres, Options, Running};
use serde_json::{Value, json};

use super::{Ears, flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

async fn server(data: &std::path::Path) -> Running {
    let options = Options { fsync: false, ..Options::new(data, cluster::binaries()) };
    postgres::start(options).await.expect("a PostgreSQL of its own")
}

fn patience(config: &mut Config) {
    config.database.acquire_timeout = Duration::from_millis(1_500);
}

/// Toggles and returns the status, the kind of the problem, and how long it took.
async fn toggle(app: &TestApp) -> (u16, String, Duration) {
    let start = Instant::now();
    let answer = app.post("/api/flags/f/toggle", &json!({"environment": "staging"})).await;
    let status = answer.status().as_u16();
    let retry = answer.headers().contains_key("retry-after");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(retry, status == 503, "{body}");
    (status, body["type"].as_str().unwrap_or_default().to_owned(), start.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_and_streams_go_on_and_writes_come_back_with_the_database() {
    let data = cluster::directory("away");
    let running = server(&data).await;
    let app = TestApp::start_on(running.url(), patience).await;
    let made = flag(&app, "f").await;
    flip(&app, "f").await;
    let (mut ears, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    app.until("what was committed is served", async || app.state.live.lag() == 0).await;
    running.stop().await;

    for turn in 0..8 {
        let (status, kind, took) = toggle(&app).await;
        assert_eq!((status, kind.as_str()), (503, "urn:flagstaff:problem:database-unavailable"));
        assert!(took < Duration::from_secs(4), "write {turn} was refused after {took:?}");
    }
    app.until("the breaker is open", async || !app.state.gate.answers()).await;
    app.until("writes are refused at once", async || toggle(&app).await.2 < Duration::from_millis(100)).await;
    app.until("it is known to be stale", async || app.state.live.stale()).await;
    for path in [
        "/api/flags",
        "/api/flags/f",
        "/api/flags/f/config/staging",
        "/api/environments/staging/flags",
        "/api/status",
    ] {
        let start = Instant::now();
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(start.elapsed() < Duration::from_secs(1), "{path} took {:?}", start.elapsed());
    }
    assert_eq!(app.get("/api/flags/f").await.headers()["flagstaff-stale"], "true");
    // A stream that is opened now still resumes, and one beyond the feed gets what there is.
    let (mut late, _) = Ears::on(&app, &["environment:staging"], json!(made)).await;
    assert_eq!(late.hear("revision").await["revision"], made + 1);
    let (mut old, _) = Ears::on(&app, &["environment:staging"], json!("0.1")).await;
    assert_eq!(old.hear("snapshot").await["revision"], made + 1);

    let running = server(&data).await;
    app.until("writes are taken again", async || toggle(&app).await.0 == 200).await;
    assert_eq!(ears.hear("revision").await["revision"], made + 2);
    assert_eq!(late.hear("revision").await["revision"], made + 2);
    assert_eq!(old.hear("revision").await["revision"], made + 2);
    app.until("it is fresh again", async || !app.state.live.stale()).await;
    assert!(!app.get("/api/flags/f").await.headers().contains_key("flagstaff-stale"));
    drop(app);
    running.stop().await;
}

/// Waits until the disk holds a revision.
async fn kept(data: &std::path::Path, revision: i64) {
    let disk = Disk::below(data, std::sync::Arc::new(|| None));
    let end = Instant::now() + Duration::from_secs(20);
    while disk.read().is_none_or(|r| r.catalog.position.revision.0 != revision) {
        assert!(Instant::now() < end, "r{revision} never came to the disk");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_start_without_the_database_serves_the_catalog_on_disk_until_it_answers() {
    let data = cluster::directory("cold");
    let own: PathBuf = cluster::directory("own");
    let running = server(&data).await;
    let url = running.url();
    let at = |own: PathBuf| {
        move |config: &mut Config| {
            patience(config);
            config.data.directory = own;
        }
    };
    let before = TestApp::start_on(url.clone(), at(own.clone())).await;
    flag(&before, "f").await;
    let on = flip(&before, "f").await;
    let payload = before.get("/api/environments/staging/flags").await.text().await.unwrap();
    kept(&own, on).await;
    drop(before);
    running.stop().await;

    let start = Instant::now();
    let app = TestApp::start_on(url, at(own.clone())).await;
    println!("served from the disk after {:?}", start.elapsed());
    assert!(app.state.live.stale() && app.state.live.provisional());
    let answer = app.get("/api/environments/staging/flags").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["flagstaff-stale"], "true");
    assert_eq!(answer.text().await.unwrap(), payload);
    let (status, ..) = toggle(&app).await;
    assert_eq!(status, 503);
    let (mut ears, answer) = Ears::on(&app, &["environment:staging"], json!(on)).await;
    assert_eq!(answer["position"], format!("1.{on}"));

    let running = server(&data).await;
    app.until("the database is followed", async || !app.state.live.stale()).await;
    assert!(!app.state.live.provisional());
    app.until("writes are taken", async || toggle(&app).await.0 == 200).await;
    assert_eq!(ears.hear("revision").await["revision"], on + 1);
    kept(&own, on + 1).await;
    drop(app);
    running.stop().await;
}
