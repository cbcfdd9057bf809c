//! Catalogs of the past: a project as it was at a revision, prepared as the living one is.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::audit::Hash;
use shared::change::EntityKind;
use shared::key::ProjectKey;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::catalog::Catalog;
use crate::store::audit::Committed;
use crate::store::{self, StoreError, Stored};

/// How many are kept: enough for somebody who steps back and forth.
const KEPT: usize = 4;

/// A revision by its hash (a number may come twice when a database goes back), and the project.
type Name = (Hash, ProjectKey);

/// The catalogs of the past that were asked for last.
#[derive(Default)]
pub struct Past {
    kept: Mutex<VecDeque<(Name, Arc<Catalog>)>>,
}

impl Past {
    /// The catalog of one project as it was at a committed revision. It holds that project alone, and
    /// nobody's access: who may read the past is decided in the present.
    ///
    /// # Errors
    /// The database's.
    pub async fn catalog(
        &self,
        conn: &mut PgConnection,
        project: &ProjectKey,
        committed: &Committed,
    ) -> Result<Arc<Catalog>, StoreError> {
        let name = (committed.hash, project.clone());
        // Held while one is made: many who ask for the same moment make it once, and memory is bounded.
        let mut kept = self.kept.lock().await;
        if let Some(place) = kept.iter().position(|(known, _)| *known == name)
            && let Some(found) = kept.remove(place)
        {
            let catalog = Arc::clone(&found.1);
            kept.push_front(found);
            return Ok(catalog);
        }
        let rows = store::past::rows_at(conn, project, committed.position.revision).await?;
        let base = Catalog {
            position: committed.position,
            hash: committed.hash,
            at: committed.header.at,
            ..Catalog::default()
        };
        let catalog = tokio::task::spawn_blocking(move || filled(base, rows))
            .await
            .map_err(|e| StoreError::corrupt(format!("the catalog at {}", committed.position), e))?;
        let catalog = Arc::new(catalog);
        kept.push_front((name, Arc::clone(&catalog)));
        kept.truncate(KEPT);
        Ok(catalog)
    }
}

/// Containers before what lies in them, as the loader does it.
const fn place(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Project => 0,
        EntityKind::Environment => 1,
        EntityKind::Segment => 2,
        EntityKind::Flag => 3,
        _ => 4,
    }
}

fn filled(mut catalog: Catalog, rows: Vec<Result<Stored<shared::change::Entity>, StoreError>>) -> Catalog {
    let mut good = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(stored) => good.push(stored),
            Err(StoreError::Corrupt { what, detail }) => {
                catalog.degraded.insert(what, detail);
            }
            Err(error) => {
                catalog.degraded.insert("a row".to_owned(), error.to_string());
            }
        }
    }
    good.sort_by_key(|stored| (place(stored.row.kind()), stored.row.id()));
    for stored in good {
        catalog.put(stored);
    }
    catalog
}
