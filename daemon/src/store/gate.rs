//! The gate to PostgreSQL: a pool that fails fast while the database is away.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::audit::Hash;
use shared::revision::Position;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::Notify;

use super::StoreError;
use super::head::Head;
use crate::clock::Clock;

/// How many failures in a row open the breaker.
const FAILURES: u32 = 5;
/// How long an open breaker refuses before one request may try again.
const RETRY: Duration = Duration::from_millis(500);

/// Why there is no connection for a write.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The daemon is stopping.
    #[error("the daemon is stopping and takes no more writes")]
    Draining,
    /// The database is older than what this daemon has served.
    #[error(
        "the database is older than what this daemon has served; writes wait until \
         `flagstaffd accept-rollback` says that this is right"
    )]
    Regressed,
    /// The database's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A head that was served or committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    position: Position,
    hash: Hash,
}

impl Seen {
    /// Whether a head is of the past, or of another history.
    pub fn is_after(&self, head: &Head) -> bool {
        head.position < self.position || (head.position == self.position && head.hash != self.hash)
    }
}

/// The pool with its breaker, and the marks that writes leave for readers.
pub struct Gate {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    failures: AtomicU32,
    /// Monotonic milliseconds at which an open breaker lets one request try.
    retry_at: AtomicI64,
    regressed: AtomicBool,
    /// The follower has not looked yet, or the database did not answer it the last time.
    held: AtomicBool,
    draining: AtomicBool,
    committed: AtomicI64,
    ground: AtomicI64,
    /// The newest head that was served or committed here.
    seen: Mutex<(Position, Hash)>,
    hint: Notify,
    verifying: Arc<tokio::sync::Mutex<()>>,
}

impl Gate {
    /// A gate in front of a pool.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            failures: AtomicU32::new(0),
            retry_at: AtomicI64::new(0),
            regressed: AtomicBool::new(false),
            held: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            committed: AtomicI64::new(0),
            ground: AtomicI64::new(0),
            seen: Mutex::default(),
            hint: Notify::new(),
            verifying: Arc::default(),
        }
    }

    /// The pool, for those who wait on their own terms (the follower, the listener).
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection for a read. Fails at once while the breaker is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn read(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let now = self.millis();
        let open = self.failures.load(Ordering::Acquire) >= FAILURES;
        if open {
            let retry_at = self.retry_at.load(Ordering::Acquire);
            let next = now + RETRY.as_millis() as i64;
            let mine = now >= retry_at
                && self
                    .retry_at
                    .compare_exchange(retry_at, next, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok();
            if !mine {
                return Err(StoreError::Unavailable("it did not answer a moment ago".to_owned()));
            }
        }
        match self.pool.acquire().await {
            Ok(conn) => {
                // A connection out of the pool may be dead: only an answer proves the database. After the
                // breaker was open, though, this one was made anew.
                if open {
                    self.recovered();
                }
                Ok(conn)
            }
            Err(sqlx::Error::PoolTimedOut)
                if self.pool.size() >= self.pool.options().get_max_connections() =>
            {
                Err(StoreError::Busy("every connection is in use".to_owned()))
            }
            Err(error) => {
                self.failed();
                Err(error.into())
            }
        }
    }

    /// A connection for a write: none while the daemon stops or the database has gone back.
    ///
    /// # Errors
    /// [`Closed`], with the reason.
    pub async fn write(&self) -> Result<PoolConnection<Postgres>, Closed> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Closed::Draining);
        }
        if self.regressed.load(Ordering::Acquire) {
            return Err(Closed::Regressed);
        }
        if self.held.load(Ordering::Acquire) {
            let why = "the follower has not seen yet whether it has gone back";
            return Err(StoreError::Unavailable(why.to_owned()).into());
        }
        Ok(self.read().await?)
    }

    /// Asks the database for nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut conn = self.read().await?;
        Ok(sqlx::Connection::ping(&mut *conn).await?)
    }

    /// Holds writes back, or lets them through: a database that comes back may be an older one, so that
    /// nothing is written to it before the follower has looked.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }

    /// Counts a failure of the database that was seen after the connection was had.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::AcqRel);
        self.retry_at.store(self.millis() + RETRY.as_millis() as i64, Ordering::Release);
    }

    /// The database answers again.
    pub fn recovered(&self) {
        self.failures.store(0, Ordering::Release);
    }

    /// Whether the database answered the last time it was asked.
    pub fn answers(&self) -> bool {
        self.failures.load(Ordering::Acquire) == 0
    }

    /// Says whether the database is older than what this daemon has served.
    pub fn set_regressed(&self, regressed: bool) {
        self.regressed.store(regressed, Ordering::Release);
    }

    /// Whether the database is older than what this daemon has served.
    pub fn regressed(&self) -> bool {
        self.regressed.load(Ordering::Acquire)
    }

    /// Refuses writes from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the daemon is stopping.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Marks what this daemon committed, and wakes whoever tells others.
    pub fn committed(&self, position: Position) {
        self.committed.fetch_max(position.revision.0, Ordering::AcqRel);
        self.hint.notify_one();
    }

    /// Marks a commit of this daemon that touched what requests are judged by before a write begins: who may
    /// do what, and which projects and environments there are.
    pub fn committed_ground(&self, position: Position) {
        self.ground.fetch_max(position.revision.0, Ordering::AcqRel);
    }

    /// Another epoch has begun: what was committed before it is nothing to wait for.
    pub fn forget_committed(&self) {
        self.committed.store(0, Ordering::Release);
        self.ground.store(0, Ordering::Release);
    }

    /// Marks a head that is served or was committed here: an older one is refused from now on.
    pub fn saw(&self, position: Position, hash: Hash) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if position > seen.0 {
            *seen = (position, hash);
        }
    }

    /// The newest head that was served or committed here. Whoever compares a head with it asks for it before
    /// the head is read, or holds the head's lock: else a commit between the two looks like a way back.
    pub fn seen(&self) -> Seen {
        let (position, hash) = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Seen { position, hash }
    }

    /// The last revision this daemon committed: its own readers wait for it.
    pub fn last_committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    /// The last revision this daemon committed that touched what writes are judged by: its own writers wait
    /// for it, and for no later one, since they read the rest under the head's lock.
    pub fn last_ground(&self) -> i64 {
        self.ground.load(Ordering::Acquire)
    }

    /// Has the follower look at the database now.
    pub fn look(&self) {
        self.hint.notify_one();
    }

    /// Waits until something was committed here.
    pub async fn hinted(&self) {
        self.hint.notified().await;
    }

    /// Held while the history is verified: once at a time, for it reads everything.
    pub const fn verifying(&self) -> &Arc<tokio::sync::Mutex<()>> {
        &self.verifying
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX)
    }
}
