//! What every request passes: both protocols, guards, ids, panics, metrics.

use axum::body::Bytes;
use flagstaffd::net::limits::Limits;
use flagstaffd::telemetry;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;

use super::{Daemon, limits, rest, soon};

#[tokio::test]
async fn http2_is_understood_without_asking_and_told_when_the_daemon_goes() {
    let daemon = Daemon::start(limits()).await;
    let io = TokioIo::new(daemon.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..3 {
        let request = http::Request::get(daemon.url("/hello")).body(Empty::<Bytes>::new()).unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    daemon.drain.begin();
    soon("the end of the connection", connection).await.unwrap().unwrap();
    soon("the end of the daemon", daemon.running).await.unwrap();
}

#[tokio::test]
async fn ambiguous_paths_and_long_addresses_are_refused_as_problems() {
    let daemon = Daemon::start(Limits { uri_bytes: 300, headers: 20, ..limits() }).await;
    let ask = async |target: &str, headers: &str| {
        let mut stream = daemon.connect().await;
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        rest(&mut stream).await
    };
    for path in ["//hello", "/a//b", "/../hello", "/a/./b", "/%2e%2E/hello", "/a%2fb", "/a%5Cb", "/a%00"] {
        let answer = ask(path, "x-request-id: mine\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(
            answer.contains("problem:ambiguous-path") && answer.contains("\"instance\":\"mine\""),
            "{answer}"
        );
    }
    assert!(ask("/hello?next=//x/../y%2f", "").await.ends_with("hello"));
    assert!(ask(&format!("/hello?{}", "a".repeat(293)), "").await.ends_with("hello"));
    assert!(ask(&format!("/hello?{}", "a".repeat(294)), "").await.starts_with("HTTP/1.1 414"));
    assert!(ask("/hello", &"x-a: b\r\n".repeat(18)).await.ends_with("hello"));
    assert!(ask("/hello", &"x-a: b\r\n".repeat(19)).await.starts_with("HTTP/1.1 431"));
    assert!(ask("/hello", &format!("x-a: {}\r\n", "b".repeat(80_000))).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_one_at_the_limit_is_taken() {
    let daemon = Daemon::start(Limits { body_bytes: 1000, ..limits() }).await;
    let client = reqwest::Client::new();
    let send =
        async |size: usize| client.post(daemon.url("/echo")).body(vec![b'x'; size]).send().await.unwrap();
    assert_eq!(send(1000).await.status(), 200);
    assert_eq!(send(1001).await.status(), 413);
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_requests_id_and_the_daemon_goes_on() {
    let metrics = telemetry::metrics().unwrap();
    let daemon = Daemon::start(limits()).await;
    let client = reqwest::Client::new();
    let answer = client.get(daemon.url("/panic")).header("x-request-id", "step-9").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-request-id"].as_bytes()),
        (500, &b"step-9"[..])
    );
    let text = answer.text().await.unwrap();
    assert!(text.contains("\"instance\":\"step-9\"") && !text.contains("as the test wants"), "{text}");
    let answer = client.get(daemon.url("/id")).send().await.unwrap();
    let header = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.text().await.unwrap(), header);
    let counted = metrics.render();
    let line = "flagstaff_http_requests_total{method=\"GET\",route=\"/panic\",status=\"500\"} 1";
    assert!(counted.contains(line), "{counted}");
    assert!(counted.contains("flagstaff_http_request_duration_seconds_bucket"), "{counted}");
    assert!(telemetry::metrics().unwrap().render().contains(line), "the recorder is installed once");
}
