//! Verifying what stands now: each row against the last that the history says of it.

use std::collections::{BTreeSet, HashMap};

use shared::change::{Entity, EntityKind};
use shared::revision::Position;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::findings::{Report, What};
use super::validate;
use crate::store::audit::Entry;
use crate::store::{self, StoreError, Stored};

/// Entries of one fetch.
const PIECE: i64 = 200;

const KINDS: [EntityKind; 8] = [
    EntityKind::Project,
    EntityKind::Environment,
    EntityKind::Flag,
    EntityKind::Config,
    EntityKind::Segment,
    EntityKind::RoleBinding,
    EntityKind::Token,
    EntityKind::SdkCredential,
];

/// Compares every row with the last entry about it, every entry with the one before it, and the
/// prerequisites with the documents.
///
/// # Errors
/// The database's.
pub async fn compare(conn: &mut PgConnection, report: &mut Report) -> Result<(), StoreError> {
    for kind in KINDS {
        let mut rows = current(conn, kind, report).await?;
        report.rows += rows.len() as u64;
        let mut after: Option<Uuid> = None;
        loop {
            let piece = store::verify::newest(conn, kind, after, PIECE).await?;
            let all = i64::try_from(piece.len()).unwrap_or(i64::MAX) < PIECE;
            for raw in piece {
                after = Some(raw.id);
                let row = rows.remove(&raw.id);
                // What cannot be read was told with the chain.
                if let Ok(entry) = raw.read {
                    compare_one(&entry, row, report);
                }
            }
            if all {
                break;
            }
        }
        for (id, (row, _)) in rows {
            let detail = format!("{} {} ({id}) was written past the history", kind.as_str(), row.key());
            report.find(What::RowUnrecorded, None, None, detail);
        }
    }
    states(conn, report).await?;
    prerequisites(conn, report).await
}

fn compare_one(entry: &Entry, row: Option<(Entity, Option<Position>)>, report: &mut Report) {
    let at = (Some(entry.revision.0), Some(entry.ordinal));
    let name = format!("{} {}", entry.kind.as_str(), entry.key);
    let left = match entry.after_entity() {
        Ok(left) => left.map(normal),
        Err(error) => return report.find(What::Unreadable, at.0, at.1, error.to_string()),
    };
    match (left, row) {
        (None, None) => {}
        (None, Some(_)) => {
            report.find(
                What::RowUnrecorded,
                at.0,
                at.1,
                format!("{name} was removed here, and stands there"),
            );
        }
        (Some(_), None) => {
            report.find(What::RowMissing, at.0, at.1, format!("{name} is gone from its table"));
        }
        (Some(left), Some((row, last))) => {
            if left != row {
                let (old, new) = (left.to_json(), row.to_json());
                let places: Vec<String> =
                    shared::json::diff(&old, &new).into_iter().take(5).map(|c| c.path).collect();
                let detail = format!("{name} is not as it was left, at {}", places.join(", "));
                report.find(What::RowDiffers, at.0, at.1, detail);
            } else if let Some(last) = last.filter(|last| last.revision != entry.revision) {
                let detail = format!("{name} says that {} wrote it last", last.revision);
                report.find(What::RowDiffers, at.0, at.1, detail);
            }
        }
    }
}

/// Times as PostgreSQL holds them: whole microseconds.
fn normal(mut entity: Entity) -> Entity {
    let whole = |at: Option<OffsetDateTime>| {
        at.map(|at| at.replace_nanosecond(at.nanosecond() / 1000 * 1000).unwrap_or(at))
            .map(|at| at.to_offset(time::UtcOffset::UTC))
    };
    match &mut entity {
        Entity::Token(token) => token.expires_at = whole(token.expires_at),
        Entity::SdkCredential(credential) => credential.expires_at = whole(credential.expires_at),
        _ => {}
    }
    entity
}

type Rows = HashMap<Uuid, (Entity, Option<Position>)>;

