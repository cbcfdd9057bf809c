//! A payload as LaunchDarkly serves it, evaluated without a daemon: for questions and for CI.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::budget::{Budget, Spent};
use super::explain::explain_within;
use super::outcome::{Evaluation, evaluate_within};
use super::prepare::{
    PreparedFlag, PreparedSegment, prepare_flag, prepare_flag_within, prepare_segment, prepare_segment_within,
};
use super::reason::{ErrorKind, Reason};
use super::store::Store;
use super::trace::Explanation;
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{Json, parse_within};
use crate::targeting::PatternBounds;

/// The most patterns in one payload from somebody else: each may take 256 KiB once compiled.
pub const MAX_PATTERNS: usize = 400;
/// The most steps of one evaluation of documents of one's own: minutes, where one would wait for ever.
pub const OWN_STEPS: u64 = 20_000_000_000;

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
    /// polls have it. Both members may be missing. Patterns are bounded as strangers' are.
    ///
    /// # Errors
    /// It is no such object. What is wrong inside a flag or a segment is no error but in [`Self::faults`].
    pub fn prepare(json: &Json) -> Result<Self, Vec<Fault>> {
        Self::within(json, PatternBounds::NARROW)
    }

    fn within(json: &Json, patterns: PatternBounds) -> Result<Self, Vec<Fault>> {
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
            (Ok(flags), Ok(segments)) => Ok(Self::of(copied(flags), copied(segments), place, patterns)),
            (flags, segments) => Err([flags.err(), segments.err()].into_iter().flatten().collect()),
        }
    }

    /// The same out of a text of one's own, in which patterns may be larger. A document that cannot be kept (a number beyond what JSON readers hold, a member
    /// that stands twice) is malformed without hurting the others.
    ///
    /// # Errors
    /// It is no JSON, or no such object.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let error = match parse_within(text, MAX_DEPTH) {
            Ok(json) => return Self::within(&json, PatternBounds::WIDE),
            Err(error) => error,
        };
        let whole = raw(text).filter(|_| !error.syntax);
        let Some(whole) = whole else {
            let detail = format!("line {}, column {}: {}", error.line, error.column, error.detail);
            return Err(vec![Fault::new(error.pointer, detail)]);
        };
        let data = whole.get("data").filter(|_| whole.get("flags").is_none()).and_then(raw);
        let (payload, place) = data.map_or((whole, ""), |data| (data, "/data"));
        let (flags, segments) = (by_key(payload.get("flags")), by_key(payload.get("segments")));
        Ok(Self::of(flags, segments, place, PatternBounds::WIDE))
    }

    /// Prepares one's own texts of flags and of segments by key. Never fails: what is not such an object holds nothing,
    /// and a document that cannot be kept is malformed without hurting the others.
    pub fn read(flags: Option<&str>, segments: Option<&str>) -> Self {
        Self::of(by_key(flags), by_key(segments), "", PatternBounds::WIDE)
    }

    fn of(flags: Texts, segments: Texts, place: &str, patterns: PatternBounds) -> Self {
        let mut out = Self::default();
        for (key, document) in flags {
            let prepared =
                document.and_then(|document| prepare_flag_within(&named(&key, document), patterns));
            let (prepared, faults) =
                kept(prepared, PreparedFlag::unusable, |faults| unread_flag(&key, faults));
            out.put(faults, place, "flags", &key);
            out.flags.extend(prepared.map(|flag| (key.clone(), flag)));
            out.keys.push(key);
        }
        for (key, document) in segments {
            let prepared =
                document.and_then(|document| prepare_segment_within(&named(&key, document), patterns));
            let (prepared, faults) =
                kept(prepared, PreparedSegment::unusable, |faults| unread_segment(&key, faults));
            out.put(faults, place, "segments", &key);
            out.segments.extend(prepared.map(|segment| (key, segment)));
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

    /// What could not be read, and what of clauses never matches here, with pointers into the payload.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Evaluates one flag of one's own.
    ///
    /// # Errors
    /// There is no such flag; an exception where it takes longer than anybody waits.
    pub fn evaluate(&self, key: &str, context: &Context) -> Result<Evaluation<'_>, ErrorKind> {
        match self.evaluate_within(key, context, Budget::of(OWN_STEPS)) {
            Ok(found) => found.ok_or(ErrorKind::FlagNotFound),
            Err(Spent) => Err(ErrorKind::Exception),
        }
    }

    /// Evaluates one flag of one's own and tells every step.
    ///
    /// # Errors
    /// There is no such flag; an exception where it takes longer than anybody waits.
    pub fn explain(&self, key: &str, context: &Context) -> Result<Explanation, ErrorKind> {
        match self.explain_within(key, context, Budget::of(OWN_STEPS)) {
            Ok(told) => told.ok_or(ErrorKind::FlagNotFound),
            Err(Spent) => Err(ErrorKind::Exception),
        }
    }

    /// Evaluates one flag within a budget; `None` if there is no such flag.
    ///
    /// # Errors
    /// The budget was used up.
    pub fn evaluate_within(
        &self,
        key: &str,
        context: &Context,
        budget: Budget,
    ) -> Result<Option<Evaluation<'_>>, Spent> {
        self.flags.get(key).map(|flag| evaluate_within(self, flag, context, budget)).transpose()
    }

    /// Evaluates one flag within a budget and tells every step; `None` if there is no such flag.
    ///
    /// # Errors
    /// The budget was used up.
    pub fn explain_within(
        &self,
        key: &str,
        context: &Context,
        budget: Budget,
    ) -> Result<Option<Explanation>, Spent> {
        self.flags.get(key).map(|flag| explain_within(self, flag, context, budget)).transpose()
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
            .0
            .into_iter()
            .map(|(key, text)| {
                let read = parse_within(text, MAX_DEPTH);
                (key, read.map_err(|error| vec![Fault::new(error.pointer, error.detail)]))
            })
            .collect(),
    }
}

