//! SIGTERM with every kind of stream open and a write under way: all of them end as they should.

use std::time::Duration;

use futures_util::{SinkExt, Stream, StreamExt};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::cluster::{directory, fresh_database};
use crate::support::program::Program;

/// More than anything here may take.
const LONG: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

async fn connect(program: &Program, path: &str) -> Socket {
    let address = program.at(path).replacen("http", "ws", 1);
    tokio_tungstenite::connect_async(address).await.expect("a WebSocket").0
}

/// The next text frame; the close code at the end.
async fn text(socket: &mut Socket) -> Result<String, Option<u16>> {
    loop {
        match soon("a frame", socket.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(close))) => return Err(close.map(|frame| frame.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// The texts that come until the socket closes, and how it closed.
async fn rest(socket: &mut Socket) -> (Vec<String>, Option<u16>) {
    let mut texts = Vec::new();
    loop {
        match text(socket).await {
            Ok(text) => texts.push(text),
            Err(code) => return (texts, code),
        }
    }
}

/// Everything up to the end of a stream, which must not be broken off.
async fn whole(mut body: impl Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin, seen: &mut String) {
    while let Some(bytes) = soon("the end of the stream", body.next()).await {
        seen.push_str(std::str::from_utf8(&bytes.expect("no broken end")).unwrap());
    }
}

/// A Socket.IO client that long-polls: its address, once it was let in.
async fn polling(program: &Program) -> String {
    let place = program.at("/socket.io/?EIO=4&transport=polling");
    let client = reqwest::Client::new();
    let opened = client.get(&place).send().await.unwrap().text().await.unwrap();
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').expect("a handshake")).unwrap();
    let place = format!("{place}&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(client.post(&place).body("40").send().await.unwrap().status(), 200);
    // A ping may come before it.
    while !client.get(&place).send().await.unwrap().text().await.unwrap().contains("40{") {}
    place
}

/// Waits until a transaction waits for the head's lock.
async fn waiting(conn: &mut PgConnection) {
    let sql = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    let end = std::time::Instant::now() + LONG;
    loop {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *conn).await.unwrap();
        if count > 0 {
            return;
        }
        assert!(std::time::Instant::now() < end, "no write waits for the lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn sigterm_says_goodbye_to_every_stream_and_answers_the_write_under_way() {
    let url = fresh_database().await;
    let variables = [("DATABASE_URL", url.as_str()), ("FLAGSTAFF_DRAIN_STREAM_SPREAD", "1s")];
    let mut program = Program::start(&directory("goodbye"), &["serve"], &variables);
    program.until("/api/environments/staging/flags", 200).await;
    let made = json!({"key": "late", "type": "boolean"});
    assert_eq!(program.post("/api/flags", &made).await.0, 201);

    let mut socket = connect(&program, "/api/ws").await;
    let hello = json!({"type": "subscribe", "topics": ["environment:staging"]}).to_string();
    socket.send(Message::text(hello)).await.unwrap();
    assert!(text(&mut socket).await.unwrap().contains("subscribed"));

    let stream = reqwest::get(program.at("/api/stream?environment=staging")).await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut stream = Box::pin(stream.bytes_stream());
    let first = soon("the first event", stream.next()).await.unwrap().unwrap();
    let mut events = String::from_utf8(first.to_vec()).unwrap();
    assert!(events.contains("event: subscribed"), "{events}");

    let mut io = connect(&program, "/socket.io/?EIO=4&transport=websocket").await;
    assert!(text(&mut io).await.unwrap().starts_with("0{"));
    io.send(Message::text("40")).await.unwrap();
    while !text(&mut io).await.unwrap().starts_with("40{") {}
    io.send(Message::text(r#"42["subscribe","staging"]"#)).await.unwrap();
    while !text(&mut io).await.unwrap().contains("subscribed") {}
    let place = polling(&program).await;
    let polls = tokio::spawn(async move {
        let client = reqwest::Client::new();
        while let Ok(answer) = client.get(&place).send().await {
            if answer.status() != 200 || answer.bytes().await.is_err() {
                return;
            }
        }
    });

    // The write is in the database, and waits there for the head's lock when the signal comes.
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::query("select revision from head for update").fetch_one(&mut *held).await.unwrap();
    let toggle = reqwest::Client::new()
        .post(program.at("/api/flags/late/toggle"))
        .header("x-user-id", "admin")
        .json(&json!({"environment": "staging", "enabled": true}));
    let write = tokio::spawn(async move {
        let answer = toggle.send().await?;
        Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.text().await?))
    });
    waiting(&mut other).await;
    let asked = std::time::Instant::now();
    program.signal(Signal::SIGTERM);
    program.line("stopping: requests under way finish");
    held.rollback().await.unwrap();

    let (status, body) = soon("the answer", write).await.unwrap().unwrap();
    assert_eq!(status, 200, "{body}");
    let (_, code) = rest(&mut socket).await;
    assert_eq!(code, Some(1001), "the WebSocket is told to come back");
    whole(&mut stream, &mut events).await;
    assert!(events.ends_with("\n\n"), "no event is broken off: {events:?}");
    let (packets, _) = rest(&mut io).await;
    assert!(
        !packets.iter().any(|packet| packet.starts_with("41")),
        "a DISCONNECT would keep the client from coming back: {packets:?}"
    );
    soon("the end of the long poll", polls).await.unwrap();
    assert!(program.end().success(), "{}", program.log());
    assert!(asked.elapsed() < Duration::from_secs(10), "it went after {:?}", asked.elapsed());
    assert!(!program.log().contains("are cut"), "nothing had to be cut:\n{}", program.log());

    let on: bool = sqlx::query_scalar(
        "select c.enabled from feature_flag_configs c
        join environments e on e.id = c.environment_id where e.key = 'staging'",
    )
    .fetch_one(&mut other)
    .await
    .unwrap();
    assert!(on, "what was answered is kept");
}
