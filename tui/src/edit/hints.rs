//! What a JSON Schema says about the place of the cursor. Only for hints: the daemon judges.

use super::insert::members;
use shared::json::{Json, Pointer, locate, pointer_at, pretty};

/// How many references and alternatives are followed.
const DEEPEST: usize = 12;

/// A member that may stand beside the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowed {
    /// Its name.
    pub key: String,
    /// What it is, in a few words.
    pub kind: String,
    /// Whether the text has it.
    pub set: bool,
    /// Whether it has to be there.
    pub required: bool,
    /// What to begin with.
    pub start: Json,
}

/// A value that may stand at the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The value.
    pub value: Json,
    /// What it means, where that is said.
    pub means: String,
}

/// What is known about the place of the cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint {
    /// The place.
    pub pointer: Pointer,
    /// The object that the cursor is in: where a missing member would go.
    pub container: Pointer,
    /// What the value is, such as `integer 0..10`; empty when nothing is known.
    pub kind: String,
    /// What it means.
    pub about: String,
    /// What it is when it is left out.
    pub default: Option<Json>,
    /// The values it can have, when they can be counted.
    pub choices: Vec<Choice>,
    /// The members of the container.
    pub allowed: Vec<Allowed>,
}

/// The place that a cursor is at: right behind a value counts as in it.
#[must_use]
pub fn place(text: &str, at: usize) -> Pointer {
    let here = pointer_at(text, at);
    let behind = text
        .get(..at)
        .and_then(|head| head.chars().next_back())
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | '{' | '}' | '[' | ']'))
        .and_then(|c| pointer_at(text, at - c.len_utf8()));
    match (here, behind) {
        (Some(here), Some(behind)) if behind.tokens().count() > here.tokens().count() => behind,
        (None, Some(behind)) => behind,
        (here, _) => here.unwrap_or_default(),
    }
}

/// What `schema` says about the place at byte `at` of `text`.
#[must_use]
pub fn hint(schema: &Json, text: &str, at: usize) -> Hint {
    let pointer = place(text, at);
    let is_object =
        |p: &Pointer| locate(text, p).and_then(|r| text.get(r)).is_some_and(|value| value.starts_with('{'));
    let container = if is_object(&pointer) { pointer.clone() } else { pointer.parent().unwrap_or_default() };
    let own = walk(schema, &pointer);
    let mut hint = Hint { container: container.clone(), pointer, ..Hint::default() };
    if let Some(own) = own {
        hint.kind = kind(schema, own);
        hint.about = word(schema, own, "description");
        hint.default = member(schema, own, "default").cloned();
        hint.choices = choices(schema, own);
    }
    if is_object(&container)
        && let Some(of) = walk(schema, &container)
    {
        let there = members(text, &container);
        let required: Vec<&str> = member(schema, of, "required")
            .and_then(Json::as_array)
            .unwrap_or_default()
            .iter()
            .filter_map(Json::as_str)
            .collect();
        hint.allowed = properties(schema, of)
            .into_iter()
            .map(|(key, sub)| Allowed {
                set: there.iter().any(|name| name == key),
                required: required.contains(&key),
                kind: kind(schema, sub),
                start: start(schema, sub),
                key: key.to_owned(),
            })
            .collect();
    }
    hint
}

/// The schema of a place; none when nothing is said about it.
fn walk<'a>(schema: &'a Json, pointer: &Pointer) -> Option<&'a Json> {
    pointer.tokens().try_fold(schema, |here, token| step(schema, here, &token))
}

fn step<'a>(root: &'a Json, here: &'a Json, token: &str) -> Option<&'a Json> {
    for one in ways(root, here) {
        let named = one.get("properties").and_then(|p| p.get(token));
        let index: Option<usize> = token.parse().ok();
        let placed =
            index.and_then(|n| one.get("prefixItems").and_then(Json::as_array).and_then(|all| all.get(n)));
        let each = index.and_then(|_| one.get("items")).filter(|items| items.as_object().is_some());
        let rest = one.get("additionalProperties").filter(|more| more.as_object().is_some());
        if let Some(found) = named.or(placed).or(each).or(rest) {
            return Some(found);
        }
    }
    None
}

