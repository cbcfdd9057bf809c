//! Events are accepted at once, however they come, and no answer silences an SDK for no reason.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::{accepted, bulk, counted, flags, keys, summary, usage};
use crate::support::app::TestApp;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn chunked(bytes: &[u8]) -> reqwest::Body {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        bytes.chunks(7).map(|piece| Ok(piece.to_vec())).collect();
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn plain_compressed_and_chunked_events_count_and_a_payload_counts_once() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let body = |count| summary("a", 1, 0, count).to_string();
    let answer = accepted(bulk(&app, &keys, body(1))).await;
    assert_eq!(answer.text().await.unwrap(), "");
    accepted(bulk(&app, &keys, gzip(body(10).as_bytes())).header("content-encoding", "gzip")).await;
    accepted(bulk(&app, &keys, chunked(body(100).as_bytes()))).await;
    let both = chunked(&gzip(body(1_000).as_bytes()));
    accepted(bulk(&app, &keys, both).header("content-encoding", "gzip")).await;
    for _ in 0..3 {
        let again = bulk(&app, &keys, body(10_000)).header("x-launchdarkly-payload-id", "one-payload");
        accepted(again).await;
    }
    accepted(bulk(&app, &keys, body(100_000)).header("x-launchdarkly-payload-id", "another")).await;
    counted(&app, "a", 111_111).await;
}

#[tokio::test]
async fn every_route_of_events_takes_its_own_credential_and_no_other() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let body = summary("a", 1, 1, 1).to_string();
    let post = async |path: &str, key: &str| {
        let request = app.client.post(app.at(path)).body(body.clone());
        let request = if key.is_empty() { request } else { request.header("authorization", key) };
        request.send().await.unwrap().status().as_u16()
    };
    let unknown = format!("sdk-{}", "0".repeat(32));
    assert_eq!(post("/bulk", &keys.server).await, 202);
    assert_eq!(post("/diagnostic", &keys.server).await, 202);
    for path in ["/bulk", "/diagnostic"] {
        for key in ["", &unknown, &keys.mobile, &keys.browser] {
            assert_eq!(post(path, key).await, 401, "{path} with {key}");
        }
    }
    for path in ["/mobile", "/mobile/events", "/mobile/events/bulk", "/mobile/events/diagnostic"] {
        assert_eq!(post(path, &keys.mobile).await, 202, "{path}");
        assert_eq!(post(path, &format!("api_key {}", keys.mobile)).await, 202, "{path}");
        assert_eq!(post(path, &keys.server).await, 401, "{path}");
    }
    for path in ["/events/bulk", "/events/diagnostic"] {
        assert_eq!(post(&format!("{path}/{}", keys.browser), "").await, 202, "{path}");
        assert_eq!(post(&format!("{path}/{}", keys.server), "").await, 404, "{path}");
        assert_eq!(post(&format!("{path}/000000000000000000000000"), "").await, 404, "{path}");
    }
    let goals = app.get(&format!("/sdk/goals/{}", keys.browser)).await;
    assert_eq!((goals.status().as_u16(), goals.text().await.unwrap().as_str()), (200, "[]"));
    assert_eq!(app.get("/sdk/goals/000000000000000000000000").await.status(), 404);
    // Server 1, mobile 3 routes twice, browser 1; diagnostics count nothing.
    counted(&app, "a", 8).await;
}

#[tokio::test]
async fn a_picture_carries_events_too() {
    use base64::Engine as _;
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let text = base64::engine::general_purpose::STANDARD.encode(summary("a", 1, 1, 5).to_string());
    let picture = app.get(&format!("/a/{}.gif?d={}", keys.browser, text.replace('+', "%2B"))).await;
    assert_eq!(picture.status(), 200);
    assert_eq!(picture.headers()["content-type"], "image/gif");
    assert!(picture.bytes().await.unwrap().starts_with(b"GIF89a"));
    for odd in ["", "?d=", "?d=!!!", "?d=eA==", "?x=1"] {
        assert_eq!(app.get(&format!("/a/{}.gif{odd}", keys.browser)).await.status(), 200, "{odd}");
    }
    assert_eq!(app.get("/a/000000000000000000000000.gif").await.status(), 404);
    assert_eq!(app.get(&format!("/a/{}", keys.browser)).await.status(), 404);
    counted(&app, "a", 5).await;
}

