//! Whether writes are open: read-only at first where it is protected, open for some minutes.

use time::{Duration, OffsetDateTime};

/// When a session starts read-only (`read_only` of a profile).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// On protected environments.
    #[default]
    Protected,
    /// On all of them.
    Always,
    /// Nowhere.
    Never,
}

/// How long without a key until open writes close again.
pub const IDLE: Duration = Duration::minutes(5);
/// When the end of open writes is announced.
pub const WARNING: Duration = Duration::seconds(60);

/// The state of writes on guarded environments.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// When a session starts read-only.
    pub policy: Policy,
    /// Set by `--read-only`: nothing opens writes.
    pub held: bool,
    /// How long `!` opens them.
    pub length: Duration,
    open_until: Option<OffsetDateTime>,
    last_key: OffsetDateTime,
    warned: bool,
}

/// Why a write is not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// `--read-only`.
    #[error("read-only session: started with --read-only")]
    Held,
    /// `!` opens.
    #[error("needs writes: press ! to open them")]
    Locked,
    /// The role does not write there.
    #[error("read-only: your role does not write in {0}")]
    Role(String),
    /// What is shown may be old.
    #[error("not connected: nothing can be changed until the daemon is back")]
    Offline,
}

impl Guard {
    /// A closed guard.
    #[must_use]
    pub fn new(policy: Policy, held: bool, length: Duration, now: OffsetDateTime) -> Self {
        Self { policy, held, length, open_until: None, last_key: now, warned: false }
    }

    /// Whether an environment starts read-only.
    #[must_use]
    pub fn guards(&self, protected: bool) -> bool {
        match self.policy {
            Policy::Protected => protected,
            Policy::Always => true,
            Policy::Never => false,
        }
    }

    /// Whether writes are open at `now` where `protected` says whether the environment is.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, protected: bool, now: OffsetDateTime) -> Result<(), Closed> {
        if self.held {
            return Err(Closed::Held);
        }
        if !self.guards(protected) || self.left(now).is_some() {
            return Ok(());
        }
        Err(Closed::Locked)
    }

    /// How long writes stay open.
    #[must_use]
    pub fn left(&self, now: OffsetDateTime) -> Option<Duration> {
        let until = self.open_until?.min(self.last_key + IDLE.max(Duration::ZERO));
        (until > now && !self.held).then(|| until - now)
    }

    /// What the countdown shows: the whole time, though writes close earlier when nobody types.
    #[must_use]
    pub fn countdown(&self, now: OffsetDateTime) -> Option<Duration> {
        self.left(now)?;
        self.open_until.map(|until| until - now)
    }

    /// Opens writes, or closes them when they are open. Answers whether they are open now.
    pub fn turn(&mut self, now: OffsetDateTime) -> bool {
        if self.left(now).is_some() || self.held {
            self.close();
            return false;
        }
        self.open_until = Some(now + self.length);
        self.last_key = now;
        self.warned = false;
        true
    }

    /// Closes writes: at a reconnect, after a suspend, when the class of the environment changes.
    pub fn close(&mut self) {
        self.open_until = None;
    }

    /// A key was pressed.
    pub fn key(&mut self, now: OffsetDateTime) {
        // A key after the end does not open them again.
        if self.left(now).is_none() {
            self.close();
        }
        self.last_key = now;
        // It may have been said because nobody typed.
        self.warned &= self.left(now).is_some_and(|left| left <= WARNING);
    }

    /// Time passed. Answers a sentence when there is something to say.
    pub fn tick(&mut self, now: OffsetDateTime) -> Option<&'static str> {
        self.open_until?;
        match self.left(now) {
            None => {
                self.close();
                Some("writes are closed again")
            }
            Some(left) if left <= WARNING && !self.warned => {
                self.warned = true;
                Some("writes close in a minute")
            }
            Some(_) => None,
        }
    }

    /// When the countdown has to be looked at again.
    #[must_use]
    pub fn next(&self, now: OffsetDateTime, calm: bool) -> Option<OffsetDateTime> {
        let left = self.left(now)?;
        let step = if calm { Duration::seconds(10) } else { Duration::seconds(1) };
        Some(now + step.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const T: OffsetDateTime = datetime!(2026-11-22 03:12 UTC);

    fn guard() -> Guard {
        Guard::new(Policy::Protected, false, Duration::minutes(10), T)
    }

    #[test]
    fn a_protected_environment_starts_read_only_and_opens_for_ten_minutes_of_use() {
        let mut g = guard();
        assert_eq!(g.check(true, T), Err(Closed::Locked));
        assert_eq!(g.check(false, T), Ok(()));
        assert!(g.turn(T));
        assert_eq!(g.check(true, T), Ok(()));
        for minute in 1..10 {
            g.key(T + Duration::minutes(minute));
            assert_eq!(g.check(true, T + Duration::minutes(minute)), Ok(()), "minute {minute}");
        }
        assert_eq!(g.check(true, T + Duration::minutes(10)), Err(Closed::Locked));
    }

    #[test]
    fn five_minutes_without_a_key_close_writes_and_the_next_key_does_not_open_them() {
        let mut g = guard();
        g.turn(T);
        let later = T + IDLE;
        assert_eq!(g.check(true, later), Err(Closed::Locked));
        g.key(later);
        assert_eq!(g.check(true, later + Duration::seconds(1)), Err(Closed::Locked));
    }

    #[test]
    fn a_held_session_never_opens() {
        let mut g = Guard::new(Policy::Never, true, Duration::minutes(10), T);
        assert!(!g.turn(T));
        assert_eq!(g.check(false, T), Err(Closed::Held));
    }

    #[test]
    fn the_end_is_announced_again_when_a_key_put_it_off() {
        let mut g = guard();
        g.turn(T);
        assert_eq!(g.tick(T + Duration::minutes(4)), Some("writes close in a minute"));
        g.key(T + Duration::minutes(4));
        assert_eq!(g.tick(T + Duration::minutes(5)), None);
        g.key(T + Duration::minutes(8));
        assert_eq!(g.tick(T + Duration::minutes(9)), Some("writes close in a minute"));
    }

    #[test]
    fn the_end_is_announced_a_minute_before_and_once() {
        let mut g = guard();
        g.turn(T);
        g.key(T + Duration::minutes(4));
        g.key(T + Duration::minutes(8));
        assert_eq!(g.tick(T + Duration::minutes(8)), None);
        assert_eq!(g.tick(T + Duration::minutes(9)), Some("writes close in a minute"));
        assert_eq!(g.tick(T + Duration::minutes(9) + Duration::seconds(1)), None);
        assert_eq!(g.tick(T + Duration::minutes(10)), Some("writes are closed again"));
        assert_eq!(g.tick(T + Duration::minutes(11)), None);
    }
}
