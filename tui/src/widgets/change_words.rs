//! What a change did, in a few words: `on -> off`, `rollout 10 -> 25`, `maxAttempts 3 -> 2`.

use super::change_text::{self as say, Names};
use super::revert::foreign;
use crate::cache::events::Line;
use crate::cache::rows::{text, texts, truth};
use crate::text::{fit, width};
use crate::world::World;
use shared::json::{Json, digest};
use std::collections::BTreeMap;

/// Members that say which entity it is, or rise with each change: nothing that somebody did.
const NOISE: [&str; 8] = ["id", "project", "key", "flag", "environment", "version", "flagVersion", "salt"];

/// The phrases for one line of the feed or of a history, the most telling first. Variations are called by
/// what the cache knows of the flag.
#[must_use]
pub fn of_line(line: &Line, world: &World) -> Vec<String> {
    named(line, &line.action, line.before.as_ref(), world)
}

/// The phrases for what lies between `before` and the state after `line`: `as before` where that is nothing.
#[must_use]
pub fn between(line: &Line, before: Option<&Json>, world: &World) -> Vec<String> {
    named(line, "", before, world)
}

fn named(line: &Line, action: &str, before: Option<&Json>, world: &World) -> Vec<String> {
    let flag = world.cache.flags.get(&line.key).filter(|_| line.kind == "config");
    let flag = flag.filter(|_| !foreign(line, &world.cache.project));
    let name = |index: usize| flag.and_then(|f| f.variations.get(index)).map(crate::cache::rows::short);
    phrases(&line.kind, action, before, line.after.as_ref(), &name)
}

/// The phrases for a change of an entity of `kind` (`flag`, `config`, `segment`, ...) from one row to another.
#[must_use]
pub fn phrases(
    kind: &str,
    action: &str,
    before: Option<&Json>,
    after: Option<&Json>,
    name: Names<'_>,
) -> Vec<String> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(after)) => return created(kind, after, name),
        (Some(_), None) => return vec!["removed".to_owned()],
        (None, None) => return vec![action.replace('-', " ")],
    };
    let mut out = Vec::new();
    match (truth(before.get("archived")), truth(after.get("archived"))) {
        (false, true) => out.push("archived".to_owned()),
        (true, false) => out.push("restored".to_owned()),
        _ => {}
    }
    match kind {
        "config" => config(&document(before), &document(after), name, &mut out),
        "flag" => flag(before, after, &mut out),
        "segment" => segment(before, after, &mut out),
        _ => say::members(before, after, &[&NOISE[..], &["archived"]].concat(), &mut out),
    }
    if out.is_empty() {
        out.push(if action.is_empty() { "as before".to_owned() } else { action.replace('-', " ") });
    }
    out
}

/// As many phrases as fit into `columns`; `+2` counts the others.
#[must_use]
pub fn sentence(phrases: &[String], columns: usize) -> String {
    let mut said = String::new();
    for (n, phrase) in phrases.iter().enumerate() {
        let rest = phrases.len() - n - 1;
        let more = if rest > 0 { format!(" +{rest}") } else { String::new() };
        let next = if n == 0 { phrase.clone() } else { format!("{said}, {phrase}") };
        if n > 0 && width(&next) + more.len() > columns {
            let left = format!(" +{}", rest + 1);
            return format!("{}{left}", fit(&said, columns.saturating_sub(left.len())));
        }
        said = next;
    }
    fit(&said, columns)
}

fn document(row: &Json) -> Json {
    row.get("document").filter(|d| d.as_object().is_some()).cloned().unwrap_or_else(Json::object)
}

fn created(kind: &str, row: &Json, name: Names<'_>) -> Vec<String> {
    let mut out = vec!["created".to_owned()];
    match kind {
        "config" => {
            let document = document(row);
            let on = truth(document.get("on"));
            out.push(if on { "on" } else { "off" }.to_owned());
            if on && document.get("fallthrough").is_some() {
                out.push(format!("serves {}", say::served(document.get("fallthrough"), name)));
            }
            let rules = say::elements(document.get("rules")).len();
            if rules > 0 {
                out.push(say::some(rules, "rule"));
            }
        }
        "flag" => {
            out.push(text(row.get("kind")).unwrap_or_default());
            out.push(say::some(say::elements(row.get("variations")).len(), "variation"));
        }
        "segment" => {
            let ids = say::members_of(&document(row)).0.len();
            out.push(say::some(ids, "id"));
        }
        _ => {}
    }
    out
}

