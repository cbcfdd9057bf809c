//! The history as it lies in the tables, row by row and unread, for those who verify it.

use shared::change::EntityKind;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::audit::{Committed, Entry, EntryRow, RevisionRow};

/// A revision as it lies there: read, or why it cannot be.
pub struct RawRevision {
    /// Its number.
    pub number: i64,
    /// What it says.
    pub read: Result<Committed, StoreError>,
}

/// An entry as it lies there: read, or why it cannot be.
pub struct RawEntry {
    /// Its revision.
    pub revision: i64,
    /// Its place.
    pub ordinal: i32,
    /// The entity.
    pub id: Uuid,
    /// What it says.
    pub read: Result<Entry, StoreError>,
}

impl RawEntry {
    fn of(row: EntryRow) -> Self {
        Self { revision: row.revision, ordinal: row.ordinal, id: row.entity_id, read: row.try_into() }
    }
}

/// The revisions after a number, in order.
///
/// # Errors
/// The database's.
pub async fn revisions(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<RawRevision>, StoreError> {
    let rows = sqlx::query_as!(
        RevisionRow,
        "select number, epoch, at, kind, actor, credential, source, comment, request_id, previous_hash, hash
         from revision where number > $1 order by number limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| RawRevision { number: row.number, read: row.try_into() }).collect())
}

/// The entries after a place, in order.
///
/// # Errors
/// The database's.
pub async fn entries(
    conn: &mut PgConnection,
    (revision, ordinal): (i64, i32),
    limit: i64,
) -> Result<Vec<RawEntry>, StoreError> {
    let rows = sqlx::query_as!(
        EntryRow,
        "select revision, ordinal, entity_kind, entity_id, key, project, environment, action, before, after,
                salt, digest
         from feature_flag_audit_log where (revision, ordinal) > ($1, $2)
         order by revision, ordinal limit $3",
        revision,
        ordinal,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(RawEntry::of).collect())
}

/// The newest entry of each entity of a kind after an id, by id.
///
/// # Errors
/// The database's.
pub async fn newest(
    conn: &mut PgConnection,
    kind: EntityKind,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<RawEntry>, StoreError> {
    let rows = sqlx::query_as!(
        EntryRow,
        "select distinct on (entity_id) revision, ordinal, entity_kind, entity_id, key, project, environment,
                action, before, after, salt, digest
         from feature_flag_audit_log where entity_kind = $1 and ($2::uuid is null or entity_id > $2)
         order by entity_id, revision desc, ordinal desc limit $3",
        kind.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(RawEntry::of).collect())
}

/// An entry whose `before` is not the `after` of the entry of the same entity before it.
pub struct Break {
    /// The revision of the entry.
    pub revision: i64,
    /// Its place.
    pub ordinal: i32,
    /// What the entity is.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// The row before, as the entry says.
    pub before: Option<String>,
    /// The revision of the entry before it.
    pub earlier: i64,
    /// The row after that one, as it says.
    pub left: Option<String>,
}

/// Entries that do not begin where the entity's earlier one ended, by their text: `limit` of them after a
/// place.
///
/// # Errors
/// The database's.
pub async fn breaks(
    conn: &mut PgConnection,
    (revision, ordinal): (i64, i32),
    limit: i64,
) -> Result<Vec<Break>, StoreError> {
    // Hashes are sorted, not documents: the two texts are fetched for the few that differ.
    Ok(sqlx::query_as!(
        Break,
        r#"with step as (
               select revision, ordinal, md5(before) as before,
                      lag(md5(after)) over chain as left_as, lag(revision) over chain as earlier,
                      lag(ordinal) over chain as earlier_ordinal
               from feature_flag_audit_log
               window chain as (partition by entity_kind, entity_id order by revision, ordinal))
           select l.revision, l.ordinal, l.entity_kind as kind, l.key, l.before, e.revision as earlier,
                  e.after as left
           from step s
                join feature_flag_audit_log l on l.revision = s.revision and l.ordinal = s.ordinal
                join feature_flag_audit_log e on e.revision = s.earlier and e.ordinal = s.earlier_ordinal
           where s.before is distinct from s.left_as and (s.revision, s.ordinal) > ($1, $2)
           order by s.revision, s.ordinal limit $3"#,
        revision,
        ordinal,
        limit
    )
    .fetch_all(conn)
    .await?)
}
