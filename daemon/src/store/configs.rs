//! The table `feature_flag_configs`.

use shared::flag::FlagConfig;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ROWS, Stamp, StoreError, Stored, read_json, stamp_of};

struct Row {
    id: Uuid,
    project: String,
    flag: String,
    environment: String,
    version: i64,
    salt: String,
    document: String,
    entry_extra: Option<String>,
    last_epoch: i64,
    last_revision: i64,
    created_by: String,
    updated_by: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Stored<FlagConfig> {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let what = || format!("config of {}/{} in {}", row.project, row.flag, row.environment);
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt(what(), e);
        Ok(Stored {
            row: FlagConfig {
                id: row.id,
                project: ProjectKey::new(row.project.clone()).map_err(|e| corrupt(&e))?,
                flag: FlagKey::new(row.flag.clone()).map_err(|e| corrupt(&e))?,
                environment: EnvironmentKey::new(row.environment.clone()).map_err(|e| corrupt(&e))?,
                version: row.version,
                salt: row.salt.clone(),
                document: read_json(what, &row.document)?,
                entry_extra: row.entry_extra.as_deref().map(|t| read_json(what, t)).transpose()?,
            },
            stamp: stamp_of!(row),
        })
    }
}

/// Which configurations are asked for; `None` is all.
#[derive(Clone, Copy, Default)]
pub struct Which<'a> {
    /// Of this project.
    pub project: Option<&'a ProjectKey>,
    /// Of this flag.
    pub flag: Option<&'a FlagKey>,
    /// In this environment.
    pub environment: Option<&'a EnvironmentKey>,
}

/// The configurations asked for; each that cannot be read is an error of its own.
///
/// # Errors
/// The database's.
pub async fn select(
    conn: &mut PgConnection,
    which: Which<'_>,
) -> Result<Vec<Result<Stored<FlagConfig>, StoreError>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select c.id, p.key as project, f.key as flag, e.key as environment, c.version, c.salt,
                c.document::text as "document!", c.entry_extra::text as entry_extra, c.last_epoch, c.last_revision,
                c.created_by, c.updated_by, c.created_at, c.updated_at
         from feature_flag_configs c join feature_flags f on f.id = c.flag_id
              join environments e on e.id = c.environment_id join project p on p.id = f.project_id
         where ($1::text is null or p.key = $1) and ($2::text is null or f.key = $2)
           and ($3::text is null or e.key = $3) order by f.id"#,
        which.project.map(ProjectKey::as_str),
        which.flag.map(FlagKey::as_str),
        which.environment.map(EnvironmentKey::as_str)
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect())
}

/// The configuration of a flag in an environment.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find(
    conn: &mut PgConnection,
    project: &ProjectKey,
    flag: &FlagKey,
    environment: &EnvironmentKey,
) -> Result<Option<Stored<FlagConfig>>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select c.id, p.key as project, f.key as flag, e.key as environment, c.version, c.salt,
                c.document::text as "document!", c.entry_extra::text as entry_extra, c.last_epoch, c.last_revision,
                c.created_by, c.updated_by, c.created_at, c.updated_at
         from feature_flag_configs c join feature_flags f on f.id = c.flag_id
              join environments e on e.id = c.environment_id join project p on p.id = f.project_id
         where p.key = $1 and f.key = $2 and e.key = $3"#,
        project.as_str(),
        flag.as_str(),
        environment.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// The keys of the flags whose document in an environment satisfies a jsonpath predicate, served by the
/// GIN index where the predicate allows.
///
/// # Errors
/// The database's: a predicate that is not jsonpath is [`StoreError::Database`] with class 42.
pub async fn matching(
    conn: &mut PgConnection,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    predicate: &str,
) -> Result<Vec<String>, StoreError> {
    // A predicate is a program from outside: it gets a while, not for ever.
    let mut tx = conn.begin_with("begin read only; set local statement_timeout = '5s'").await?;
    let keys = sqlx::query_scalar!(
        "select f.key from feature_flag_configs c join feature_flags f on f.id = c.flag_id
              join environments e on e.id = c.environment_id join project p on p.id = f.project_id
         where p.key = $1 and e.key = $2 and c.config @@ $3::text::jsonpath order by f.key",
        project.as_str(),
        environment.as_str(),
        predicate
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    Ok(keys)
}

/// Writes configurations, new or changed: some hundred rows a statement.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `feature_flag_configs_place_unique`.
pub async fn put(conn: &mut PgConnection, configs: &[(&FlagConfig, &Stamp)]) -> Result<(), StoreError> {
    for chunk in configs.chunks(ROWS) {
        put_some(conn, chunk).await?;
    }
    Ok(())
}

async fn put_some(conn: &mut PgConnection, rows: &[(&FlagConfig, &Stamp)]) -> Result<(), StoreError> {
    fn of<'r, T>(
        rows: &[(&'r FlagConfig, &'r Stamp)],
        column: impl Fn(&'r FlagConfig, &'r Stamp) -> T,
    ) -> Vec<T> {
        rows.iter().map(|(config, stamp)| column(config, stamp)).collect()
    }
    // Each id is looked up by its whole key: in a transaction that has just made the flags the planner knows
    // nothing of them, and a join would go through all of a project for every row.
    sqlx::query!(
        "insert into feature_flag_configs (id, flag_id, environment_id, version, salt, document, entry_extra,
             last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select w.id, (select f.id from feature_flags f where f.project_id = p.id and f.key = w.flag),
                (select e.id from environments e where e.project_id = p.id and e.key = w.environment), w.version, w.salt, w.document::json, w.entry_extra::json,
                w.last_epoch, w.last_revision, w.created_by, w.updated_by, w.created_at, w.updated_at
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::timestamptz[],
                $14::timestamptz[])
              as w (id, project, flag, environment, version, salt, document, entry_extra, last_epoch,
                last_revision, created_by, updated_by, created_at, updated_at)
              join project p on p.key = w.project
         on conflict (id) do update set version = excluded.version, salt = excluded.salt,
             document = excluded.document, entry_extra = excluded.entry_extra,
             last_epoch = excluded.last_epoch, last_revision = excluded.last_revision,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at",
        &of(rows, |c, _| c.id),
        &of(rows, |c, _| c.project.to_string()),
        &of(rows, |c, _| c.flag.to_string()),
        &of(rows, |c, _| c.environment.to_string()),
        &of(rows, |c, _| c.version),
        &of(rows, |c, _| c.salt.clone()),
        &of(rows, |c, _| c.document.to_text()),
        &of(rows, |c, _| c.entry_extra.as_ref().map(Json::to_text)) as &[Option<String>],
        &of(rows, |_, s| s.last.epoch.0),
        &of(rows, |_, s| s.last.revision.0),
        &of(rows, |_, s| s.created_by.clone()),
        &of(rows, |_, s| s.updated_by.clone()),
        &of(rows, |_, s| s.created_at),
        &of(rows, |_, s| s.updated_at)
    )
    .execute(conn)
    .await?;
    Ok(())
}
