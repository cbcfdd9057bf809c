//! Brings what was counted to the database, on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::recorder::Usage;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::usage::{self, Batch, Keep};

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last one may take, at the end.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often old minutes are summed and old rows forgotten.
const PRUNE: Duration = Duration::from_secs(600);
/// What another daemon wrote may become visible this much after the time it bears.
const OVERLAP: time::Duration = time::Duration::seconds(30);

/// A pool of one connection like those of `pool`: counting never takes one from a request.
pub fn pool(pool: &PgPool) -> PgPool {
    let options = pool.connect_options().as_ref().clone().application_name("flagstaffd-usage");
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_secs(60))
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Reads what was accepted and writes what was counted, until told to stop; then once more.
pub async fn work(usage: Arc<Usage>, pool: PgPool, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let reading = {
        let (usage, stop) = (Arc::clone(&usage), stop.clone());
        tokio::spawn(async move { usage.queue.work(stop).await })
    };
    if usage.settings.enabled {
        let mut known = OffsetDateTime::UNIX_EPOCH;
        let mut due = tokio::time::interval(usage.settings.flush_interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut prune = tokio::time::interval(PRUNE);
        prune.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = due.tick() => {
                    if flush(&usage, &pool).await {
                        learn(&usage, &pool, &mut known).await;
                    }
                }
                _ = prune.tick() => forget(&usage, &pool, clock.now()).await,
            }
        }
    }
    stop.cancelled().await;
    let _ = reading.await;
    if usage.settings.enabled && tokio::time::timeout(FAREWELL, flush(&usage, &pool)).await.is_err() {
        tracing::warn!("the last counts did not reach the database in time");
    }
    pool.close().await;
}

/// Writes every batch that waits; whether the database took them all.
async fn flush(usage: &Usage, pool: &PgPool) -> bool {
    // Readers wait meanwhile: what moves would be counted twice, or not at all.
    let _moving = usage.moving.write().await;
    while let Some(batch) = usage.next_batch() {
        let error = match tokio::time::timeout(PATIENCE, add(pool, &batch)).await {
            Ok(Ok(())) => {
                usage.done(&batch);
                continue;
            }
            Ok(Err(error)) => error,
            Err(_) => StoreError::Busy("it did not answer in time".to_owned()),
        };
        metrics::counter!("flagstaff_usage_flush_failures_total").increment(1);
        if waits(&error) {
            tracing::debug!(%error, "what was counted waits for the database");
            return false;
        }
        // It would be refused again, and everything behind it with it.
        tracing::error!(%error, rows = batch.counted.len(), "a batch of counts is lost");
        let lost = batch.counted.iter().map(|row| row.count.unsigned_abs()).sum();
        metrics::counter!("flagstaff_usage_shed_total", "what" => "counter").increment(lost);
        usage.done(&batch);
    }
    true
}

/// Whether the same may be taken later: the database is away, busy, or not yet at this program's version.
fn waits(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Database(cause)) => cause.code().as_deref() == Some("42P01"),
        StoreError::Database(_) | StoreError::Taken(_) | StoreError::Corrupt { .. } => false,
        StoreError::Unavailable(_) | StoreError::Busy(_) | StoreError::OutcomeUnknown => true,
    }
}

async fn add(pool: &PgPool, batch: &Batch) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await?;
    usage::add(&mut conn, batch).await
}

/// Learns what other daemons, and those before this one, told the database.
async fn learn(usage: &Usage, pool: &PgPool, known: &mut OffsetDateTime) {
    let asked = async {
        let mut conn = pool.acquire().await?;
        usage::evaluated_since(&mut conn, *known).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((now, rows))) => {
            usage.learn(&rows);
            *known = now - OVERLAP;
        }
        Ok(Err(error)) => tracing::debug!(%error, "last evaluations are not read"),
        Err(_) => tracing::debug!("last evaluations are not read in time"),
    }
}

/// Sums, and forgets.
async fn forget(usage: &Usage, pool: &PgPool, now: OffsetDateTime) {
    let settings = &usage.settings;
    let hour = now.unix_timestamp().div_euclid(3_600) * 3_600;
    let hour = OffsetDateTime::from_unix_timestamp(hour).unwrap_or(now);
    let before = |from: OffsetDateTime, span: Duration| {
        time::Duration::try_from(span).ok().and_then(|span| from.checked_sub(span))
    };
    let (Some(minutes_from), Some(hours_from)) =
        (before(hour, settings.minutes), before(now, settings.hours))
    else {
        return;
    };
    let contexts =
        if settings.contexts { i64::try_from(settings.most_contexts).unwrap_or(i64::MAX) } else { 0 };
    let keep = Keep { minutes_from, hours_from, contexts };
    let pruned = async {
        let mut conn = pool.acquire().await?;
        usage::prune(&mut conn, &keep).await
    };
    if let Err(error) = pruned.await {
        tracing::debug!(%error, "old counts stay for a while");
    }
}
