//! Three-way merge: both sides' changes since a common base, or the places where they collide.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::diff::{is_indexed, present};
use super::identity::{Scheme, Shape, reordered, shape};
use super::pointer::Pointer;
use super::value::Json;

/// A place that both sides changed, each in its own way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// RFC 6901 pointer into `theirs`; of an element that `theirs` no longer holds, the last step is its
    /// index in `ours`, and in the base if `ours` does not hold it either.
    pub pointer: String,
    /// What stood there at first. Absent, not null, when nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub base: Option<Json>,
    /// What we want there. Absent when we took it out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub ours: Option<Json>,
    /// What stands there now. Absent when they took it out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub theirs: Option<Json>,
}

/// Applies to `theirs` (the current document) what `ours` changed since `base`.
///
/// - Objects are merged member by member, arrays of objects element by element (matched as
///   [`super::diff::diff`] matches them), arrays of distinct scalars as sets; other arrays are one value.
/// - `variations` are named by their index: there, only the content of elements is merged; when a side
///   adds, removes or moves one, the array is one value.
/// - The same change on both sides is no conflict. A change against a removal is one, and so is an
///   addition by both with different content.
/// - Order: that of `theirs`, or that of `ours` if only ours moved something; what the other side added
///   comes after its neighbour there, behind what this side added at the same place. Two new orders of
///   an array that differ are a conflict; two new orders of members are not, and theirs stands.
///
/// # Errors
/// Every place where the two collide, in the order of the document.
pub fn merge(base: &Json, ours: &Json, theirs: &Json) -> Result<Json, Vec<Conflict>> {
    let mut conflicts = Vec::new();
    let merged = settle(base, ours, theirs, |conflict| {
        conflicts.push(conflict.clone());
        Side::Theirs
    });
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

/// One of the three versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What stood there at first.
    Base,
    /// What we want there.
    Ours,
    /// What stands there now.
    Theirs,
}

/// As [`merge`], with a decision for every place where the two collide; asked in the order of the document.
pub fn settle(base: &Json, ours: &Json, theirs: &Json, mut decide: impl FnMut(&Conflict) -> Side) -> Json {
    let mut merger = Merger { path: Pointer::root(), decide: &mut decide };
    let merged = merger.slot(Three { base: Some(base), ours: Some(ours), theirs: Some(theirs) }, false);
    merged.unwrap_or_default()
}

/// One place in the three versions.
#[derive(Clone, Copy)]
struct Three<'a> {
    base: Option<&'a Json>,
    ours: Option<&'a Json>,
    theirs: Option<&'a Json>,
}

/// The keys of a container in its three versions.
struct Keys<'a, K> {
    base: &'a [K],
    ours: &'a [K],
    theirs: &'a [K],
}

struct Merger<'d> {
    path: Pointer,
    decide: &'d mut dyn FnMut(&Conflict) -> Side,
}

