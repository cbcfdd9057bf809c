//! The feed: `/api/ws`, kept open, resumed where it was.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use shared::json::{Json, parse_within};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;

use super::dial::{Dialler, Stream};
use super::step::Watch;
use crate::request::FeedEvent;

/// How long the way there may take, and a goodbye.
const OPENING: Duration = Duration::from_secs(15);
const GOODBYE: Duration = Duration::from_millis(500);
/// A snapshot has up to 8 MiB for each environment.
const LARGEST: usize = 512 * 1024 * 1024;
const DEPTH: usize = 512;

/// How the feed waits.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two pings of ours.
    pub ping: Duration,
    /// Silence for this long is a broken connection.
    pub silence: Duration,
    /// The first wait before another try.
    pub shortest: Duration,
    /// The longest one.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(10),
            silence: Duration::from_secs(25),
            shortest: Duration::from_millis(200),
            longest: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// The wait after the n-th failure in a row, `chance` being between 0 and 1: it doubles, and is somewhere between
    /// its half and itself, so that clients of a daemon that restarts do not come back all at once.
    fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.shortest.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(self.longest).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

enum Order {
    Topics(Vec<String>),
    Now,
}

/// Steers a feed that runs. Dropping it does not end the feed.
#[derive(Clone, Debug)]
pub struct FeedHandle(mpsc::UnboundedSender<Order>);

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Topics(_) => "Topics",
            Self::Now => "Now",
        })
    }
}

impl FeedHandle {
    /// Hears these topics from now on, and goes on from where the feed is.
    pub fn subscribe(&self, topics: Vec<String>) {
        drop(self.0.send(Order::Topics(topics)));
    }

    /// Tries at once where the feed waits before another try; else breaks the connection and makes a new one.
    pub fn reconnect_now(&self) {
        drop(self.0.send(Order::Now));
    }
}

/// Starts a feed.
pub fn start(
    dialler: Arc<Dialler>,
    topics: Vec<String>,
    since: Option<String>,
    out: mpsc::Sender<FeedEvent>,
    cancel: CancellationToken,
    pace: Pace,
) -> FeedHandle {
    let (sender, orders) = mpsc::unbounded_channel();
    let feed = Feed { dialler, topics, position: since, out, orders, pace, failures: 0 };
    tokio::spawn(async move {
        let mut feed = feed;
        // What ends it early is dropped where it stands; only a live connection says goodbye.
        feed.run(&cancel).await;
    });
    FeedHandle(sender)
}

/// Why a connection ended.
enum End {
    /// Nobody listens any more.
    Stopped,
    /// The daemon does not let us in.
    Shut(String),
    /// It broke, or never came about.
    Broken(String),
    /// Somebody wants a new one.
    Again,
}

struct Feed {
    dialler: Arc<Dialler>,
    topics: Vec<String>,
    /// What was handed over last.
    position: Option<String>,
    out: mpsc::Sender<FeedEvent>,
    orders: mpsc::UnboundedReceiver<Order>,
    pace: Pace,
    failures: u32,
}

type Socket = WebSocketStream<Stream>;

impl Feed {
    async fn run(&mut self, cancel: &CancellationToken) {
        loop {
            if self.tell(FeedEvent::Connecting(self.failures + 1)).await.is_err() {
                return;
            }
            let opened = tokio::select! {
                () = cancel.cancelled() => return,
                opened = timeout(OPENING, self.open()) => opened,
            };
            let end = match opened {
                Err(_) => End::Broken(format!("nothing within {} s", OPENING.as_secs())),
                Ok(Err(end)) => end,
                Ok(Ok(mut socket)) => {
                    let end = tokio::select! {
                        () = cancel.cancelled() => End::Stopped,
                        end = self.listen(&mut socket) => end,
                    };
                    drop(timeout(GOODBYE, socket.close(None)).await);
                    end
                }
            };
            let reason = match end {
                End::Stopped => return,
                End::Shut(why) => {
                    drop(self.tell(FeedEvent::Shut(why)).await);
                    return;
                }
                End::Again => continue,
                End::Broken(reason) => reason,
            };
            self.failures += 1;
            let retry_in = self.pace.wait(self.failures, rand::random());
            if self.tell(FeedEvent::Down { reason, retry_in }).await.is_err() {
                return;
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.wait(retry_in) => {}
            }
        }
    }