#[tokio::test]
async fn hostile_bodies_cost_little_and_stop_nobody() {
    let app = TestApp::start_on(crate::support::cluster::fresh_database().await, |config| {
        config.usage.body_bytes = 1 << 20;
    })
    .await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let status = async |body: Vec<u8>, encoding: &str| {
        let answer = bulk(&app, &keys, body).header("content-encoding", encoding).send().await.unwrap();
        answer.status().as_u16()
    };
    // 100 MB in 100 KB.
    let bomb = gzip(&vec![b'['; 100 << 20]);
    assert!(bomb.len() < 200_000);
    assert_eq!(status(bomb.clone(), "gzip").await, 413);
    let half = bomb.get(..bomb.len() / 2).unwrap().to_vec();
    assert_eq!(status(half, "gzip").await, 413);
    assert_eq!(status(vec![b' '; (1 << 20) + 1], "identity").await, 413);
    let good = gzip(summary("a", 1, 0, 1).to_string().as_bytes());
    // What SDKs send once more: 400. Only what can never be right for this payload is 413.
    for (body, encoding) in [
        (vec![], "identity"),
        (vec![], "gzip"),
        (gzip(b""), "gzip"),
        (b"  \n".to_vec(), "identity"),
        (b"hello".to_vec(), "identity"),
        (b"[1".to_vec(), "identity"),
        (b"\"[]\"".to_vec(), "identity"),
        (good.get(..good.len() - 9).unwrap().to_vec(), "gzip"),
        (b"[] is no gzip".to_vec(), "gzip"),
        ([good.as_slice(), b"behind it"].concat(), "gzip"),
    ] {
        assert_eq!(
            status(body.clone(), encoding).await,
            400,
            "{} as {encoding}",
            String::from_utf8_lossy(&body)
        );
    }
    // What is odd and no reason to stop: 202.
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)).into_bytes();
    let many = format!("[{}0]", "0,".repeat(400_000)).into_bytes();
    let flat = format!(
        r#"[{{"kind":"summary","features":{{"a":{{"counters":[{}{{}}]}}}}}}]"#,
        "{},".repeat(200_000)
    );
    for (body, encoding) in [
        (deep, "identity"),
        (many, "identity"),
        (flat.into_bytes(), "identity"),
        (b"{\"kind\":\"diagnostic\"}".to_vec(), "identity"),
        (b"[\xff]".to_vec(), "identity"),
        (b"[\"\\ud800\", 1e999, {\"kind\":\"index\",\"kind\":\"index\"}]".to_vec(), "identity"),
        (b"whatever".to_vec(), "zstd"),
        (b"[]".to_vec(), ""),
    ] {
        assert_eq!(status(body, encoding).await, 202, "{encoding}");
    }
    // Two members one after the other are one gzip.
    let text = summary("a", 1, 0, 7).to_string();
    let (front, back) = text.split_at(20);
    let two = [gzip(front.as_bytes()), gzip(back.as_bytes())].concat();
    assert_eq!(status(two, "gzip").await, 202);
    counted(&app, "a", 7).await;
}

#[tokio::test]
async fn where_counting_is_off_events_are_accepted_and_thrown_away() {
    let app = TestApp::start_on(crate::support::cluster::fresh_database().await, |config| {
        config.usage.enabled = false;
    })
    .await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    accepted(bulk(&app, &keys, summary("a", 1, 0, 1).to_string())).await;
    accepted(bulk(&app, &keys, json!([{"kind": "index", "context": {"key": "x"}}]).to_string())).await;
    assert_eq!(usage(&app, "a").await["total"], 0);
    let contexts: serde_json::Value =
        app.get("/api/environments/staging/contexts").await.json().await.unwrap();
    assert_eq!((contexts["enabled"].as_bool(), contexts["total"].as_i64()), (Some(false), Some(0)));
}
