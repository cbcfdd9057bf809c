//! The contexts seen last in one environment, a bounded number of them.

use std::collections::{BTreeMap, HashMap};

use time::OffsetDateTime;
use uuid::Uuid;

use super::Source;
use super::kept::Kept;
use crate::store::usage::SeenContext;

type Name = (String, String);

#[derive(Debug)]
struct Place {
    text: String,
    source: Source,
    at: OffsetDateTime,
    turn: u64,
    /// The database does not have it yet.
    fresh: bool,
}

/// The contexts of one environment; of two with the same kind and key the newer one stays.
#[derive(Debug, Default)]
pub struct Reservoir {
    places: HashMap<Name, Place>,
    turns: BTreeMap<u64, Name>,
    turn: u64,
}

/// A context that is seen again, unchanged, is told to the database only so often.
const AGAIN: time::Duration = time::Duration::MINUTE;

impl Reservoir {
    /// Keeps a context; the one not seen for longest makes room.
    pub fn keep(&mut self, kept: Kept, source: Source, at: OffsetDateTime, most: usize) {
        let name = (kept.kind, kept.key);
        self.turn += 1;
        let before = self.places.remove(&name);
        if let Some(before) = &before {
            self.turns.remove(&before.turn);
        }
        // A poll tells who asks and no more; what an event told of them stays.
        let (text, source) = match &before {
            Some(before) if source == Source::Evalx && before.source == Source::Events => {
                (before.text.clone(), before.source)
            }
            _ => (kept.text, source),
        };
        let known = before.filter(|before| before.text == text && before.source == source);
        let place = match known {
            Some(known) if !known.fresh && at - known.at < AGAIN => Place { turn: self.turn, ..known },
            _ => Place { text, source, at, turn: self.turn, fresh: true },
        };
        self.turns.insert(self.turn, name.clone());
        self.places.insert(name, place);
        while self.places.len() > most {
            let Some((_, oldest)) = self.turns.pop_first() else { return };
            self.places.remove(&oldest);
        }
    }

    /// Takes what the database does not have yet; it stays here.
    pub fn take_fresh(&mut self, environment: Uuid, into: &mut Vec<SeenContext>) {
        for ((kind, key), place) in &mut self.places {
            if std::mem::take(&mut place.fresh) {
                into.push(seen(environment, kind, key, place));
            }
        }
    }

    /// All of them, in no order.
    pub fn all(&self, environment: Uuid) -> Vec<SeenContext> {
        self.places.iter().map(|((kind, key), place)| seen(environment, kind, key, place)).collect()
    }
}

fn seen(environment: Uuid, kind: &str, key: &str, place: &Place) -> SeenContext {
    SeenContext {
        environment,
        kind: kind.to_owned(),
        key: key.to_owned(),
        context: place.text.clone(),
        source: place.source.as_str().to_owned(),
        at: place.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: &str, text: &str) -> Kept {
        Kept { kind: "user".to_owned(), key: key.to_owned(), text: text.to_owned() }
    }

    fn keys(reservoir: &Reservoir) -> Vec<String> {
        let mut keys: Vec<String> = reservoir
            .all(Uuid::nil())
            .into_iter()
            .map(|seen| format!("{}{}", seen.key, seen.context))
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn the_newest_of_each_stays_and_the_one_not_seen_for_longest_goes() {
        let mut reservoir = Reservoir::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        for (key, text) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
            reservoir.keep(kept(key, text), Source::Events, now, 2);
        }
        assert_eq!(keys(&reservoir), ["a2", "c1"]);
    }

    #[test]
    fn what_is_seen_again_unchanged_is_told_once_a_minute() {
        let mut reservoir = Reservoir::default();
        let fresh = |reservoir: &mut Reservoir| {
            let mut out = Vec::new();
            reservoir.take_fresh(Uuid::nil(), &mut out);
            out.len()
        };
        let now = OffsetDateTime::UNIX_EPOCH;
        reservoir.keep(kept("a", "1"), Source::Events, now, 9);
        assert_eq!((fresh(&mut reservoir), fresh(&mut reservoir)), (1, 0));
        reservoir.keep(kept("a", "1"), Source::Events, now + time::Duration::seconds(59), 9);
        assert_eq!(fresh(&mut reservoir), 0);
        reservoir.keep(kept("a", "2"), Source::Events, now + time::Duration::seconds(59), 9);
        assert_eq!(fresh(&mut reservoir), 1);
        reservoir.keep(kept("a", "2"), Source::Events, now + time::Duration::seconds(119), 9);
        assert_eq!(fresh(&mut reservoir), 1);
    }
}
