//! The rows of a project as they were at a revision, out of the history.

use shared::change::Entity;
use shared::key::ProjectKey;
use shared::revision::{Position, Revision};
use sqlx::PgConnection;

use super::audit::{Entry, EntryRow};
use super::{Stamp, StoreError, Stored};

/// Every project, environment, flag, configuration and segment row of a project as it stood at a
/// revision, with its stamp of that time; each that cannot be read is an error of its own.
///
/// # Errors
/// The database's.
pub async fn rows_at(
    conn: &mut PgConnection,
    project: &ProjectKey,
    at: Revision,
) -> Result<Vec<Result<Stored<Entity>, StoreError>>, StoreError> {
    // Which rows first, their text second: the many entries between are never fetched.
    let rows = sqlx::query!(
        r#"with place as (
               select entity_kind, entity_id, min(revision) as first, max(revision) as last
               from feature_flag_audit_log
               where project = $1 and revision <= $2
                     and entity_kind in ('project', 'environment', 'flag', 'config', 'segment')
               group by entity_kind, entity_id)
           select l.revision, l.ordinal, l.entity_kind, l.entity_id, l.key, l.project, l.environment, l.action,
                  l.after, l.salt, l.digest, r.epoch, r.at, r.actor, f.actor as created_by,
                  f.at as created_at
           from place p
                join feature_flag_audit_log l on l.entity_kind = p.entity_kind and l.entity_id = p.entity_id
                     and l.revision = p.last
                join revision r on r.number = p.last
                join revision f on f.number = p.first"#,
        project.as_str(),
        at.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let stamp = Stamp {
                last: Position::new(row.epoch, row.revision),
                created_by: row.created_by,
                updated_by: row.actor,
                created_at: row.created_at,
                updated_at: row.at,
            };
            let entry = Entry::try_from(EntryRow {
                revision: row.revision,
                ordinal: row.ordinal,
                entity_kind: row.entity_kind,
                entity_id: row.entity_id,
                key: row.key,
                project: row.project,
                environment: row.environment,
                action: row.action,
                before: None,
                after: row.after,
                salt: row.salt,
                digest: row.digest,
            });
            match entry.and_then(|entry| entry.after_entity()) {
                Ok(Some(row)) => Some(Ok(Stored { row, stamp })),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            }
        })
        .collect())
}
