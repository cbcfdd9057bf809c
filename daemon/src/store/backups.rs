//! The table `backup_job`: a queue that every daemon may work on, one job at a time.

use shared::revision::Position;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;

/// How often a job is tried.
pub const ATTEMPTS: i32 = 3;

/// The advisory lock of whoever works on the queue: who has it knows that nobody else does.
const WORKER: i64 = 0x666c_6167_6261_636b;

/// A backup that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// The principal, or `schedule`.
    pub requested_by: String,
    /// When.
    pub requested_at: OffsetDateTime,
    /// When it was last begun.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// How often it was begun.
    pub attempts: i32,
    /// The file's name in the directory of backups.
    pub file: Option<String>,
    /// Its size.
    pub bytes: Option<i64>,
    /// Its SHA-256, hexadecimal.
    pub sha256: Option<String>,
    /// What it holds.
    pub position: Option<Position>,
    /// Why it failed, the last time.
    pub error: Option<String>,
}

struct Row {
    id: Uuid,
    state: String,
    requested_by: String,
    requested_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    attempts: i32,
    file: Option<String>,
    bytes: Option<i64>,
    sha256: Option<String>,
    epoch: Option<i64>,
    revision: Option<i64>,
    error: Option<String>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            state: row.state,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            attempts: row.attempts,
            file: row.file,
            bytes: row.bytes,
            sha256: row.sha256,
            position: row.epoch.zip(row.revision).map(|(epoch, revision)| Position::new(epoch, revision)),
            error: row.error,
        }
    }
}

/// Asks for a backup.
///
/// # Errors
/// The database's.
pub async fn enqueue(conn: &mut PgConnection, id: Uuid, requested_by: &str) -> Result<Job, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "insert into backup_job (id, requested_by) values ($1, $2)
         returning id, state, requested_by, requested_at, started_at, finished_at, attempts, file, bytes,
             sha256, epoch, revision, error",
        id,
        requested_by
    )
    .fetch_one(conn)
    .await?;
    Ok(row.into())
}

/// Asks for the scheduled backup, unless one was asked for within the last `seconds`.
///
/// # Errors
/// The database's.
pub async fn enqueue_scheduled(conn: &mut PgConnection, id: Uuid, seconds: f64) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into backup_job (id, requested_by)
         select $1, 'schedule' where not exists (
             select from backup_job where requested_by = 'schedule'
                 and requested_at > clock_timestamp() - make_interval(secs => $2))
         on conflict do nothing",
        id,
        seconds
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The newest jobs.
///
/// # Errors
/// The database's.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, state, requested_by, requested_at, started_at, finished_at, attempts, file, bytes,
             sha256, epoch, revision, error
         from backup_job order by requested_at desc, id desc limit $1",
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Job::from).collect())
}

/// One job.
///
/// # Errors
/// The database's.
pub async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, state, requested_by, requested_at, started_at, finished_at, attempts, file, bytes,
             sha256, epoch, revision, error
         from backup_job where id = $1",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// The database's name, and whether it holds an installation.
///
/// # Errors
/// The database's.
pub async fn database(conn: &mut PgConnection) -> Result<(String, bool), StoreError> {
    let row = sqlx::query!(
        r#"select current_database()::text as "name!", to_regclass('public.head') is not null as "installed!""#
    )
    .fetch_one(conn)
    .await?;
    Ok((row.name, row.installed))
}

/// Makes this transaction's snapshot visible to another session, and names it.
///
/// # Errors
/// The database's.
pub async fn export_snapshot(conn: &mut PgConnection) -> Result<String, StoreError> {
    let row = sqlx::query!(r#"select pg_export_snapshot() as "id!""#).fetch_one(conn).await?;
    Ok(row.id)
}

/// Whether anything waits, or was left behind by a worker that died.
///
/// # Errors
/// The database's.
pub async fn pending(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select exists (select from backup_job where state in ('queued', 'running')
               and run_after <= clock_timestamp()) as "pending!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(row.pending)
}

/// Becomes the one worker of the installation, for as long as this connection lives or until [`resign`].
///
/// # Errors
/// The database's.
pub async fn become_worker(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let row = sqlx::query!(r#"select pg_try_advisory_lock($1) as "mine!""#, WORKER).fetch_one(conn).await?;
    Ok(row.mine)
}

/// Lets another become the worker.
///
/// # Errors
/// The database's.
pub async fn resign(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_unlock($1)", WORKER).fetch_one(conn).await?;
    Ok(())
}

/// Puts back what a worker left running that is no more; only for the worker. A job that was begun too often fails.
///
/// # Errors
/// The database's.
pub async fn requeue_abandoned(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update backup_job set
             state = case when attempts >= $1 then 'failed' else 'queued' end,
             finished_at = case when attempts >= $1 then clock_timestamp() end,
             error = 'the daemon that made it ended before it was done'
         where state = 'running'",
        ATTEMPTS
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Takes the oldest job that is due; only for the worker.
///
/// # Errors
/// The database's.
pub async fn claim(conn: &mut PgConnection) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "update backup_job set state = 'running', started_at = clock_timestamp(), attempts = attempts + 1,
             error = null
         where id = (select id from backup_job where state = 'queued' and run_after <= clock_timestamp()
                     order by run_after, id limit 1 for update skip locked)
         returning id, state, requested_by, requested_at, started_at, finished_at, attempts, file, bytes,
             sha256, epoch, revision, error"
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// The file of a job that is done.
#[derive(Clone, Debug)]
pub struct Made<'a> {
    /// Its name.
    pub file: &'a str,
    /// Its size.
    pub bytes: i64,
    /// Its SHA-256, hexadecimal.
    pub sha256: &'a str,
    /// What it holds.
    pub position: Position,
}

/// A job is done.
///
/// # Errors
/// The database's.
pub async fn done(conn: &mut PgConnection, id: Uuid, made: &Made<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "update backup_job set state = 'done', finished_at = clock_timestamp(), file = $2, bytes = $3,
             sha256 = $4, epoch = $5, revision = $6, error = null where id = $1",
        id,
        made.file,
        made.bytes,
        made.sha256,
        made.position.epoch.0,
        made.position.revision.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A job was not done: it is tried again after `seconds`, unless it was tried too often.
///
/// # Errors
/// The database's.
pub async fn failed(conn: &mut PgConnection, id: Uuid, why: &str, seconds: f64) -> Result<(), StoreError> {
    sqlx::query!(
        "update backup_job set
             state = case when attempts >= $2 then 'failed' else 'queued' end,
             finished_at = case when attempts >= $2 then clock_timestamp() end,
             run_after = clock_timestamp() + make_interval(secs => $4), error = $3 where id = $1",
        id,
        ATTEMPTS,
        why,
        seconds
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets all but the newest `keep` jobs that ended.
///
/// # Errors
/// The database's.
pub async fn forget(conn: &mut PgConnection, keep: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from backup_job where id in (select id from backup_job where state in ('done', 'failed')
             order by requested_at desc, id desc offset $1)",
        keep
    )
    .execute(conn)
    .await?;
    Ok(())
}
