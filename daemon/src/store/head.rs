//! The head of the history: one row, whose lock makes writes serial.

use shared::audit::{GENESIS, Hash};
use shared::revision::Position;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;

/// Where the history stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Epoch and revision of the last committed change.
    pub position: Position,
    /// Its hash.
    pub hash: Hash,
    /// When it was committed.
    pub at: OffsetDateTime,
}

struct Row {
    epoch: i64,
    revision: i64,
    hash: Vec<u8>,
    at: OffsetDateTime,
}

impl Row {
    fn head(self) -> Result<Head, StoreError> {
        let hash = self.hash.try_into().map_err(|_| StoreError::corrupt("head", "hash is not 32 bytes"))?;
        Ok(Head { position: Position::new(self.epoch, self.revision), hash, at: self.at })
    }
}

/// Reads the head.
///
/// # Errors
/// The database's, or a head that was never made.
pub async fn get(conn: &mut PgConnection) -> Result<Head, StoreError> {
    sqlx::query_as!(Row, "select epoch, revision, hash, at from head").fetch_one(conn).await?.head()
}

/// Takes the head's lock, which every write takes first, and reads it together with the database's clock.
///
/// # Errors
/// The database's; a lock that is not had in time is [`StoreError::Unavailable`].
pub async fn lock(conn: &mut PgConnection) -> Result<(Head, OffsetDateTime), StoreError> {
    let row =
        sqlx::query!(r#"select epoch, revision, hash, at, clock_timestamp() as "now!" from head for update"#)
            .fetch_one(conn)
            .await?;
    let now = row.now;
    let head = Row { epoch: row.epoch, revision: row.revision, hash: row.hash, at: row.at }.head()?;
    Ok((head, now))
}

/// Makes the head and the installation where they are missing; true where they were.
///
/// # Errors
/// The database's.
pub async fn install(conn: &mut PgConnection, id: Uuid) -> Result<bool, StoreError> {
    sqlx::query!("insert into installation (id) values ($1) on conflict do nothing", id)
        .execute(&mut *conn)
        .await?;
    let made = sqlx::query!(
        "insert into head (epoch, revision, hash, at) values (1, 0, $1, clock_timestamp())
         on conflict do nothing",
        &GENESIS[..]
    )
    .execute(conn)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// The installation's id and the id of its secrets key.
///
/// # Errors
/// The database's.
pub async fn installation(conn: &mut PgConnection) -> Result<(Uuid, Option<String>), StoreError> {
    let row = sqlx::query!("select id, secrets_id from installation").fetch_one(conn).await?;
    Ok((row.id, row.secrets_id))
}

/// Names the secrets key, once: an installation that has one keeps it.
///
/// # Errors
/// The database's.
pub async fn set_secrets_id(conn: &mut PgConnection, secrets_id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!("update installation set secrets_id = $1 where secrets_id is null", secrets_id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}
