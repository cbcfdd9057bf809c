//! The way out: requests and streams finish, a second signal cuts.

use std::time::Duration;

use flagstaffd::net::drain::Drain;
use flagstaffd::net::limits::Limits;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Daemon, LONG, limits, rest, soon};

#[tokio::test]
async fn the_first_signal_begins_the_drain_and_the_second_cuts() {
    use nix::sys::signal::{Signal, kill};

    let drain = Drain::new(Duration::ZERO);
    drain.on_signals().unwrap();
    kill(nix::unistd::Pid::this(), Signal::SIGTERM).unwrap();
    soon("the drain", drain.going()).await;
    let mut gone = Box::pin(drain.gone());
    assert!(futures_util::FutureExt::now_or_never(&mut gone).is_none());
    kill(nix::unistd::Pid::this(), Signal::SIGINT).unwrap();
    soon("the cut", gone).await;
}

#[tokio::test]
async fn a_drain_lets_requests_and_streams_finish_and_frees_the_listeners() {
    let daemon = Daemon::start(limits()).await;
    let mut streaming = daemon.connect().await;
    streaming.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    while !seen.contains("first") {
        let mut bytes = [0; 1024];
        let read = soon("the first event", streaming.read(&mut bytes)).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    let mut halfway = daemon.connect().await;
    halfway.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
    let (mut web, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", daemon.address)).await.unwrap();
    web.send("still here".into()).await.unwrap();
    assert_eq!(web.next().await.unwrap().unwrap().into_text().unwrap(), "still here");
    // Answered means that the daemon has seen the connections before it.
    assert!(!daemon.drain.is_going());
    daemon.drain.begin();
    assert!(daemon.drain.is_going());
    assert!(rest(&mut streaming).await.contains("data: last"));
    assert!(soon("the WebSocket's close", web.next()).await.unwrap().unwrap().is_close());
    let _ = web.close(None).await;
    drop(web);
    halfway.write_all(b"lf").await.unwrap();
    let answer = rest(&mut halfway).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("half"), "{answer}");
    soon("the end of the daemon", daemon.running).await.unwrap();
    assert!(TcpStream::connect(daemon.address).await.is_err());
    assert!(!daemon.socket.exists());
}

#[tokio::test]
async fn a_second_signal_cuts_what_is_still_open() {
    let daemon = Daemon::start(Limits { body_timeout: LONG, ..limits() }).await;
    let mut halfway = daemon.connect().await;
    halfway.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
    let mut other = daemon.connect().await;
    other.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(other.read(&mut [0; 1024]).await.unwrap() > 0);
    daemon.drain.begin();
    daemon.drain.cut();
    soon("the end of the daemon", daemon.running).await.unwrap();
    assert_eq!(rest(&mut halfway).await, "");
}
