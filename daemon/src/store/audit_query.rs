//! The history searched: pages of entries, newest first, each with its revision.

use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::revision::Revision;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::StoreError;
use super::audit::{Committed, Entry, EntryRow, RevisionRow};

/// What a reader may see of the history.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// Everything, so that nothing has to be compared.
    pub everything: bool,
    /// Role bindings and tokens.
    pub access: bool,
    /// Projects and their flags, by the project's key.
    pub projects: Vec<String>,
    /// Environments and what lies in them, by project and environment.
    pub places: Vec<(String, String)>,
    /// SDK credentials, by project and environment.
    pub credentials: Vec<(String, String)>,
}

impl Visible {
    /// Whether there is nothing to be seen at all.
    pub const fn is_empty(&self) -> bool {
        !self.everything
            && !self.access
            && self.projects.is_empty()
            && self.places.is_empty()
            && self.credentials.is_empty()
    }

    /// Whether an entry may be seen.
    pub fn covers(&self, entry: &Entry) -> bool {
        use shared::change::EntityKind::{RoleBinding, SdkCredential, Token};
        if self.everything {
            return true;
        }
        let place = || {
            let project = entry.project.as_ref().map(ToString::to_string)?;
            Some((project, entry.environment.as_ref().map(ToString::to_string)?))
        };
        match (entry.kind, &entry.project, place()) {
            (RoleBinding | Token, ..) => self.access,
            (SdkCredential, _, Some(place)) => self.credentials.contains(&place),
            (_, _, Some(place)) => self.places.contains(&place),
            (_, Some(project), None) => self.projects.iter().any(|p| p == project.as_str()),
            _ => false,
        }
    }
}

/// Where a page goes on: after (that is, before in time) this entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// The entry in it.
    pub ordinal: i32,
}

/// What is searched for; what is `None` is not asked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who made the change.
    pub actor: Option<String>,
    /// The project.
    pub project: Option<ProjectKey>,
    /// The environment.
    pub environment: Option<EnvironmentKey>,
    /// The flag: itself and its configurations.
    pub flag: Option<FlagKey>,
    /// What was done.
    pub action: Option<shared::change::Action>,
    /// What was touched.
    pub kind: Option<shared::change::EntityKind>,
    /// The first revision.
    pub from: Option<Revision>,
    /// The last revision.
    pub to: Option<Revision>,
    /// In the comment, the key or the actor, whatever the case.
    pub text: Option<String>,
    /// Versions that a change of the flag raised, too.
    pub raised: bool,
    /// What the reader may see.
    pub visible: Visible,
}

/// An entry with what its revision says.
#[derive(Clone, Debug)]
pub struct Found {
    /// The revision.
    pub committed: Committed,
    /// The entry.
    pub entry: Entry,
}

fn split(places: &[(String, String)]) -> (Vec<String>, Vec<String>) {
    places.iter().cloned().unzip()
}

/// A page of entries that match, newest first.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn page(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Found>, StoreError> {
    // The plan must be made for what is asked, not for everything that could be.
    let mut tx = conn.begin_with("begin read only; set local plan_cache_mode = force_custom_plan").await?;
    let (place_projects, place_environments) = split(&filter.visible.places);
    let (key_projects, key_environments) = split(&filter.visible.credentials);
    let rows = sqlx::query!(
        r#"select l.revision, l.ordinal, l.entity_kind, l.entity_id, l.key, l.project, l.environment, l.action,
                  l.before, l.after, l.salt, l.digest,
                  r.epoch, r.at, r.kind, r.actor, r.credential, r.source, r.comment, r.request_id,
                  r.previous_hash, r.hash
           from feature_flag_audit_log l join revision r on r.number = l.revision
           where ($1::text is null or r.actor = $1)
             and ($2::text is null or l.project = $2)
             and ($3::text is null or l.environment = $3)
             and ($4::text is null or (l.key = $4 and l.entity_kind in ('flag', 'config')))
             and ($5::text is null or l.action = $5)
             and ($6::text is null or l.entity_kind = $6)
             and ($7::bigint is null or l.revision >= $7)
             and ($8::bigint is null or l.revision <= $8)
             and ($9::text is null or strpos(lower(r.comment), lower($9)) > 0
                  or strpos(lower(l.key), lower($9)) > 0 or strpos(lower(r.actor), lower($9)) > 0)
             and ($10 or l.action <> 'version-raised')
             and ($11::bigint is null or (l.revision, l.ordinal) < ($11, $12::integer))
             and ($13 or case
                  when l.entity_kind in ('role-binding', 'token') then $14
                  when l.entity_kind = 'sdk-credential' then (l.project, l.environment) in
                       (select p, e from unnest($15::text[], $16::text[]) as u (p, e))
                  when l.environment is not null then (l.project, l.environment) in
                       (select p, e from unnest($17::text[], $18::text[]) as u (p, e))
                  else l.project = any ($19::text[]) end)
           order by l.revision desc, l.ordinal desc limit $20"#,
        filter.actor,
        filter.project.as_ref().map(ProjectKey::as_str),
        filter.environment.as_ref().map(EnvironmentKey::as_str),
        filter.flag.as_ref().map(FlagKey::as_str),
        filter.action.map(shared::change::Action::as_str),
        filter.kind.map(shared::change::EntityKind::as_str),
        filter.from.map(|r| r.0),
        filter.to.map(|r| r.0),
        filter.text,
        filter.raised,
        after.map(|a| a.revision.0),
        after.map(|a| a.ordinal),
        filter.visible.everything,
        filter.visible.access,
        &key_projects,
        &key_environments,
        &place_projects,
        &place_environments,
        &filter.visible.projects,
        limit
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    rows.into_iter()
        .map(|row| {
            let committed = Committed::try_from(RevisionRow {
                number: row.revision,
                epoch: row.epoch,
                at: row.at,
                kind: row.kind,
                actor: row.actor,
                credential: row.credential,
                source: row.source,
                comment: row.comment,
                request_id: row.request_id,
                previous_hash: row.previous_hash,
                hash: row.hash,
            })?;
            let entry = Entry::try_from(EntryRow {
                revision: row.revision,
                ordinal: row.ordinal,
                entity_kind: row.entity_kind,
                entity_id: row.entity_id,
                key: row.key,
                project: row.project,
                environment: row.environment,
                action: row.action,
                before: row.before,
                after: row.after,
                salt: row.salt,
                digest: row.digest,
            })?;
            Ok(Found { committed, entry })
        })
        .collect()
}

/// The first revision committed at or after a time.
///
/// # Errors
/// The database's.
pub async fn first_since(
    conn: &mut PgConnection,
    at: OffsetDateTime,
) -> Result<Option<Revision>, StoreError> {
    Ok(sqlx::query_scalar!("select number from revision where at >= $1 order by at, number limit 1", at)
        .fetch_optional(conn)
        .await?
        .map(Revision))
}

/// The entries of one revision from an ordinal on, in order.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn entries_from(
    conn: &mut PgConnection,
    revision: Revision,
    ordinal: i32,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        "select revision, ordinal, entity_kind, entity_id, key, project, environment, action, before, after,
                salt, digest
         from feature_flag_audit_log where revision = $1 and ordinal >= $2 order by ordinal limit $3",
        revision.0,
        ordinal,
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// The entries of some revisions without their rows: what was touched, not how.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn touched(conn: &mut PgConnection, revisions: &[i64]) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        r#"select revision, ordinal, entity_kind, entity_id, key, project, environment, action,
                null::text as before, null::text as after, salt, digest
         from feature_flag_audit_log where revision = any ($1) order by revision, ordinal"#,
        revisions
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}
