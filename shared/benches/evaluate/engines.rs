//! The two engines, each with an environment loaded: ours, and LaunchDarkly's own for Rust.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use launchdarkly_server_sdk_evaluation as ld;
use serde::Serialize;
use shared::context::Context;
use shared::eval::{EvalxForm, Ruleset, prepare_flag, prepare_segment};
use shared::json::{Json, parse};

use crate::mix::Documents;

/// Ours.
pub struct Ours {
    pub ruleset: Ruleset,
}

impl Ours {
    pub fn load(documents: &Documents) -> Self {
        let flags = documents.flags.iter().map(|flag| Arc::new(prepare_flag(flag).unwrap()));
        let segments = documents.segments.iter().map(|segment| Arc::new(prepare_segment(segment).unwrap()));
        Self { ruleset: Ruleset::new(flags, segments) }
    }

    pub fn context(text: &str) -> Context {
        Context::parse(&parse(text).unwrap()).unwrap()
    }

    /// The index of the flag's variation.
    pub fn one(&self, flag: usize, context: &Context) -> Option<usize> {
        self.ruleset.evaluate(flag, context).unwrap().variation_index
    }

    /// All flags; the sum of the indexes.
    pub fn all(&self, context: &Context) -> usize {
        self.ruleset.evaluate_all(black_box(context)).filter_map(|result| result.variation_index).sum()
    }

    /// All flags as the bytes of an answer; their number.
    pub fn answer(&self, context: &Context) -> usize {
        let mut out = Vec::with_capacity(128 * self.ruleset.len());
        EvalxForm { version: 1_234_567, with_reasons: false }
            .write_all(&mut out, self.ruleset.evaluate_all(black_box(context)));
        black_box(&out).len()
    }
}

/// LaunchDarkly's.
pub struct Theirs {
    store: InMemory,
    keys: Vec<String>,
}

struct InMemory {
    flags: HashMap<String, ld::Flag>,
    segments: HashMap<String, ld::Segment>,
}

impl ld::Store for InMemory {
    fn flag(&self, key: &str) -> Option<ld::Flag> {
        self.flags.get(key).cloned()
    }

    fn segment(&self, key: &str) -> Option<ld::Segment> {
        self.segments.get(key).cloned()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    value: Option<&'a ld::FlagValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variation: Option<isize>,
    version: u64,
    flag_version: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    track_events: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    track_reason: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ld::Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug_events_until_date: Option<u64>,
}

impl Theirs {
    pub fn load(documents: &Documents) -> Self {
        fn read<T: serde::de::DeserializeOwned>(json: &Json) -> T {
            serde_json::from_str(&json.to_text()).unwrap()
        }
        let key = |json: &Json| json.get("key").and_then(Json::as_str).unwrap().to_owned();
        let flags: HashMap<_, _> = documents.flags.iter().map(|json| (key(json), read(json))).collect();
        let segments = documents.segments.iter().map(|json| (key(json), read(json))).collect();
        let mut keys: Vec<String> = flags.keys().cloned().collect();
        keys.sort();
        Self { store: InMemory { flags, segments }, keys }
    }

    pub fn context(text: &str) -> ld::Context {
        serde_json::from_str(text).unwrap()
    }

    pub fn one(&self, flag: &str, context: &ld::Context) -> Option<usize> {
        let found = ld::evaluate(&self.store, &self.store.flags[flag], context, None);
        found.variation_index.and_then(|index| usize::try_from(index).ok())
    }

    pub fn all(&self, context: &ld::Context) -> usize {
        self.keys.iter().filter_map(|key| self.one(key, black_box(context))).sum()
    }

    pub fn answer(&self, context: &ld::Context) -> usize {
        let mut out = Vec::with_capacity(128 * self.keys.len());
        out.push(b'{');
        for (i, key) in self.keys.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, key).unwrap();
            out.push(b':');
            let flag = &self.store.flags[key];
            let found = ld::evaluate(&self.store, flag, black_box(context), None);
            let experiment = flag.is_experimentation_enabled(&found.reason);
            let answer = Answer {
                value: found.value,
                variation: found.variation_index,
                version: 1_234_567,
                flag_version: flag.version,
                track_events: flag.track_events || experiment,
                track_reason: experiment,
                reason: experiment.then_some(found.reason),
                debug_events_until_date: flag.debug_events_until_date,
            };
            serde_json::to_writer(&mut out, &answer).unwrap();
        }
        out.push(b'}');
        black_box(&out).len()
    }
}