/// A schema and everything that it refers to or combines, itself first.
fn ways<'a>(root: &'a Json, here: &'a Json) -> Vec<&'a Json> {
    let mut all = vec![here];
    let mut next = 0;
    while let Some(one) = all.get(next).copied().filter(|_| next < DEEPEST) {
        next += 1;
        let target = one.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix('#'));
        let target = target.and_then(|r| Pointer::parse(r).ok()).and_then(|p| p.resolve(root));
        let mut add = |found: &'a Json| {
            if !all.iter().any(|known| std::ptr::eq(*known, found)) {
                all.push(found);
            }
        };
        target.into_iter().for_each(&mut add);
        for word in ["allOf", "anyOf", "oneOf"] {
            one.get(word).and_then(Json::as_array).unwrap_or_default().iter().for_each(&mut add);
        }
        ["then", "else"].iter().filter_map(|word| one.get(word)).for_each(&mut add);
    }
    all
}

fn member<'a>(root: &'a Json, here: &'a Json, name: &str) -> Option<&'a Json> {
    ways(root, here).into_iter().find_map(|one| one.get(name))
}

fn word(root: &Json, here: &Json, name: &str) -> String {
    member(root, here, name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn properties<'a>(root: &'a Json, here: &'a Json) -> Vec<(&'a str, &'a Json)> {
    let mut all: Vec<(&str, &Json)> = Vec::new();
    for one in ways(root, here) {
        for (key, sub) in one.get("properties").and_then(Json::as_object).unwrap_or_default() {
            if !all.iter().any(|(known, _)| known == key) {
                all.push((key, sub));
            }
        }
    }
    all
}

/// What a value is, in a few words.
fn kind(root: &Json, here: &Json) -> String {
    let of = |name: &str| member(root, here, name);
    let text = |name: &str| of(name).filter(|j| j.as_array().is_none()).map(Json::to_text);
    let mut said = match of("type") {
        Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" or "),
        Some(Json::String(one)) => one.clone(),
        _ if of("enum").is_some() => "one of".to_owned(),
        _ => String::new(),
    };
    if let Some(only) = of("const") {
        said = format!("only {}", only.to_text());
    }
    let mut range = |low: Option<String>, high: Option<String>| match (low, high) {
        (Some(low), Some(high)) => said.push_str(&format!(" {low}..{high}")),
        (Some(low), None) => said.push_str(&format!(" from {low}")),
        (None, Some(high)) => said.push_str(&format!(" to {high}")),
        (None, None) => {}
    };
    range(text("minimum"), text("maximum"));
    range(text("exclusiveMinimum").map(|n| format!("over {n}")), text("exclusiveMaximum"));
    for (name, what) in [("minLength", "at least"), ("maxLength", "at most")] {
        if let Some(n) = text(name) {
            said.push_str(&format!(", {what} {n} characters"));
        }
    }
    for (name, what) in [("minItems", "at least"), ("maxItems", "at most")] {
        if let Some(n) = text(name) {
            said.push_str(&format!(", {what} {n} items"));
        }
    }
    if let Some(pattern) = of("pattern").and_then(Json::as_str) {
        said.push_str(&format!(" like /{pattern}/"));
    }
    if let Some(format) = of("format").and_then(Json::as_str) {
        said.push_str(&format!(", {format}"));
    }
    said.trim().to_owned()
}

fn choices(root: &Json, here: &Json) -> Vec<Choice> {
    let means = member(root, here, "enumDescriptions").and_then(Json::as_array).unwrap_or_default();
    let boolean = [Json::Bool(true), Json::Bool(false)];
    let values = match (member(root, here, "enum"), member(root, here, "type")) {
        (Some(Json::Array(values)), _) => values.as_slice(),
        (_, Some(Json::String(kind))) if kind == "boolean" => &boolean,
        _ => &[],
    };
    values
        .iter()
        .enumerate()
        .map(|(n, value)| Choice {
            value: value.clone(),
            means: means.get(n).and_then(Json::as_str).unwrap_or_default().to_owned(),
        })
        .collect()
}

