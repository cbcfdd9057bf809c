//! How many connections there may be: all together, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::Limits;

/// Counts connections; a connection holds its [`Place`] as long as its socket is open.
#[derive(Debug, Default)]
pub struct Places {
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All connections together.
    Everywhere,
    /// Those of one address.
    Address,
}

impl Full {
    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Everywhere => "all",
            Self::Address => "address",
        }
    }
}

impl Places {
    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a place; `address` is none for the Unix socket.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn take(self: &Arc<Self>, address: Option<IpAddr>, limits: &Limits) -> Result<Place, Full> {
        let counted = address
            .map(|address| address.to_canonical())
            .filter(|address| !limits.uncounted.iter().any(|network| network.contains(*address)))
            .map(network);
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        // From here on the place gives back what it took, whichever way this ends.
        let mut place = Place { places: self.clone(), address: None };
        if before >= limits.max_connections {
            return Err(Full::Everywhere);
        }
        if let Some(address) = counted {
            let mut counts = held(&self.by_address);
            let count = counts.entry(address).or_default();
            if *count >= limits.max_connections_per_ip {
                return Err(Full::Address);
            }
            *count += 1;
            drop(counts);
            place.address = Some(address);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut counts = held(&self.places.by_address);
            if let Some(count) = counts.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&address);
                }
            }
        }
        self.places.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A site has at least a /64 of IPv6, so single addresses there count nothing.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::sources::Sources;

    fn limits(all: usize, one: usize) -> Limits {
        let places = crate::config::places::Places { config: "/".into(), data: "/".into(), runtime: None };
        let config = Config::load(&Sources { file: None, dotenv: vec![], env: vec![], places }).unwrap();
        Limits { max_connections: all, max_connections_per_ip: one, ..Limits::of(&config) }
    }

    #[test]
    fn an_address_gets_its_share_and_a_closed_connection_gives_its_place_back() {
        let (places, limits) = (Arc::new(Places::default()), limits(10, 2));
        let take = |text: &str| places.take(Some(text.parse().unwrap()), &limits);
        let first = take("192.0.2.1").unwrap();
        let _second = take("::ffff:192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1").unwrap_err(), Full::Address);
        assert!(take("192.0.2.2").is_ok());
        drop(first);
        assert!(take("192.0.2.1").is_ok());
        let _net = [take("2001:db8::1").unwrap(), take("2001:db8::ffff:2").unwrap()];
        assert_eq!(take("2001:db8::3").unwrap_err(), Full::Address);
        assert_eq!(places.open(), 3);
    }

    #[test]
    fn loopback_and_the_socket_are_counted_only_all_together() {
        let (places, limits) = (Arc::new(Places::default()), limits(3, 1));
        let local = Some("127.0.0.1".parse().unwrap());
        let _taken = [places.take(local, &limits), places.take(local, &limits), places.take(None, &limits)];
        assert_eq!(places.take(None, &limits).unwrap_err(), Full::Everywhere);
        assert_eq!(places.open(), 3);
    }
}
