//! Which other flags and segments a document leans on.

use std::collections::HashSet;

use crate::json::Json;

/// The keys of the flags that a flag's document names as prerequisites, in order, each once.
pub fn prerequisite_keys(document: &Json) -> Vec<String> {
    once(items(document, "prerequisites").iter().filter_map(|prerequisite| prerequisite.get("key")))
}

/// The keys of the segments that a flag's or a segment's document names in its clauses, each once.
pub fn segment_keys(document: &Json) -> Vec<String> {
    let clauses = items(document, "rules").iter().flat_map(|rule| items(rule, "clauses"));
    let matching = clauses.filter(|clause| clause.get("op").and_then(Json::as_str) == Some("segmentMatch"));
    once(matching.flat_map(|clause| items(clause, "values")))
}

fn items<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    json.get(name).and_then(Json::as_array).unwrap_or_default()
}

fn once<'j>(keys: impl Iterator<Item = &'j Json>) -> Vec<String> {
    let mut seen = HashSet::new();
    keys.filter_map(Json::as_str).filter(|key| seen.insert(*key)).map(str::to_owned).collect()
}
