//! Loads a whole catalog out of the tables, at one revision.

use shared::change::Entity;
use sqlx::PgPool;

use super::catalog::Catalog;
use crate::store::{self, Stamp, StoreError, Stored};

/// Reads the catalog and its revision in one REPEATABLE READ transaction, so that the label is that of
/// the content. A row that cannot be read is marked and left out; everything else serves.
///
/// # Errors
/// The database's.
pub async fn load(pool: &PgPool) -> Result<Catalog, StoreError> {
    let mut tx = pool.begin_with("begin isolation level repeatable read read only").await?;
    let head = store::head::get(&mut tx).await?;
    let mut catalog = Catalog { position: head.position, hash: head.hash, at: head.at, ..Catalog::default() };
    put_all(&mut catalog, store::projects::all_projects(&mut tx).await?, Entity::Project);
    put_all(&mut catalog, store::projects::all_environments(&mut tx).await?, Entity::Environment);
    put_all(&mut catalog, store::segments::select(&mut tx, None).await?, Entity::Segment);
    put_all(&mut catalog, store::flags::all(&mut tx, None).await?, Entity::Flag);
    let configs = store::configs::select(&mut tx, store::configs::Which::default()).await?;
    put_all(&mut catalog, configs, Entity::Config);
    let bindings = store::access::all_bindings(&mut tx).await?.into_iter().map(Entity::RoleBinding);
    let tokens = store::access::all_tokens(&mut tx).await?.into_iter().map(Entity::Token);
    let credentials = store::access::all_credentials(&mut tx).await?.into_iter().map(Entity::SdkCredential);
    for row in bindings.chain(tokens).chain(credentials) {
        let stamp = Stamp {
            last: head.position,
            created_by: String::new(),
            updated_by: String::new(),
            created_at: head.at,
            updated_at: head.at,
        };
        catalog.put(Stored { row, stamp });
    }
    tx.rollback().await?;
    Ok(catalog)
}

fn put_all<T>(catalog: &mut Catalog, rows: Vec<Result<Stored<T>, StoreError>>, entity: impl Fn(T) -> Entity) {
    for row in rows {
        match row {
            Ok(stored) => catalog.put(stored.map(&entity)),
            Err(StoreError::Corrupt { what, detail }) => {
                tracing::error!(row = %what, %detail, "a row cannot be read and is left out");
                catalog.degraded.insert(what, detail);
            }
            Err(error) => {
                catalog.degraded.insert("a row".to_owned(), error.to_string());
            }
        }
    }
}