fn config(before: &Json, after: &Json, name: Names<'_>, out: &mut Vec<String>) {
    match (truth(before.get("on")), truth(after.get("on"))) {
        (true, false) => out.push("on -> off".to_owned()),
        (false, true) => out.push("off -> on".to_owned()),
        _ => {}
    }
    if let Some(said) = say::serve_changed(before.get("fallthrough"), after.get("fallthrough"), name) {
        // A rollout says by itself what it is.
        out.push(if said.starts_with("rollout") { said } else { format!("default {said}") });
    }
    let off = |document: &Json| document.get("offVariation").and_then(Json::as_i64);
    if off(before) != off(after) {
        let called = |n: Option<i64>| {
            n.and_then(|n| usize::try_from(n).ok()).map_or_else(|| "none".to_owned(), |n| say::value(n, name))
        };
        out.push(format!("off value {} -> {}", called(off(before)), called(off(after))));
    }
    say::rules(before.get("rules"), after.get("rules"), name, out);
    say::targets(before, after, name, out);
    prerequisites(before, after, out);
    let told = ["on", "fallthrough", "offVariation", "rules", "targets", "contextTargets", "prerequisites"];
    say::members(before, after, &[&NOISE[..], &told[..]].concat(), out);
}

fn prerequisites(before: &Json, after: &Json, out: &mut Vec<String>) {
    let read = |document: &Json| -> BTreeMap<String, Option<i64>> {
        say::elements(document.get("prerequisites"))
            .iter()
            .filter_map(|p| Some((text(p.get("key"))?, p.get("variation").and_then(Json::as_i64))))
            .collect()
    };
    let (old, new) = (read(before), read(after));
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        out.push(format!("needs {key}"));
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        out.push(format!("needs {key} no more"));
    }
    for (key, variation) in &new {
        if old.get(key).is_some_and(|was| was != variation) {
            out.push(format!("needs another value of {key}"));
        }
    }
}

fn flag(before: &Json, after: &Json, out: &mut Vec<String>) {
    say::variations(before.get("variations"), after.get("variations"), out);
    tags(before, after, out);
    if before.get("name") != after.get("name") {
        out.push(format!("name {}", say::quoted(after.get("name"))));
    }
    if before.get("description") != after.get("description") {
        out.push("description".to_owned());
    }
    match (before.get("valueSchema"), after.get("valueSchema")) {
        (old, new) if old == new => {}
        (None | Some(Json::Null), _) => out.push("schema added".to_owned()),
        (_, None | Some(Json::Null)) => out.push("schema removed".to_owned()),
        _ => out.push("schema changed".to_owned()),
    }
    match (truth(before.get("temporary")), truth(after.get("temporary"))) {
        (true, false) => out.push("permanent".to_owned()),
        (false, true) => out.push("temporary".to_owned()),
        _ => {}
    }
    let told = ["variations", "tags", "name", "description", "valueSchema", "temporary", "archived"];
    say::members(before, after, &[&NOISE[..], &told[..]].concat(), out);
}

fn segment(before: &Json, after: &Json, out: &mut Vec<String>) {
    let (old, new) = (document(before), document(after));
    let ((was_in, was_out), (now_in, now_out)) = (say::members_of(&old), say::members_of(&new));
    say::sets(&was_in, &now_in, ("id", "ids"), out);
    say::sets(&was_out, &now_out, ("excluded", "excluded"), out);
    say::rules(old.get("rules"), new.get("rules"), &|_| None, out);
    let told = ["included", "excluded", "includedContexts", "excludedContexts", "rules"];
    // The order of ids, or how they are divided into lists, may have changed and nothing else.
    if out.is_empty() && told.iter().any(|m| member(&old, m) != member(&new, m)) {
        out.push("ids in another order".to_owned());
    }
    say::members(&old, &new, &told, out);
    tags(before, after, out);
    if before.get("name") != after.get("name") {
        out.push(format!("name {}", say::quoted(after.get("name"))));
    }
    if before.get("description") != after.get("description") {
        out.push("description".to_owned());
    }
}

