//! Targeting in words: clauses, rules, what is served, whether a prerequisite is met.

use crate::cache::rows::{FlagRow, percent};
use crate::world::World;
use shared::json::Json;
use shared::targeting::{Op, Serves};

/// How deep prerequisites of prerequisites are followed; the daemon refuses circles.
const DEEP: usize = 8;

/// A value of a clause as it is typed: strings bare where that is what comes back when it is read.
#[must_use]
pub fn value(op: &Op, json: &Json) -> String {
    match json {
        Json::String(text) if plain(text) && read_value(op, text) == *json => text.clone(),
        other => other.to_text(),
    }
}

fn plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains([',', '"', '[', ']'])
        && !text.chars().any(char::is_control)
}

/// Reads one value as it was typed: a JSON string, or bare; a number or boolean only where the operator takes one.
#[must_use]
pub fn read_value(op: &Op, text: &str) -> Json {
    let text = text.trim();
    if text.starts_with('"')
        && let Ok(json @ Json::String(_)) = shared::json::parse(text)
    {
        return json;
    }
    let takes_number = matches!(
        op,
        Op::In
            | Op::LessThan
            | Op::LessThanOrEqual
            | Op::GreaterThan
            | Op::GreaterThanOrEqual
            | Op::Before
            | Op::After
    );
    match shared::json::parse(text) {
        Ok(json @ Json::Number(_)) if takes_number => json,
        Ok(json @ Json::Bool(_)) if *op == Op::In => json,
        _ => Json::String(text.to_owned()),
    }
}

/// The values in a line of text, separated by commas outside of quotes.
#[must_use]
pub fn read_values(op: &Op, line: &str) -> Vec<Json> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            ',' if !quoted => {
                parts.push(String::new());
                continue;
            }
            // A quote in the middle of bare text is text.
            '"' if !escaped && (quoted || parts.last().is_some_and(|p| p.trim().is_empty())) => {
                quoted = !quoted;
            }
            _ => {}
        }
        escaped = c == '\\' && quoted && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().filter(|part| !part.trim().is_empty()).map(|part| read_value(op, part)).collect()
}

/// A clause in words: `country in [DE, FR]`, `not segment:beta`, `device:os >= 4`.
#[must_use]
pub fn clause(clause: &Json) -> String {
    let op = Op::parse(clause.get("op").and_then(Json::as_str).unwrap_or_default());
    let negate = clause.get("negate") == Some(&Json::Bool(true));
    let values = clause.get("values").and_then(Json::as_array).unwrap_or_default();
    let words: Vec<String> = values.iter().map(|v| value(&op, v)).collect();
    let list = match words.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    if op == Op::SegmentMatch {
        let not = if negate { "not " } else { "" };
        return match words.as_slice() {
            [one] => format!("{not}segment:{one}"),
            _ => format!("{not}in any segment of {list}"),
        };
    }
    let attribute = clause.get("attribute").and_then(Json::as_str).unwrap_or_default();
    let kind = clause.get("contextKind").and_then(Json::as_str).filter(|kind| *kind != "user");
    let subject = kind.map_or_else(|| attribute.to_owned(), |kind| format!("{kind}:{attribute}"));
    let word = match (&op, words.len(), negate) {
        (Op::In, 1, false) => "=",
        (Op::In, 1, true) => "is not",
        (Op::In, _, false) => "in",
        (Op::In, _, true) => "not in",
        (other, _, false) => verb(other),
        (other, _, true) => return format!("{subject} not {} {list}", verb(other)),
    };
    format!("{subject} {word} {list}")
}

/// An operator as a person reads it.
#[must_use]
pub fn verb(op: &Op) -> &str {
    match op {
        Op::In => "in",
        Op::StartsWith => "starts with",
        Op::EndsWith => "ends with",
        Op::Matches => "matches",
        Op::Contains => "contains",
        Op::LessThan => "<",
        Op::LessThanOrEqual => "<=",
        Op::GreaterThan => ">",
        Op::GreaterThanOrEqual => ">=",
        Op::Before => "before",
        Op::After => "after",
        Op::SegmentMatch => "in segment",
        Op::SemVerEqual => "= version",
        Op::SemVerLessThan => "< version",
        Op::SemVerGreaterThan => "> version",
        Op::Unknown(name) => name,
    }
}

