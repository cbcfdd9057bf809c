//! The table `user_segments`.

use shared::key::{EnvironmentKey, ProjectKey, SegmentKey};
use shared::segment::Segment;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Stamp, StoreError, Stored, read_json, stamp_of};

struct Row {
    id: Uuid,
    project: String,
    environment: String,
    key: String,
    name: String,
    description: String,
    tags: Vec<String>,
    version: i64,
    salt: String,
    document: String,
    archived: bool,
    last_epoch: i64,
    last_revision: i64,
    created_by: String,
    updated_by: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Stored<Segment> {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let what = || format!("segment {} in {}/{}", row.key, row.project, row.environment);
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt(what(), e);
        Ok(Stored {
            row: Segment {
                id: row.id,
                project: ProjectKey::new(row.project.clone()).map_err(|e| corrupt(&e))?,
                environment: EnvironmentKey::new(row.environment.clone()).map_err(|e| corrupt(&e))?,
                key: SegmentKey::new(row.key.clone()).map_err(|e| corrupt(&e))?,
                name: row.name.clone(),
                description: row.description.clone(),
                tags: row.tags.clone(),
                version: row.version,
                salt: row.salt.clone(),
                document: read_json(what, &row.document)?,
                archived: row.archived,
            },
            stamp: stamp_of!(row),
        })
    }
}

/// The segments of one environment, or of all; each that cannot be read is an error of its own.
///
/// # Errors
/// The database's.
pub async fn select(
    conn: &mut PgConnection,
    place: Option<(&ProjectKey, &EnvironmentKey)>,
) -> Result<Vec<Result<Stored<Segment>, StoreError>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select s.id, p.key as project, e.key as environment, s.key, s.name, s.description, s.tags, s.version,
                s.salt, s.document::text as "document!", s.archived, s.last_epoch, s.last_revision,
                s.created_by, s.updated_by, s.created_at, s.updated_at
         from user_segments s join environments e on e.id = s.environment_id
              join project p on p.id = e.project_id
         where $1::text is null or (p.key = $1 and e.key = $2) order by s.id"#,
        place.map(|(p, _)| p.as_str()),
        place.map(|(_, e)| e.as_str())
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect())
}

/// The segment of that key, archived or not.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find(
    conn: &mut PgConnection,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    key: &SegmentKey,
) -> Result<Option<Stored<Segment>>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select s.id, p.key as project, e.key as environment, s.key, s.name, s.description, s.tags, s.version,
                s.salt, s.document::text as "document!", s.archived, s.last_epoch, s.last_revision,
                s.created_by, s.updated_by, s.created_at, s.updated_at
         from user_segments s join environments e on e.id = s.environment_id
              join project p on p.id = e.project_id
         where p.key = $1 and e.key = $2 and s.key = $3"#,
        project.as_str(),
        environment.as_str(),
        key.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Writes a segment, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `user_segments_key_unique`.
pub async fn put(conn: &mut PgConnection, segment: &Segment, stamp: &Stamp) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into user_segments (id, environment_id, key, name, description, tags, version, salt, document,
             archived, last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select $1, e.id, $4, $5, $6, $7, $8, $9, $10::text::json, $11, $12, $13, $14, $15, $16, $17
         from project p join environments e on e.project_id = p.id and e.key = $3 where p.key = $2
         on conflict (id) do update set name = excluded.name, description = excluded.description,
             tags = excluded.tags, version = excluded.version, salt = excluded.salt,
             document = excluded.document, archived = excluded.archived, last_epoch = excluded.last_epoch,
             last_revision = excluded.last_revision, updated_by = excluded.updated_by,
             updated_at = excluded.updated_at",
        segment.id,
        segment.project.as_str(),
        segment.environment.as_str(),
        segment.key.as_str(),
        segment.name,
        segment.description,
        &segment.tags,
        segment.version,
        segment.salt,
        segment.document.to_text(),
        segment.archived,
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
