//! The gate to PostgreSQL: a pool that fails fast while the database is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use shared::api::problem::ProblemKind;
use shared::revision::Position;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::Notify;

use super::Refusal;
use crate::clock::Clock;
use crate::store::StoreError;

/// How many failures in a row open the breaker.
const FAILURES: u32 = 5;
/// How long an open breaker refuses before one request may try again.
const RETRY: Duration = Duration::from_millis(500);

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
    hint: Notify,
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
            hint: Notify::new(),
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
        if self.failures.load(Ordering::Acquire) >= FAILURES {
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
                self.failures.store(0, Ordering::Release);
                Ok(conn)
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
    /// The refusal, or [`StoreError::Unavailable`].
    pub async fn write(&self) -> Result<PoolConnection<Postgres>, Refusal> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Refusal::Plain(
                ProblemKind::Draining,
                "the daemon is stopping and takes no more writes".to_owned(),
            ));
        }
        if self.regressed.load(Ordering::Acquire) {
            return Err(Refusal::Plain(
                ProblemKind::RevisionRegressed,
                "the database is older than what this daemon has served; writes wait until \
                 `flagstaffd accept-rollback` says that this is right"
                    .to_owned(),
            ));
        }
        if self.held.load(Ordering::Acquire) {
            let why = "the follower has not seen yet whether it has gone back";
            return Err(StoreError::Unavailable(why.to_owned()).into());
        }
        Ok(self.read().await?)
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

    /// The last revision this daemon committed: its own readers wait for it.
    pub fn last_committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Waits until something was committed here.
    pub async fn hinted(&self) {
        self.hint.notified().await;
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX)
    }
}
