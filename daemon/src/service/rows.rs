//! The rows of a change, written: many of a kind at once, what refers after what is referred to.

use shared::change::{Entity, EntityRef};
use sqlx::PgConnection;

use super::draft::Touched;
use super::{Refusal, validate};
use crate::store::prerequisites::Waiting;
use crate::store::{self, Stamp};

/// Writes the rows of what was touched, and the prerequisites that its documents name.
pub async fn write(conn: &mut PgConnection, rows: &[(&Touched, Stamp)]) -> Result<(), Refusal> {
    let mut flags = Vec::new();
    let mut configs = Vec::new();
    for (change, stamp) in rows {
        match &change.after {
            Some(Entity::Flag(e)) => flags.push((e, stamp)),
            Some(Entity::Config(e)) => configs.push((e, stamp)),
            _ => put(conn, change, stamp).await?,
        }
    }
    store::flags::put(conn, &flags).await?;
    store::configs::put(conn, &configs).await?;
    // Last, since a prerequisite may be a flag that this very change makes.
    let waiting: Vec<_> = rows.iter().filter_map(|(change, _)| waiting(change)).collect();
    store::prerequisites::replace(conn, &waiting).await?;
    Ok(())
}

/// What a configuration waits for, where that differs.
fn waiting(change: &Touched) -> Option<Waiting<'_>> {
    let Some(Entity::Config(config)) = &change.after else { return None };
    let old = match change.before.as_ref().map(|b| &b.row) {
        Some(Entity::Config(old)) => validate::prerequisites(&old.document),
        _ => Vec::new(),
    };
    let new = validate::prerequisites(&config.document);
    (old != new).then_some((&config.project, &config.flag, &config.environment, new))
}

async fn put(conn: &mut PgConnection, change: &Touched, stamp: &Stamp) -> Result<(), Refusal> {
    match &change.after {
        Some(Entity::Project(e)) => store::projects::put_project(conn, e, stamp).await?,
        Some(Entity::Environment(e)) => store::projects::put_environment(conn, e, stamp).await?,
        // Written many at once.
        Some(Entity::Flag(_) | Entity::Config(_)) => {}
        Some(Entity::Segment(e)) => store::segments::put(conn, e, stamp).await?,
        Some(Entity::RoleBinding(e)) => store::access::put_binding(conn, e).await?,
        Some(Entity::Token(e)) => store::access::put_token(conn, e).await?,
        Some(Entity::SdkCredential(e)) => store::access::put_credential(conn, e).await?,
        None => {
            if let EntityRef::RoleBinding(id) = &change.reference {
                store::access::remove_binding(conn, *id).await?;
            }
        }
    }
    Ok(())
}