fn member(document: &Json, name: &str) -> u64 {
    document.get(name).map_or(0, digest)
}

fn tags(before: &Json, after: &Json, out: &mut Vec<String>) {
    let (old, new) = (texts(before.get("tags")), texts(after.get("tags")));
    let added = new.iter().filter(|t| !old.contains(t)).map(|t| format!("+{t}"));
    let gone = old.iter().filter(|t| !new.contains(t)).map(|t| format!("-{t}"));
    let all: Vec<String> = added.chain(gone).collect();
    match all.len() {
        0 if old != new => out.push("tags in another order".to_owned()),
        0 => {}
        1..=2 => out.push(format!("tags {}", all.join(" "))),
        n => out.push(format!("{n} tags")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Json {
        shared::json::parse(text).unwrap()
    }

    fn said(kind: &str, before: &str, after: &str) -> String {
        let name = |n: usize| ["true", "false", "blue"].get(n).map(|t| (*t).to_owned());
        let (before, after) = (json(before), json(after));
        let old = (before != Json::Null).then_some(&before);
        let new = (after != Json::Null).then_some(&after);
        phrases(kind, "updated", old, new, &name).join(", ")
    }

    fn config(before: &str, after: &str) -> String {
        let row = |document: &str| format!(r#"{{"version":1,"salt":"s","document":{document}}}"#);
        said("config", &row(before), &row(after))
    }

    #[test]
    fn a_toggle_and_a_rollout_are_said_as_people_say_them() {
        assert_eq!(config(r#"{"on":true}"#, r#"{"on":false}"#), "on -> off");
        assert_eq!(config(r#"{}"#, r#"{"on":true}"#), "off -> on");
        let rollout = |t: u32| {
            format!(
                r#"{{"on":true,"fallthrough":{{"rollout":{{"variations":[{{"variation":0,"weight":{t}}},{{"variation":1,"weight":{}}}]}}}}}}"#,
                100_000 - t
            )
        };
        assert_eq!(config(&rollout(10_000), &rollout(25_000)), "rollout 10 -> 25");
        assert_eq!(config(&rollout(10_000), &rollout(12_500)), "rollout 10 -> 12.5");
        let all = r#"{"on":true,"fallthrough":{"variation":0}}"#;
        assert_eq!(config(&rollout(25_000), all), "default 25% -> true");
        assert_eq!(config(all, &all.replace('0', "2")), "default true -> blue");
        assert_eq!(config(all, &all.replace('0', "7")), "default true -> variation 7");
    }

    #[test]
    fn rules_targets_and_prerequisites_are_named_or_counted() {
        let rule = |id: &str, v: u8, country: &str| {
            format!(
                r#"{{"id":"{id}","variation":{v},"clauses":[{{"attribute":"country","op":"in","values":[{country}]}}]}}"#
            )
        };
        let rules = |list: &[String]| format!(r#"{{"rules":[{}]}}"#, list.join(","));
        let (a, b) = (rule("eu", 0, r#""DE""#), rule("us", 1, r#""US""#));
        assert_eq!(config(&rules(&[]), &rules(std::slice::from_ref(&a))), "rule eu added");
        assert_eq!(
            config(&rules(&[a.clone(), b.clone()]), &rules(std::slice::from_ref(&b))),
            "rule eu removed"
        );
        assert_eq!(
            config(&rules(&[a.clone(), b.clone()]), &rules(&[b.clone(), a.clone()])),
            "rules reordered"
        );
        assert_eq!(
            config(&rules(std::slice::from_ref(&a)), &rules(&[rule("eu", 1, r#""DE""#)])),
            "rule eu true -> false"
        );
        assert_eq!(
            config(&rules(std::slice::from_ref(&a)), &rules(&[rule("eu", 0, r#""DE","AT""#)])),
            "rule eu +1 value"
        );
        assert_eq!(config(&rules(&[]), &rules(&[a, b, rule("x", 0, "1")])), "3 rules added");
        assert_eq!(
            config(
                "{}",
                r#"{"targets":[{"variation":1,"values":["u1"]}],"prerequisites":[{"key":"p","variation":0}]}"#
            ),
            "target u1 -> false, needs p"
        );
        assert_eq!(
            config(
                r#"{"targets":[{"variation":1,"values":["a","b","c"]}]}"#,
                r#"{"targets":[{"variation":0,"values":["a"]}]}"#
            ),
            "-2 targets, 1 target moved"
        );
    }

    #[test]
    fn a_flags_values_are_compared_inside() {
        let flag = |value: &str, rest: &str| format!(r#"{{"variations":[{{"value":{value}}}]{rest}}}"#);
        assert_eq!(
            said(
                "flag",
                &flag(r#"{"maxAttempts":3,"retryOn":["5xx"]}"#, ""),
                &flag(r#"{"maxAttempts":2,"retryOn":["5xx","502"]}"#, "")
            ),
            r#"maxAttempts 3 -> 2, retryOn +"502""#
        );
        assert_eq!(
            said(
                "flag",
                &flag("1", r#","tags":["a"],"name":"x""#),
                &flag("1.5", r#","tags":["b"],"name":"y""#)
            ),
            r#"value 1 -> 1.5, tags +b -a, name "y""#
        );
        assert_eq!(
            said("flag", &flag("1", ""), r#"{"variations":[{"value":1},{"value":2}]}"#),
            "1 variation added"
        );
        assert_eq!(said("flag", &flag("1", ""), &flag("1", r#","archived":true"#)), "archived");
    }

    #[test]
    fn a_segment_counts_its_ids() {
        let segment = |ids: usize, excluded: &str| {
            let ids: Vec<String> = (0..ids).map(|n| format!(r#""u{n}""#)).collect();
            format!(r#"{{"document":{{"included":[{}],"excluded":[{excluded}]}}}}"#, ids.join(","))
        };
        assert_eq!(said("segment", &segment(2, ""), &segment(314, r#""x""#)), "+312 ids, +1 excluded");
        assert_eq!(said("segment", &segment(1_500, ""), &segment(0, "")), "-1,500 ids");
        assert_eq!(said("segment", "null", &segment(3, "")), "created, 3 ids");
    }

    #[test]
    fn what_was_made_and_what_is_gone_is_said() {
        assert_eq!(
            said("flag", "null", r#"{"kind":"boolean","variations":[{"value":true},{"value":false}]}"#),
            "created, boolean, 2 variations"
        );
        assert_eq!(
            said("config", "null", r#"{"document":{"on":true,"fallthrough":{"variation":1}}}"#),
            "created, on, serves false"
        );
        assert_eq!(said("token", r#"{"name":"ci"}"#, "null"), "removed");
        assert_eq!(
            said(
                "environment",
                r#"{"key":"p","order":1,"protected":false}"#,
                r#"{"key":"p","order":1,"protected":true}"#
            ),
            "protected false -> true"
        );
        assert_eq!(
            said("config", r#"{"version":1,"document":{}}"#, r#"{"version":2,"document":{}}"#),
            "updated"
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let phrases = ["on -> off".to_owned(), "rollout 10 -> 25".to_owned(), "rule eu added".to_owned()];
        assert_eq!(sentence(&phrases, 60), "on -> off, rollout 10 -> 25, rule eu added");
        assert_eq!(sentence(&phrases, 30), "on -> off, rollout 10 -> 25 +1");
        assert_eq!(sentence(&phrases, 26), "on -> off +2");
        assert_eq!(sentence(&phrases, 8), "on .. +2");
    }

    proptest! {
        #[test]
        fn no_rows_are_too_strange_to_be_said(
            kind in prop::sample::select(vec!["config", "flag", "segment", "token", ""]),
            before in strange(), after in strange(), columns in 0usize..40
        ) {
            let all = phrases(kind, "updated", Some(&before), Some(&after), &|_| None);
            prop_assert!(!all.is_empty());
            prop_assert!(width(&sentence(&all, columns)) <= columns.max(4));
        }
    }

    fn strange() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            (-3i64..9).prop_map(Json::from),
            "[a-c]{0,2}".prop_map(Json::String)
        ];
        let name = prop::sample::select(vec![
            "document",
            "on",
            "fallthrough",
            "rollout",
            "variations",
            "variation",
            "weight",
            "rules",
            "id",
            "clauses",
            "values",
            "targets",
            "included",
            "archived",
            "tags",
            "value",
        ]);
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::vec((name.clone(), inner), 0..5)
                    .prop_map(|members| members.into_iter().collect())
            ]
        })
    }
}
