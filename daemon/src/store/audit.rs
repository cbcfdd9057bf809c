//! The tables `revision` and `feature_flag_audit_log`: the history, appended and read.

use shared::audit::{EntryHeader, Hash, Header};
use shared::change::{Action, Entity, EntityKind};
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::{Epoch, Position, Revision};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ROWS, StoreError};

/// A committed change.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// Its place.
    pub position: Position,
    /// What was said about it.
    pub header: Header,
    /// The hash of the revision before it.
    pub previous_hash: Hash,
    /// Its hash.
    pub hash: Hash,
}

/// One entity in a committed change.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The revision.
    pub revision: Revision,
    /// Place in it, from 0.
    pub ordinal: i32,
    /// What it is.
    pub kind: EntityKind,
    /// Which one.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// Its project.
    pub project: Option<ProjectKey>,
    /// Its environment.
    pub environment: Option<EnvironmentKey>,
    /// What was done.
    pub action: Action,
    /// The whole row before, as text.
    pub before: Option<String>,
    /// The whole row after, as text.
    pub after: Option<String>,
    /// Sixteen random bytes.
    pub salt: Vec<u8>,
    /// SHA-256 over salt, before and after.
    pub digest: Vec<u8>,
}

impl Entry {
    /// What the chain binds of it.
    pub fn header(&self) -> EntryHeader {
        EntryHeader {
            ordinal: self.ordinal,
            kind: self.kind,
            id: self.id,
            key: self.key.clone(),
            project: self.project.clone(),
            environment: self.environment.clone(),
            action: self.action,
            digest: shared::audit::hex(&self.digest),
        }
    }

    /// The row after.
    ///
    /// # Errors
    /// The text is not a row of that kind.
    pub fn after_entity(&self) -> Result<Option<Entity>, StoreError> {
        self.entity(self.after.as_deref())
    }

    /// The row before.
    ///
    /// # Errors
    /// The text is not a row of that kind.
    pub fn before_entity(&self) -> Result<Option<Entity>, StoreError> {
        self.entity(self.before.as_deref())
    }

    fn entity(&self, text: Option<&str>) -> Result<Option<Entity>, StoreError> {
        text.map(|t| Entity::from_text(self.kind, t)).transpose().map_err(|e| {
            StoreError::corrupt(format!("entry {}.{} ({})", self.revision, self.ordinal, self.key), e)
        })
    }
}

pub(crate) struct RevisionRow {
    pub(crate) number: i64,
    pub(crate) epoch: i64,
    pub(crate) at: OffsetDateTime,
    pub(crate) kind: String,
    pub(crate) actor: String,
    pub(crate) credential: String,
    pub(crate) source: String,
    pub(crate) comment: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl TryFrom<RevisionRow> for Committed {
    type Error = StoreError;

    fn try_from(row: RevisionRow) -> Result<Self, StoreError> {
        let number = row.number;
        let hash = |bytes: Vec<u8>| {
            bytes
                .try_into()
                .map_err(|_| StoreError::corrupt(format!("revision {number}"), "hash is not 32 bytes"))
        };
        Ok(Committed {
            position: Position { epoch: Epoch(row.epoch), revision: Revision(row.number) },
            header: Header {
                at: row.at,
                kind: row
                    .kind
                    .parse()
                    .map_err(|e: String| StoreError::corrupt(format!("revision {number}"), e))?,
                actor: row.actor,
                credential: row.credential,
                source: row.source,
                comment: row.comment,
                request_id: row.request_id,
            },
            previous_hash: hash(row.previous_hash)?,
            hash: hash(row.hash)?,
        })
    }
}

pub(crate) struct EntryRow {
    pub(crate) revision: i64,
    pub(crate) ordinal: i32,
    pub(crate) entity_kind: String,
    pub(crate) entity_id: Uuid,
    pub(crate) key: String,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) action: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) salt: Vec<u8>,
    pub(crate) digest: Vec<u8>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        let what = || format!("entry r{}.{}", row.revision, row.ordinal);
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt(what(), e);
        Ok(Entry {
            revision: Revision(row.revision),
            ordinal: row.ordinal,
            kind: row.entity_kind.parse().map_err(|e: String| corrupt(&e))?,
            id: row.entity_id,
            project: row.project.clone().map(ProjectKey::new).transpose().map_err(|e| corrupt(&e))?,
            environment: row
                .environment
                .clone()
                .map(EnvironmentKey::new)
                .transpose()
                .map_err(|e| corrupt(&e))?,
            action: row.action.parse().map_err(|e: String| corrupt(&e))?,
            key: row.key,
            before: row.before,
            after: row.after,
            salt: row.salt,
            digest: row.digest,
        })
    }
}

