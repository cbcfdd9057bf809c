//! GROUND: streams of changes, over WebSocket and as server-sent events.
//!
//! Every stream is a cursor: it reads what came after it from the feed, where that has forgotten it from
//! the history, and where that is too much it takes a snapshot. So there is no gap and no duplicate.

pub mod listener;
pub mod reader;
pub mod sse;
pub mod status;
pub mod status_clients;
pub mod topics;
pub mod websocket;
pub mod wire;

use std::time::Duration;

use shared::revision::Position;

/// How often a stream asks whether its caller may still listen.
const RECHECK: Duration = Duration::from_millis(500);
/// How often the topic `status` says something.
const STATUS: Duration = Duration::from_secs(2);

/// Reads where to go on: a position, or a revision of the epoch that is served.
fn since(text: &str, epoch: i64) -> Option<Position> {
    if text.contains('.') {
        return text.parse().ok();
    }
    let digits = text.strip_prefix('r').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(|revision| Position::new(epoch, revision))
}
