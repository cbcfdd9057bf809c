//! Which element of one array is which element of another version of it.

use std::collections::{HashMap, HashSet};

use super::value::Json;

/// How the elements of versions of an array are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Objects with an identity that no two elements of a version share.
    ById(Scheme),
    /// Scalars of which no two in a version are equal: the value is the identity.
    Set,
    /// Anything else: only the position says which is which.
    Position,
}

/// What makes the identity of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A member with a string or a number: `id`, `_id` or `key`.
    Member(&'static str),
    /// An individual target (`variation` and `values`): its context kind and its variation.
    Target,
}

const SCHEMES: [Scheme; 4] =
    [Scheme::Member("id"), Scheme::Member("_id"), Scheme::Member("key"), Scheme::Target];

impl Scheme {
    /// The identity of one element, if it has one by this scheme.
    pub(super) fn identity(self, element: &Json) -> Option<Json> {
        match self {
            Self::Member(name) => {
                element.get(name).filter(|id| matches!(id, Json::String(_) | Json::Number(_))).cloned()
            }
            Self::Target => {
                element.get("values")?.as_array()?;
                let variation = element.get("variation")?;
                // A target that names no kind is one of users.
                let kind = match element.get("contextKind") {
                    None => "user",
                    Some(kind) => kind.as_str()?,
                };
                matches!(variation, Json::Number(_) | Json::String(_))
                    .then(|| Json::String(format!("{kind}/{}", variation.to_text())))
            }
        }
    }

    /// The identities of an array, if each element has its own.
    pub(super) fn identities(self, array: &[Json]) -> Option<Vec<Json>> {
        let ids: Vec<Json> = array.iter().map(|element| self.identity(element)).collect::<Option<_>>()?;
        all_distinct(&ids).then_some(ids)
    }
}

/// How to match the elements of these versions of one array.
pub(super) fn shape(versions: &[&[Json]]) -> Shape {
    if versions.iter().all(|array| array.iter().all(is_scalar) && all_distinct(array)) {
        return Shape::Set;
    }
    SCHEMES
        .into_iter()
        .find(|scheme| versions.iter().all(|array| scheme.identities(array).is_some()))
        .map_or(Shape::Position, Shape::ById)
}

/// Whether a value holds no others.
pub(super) const fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// Where each key of a sequence stands.
pub(super) fn positions<K: std::hash::Hash + Eq>(keys: &[K]) -> HashMap<&K, usize> {
    keys.iter().enumerate().map(|(at, key)| (key, at)).collect()
}

/// Whether the keys that stand in both sequences, and that count, stand in another order.
pub(super) fn reordered<K: std::hash::Hash + Eq>(a: &[K], b: &[K], counts: impl Fn(&K) -> bool) -> bool {
    let in_b = positions(b);
    let places: Vec<usize> =
        a.iter().filter(|key| counts(key)).filter_map(|key| in_b.get(key).copied()).collect();
    !places.is_sorted()
}

fn all_distinct(items: &[Json]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(item))
}
