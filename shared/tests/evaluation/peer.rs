//! LaunchDarkly's own engine, asked the same questions.

use std::collections::HashMap;

use launchdarkly_server_sdk_evaluation as launchdarkly;
use shared::json::{Json, parse};

/// What either engine answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub index: Option<i64>,
    pub value: Option<Json>,
    pub reason: serde_json::Value,
}

impl Answer {
    pub fn kind(&self) -> &str {
        self.reason["kind"].as_str().unwrap_or_default()
    }

    pub fn is_malformed(&self) -> bool {
        self.reason["errorKind"] == "MALFORMED_FLAG"
    }

    /// Whether both answer the same, numbers compared by value.
    pub fn agrees(&self, other: &Self) -> bool {
        let values = match (&self.value, &other.value) {
            (None, None) => true,
            (Some(one), Some(other)) => one.same_value(other),
            _ => false,
        };
        values && self.index == other.index && self.reason == other.reason
    }

    /// `index reason`, e.g. `0 {"kind":"FALLTHROUGH"}`; `-` for no index.
    pub fn told(&self) -> String {
        let index = self.index.map_or("-".to_owned(), |index| index.to_string());
        format!("{index} {}", self.reason)
    }
}

/// Documents as that engine reads them.
#[derive(Default)]
pub struct Peer {
    flags: HashMap<String, launchdarkly::Flag>,
    segments: HashMap<String, launchdarkly::Segment>,
}

impl launchdarkly::Store for Peer {
    fn flag(&self, key: &str) -> Option<launchdarkly::Flag> {
        self.flags.get(key).cloned()
    }

    fn segment(&self, key: &str) -> Option<launchdarkly::Segment> {
        self.segments.get(key).cloned()
    }
}

impl Peer {
    pub fn with(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let flag: launchdarkly::Flag = serde_json::from_str(text)?;
        self.flags.insert(flag.key.clone(), flag);
        Ok(())
    }

    pub fn with_segment(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let segment: launchdarkly::Segment = serde_json::from_str(text)?;
        self.segments.insert(segment.key.clone(), segment);
        Ok(())
    }

    pub fn evaluate(&self, key: &str, context: &launchdarkly::Context) -> Answer {
        let detail = launchdarkly::evaluate(self, &self.flags[key], context, None);
        Answer {
            index: detail.variation_index.map(|index| index as i64),
            value: detail.value.map(|value| parse(&serde_json::to_string(value).unwrap()).unwrap()),
            reason: serde_json::to_value(&detail.reason).unwrap(),
        }
    }
}

/// A context as that engine reads it.
pub fn context(text: &str) -> Result<launchdarkly::Context, serde_json::Error> {
    serde_json::from_str(text)
}

/// The value at a reference, as that engine finds it; an error is a reference that it refuses.
pub fn value(context: &launchdarkly::Context, kind: &str, reference: &str) -> Result<Option<Json>, String> {
    let reference = launchdarkly::Reference::new(reference);
    if !reference.is_valid() {
        return Err(reference.error());
    }
    let kind = launchdarkly::Kind::try_from(kind)?;
    let found = context.as_kind(&kind).and_then(|one| one.get_value(&reference));
    Ok(found.map(|value| parse(&serde_json::to_string(&value).unwrap()).unwrap()))
}

/// Adds what that engine insists on, where a test leaves it out.
pub fn complete(document: &Json) -> String {
    let mut document = document.clone();
    let none = || Json::Array(Vec::new());
    let is_segment = document.get("variations").is_none();
    let lists: &[&str] =
        if is_segment { &["included", "excluded", "rules"] } else { &["targets", "rules", "prerequisites"] };
    for name in lists {
        if document.get(name).is_none() {
            document.set(name, none());
        }
    }
    for (name, value) in [("salt", Json::from("")), ("version", Json::from(1_i64))] {
        if document.get(name).is_none() {
            document.set(name, value);
        }
    }
    if let Some(Json::Array(rules)) = document.get_mut("rules") {
        for rule in rules {
            if !is_segment && rule.get("trackEvents").is_none() {
                rule.set("trackEvents", Json::Bool(false));
            }
            if let Some(Json::Array(clauses)) = rule.get_mut("clauses") {
                for clause in clauses {
                    if clause.get("attribute").is_none() {
                        clause.set("attribute", Json::from(""));
                    }
                }
            }
        }
    }
    document.to_text()
}