fn raw(text: &str) -> Option<Raw<'_>> {
    serde_json::from_str(text).ok()
}

/// The members of an object, in order, as they were written; of several with one key the last counts.
#[derive(Default)]
struct Raw<'t>(Vec<(String, &'t str)>);

impl<'t> Raw<'t> {
    fn get(&self, name: &str) -> Option<&'t str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, text)| *text)
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                let (mut members, mut places) = (Vec::new(), HashMap::new());
                while let Some((key, text)) = map.next_entry::<String, &RawValue>()? {
                    let place = *places.entry(key.clone()).or_insert(members.len());
                    match members.get_mut(place) {
                        Some((_, known)) => *known = text.get(),
                        None => members.push((key, text.get())),
                    }
                }
                Ok(Raw(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
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

/// Stands for a flag that cannot be read, which makes every evaluation that needs it malformed.
fn unread_flag(key: &str, faults: &[Fault]) -> Option<PreparedFlag> {
    let document = [("key", Json::from("?"))].into_iter().collect();
    let mut flag = prepare_flag(&document).ok()?;
    (flag.key, flag.unread) = (key.into(), Some(first(faults)));
    Some(flag)
}

/// What stands for a document, and what is to be said of it.
fn kept<T>(
    prepared: Result<T, Vec<Fault>>,
    unusable: impl FnOnce(&T) -> Vec<Fault>,
    unread: impl FnOnce(&[Fault]) -> Option<T>,
) -> (Option<T>, Vec<Fault>) {
    match prepared {
        Ok(prepared) => {
            let faults = unusable(&prepared);
            (Some(prepared), faults)
        }
        Err(faults) => (unread(&faults), faults),
    }
}

/// Stands for a segment that cannot be read, which makes every evaluation that asks it malformed.
fn unread_segment(key: &str, faults: &[Fault]) -> Option<PreparedSegment> {
    let document = [("key", Json::from("?")), ("unbounded", Json::Bool(true))].into_iter().collect();
    let mut segment = prepare_segment(&document).ok()?;
    (segment.key, segment.unread) = (key.into(), Some(first(faults)));
    Some(segment)
}

fn first(faults: &[Fault]) -> Box<str> {
    let told = faults.first().map(|fault| format!("{} {}", fault.pointer, fault.detail));
    format!("it cannot be read: {}", told.unwrap_or_default().trim()).into()
}
