//! A segment as a person reads it: whom it lists, its rules in words, who uses it.

use super::words;
use crate::cache::rows::{number, text as word, texts, truth};
use crate::text;
use crate::theme::Token;
use crate::world::World;
use shared::json::Json;

/// A line: a label, and what it says.
pub type Line = (&'static str, String, Token);

/// How many ids a line names at first.
const NAMED: usize = 8;

/// The keys of one of a segment's two lists (`included`, `excluded`), by context kind.
#[must_use]
pub fn listed(document: &Json, list: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let users = texts(document.get(list));
    if !users.is_empty() {
        found.push(("user".to_owned(), users));
    }
    let contexts = document.get(&format!("{list}Contexts")).and_then(Json::as_array).unwrap_or_default();
    for target in contexts {
        let kind = word(target.get("contextKind")).unwrap_or_else(|| "user".to_owned());
        let keys = texts(target.get("values"));
        if !keys.is_empty() {
            found.push((kind, keys));
        }
    }
    found
}

/// The flags whose rules in an environment name the segment.
#[must_use]
pub fn users(world: &World, environment: &str, segment: &str) -> Vec<String> {
    world
        .cache
        .flags
        .values()
        .filter(|flag| !flag.archived)
        .filter(|flag| {
            flag.cells
                .get(environment)
                .is_some_and(|cell| cell.summary.segments.iter().any(|key| key == segment))
        })
        .map(|flag| flag.key.clone())
        .collect()
}

/// A rule of a segment in words.
#[must_use]
pub fn rule(rule: &Json) -> String {
    let clauses = rule.get("clauses").and_then(Json::as_array).unwrap_or_default();
    let mut said = if clauses.is_empty() {
        "everybody".to_owned()
    } else {
        clauses.iter().map(words::clause).collect::<Vec<_>>().join(" and ")
    };
    if let Some(weight) = rule.get("weight").and_then(Json::as_i64) {
        let kind = word(rule.get("rolloutContextKind")).unwrap_or_else(|| "user".to_owned());
        said.push_str(&format!(", {} of each {kind}", crate::cache::rows::percent(weight)));
    }
    said
}

/// The segment in lines. `whole` names every id, else the first ones.
#[must_use]
pub fn lines(world: &World, environment: &str, row: &Json, whole: bool, columns: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let key = word(row.get("key")).unwrap_or_default();
    let described = word(row.get("description")).filter(|d| !d.is_empty()).or_else(|| word(row.get("name")));
    lines.push(("", described.unwrap_or_default(), Token::Plain));
    let room = columns.saturating_sub(12).max(20);
    if let Some(document) = row.get("document") {
        for (label, list) in [("INCLUDE", "included"), ("EXCLUDE", "excluded")] {
            let groups = listed(document, list);
            if groups.is_empty() {
                lines.push((label, "nobody by key".to_owned(), Token::Dim));
            }
            for (n, (kind, keys)) in groups.iter().enumerate() {
                let count = text::count(keys.len() as u64);
                let kind = if kind == "user" { String::new() } else { format!("{kind} ") };
                let word = if keys.len() == 1 { "key" } else { "keys" };
                let said = if whole {
                    format!("{count} {kind}{word}: {}", keys.join(", "))
                } else {
                    let first = keys.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                    let more = if keys.len() > NAMED { ", .." } else { "" };
                    format!("{count} {kind}{word}  ({first}{more})")
                };
                let label = if n == 0 { label } else { "" };
                push(&mut lines, label, &said, room, whole, Token::Plain);
            }
        }
        let rules = document.get("rules").and_then(Json::as_array).unwrap_or_default();
        if rules.is_empty() {
            lines.push(("RULES", "none".to_owned(), Token::Dim));
        }
        for (n, found) in rules.iter().enumerate() {
            let label = if n == 0 { "RULES" } else { "" };
            push(&mut lines, label, &format!("{} {}", n + 1, rule(found)), room, whole, Token::Plain);
        }
        if truth(document.get("unbounded")) {
            lines.push(("BIG", "its members live in another store".to_owned(), Token::Warn));
        }
    }
    let users = users(world, environment, &key);
    let said = match users.len() {
        0 => "no flag".to_owned(),
        _ if whole => users.join(", "),
        n => {
            let more = n.saturating_sub(4);
            let first = users.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
            if more > 0 { format!("{first}, +{more}") } else { first }
        }
    };
    push(&mut lines, "USED BY", &said, room, whole, Token::Plain);
    lines.push(("CHANGED", changed(world, row), Token::Dim));
    lines
}

/// When a row was last changed, by whom, in which revision.
fn changed(world: &World, row: &Json) -> String {
    let at = crate::cache::rows::instant(row.get("updatedAt"));
    let by = word(row.get("updatedBy")).unwrap_or_default();
    let age =
        at.map_or_else(|| "at an unknown time".to_owned(), |at| format!("{} ago", text::age(at, world.now)));
    format!("{age} by {by} (rev {}, version {})", number(row.get("revision")), number(row.get("version")))
}

fn push(lines: &mut Vec<Line>, label: &'static str, said: &str, room: usize, whole: bool, token: Token) {
    if !whole {
        lines.push((label, said.to_owned(), token));
        return;
    }
    for (n, part) in text::wrap(said, room).into_iter().enumerate() {
        lines.push((if n == 0 { label } else { "" }, part, token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_words() {
        let parse = |text: &str| shared::json::parse(text).unwrap();
        assert_eq!(
            rule(&parse(
                r#"{"clauses":[{"contextKind":"user","attribute":"email","op":"endsWith","values":["@acme.com"]},
                    {"contextKind":"device","attribute":"os","op":"in","values":["ios","android"],"negate":true}],
                    "weight":10000}"#
            )),
            "email ends with @acme.com and device:os not in [ios, android], 10% of each user"
        );
        assert_eq!(rule(&parse(r#"{"clauses":[{"op":"segmentMatch","values":["beta"]}]}"#)), "segment:beta");
        assert_eq!(rule(&parse(r#"{"clauses":[]}"#)), "everybody");
    }

    #[test]
    fn the_lists_are_told_by_kind() {
        let document = shared::json::parse(
            r#"{"included":["a","b"],"includedContexts":[{"contextKind":"organization","values":["acme"]}]}"#,
        )
        .unwrap();
        assert_eq!(
            listed(&document, "included"),
            [
                ("user".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
                ("organization".to_owned(), vec!["acme".to_owned()])
            ]
        );
        assert!(listed(&document, "excluded").is_empty());
    }
}