/// A value to begin with.
fn start(root: &Json, here: &Json) -> Json {
    if let Some(default) = member(root, here, "default") {
        return default.clone();
    }
    if let Some(first) = member(root, here, "enum").and_then(Json::as_array).and_then(<[Json]>::first) {
        return first.clone();
    }
    let kind = match member(root, here, "type") {
        Some(Json::String(kind)) => kind.as_str(),
        Some(Json::Array(kinds)) => kinds.first().and_then(Json::as_str).unwrap_or_default(),
        _ => "",
    };
    match kind {
        "boolean" => Json::Bool(false),
        "integer" | "number" => member(root, here, "minimum").cloned().unwrap_or_else(|| Json::from(0_i64)),
        "string" => Json::from(""),
        "array" => Json::Array(Vec::new()),
        "object" => Json::object(),
        _ => Json::Null,
    }
}

/// The value at a place of another document, short enough for a line.
#[must_use]
pub fn elsewhere(document: &Json, pointer: &Pointer) -> String {
    match pointer.resolve(document) {
        None => "(absent)".to_owned(),
        Some(value @ (Json::Array(_) | Json::Object(_))) => {
            let lines = pretty(value).lines().count();
            let text = value.to_text();
            if text.len() > 60 { format!("{} of {lines} lines", value.type_name()) } else { text }
        }
        Some(value) => value.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::json::parse;

    const SCHEMA: &str = r##"{"type":"object","required":["model"],"properties":{
        "model":{"enum":["bm25","hybrid"],"description":"How it ranks."},
        "tries":{"type":"integer","minimum":0,"maximum":10,"default":3},
        "backoff":{"$ref":"#/$defs/backoff"},
        "boosts":{"type":"object","additionalProperties":{"type":"number"}},
        "list":{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/backoff"},{"type":"string"}]}}},
        "$defs":{"backoff":{"type":"object","properties":{"jitter":{"type":"boolean"},"loop":{"$ref":"#/$defs/loop"}}},
                 "loop":{"$ref":"#/$defs/loop"}}}"##;

    fn at(text: &str) -> Hint {
        let cursor = text.find('|').unwrap();
        hint(&parse(SCHEMA).unwrap(), &text.replace('|', ""), cursor)
    }

    #[test]
    fn the_place_of_the_cursor_is_known_in_a_value_behind_it_and_in_its_name() {
        for text in [
            "{\"backoff\": {\"jitter\": t|ru}}",
            "{\"backoff\": {\"jitter\": tru|}}",
            "{\"backoff\": {\"jit|ter\": 1}}",
        ] {
            assert_eq!(at(text).pointer.as_str(), "/backoff/jitter", "{text}");
        }
        assert_eq!(at("{\"backoff\": {| \"jitter\": 1}}").pointer.as_str(), "/backoff");
    }

    #[test]
    fn kind_range_default_and_choices_are_told() {
        let hint = at("{\"tries\": 1|1}");
        assert_eq!((hint.kind.as_str(), hint.default), ("integer 0..10", Some(Json::from(3_i64))));
        let hint = at("{\"model\": |1}");
        assert_eq!(hint.about, "How it ranks.");
        assert_eq!(
            hint.choices.iter().map(|c| c.value.to_text()).collect::<Vec<_>>(),
            ["\"bm25\"", "\"hybrid\""]
        );
        assert_eq!(at("{\"boosts\": {\"any\": |1}}").kind, "number");
        assert_eq!(at("{\"list\": [1, {\"jitter\": |1}]}").kind, "boolean");
        assert_eq!(at("{\"backoff\": {\"loop\": |1}}").kind, "");
    }

    #[test]
    fn the_members_that_may_stand_here_say_whether_they_do() {
        let hint = at("{\"tries\": |1, \"backoff\": {}}");
        let said: Vec<String> =
            hint.allowed.iter().map(|a| format!("{} {} {} {}", a.key, a.kind, a.set, a.required)).collect();
        assert_eq!(
            said,
            [
                "model one of false true",
                "tries integer 0..10 true false",
                "backoff object true false",
                "boosts object false false",
                "list array false false"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_has_some_hint(text in "[\\[\\]{}:,\"a1é \\n]{0,30}", at in 0_usize..40) {
            let at = (0..=at.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap();
            let _ = hint(&parse(SCHEMA).unwrap(), &text, at);
        }
    }
}
