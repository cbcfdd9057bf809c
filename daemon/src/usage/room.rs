//! What is counted in one environment and not yet in the database.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use uuid::Uuid;

use super::Kind;

/// What is told apart. The order is that in which every daemon locks rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter {
    /// The configuration.
    pub config: Uuid,
    /// The minute, in minutes since 1970.
    pub minute: i64,
    /// The variation's index; -1 = the caller's default.
    pub variation: i32,
    /// As it was reported; 0 = it was not.
    pub version: i64,
    /// Why.
    pub kind: Kind,
    /// The rule's id; empty = none.
    pub rule: Arc<str>,
}

/// What became of something that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is counted.
    Counted,
    /// It is counted, without version and reason: there are too many counters.
    Folded,
    /// It is lost.
    Shed,
}

/// The counters of one environment.
#[derive(Debug, Default)]
pub struct Room {
    pending: HashMap<Counter, u64>,
    /// The minute of which `distinct` tells.
    minute: i64,
    /// Hashes of the counters of that minute, those that are in the database included.
    distinct: HashSet<u64>,
    /// When each configuration was last evaluated, in seconds since 1970.
    last: HashMap<Uuid, i64>,
    /// Those that the database does not know yet.
    news: HashMap<Uuid, i64>,
    digest: u64,
}

/// How many times the counters of a minute wait for the database, while that is away.
const MINUTES: usize = 5;

impl Room {
    /// Counts; `now` is the minute it is, `most` how many counters a minute may have.
    pub fn count(&mut self, counter: Counter, count: u64, now: i64, most: usize) -> Outcome {
        if self.minute != now {
            self.minute = now;
            self.distinct.clear();
        }
        let plain = Counter { version: 0, kind: Kind::Untold, rule: Arc::default(), ..counter.clone() };
        if self.add(counter, count, most) {
            return Outcome::Counted;
        }
        // The variations of a flag are few, and what people ask for first.
        if self.add(plain, count, most.saturating_add(most / 2)) { Outcome::Folded } else { Outcome::Shed }
    }

    fn add(&mut self, counter: Counter, count: u64, most: usize) -> bool {
        if let Some(known) = self.pending.get_mut(&counter) {
            *known = known.saturating_add(count);
            return true;
        }
        let hash = hash(&counter);
        let full = self.distinct.len() >= most && !self.distinct.contains(&hash);
        if full || self.pending.len() >= most.saturating_mul(MINUTES) {
            return false;
        }
        self.distinct.insert(hash);
        self.pending.insert(counter, count);
        true
    }

    /// A configuration was evaluated here at that second.
    pub fn evaluated(&mut self, config: Uuid, at: i64) {
        if self.learned(config, at) {
            self.news.insert(config, at);
        }
    }

    /// The same, told by the database; whether it was news.
    pub fn learned(&mut self, config: Uuid, at: i64) -> bool {
        let before = self.last.get(&config).copied();
        if before.is_some_and(|before| before >= at) {
            return false;
        }
        self.last.insert(config, at);
        // What differs within a minute is no other answer.
        let minute = |at: i64| hash(&(config, at.div_euclid(60)));
        self.digest ^= before.map_or(0, minute) ^ minute(at);
        true
    }

    /// When a configuration was last evaluated.
    pub fn last(&self, config: Uuid) -> Option<i64> {
        self.last.get(&config).copied()
    }

    /// The same in every daemon that knows the same last evaluations, to the minute; 0 where there are none.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// How many counters wait.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// What waits of one configuration.
    pub fn waiting_of(&self, config: Uuid) -> Vec<(Counter, u64)> {
        let mine = self.pending.iter().filter(|(counter, _)| counter.config == config);
        mine.map(|(counter, count)| (counter.clone(), *count)).collect()
    }

    /// Takes what waits.
    pub fn take(&mut self) -> (HashMap<Counter, u64>, HashMap<Uuid, i64>) {
        (std::mem::take(&mut self.pending), std::mem::take(&mut self.news))
    }
}

/// The same in every process of this program.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(minute: i64, variation: i32, version: i64) -> Counter {
        let (config, rule) = (Uuid::from_u128(7), Arc::from("r"));
        Counter { config, minute, variation, version, kind: Kind::RuleMatch, rule }
    }

    #[test]
    fn counts_add_up_and_beyond_the_bound_they_lose_their_version_and_then_themselves() {
        let mut room = Room::default();
        assert_eq!(room.count(counter(1, 0, 1), 2, 1, 2), Outcome::Counted);
        assert_eq!(room.count(counter(1, 0, 1), 3, 1, 2), Outcome::Counted);
        assert_eq!(room.count(counter(1, 0, 2), 1, 1, 2), Outcome::Counted);
        assert_eq!(room.count(counter(1, 0, 3), 1, 1, 2), Outcome::Folded);
        assert_eq!(room.count(counter(1, 0, 4), 1, 1, 2), Outcome::Folded);
        assert_eq!(room.count(counter(1, 1, 1), 1, 1, 2), Outcome::Shed);
        let (pending, _) = room.take();
        assert_eq!(pending.get(&counter(1, 0, 1)), Some(&5));
        assert_eq!(pending.values().sum::<u64>(), 8);
        // What went to the database still counts for the minute; another minute begins anew.
        assert_eq!(room.count(counter(1, 0, 1), 1, 1, 2), Outcome::Counted);
        assert_eq!(room.count(counter(1, 1, 1), 1, 1, 2), Outcome::Shed);
        assert_eq!(room.count(counter(2, 1, 1), 1, 2, 2), Outcome::Counted);
    }

    #[test]
    fn while_nothing_is_taken_only_so_much_waits() {
        let mut room = Room::default();
        for minute in 0..1_000 {
            room.count(counter(minute, 0, 1), 1, minute, 10);
        }
        assert_eq!(room.waiting(), 75);
    }

    #[test]
    fn the_digest_tells_of_minutes_and_not_of_the_way_there() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut one = Room::default();
        assert_eq!(one.digest(), 0);
        one.evaluated(a, 60);
        one.evaluated(b, 600);
        let first = one.digest();
        one.evaluated(a, 119);
        assert_eq!(one.digest(), first);
        one.evaluated(a, 120);
        assert_ne!(one.digest(), first);
        let mut other = Room::default();
        assert!(other.learned(b, 601) && other.learned(a, 121) && !other.learned(a, 121));
        assert_eq!(other.digest(), one.digest());
        assert_eq!((one.last(a), one.take().1.len(), other.take().1.len()), (Some(120), 2, 0));
    }
}