impl Merger<'_> {
    /// The merged value, `None` when it is to be absent; in a conflict what was decided.
    fn slot(&mut self, place: Three<'_>, indexed: bool) -> Option<Json> {
        let Three { base, ours, theirs } = place;
        if ours == theirs || ours == base {
            return theirs.cloned();
        }
        if theirs == base {
            return ours.cloned();
        }
        match (base, ours, theirs) {
            (Some(Json::Object(b)), Some(Json::Object(o)), Some(Json::Object(t))) => {
                Some(self.object(b, o, t))
            }
            (Some(Json::Array(b)), Some(Json::Array(o)), Some(Json::Array(t))) => {
                match self.array(b, o, t, indexed) {
                    Some(merged) => Some(Json::Array(merged)),
                    None => self.conflict(place),
                }
            }
            _ => self.conflict(place),
        }
    }

    fn conflict(&mut self, place: Three<'_>) -> Option<Json> {
        let conflict = Conflict {
            pointer: self.path.as_str().to_owned(),
            base: place.base.cloned(),
            ours: place.ours.cloned(),
            theirs: place.theirs.cloned(),
        };
        match (self.decide)(&conflict) {
            Side::Base => conflict.base,
            Side::Ours => conflict.ours,
            Side::Theirs => conflict.theirs,
        }
    }

    fn object(
        &mut self,
        base: &[(String, Json)],
        ours: &[(String, Json)],
        theirs: &[(String, Json)],
    ) -> Json {
        fn names(members: &[(String, Json)]) -> Vec<&str> {
            members.iter().map(|(name, _)| name.as_str()).collect()
        }
        fn index(members: &[(String, Json)]) -> HashMap<&str, &Json> {
            members.iter().map(|(name, value)| (name.as_str(), value)).collect()
        }
        let (b, o, t) = (index(base), index(ours), index(theirs));
        let (base, ours, theirs) = (names(base), names(ours), names(theirs));
        let mut merged: HashMap<&str, Json> = HashMap::new();
        for name in union(&theirs, &ours, &base) {
            let place = Three {
                base: b.get(name).copied(),
                ours: o.get(name).copied(),
                theirs: t.get(name).copied(),
            };
            self.path.push(name);
            if let Some(value) = self.slot(place, is_indexed(name)) {
                merged.insert(name, value);
            }
            self.path.pop();
        }
        let keys = Keys { base: &base, ours: &ours, theirs: &theirs };
        let (order, _) = arrange(&keys, |name| merged.contains_key(name));
        order.into_iter().filter_map(|name| merged.remove(name).map(|value| (*name, value))).collect()
    }

    /// The merged elements; `None` when the array as a whole is in conflict.
    fn array(&mut self, base: &[Json], ours: &[Json], theirs: &[Json], indexed: bool) -> Option<Vec<Json>> {
        match shape(&[base, ours, theirs]) {
            Shape::Set if !indexed => set(base, ours, theirs),
            Shape::ById(scheme) => self.by_id(scheme, base, ours, theirs, indexed),
            _ => None,
        }
    }

    fn by_id(
        &mut self,
        scheme: Scheme,
        base: &[Json],
        ours: &[Json],
        theirs: &[Json],
        indexed: bool,
    ) -> Option<Vec<Json>> {
        fn index<'a>(ids: &'a [Json], array: &'a [Json]) -> HashMap<&'a Json, (usize, &'a Json)> {
            ids.iter().zip(array.iter().enumerate()).collect()
        }
        let (base_ids, our_ids, their_ids) =
            (scheme.identities(base)?, scheme.identities(ours)?, scheme.identities(theirs)?);
        if indexed && (base_ids != our_ids || base_ids != their_ids) {
            return None;
        }
        let (b, o, t) = (index(&base_ids, base), index(&our_ids, ours), index(&their_ids, theirs));
        let mut merged: HashMap<&Json, Json> = HashMap::new();
        for id in union(&their_ids, &our_ids, &base_ids) {
            let (in_base, in_ours, in_theirs) = (b.get(id), o.get(id), t.get(id));
            let at = in_theirs.or(in_ours).or(in_base).map_or(0, |(at, _)| *at);
            let place = Three {
                base: in_base.map(|(_, value)| *value),
                ours: in_ours.map(|(_, value)| *value),
                theirs: in_theirs.map(|(_, value)| *value),
            };
            self.path.push(&at.to_string());
            if let Some(value) = self.slot(place, false) {
                merged.insert(id, value);
            }
            self.path.pop();
        }
        let keys = Keys { base: &base_ids, ours: &our_ids, theirs: &their_ids };
        let (order, clash) = arrange(&keys, |id| merged.contains_key(id));
        (!clash).then(|| order.into_iter().filter_map(|id| merged.remove(id)).collect())
    }
}

/// Merges sets whose order is kept.
fn set(base: &[Json], ours: &[Json], theirs: &[Json]) -> Option<Vec<Json>> {
    let (b, o, t): (HashSet<&Json>, HashSet<&Json>, HashSet<&Json>) =
        (base.iter().collect(), ours.iter().collect(), theirs.iter().collect());
    let keys = Keys { base, ours, theirs };
    let (order, clash) =
        arrange(&keys, |value| if b.contains(value) { o.contains(value) && t.contains(value) } else { true });
    (!clash).then(|| order.into_iter().cloned().collect())
}

/// Every key once: those of the first, then what the others add.
fn union<'a, K: Hash + Eq>(first: &'a [K], second: &'a [K], third: &'a [K]) -> Vec<&'a K> {
    let mut seen = HashSet::new();
    first.iter().chain(second).chain(third).filter(|key| seen.insert(*key)).collect()
}

