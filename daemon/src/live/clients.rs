//! The clients that hear changes at the moment: who they are and how far they are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::revision::{Position, Revision};
use time::OffsetDateTime;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Our WebSocket.
    WebSocket,
    /// Our server-sent events.
    Sse,
    /// Socket.IO, over either of its transports.
    SocketIo,
    /// LaunchDarkly's streams of documents, for servers.
    LaunchDarkly,
    /// LaunchDarkly's streams of results, for browsers and devices.
    LaunchDarklyClient,
    /// OpenFeature's events.
    Ofrep,
    /// Unleash's front-end streams.
    Unleash,
}

impl Protocol {
    /// The name on the wire and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::SocketIo => "socketio",
            Self::LaunchDarkly => "launchdarkly",
            Self::LaunchDarklyClient => "launchdarkly-client",
            Self::Ofrep => "ofrep",
            Self::Unleash => "unleash",
        }
    }
}

/// A client as it introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// What it speaks.
    pub protocol: Protocol,
    /// Who it is for: `os:alice`, `user:alice`, `token:<id>`, `anonymous`.
    pub principal: String,
    /// Where it comes from, an address or `unix`.
    pub address: String,
    /// The program, as it calls itself; at most 200 characters are kept.
    pub user_agent: Option<String>,
    /// What the client calls itself; at most 100 characters are kept.
    pub name: Option<String>,
    /// Since when it is connected.
    pub since: OffsetDateTime,
}

/// A connected client as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its number in this daemon, never given twice.
    pub id: u64,
    /// Who it is.
    pub introduction: Introduction,
    /// What it hears: topics, rooms, an environment.
    pub topics: Vec<String>,
    /// The position of the last change or snapshot that was written to it.
    pub sent: Option<Position>,
    /// The last revision that it said to have applied.
    pub applied: Option<Revision>,
}

impl Client {
    /// Whether it applied everything that was written to it; `None` where it never says.
    pub fn current(&self) -> Option<bool> {
        let applied = self.applied?;
        Some(self.sent.is_none_or(|sent| applied >= sent.revision))
    }
}

/// The register of the connected clients of one daemon.
#[derive(Debug, Default)]
pub struct Clients {
    next: AtomicU64,
    connected: Mutex<BTreeMap<u64, Client>>,
}

impl Clients {
    /// Puts a client on the register; dropping the guard takes it off.
    pub fn register(self: &Arc<Self>, mut introduction: Introduction) -> Guard {
        if let Some(agent) = &mut introduction.user_agent {
            *agent = agent.chars().filter(|c| !c.is_control()).take(200).collect();
        }
        introduction.name = introduction.name.and_then(|name| named(&name));
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let protocol = introduction.protocol;
        gauge(protocol).increment(1.0);
        let client = Client { id, introduction, topics: Vec::new(), sent: None, applied: None };
        self.held().insert(id, client);
        Guard { clients: Arc::clone(self), id, protocol }
    }

    /// Every connected client, the oldest first.
    pub fn list(&self) -> Vec<Client> {
        self.held().values().cloned().collect()
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Client>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name as it is kept; `None` where nothing is left of it.
fn named(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !shared::read::hostile(*c) && *c != '\n').take(100).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn gauge(protocol: Protocol) -> metrics::Gauge {
    metrics::gauge!("flagstaff_clients", "protocol" => protocol.as_str())
}

/// A place on the register, held for as long as the client is connected.
#[derive(Debug)]
pub struct Guard {
    clients: Arc<Clients>,
    id: u64,
    protocol: Protocol,
}

impl Guard {
    /// The client's number in this daemon.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Says what the client hears from now on.
    pub fn hears(&self, topics: Vec<String>) {
        self.change(|client| client.topics = topics);
    }

    /// Says what the client calls itself.
    pub fn called(&self, name: &str) {
        self.change(|client| client.introduction.name = named(name));
    }

    /// Says which change or snapshot was written to the client.
    pub fn sent(&self, position: Position) {
        self.change(|client| client.sent = Some(position));
    }

    /// Says what the client has applied. One that goes back is believed: it took a snapshot.
    pub fn applied(&self, revision: Revision) {
        self.change(|client| client.applied = Some(revision));
    }

    fn change(&self, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.held().get_mut(&self.id) {
            change(client);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.clients.held().remove(&self.id);
        gauge(self.protocol).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn introduction() -> Introduction {
        Introduction {
            protocol: Protocol::Sse,
            principal: "anonymous".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            user_agent: Some("curl\u{1b}[31m/8".to_owned()),
            name: Some(" web-17\u{202e}\n".to_owned()),
            since: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_client_is_listed_as_long_as_its_guard_lives() {
        let clients = Arc::new(Clients::default());
        let first = clients.register(introduction());
        let second = clients.register(introduction());
        first.applied(Revision(7));
        second.hears(vec!["audit".to_owned()]);
        second.sent(Position::new(1, 9));
        let list = clients.list();
        assert_eq!(list.iter().map(|c| c.id).collect::<Vec<_>>(), [first.id(), second.id()]);
        assert_eq!(list[0].applied, Some(Revision(7)));
        assert_eq!((list[1].sent, list[1].applied), (Some(Position::new(1, 9)), None));
        assert_eq!(list[0].introduction.user_agent.as_deref(), Some("curl[31m/8"));
        assert_eq!(list[0].introduction.name.as_deref(), Some("web-17"));
        second.called("\t");
        assert_eq!(clients.list()[1].introduction.name, None);
        drop(first);
        assert_eq!(clients.list().len(), 1);
        let third = clients.register(introduction());
        assert!(third.id() > second.id());
        assert_eq!(clients.count(), 2);
    }
}
