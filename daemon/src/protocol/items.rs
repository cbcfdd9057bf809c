//! Flags and segments on their way to clients, in the order in which those take them.

use std::collections::HashMap;

use shared::json::Json;
use shared::targeting;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A segment.
    Segment,
    /// A flag.
    Flag,
}

impl Kind {
    /// The name in paths of the first protocol.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Segment => "segments",
            Self::Flag => "flags",
        }
    }

    /// The name in the second protocol.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Flag => "flag",
        }
    }
}

/// What became of a flag or segment.
#[derive(Clone, Copy, Debug)]
pub struct Item<'d> {
    /// What it is.
    pub kind: Kind,
    /// Its key.
    pub key: &'d str,
    /// Its document, or the version in which it is gone.
    pub became: Became<'d>,
}

/// The document of an item, or that there is none any more.
#[derive(Clone, Copy, Debug)]
pub enum Became<'d> {
    /// It is new or changed.
    Document(&'d Json),
    /// It is gone; the version is higher than any that was told of it.
    Gone(i64),
}

impl<'d> Item<'d> {
    /// A new or changed item.
    pub const fn put(kind: Kind, key: &'d str, document: &'d Json) -> Self {
        Self { kind, key, became: Became::Document(document) }
    }

    /// An item that is gone.
    pub const fn gone(kind: Kind, key: &'d str, version: i64) -> Self {
        Self { kind, key, became: Became::Gone(version) }
    }

    /// The document, where there is one.
    pub const fn document(&self) -> Option<&'d Json> {
        match self.became {
            Became::Document(document) => Some(document),
            Became::Gone(_) => None,
        }
    }
}

/// Items in the order in which no client ever rests on what it was not told: documents before what rests on
/// them (segments before flags, prerequisites before dependants), and what is gone at the end, in the
/// opposite order.
pub fn sorted(items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    let (mut there, mut gone): (Vec<_>, Vec<_>) = items.into_iter().partition(|i| i.document().is_some());
    gone.sort_by_key(|item| std::cmp::Reverse(item.kind));
    there.sort_by_key(|item| item.kind);
    let places: HashMap<(Kind, &str), usize> =
        there.iter().enumerate().map(|(place, item)| ((item.kind, item.key), place)).collect();
    let rests: Vec<Vec<usize>> = there.iter().map(|item| rests_on(item, &places)).collect();
    if rests.iter().all(Vec::is_empty) {
        there.extend(gone);
        return there;
    }
    let mut order = Vec::with_capacity(there.len() + gone.len());
    let mut seen = vec![false; there.len()];
    // Without recursion: a chain of prerequisites is as long as its author makes it.
    for start in 0..there.len() {
        let mut path = vec![(start, 0)];
        while let Some((place, next)) = path.pop() {
            if next == 0 {
                // A circle ends here; none is stored, and none would hang us.
                if seen.get(place).copied().unwrap_or(true) {
                    continue;
                }
                if let Some(seen) = seen.get_mut(place) {
                    *seen = true;
                }
            }
            match rests.get(place).and_then(|rests| rests.get(next)) {
                Some(below) => {
                    path.push((place, next + 1));
                    path.push((*below, 0));
                }
                None => order.extend(there.get(place).copied()),
            }
        }
    }
    order.extend(gone);
    order
}

/// The places of what an item rests on, among the changed ones.
fn rests_on(item: &Item<'_>, places: &HashMap<(Kind, &str), usize>) -> Vec<usize> {
    let Some(document) = item.document() else { return Vec::new() };
    let flags = if item.kind == Kind::Flag { targeting::prerequisite_keys(document) } else { Vec::new() };
    // Flags come after segments anyway.
    let segments = if item.kind == Kind::Segment { targeting::segment_keys(document) } else { Vec::new() };
    let of = |kind| move |key: String| places.get(&(kind, key.as_str())).copied();
    flags
        .into_iter()
        .filter_map(of(Kind::Flag))
        .chain(segments.into_iter().filter_map(of(Kind::Segment)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(on: &[&str]) -> Json {
        let prerequisites = on.iter().map(|key| format!(r#"{{"key":"{key}","variation":0}}"#));
        let text = format!(r#"{{"prerequisites":[{}]}}"#, prerequisites.collect::<Vec<_>>().join(","));
        shared::json::parse(&text).unwrap()
    }

    fn segment(on: &str) -> Json {
        let text = format!(r#"{{"rules":[{{"clauses":[{{"op":"segmentMatch","values":["{on}"]}}]}}]}}"#);
        shared::json::parse(&text).unwrap()
    }

    #[test]
    fn what_others_rest_on_comes_first_and_what_is_gone_last() {
        let (a, b, c) = (flag(&["b", "c", "unchanged"]), flag(&["c"]), flag(&[]));
        let (s, t) = (segment("t"), segment("none"));
        let items = vec![
            Item::gone(Kind::Segment, "old", 9),
            Item::put(Kind::Flag, "a", &a),
            Item::put(Kind::Flag, "b", &b),
            Item::put(Kind::Segment, "s", &s),
            Item::gone(Kind::Flag, "older", 9),
            Item::put(Kind::Flag, "c", &c),
            Item::put(Kind::Segment, "t", &t),
        ];
        let order: Vec<&str> = sorted(items).iter().map(|item| item.key).collect();
        assert_eq!(order, ["t", "s", "c", "b", "a", "older", "old"]);
    }

    #[test]
    fn a_circle_and_a_long_chain_end() {
        let (a, b) = (flag(&["b"]), flag(&["a"]));
        let circle = vec![Item::put(Kind::Flag, "a", &a), Item::put(Kind::Flag, "b", &b)];
        assert_eq!(sorted(circle).len(), 2);
        let documents: Vec<(String, Json)> =
            (0..50_000).map(|n| (format!("f{n}"), flag(&[&format!("f{}", n + 1)]))).collect();
        let chain = documents.iter().map(|(key, document)| Item::put(Kind::Flag, key, document)).collect();
        assert_eq!(sorted(chain).first().map(|item| item.key), Some("f49999"));
    }
}
