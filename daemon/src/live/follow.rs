//! The follower: the only writer of the catalog, moved by what is after its revision.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shared::audit::{Header, RevisionKind};
use shared::revision::Position;
use sqlx::PgConnection;
use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use super::Live;
use super::catalog::Catalog;
use super::delta::Delta;
use super::load::load;
use crate::store::gate::Gate;
use crate::store::{self, StoreError};

/// The channel on which daemons hint at each other's commits.
pub const CHANNEL: &str = "flagstaff";
/// More revisions behind than this, and the whole catalog is loaded again.
const FAR_BEHIND: i64 = 1_000;

/// After a listener could not be made, so long without another try.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// How the follower learns of changes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often to ask without a hint.
    pub poll: Duration,
    /// Whether to listen for hints, and to give them.
    pub listen: bool,
}

/// What one look at the database found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Same,
    /// Moved forward by so many revisions.
    Moved(i64),
    /// Loaded again as a whole.
    Loaded,
    /// The database is older than what is served: writes are frozen, the catalog stays.
    Regressed,
}

/// Follows the database until told to stop. Never fails: while the database is away, what is there serves.
pub async fn follow(live: Arc<Live>, gate: Arc<Gate>, settings: Settings, stop: CancellationToken) {
    let mut listener: Option<PgListener> = None;
    // Made beside the looking: nobody waits for a change because a listener takes its time.
    let mut listening: Option<Listening> = None;
    let mut failures: u32 = 0;
    loop {
        if settings.listen && listener.is_none() && listening.is_none() {
            listening = Some(Box::pin(listen(Arc::clone(&gate))));
        }
        let own = live.catalog().position.revision.0 < gate.last_committed();
        let looked = tokio::time::timeout(Duration::from_secs(10), step(&live, &gate)).await;
        match looked {
            Ok(Ok(found)) => {
                failures = 0;
                live.set_stale(false);
                gate.recovered();
                gate.hold(false);
                if own && settings.listen {
                    hint(&gate, live.catalog().position).await;
                }
                if matches!(found, Step::Moved(_) | Step::Loaded) {
                    tracing::debug!(?found, revision = live.catalog().position.revision.0, "followed");
                    if live.lag() > 0 {
                        continue;
                    }
                }
            }
            Ok(Err(error)) => {
                failures += 1;
                live.set_stale(true);
                if matches!(error, StoreError::Unavailable(_)) {
                    gate.failed();
                    gate.hold(true);
                }
                listener = None;
                if failures == 1 {
                    tracing::warn!(%error, "the database does not answer; serving what is there");
                }
            }
            Err(_) => {
                failures += 1;
                gate.failed();
                live.set_stale(true);
                listener = None;
                tracing::warn!("the database took more than 10 s to answer");
            }
        }
        let pause = match failures {
            0 => settings.poll,
            // It may have been one connection only, and writes wait for this.
            1 => Duration::ZERO,
            _ => settings.poll.min(Duration::from_millis(250)),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = gate.hinted() => {}
            () = heard(&mut listener, &live) => {}
            // What was announced before it listened is found by the next look.
            made = made(&mut listening) => listener = made,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Looks once and moves the catalog to what the database holds.
///
/// # Errors
/// The database's; the catalog stays as it was.
pub async fn step(live: &Live, gate: &Gate) -> Result<Step, StoreError> {
    let catalog = live.catalog();
    let seen = gate.seen();
    let mut conn = gate.pool().acquire().await?;
    let head = store::head::get(&mut conn).await?;
    live.seen_head(head.position.revision.0);
    if !live.ready() {
        drop(conn);
        return reload(live, gate).await;
    }
    let gone_back =
        head.position < catalog.position || (head.position == catalog.position && head.hash != catalog.hash);
    if gone_back || seen.is_after(&head) {
        if !gate.regressed() {
            tracing::error!(
                serving = %catalog.position, database = %head.position,
                "the database has gone back in time: writes are frozen until `flagstaffd accept-rollback`"
            );
        }
        gate.set_regressed(true);
        return Ok(Step::Regressed);
    }
    gate.set_regressed(false);
    if live.provisional() {
        // What came from the disk was good enough to serve, not to build on.
        drop(conn);
        return reload(live, gate).await;
    }
    if head.position == catalog.position {
        return Ok(Step::Same);
    }
    if head.position.epoch != catalog.position.epoch
        || head.position.revision.0 - catalog.position.revision.0 > FAR_BEHIND
    {
        drop(conn);
        return reload(live, gate).await;
    }
    match forward(live, gate, &mut conn, catalog).await? {
        Some(moved) => Ok(Step::Moved(moved)),
        None => {
            drop(conn);
            reload(live, gate).await
        }
    }
}

/// Applies the revisions after the catalog, in order; `None` when they do not connect to it.
async fn forward(
    live: &Live,
    gate: &Gate,
    conn: &mut PgConnection,
    mut catalog: Arc<Catalog>,
) -> Result<Option<i64>, StoreError> {
    let committed = store::audit::since(conn, catalog.position.revision, FAR_BEHIND).await?;
    let (Some(first), Some(last)) = (committed.first(), committed.last()) else { return Ok(None) };
    let (from, to) = (first.position.revision, last.position.revision);
    let mut entries = store::audit::entries(conn, from, to).await?;
    let mut moved = 0;
    for revision in committed {
        let follows = revision.position.revision == catalog.position.revision.next()
            && revision.previous_hash == catalog.hash
            && revision.position.epoch == catalog.position.epoch;
        if !follows {
            return Ok(None);
        }
        let rest = entries.partition_point(|e| e.revision <= revision.position.revision);
        let later = entries.split_off(rest);
        let mine = std::mem::replace(&mut entries, later);
        let next = Arc::new(catalog.after(&revision, &mine));
        gate.saw(next.position, next.hash);
        // Readers must never see a delta whose catalog is not there yet.
        live.swap(Arc::clone(&next));
        live.feed().publish(Arc::new(Delta::new(&revision, mine, &next)));
        catalog = next;
        moved += 1;
    }
    Ok(Some(moved))
}

/// Loads the whole catalog. An older or an empty one never replaces a newer one.
async fn reload(live: &Live, gate: &Gate) -> Result<Step, StoreError> {
    let fresh = load(gate.pool()).await?;
    let old = live.catalog();
    if live.ready() && fresh.position < old.position {
        gate.set_regressed(true);
        return Ok(Step::Regressed);
    }
    if fresh.position.epoch != old.position.epoch {
        gate.forget_committed();
    }
    live.set_provisional(false);
    gate.saw(fresh.position, fresh.hash);
    adopt(live, fresh);
    Ok(Step::Loaded)
}

/// Takes a whole catalog as the live one; every stream takes a snapshot.
pub fn adopt(live: &Live, catalog: Catalog) {
    let first = !live.ready();
    let catalog = Arc::new(catalog);
    live.swap(Arc::clone(&catalog));
    live.feed().reset(catalog.position);
    if !first {
        tracing::info!(position = %catalog.position, "the catalog was loaded again as a whole");
    }
}

/// The header of what is told when a catalog was loaded as a whole.
pub fn loaded_header(catalog: &Catalog) -> Header {
    Header {
        at: catalog.at,
        kind: RevisionKind::Epoch,
        actor: "flagstaffd".to_owned(),
        credential: "none".to_owned(),
        source: "follow".to_owned(),
        comment: None,
        request_id: None,
    }
}

type Listening = Pin<Box<dyn Future<Output = Option<PgListener>> + Send>>;

/// Waits for a listener that is being made.
async fn made(listening: &mut Option<Listening>) -> Option<PgListener> {
    let Some(making) = listening else { return std::future::pending().await };
    let listener = making.await;
    *listening = None;
    listener
}

async fn listen(gate: Arc<Gate>) -> Option<PgListener> {
    let connect = async {
        let mut listener = PgListener::connect_with(gate.pool()).await?;
        // A lost connection must be seen, not mended behind our back: the gap is caught up by a look.
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    match tokio::time::timeout(Duration::from_secs(3), connect).await {
        Ok(Ok(listener)) => Some(listener),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no listener; polling");
            tokio::time::sleep(LISTEN_AGAIN).await;
            None
        }
        Err(_) => None,
    }
}

/// Waits for a hint at what is not here yet, which our own are not; forgets a listener that lost its
/// connection, so that the next round looks and listens anew.
async fn heard(listener: &mut Option<PgListener>, live: &Live) {
    let Some(active) = listener else { return std::future::pending().await };
    while let Ok(Some(hint)) = active.try_recv().await {
        let known = hint.payload().parse().is_ok_and(|at: Position| at <= live.catalog().position);
        if !known {
            return;
        }
    }
    *listener = None;
}

/// Tells the other daemons. Lost hints cost them a poll interval, nothing else, so nothing is flushed to the
/// disk for one: the next write would wait for that.
async fn hint(gate: &Gate, position: Position) {
    let told = async {
        let mut conn = gate.pool().acquire().await?;
        sqlx::query("select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(position.to_string())
            .execute(&mut *conn)
            .await
    };
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), told).await {
        tracing::debug!(%error, "a hint was not given");
    }
}
