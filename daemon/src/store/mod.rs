//! GROUND: what every table's functions share. SQL as functions on a connection.
//!
//! One file a noun; each owns its table. The functions take `&mut PgConnection`, so that they compose
//! in any transaction. The children import this file; it imports none of them.

pub mod access;
pub mod audit;
pub mod audit_query;
pub mod backups;
pub mod configs;
pub mod daemons;
pub mod database;
pub mod flags;
pub mod gate;
pub mod head;
pub mod idempotency;
pub mod past;
pub mod prerequisites;
pub mod projects;
pub mod segments;
pub mod usage;
pub mod verify;

use shared::json::Json;
use shared::revision::Position;
use time::OffsetDateTime;

/// How many rows one statement writes: what one message holds, and the server parses at once, has a limit.
const ROWS: usize = 500;

/// What can go wrong between us and PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A named constraint refused a row.
    #[error("the constraint {0} refused a row")]
    Taken(String),
    /// PostgreSQL is not there, or not now: the same request may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// PostgreSQL is there and too busy: a lock or a statement took too long, or two writes collided.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The connection was lost during COMMIT: nobody knows whether the change was made.
    #[error("the connection was lost while the change was being committed")]
    OutcomeUnknown,
    /// A row holds what this program cannot have written.
    #[error("{what} cannot be read: {detail}")]
    Corrupt {
        /// The row.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Anything else: a mistake of ours.
    #[error(transparent)]
    Database(sqlx::Error),
}

impl StoreError {
    /// A row that cannot be read.
    pub fn corrupt(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), detail: detail.to_string() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error.to_string()),
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default().into_owned();
                // 57014 cancelled (a statement's time-out), 55P03 lock time-out, 40 serialisation and deadlock.
                if code == "57014" || code == "55P03" || code.starts_with("40") {
                    return Self::Busy(db.message().to_owned());
                }
                // 08 connection, 53 resources, 57 shutdown, 58 disk, 25006 read only (a standby),
                // 25P03 idle in a transaction for too long.
                if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                    || code == "25006"
                    || code == "25P03"
                {
                    Self::Unavailable(db.message().to_owned())
                } else if let Some(name) = db.constraint() {
                    Self::Taken(name.to_owned())
                } else {
                    Self::Database(error)
                }
            }
            _ => Self::Database(error),
        }
    }
}

/// When and by whom a row was made and last changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// The revision that wrote it last.
    pub last: Position,
    /// Who made it.
    pub created_by: String,
    /// Who changed it last.
    pub updated_by: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    pub updated_at: OffsetDateTime,
}

/// The stamp in the columns of a row, which every table of entities has under the same names.
macro_rules! stamp_of {
    ($row:expr) => {
        $crate::store::Stamp {
            last: shared::revision::Position::new($row.last_epoch, $row.last_revision),
            created_by: $row.created_by.clone(),
            updated_by: $row.updated_by.clone(),
            created_at: $row.created_at,
            updated_at: $row.updated_at,
        }
    };
}
pub(crate) use stamp_of;

/// A row with its stamp.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The row, as the audit keeps it.
    pub row: T,
    /// When and by whom.
    pub stamp: Stamp,
}

impl<T> Stored<T> {
    /// The same stamp around something made of the row.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Stored<U> {
        Stored { row: f(self.row), stamp: self.stamp }
    }
}

pub(crate) fn read_json(what: impl Fn() -> String, text: &str) -> Result<Json, StoreError> {
    // Rows are read with a generous depth: what an older version allowed must stay readable.
    shared::json::parse_within(text, 512).map_err(|e| StoreError::corrupt(what(), e))
}
