//! Slow, silent and idle clients, and the slow handler.

use std::time::Duration;

use axum::body::Bytes;
use flagstaffd::net::limits::Limits;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Daemon, LONG, limits, rest, soon};

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_so_is_a_client_that_says_nothing() {
    let daemon = Daemon::start(Limits { head_timeout: Duration::from_millis(200), ..limits() }).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET /hello HTTP/1.1\r\nhost: x\r\nx-a:"] {
        let mut stream = daemon.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "after {beginning:?}");
    }
    // Also the second head of a connection, while the idle time-out is far away.
    let mut stream = daemon.connect().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"GET /hel").await.unwrap();
    assert!(!rest(&mut stream).await.contains("200"));
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_although_each_byte_is_progress() {
    let daemon = Daemon::start(Limits { head_timeout: Duration::from_millis(300), ..limits() }).await;
    let (mut read, mut write) = daemon.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        write.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nx-a: ").await?;
        loop {
            write.write_all(b"a").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        #[allow(unreachable_code, reason = "names the type of the error")]
        Ok::<(), std::io::Error>(())
    });
    assert_eq!(rest(&mut read).await, "");
    trickle.abort();
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_answered_408_and_the_connection_closed() {
    let daemon = Daemon::start(Limits { body_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut stream = daemon.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("application/problem+json")
            && answer.contains("urn:flagstaff:problem:request-timeout")
    );
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_although_each_byte_is_progress() {
    let daemon = Daemon::start(Limits { body_timeout: Duration::from_millis(300), ..limits() }).await;
    let (mut read, mut write) = daemon.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        let mut bytes = &b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"[..];
        while write.write_all(bytes).await.is_ok() {
            bytes = b"a";
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let answer = rest(&mut read).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    trickle.abort();
}

#[tokio::test]
async fn a_handler_that_does_not_answer_is_503_and_a_long_poll_waits() {
    let daemon = Daemon::start(limits()).await;
    let client = reqwest::Client::new();
    let poll = tokio::spawn(client.get(daemon.url("/poll")).send());
    let answer = soon("the time-out", client.get(daemon.url("/slow")).send()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(answer.text().await.unwrap().contains("problem:handler-timeout"));
    assert!(!poll.is_finished());
    daemon.drain.begin();
    assert_eq!(soon("the poll's answer", poll).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_stream_is_not_idle() {
    let idle_timeout = Duration::from_millis(200);
    let daemon = Daemon::start(Limits { idle_timeout, head_timeout: LONG, ..limits() }).await;
    let mut streaming = daemon.connect().await;
    streaming.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut idle = daemon.connect().await;
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Ends only because the daemon closes it; by then the stream was as old.
    assert!(rest(&mut idle).await.ends_with("hello"));
    let mut second = daemon.connect().await;
    second.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut second).await.ends_with("hello"));
    daemon.drain.begin();
    let text = rest(&mut streaming).await;
    assert!(text.contains("data: first") && text.contains("data: last"), "{text}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let (write_timeout, patient) = (Duration::from_millis(200), LONG * 2);
    let patient = Limits { write_timeout, drain_requests: patient, drain_deadline: patient, ..limits() };
    let daemon = Daemon::start(patient).await;
    let mut stream = daemon.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut [0; 64]).await.unwrap() > 0, "the answer has begun");
    daemon.drain.begin();
    // The answer has no end: only the cut lets the daemon go.
    soon("the end of the daemon", daemon.running).await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go_although_it_pings() {
    let daemon = Daemon::start(Limits { idle_timeout: Duration::from_millis(300), ..limits() }).await;
    let io = TokioIo::new(daemon.connect().await);
    let (mut client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(50))
        .keep_alive_while_idle(true)
        .handshake(io)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(daemon.url("/hello")).body(Empty::<Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    soon("the end of the connection", connection).await.unwrap().unwrap();
}
