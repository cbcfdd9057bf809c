//! The heartbeat: tells the other daemons that this one is there, and learns which others are.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Live;
use super::behind::{self, Told};
use super::daemons::{Found, Myself};
use crate::store::daemons::{self, Heartbeat};
use crate::store::gate::Gate;

/// How often it beats.
pub const EVERY: Duration = Duration::from_secs(5);
/// A daemon that was not heard of for so many seconds is gone.
const GONE: f64 = 15.0;
/// More clients than this are counted and not named.
const NAMED: usize = 1_000;

/// Beats until told to stop, then takes this daemon off the list.
pub async fn beat(live: Arc<Live>, gate: Arc<Gate>, myself: Myself, stop: CancellationToken) {
    live.daemons().tell(Found { myself: Some(myself.clone()), all: Vec::new() });
    let mut moves = live.feed().watch();
    while !live.ready() {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = moves.changed() => {}
        }
    }
    loop {
        match tokio::time::timeout(EVERY, once(&live, &gate, &myself)).await {
            Ok(Ok(all)) => {
                live.daemons().tell(Found { myself: Some(myself.clone()), all });
            }
            Ok(Err(error)) => tracing::debug!(%error, "no heartbeat"),
            Err(_) => tracing::debug!("no heartbeat in time"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    let leave = async {
        let mut conn = gate.pool().acquire().await?;
        daemons::leave(&mut conn, myself.id).await
    };
    // Whoever does not get to say so is forgotten soon anyway.
    let _ = tokio::time::timeout(Duration::from_secs(1), leave).await;
}

async fn once(live: &Live, gate: &Gate, myself: &Myself) -> Result<Vec<Heartbeat>, crate::store::StoreError> {
    let clients: Vec<Told> = behind::standings(live).into_iter().take(NAMED).map(Told::from).collect();
    let beat = Heartbeat {
        id: myself.id,
        name: myself.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: myself.address.clone(),
        position: live.catalog().position,
        clients: serde_json::to_string(&clients).unwrap_or_else(|_| "[]".to_owned()),
        started_at: myself.started_at,
        seen_at: myself.started_at,
    };
    let mut conn = gate.read().await?;
    daemons::beat(&mut conn, &beat).await?;
    daemons::list(&mut conn, GONE).await
}
