//! Changes as clients hear them.

mod access;
mod away;
mod back;
mod order;
mod resume;
mod slow;
mod sse;
mod status;
mod swapped;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::app::TestApp;

/// More than anything here may take.
const LONG: Duration = Duration::from_secs(30);

/// A WebSocket client.
pub struct Ears(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Ears {
    /// Connects as nobody in particular.
    pub async fn open(app: &TestApp) -> Self {
        Self::open_as(app, &[]).await.expect("a WebSocket")
    }

    /// Connects with headers.
    pub async fn open_as(app: &TestApp, headers: &[(&'static str, String)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}/api/ws", app.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Self(tokio_tungstenite::connect_async(request).await?.0))
    }

    /// Connects and subscribes; what was subscribed comes along.
    pub async fn on(app: &TestApp, topics: &[&str], since: Value) -> (Self, Value) {
        let mut ears = Self::open(app).await;
        let answer = ears.subscribe(topics, since).await;
        (ears, answer)
    }

    pub async fn subscribe(&mut self, topics: &[&str], since: Value) -> Value {
        self.say(&json!({"type": "subscribe", "topics": topics, "since": since})).await;
        let answer = self.next().await.expect("an answer");
        assert_eq!(answer["type"], "subscribed", "{answer}");
        answer
    }

    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the message leaves");
    }

    /// The next message; the close frame at the end.
    pub async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let frame = tokio::time::timeout(LONG, self.0.next()).await.expect("a message in time");
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "position" {
                        return Ok(message);
                    }
                }
                Some(Ok(Message::Close(close))) => return Err(close),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next message, which is of this type.
    pub async fn hear(&mut self, type_: &str) -> Value {
        let message = self.next().await.unwrap_or_else(|close| panic!("closed with {close:?}"));
        assert_eq!(message["type"], type_, "{message}");
        message
    }
}

/// Makes a flag and returns the revision.
pub async fn flag(app: &TestApp, key: &str) -> i64 {
    let made = app.post("/api/flags", &json!({"key": key, "type": "boolean"})).await;
    assert_eq!(made.status(), 201);
    revision_of(&made)
}

/// Flips a flag in staging and returns the revision.
pub async fn flip(app: &TestApp, key: &str) -> i64 {
    let path = format!("/api/flags/{key}/toggle");
    let flipped = app.post(&path, &json!({"environment": "staging"})).await;
    assert_eq!(flipped.status(), 200, "{:?}", flipped.text().await);
    revision_of(&flipped)
}

pub fn revision_of(response: &reqwest::Response) -> i64 {
    response.headers()["flagstaff-revision"].to_str().unwrap().parse().unwrap()
}
