//! Whether a context is in a segment, decided here by the evaluator that the daemon uses.

use shared::context::Context;
use shared::eval::{PreparedFlag, PreparedSegment, Store, explain, prepare_flag, prepare_segment};
use shared::json::Json;
use shared::targeting::{compose_segment, segment_keys};
use std::collections::{BTreeMap, BTreeSet};

/// What can be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is in it, or it is not; and why.
    Decided(bool, String),
    /// These segments have to be read first: rules name them.
    Missing(Vec<String>),
    /// What was typed is no context.
    Fault(String),
}

struct Segments(BTreeMap<String, PreparedSegment>);

impl Store for Segments {
    fn flag(&self, _key: &str) -> Option<&PreparedFlag> {
        None
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        self.0.get(key)
    }
}

/// Decides it for what was typed: a user's key, `kind:key`, or a context as JSON. `rows` are the segments of the
/// environment as the daemon answers them, by key; one that there is not stands as `Json::Null`.
#[must_use]
pub fn decide(rows: &BTreeMap<String, Json>, key: &str, typed: &str) -> Membership {
    let context = match context(typed) {
        Ok(context) => context,
        Err(detail) => return Membership::Fault(detail),
    };
    let mut wanted = vec![key.to_owned()];
    let mut seen = BTreeSet::new();
    let mut missing = Vec::new();
    let mut store = Segments(BTreeMap::new());
    while let Some(key) = wanted.pop() {
        if !seen.insert(key.clone()) {
            continue;
        }
        let Some(row) = rows.get(&key) else {
            missing.push(key);
            continue;
        };
        if row.get("archived").and_then(Json::as_bool) == Some(true) {
            continue;
        }
        let Some(document) = row.get("document") else { continue };
        wanted.extend(segment_keys(document));
        let salt = row.get("salt").and_then(Json::as_str).unwrap_or_default();
        let composed = compose_segment(&key, 1, salt, document);
        if let Ok(prepared) = prepare_segment(&composed) {
            store.0.insert(key, prepared);
        }
    }
    if !missing.is_empty() {
        missing.sort();
        return Membership::Missing(missing);
    }
    let Some(flag) = asking(key) else { return Membership::Fault("the key cannot be asked for".to_owned()) };
    let explained = explain(&store, &flag, &context);
    let step = explained.rules.first().and_then(|rule| rule.clauses.first()).and_then(|c| c.segments.first());
    match step {
        Some(step) => {
            let rule = step.rules.iter().find(|rule| rule.matched);
            let why = match rule {
                Some(rule) if rule.id.is_empty() => format!("rule {} matches", rule.index + 1),
                Some(rule) => format!("rule {} ({}) matches", rule.index + 1, rule.id),
                None => step.detail.clone(),
            };
            Membership::Decided(step.contains, why)
        }
        None => Membership::Decided(false, "there is no such segment, so nobody is in it".to_owned()),
    }
}

/// The context that was typed.
fn context(typed: &str) -> Result<Context, String> {
    let typed = typed.trim();
    let faults = |faults: Vec<shared::fault::Fault>| {
        faults.first().map_or_else(|| "is no context".to_owned(), |f| format!("{} {}", f.pointer, f.detail))
    };
    if typed.starts_with('{') {
        let json = shared::json::parse(typed).map_err(|error| error.to_string())?;
        return Context::parse(&json).map_err(faults);
    }
    if typed.is_empty() {
        return Err("type a key".to_owned());
    }
    // A colon may stand in a user's key: only a word that can be a kind is one.
    match typed.split_once(':') {
        Some((kind, key)) if shared::context::kind_problem(kind).is_none() && !key.is_empty() => {
            Context::of(kind, key).map_err(faults)
        }
        _ => Context::of(shared::context::DEFAULT_KIND, typed).map_err(faults),
    }
}

/// A flag that asks one question: is the context in the segment?
fn asking(key: &str) -> Option<PreparedFlag> {
    let clause: Json = [
        ("attribute", Json::from("")),
        ("op", Json::from("segmentMatch")),
        ("values", Json::Array(vec![Json::from(key)])),
        ("negate", Json::Bool(false)),
    ]
    .into_iter()
    .collect();
    let rule: Json =
        [("variation", Json::from(0_usize)), ("clauses", Json::Array(vec![clause]))].into_iter().collect();
    let flag: Json = [
        ("key", Json::from("is-in")),
        ("version", Json::from(1_usize)),
        ("on", Json::Bool(true)),
        ("salt", Json::from("")),
        ("variations", Json::Array(vec![Json::Bool(true)])),
        ("rules", Json::Array(vec![rule])),
        ("fallthrough", Json::object()),
    ]
    .into_iter()
    .collect();
    prepare_flag(&flag).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> BTreeMap<String, Json> {
        let row = |text: &str| shared::json::parse(text).unwrap();
        [
            (
                "beta".to_owned(),
                row(r#"{"key":"beta","salt":"s","archived":false,"document":{
                    "included":["u1"],"excluded":["u2"],
                    "includedContexts":[{"contextKind":"organization","values":["acme"]}],
                    "rules":[{"id":"by-mail","clauses":[{"contextKind":"user","attribute":"email","op":"endsWith",
                        "values":["@acme.com"],"negate":false}]}]}}"#),
            ),
            (
                "all".to_owned(),
                row(r#"{"key":"all","salt":"s","document":{"rules":[{"clauses":[
                    {"attribute":"","op":"segmentMatch","values":["beta"],"negate":false}]}]}}"#),
            ),
        ]
        .into_iter()
        .collect()
    }

    fn decided(key: &str, typed: &str) -> (bool, String) {
        match decide(&rows(), key, typed) {
            Membership::Decided(contains, why) => (contains, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lists_and_rules_decide_and_the_answer_says_which() {
        assert!(decided("beta", "u1").0);
        assert!(!decided("beta", "u2").0);
        assert_eq!(decided("beta", "u3"), (false, "its key is not listed and no rule matches".to_owned()));
        assert!(decided("beta", "organization:acme").0);
        let (contains, why) = decided("beta", r#"{"kind":"user","key":"u9","email":"a@acme.com"}"#);
        assert!(contains);
        assert_eq!(why, "rule 1 (by-mail) matches");
        assert!(decided("all", "u1").0);
    }

    #[test]
    fn a_segment_that_a_rule_names_is_asked_for_before_anything_is_said() {
        let mut rows = rows();
        rows.remove("beta");
        assert_eq!(decide(&rows, "all", "u1"), Membership::Missing(vec!["beta".to_owned()]));
        rows.insert("beta".to_owned(), Json::Null);
        assert!(matches!(decide(&rows, "all", "u1"), Membership::Decided(false, _)));
    }

    #[test]
    fn what_is_no_context_is_said_so() {
        assert!(matches!(decide(&rows(), "beta", "  "), Membership::Fault(_)));
        assert!(matches!(decide(&rows(), "beta", "{\"kind\":"), Membership::Fault(_)));
    }
}
