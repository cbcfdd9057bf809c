//! The table `feature_flags`.

use shared::flag::{Flag, Variation};
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::project::ClientSideAvailability;
use shared::revision::Position;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Stamp, StoreError, Stored, read_json};

struct Row {
    id: Uuid,
    project: String,
    key: String,
    name: String,
    description: String,
    kind: String,
    variations: String,
    flag_version: i64,
    tags: Vec<String>,
    owner: Option<String>,
    temporary: bool,
    using_environment_id: bool,
    using_mobile_key: bool,
    metadata: String,
    value_schema: Option<String>,
    archived: bool,
    last_epoch: i64,
    last_revision: i64,
    created_by: String,
    updated_by: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Stored<Flag> {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let what = || format!("flag {}/{}", row.project, row.key);
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt(what(), e);
        let variations: Vec<Variation> =
            serde_json::from_str(&row.variations).map_err(|e| corrupt(&format!("variations: {e}")))?;
        Ok(Stored {
            row: Flag {
                id: row.id,
                project: ProjectKey::new(row.project.clone()).map_err(|e| corrupt(&e))?,
                key: FlagKey::new(row.key.clone()).map_err(|e| corrupt(&e))?,
                name: row.name.clone(),
                description: row.description.clone(),
                kind: row.kind.parse().map_err(|e: String| corrupt(&e))?,
                variations,
                flag_version: row.flag_version,
                tags: row.tags.clone(),
                owner: row.owner.clone(),
                temporary: row.temporary,
                client_side_availability: ClientSideAvailability {
                    using_environment_id: row.using_environment_id,
                    using_mobile_key: row.using_mobile_key,
                },
                metadata: read_json(what, &row.metadata)?,
                value_schema: row.value_schema.as_deref().map(|t| read_json(what, t)).transpose()?,
                archived: row.archived,
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

/// The flag of that key, archived or not.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find(
    conn: &mut PgConnection,
    project: &ProjectKey,
    key: &FlagKey,
) -> Result<Option<Stored<Flag>>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select f.id, p.key as project, f.key, f.name, f.description, f.type as kind,
                f.variations::text as "variations!", f.flag_version, f.tags, f.owner, f.temporary,
                f.using_environment_id, f.using_mobile_key, f.metadata::text as "metadata!",
                f.value_schema::text as value_schema, f.archived, f.last_epoch, f.last_revision,
                f.created_by, f.updated_by, f.created_at, f.updated_at
         from feature_flags f join project p on p.id = f.project_id where p.key = $1 and f.key = $2"#,
        project.as_str(),
        key.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Every flag of one project, or of all, oldest first; each that cannot be read is an error of its own.
///
/// # Errors
/// The database's.
pub async fn all(
    conn: &mut PgConnection,
    project: Option<&ProjectKey>,
) -> Result<Vec<Result<Stored<Flag>, StoreError>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select f.id, p.key as project, f.key, f.name, f.description, f.type as kind,
                f.variations::text as "variations!", f.flag_version, f.tags, f.owner, f.temporary,
                f.using_environment_id, f.using_mobile_key, f.metadata::text as "metadata!",
                f.value_schema::text as value_schema, f.archived, f.last_epoch, f.last_revision,
                f.created_by, f.updated_by, f.created_at, f.updated_at
         from feature_flags f join project p on p.id = f.project_id
         where $1::text is null or p.key = $1 order by f.id"#,
        project.map(ProjectKey::as_str)
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect())
}

/// Writes a flag, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `feature_flags_key_unique`.
pub async fn put(conn: &mut PgConnection, flag: &Flag, stamp: &Stamp) -> Result<(), StoreError> {
    sqlx::query!(
        r#"insert into feature_flags (id, project_id, key, name, description, type, variations, flag_version, tags,
             owner, temporary, using_environment_id, using_mobile_key, metadata, value_schema, archived,
             last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select $1, p.id, $3, $4, $5, $6, $7::text::json, $8, $9, $10, $11, $12, $13, $14::text::json,
                $15::text::json, $16, $17, $18, $19, $20, $21, $22
         from project p where p.key = $2
         on conflict (id) do update set name = excluded.name, description = excluded.description,
             type = excluded.type, variations = excluded.variations, flag_version = excluded.flag_version,
             tags = excluded.tags, owner = excluded.owner, temporary = excluded.temporary,
             using_environment_id = excluded.using_environment_id,
             using_mobile_key = excluded.using_mobile_key, metadata = excluded.metadata,
             value_schema = excluded.value_schema, archived = excluded.archived,
             last_epoch = excluded.last_epoch, last_revision = excluded.last_revision,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at"#,
        flag.id,
        flag.project.as_str(),
        flag.key.as_str(),
        flag.name,
        flag.description,
        flag.kind.as_str(),
        Json::from_serialize(&flag.variations).to_text(),
        flag.flag_version,
        &flag.tags,
        flag.owner,
        flag.temporary,
        flag.client_side_availability.using_environment_id,
        flag.client_side_availability.using_mobile_key,
        flag.metadata.to_text(),
        flag.value_schema.as_ref().map(Json::to_text),
        flag.archived,
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
