//! The one task that tells changes, and looks after clients that hear none.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engineioxide::socket::Sid;
use uuid::Uuid;

use super::emit::recheck;
use super::hub::Hub;

/// How often credentials are looked at again, and empty rooms are cleared.
const TICK: Duration = Duration::from_secs(30);
/// An offset older than this is replaced, in seconds: a quiet day must not cost a client its recovery.
const STALE_OFFSET: i64 = 60 * 60;

/// Tells every change until the daemon is gone.
pub async fn run(hub: Arc<Hub>) {
    let mut moves = hub.state.live.feed().watch();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut gone = std::pin::pin!(hub.state.drain.gone());
    loop {
        tokio::select! {
            biased;
            () = &mut gone => return,
            moved = moves.changed() => {
                if moved.is_err() {
                    return;
                }
                drop(hub.current());
            }
            _ = ticks.tick() => tick(&hub),
        }
    }
}

fn tick(hub: &Hub) {
    let mut inner = hub.current();
    let inner = &mut *inner;
    recheck(&hub.state, inner);
    let used: HashSet<Uuid> = inner.members.values().flat_map(|m| m.rooms.iter().copied()).collect();
    inner.rooms.retain(|id, _| used.contains(id));
    let old = hub.state.clock.now().unix_timestamp() - STALE_OFFSET;
    let emitted = inner.emitted;
    let stale = inner.members.iter().filter(|(_, m)| !m.rooms.is_empty() && m.connection.refreshed() < old);
    let slow: Vec<Sid> = stale.filter(|(_, m)| !m.synced(emitted)).map(|(sid, _)| *sid).collect();
    inner.drop_slow(&slow);
}
