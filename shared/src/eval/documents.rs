//! A payload as LaunchDarkly serves it, evaluated without a daemon: for questions and for CI.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::explain::explain;
use super::outcome::{Evaluation, evaluate};
use super::prepare::{PreparedFlag, PreparedSegment, prepare_flag, prepare_segment};
use super::reason::{ErrorKind, Reason};
use super::store::Store;
use super::trace::Explanation;
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{Json, parse_within};

/// The most patterns in one payload from somebody else: each may take 256 KiB once compiled.
pub const MAX_PATTERNS: usize = 400;

/// The flags and segments of one payload, prepared. What can't be read is kept as malformed: it answers so
/// itself, and so does whatever needs it, and nothing else is hurt.
#[derive(Debug, Default)]
pub struct Documents {
    // In the order of the payload.
    keys: Vec<String>,
    flags: HashMap<String, PreparedFlag>,
    segments: HashMap<String, PreparedSegment>,
    faults: Vec<Fault>,
}

impl Documents {
    /// Prepares `{"flags": {..}, "segments": {..}}`, or the same below `data`, as LaunchDarkly's streams and
    /// polls have it. Both members may be missing.
    ///
    /// # Errors
    /// It is no such object. What is wrong inside a flag or a segment is no error but in [`Self::faults`].
    pub fn prepare(json: &Json) -> Result<Self, Vec<Fault>> {
        let (payload, place) = match json.get("data") {
            Some(data) if json.get("flags").is_none() => (data, "/data"),
            _ => (json, ""),
        };
        if payload.as_object().is_none() {
            let detail = format!("must be an object with flags and segments, not {}", payload.type_name());
            return Err(vec![Fault::new(place, detail)]);
        }
        let (flags, segments) = (members(payload, place, "flags"), members(payload, place, "segments"));
        match (flags, segments) {
            (Ok(flags), Ok(segments)) => Ok(Self::of(copied(flags), copied(segments), place)),
            (flags, segments) => Err([flags.err(), segments.err()].into_iter().flatten().collect()),
        }
    }

    /// The same out of a text. A document that cannot be kept (a number beyond what JSON readers hold, a member
    /// that stands twice) is malformed without hurting the others.
    ///
    /// # Errors
    /// It is no JSON, or no such object.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let error = match parse_within(text, MAX_DEPTH) {
            Ok(json) => return Self::prepare(&json),
            Err(error) => error,
        };
        let whole = raw(text).filter(|_| !error.syntax);
        let Some(whole) = whole else {
            let detail = format!("line {}, column {}: {}", error.line, error.column, error.detail);
            return Err(vec![Fault::new(error.pointer, detail)]);
        };
        let data =
            whole.get("data").filter(|_| !whole.contains_key("flags")).and_then(|data| raw(data.get()));
        let (payload, place) = data.map_or((whole, ""), |data| (data, "/data"));
        let text = |name: &str| payload.get(name).map(|text| text.get());
        Ok(Self::of(by_key(text("flags")), by_key(text("segments")), place))
    }

    /// Prepares the texts of flags and of segments by key. Never fails: what is not such an object holds nothing,
    /// and a document that cannot be kept is malformed without hurting the others.
    pub fn read(flags: Option<&str>, segments: Option<&str>) -> Self {
        Self::of(by_key(flags), by_key(segments), "")
    }

    fn of(flags: Texts, segments: Texts, place: &str) -> Self {
        let mut out = Self::default();
        for (key, document) in flags {
            let prepared = document.and_then(|document| prepare_flag(&named(&key, document)));
            let prepared = prepared.map_err(|faults| out.put(faults, place, "flags", &key));
            out.flags.extend(prepared.ok().or_else(|| malformed_flag(&key)).map(|flag| (key.clone(), flag)));
            out.keys.push(key);
        }
        for (key, document) in segments {
            let prepared = document.and_then(|document| prepare_segment(&named(&key, document)));
            let prepared = prepared.map_err(|faults| out.put(faults, place, "segments", &key));
            out.segments.extend(prepared.ok().or_else(|| malformed_segment(&key)).map(|s| (key, s)));
        }
        out
    }

    fn put(&mut self, faults: Vec<Fault>, place: &str, list: &str, key: &str) {
        let key = key.replace('~', "~0").replace('/', "~1");
        let at = |fault: Fault| Fault::new(format!("{place}/{list}/{key}{}", fault.pointer), fault.detail);
        self.faults.extend(faults.into_iter().map(at));
    }

    /// The keys of its flags, in the order of the payload, tombstones included.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Whether there is such a flag, readable or not.
    pub fn holds(&self, key: &str) -> bool {
        self.flags.contains_key(key)
    }

    /// What could not be read, with pointers into the payload.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Evaluates one flag.
    ///
    /// # Errors
    /// There is no such flag.
    pub fn evaluate(&self, key: &str, context: &Context) -> Result<Evaluation<'_>, ErrorKind> {
        let flag = self.flags.get(key).ok_or(ErrorKind::FlagNotFound)?;
        Ok(evaluate(self, flag, context))
    }

    /// Evaluates one flag and tells every step.
    ///
    /// # Errors
    /// There is no such flag.
    pub fn explain(&self, key: &str, context: &Context) -> Result<Explanation, ErrorKind> {
        let flag = self.flags.get(key).ok_or(ErrorKind::FlagNotFound)?;
        Ok(explain(self, flag, context))
    }
}