    /// Waits, unless somebody wants it now.
    async fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                Some(order) = self.orders.recv() => match order {
                    Order::Now => return,
                    Order::Topics(topics) => self.topics = topics,
                },
            }
        }
    }

    async fn tell(&self, event: FeedEvent) -> Result<(), End> {
        self.out.send(event).await.map_err(|_| End::Stopped)
    }

    async fn open(&self) -> Result<Socket, End> {
        let broken = |error: &dyn std::fmt::Display| End::Broken(error.to_string());
        let stream = self.dialler.dial(&Watch::nobody()).await.map_err(|error| broken(&error))?;
        // The scheme only says that TLS, where there is any, is ours.
        let address = format!("ws://{}{}/api/ws", self.dialler.host(), self.dialler.prefix());
        let mut request = address.into_client_request().map_err(|error| broken(&error))?;
        for (name, value) in self.dialler.headers().map_err(|error| End::Shut(error.to_string()))? {
            if let Some(name) = name {
                request.headers_mut().insert(name, value);
            }
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .read_buffer_size(16 * 1024);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let problem = parse_within(&String::from_utf8_lossy(body), DEPTH).unwrap_or_default();
                let detail = problem.get("detail").and_then(Json::as_str);
                let why = detail.map_or_else(|| response.status().to_string(), ToOwned::to_owned);
                Err(match response.status().as_u16() {
                    401 | 403 => End::Shut(why),
                    _ => End::Broken(why),
                })
            }
            Err(error) => Err(broken(&error)),
        }
    }

    async fn listen(&mut self, socket: &mut Socket) -> End {
        match self.heard(socket).await {
            Ok(()) => End::Broken("the daemon closed the connection".to_owned()),
            Err(end) => end,
        }
    }

    async fn heard(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.tell(FeedEvent::Up).await?;
        self.subscribe(socket).await?;
        let mut pings = interval(self.pace.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number: u64 = 0;
        let mut asked = Instant::now();
        let mut last = Instant::now();
        let mut refused = None;
        loop {
            tokio::select! {
                frame = socket.next() => {
                    last = Instant::now();
                    match frame {
                        None => return Ok(()),
                        Some(Err(error)) => return Err(End::Broken(error.to_string())),
                        Some(Ok(Frame::Pong(payload))) => {
                            if payload.as_ref() == number.to_be_bytes() {
                                self.tell(FeedEvent::RoundTrip(asked.elapsed())).await?;
                            }
                        }
                        Some(Ok(Frame::Text(text))) => {
                            let message = parse_within(&text, DEPTH)
                                .map_err(|error| End::Broken(format!("a message cannot be read: {}", error.detail)))?;
                            refused = detail(&message).or(refused);
                            self.hand_over(socket, message).await?;
                        }
                        Some(Ok(Frame::Close(close))) => {
                            let Some(close) = close else { return Ok(()) };
                            let said = close.reason.to_string();
                            return Err(match close.code {
                                CloseCode::Policy => End::Shut(refused.unwrap_or(said)),
                                CloseCode::Away => End::Broken("the daemon stops".to_owned()),
                                code => End::Broken(format!("closed with {code}: {said}")),
                            });
                        }
                        Some(Ok(Frame::Ping(_) | Frame::Binary(_) | Frame::Frame(_))) => {}
                    }
                }
                Some(order) = self.orders.recv() => match order {
                    Order::Now => return Err(End::Again),
                    Order::Topics(topics) => {
                        let before = std::mem::replace(&mut self.topics, topics);
                        self.resubscribe(socket, before.is_empty()).await?;
                    }
                },
                _ = pings.tick() => {
                    number += 1;
                    asked = Instant::now();
                    send(socket, Frame::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))).await?;
                }
                () = sleep((last + self.pace.silence).saturating_duration_since(Instant::now())) => {
                    let silence = self.pace.silence.as_secs_f32();
                    return Err(End::Broken(format!("nothing was heard for {silence} s")));
                }
            }
        }
    }

    /// Hands a message over, and tells the daemon when it is a state that we have now.
    async fn hand_over(&mut self, socket: &mut Socket, message: Json) -> Result<(), End> {
        let kind = message.get("type").and_then(Json::as_str).unwrap_or_default();
        // `status` carries the position of the daemon, which may be ahead of what came here.
        let moves = matches!(kind, "subscribed" | "revision" | "snapshot" | "position");
        let position =
            message.get("position").and_then(Json::as_str).filter(|_| moves).map(ToOwned::to_owned);
        let applied = match kind {
            "revision" | "snapshot" => message.get("revision").and_then(Json::as_i64),
            _ => None,
        };
        self.tell(FeedEvent::Message(message)).await?;
        // A connection that brings something works: the next failure is the first again.
        self.failures = 0;
        self.position = position.or_else(|| self.position.take());
        if let Some(revision) = applied {
            let text: Json =
                [("type", Json::from("applied")), ("revision", Json::from(revision))].into_iter().collect();
            send(socket, Frame::text(text.to_text())).await?;
        }
        Ok(())
    }

    async fn subscribe(&self, socket: &mut Socket) -> Result<(), End> {
        if self.topics.is_empty() {
            return Ok(());
        }
        let mut message = subscription(&self.topics);
        if let Some(position) = &self.position {
            message.set("since", Json::from(position.as_str()));
        }
        send(socket, Frame::text(message.to_text())).await
    }

    async fn resubscribe(&self, socket: &mut Socket, heard_nothing: bool) -> Result<(), End> {
        if self.topics.is_empty() {
            return send(socket, Frame::text(r#"{"type":"unsubscribe"}"#)).await;
        }
        if heard_nothing {
            return self.subscribe(socket).await;
        }
        // Without `since` the stream goes on from where it is; ours may be behind what is on its way to us, which
        // would then come twice.
        send(socket, Frame::text(subscription(&self.topics).to_text())).await
    }
}

fn subscription(topics: &[String]) -> Json {
    let topics = topics.iter().map(|topic| Json::from(topic.as_str())).collect();
    [("type", Json::from("subscribe")), ("topics", Json::Array(topics))].into_iter().collect()
}

fn detail(message: &Json) -> Option<String> {
    message.get("problem")?.get("detail")?.as_str().map(ToOwned::to_owned)
}

/// A daemon that takes nothing must not hold us for ever.
async fn send(socket: &mut Socket, frame: Frame) -> Result<(), End> {
    match timeout(OPENING, socket.send(frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Broken(error.to_string())),
        Err(_) => Err(End::Broken("the daemon takes nothing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ_by_chance() {
        let pace = Pace::default();
        let full: Vec<u128> = (1..=7).map(|n| pace.wait(n, 1.0).as_millis()).collect();
        assert_eq!(full, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pace.wait(1, 0.0).as_millis(), 100);
        assert_eq!(pace.wait(u32::MAX, 1.0), pace.longest);
    }
}
