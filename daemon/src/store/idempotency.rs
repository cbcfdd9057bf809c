//! The table `idempotency_key`: answers to writes, so that a repeated one is not a second change.

use sqlx::PgConnection;

use super::StoreError;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The write was made: this is what was answered.
    Answered {
        /// SHA-256 over method, path with query, and body.
        request_hash: Vec<u8>,
        /// The revision it made.
        revision: i64,
        /// The status that was answered.
        status: i32,
        /// The headers that were answered, a JSON object.
        headers: String,
        /// The body that was answered.
        body: String,
    },
    /// The key was burned before the write came.
    Burned,
}

/// What is known of a key; nothing after 24 hours.
///
/// # Errors
/// The database's.
pub async fn find(conn: &mut PgConnection, principal: &str, key: &str) -> Result<Option<Known>, StoreError> {
    let row = sqlx::query!(
        "select request_hash, revision, status, headers, body from idempotency_key
         where principal = $1 and key = $2 and created_at > clock_timestamp() - interval '24 hours'",
        principal,
        key
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| match (row.revision, row.status) {
        (Some(revision), Some(status)) => Known::Answered {
            request_hash: row.request_hash,
            revision,
            status,
            headers: row.headers.unwrap_or_default(),
            body: row.body.unwrap_or_default(),
        },
        _ => Known::Burned,
    }))
}

/// Keeps an answer, in the transaction of the write itself.
///
/// # Errors
/// The database's.
pub async fn keep(
    conn: &mut PgConnection,
    principal: &str,
    key: &str,
    known: &Known,
) -> Result<(), StoreError> {
    let (hash, revision, status, headers, body) = match known {
        Known::Answered { request_hash, revision, status, headers, body } => {
            (request_hash.as_slice(), Some(*revision), Some(*status), Some(headers), Some(body))
        }
        Known::Burned => (&[][..], None, None, None, None),
    };
    sqlx::query!(
        "insert into idempotency_key (principal, key, request_hash, revision, status, headers, body)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (principal, key) do update set request_hash = excluded.request_hash,
             revision = excluded.revision, status = excluded.status, headers = excluded.headers,
             body = excluded.body, created_at = clock_timestamp()",
        principal,
        key,
        hash,
        revision,
        status,
        headers,
        body
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what is older than 24 hours.
///
/// # Errors
/// The database's.
pub async fn prune(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from idempotency_key where created_at < clock_timestamp() - interval '24 hours'"
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
