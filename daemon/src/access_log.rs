//! The access log: denials, log-ins and reads of secrets, written beside the requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::net::peer::Peer;
use crate::store::StoreError;
use crate::store::access::{AccessEvent, append_event};
use crate::store::gate::Gate;

/// How many events wait to be written; what comes beyond is counted and lost.
const WAITING: usize = 1024;
/// How long events are gathered.
const GATHERED: Duration = Duration::from_secs(1);
/// How long failures without a credential are put together.
const TOGETHER: Duration = Duration::from_secs(10);
/// The most kinds of them that are told apart.
const BUCKETS: usize = 1000;
/// The same credential is one log-in for so long.
const SESSION: time::Duration = time::Duration::hours(12);
/// The most log-ins that are remembered.
const SESSIONS: usize = 10_000;
/// The most bytes of a text in the log.
const LONGEST: usize = 512;

enum Noted {
    Event(AccessEvent),
    /// Nobody known: where from, and why not.
    Unknown(String, String),
}

/// Takes what is to be logged, and never makes a request wait.
pub struct AccessLog {
    sender: mpsc::Sender<Noted>,
    clock: Arc<dyn Clock>,
    seen: Mutex<HashMap<(String, String), OffsetDateTime>>,
}

/// Who did it, and over which request.
#[derive(Clone, Debug)]
pub struct Who {
    /// The principal.
    pub principal: String,
    /// How they were known.
    pub credential: String,
    /// The request's id.
    pub request_id: Option<String>,
}

impl AccessLog {
    /// The log, and what writes it until `stop`.
    pub fn new(
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let log = Self { sender, clock: Arc::clone(&clock), seen: Mutex::default() };
        (Arc::new(log), write(receiver, gate, clock, stop))
    }

    fn send(&self, noted: Noted) {
        if self.sender.try_send(noted).is_err() {
            metrics::counter!("flagstaff_access_log_lost_total").increment(1);
        }
    }

    fn event(&self, who: &Who, action: &str, resource: &str, because: &str) {
        self.send(Noted::Event(AccessEvent {
            at: self.clock.now(),
            principal: short(&who.principal),
            credential: who.credential.clone(),
            action: action.to_owned(),
            resource: short(resource),
            because: short(because),
            request_id: who.request_id.clone(),
            count: 1,
        }));
    }

    /// Somebody known asked for what they may not do.
    pub fn denied(&self, who: &Who, resource: &str, because: &str) {
        self.event(who, "denied", resource, because);
    }

    /// Somebody read or was given a secret.
    pub fn secret_read(&self, who: &Who, resource: &str) {
        self.event(who, "secret-read", resource, "");
    }

    /// A request without a credential that is known. These are put together, lest they flood the log.
    pub fn unknown(&self, peer: Option<&Peer>, because: &str) {
        self.send(Noted::Unknown(network(peer), short(because)));
    }

    /// Somebody is known; the first time in a while it is a log-in.
    pub fn known(&self, who: &Who) {
        let now = self.clock.now();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (who.principal.clone(), who.credential.clone());
            if seen.get(&key).is_some_and(|at| now - *at < SESSION) {
                return;
            }
            if seen.len() >= SESSIONS {
                seen.clear();
            }
            seen.insert(key, now);
        }
        self.event(who, "login", "", "");
    }
}

fn short(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().replace('\0', "")
}

/// Where a request comes from, coarse enough to count: /24, or /48 of IPv6.
fn network(peer: Option<&Peer>) -> String {
    match peer {
        Some(Peer::Tcp(address)) => match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        },
        Some(Peer::Unix { uid, .. }) => format!("uid {uid}"),
        None => "nowhere".to_owned(),
    }
}

async fn write(
    mut receiver: mpsc::Receiver<Noted>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut events: Vec<AccessEvent> = Vec::new();
    let mut unknown: HashMap<(String, String), i32> = HashMap::new();
    let mut gathered = tokio::time::interval(GATHERED);
    let mut together = tokio::time::interval(TOGETHER);
    together.reset();
    loop {
        let mut last = false;
        tokio::select! {
            () = stop.cancelled() => last = true,
            _ = gathered.tick() => {}
            _ = together.tick() => put_together(&mut events, &mut unknown, clock.now()),
            noted = receiver.recv() => match noted {
                Some(noted) => {
                    keep(&mut events, &mut unknown, noted);
                    continue;
                }
                None => last = true,
            },
        }
        if last {
            while let Ok(noted) = receiver.try_recv() {
                keep(&mut events, &mut unknown, noted);
            }
            put_together(&mut events, &mut unknown, clock.now());
        }
        if !events.is_empty() {
            match append(&gate, &events).await {
                Ok(()) => events.clear(),
                Err(error) => tracing::debug!(%error, "the access log waits for the database"),
            }
        }
        if last {
            return;
        }
    }
}

fn keep(events: &mut Vec<AccessEvent>, unknown: &mut HashMap<(String, String), i32>, noted: Noted) {
    match noted {
        Noted::Event(_) if events.len() >= WAITING => {
            metrics::counter!("flagstaff_access_log_lost_total").increment(1);
        }
        Noted::Event(event) => events.push(event),
        Noted::Unknown(source, because) => {
            let full = unknown.len() >= BUCKETS && !unknown.contains_key(&(source.clone(), because.clone()));
            let bucket = if full {
                ("elsewhere".to_owned(), "more than can be told apart".to_owned())
            } else {
                (source, because)
            };
            let count = unknown.entry(bucket).or_default();
            *count = count.saturating_add(1);
        }
    }
}

fn put_together(
    events: &mut Vec<AccessEvent>,
    unknown: &mut HashMap<(String, String), i32>,
    at: OffsetDateTime,
) {
    events.extend(unknown.drain().map(|((source, because), count)| AccessEvent {
        at,
        principal: "unknown".to_owned(),
        credential: "none".to_owned(),
        action: "denied".to_owned(),
        resource: source,
        because,
        request_id: None,
        count,
    }));
}

async fn append(gate: &Gate, events: &[AccessEvent]) -> Result<(), StoreError> {
    let mut conn = gate.read().await?;
    let mut tx = sqlx::Connection::begin(&mut *conn).await?;
    for event in events {
        append_event(&mut tx, event).await?;
    }
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_from_a_network_are_one_bucket_and_buckets_are_bounded() {
        let peer = |text: &str| Peer::Tcp(text.parse().unwrap());
        assert_eq!(network(Some(&peer("192.0.2.7:1"))), "192.0.2.0/24");
        assert_eq!(network(Some(&peer("[::ffff:192.0.2.9]:1"))), "192.0.2.0/24");
        assert_eq!(network(Some(&peer("[2001:db8:1:2::3]:1"))), "2001:db8:1::/48");
        let (mut events, mut unknown) = (Vec::new(), HashMap::new());
        for source in 0..3 * BUCKETS {
            keep(&mut events, &mut unknown, Noted::Unknown(source.to_string(), "x".into()));
        }
        assert_eq!(unknown.len(), BUCKETS + 1);
        put_together(&mut events, &mut unknown, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(events.iter().map(|e| e.count as usize).sum::<usize>(), 3 * BUCKETS);
        assert!(unknown.is_empty());
    }

    #[test]
    fn long_texts_end_at_a_character() {
        assert_eq!(short(&"é".repeat(400)).len(), 512);
        assert_eq!(short(&format!("a{}", "é".repeat(400))).len(), 511);
    }
}
