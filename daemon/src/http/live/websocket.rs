//! The WebSocket: changes one by one, and what the client says about them.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use shared::api::problem::{Problem, ProblemKind};
use shared::fault::Fault;
use shared::json::Json;
use shared::read::Fields;
use shared::revision::{Position, Revision};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::listener::{Listener, Listening};
use super::reader::Reader;
use super::topics::Topics;
use super::wire::{self, Event, Message};
use super::{RECHECK, STATUS, status};
use crate::http::error::ApiError;
use crate::live::clients::{Guard, Protocol};

/// A client that takes less than this, in bytes a second, is too slow for a large message.
const SLOWEST: u64 = 64 * 1024;
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Opens a WebSocket for changes.
///
/// The client sends `{"type":"subscribe","topics":[..],"since":"1.4810"}`, where `since` (a position, or a
/// revision of this epoch) may be left out to start now; then come `subscribed` and every change once, in
/// order. What the server no longer has one by one comes as a `snapshot`. A `revision` with
/// `"snapshot":true` has too many changes to tell: read the state again. `{"type":"applied","revision":n}`
/// tells how far the client is, `{"type":"unsubscribe"}` ends (some) topics. `name`, here or in `subscribe`,
/// is what `GET /api/status` calls the client.
#[utoipa::path(get, path = "/ws", tag = "live", params(
    ("name" = Option<String>, Query, description = "what the client calls itself, like web-17"),
), responses(
    (status = 101, description = "from here on it is a WebSocket"),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn open(
    listening: Listening,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let listener = listening.listener;
    listener.origin()?;
    let upgrade = upgrade.map_err(|rejection| {
        let detail = format!("this path speaks WebSocket: {}", rejection.body_text());
        let _ = rejection.into_response();
        ApiError::new(ProblemKind::Malformed, detail)
    })?;
    let most = listener.state.config.limits.websocket_message_bytes;
    let response = upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        // One message is under way at a time, so this is never reached.
        .max_write_buffer_size(2 * wire::MOST + (1 << 20))
        .on_upgrade(move |socket| Session::run(socket, listener));
    Ok(response)
}

/// Why a connection ends.
enum End {
    /// The client left.
    Left,
    /// The client takes nothing, or does not answer.
    Deaf(&'static str),
    /// The daemon stops.
    Going,
    /// The caller is not known any more, or may not listen any more.
    Refused(Box<ApiError>),
    /// The client does not keep to the protocol.
    Wrong(u16, String),
}

struct Session {
    sink: SplitSink<WebSocket, Frame>,
    source: SplitStream<WebSocket>,
    listener: Listener,
    reader: Reader,
    client: Guard,
    recheck: Interval,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    gone: Pin<Box<dyn Future<Output = ()> + Send>>,
}

enum Wake {
    End(End),
    Frame(Frame),
    Moved,
    Recheck,
    Ping,
    Status,
}

impl Session {
    async fn run(socket: WebSocket, listener: Listener) {
        let (sink, source) = socket.split();
        let drain = listener.state.drain.clone();
        let mut session = Self {
            sink,
            source,
            client: listener.register(Protocol::WebSocket),
            reader: Reader::new(&listener, Topics::default(), None),
            recheck: every(RECHECK),
            end: Box::pin(drain.stream_end()),
            gone: Box::pin(drain.gone()),
            listener,
        };
        let end = match session.listen().await {
            Ok(()) => End::Left,
            Err(end) => end,
        };
        session.goodbye(end).await;
    }

    async fn listen(&mut self) -> Result<(), End> {
        let between = self.listener.state.config.live.websocket_ping;
        let mut ping = every(between);
        let mut status = every(STATUS);
        let mut heard = Instant::now();
        loop {
            let hears_status = self.reader.topics.has(&super::topics::Topic::Status);
            let wake = tokio::select! {
                () = &mut self.end => Wake::End(End::Going),
                frame = self.source.next() => match frame {
                    Some(Ok(frame)) => Wake::Frame(frame),
                    Some(Err(error)) => Wake::End(End::Wrong(1002, error.to_string())),
                    None => Wake::End(End::Left),
                },
                () = self.reader.moved(), if !self.reader.topics.is_empty() => Wake::Moved,
                _ = self.recheck.tick() => Wake::Recheck,
                _ = ping.tick() => Wake::Ping,
                _ = status.tick(), if hears_status => Wake::Status,
            };
            match wake {
                Wake::End(end) => return Err(end),
                Wake::Frame(frame) => {
                    heard = Instant::now();
                    self.hear(frame).await?;
                }
                Wake::Moved => {
                    self.judge()?;
                    for message in self.reader.read(&self.listener).await {
                        self.tell(message).await?;
                    }
                }
                Wake::Recheck => self.judge()?,
                Wake::Ping => {
                    if heard.elapsed() > between * 2 {
                        return Err(End::Deaf("no pong"));
                    }
                    if let Some(bookmark) = self.reader.bookmark() {
                        self.tell(bookmark).await?;
                    }
                    self.deliver(Frame::Ping(bytes::Bytes::new()), 0).await?;
                }
                Wake::Status => {
                    let view = status::view(&self.listener.state, &self.listener.caller);
                    let message = wire::status(&Json::from_serialize(&view), self.reader.position());
                    self.tell(message).await?;
                }
            }
        }
    }

    /// That the caller is still known and may still hear the topics.
    fn judge(&mut self) -> Result<(), End> {
        judge(&mut self.listener, &self.reader.topics)
    }

    async fn tell(&mut self, message: Message) -> Result<(), End> {
        let length = message.bytes.len() as u64;
        let Ok(text) = Utf8Bytes::try_from(message.bytes) else {
            return Err(End::Wrong(1011, "a message is not text".to_owned()));
        };
        self.deliver(Frame::Text(text), length).await?;
        if matches!(message.event, Event::Revision | Event::Snapshot) {
            self.client.sent(message.position);
        }
        Ok(())
    }

    /// Writes one frame; nothing else is written until the client took it, or its time is over. A caller
    /// who is not known any more does not keep the connection by being slow.
    async fn deliver(&mut self, frame: Frame, length: u64) -> Result<(), End> {
        let Self { sink, listener, reader, recheck, gone, .. } = self;
        let patience = listener.state.config.http.write_timeout + Duration::from_secs(length / SLOWEST);
        let mut patience = pin!(tokio::time::sleep(patience));
        let mut sending = pin!(sink.send(frame));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent.map_err(|_| End::Left),
                () = &mut patience => return Err(End::Deaf("slow")),
                () = &mut *gone => return Err(End::Going),
                _ = recheck.tick() => judge(listener, &reader.topics)?,
            }
        }
    }

    async fn hear(&mut self, frame: Frame) -> Result<(), End> {
        let answer = match frame {
            Frame::Text(text) => self.understand(text.as_str()),
            Frame::Binary(_) => {
                Err(ApiError::new(ProblemKind::Malformed, "messages are text, one JSON object each"))
            }
            // Pings are answered by the protocol itself.
            Frame::Ping(_) | Frame::Pong(_) => Ok(None),
            Frame::Close(_) => return Err(End::Left),
        };
        let message = match answer {
            Ok(None) => return Ok(()),
            Ok(Some(message)) => message,
            Err(error) => wire::error(&error.problem, self.reader.position()),
        };
        self.tell(message).await
    }

    fn understand(&mut self, text: &str) -> Result<Option<Message>, ApiError> {
        let json = crate::http::request::read_body(text.as_bytes())?
            .ok_or_else(|| ApiError::new(ProblemKind::Malformed, "a message is a JSON object"))?;
        let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
        let mut fields = Fields::of(&json, "").map_err(invalid)?;
        let type_ = fields.take::<String>("type").unwrap_or_default();
        match type_.as_str() {
            "subscribe" => {
                let names = fields.take::<Vec<String>>("topics").unwrap_or_default();
                let name = fields.take::<Option<String>>("name").flatten();
                let since = fields.raw("since").filter(|v| !v.is_null());
                let since = since.map(|v| position(v, &self.listener)).transpose();
                if since.is_err() {
                    fields.fault("since", "must be a position, like \"1.4812\", or a revision, like 4812");
                }
                fields.finish().map_err(invalid)?;
                let topics = topics(&names).map_err(invalid)?;
                topics.exist(&self.listener.state.live.catalog())?;
                topics.allowed(&self.listener.caller)?;
                // A stream that heard nothing has nothing to go on from: it starts now.
                let now = self.listener.state.live.feed().position();
                let since = since.ok().flatten().or_else(|| self.reader.topics.is_empty().then_some(now));
                self.reader.subscribe(topics, since);
                if let Some(name) = name {
                    self.client.called(&name);
                }
                self.client.hears(self.reader.topics.names());
                Ok(Some(wire::subscribed(&self.reader.topics, self.reader.position())))
            }
            "unsubscribe" => {
                let names = fields.take::<Option<Vec<String>>>("topics").flatten();
                fields.finish().map_err(invalid)?;
                let rest = match names {
                    Some(names) => self.reader.topics.without(&topics(&names).map_err(invalid)?),
                    None => Topics::default(),
                };
                self.reader.subscribe(rest, None);
                self.client.hears(self.reader.topics.names());
                Ok(Some(wire::subscribed(&self.reader.topics, self.reader.position())))
            }
            "applied" => {
                let revision = fields.take::<i64>("revision");
                let known = self.listener.state.live.catalog().position.revision.0;
                if revision.is_some_and(|r| !(0..=known).contains(&r)) {
                    fields.fault("revision", format!("must be 0 to {known}"));
                }
                fields.finish().map_err(invalid)?;
                if let Some(revision) = revision {
                    self.client.applied(Revision(revision));
                }
                Ok(None)
            }
            other => {
                let detail = format!("{other:?} is not a message; there are subscribe, unsubscribe, applied");
                Err(invalid(vec![Fault::new("/type", detail)]))
            }
        }
    }

    async fn goodbye(mut self, end: End) {
        let (code, reason) = match end {
            End::Left => return,
            End::Deaf(why) => {
                metrics::counter!("flagstaff_streams_cut_total", "why" => why).increment(1);
                return;
            }
            End::Going => (1001, "the daemon stops; connect again".to_owned()),
            End::Refused(error) => {
                let message = wire::error(&error.problem, self.reader.position());
                if let Ok(text) = Utf8Bytes::try_from(message.bytes) {
                    let _ = tokio::time::timeout(GOODBYE, self.sink.send(Frame::Text(text))).await;
                }
                (1008, error.problem.detail.clone())
            }
            End::Wrong(code, reason) => (code, reason),
        };
        // A close frame has room for 123 bytes.
        let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
        let close = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
        let _ = tokio::time::timeout(GOODBYE, self.sink.send(close)).await;
        // The client's own close frame, so that it does not find the connection reset.
        let answered = async { while let Some(Ok(_)) = self.source.next().await {} };
        let _ = tokio::time::timeout(GOODBYE, answered).await;
    }
}

/// That the caller is still known and may still hear the topics.
fn judge(listener: &mut Listener, topics: &Topics) -> Result<(), End> {
    let catalog = listener.state.live.catalog();
    let judged = listener.recheck(&catalog).and_then(|()| topics.allowed(&listener.caller));
    judged.map_err(|error| End::Refused(Box::new(error)))
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn topics(names: &[String]) -> Result<Topics, Vec<Fault>> {
    Topics::read(names.iter().map(String::as_str))
        .map_err(|(index, detail)| vec![Fault::new(format!("/topics/{index}"), detail)])
}

/// A position, or a revision of the epoch that is served.
fn position(value: &Json, listener: &Listener) -> Result<Position, ()> {
    let epoch = listener.state.live.catalog().position.epoch.0;
    match (value.as_i64(), value.as_str()) {
        (Some(revision), _) if revision >= 0 => Ok(Position::new(epoch, revision)),
        (None, Some(text)) => super::since(text, epoch).ok_or(()),
        _ => Err(()),
    }
}
