//! Many at once: of all that carry one ETag exactly one succeeds, and nobody's change is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{boolean, head};
use crate::support::app::TestApp;

fn races() -> i64 {
    std::env::var("FLAGSTAFF_TEST_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

/// Each worker reads the ETag and writes with it, many times; rounds of workers share an ETag by chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_all_who_carry_one_etag_exactly_one_succeeds() {
    let app = Arc::new(TestApp::start().await);
    boolean(&app, "raced").await;
    let left = Arc::new(AtomicI64::new(races()));
    let (won, lost) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let mut workers = Vec::new();
    let winners = Arc::new(std::sync::Mutex::new(std::collections::BTreeMap::<String, i64>::new()));
    for worker in 0..16 {
        let (app, left, won, lost) =
            (Arc::clone(&app), Arc::clone(&left), Arc::clone(&won), Arc::clone(&lost));
        let winners = Arc::clone(&winners);
        workers.push(tokio::spawn(async move {
            let mut etag = None::<String>;
            while left.fetch_sub(1, Ordering::SeqCst) > 0 {
                let tag = match etag.take() {
                    Some(tag) => tag,
                    None => {
                        let read = app.get("/api/flags/raced/config/staging").await;
                        read.headers()["etag"].to_str().unwrap().to_owned()
                    }
                };
                let (method, path, body) = if worker % 2 == 0 {
                    (Method::POST, "/api/flags/raced/toggle", json!({"environment": "staging"}))
                } else {
                    let config = json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1,
                        "worker": worker, "left": left.load(Ordering::SeqCst)});
                    (Method::PUT, "/api/flags/raced/config/staging", json!({"config": config}))
                };
                let response =
                    app.request(method, path).header("if-match", &tag).json(&body).send().await.unwrap();
                let status = response.status();
                let next = response.headers().get("etag").map(|e| e.to_str().unwrap().to_owned());
                let body: Value = response.json().await.unwrap();
                match status {
                    StatusCode::OK => {
                        assert_eq!(body["changed"], true);
                        won.fetch_add(1, Ordering::SeqCst);
                        *winners.lock().unwrap().entry(tag).or_default() += 1;
                        // Whoever won tries again with the same ETag: it must be stale by now.
                    }
                    StatusCode::PRECONDITION_FAILED => {
                        lost.fetch_add(1, Ordering::SeqCst);
                        assert_ne!(next.as_ref().expect("the current ETag"), &tag);
                        assert!(body["current"]["version"].as_i64().unwrap() >= 1, "{body}");
                        assert!(body["detail"].as_str().unwrap().contains("current ETag"));
                        etag = next;
                    }
                    other => panic!("{other}: {body}"),
                }
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let (won, lost) = (won.load(Ordering::SeqCst), lost.load(Ordering::SeqCst));
    assert_eq!(won + lost, races());
    assert!(lost > 0, "nobody raced");
    assert!(winners.lock().unwrap().values().all(|n| *n == 1), "an ETag won twice");
    let config: Value = app.get("/api/flags/raced/config/staging").await.json().await.unwrap();
    assert_eq!(config["version"].as_i64().unwrap(), 1 + won, "the counter is the number of 200s");
    // Founding, creating, and one revision for each win.
    assert_eq!(head(&app).await, 2 + won);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flips_without_an_etag_all_count() {
    let app = Arc::new(TestApp::start().await);
    boolean(&app, "flipped").await;
    let mut flips = Vec::new();
    for _ in 0..41 {
        let app = Arc::clone(&app);
        flips.push(tokio::spawn(async move {
            app.post("/api/flags/flipped/toggle", &json!({"environment": "staging"})).await.status()
        }));
    }
    for flip in flips {
        assert_eq!(flip.await.unwrap(), StatusCode::OK);
    }
    let config: Value = app.get("/api/flags/flipped/config/staging").await.json().await.unwrap();
    assert_eq!((config["version"].as_i64(), config["enabled"].as_bool()), (Some(42), Some(true)));
}

#[tokio::test]
async fn etags_of_reads_and_writes_are_the_same_text() {
    let app = TestApp::start().await;
    boolean(&app, "tagged").await;
    let toggled = app.post("/api/flags/tagged/toggle", &json!({"environment": "staging"})).await;
    let read = app.get("/api/flags/tagged/config/staging").await;
    assert_eq!(toggled.headers()["etag"], read.headers()["etag"]);
    let renamed = app.patch("/api/flags/tagged", &json!({"name": "Tagged"})).await;
    let read = app.get("/api/flags/tagged").await;
    assert_eq!(renamed.headers()["etag"], read.headers()["etag"]);
    let tag = read.headers()["etag"].clone();
    // Another's toggle does not stand in the way of an edit of the flag itself.
    app.post("/api/flags/tagged/toggle", &json!({"environment": "staging"})).await;
    let patch = |tag: reqwest::header::HeaderValue| {
        app.request(Method::PATCH, "/api/flags/tagged")
            .header("if-match", tag)
            .json(&json!({"description": "x"}))
            .send()
    };
    assert_eq!(patch(tag.clone()).await.unwrap().status(), StatusCode::OK);
    let stale = patch(tag).await.unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.headers()["etag"], app.get("/api/flags/tagged").await.headers()["etag"]);
    for nonsense in ["", "x", "\"1.99999999.1\"", "W/\"\"", "\"1\""] {
        let value = reqwest::header::HeaderValue::from_str(nonsense).unwrap();
        assert_eq!(patch(value).await.unwrap().status(), StatusCode::PRECONDITION_FAILED, "{nonsense:?}");
    }
    let star = reqwest::header::HeaderValue::from_static("*");
    assert_eq!(patch(star).await.unwrap().status(), StatusCode::OK);
}
