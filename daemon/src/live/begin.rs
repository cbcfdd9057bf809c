//! The beginning: the database where it answers within two seconds, else the catalog on disk.

use std::fmt::Display;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Live;
use super::disk::Remembered;
use super::follow::adopt;
use super::load::load;
use crate::store::gate::Gate;
use crate::store::{self, StoreError};

/// How long the database is tried before the catalog on disk is served.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);
/// A try that takes longer than this is given up.
const TRY: Duration = Duration::from_secs(60);

/// Gets a catalog to serve, and returns when the database has told what it is. `prepare` brings the
/// database to this program's version; it is tried until it succeeds.
///
/// A database that is older than what is remembered of it does not replace it: writes are frozen, and
/// what is remembered is served.
pub async fn begin<P, F, E>(
    live: &Live,
    gate: &Gate,
    remembered: Option<Remembered>,
    prepare: P,
    stop: &CancellationToken,
) where
    P: Fn() -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    gate.hold(true);
    let mut patience = pin!(tokio::time::sleep(PATIENCE));
    let mut told = String::new();
    loop {
        let attempt = async {
            prepare().await.map_err(|e| e.to_string())?;
            take_over(live, gate, remembered.as_ref()).await.map_err(|e| e.to_string())
        };
        let mut attempt = pin!(async {
            let done = tokio::time::timeout(TRY, attempt).await;
            let done = done.unwrap_or_else(|_| Err("it took more than a minute".to_owned()));
            if done.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            done
        });
        let done = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                done = &mut attempt => break done,
                () = &mut patience, if !live.ready() && remembered.is_some() => {
                    if let Some(remembered) = &remembered {
                        serve(live, remembered);
                    }
                }
            }
        };
        match done {
            Ok(()) => return,
            Err(error) => {
                gate.failed();
                live.set_stale(true);
                if told != error {
                    tracing::error!(%error, "the database cannot be used; trying again");
                    told = error;
                }
            }
        }
    }
}

fn serve(live: &Live, remembered: &Remembered) {
    let position = remembered.catalog.position;
    tracing::warn!(%position, "the database does not answer; serving the catalog that was kept on disk");
    live.set_stale(true);
    live.set_provisional(true);
    adopt(live, remembered.catalog.clone());
}

async fn take_over(live: &Live, gate: &Gate, remembered: Option<&Remembered>) -> Result<(), StoreError> {
    let mut conn = gate.pool().acquire().await?;
    let head = store::head::get(&mut conn).await?;
    let (installation, _) = store::head::installation(&mut conn).await?;
    drop(conn);
    if let Some(old) = remembered {
        let known = (old.catalog.position, old.catalog.hash);
        let gone_back = head.position < known.0 || (head.position == known.0 && head.hash != known.1);
        if old.installation != installation {
            tracing::warn!(
                before = %old.installation, now = %installation,
                "this is another installation than the one whose catalog was kept on disk"
            );
        } else if gone_back {
            tracing::error!(
                kept = %known.0, database = %head.position,
                "the database has gone back in time: writes are frozen until `flagstaffd accept-rollback`"
            );
            gate.saw(old.catalog.position, old.catalog.hash);
            gate.set_regressed(true);
            gate.hold(false);
            live.seen_head(head.position.revision.0);
            live.set_provisional(true);
            if !live.ready() {
                adopt(live, old.catalog.clone());
            }
            live.set_installation(installation);
            return Ok(());
        }
    }
    let fresh = load(gate.pool()).await?;
    live.set_provisional(false);
    live.set_installation(installation);
    gate.recovered();
    gate.saw(fresh.position, fresh.hash);
    gate.hold(false);
    adopt(live, fresh);
    live.set_stale(false);
    Ok(())
}
