//! Time, ids and chance as parameters: the machine's in the program, moved by hand in tests.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use uuid::Uuid;

/// Where time and ids come from.
pub trait Clock: Send + Sync {
    /// The time of day, UTC. It may jump, in both directions.
    fn now(&self) -> OffsetDateTime;
    /// Time since some fixed moment; it never goes back.
    fn monotonic(&self) -> Duration;
    /// An id that nobody else makes, for an `Idempotency-Key`.
    fn uuid(&self) -> Uuid;
}

/// The machine's clock. A debug build adds the seconds in the file that `FLAGSTAFF_TEST_CLOCK` names, so that a test
/// of the whole program need not wait ten minutes.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    ahead: Option<PathBuf>,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        let ahead = if cfg!(debug_assertions) { std::env::var_os("FLAGSTAFF_TEST_CLOCK") } else { None };
        Self { start: Instant::now(), ahead: ahead.map(PathBuf::from) }
    }

    fn ahead(&self) -> Duration {
        let text = self.ahead.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| text.trim().parse().ok()).map_or(Duration::ZERO, Duration::from_secs)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place where the system is asked for time and ids")]
impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed() + self.ahead()
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(OffsetDateTime, Duration, u128)>,
}

impl ManualClock {
    /// A clock that stands at `now`, monotonic time at zero.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self { state: Mutex::new((now, Duration::ZERO, 0)) }
    }

    /// Lets both times pass.
    pub fn advance(&self, by: Duration) {
        let mut state = held(&self.state);
        state.0 += by;
        state.1 += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        held(&self.state).0
    }

    fn monotonic(&self) -> Duration {
        held(&self.state).1
    }

    fn uuid(&self) -> Uuid {
        let mut state = held(&self.state);
        state.2 += 1;
        Uuid::from_u128((7 << 76) | (2 << 62) | state.2)
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
