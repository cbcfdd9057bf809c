//! Under load events are the first to go: accepted, thrown away, counted, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Keys, accepted, bulk, counted, flags, keys, summary, usage};
use crate::support::app::TestApp;
use crate::support::sdk::Events;

/// More than all payloads together may have.
const EVERYTHING: usize = 64 << 20;

/// How many payloads were thrown away by now, by all daemons of this process.
async fn shed(app: &TestApp) -> u64 {
    let text = app.get("/metrics").await.text().await.unwrap();
    let name = "flagstaff_usage_shed_total{what=\"payload\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse().unwrap())
}

/// A summary by every route that takes events.
fn every(app: &TestApp, keys: &Keys) -> Vec<RequestBuilder> {
    let body = summary("a", 1, 0, 1).to_string();
    let post = |path: String| {
        app.client.post(app.at(&path)).header("content-type", "application/json").body(body.clone())
    };
    let mobile = |path: &str| post(path.to_owned()).header("authorization", &keys.mobile);
    vec![
        bulk(app, keys, body.clone()),
        mobile("/mobile"),
        mobile("/mobile/events"),
        mobile("/mobile/events/bulk"),
        post(format!("/events/bulk/{}", keys.browser)),
    ]
}

/// The picture that carries events.
async fn picture(app: &TestApp, keys: &Keys) {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::URL_SAFE.encode(summary("a", 1, 0, 1).to_string());
    let picture = app.get(&format!("/a/{}.gif?d={text}", keys.browser)).await;
    assert_eq!((picture.status().as_u16(), picture.headers().contains_key("date")), (200, true));
}

/// What everybody else gets while events are thrown away.
async fn others_are_served(app: &TestApp, keys: &Keys, stream: &mut Events, on: bool) {
    let body = json!({"environment": "staging", "enabled": on});
    assert_eq!(app.post("/api/flags/a/toggle", &body).await.status(), 200);
    let patch = stream.hear("patch").await;
    assert_eq!((&patch["path"], &patch["data"]["on"]), (&json!("/flags/a"), &json!(on)));
    let path = format!("/sdk/evalx/{}/contexts/eyJrZXkiOiJhbm5hIn0", keys.browser);
    let told: Value = app.get(&path).await.json().await.unwrap();
    assert_eq!(told["a"]["value"], on, "{told}");
    let asked = app.client.get(app.at("/sdk/latest-all")).header("authorization", &keys.server);
    assert_eq!(asked.send().await.unwrap().status(), 200);
    for path in ["/diagnostic", "/mobile/events/diagnostic"] {
        let key = if path == "/diagnostic" { &keys.server } else { &keys.mobile };
        let request = app.client.post(app.at(path)).header("authorization", key);
        accepted(request.body(r#"{"kind":"diagnostic"}"#)).await;
    }
}

/// Sends by every route, and is sure that all of it was thrown away and counted so.
async fn all_is_shed(app: &TestApp, keys: &Keys) {
    let before = shed(app).await;
    let requests = every(app, keys);
    let most = requests.len() as u64 + 1;
    for request in requests {
        let answer = accepted(request).await;
        assert_eq!(answer.text().await.unwrap(), "");
    }
    picture(app, keys).await;
    let thrown = shed(app).await - before;
    assert!(thrown >= most, "{thrown} of {most} were counted");
}

async fn opened(app: &TestApp, keys: &Keys) -> Events {
    let mut stream = Events::open(app, &keys.server, "/all").await;
    stream.hear("put").await;
    stream
}

#[tokio::test]
async fn where_payloads_hold_all_the_memory_they_may_more_are_accepted_and_thrown_away() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let mut stream = opened(&app, &keys).await;
    let mut held = app.state.usage.queue.hold();
    assert!(held.more(EVERYTHING), "the memory for payloads is free, and no larger");
    all_is_shed(&app, &keys).await;
    others_are_served(&app, &keys, &mut stream, true).await;
    // What is no payload, or not for this SDK, is told so nonetheless.
    assert_eq!(bulk(&app, &keys, "").send().await.unwrap().status(), 400);
    assert_eq!(app.client.post(app.at("/bulk")).body("[]").send().await.unwrap().status(), 401);
    drop(held);
    for request in every(&app, &keys) {
        accepted(request).await;
    }
    picture(&app, &keys).await;
    // Only what came afterwards: of the first nothing was kept.
    counted(&app, "a", 6).await;
}

/// Keeps the reader of payloads busy until the sender is dropped, and fills the line behind it: how many wait, and
/// how many were read since.
async fn fill(app: &TestApp, until: Receiver<()>) -> (usize, Arc<AtomicUsize>) {
    let queue = &app.state.usage.queue;
    let (begun, begins) = channel();
    assert!(queue.offer(move || {
        let _ = begun.send(());
        let _ = until.recv();
    }));
    app.until("the reader is busy", async || begins.try_recv().is_ok()).await;
    let (mut waiting, read) = (0, Arc::<AtomicUsize>::default());
    loop {
        let read = Arc::clone(&read);
        let counts = move || {
            read.fetch_add(1, Ordering::AcqRel);
        };
        if !queue.offer(counts) {
            break;
        }
        waiting += 1;
    }
    (waiting, read)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_too_many_payloads_wait_more_are_accepted_and_thrown_away() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let mut stream = opened(&app, &keys).await;
    let (busy, until) = channel();
    let (waiting, read) = fill(&app, until).await;
    all_is_shed(&app, &keys).await;
    others_are_served(&app, &keys, &mut stream, true).await;
    assert_eq!(usage(&app, "a").await["total"], 0);
    drop(busy);
    // A busy machine reads them slowly, but it reads on.
    for tenth in 1..=10 {
        let part = waiting * tenth / 10;
        app.until("the line moves on", async || read.load(Ordering::Acquire) >= part).await;
    }
    accepted(bulk(&app, &keys, summary("a", 1, 0, 3).to_string())).await;
    counted(&app, "a", 3).await;
}
