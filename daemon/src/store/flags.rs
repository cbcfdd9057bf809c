//! The table `feature_flags`.

use shared::flag::{Flag, Variation};
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::project::ClientSideAvailability;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ROWS, Stamp, StoreError, Stored, read_json, stamp_of};

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
            stamp: stamp_of!(row),
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

/// Writes flags, new or changed: some hundred rows a statement.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `feature_flags_key_unique`.
pub async fn put(conn: &mut PgConnection, flags: &[(&Flag, &Stamp)]) -> Result<(), StoreError> {
    for chunk in flags.chunks(ROWS) {
        put_some(conn, chunk).await?;
    }
    Ok(())
}

async fn put_some(conn: &mut PgConnection, rows: &[(&Flag, &Stamp)]) -> Result<(), StoreError> {
    fn of<'r, T>(rows: &[(&'r Flag, &'r Stamp)], column: impl Fn(&'r Flag, &'r Stamp) -> T) -> Vec<T> {
        rows.iter().map(|(flag, stamp)| column(flag, stamp)).collect()
    }
    sqlx::query!(
        r#"insert into feature_flags (id, project_id, key, name, description, type, variations, flag_version, tags,
             owner, temporary, using_environment_id, using_mobile_key, metadata, value_schema, archived,
             last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select w.id, p.id, w.key, w.name, w.description, w.type, w.variations::json, w.flag_version,
                array(select json_array_elements_text(w.tags::json)), w.owner, w.temporary,
                w.using_environment_id, w.using_mobile_key, w.metadata::json, w.value_schema::json, w.archived,
                w.last_epoch, w.last_revision, w.created_by, w.updated_by, w.created_at, w.updated_at
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::text[], $10::text[], $11::boolean[], $12::boolean[], $13::boolean[],
                $14::text[], $15::text[], $16::boolean[], $17::bigint[], $18::bigint[], $19::text[],
                $20::text[], $21::timestamptz[], $22::timestamptz[])
              as w (id, project, key, name, description, type, variations, flag_version, tags, owner, temporary,
                using_environment_id, using_mobile_key, metadata, value_schema, archived, last_epoch,
                last_revision, created_by, updated_by, created_at, updated_at)
              join project p on p.key = w.project
         on conflict (id) do update set name = excluded.name, description = excluded.description,
             type = excluded.type, variations = excluded.variations, flag_version = excluded.flag_version,
             tags = excluded.tags, owner = excluded.owner, temporary = excluded.temporary,
             using_environment_id = excluded.using_environment_id,
             using_mobile_key = excluded.using_mobile_key, metadata = excluded.metadata,
             value_schema = excluded.value_schema, archived = excluded.archived,
             last_epoch = excluded.last_epoch, last_revision = excluded.last_revision,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at"#,
        &of(rows, |f, _| f.id),
        &of(rows, |f, _| f.project.to_string()),
        &of(rows, |f, _| f.key.to_string()),
        &of(rows, |f, _| f.name.clone()),
        &of(rows, |f, _| f.description.clone()),
        &of(rows, |f, _| f.kind.as_str().to_owned()),
        &of(rows, |f, _| Json::from_serialize(&f.variations).to_text()),
        &of(rows, |f, _| f.flag_version),
        &of(rows, |f, _| Json::from_serialize(&f.tags).to_text()),
        &of(rows, |f, _| f.owner.clone()) as &[Option<String>],
        &of(rows, |f, _| f.temporary),
        &of(rows, |f, _| f.client_side_availability.using_environment_id),
        &of(rows, |f, _| f.client_side_availability.using_mobile_key),
        &of(rows, |f, _| f.metadata.to_text()),
        &of(rows, |f, _| f.value_schema.as_ref().map(Json::to_text)) as &[Option<String>],
        &of(rows, |f, _| f.archived),
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