/// Appends a revision and its entries and moves the head to it; the caller holds the head's lock and has
/// chained the hash.
///
/// # Errors
/// The database's.
pub async fn append(
    conn: &mut PgConnection,
    committed: &Committed,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let header = &committed.header;
    // Some hundred rows a statement: an import of thousands stays within what one message may hold.
    let (first, more) = entries.split_at(entries.len().min(ROWS));
    let columns = Columns::of(first);
    // One round trip for three tables: the head's lock is held meanwhile.
    sqlx::query!(
        "with moved as (
             update head set epoch = $2, revision = $1, hash = $11, at = $3
         ), made as (
             insert into revision (number, epoch, at, kind, actor, credential, source, comment, request_id,
                 previous_hash, hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         )
         insert into feature_flag_audit_log (revision, ordinal, entity_kind, entity_id, key, project,
             environment, action, before, after, salt, digest)
         select $1, * from unnest($12::integer[], $13::text[], $14::uuid[], $15::text[], $16::text[],
             $17::text[], $18::text[], $19::text[], $20::text[], $21::bytea[], $22::bytea[])",
        committed.position.revision.0,
        committed.position.epoch.0,
        header.at,
        header.kind.as_str(),
        header.actor,
        header.credential,
        header.source,
        header.comment,
        header.request_id,
        &committed.previous_hash[..],
        &committed.hash[..],
        &columns.ordinals,
        &columns.kinds,
        &columns.ids,
        &columns.keys,
        &columns.projects as &[Option<String>],
        &columns.environments as &[Option<String>],
        &columns.actions,
        &columns.befores as &[Option<String>],
        &columns.afters as &[Option<String>],
        &columns.salts,
        &columns.digests
    )
    .execute(&mut *conn)
    .await?;
    for chunk in more.chunks(ROWS) {
        let columns = Columns::of(chunk);
        sqlx::query!(
            "insert into feature_flag_audit_log (revision, ordinal, entity_kind, entity_id, key, project,
                 environment, action, before, after, salt, digest)
             select $1, * from unnest($2::integer[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                 $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[])",
            committed.position.revision.0,
            &columns.ordinals,
            &columns.kinds,
            &columns.ids,
            &columns.keys,
            &columns.projects as &[Option<String>],
            &columns.environments as &[Option<String>],
            &columns.actions,
            &columns.befores as &[Option<String>],
            &columns.afters as &[Option<String>],
            &columns.salts,
            &columns.digests
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Entries column by column, as `unnest` takes them.
struct Columns {
    ordinals: Vec<i32>,
    kinds: Vec<String>,
    ids: Vec<Uuid>,
    keys: Vec<String>,
    projects: Vec<Option<String>>,
    environments: Vec<Option<String>>,
    actions: Vec<String>,
    befores: Vec<Option<String>>,
    afters: Vec<Option<String>>,
    salts: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
}

impl Columns {
    fn of(entries: &[Entry]) -> Self {
        fn each<T>(entries: &[Entry], column: impl Fn(&Entry) -> T) -> Vec<T> {
            entries.iter().map(column).collect()
        }
        Self {
            ordinals: each(entries, |e| e.ordinal),
            kinds: each(entries, |e| e.kind.as_str().to_owned()),
            ids: each(entries, |e| e.id),
            keys: each(entries, |e| e.key.clone()),
            projects: each(entries, |e| e.project.as_ref().map(ToString::to_string)),
            environments: each(entries, |e| e.environment.as_ref().map(ToString::to_string)),
            actions: each(entries, |e| e.action.as_str().to_owned()),
            befores: each(entries, |e| e.before.clone()),
            afters: each(entries, |e| e.after.clone()),
            salts: each(entries, |e| e.salt.clone()),
            digests: each(entries, |e| e.digest.clone()),
        }
    }
}

/// The revision of that number.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find(conn: &mut PgConnection, number: Revision) -> Result<Option<Committed>, StoreError> {
    sqlx::query_as!(
        RevisionRow,
        "select number, epoch, at, kind, actor, credential, source, comment, request_id, previous_hash, hash
         from revision where number = $1",
        number.0
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// The revisions after one, oldest first, at most `limit`.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn since(
    conn: &mut PgConnection,
    after: Revision,
    limit: i64,
) -> Result<Vec<Committed>, StoreError> {
    sqlx::query_as!(
        RevisionRow,
        "select number, epoch, at, kind, actor, credential, source, comment, request_id, previous_hash, hash
         from revision where number > $1 order by number limit $2",
        after.0,
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// The entries of the revisions `from..=to`, in order.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn entries(
    conn: &mut PgConnection,
    from: Revision,
    to: Revision,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        "select revision, ordinal, entity_kind, entity_id, key, project, environment, action, before, after,
                salt, digest
         from feature_flag_audit_log where revision between $1 and $2 order by revision, ordinal",
        from.0,
        to.0
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// The newest entry of an entity at or before a revision: its `after` is the state at that revision.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn state_at(
    conn: &mut PgConnection,
    kind: EntityKind,
    id: Uuid,
    at: Revision,
) -> Result<Option<Entry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        "select revision, ordinal, entity_kind, entity_id, key, project, environment, action, before, after,
                salt, digest
         from feature_flag_audit_log where entity_kind = $1 and entity_id = $2 and revision <= $3
         order by revision desc, ordinal desc limit 1",
        kind.as_str(),
        id,
        at.0
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// The newest entry at or before a revision of every entity of a kind in a project (and environment).
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn states_at(
    conn: &mut PgConnection,
    kind: EntityKind,
    project: &ProjectKey,
    environment: Option<&EnvironmentKey>,
    at: Revision,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        "select distinct on (entity_id) revision, ordinal, entity_kind, entity_id, key, project, environment,
                action, before, after, salt, digest
         from feature_flag_audit_log
         where entity_kind = $1 and project = $2 and ($3::text is null or environment = $3) and revision <= $4
         order by entity_id, revision desc, ordinal desc",
        kind.as_str(),
        project.as_str(),
        environment.map(EnvironmentKey::as_str),
        at.0
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// The last revision committed at or before a time.
///
/// # Errors
/// The database's.
pub async fn revision_at(
    conn: &mut PgConnection,
    at: OffsetDateTime,
) -> Result<Option<Revision>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select number from revision where at <= $1 order by at desc, number desc limit 1",
        at
    )
    .fetch_optional(conn)
    .await?
    .map(Revision))
}
