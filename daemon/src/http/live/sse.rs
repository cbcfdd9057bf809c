//! Server-sent events: the same changes for `curl -N`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use shared::api::problem::Problem;
use shared::json::Json;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::listener::{Listener, Listening};
use super::reader::Reader;
use super::topics::{Topic, Topics, place_of};
use super::wire::{self, Event, Message};
use super::{RECHECK, STATUS, since, status};
use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::live::clients::{Guard, Protocol};

/// Streams changes as server-sent events.
///
/// Each event has the position as its `id`, the name of the message as its `event` and the message, as the
/// WebSocket sends it, as its `data`. `Last-Event-ID` or `since` resumes without a gap.
#[utoipa::path(get, path = "/stream", tag = "live", params(
    ("environment" = Option<String>, Query, description = "environments, separated by commas: `staging`, `project/staging`"),
    ("topics" = Option<String>, Query, description = "topics, separated by commas: `audit`, `status`, `environment:project/staging`"),
    ("name" = Option<String>, Query, description = "what the client calls itself, like web-17"),
    ("since" = Option<String>, Query, description = "the position or revision after which to go on; Last-Event-ID wins"),
), responses(
    (status = 200, description = "events, until the client leaves", content_type = "text/event-stream", body = String),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn stream(listening: Listening) -> Result<Response, ApiError> {
    let Listening { asked, listener } = listening;
    let topics = topics(&asked)?;
    topics.exist(&asked.catalog)?;
    topics.allowed(&listener.caller)?;
    let epoch = asked.catalog.position.epoch.0;
    let last = asked.headers.get("last-event-id").and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty());
    let (name, text) = match (last, asked.text("since")) {
        (Some(id), _) => ("Last-Event-ID", Some(id)),
        (None, text) => ("since", text),
    };
    let from = text.map(|text| {
        since(text, epoch).ok_or_else(|| {
            ApiError::parameter(name, "must be a position, like 1.4812, or a revision, like 4812")
        })
    });
    let reader = Reader::new(&listener, topics, from.transpose()?);
    let mut response = Response::new(Body::from_stream(events(listener, reader)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep the events until it has a page of them.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn topics(asked: &Asked) -> Result<Topics, ApiError> {
    let list = |name: &str| {
        let text = asked.text(name).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    let mut names = Vec::new();
    for name in list("environment") {
        let place =
            place_of(&name).map_err(|e| ApiError::parameter("environment", format!("is wrong: {e}")))?;
        names.push(Topic::Environment(place).to_string());
    }
    names.extend(list("topics"));
    if names.is_empty() {
        return Err(ApiError::parameter("environment", "or topics must say what to hear"));
    }
    Topics::read(names.iter().map(String::as_str))
        .map_err(|(_, detail)| ApiError::parameter("topics", format!("is wrong: {detail}")))
}

struct Session {
    listener: Listener,
    reader: Reader,
    client: Guard,
    ready: std::collections::VecDeque<Message>,
    recheck: Interval,
    status: Interval,
    heartbeat: Interval,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    over: bool,
}

fn events(
    listener: Listener,
    reader: Reader,
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send {
    let every = |period| {
        let mut interval = tokio::time::interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let client = listener.register(Protocol::Sse);
    client.hears(reader.topics.names());
    let session = Session {
        ready: [wire::subscribed(&reader.topics, reader.position())].into(),
        client,
        recheck: every(RECHECK),
        status: every(STATUS),
        heartbeat: every(listener.state.config.live.stream_heartbeat),
        end: Box::pin(listener.state.drain.stream_end()),
        listener,
        reader,
        over: false,
    };
    stream::unfold(session, |mut session| async move {
        let bytes = session.next().await?;
        Some((Ok(bytes), session))
    })
}

impl Session {
    /// The next bytes; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                if matches!(message.event, Event::Revision | Event::Snapshot) {
                    self.client.sent(message.position);
                }
                return Some(encoded(&message));
            }
            if self.over {
                return None;
            }
            let hears_status = self.reader.topics.has(&Topic::Status);
            tokio::select! {
                () = &mut self.end => return None,
                () = self.reader.moved() => {
                    if self.judge() {
                        let messages = self.reader.read(&self.listener).await;
                        self.ready.extend(messages);
                    }
                }
                _ = self.recheck.tick() => { self.judge(); }
                _ = self.status.tick(), if hears_status => {
                    let view = status::view(&self.listener.state, &self.listener.caller);
                    self.ready.push_back(wire::status(&Json::from_serialize(&view), self.reader.position()));
                }
                _ = self.heartbeat.tick() => {
                    return Some(match self.reader.bookmark() {
                        // An event without data moves the browser's last id and fires nothing.
                        Some(bookmark) => Bytes::from(format!("id: {}\n\n", bookmark.position)),
                        None => Bytes::from_static(b":\n\n"),
                    });
                }
            }
        }
    }

    /// Whether the caller is still known and may still hear the topics; if not, that is the last event.
    fn judge(&mut self) -> bool {
        let catalog = self.listener.state.live.catalog();
        let judged =
            self.listener.recheck(&catalog).and_then(|()| self.reader.topics.allowed(&self.listener.caller));
        match judged {
            Ok(()) => true,
            Err(error) => {
                self.ready.push_back(wire::error(&error.problem, self.reader.position()));
                self.over = true;
                false
            }
        }
    }
}

/// A message as an event. Our JSON has no line breaks.
fn encoded(message: &Message) -> Bytes {
    let mut out = BytesMut::with_capacity(message.bytes.len() + 64);
    out.put_slice(format!("id: {}\nevent: {}\ndata: ", message.position, message.event.as_str()).as_bytes());
    out.put_slice(&message.bytes);
    out.put_slice(b"\n\n");
    out.freeze()
}
