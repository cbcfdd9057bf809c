//! Many clients, and bad ones: turns for environments, clients that take nothing, the register.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::furnished::large;
use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{Events, get, server_key};

/// A stream whose client takes nothing, with little room for what comes.
async fn taking_nothing(app: &TestApp, key: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(app.address).await.unwrap();
    let head = format!("GET /all HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\nuser-agent: Deaf/1\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn beyond_the_turns_clients_wait_and_beyond_the_line_they_are_told_when_to_come_back() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| {
        (c.live.deliveries, c.live.delivery_queue) = (1, 1);
    })
    .await;
    let key = server_key(&app).await.text;
    large(&app).await;
    let mut hog = taking_nothing(&app, &key).await;
    app.until("the hog is on the register", async || app.state.live.clients().count() == 1).await;
    app.until("the hog has the turn", async || app.state.deliveries.free() == 0).await;
    let mut waits = Events::open(&app, &key, "/all").await;
    app.until("one waits", async || app.state.deliveries.waiting() == 1).await;
    for _ in 0..3 {
        let refused = get(&app, &key, "/all").await;
        assert_eq!(refused.status(), 503);
        let after: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((2..=10).contains(&after), "{after}");
    }
    // Polls have nothing to do with it.
    assert_eq!(get(&app, &key, "/sdk/latest-all").await.status(), 200);
    tokio::spawn(async move {
        let mut bytes = vec![0; 1 << 20];
        while hog.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    });
    assert_eq!(waits.hear("put").await["path"], "/");
    let mut next = Events::open(&app, &key, "/all").await;
    next.hear("put").await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_and_the_others_hear_everything() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| {
        c.http.write_timeout = Duration::from_millis(700);
    })
    .await;
    let key = server_key(&app).await.text;
    large(&app).await;
    flag(&app, "f").await;
    let mut good = Events::open(&app, &key, "/all").await;
    good.hear("put").await;
    let deaf = taking_nothing(&app, &key).await;
    app.until("both are on the register", async || app.state.live.clients().count() == 2).await;
    for turn in 0..5 {
        flip(&app, "f").await;
        assert_eq!(good.hear("patch").await["data"]["on"], turn % 2 == 0);
    }
    app.until("the deaf one is cut", async || app.state.live.clients().count() == 1).await;
    app.until("its turn is over", async || app.state.deliveries.free() == 256).await;
    flip(&app, "f").await;
    good.hear("patch").await;
    drop(deaf);
}

#[tokio::test]
async fn a_burst_of_changes_reaches_everybody_in_the_end_with_rising_versions() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    flag(&app, "g").await;
    let mut streams = Vec::new();
    for path in ["/all", "/all", "/sdk/stream"] {
        streams.push(Events::open(&app, &key, path).await);
    }
    for _ in 0..40 {
        flip(&app, "f").await;
        flip(&app, "g").await;
    }
    let truth: Value = get(&app, &key, "/sdk/flags").await.json().await.unwrap();
    for stream in &mut streams {
        let mut held = std::collections::BTreeMap::<String, i64>::new();
        let done = |held: &std::collections::BTreeMap<String, i64>| {
            ["f", "g"].iter().all(|k| held.get(*k).copied() == truth[*k]["version"].as_i64())
        };
        while !done(&held) {
            let (name, data) = stream.next().await.expect("the stream goes on");
            match name.as_str() {
                "put" => {
                    for (key, flag) in data["data"]["flags"].as_object().unwrap() {
                        held.insert(key.clone(), flag["version"].as_i64().unwrap());
                    }
                }
                "patch" | "put-object" => {
                    let document = if name == "patch" { &data["data"] } else { &data["object"] };
                    let version = document["version"].as_i64().unwrap();
                    let before = held.insert(document["key"].as_str().unwrap().to_owned(), version);
                    assert!(before.is_none_or(|before| before < version), "{before:?} then {version}");
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn connected_sdks_are_on_the_register_by_their_name() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    let request = app.client.get(app.at("/all")).header("authorization", &key);
    let answer = request.header("user-agent", "NodeJSClient/9.13.7").send().await.unwrap();
    let mut stream = Events::of(answer);
    stream.hear("put").await;
    let client = app.state.live.clients().list().pop().expect("one client");
    assert_eq!(client.introduction.protocol.as_str(), "launchdarkly");
    assert_eq!(client.introduction.name.as_deref(), Some("NodeJSClient"));
    assert_eq!(client.introduction.user_agent.as_deref(), Some("NodeJSClient/9.13.7"));
    assert_eq!(client.topics, ["environment:default/staging"]);
    let made = flag(&app, "f").await;
    stream.hear("patch").await;
    let sent = app.state.live.clients().list().pop().and_then(|client| client.sent).expect("a position");
    assert_eq!(sent.revision.0, made);
}
