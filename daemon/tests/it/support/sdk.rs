//! What tests of SDKs need: keys of environments, and streams that are read event by event.

use std::sync::Arc;
use std::time::Duration;

use flagstaffd::service::commit::Item;
use flagstaffd::service::{Caller, Cx, credentials};
use serde_json::{Value, json};
use shared::access::CredentialKind;
use shared::change::Mutation;
use shared::key::{EnvironmentKey, ProjectKey};
use uuid::Uuid;

use super::app::TestApp;

/// More than anything here may take.
pub const LONG: Duration = Duration::from_secs(20);

/// A credential as a test knows it.
pub struct Key {
    /// Its identity, for revoking it.
    pub id: Uuid,
    /// What an SDK sends.
    pub text: String,
}

/// Makes a credential of an environment of the default project.
pub async fn key(app: &TestApp, environment: &str, kind: CredentialKind) -> Key {
    let cx = Cx {
        gate: Arc::clone(&app.state.gate),
        clock: Arc::clone(&app.state.clock),
        caller: Caller::command_line("os:test"),
        source: "cli",
        request_id: None,
    };
    let place = (&ProjectKey::default(), &EnvironmentKey::new(environment).unwrap());
    let drawn = credentials::draw(&cx, &app.state.secrets, place, kind, None).expect("a key");
    let (id, text) = (drawn.row.id, drawn.key);
    app.commit(&[Item::whole(Mutation::PutCredential(Box::new(drawn.row)))]).await;
    app.until("the key is known", async || {
        app.state.live.catalog().access.credentials.values().any(|c| c.id == id)
    })
    .await;
    Key { id, text }
}

/// A server-side key of staging.
pub async fn server_key(app: &TestApp) -> Key {
    key(app, "staging", CredentialKind::Server).await
}

/// Revokes a credential.
pub async fn revoke(app: &TestApp, key: &Key) {
    app.commit(&[Item::whole(Mutation::RevokeCredential(key.id))]).await;
}

/// GET with a key in `Authorization`.
pub async fn get(app: &TestApp, key: &str, path: &str) -> reqwest::Response {
    app.client.get(app.at(path)).header("authorization", key).send().await.expect("an answer")
}

/// A stream of server-sent events.
pub struct Events {
    response: reqwest::Response,
    buffer: String,
    /// How many comments were heard.
    pub comments: usize,
    /// The last id that was heard, as a client would send it.
    pub last_id: Option<String>,
}

impl Events {
    /// Opens one with a key.
    pub async fn open(app: &TestApp, key: &str, path: &str) -> Self {
        let response = get(app, key, path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self::of(response)
    }

    /// Reads the events of an answer.
    pub fn of(response: reqwest::Response) -> Self {
        Self { response, buffer: String::new(), comments: 0, last_id: None }
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &reqwest::header::HeaderMap {
        self.response.headers()
    }

    /// The next event, name and data; `None` when the stream ends.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block = self.buffer.drain(..end + 2).collect::<String>();
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).next().map(ToOwned::to_owned)
                };
                self.last_id = field("id").or(self.last_id.take());
                let Some(data) = field("data") else {
                    assert!(block.starts_with(':'), "neither an event nor a comment: {block:?}");
                    self.comments += 1;
                    continue;
                };
                let data = serde_json::from_str(&data).unwrap_or_else(|_| json!(data));
                return Some((field("event").unwrap_or_else(|| "message".to_owned()), data));
            }
            let chunk = tokio::time::timeout(LONG, self.response.chunk()).await.expect("something in time");
            match chunk {
                Ok(Some(chunk)) => self.buffer.push_str(std::str::from_utf8(&chunk).expect("UTF-8")),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The data of the next event, which has this name.
    pub async fn hear(&mut self, name: &str) -> Value {
        let (event, data) = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
        assert_eq!(event, name, "{data}");
        data
    }

    /// That the stream ends without another event.
    pub async fn ends(&mut self) {
        let next = self.next().await;
        assert_eq!(next, None, "the stream goes on");
    }
}
