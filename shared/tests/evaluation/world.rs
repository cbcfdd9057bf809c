//! A small environment to evaluate in.

use std::collections::HashMap;
use std::sync::Arc;

use crate::peer::{self, Peer};
use shared::context::Context;
use shared::eval::{
    PreparedFlag, PreparedSegment, Ruleset, Store, evaluate, explain, prepare_flag, prepare_segment,
};
use shared::json::{Json, parse};

pub fn json(text: &str) -> Json {
    parse(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

pub fn context(text: &str) -> Context {
    Context::parse(&json(text)).unwrap_or_else(|e| panic!("{e:?}: {text}"))
}

pub fn user(key: &str) -> Context {
    Context::of("user", key).unwrap()
}

/// A flag that is on, salted `salt`, with the variations "a", "b", "c", and what `rest` adds or replaces.
pub fn flag(key: &str, rest: &str) -> Json {
    let mut out = json(&format!(
        r#"{{"key":"{key}","version":1,"on":true,"salt":"salt","variations":["a","b","c"],
            "fallthrough":{{"variation":0}},"offVariation":2}}"#
    ));
    for (name, value) in json(rest).as_object().unwrap() {
        out.set(name, value.clone());
    }
    out
}

#[derive(Default)]
pub struct World {
    flags: HashMap<String, Arc<PreparedFlag>>,
    segments: HashMap<String, Arc<PreparedSegment>>,
    // As their authors wrote them, for the engine that ours is held against.
    documents: Vec<Json>,
    segment_documents: Vec<Json>,
}

impl Store for World {
    fn flag(&self, key: &str) -> Option<&PreparedFlag> {
        self.flags.get(key).map(Arc::as_ref)
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        self.segments.get(key).map(Arc::as_ref)
    }
}

impl World {
    pub fn with(mut self, document: &Json) -> Self {
        let flag = prepare_flag(document).unwrap();
        self.documents.push(document.clone());
        self.flags.insert(flag.key().to_owned(), Arc::new(flag));
        self
    }

    pub fn with_segment(mut self, text: &str) -> Self {
        let document = json(text);
        let segment = prepare_segment(&document).unwrap();
        self.segment_documents.push(document);
        self.segments.insert(segment.key().to_owned(), Arc::new(segment));
        self
    }

    /// The same, linked.
    pub fn linked(&self) -> Ruleset {
        Ruleset::new(self.flags.values().cloned(), self.segments.values().cloned())
    }

    /// `index reason`, e.g. `0 {"kind":"FALLTHROUGH"}`; `-` for no index.
    pub fn eval(&self, key: &str, context: &Context) -> String {
        let found = evaluate(self, self.flag(key).unwrap(), context);
        let index = found.variation_index.map_or("-".to_owned(), |i| i.to_string());
        assert_eq!(found.variation_index.is_some(), found.value().is_some());
        let ruleset = self.linked();
        let linked = ruleset.evaluate_key(key, context).unwrap();
        assert_eq!(linked.variation_index, found.variation_index);
        assert_eq!(linked.reason, found.reason);
        assert_eq!(linked.prerequisites, found.prerequisites);
        let told = ruleset.explain(ruleset.index_of(key).unwrap(), context);
        assert_eq!(told, Some(explain(self, self.flag(key).unwrap(), context)));
        format!("{index} {}", serde_json::to_string(&found.reason).unwrap())
    }

    /// The same, as LaunchDarkly's Rust engine answers it.
    pub fn theirs(&self, key: &str, context: &Context) -> String {
        let mut peer = Peer::default();
        for document in &self.documents {
            peer.with(&peer::complete(document)).unwrap();
        }
        for document in &self.segment_documents {
            peer.with_segment(&peer::complete(document)).unwrap();
        }
        peer.evaluate(key, &peer::context(&context.to_canonical_text()).unwrap()).told()
    }
}

/// What LaunchDarkly's Rust engine answers of one flag that stands alone.
pub fn theirs(rest: &str, context: &Context) -> String {
    World::default().with(&flag("f", rest)).theirs("f", context)
}

/// Evaluates one flag that stands alone.
pub fn eval(rest: &str, context: &Context) -> String {
    World::default().with(&flag("f", rest)).eval("f", context)
}

/// Whether a rule with this one clause matches.
pub fn matches(clause: &str, context: &Context) -> bool {
    let result = eval(&format!(r#"{{"rules":[{{"id":"r","clauses":[{clause}],"variation":1}}]}}"#), context);
    match result.as_str() {
        r#"1 {"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r"}"# => true,
        r#"0 {"kind":"FALLTHROUGH"}"# => false,
        other => panic!("{other} from {clause}"),
    }
}

pub const MALFORMED: &str = r#"- {"kind":"ERROR","errorKind":"MALFORMED_FLAG"}"#;
pub const FALLTHROUGH: &str = r#"0 {"kind":"FALLTHROUGH"}"#;
