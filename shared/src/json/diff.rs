//! What differs between two versions of a document, place by place.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Deserializer, Serialize};

use super::identity::{Shape, is_scalar, positions, reordered, shape};
use super::pointer::Pointer;
use super::value::Json;

/// What happened at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Op {
    /// A value that was not there; only `after`.
    Add,
    /// A value that is gone; only `before`.
    Remove,
    /// Another value at the same place; `before` and `after`.
    Replace,
    /// The same members or elements in another order. `before` and `after` are arrays of what stands
    /// in both versions: names of members, identities of elements, or the scalars themselves.
    Reorder,
}

/// One difference between two versions of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// RFC 6901 pointer: into the later version, but of a removal into the earlier one.
    pub path: String,
    /// What happened there.
    pub op: Op,
    /// What stood there before. Absent, not null, when nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub before: Option<Json>,
    /// What stands there now. Absent, not null, when nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub after: Option<Json>,
}

/// Reads a member that is there: `null` is a value, absence is `None`.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// The differences between two versions, in the order of the document: at each place what went or
/// changed, then what came, then a new order. Empty exactly when both are equal, text of numbers and
/// order of members included.
///
/// Objects in arrays are matched by `id`, `_id` or `key`, individual targets by context kind and
/// variation; distinct scalars by their value (save in `variations`, where the index is the name);
/// everything else by position.
pub fn diff(before: &Json, after: &Json) -> Vec<Change> {
    let mut differ = Differ { old: Pointer::root(), new: Pointer::root(), changes: Vec::new() };
    differ.value(before, after, false);
    differ.changes
}

struct Differ {
    /// The place in the earlier version, and in the later one: an element may have moved.
    old: Pointer,
    new: Pointer,
    changes: Vec<Change>,
}

impl Differ {
    fn push(&mut self, op: Op, before: Option<Json>, after: Option<Json>) {
        let path = if op == Op::Remove { &self.old } else { &self.new };
        self.changes.push(Change { path: path.as_str().to_owned(), op, before, after });
    }

    fn at(&mut self, old: &str, new: &str, step: impl FnOnce(&mut Self)) {
        self.old.push(old);
        self.new.push(new);
        step(self);
        self.old.pop();
        self.new.pop();
    }

    fn element(&mut self, old: usize, new: usize, step: impl FnOnce(&mut Self)) {
        self.at(&old.to_string(), &new.to_string(), step);
    }

    fn value(&mut self, before: &Json, after: &Json, indexed: bool) {
        match (before, after) {
            (Json::Object(a), Json::Object(b)) => self.object(a, b),
            (Json::Array(a), Json::Array(b)) => self.array(a, b, indexed),
            _ if before == after => {}
            _ => self.push(Op::Replace, Some(before.clone()), Some(after.clone())),
        }
    }

    fn object(&mut self, before: &[(String, Json)], after: &[(String, Json)]) {
        let old: HashMap<&str, &Json> = before.iter().map(|(k, v)| (k.as_str(), v)).collect();
        let new: HashMap<&str, &Json> = after.iter().map(|(k, v)| (k.as_str(), v)).collect();
        for (name, was) in before {
            self.at(name, name, |differ| match new.get(name.as_str()) {
                Some(is) => differ.value(was, is, is_indexed(name)),
                None => differ.push(Op::Remove, Some(was.clone()), None),
            });
        }
        for (name, is) in after.iter().filter(|(name, _)| !old.contains_key(name.as_str())) {
            self.at(name, name, |differ| differ.push(Op::Add, None, Some(is.clone())));
        }
        let names = |members: &[(String, Json)]| -> Vec<Json> {
            members.iter().map(|(name, _)| Json::String(name.clone())).collect()
        };
        self.order(&names(before), &names(after));
    }

    fn array(&mut self, before: &[Json], after: &[Json], indexed: bool) {
        match shape(&[before, after]) {
            Shape::Set if !indexed => self.matched(before, after, before, after),
            Shape::ById(scheme) => match (scheme.identities(before), scheme.identities(after)) {
                (Some(old), Some(new)) => self.matched(before, after, &old, &new),
                _ => self.by_position(before, after),
            },
            _ => self.by_position(before, after),
        }
    }

    fn matched(&mut self, before: &[Json], after: &[Json], old_ids: &[Json], new_ids: &[Json]) {
        let (old, new) = (positions(old_ids), positions(new_ids));
        for (index, (was, id)) in before.iter().zip(old_ids).enumerate() {
            match new.get(id).and_then(|&at| after.get(at).map(|is| (at, is))) {
                Some((at, is)) => self.element(index, at, |differ| differ.value(was, is, false)),
                None => self.element(index, index, |differ| differ.push(Op::Remove, Some(was.clone()), None)),
            }
        }
        let added = after.iter().zip(new_ids).enumerate().filter(|(_, (_, id))| !old.contains_key(id));
        for (index, (is, _)) in added {
            self.element(index, index, |differ| differ.push(Op::Add, None, Some(is.clone())));
        }
        self.order(old_ids, new_ids);
    }