/// The order of the keys that are kept, and whether both sides made a new order, each its own.
fn arrange<'a, K: Hash + Eq>(keys: &Keys<'a, K>, kept: impl Fn(&K) -> bool) -> (Vec<&'a K>, bool) {
    let we_moved = reordered(keys.base, keys.ours, &kept);
    let they_moved = reordered(keys.base, keys.theirs, &kept);
    let clash = we_moved && they_moved && reordered(keys.ours, keys.theirs, &kept);
    let (main, other) =
        if we_moved && !they_moved { (keys.ours, keys.theirs) } else { (keys.theirs, keys.ours) };

    let in_main: HashSet<&K> = main.iter().filter(|key| kept(key)).collect();
    let in_other: HashSet<&K> = other.iter().collect();
    // What only the other side has, filed under the neighbour before it (none: the beginning).
    let mut behind: HashMap<Option<&K>, Vec<&'a K>> = HashMap::new();
    let mut neighbour = None;
    for key in other.iter().filter(|key| kept(key)) {
        if in_main.contains(key) {
            neighbour = Some(key);
        } else {
            behind.entry(neighbour).or_default().push(key);
        }
    }

    let mut order = Vec::with_capacity(main.len());
    let mut waiting = behind.remove(&None).unwrap_or_default();
    for key in main.iter().filter(|key| kept(key)) {
        // A run of the main side's own additions is not torn apart.
        if in_other.contains(key) {
            order.append(&mut waiting);
        }
        order.push(key);
        waiting.append(&mut behind.remove(&Some(key)).unwrap_or_default());
    }
    order.append(&mut waiting);
    (order, clash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn merged(base: &str, ours: &str, theirs: &str) -> Result<String, Vec<String>> {
        merge(&parse(base).unwrap(), &parse(ours).unwrap(), &parse(theirs).unwrap())
            .map(|json| json.to_text())
            .map_err(|conflicts| conflicts.into_iter().map(|c| c.pointer).collect())
    }

    fn fine(base: &str, ours: &str, theirs: &str, expected: &str) {
        assert_eq!(merged(base, ours, theirs).as_deref(), Ok(expected), "{base} | {ours} | {theirs}");
    }

    fn clash(base: &str, ours: &str, theirs: &str, pointers: &[&str]) {
        assert_eq!(merged(base, ours, theirs).unwrap_err(), pointers, "{base} | {ours} | {theirs}");
    }

    #[test]
    fn members_changed_by_one_side_each_are_both_kept() {
        fine(
            r#"{"on":true,"off":1,"gone":0,"deep":{"a":1,"b":1}}"#,
            r#"{"on":false,"off":1,"deep":{"a":1.0,"b":1},"ours":1}"#,
            r#"{"new":0,"on":true,"off":2,"gone":0,"deep":{"a":1,"b":2},"theirs":1}"#,
            r#"{"new":0,"on":false,"off":2,"deep":{"a":1.0,"b":2},"theirs":1,"ours":1}"#,
        );
    }

    #[test]
    fn the_same_change_twice_is_no_conflict() {
        fine(
            r#"{"a":1,"b":1,"c":1}"#,
            r#"{"a":2,"c":1,"d":4,"x":0}"#,
            r#"{"a":2,"c":3,"d":4}"#,
            r#"{"a":2,"c":3,"d":4,"x":0}"#,
        );
    }

    #[test]
    fn every_collision_is_named() {
        clash(
            r#"{"a":1,"b":{"c":1,"d":1},"e":1,"f":[1,1]}"#,
            r#"{"a":2,"b":{"c":2,"d":1},"g":1,"f":[1,2]}"#,
            r#"{"a":3,"b":{"c":1,"d":2},"e":2,"g":2,"f":[2,1]}"#,
            &["/a", "/e", "/g", "/f"],
        );
    }

    #[test]
    fn a_collision_shows_the_three_values() {
        let [base, ours, theirs] = [r#"{"a":null}"#, "{}", r#"{"a":1}"#].map(|text| parse(text).unwrap());
        let conflicts = merge(&base, &ours, &theirs).unwrap_err();
        let text = serde_json::to_string(&conflicts).unwrap();
        assert_eq!(text, r#"[{"pointer":"/a","base":null,"theirs":1}]"#);
        assert_eq!(serde_json::from_str::<Vec<Conflict>>(&text).unwrap(), conflicts);
    }

    #[test]
    fn a_decision_settles_its_place_and_the_rest_is_merged() {
        let [base, ours, theirs] = [
            r#"{"r":[{"id":1,"v":0},{"id":2}],"a":1,"b":1}"#,
            r#"{"r":[{"id":1,"v":1},{"id":2}],"a":2,"b":1,"o":0}"#,
            r#"{"r":[{"id":2},{"id":1,"v":2}],"a":3,"b":4}"#,
        ]
        .map(|text| parse(text).unwrap());
        let decided = |side: Side| settle(&base, &ours, &theirs, |_| side).to_text();
        assert_eq!(decided(Side::Ours), r#"{"r":[{"id":2},{"id":1,"v":1}],"a":2,"b":4,"o":0}"#);
        assert_eq!(decided(Side::Theirs), r#"{"r":[{"id":2},{"id":1,"v":2}],"a":3,"b":4,"o":0}"#);
        assert_eq!(decided(Side::Base), r#"{"r":[{"id":2},{"id":1,"v":0}],"a":1,"b":4,"o":0}"#);
    }

    #[test]
    fn rules_are_merged_by_their_id() {
        let base = r#"[{"id":"a","v":1},{"id":"b","v":1},{"id":"c","v":1}]"#;
        fine(
            base,
            r#"[{"id":"a","v":2},{"id":"o","v":0},{"id":"b","v":1},{"id":"c","v":1}]"#,
            r#"[{"id":"t","v":0},{"id":"a","v":1},{"id":"u","v":0},{"id":"c","v":3}]"#,
            r#"[{"id":"t","v":0},{"id":"a","v":2},{"id":"u","v":0},{"id":"o","v":0},{"id":"c","v":3}]"#,
        );
        clash(
            base,
            r#"[{"id":"a","v":2},{"id":"b","v":1}]"#,
            r#"[{"id":"b","v":1},{"id":"c","v":9}]"#,
            &["/1", "/0"],
        );
        clash("[]", r#"[{"id":"a","v":2}]"#, r#"[{"id":"b"},{"id":"a","v":3}]"#, &["/1"]);
        clash(base, r#"[{"id":"a","v":2}]"#, r#"[{"id":"a","v":3}]"#, &["/0/v"]);
    }

    #[test]
    fn one_new_order_is_taken_and_two_collide() {
        let base = r#"{"r":[{"id":1},{"id":2},{"id":3}]}"#;
        let ours = r#"{"r":[{"id":3},{"id":1},{"id":2}]}"#;
        fine(
            base,
            ours,
            r#"{"r":[{"id":1,"x":1},{"id":2},{"id":9},{"id":3}]}"#,
            r#"{"r":[{"id":3},{"id":1,"x":1},{"id":2},{"id":9}]}"#,
        );
        fine(base, r#"{"r":[{"id":2},{"id":3}]}"#, ours, r#"{"r":[{"id":3},{"id":2}]}"#);
        clash(base, ours, r#"{"r":[{"id":2},{"id":1},{"id":3}]}"#, &["/r"]);
        fine(
            r#"{"a":1,"b":1,"c":1}"#,
            r#"{"c":1,"a":1,"b":1}"#,
            r#"{"b":1,"a":1,"c":1}"#,
            r#"{"b":1,"a":1,"c":1}"#,
        );
    }

    #[test]
    fn target_values_are_merged_as_sets() {
        fine(
            r#"[{"variation":0,"values":["a","b","c"]}]"#,
            r#"[{"variation":0,"values":["a","x","c","y"]}]"#,
            r#"[{"variation":0,"values":["b","c","z","y"]},{"variation":1,"values":["q"]}]"#,
            r#"[{"variation":0,"values":["x","c","z","y"]},{"variation":1,"values":["q"]}]"#,
        );
        clash(r#"["a","b","c"]"#, r#"["b","a","c"]"#, r#"["c","b","a"]"#, &[""]);
    }

    #[test]
    fn rollouts_and_repeated_values_are_one_value() {
        let weights =
            |a: u32, b: u32| format!(r#"[{{"variation":0,"weight":{a}}},{{"variation":1,"weight":{b}}}]"#);
        clash(&weights(50, 50), &weights(60, 50), &weights(50, 40), &[""]);
        clash("[1,1]", "[1,2]", "[2,1]", &[""]);
    }

    #[test]
    fn variations_never_change_their_index_by_a_merge() {
        clash(
            r#"{"variations":["a"]}"#,
            r#"{"variations":["a","b"]}"#,
            r#"{"variations":["a","c"]}"#,
            &["/variations"],
        );
        let with = |first: &str, second: &str| {
            format!(r#"{{"variations":[{{"_id":"x","name":"{first}"}},{{"_id":"y","name":"{second}"}}]}}"#)
        };
        fine(&with("a", "b"), &with("A", "b"), &with("a", "B"), &with("A", "B"));
        clash(
            &with("a", "b"),
            &with("A", "b"),
            r#"{"variations":[{"_id":"y","name":"b"}]}"#,
            &["/variations"],
        );
    }
}
