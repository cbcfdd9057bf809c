//! Time and ids as parameters: the system's in the daemon, moved by hand in tests.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

/// Where time and ids come from.
pub trait Clock: Send + Sync {
    /// The time of day, UTC. It may jump, in both directions.
    fn now(&self) -> OffsetDateTime;
    /// Time since some fixed moment; it never goes back.
    fn monotonic(&self) -> Duration;
    /// A UUIDv7 that is greater than every one this clock gave before.
    fn uuid(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    last: Mutex<Uuid>,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self { start: Instant::now(), last: Mutex::new(Uuid::nil()) }
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
        OffsetDateTime::now_utc()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn uuid(&self) -> Uuid {
        after(&self.last, Uuid::now_v7())
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(OffsetDateTime, Duration)>,
    last: Mutex<Uuid>,
}

impl ManualClock {
    /// A clock that stands at `now`, monotonic time at zero.
    pub fn at(now: OffsetDateTime) -> Self {
        Self { state: Mutex::new((now, Duration::ZERO)), last: Mutex::new(Uuid::nil()) }
    }

    /// Lets both times pass.
    pub fn advance(&self, by: Duration) {
        let mut state = held(&self.state);
        state.0 += by;
        state.1 += by;
    }

    /// Sets the time of day, as an administrator or NTP does; monotonic time doesn't notice.
    pub fn jump(&self, to: OffsetDateTime) {
        held(&self.state).0 = to;
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
        let now = self.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        after(&self.last, Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.nanosecond())))
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `candidate`, or the UUIDv7 after `last` where the clock stood still or went back.
fn after(last: &Mutex<Uuid>, candidate: Uuid) -> Uuid {
    // Version and variant bits lie inside the number; a carry must step over them.
    const RANDOM_B: u128 = (1 << 62) - 1;
    const VARIANT: u128 = 0b10 << 62;
    let mut last = held(last);
    let next = if candidate > *last {
        candidate
    } else {
        let number = last.as_u128();
        let (time, a, b) = (number >> 80, (number >> 64) & 0xfff, number & RANDOM_B);
        let counter = ((time << 74) | (a << 62) | b).wrapping_add(1);
        let (time, a, b) = (counter >> 74, (counter >> 62) & 0xfff, counter & RANDOM_B);
        Uuid::from_u128((time << 80) | (7 << 76) | (a << 64) | VARIANT | b)
    };
    *last = next;
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_stands_or_goes_back() {
        let clock = ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        let mut last = clock.uuid();
        for turn in 0..1_000 {
            if turn == 500 {
                clock.jump(OffsetDateTime::UNIX_EPOCH);
            }
            let next = clock.uuid();
            assert!(next > last, "{next} came after {last}");
            assert_eq!((next.get_version_num(), next.get_variant()), (7, uuid::Variant::RFC4122));
            last = next;
        }
    }

    #[test]
    fn a_full_counter_carries_over_version_and_variant() {
        let full = Uuid::from_u128((5 << 80) | (7 << 76) | (0xfff << 64) | (0b10 << 62) | ((1 << 62) - 1));
        let next = after(&Mutex::new(full), Uuid::nil());
        assert_eq!(next.as_u128(), (6 << 80) | (7 << 76) | (0b10 << 62));
    }

    #[test]
    fn the_systems_ids_rise_across_threads() {
        let clock = SystemClock::new();
        let take = || (0..1_000).map(|_| clock.uuid()).collect::<Vec<_>>();
        let mut all: Vec<Uuid> = std::thread::scope(|scope| {
            let threads = [scope.spawn(take), scope.spawn(take), scope.spawn(take)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 3_000);
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::at(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH + Duration::from_secs(3));
        clock.jump(OffsetDateTime::UNIX_EPOCH);
        assert_eq!((clock.now(), clock.monotonic()), (OffsetDateTime::UNIX_EPOCH, Duration::from_secs(3)));
    }
}
