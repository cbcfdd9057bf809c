//! What the database says of itself.

use sqlx::PgConnection;

use super::StoreError;

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its version, like `15.8`.
    pub version: String,
    /// How many bytes this database takes.
    pub size: i64,
    /// How many connections this database has, of everybody.
    pub connections: i64,
    /// Whether it only follows another server.
    pub in_recovery: bool,
}

/// Asks for them.
///
/// # Errors
/// The database's.
pub async fn facts(conn: &mut PgConnection) -> Result<Facts, StoreError> {
    Ok(sqlx::query_as!(
        Facts,
        r#"select current_setting('server_version') as "version!",
                  pg_database_size(current_database()) as "size!",
                  (select count(*) from pg_stat_activity where datname = current_database()) as "connections!",
                  pg_is_in_recovery() as "in_recovery!""#
    )
    .fetch_one(conn)
    .await?)
}
