//! The messages of streams: what both transports write.

use bytes::{BufMut, Bytes, BytesMut};
use shared::api::problem::Problem;
use shared::json::Json;
use shared::revision::Position;

use super::topics::Topics;
use crate::live::Live;
use crate::live::catalog::Catalog;
use crate::live::delta::Delta;

/// A message larger than this, in bytes, is not sent: the client reads the state over HTTP instead.
pub const MOST: usize = 8 << 20;

/// What a message is, and the name of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The topics that are heard from here on.
    Subscribed,
    /// A change.
    Revision,
    /// The whole state.
    Snapshot,
    /// How the daemons are.
    Status,
    /// Nothing for this stream happened up to here.
    Position,
    /// Something was refused.
    Error,
}

impl Event {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Revision => "revision",
            Self::Snapshot => "snapshot",
            Self::Status => "status",
            Self::Position => "position",
            Self::Error => "error",
        }
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is.
    pub event: Event,
    /// How far the stream is once it has this.
    pub position: Position,
    /// The message, one line of JSON.
    pub bytes: Bytes,
}

/// `{"type":"revision",..,"changes":[..]}` with the entries that are shown. Where there are too many to
/// tell, `"snapshot":true` and no changes: the client reads the state again.
pub fn revision(delta: &Delta, shown: &[usize]) -> Message {
    let opening = delta.opening();
    let changes: Vec<Bytes> =
        if delta.snapshot { Vec::new() } else { shown.iter().map(|index| delta.change(*index)).collect() };
    let length: usize = changes.iter().map(|c| c.len() + 1).sum();
    let whole = delta.snapshot || length > MOST;
    let mut out = BytesMut::with_capacity(opening.len() + 40 + if whole { 0 } else { length });
    out.put(opening);
    if whole {
        out.put_slice(b",\"snapshot\":true,\"changes\":[]}");
    } else {
        out.put_slice(b",\"changes\":[");
        for (index, change) in changes.into_iter().enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            out.put(change);
        }
        out.put_slice(b"]}");
    }
    Message { event: Event::Revision, position: delta.position, bytes: out.freeze() }
}

/// `{"type":"snapshot",..,"environments":{"project/environment": {..}}}`: the whole state of the topics.
/// An environment that is too large to be sent is `null`: the client reads it over HTTP.
pub fn snapshot(live: &Live, catalog: &Catalog, topics: &Topics) -> Message {
    let mut out = BytesMut::from(
        format!(
            "{{\"type\":\"snapshot\",\"position\":\"{}\",\"revision\":{},\"epoch\":{},\"environments\":{{",
            catalog.position, catalog.position.revision.0, catalog.position.epoch.0
        )
        .as_bytes(),
    );
    for (index, place) in topics.places().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        let name = Json::from(format!("{}/{}", place.0, place.1));
        out.put_slice(name.to_text().as_bytes());
        out.put_u8(b':');
        match live.snapshots().environment(catalog, place) {
            Some(bytes) if out.len() + bytes.len() <= MOST => out.put(bytes),
            _ => out.put_slice(b"null"),
        }
    }
    out.put_slice(b"}}");
    Message { event: Event::Snapshot, position: catalog.position, bytes: out.freeze() }
}

fn message(event: Event, position: Position, members: Vec<(&str, Json)>) -> Message {
    let mut json: Json = [("type", Json::from(event.as_str()))].into_iter().collect();
    for (name, value) in members {
        json.set(name, value);
    }
    Message { event, position, bytes: Bytes::from(json.to_text()) }
}

/// `{"type":"subscribed","topics":[..],"position":"1.4812"}`.
pub fn subscribed(topics: &Topics, position: Position) -> Message {
    let names = topics.names().into_iter().map(Json::from).collect::<Vec<_>>();
    let members = vec![("topics", Json::Array(names)), ("position", Json::from(position.to_string()))];
    message(Event::Subscribed, position, members)
}

/// `{"type":"position","position":"1.4812"}`: nothing up to here was for this stream.
pub fn position(position: Position) -> Message {
    message(Event::Position, position, vec![("position", Json::from(position.to_string()))])
}

/// `{"type":"status",..}` with the members of `GET /api/status`.
pub fn status(view: &Json, position: Position) -> Message {
    let members = view.as_object().unwrap_or_default();
    message(
        Event::Status,
        position,
        members.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(),
    )
}

/// `{"type":"error","problem":{..}}`.
pub fn error(problem: &Problem, position: Position) -> Message {
    message(Event::Error, position, vec![("problem", Json::from_serialize(problem))])
}
