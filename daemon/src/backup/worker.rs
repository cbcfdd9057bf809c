//! Works on the queue of backups: in every daemon, one of them at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::dump::{self, To};
use super::tools::Tools;
use super::{BackupError, prove};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::StoreError;
use crate::store::backups::{self, Job, Made};
use crate::store::gate::Gate;

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Seconds until a failed job is tried again.
const AGAIN: f64 = 30.0;
/// How many ended jobs are remembered.
const REMEMBERED: i64 = 200;

/// Works until told to stop; a backup under way is given up then, and another daemon takes it over.
pub async fn work(config: Arc<Config>, gate: Arc<Gate>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        // Never the first to find out that the database is away.
        if !gate.answers() || gate.draining() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            done = turn(&config, &gate, clock.as_ref()) => {
                if let Err(error) = done {
                    tracing::debug!(%error, "the queue of backups was not looked at");
                }
            }
        }
    }
}

/// Looks once, and does what waits.
///
/// # Errors
/// The database's. A backup that was not made is told in its job.
pub async fn turn(config: &Config, gate: &Gate, clock: &dyn Clock) -> Result<usize, StoreError> {
    let mut conn = gate.pool().acquire().await?;
    if config.backup.enabled {
        let interval = config.backup.interval.as_secs_f64();
        backups::enqueue_scheduled(&mut conn, clock.uuid(), interval).await?;
    }
    if !backups::pending(&mut conn).await? {
        return Ok(0);
    }
    // The lock belongs to the session: it must not go back into the pool with it.
    let mut conn = conn.detach();
    let mut done = 0;
    if backups::become_worker(&mut conn).await? {
        backups::requeue_abandoned(&mut conn).await?;
        while let Some(job) = backups::claim(&mut conn).await? {
            one(config, gate, clock, &mut conn, &job).await?;
            done += 1;
        }
        backups::forget(&mut conn, REMEMBERED).await?;
    }
    let _ = sqlx::Connection::close(conn).await;
    Ok(done)
}

async fn one(
    config: &Config,
    gate: &Gate,
    clock: &dyn Clock,
    conn: &mut PgConnection,
    job: &Job,
) -> Result<(), StoreError> {
    let began = clock.monotonic();
    match copy(config, gate, clock).await {
        Ok((path, manifest)) => {
            let took = clock.monotonic().saturating_sub(began);
            metrics::counter!("flagstaff_backups_total", "outcome" => "done").increment(1);
            metrics::histogram!("flagstaff_backup_seconds").record(took);
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            tracing::info!(file, bytes = manifest.bytes, position = %manifest.position, ?took, "backed up");
            let made = Made {
                file: &file,
                bytes: i64::try_from(manifest.bytes).unwrap_or(i64::MAX),
                sha256: &manifest.sha256,
                position: manifest.position,
            };
            backups::done(conn, job.id, &made).await?;
            let keep = usize::try_from(config.backup.keep).unwrap_or(usize::MAX);
            if let Err(error) = dump::prune(&config.backup.directory, keep) {
                tracing::warn!(%error, "old backups were not removed");
            }
        }
        Err(error) => {
            metrics::counter!("flagstaff_backups_total", "outcome" => "failed").increment(1);
            tracing::error!(%error, attempt = job.attempts, "a backup was not made");
            backups::failed(conn, job.id, &error.to_string(), AGAIN).await?;
        }
    }
    Ok(())
}

async fn copy(
    config: &Config,
    gate: &Gate,
    clock: &dyn Clock,
) -> Result<(PathBuf, super::manifest::Manifest), BackupError> {
    let tools = Tools::new(config, &gate.pool().connect_options());
    let to = To::Directory(config.backup.directory.clone());
    let made = dump::make(gate.pool(), &tools, &to, clock.now()).await?;
    prove::file(&tools, &made.0).await?;
    Ok(made)
}