    fn by_position(&mut self, before: &[Json], after: &[Json]) {
        for index in 0..before.len().max(after.len()) {
            self.element(index, index, |differ| match (before.get(index), after.get(index)) {
                (Some(was), Some(is)) => differ.value(was, is, false),
                (was, is) => {
                    let op = if was.is_some() { Op::Remove } else { Op::Add };
                    differ.push(op, was.cloned(), is.cloned());
                }
            });
        }
    }

    fn order(&mut self, before: &[Json], after: &[Json]) {
        if !reordered(before, after, |_| true) {
            return;
        }
        let common = |keys: &[Json], others: &[Json]| -> Vec<Json> {
            let others: HashSet<&Json> = others.iter().collect();
            keys.iter().filter(|key| others.contains(key)).cloned().collect()
        };
        let (was, is) = (common(before, after), common(after, before));
        debug_assert!(was.iter().all(is_scalar));
        self.push(Op::Reorder, Some(Json::Array(was)), Some(Json::Array(is)));
    }
}

/// Whether the elements of the array in this member are named by their index: rules, targets and
/// rollouts say `"variation": 2`, so a variation that moves is another variation.
pub(super) fn is_indexed(member: &str) -> bool {
    member == "variations"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn said(before: &str, after: &str) -> Vec<String> {
        let text = |value: &Option<Json>| value.as_ref().map_or_else(String::new, Json::to_text);
        diff(&parse(before).unwrap(), &parse(after).unwrap())
            .iter()
            .map(|c| format!("{:?} {} {} > {}", c.op, c.path, text(&c.before), text(&c.after)))
            .collect()
    }

    #[test]
    fn members_that_go_change_and_come_are_named_in_that_order() {
        assert_eq!(
            said(r#"{"a":1,"b":2,"c/d":{"x":[]}}"#, r#"{"b":3,"c/d":{"x":{}},"e":null}"#),
            ["Remove /a 1 > ", "Replace /b 2 > 3", "Replace /c~1d/x [] > {}", "Add /e  > null"]
        );
    }

    #[test]
    fn another_text_of_the_same_number_is_a_change() {
        assert_eq!(said("1", "1.0"), ["Replace  1 > 1.0"]);
        assert_eq!(said("[1,2]", "[1.0,2]"), ["Remove /0 1 > ", "Add /0  > 1.0"]);
    }

    #[test]
    fn objects_are_matched_by_their_id_wherever_they_stand() {
        let before = r#"{"rules":[{"id":"a","on":true},{"id":"b","on":true},{"id":"c"}]}"#;
        let after = r#"{"rules":[{"id":"b","on":false},{"id":"a","on":true},{"id":"d"}]}"#;
        assert_eq!(
            said(before, after),
            [
                "Replace /rules/0/on true > false",
                r#"Remove /rules/2 {"id":"c"} > "#,
                r#"Add /rules/2  > {"id":"d"}"#,
                r#"Reorder /rules ["a","b"] > ["b","a"]"#,
            ]
        );
    }

    #[test]
    fn targets_are_matched_by_kind_and_variation_and_their_values_are_a_set() {
        let before =
            r#"[{"variation":0,"values":["x","y"]},{"contextKind":"org","variation":0,"values":[]}]"#;
        let after =
            r#"[{"contextKind":"org","variation":0,"values":["o"]},{"variation":0,"values":["y","z"]}]"#;
        assert_eq!(
            said(before, after),
            [
                r#"Remove /0/values/0 "x" > "#,
                r#"Add /1/values/1  > "z""#,
                r#"Add /0/values/0  > "o""#,
                r#"Reorder  ["user/0","org/0"] > ["org/0","user/0"]"#,
            ]
        );
    }

    #[test]
    fn repeated_scalars_doubled_ids_and_variations_go_by_position() {
        assert_eq!(said("[1,1,2]", "[1,2]"), ["Replace /1 1 > 2", "Remove /2 2 > "]);
        assert_eq!(
            said(r#"[{"id":1,"v":1},{"id":1,"v":2}]"#, r#"[{"id":1,"v":1},{"id":1,"v":3}]"#),
            ["Replace /1/v 2 > 3"]
        );
        assert_eq!(
            said(r#"{"variations":["a","b"]}"#, r#"{"variations":["b","a"]}"#),
            [r#"Replace /variations/0 "a" > "b""#, r#"Replace /variations/1 "b" > "a""#]
        );
    }

    #[test]
    fn an_order_of_members_or_of_values_is_told() {
        assert_eq!(said(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#), [r#"Reorder  ["a","b"] > ["b","a"]"#]);
        assert_eq!(
            said(r#"["a","b"]"#, r#"["b","c","a"]"#),
            [r#"Add /1  > "c""#, r#"Reorder  ["a","b"] > ["b","a"]"#]
        );
    }

    #[test]
    fn a_null_that_went_is_not_an_absence_on_the_wire() {
        let change = diff(&parse(r#"{"a":null}"#).unwrap(), &parse("{}").unwrap());
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(text, r#"[{"path":"/a","op":"remove","before":null}]"#);
        assert_eq!(serde_json::from_str::<Vec<Change>>(&text).unwrap(), change);
    }
}
