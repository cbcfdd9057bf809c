//! From a committed change to the last of 1,000 WebSocket clients, and memory per idle WebSocket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints"
)]
#![allow(dead_code, reason = "the rig is shared by several programs")]

mod rig;

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let clients: usize =
        std::env::var("FLAGSTAFF_BENCH_CLIENTS").ok().and_then(|v| v.parse().ok()).unwrap_or(1_000);
    let changes = 20;
    let database = rig::Database::start().await;
    let daemon = rig::Daemon::start(&database).await;
    daemon.found(&["staging"]).await;
    let http = reqwest::Client::new();
    let post = |path: &str, body: serde_json::Value| {
        http.post(format!("http://{}{path}", daemon.address)).header("x-user-id", "bench").json(&body).send()
    };
    assert!(post("/api/flags", json!({"key": "bench"})).await.unwrap().status().is_success());
    let before = rig::resident();
    let (heard, mut hears) = mpsc::unbounded_channel::<(i64, Instant)>();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let address = format!("ws://{}/api/ws", daemon.address);
        // Without this each client would hold 128 KiB to read into, and hide what the server holds.
        let small = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
        let (mut socket, _) =
            tokio_tungstenite::connect_async_with_config(address, Some(small), true).await.unwrap();
        let hello = json!({"type": "subscribe", "topics": ["environment:staging"]}).to_string();
        socket.send(Message::text(hello)).await.unwrap();
        let heard = heard.clone();
        tasks.push(tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let now = Instant::now();
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                if value["type"] == "revision" {
                    let _ = heard.send((value["revision"].as_i64().unwrap(), now));
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let both = (rig::resident() - before) as f64 / clients as f64 / 1024.0;
    println!("{clients} WebSockets, client and server in one process: {both:.1} KiB of resident memory each");
    let mut latencies = Vec::new();
    let cpu = rig::cpu();
    for _ in 0..changes {
        let answer = post("/api/flags/bench/toggle", json!({"environment": "staging"})).await.unwrap();
        let committed = Instant::now();
        let body: serde_json::Value = answer.json().await.unwrap();
        let revision = body["revision"].as_i64().unwrap();
        let mut left = clients;
        let mut last = committed;
        while left > 0 {
            let (number, at) =
                tokio::time::timeout(Duration::from_secs(20), hears.recv()).await.unwrap().unwrap();
            if number == revision {
                left -= 1;
                last = last.max(at);
            }
        }
        latencies.push(last.duration_since(committed).as_secs_f64() * 1e3);
    }
    let per = (rig::cpu() - cpu) / (changes * clients) as f64 * 1e6;
    let (a, b, c) = rig::spread(&mut latencies);
    println!(
        "answer of the write to the last of {clients}: median {b:.1} ms (min {a:.1}, max {c:.1}); {per:.1} us of CPU a delivery, both ends"
    );
    for task in tasks {
        task.abort();
    }
    let mut bare = bare(clients, changes).await;
    let (x, y, z) = rig::spread(&mut bare);
    println!("a bare TCP broadcast of the same size to {clients}: median {y:.1} ms (min {x:.1}, max {z:.1})");
    println!("ratio: {:.2}", b / y);
    daemon.stop().await;
    database.stop().await;
}

/// The limit: one write of 1 KiB to each of so many sockets, nothing else.
async fn bare(clients: usize, rounds: usize) -> Vec<f64> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, mut hears) = mpsc::unbounded_channel::<Instant>();
    let mut ends = Vec::new();
    for _ in 0..clients {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        ends.push(listener.accept().await.unwrap().0);
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut bytes = [0; 1024];
            while socket.read_exact(&mut bytes).await.is_ok() {
                let _ = heard.send(Instant::now());
            }
        });
    }
    let mut latencies = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        for end in &mut ends {
            end.write_all(&[7; 1024]).await.unwrap();
        }
        let mut last = start;
        for _ in 0..clients {
            last = last.max(hears.recv().await.unwrap());
        }
        latencies.push(last.duration_since(start).as_secs_f64() * 1e3);
    }
    latencies
}