impl Store for Documents {
    fn flag(&self, key: &str) -> Option<&PreparedFlag> {
        self.flags.get(key)
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        self.segments.get(key)
    }
}

/// How many patterns the clauses of a payload hold; more than [`MAX_PATTERNS`] are not to be taken from others.
pub fn count_patterns(json: &Json) -> usize {
    match json {
        Json::Object(members) => {
            let own = match (json.get("op").and_then(Json::as_str), json.get("values")) {
                (Some("matches"), Some(Json::Array(values))) => values.len(),
                _ => 0,
            };
            own + members.iter().map(|(_, value)| count_patterns(value)).sum::<usize>()
        }
        Json::Array(items) => items.iter().map(count_patterns).sum(),
        _ => 0,
    }
}

/// Writes `{"value": .., "variationIndex": .., "reason": ..}`: the value as its author wrote it, both null
/// where the caller's default applies.
pub fn write_answer(answer: &Result<Evaluation<'_>, ErrorKind>, out: &mut String) {
    let (text, index, reason) = match answer {
        Ok(found) => (found.text(), found.variation_index, found.reason),
        Err(kind) => (None, None, Reason::error(*kind)),
    };
    out.push_str("{\"value\":");
    out.push_str(text.map_or("null", |text| text));
    out.push_str(",\"variationIndex\":");
    match index {
        Some(index) => Json::from(index).write(out),
        None => out.push_str("null"),
    }
    out.push_str(",\"reason\":");
    Json::from_serialize(&reason).write(out);
    out.push('}');
}

// As deep as what a document may hold can lie in a payload.
const MAX_DEPTH: usize = 128;

/// Documents by key, each read by itself.
type Texts = Vec<(String, Result<Json, Vec<Fault>>)>;

fn copied(members: &[(String, Json)]) -> Texts {
    members.iter().map(|(key, document)| (key.clone(), Ok(document.clone()))).collect()
}

fn by_key(text: Option<&str>) -> Texts {
    let Some(text) = text else { return Vec::new() };
    match parse_within(text, MAX_DEPTH) {
        Ok(Json::Object(members)) => members.into_iter().map(|(key, document)| (key, Ok(document))).collect(),
        Ok(_) => Vec::new(),
        // One by one.
        Err(_) => raw(text)
            .unwrap_or_default()
            .into_iter()
            .map(|(key, text)| {
                let read = parse_within(text.get(), MAX_DEPTH);
                (key, read.map_err(|error| vec![Fault::new(error.pointer, error.detail)]))
            })
            .collect(),
    }
}

fn raw(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn members<'j>(payload: &'j Json, place: &str, name: &str) -> Result<&'j [(String, Json)], Fault> {
    match payload.get(name) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Object(members)) => Ok(members),
        Some(other) => {
            let detail = format!("must be an object of documents by key, not {}", other.type_name());
            Err(Fault::new(format!("{place}/{name}"), detail))
        }
    }
}

/// A document that lacks its key has that of its member.
fn named(key: &str, mut document: Json) -> Json {
    if document.as_object().is_some() && document.get("key").is_none_or(Json::is_null) {
        document.set("key", Json::from(key));
    }
    document
}

/// A flag that leads back to itself, which makes every evaluation that needs it malformed.
fn malformed_flag(key: &str) -> Option<PreparedFlag> {
    let itself: Json = [("key", Json::from(key)), ("variation", Json::from(0_i64))].into_iter().collect();
    let document =
        [("key", own_name(key)), ("on", Json::Bool(true)), ("prerequisites", Json::Array(vec![itself]))];
    prepare_flag(&document.into_iter().collect()).ok()
}

/// A segment that leads back to itself, which makes every evaluation that asks it malformed.
fn malformed_segment(key: &str) -> Option<PreparedSegment> {
    let itself = [("op", Json::from("segmentMatch")), ("values", Json::Array(vec![Json::from(key)]))];
    let rule: Json = [("clauses", Json::Array(vec![itself.into_iter().collect()]))].into_iter().collect();
    let document = [("key", own_name(key)), ("rules", Json::Array(vec![rule]))];
    prepare_segment(&document.into_iter().collect()).ok()
}

fn own_name(key: &str) -> Json {
    Json::from(if key.is_empty() { "?" } else { key })
}
