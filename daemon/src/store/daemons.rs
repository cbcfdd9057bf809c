//! The table `daemon`: who is on this database, by heartbeat.

use shared::revision::Position;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;

/// One daemon's heartbeat.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Made at its start.
    pub id: Uuid,
    /// Its host's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it listens.
    pub address: String,
    /// What it serves.
    pub position: Position,
    /// Its connected clients, a JSON array.
    pub clients: String,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// When it was last heard of, by the database's clock.
    pub seen_at: OffsetDateTime,
}

/// Writes a heartbeat and forgets the daemons not heard of for an hour.
///
/// # Errors
/// The database's.
pub async fn beat(conn: &mut PgConnection, beat: &Heartbeat) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into daemon (id, name, version, address, epoch, revision, clients, started_at, seen_at)
         values ($1, $2, $3, $4, $5, $6, $7::text::json, $8, clock_timestamp())
         on conflict (id) do update set epoch = excluded.epoch, revision = excluded.revision,
             clients = excluded.clients, seen_at = excluded.seen_at",
        beat.id,
        beat.name,
        beat.version,
        beat.address,
        beat.position.epoch.0,
        beat.position.revision.0,
        beat.clients,
        beat.started_at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from daemon where seen_at < clock_timestamp() - interval '1 hour'")
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a daemon off the list, at its end.
///
/// # Errors
/// The database's.
pub async fn leave(conn: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from daemon where id = $1", id).execute(conn).await?;
    Ok(())
}

/// The daemons heard of within the last `seconds`.
///
/// # Errors
/// The database's.
pub async fn list(conn: &mut PgConnection, seconds: f64) -> Result<Vec<Heartbeat>, StoreError> {
    Ok(sqlx::query!(
        r#"select id, name, version, address, epoch, revision, clients::text as "clients!", started_at, seen_at
         from daemon where seen_at > clock_timestamp() - make_interval(secs => $1) order by started_at"#,
        seconds
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Heartbeat {
        id: row.id,
        name: row.name,
        version: row.version,
        address: row.address,
        position: Position::new(row.epoch, row.revision),
        clients: row.clients,
        started_at: row.started_at,
        seen_at: row.seen_at,
    })
    .collect())
}
