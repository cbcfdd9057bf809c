//! Which payloads of events were taken already: SDKs send some of them twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

/// How long one is remembered: an SDK tries once more after a second.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The most that are remembered.
const MOST: usize = 20_000;
/// The longest name, in bytes; SDKs send UUIDs. What has a longer one is not told apart.
const LONGEST: usize = 100;

type Name = (Uuid, Box<str>);

#[derive(Debug, Default)]
struct Known {
    names: HashSet<Name>,
    order: VecDeque<(Duration, Name)>,
}

/// The payloads that were taken lately.
#[derive(Debug, Default)]
pub struct Payloads(Mutex<Known>);

impl Payloads {
    /// Whether a payload of an environment comes for the first time; `now` is monotonic.
    pub fn is_first(&self, environment: Uuid, name: &str, now: Duration) -> bool {
        if name.is_empty() || name.len() > LONGEST {
            return true;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while known.order.len() >= MOST
            || known.order.front().is_some_and(|(at, _)| now.saturating_sub(*at) > REMEMBERED)
        {
            let Some((_, oldest)) = known.order.pop_front() else { break };
            known.names.remove(&oldest);
        }
        let name: Name = (environment, name.into());
        let first = known.names.insert(name.clone());
        if first {
            known.order.push_back((now, name));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_known_again_for_a_while_and_in_its_environment() {
        let payloads = Payloads::default();
        let (here, there) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = Duration::from_secs;
        assert!(payloads.is_first(here, "a", at(0)));
        assert!(!payloads.is_first(here, "a", at(600)));
        assert!(payloads.is_first(there, "a", at(600)));
        assert!(payloads.is_first(here, "a", at(601)));
        let nameless = [payloads.is_first(here, "", at(601)), payloads.is_first(here, "", at(601))];
        assert_eq!(nameless, [true, true]);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let payloads = Payloads::default();
        for number in 0..=MOST {
            assert!(payloads.is_first(Uuid::nil(), &number.to_string(), Duration::ZERO));
        }
        assert!(payloads.is_first(Uuid::nil(), "0", Duration::ZERO), "the oldest is forgotten");
        assert!(!payloads.is_first(Uuid::nil(), &MOST.to_string(), Duration::ZERO));
        assert!(payloads.0.lock().unwrap().names.len() <= MOST);
    }
}
