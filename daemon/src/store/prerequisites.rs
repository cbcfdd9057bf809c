//! The table `flag_prerequisites`: derived from the documents, written by the write path alone.

use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use sqlx::PgConnection;

use super::StoreError;

/// One flag waits for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The environment.
    pub environment: String,
    /// The flag that waits.
    pub flag: String,
    /// The flag it waits for.
    pub prerequisite: String,
    /// The variation that must be served.
    pub variation: i32,
}

/// Every edge of a project, of one environment or of all.
///
/// # Errors
/// The database's.
pub async fn edges(
    conn: &mut PgConnection,
    project: &ProjectKey,
    environment: Option<&EnvironmentKey>,
) -> Result<Vec<Edge>, StoreError> {
    Ok(sqlx::query_as!(
        Edge,
        "select e.key as environment, f.key as flag, q.key as prerequisite, r.variation
         from flag_prerequisites r join environments e on e.id = r.environment_id
              join project p on p.id = e.project_id join feature_flags f on f.id = r.flag_id
              join feature_flags q on q.id = r.prerequisite_flag_id
         where p.key = $1 and ($2::text is null or e.key = $2) order by e.id, f.id, r.ordinal",
        project.as_str(),
        environment.map(EnvironmentKey::as_str)
    )
    .fetch_all(conn)
    .await?)
}

/// Replaces the edges of one flag in one environment.
///
/// # Errors
/// The database's.
pub async fn replace(
    conn: &mut PgConnection,
    project: &ProjectKey,
    flag: &FlagKey,
    environment: &EnvironmentKey,
    prerequisites: &[(String, i32)],
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from flag_prerequisites r using project p, feature_flags f, environments e
         where p.key = $1 and f.project_id = p.id and f.key = $2 and e.project_id = p.id and e.key = $3
           and r.flag_id = f.id and r.environment_id = e.id",
        project.as_str(),
        flag.as_str(),
        environment.as_str()
    )
    .execute(&mut *conn)
    .await?;
    if prerequisites.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = prerequisites.iter().map(|(k, _)| k.clone()).collect();
    let variations: Vec<i32> = prerequisites.iter().map(|(_, v)| *v).collect();
    sqlx::query!(
        "insert into flag_prerequisites (environment_id, flag_id, prerequisite_flag_id, variation, ordinal)
         select e.id, f.id, q.id, w.variation, w.ordinal::integer
         from project p join feature_flags f on f.project_id = p.id and f.key = $2
              join environments e on e.project_id = p.id and e.key = $3
              cross join unnest($4::text[], $5::integer[]) with ordinality as w (key, variation, ordinal)
              join feature_flags q on q.project_id = p.id and q.key = w.key
         where p.key = $1",
        project.as_str(),
        flag.as_str(),
        environment.as_str(),
        &keys,
        &variations
    )
    .execute(conn)
    .await?;
    Ok(())
}