/// Every row of a kind as it stands.
async fn current(conn: &mut PgConnection, kind: EntityKind, report: &mut Report) -> Result<Rows, StoreError> {
    fn stamped<T>(
        rows: Vec<Result<Stored<T>, StoreError>>,
        entity: fn(T) -> Entity,
        report: &mut Report,
    ) -> Rows {
        let mut known = Rows::new();
        for row in rows {
            match row {
                Ok(stored) => {
                    let entity = entity(stored.row);
                    known.insert(entity.id(), (entity, Some(stored.stamp.last)));
                }
                Err(error) => report.find(What::Unreadable, None, None, error.to_string()),
            }
        }
        known
    }
    fn bare<T>(rows: Vec<T>, entity: fn(T) -> Entity) -> Rows {
        rows.into_iter().map(|row| normal(entity(row))).map(|e| (e.id(), (e, None))).collect()
    }
    Ok(match kind {
        EntityKind::Project => stamped(store::projects::all_projects(conn).await?, Entity::Project, report),
        EntityKind::Environment => {
            stamped(store::projects::all_environments(conn).await?, Entity::Environment, report)
        }
        EntityKind::Flag => stamped(store::flags::all(conn, None).await?, Entity::Flag, report),
        EntityKind::Config => {
            let which = store::configs::Which::default();
            stamped(store::configs::select(conn, which).await?, Entity::Config, report)
        }
        EntityKind::Segment => stamped(store::segments::select(conn, None).await?, Entity::Segment, report),
        EntityKind::RoleBinding => bare(store::access::all_bindings(conn).await?, Entity::RoleBinding),
        EntityKind::Token => bare(store::access::all_tokens(conn).await?, Entity::Token),
        EntityKind::SdkCredential => bare(store::access::all_credentials(conn).await?, Entity::SdkCredential),
    })
}

/// Each entry must begin where the entity's earlier one ended; else a row was changed in between by
/// something that is not the write path.
async fn states(conn: &mut PgConnection, report: &mut Report) -> Result<(), StoreError> {
    let mut place = (i64::MIN, i32::MIN);
    loop {
        let piece = store::verify::breaks(conn, place, PIECE).await?;
        let all = i64::try_from(piece.len()).unwrap_or(i64::MAX) < PIECE;
        for found in piece {
            place = (found.revision, found.ordinal);
            let entity = |text: Option<&String>| {
                let kind = found.kind.parse::<EntityKind>().ok()?;
                Entity::from_text(kind, text?).ok().map(normal)
            };
            // Another text of the same row (a time in nanoseconds, a member that came later) is no break.
            let (before, left) = (entity(found.before.as_ref()), entity(found.left.as_ref()));
            if before.is_some() && before == left {
                continue;
            }
            let detail = format!(
                "{} {} was not what r{} had left when it was changed",
                found.kind, found.key, found.earlier
            );
            report.find(What::BrokenState, Some(found.revision), Some(found.ordinal), detail);
        }
        if all {
            return Ok(());
        }
    }
}

/// One prerequisite: environment, flag, the flag it waits for, the variation.
type Edge = (String, String, String, i32);

/// Compares the table of prerequisites with what the documents say.
///
/// # Errors
/// The database's.
pub async fn prerequisites(conn: &mut PgConnection, report: &mut Report) -> Result<(), StoreError> {
    for project in store::projects::all_projects(conn).await?.into_iter().flatten() {
        let project = project.row.key;
        let table: BTreeSet<Edge> = store::prerequisites::edges(conn, &project, None)
            .await?
            .into_iter()
            .map(|e| (e.environment, e.flag, e.prerequisite, e.variation))
            .collect();
        let which = store::configs::Which { project: Some(&project), ..Default::default() };
        let mut documents: BTreeSet<Edge> = BTreeSet::new();
        for config in store::configs::select(conn, which).await?.into_iter().flatten() {
            for (key, variation) in validate::prerequisites(&config.row.document) {
                let (environment, flag) = (config.row.environment.to_string(), config.row.flag.to_string());
                documents.insert((environment, flag, key, variation));
            }
        }
        for (environment, flag, key, variation) in table.symmetric_difference(&documents) {
            let edge = (environment.clone(), flag.clone(), key.clone(), *variation);
            let side = if table.contains(&edge) { "the table alone" } else { "the document alone" };
            let detail = format!(
                "{flag} in {project}/{environment} waits for {key} at variation {variation}, says {side}"
            );
            report.find(What::Prerequisites, None, None, detail);
        }
    }
    Ok(())
}
