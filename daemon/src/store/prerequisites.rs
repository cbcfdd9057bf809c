//! The table `flag_prerequisites`: derived from the documents, written by the write path alone.

use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use sqlx::PgConnection;

use super::{ROWS, StoreError};

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

/// A flag in an environment, and what it waits for: key and variation, in order.
pub type Waiting<'w> = (&'w ProjectKey, &'w FlagKey, &'w EnvironmentKey, Vec<(String, i32)>);

/// Replaces the edges of flags, each in one environment.
///
/// # Errors
/// The database's.
pub async fn replace(conn: &mut PgConnection, waiting: &[Waiting<'_>]) -> Result<(), StoreError> {
    for chunk in waiting.chunks(ROWS) {
        replace_some(conn, chunk).await?;
    }
    Ok(())
}

async fn replace_some(conn: &mut PgConnection, waiting: &[Waiting<'_>]) -> Result<(), StoreError> {
    let places = |times: fn(usize) -> usize| -> [Vec<String>; 3] {
        let all = || {
            waiting.iter().flat_map(move |(p, f, e, wanted)| {
                std::iter::repeat_n((p.to_string(), f.to_string(), e.to_string()), times(wanted.len()))
            })
        };
        [all().map(|w| w.0).collect(), all().map(|w| w.1).collect(), all().map(|w| w.2).collect()]
    };
    let [projects, flags, environments] = places(|_| 1);
    // `offset 0` keeps each look-up by its whole key, as in `store::configs`.
    sqlx::query!(
        "delete from flag_prerequisites r
         using unnest($1::text[], $2::text[], $3::text[]) as w (project, flag, environment)
               join project p on p.key = w.project
               cross join lateral (select id from feature_flags
                   where project_id = p.id and key = w.flag offset 0) f
               cross join lateral (select id from environments
                   where project_id = p.id and key = w.environment offset 0) e
         where r.flag_id = f.id and r.environment_id = e.id",
        &projects,
        &flags,
        &environments
    )
    .execute(&mut *conn)
    .await?;
    let wanted = || waiting.iter().flat_map(|(.., wanted)| wanted.iter().zip(1_i32..));
    let keys: Vec<String> = wanted().map(|((key, _), _)| key.clone()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let variations: Vec<i32> = wanted().map(|((_, variation), _)| *variation).collect();
    let ordinals: Vec<i32> = wanted().map(|(_, ordinal)| ordinal).collect();
    let [projects, flags, environments] = places(|wanted| wanted);
    sqlx::query!(
        "insert into flag_prerequisites (environment_id, flag_id, prerequisite_flag_id, variation, ordinal)
         select e.id, f.id, q.id, w.variation, w.ordinal
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[])
                as w (project, flag, environment, key, variation, ordinal)
              join project p on p.key = w.project
              cross join lateral (select id from feature_flags
                  where project_id = p.id and key = w.flag offset 0) f
              cross join lateral (select id from environments
                  where project_id = p.id and key = w.environment offset 0) e
              cross join lateral (select id from feature_flags
                  where project_id = p.id and key = w.key offset 0) q",
        &projects,
        &flags,
        &environments,
        &keys,
        &variations,
        &ordinals
    )
    .execute(conn)
    .await?;
    Ok(())
}