/// The clauses of a rule, each in words; `everybody` where there is none.
#[must_use]
pub fn clauses(rule: &Json) -> Vec<String> {
    let clauses = rule.get("clauses").and_then(Json::as_array).unwrap_or_default();
    if clauses.is_empty() {
        return vec!["everybody".to_owned()];
    }
    clauses.iter().map(clause).collect()
}

/// A rule's clauses in one line.
#[must_use]
pub fn rule(rule: &Json) -> String {
    clauses(rule).join("  and  ")
}

/// What a rule or the default serves.
#[must_use]
pub fn serves(serve: &Json) -> Serves {
    let document: Json = [("fallthrough", serve.clone())].into_iter().collect();
    shared::targeting::Summary::of(&document).default
}

/// What is served, in a few words: a value, or `25% true, 75% false`.
#[must_use]
pub fn served(row: &FlagRow, serve: &Json) -> String {
    match serves(serve) {
        Serves::Nothing => "nothing".to_owned(),
        Serves::Variation(index) => row.value(index),
        Serves::Rollout(parts) => parts
            .iter()
            .filter(|(_, weight)| *weight > 0)
            .map(|(index, weight)| format!("{} {}", percent(*weight), row.value(*index)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// How a rollout divides: `user by key`, `organization by region`.
#[must_use]
pub fn divided(rollout: &Json) -> String {
    let text = |name: &str| rollout.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let experiment = if text("kind") == Some("experiment") { " (experiment)" } else { "" };
    let seed = rollout.get("seed").and_then(Json::as_i64).map_or(String::new(), |n| format!(", seed {n}"));
    format!(
        "{} by {}{seed}{experiment}",
        text("contextKind").unwrap_or("user"),
        text("bucketBy").unwrap_or("key")
    )
}

/// Whether a prerequisite holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// For everybody.
    Yes,
    /// For some, as far as is known here: rules, targets or a rollout decide.
    Part,
    /// For nobody.
    No,
}

/// Whether `flag` serves the variation at `index` in an environment, and why.
#[must_use]
pub fn met(world: &World, environment: &str, flag: &str, index: usize) -> (Met, String) {
    follow(world, environment, flag, index, DEEP)
}

fn follow(world: &World, environment: &str, flag: &str, index: usize, deep: usize) -> (Met, String) {
    let Some(row) = world.cache.flags.get(flag) else {
        let said = if world.cache.loaded { "there is no such flag" } else { "not read yet" };
        return (Met::No, said.to_owned());
    };
    if row.archived {
        return (Met::No, "archived".to_owned());
    }
    let Some(cell) = row.cells.get(environment) else {
        return (Met::No, format!("no configuration in {environment}"));
    };
    let summary = &cell.summary;
    if !summary.on {
        return (Met::No, format!("off in {environment}"));
    }
    for key in &summary.prerequisites {
        // The value that it wants stands in a document that may not be here: on is what can be told.
        let on = world.cache.flags.get(key).and_then(|row| row.cells.get(environment)).map(|c| c.summary.on);
        if deep == 0 || on != Some(true) {
            return (Met::No, format!("waits for {key}"));
        }
        let wanted = wanted_of(world, flag, environment, key);
        if wanted.is_some_and(|index| follow(world, environment, key, index, deep - 1).0 == Met::No) {
            return (Met::No, format!("waits for {key}"));
        }
    }
    let weight = match &summary.default {
        Serves::Nothing => 0,
        Serves::Variation(n) => i64::from(*n == index) * 100_000,
        Serves::Rollout(parts) => parts.iter().filter(|(n, _)| *n == index).map(|(_, w)| w).sum(),
    };
    let more = summary.rules + summary.targets > 0;
    match weight {
        100_000 if more => (Met::Part, "by default; it has rules or targets".to_owned()),
        100_000 => (Met::Yes, format!("on in {environment}")),
        0 if more => (Met::Part, "only by its rules or targets".to_owned()),
        0 => (Met::No, format!("serves {}", crate::widgets::matrix::serves(row, &summary.default))),
        weight => (Met::Part, format!("for {}", percent(weight))),
    }
}

fn wanted_of(world: &World, flag: &str, environment: &str, key: &str) -> Option<usize> {
    let config = world.cache.configs.get(&(flag.to_owned(), environment.to_owned()))?.get("config")?;
    let wanted = config.get("prerequisites")?.as_array()?.iter();
    let mut wanted = wanted.filter(|p| p.get("key").and_then(Json::as_str) == Some(key));
    usize::try_from(wanted.next()?.get("variation")?.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    fn words(text: &str) -> String {
        clause(&parse(text).unwrap())
    }

    #[test]
    fn clauses_read_as_a_person_says_them() {
        for (json, expected) in [
            (r#"{"attribute":"country","op":"in","values":["DE","FR"]}"#, "country in [DE, FR]"),
            (r#"{"attribute":"country","op":"in","values":["DE"]}"#, "country = DE"),
            (
                r#"{"attribute":"country","op":"in","values":["DE","FR"],"negate":true}"#,
                "country not in [DE, FR]",
            ),
            (r#"{"attribute":"plan","op":"in","values":["pro"],"negate":true}"#, "plan is not pro"),
            (
                r#"{"contextKind":"device","attribute":"appVersion","op":"semVerGreaterThan","values":["4.2.0"]}"#,
                "device:appVersion > version 4.2.0",
            ),
            (r#"{"attribute":"","op":"segmentMatch","values":["beta"]}"#, "segment:beta"),
            (r#"{"attribute":"","op":"segmentMatch","values":["beta"],"negate":true}"#, "not segment:beta"),
            (r#"{"attribute":"","op":"segmentMatch","values":["a","b"]}"#, "in any segment of [a, b]"),
            (r#"{"attribute":"age","op":"greaterThanOrEqual","values":[18]}"#, "age >= 18"),
            (
                r#"{"attribute":"mail","op":"endsWith","values":["@a.com"],"negate":true}"#,
                "mail not ends with @a.com",
            ),
            (r#"{"attribute":"n","op":"in","values":["4",4,true]}"#, r#"n in ["4", 4, true]"#),
        ] {
            assert_eq!(words(json), expected);
        }
        assert_eq!(rule(&parse(r#"{"clauses":[]}"#).unwrap()), "everybody");
    }

    #[test]
    fn values_come_back_as_they_were_typed() {
        let text = |op: &Op, line: &str| Json::Array(read_values(op, line)).to_text();
        assert_eq!(text(&Op::In, r#"DE, 4, "4", true, "a, b", x"y"#), r#"["DE",4,"4",true,"a, b","x\"y"]"#);
        assert_eq!(text(&Op::SemVerEqual, "4.2, 1.0.0"), r#"["4.2","1.0.0"]"#);
        assert_eq!(text(&Op::LessThan, "1.50, x"), r#"[1.50,"x"]"#);
        assert_eq!(text(&Op::Contains, "true, 4"), r#"["true","4"]"#);
        assert_eq!(text(&Op::In, " , ,"), "[]");
        for json in [r#""4""#, r#""true""#, r#""a,b""#, r#""""#, r#"" x""#, "4", r#""DE""#, r#""x\"y""#] {
            let json = parse(json).unwrap();
            let line = value(&Op::In, &json);
            assert_eq!(read_values(&Op::In, &line), [json], "{line}");
        }
    }

    #[test]
    fn a_rollout_says_by_what_it_divides() {
        assert_eq!(divided(&parse("{}").unwrap()), "user by key");
        let json =
            parse(r#"{"contextKind":"organization","bucketBy":"region","seed":7,"kind":"experiment"}"#);
        assert_eq!(divided(&json.unwrap()), "organization by region, seed 7 (experiment)");
    }
}
