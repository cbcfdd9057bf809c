//! Clients that take nothing, or say nothing.

use std::time::Duration;

use serde_json::json;

use super::{Ears, flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_nobody_else_notices() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| {
        c.http.write_timeout = Duration::from_millis(500);
        c.live.ring_bytes = 1 << 20;
    })
    .await;
    let made = flag(&app, "f").await;
    let (mut good, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    let (deaf, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    assert_eq!(app.state.live.clients().count(), 2);
    // More than the kernel keeps for a socket, in pieces that keep the feed short.
    let reading = tokio::spawn(async move {
        let mut heard = Vec::new();
        while heard.len() < 150 {
            heard.push(good.hear("revision").await["revision"].as_i64().unwrap());
        }
        (good, heard)
    });
    for turn in 0..150 {
        let description = format!("{turn} {}", "x".repeat(50_000));
        assert_eq!(app.patch("/api/flags/f", &json!({"description": description})).await.status(), 200);
    }
    let (mut good, heard) = reading.await.unwrap();
    assert_eq!(heard, (made + 1..=made + 150).collect::<Vec<_>>());
    app.until("the deaf one is cut", async || app.state.live.clients().count() == 1).await;
    let last = flip(&app, "f").await;
    assert_eq!(good.hear("revision").await["revision"], last);
    drop(deaf);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| c.live.websocket_ping = Duration::from_millis(100)).await;
    let (mut alive, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    let (silent, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    assert_eq!(app.state.live.clients().count(), 2);
    let hearing = tokio::spawn(async move { alive.hear("revision").await });
    app.until("the silent one is cut", async || app.state.live.clients().count() == 1).await;
    let made = flag(&app, "f").await;
    assert_eq!(hearing.await.unwrap()["revision"], made);
    drop(silent);
}
