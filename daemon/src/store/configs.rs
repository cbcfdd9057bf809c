//! The table `feature_flag_configs`.

use shared::flag::FlagConfig;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::revision::Position;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Stamp, StoreError, Stored, read_json};

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
            stamp: Stamp {
                last: Position::new(row.last_epoch, row.last_revision),
                created_by: row.created_by.clone(),
                updated_by: row.updated_by.clone(),
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
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

/// Writes a configuration, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `feature_flag_configs_place_unique`.
pub async fn put(conn: &mut PgConnection, config: &FlagConfig, stamp: &Stamp) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into feature_flag_configs (id, flag_id, environment_id, version, salt, document, entry_extra,
             last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select $1, f.id, e.id, $5, $6, $7::text::json, $8::text::json, $9, $10, $11, $12, $13, $14
         from project p join feature_flags f on f.project_id = p.id and f.key = $3
              join environments e on e.project_id = p.id and e.key = $4
         where p.key = $2
         on conflict (id) do update set version = excluded.version, salt = excluded.salt,
             document = excluded.document, entry_extra = excluded.entry_extra,
             last_epoch = excluded.last_epoch, last_revision = excluded.last_revision,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at",
        config.id,
        config.project.as_str(),
        config.flag.as_str(),
        config.environment.as_str(),
        config.version,
        config.salt,
        config.document.to_text(),
        config.entry_extra.as_ref().map(Json::to_text),
        stamp.last.epoch.0,
        stamp.last.revision.0,
        stamp.created_by,
        stamp.updated_by,
        stamp.created_at,
        stamp.updated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
