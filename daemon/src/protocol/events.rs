//! LaunchDarkly's analytics events: what they tell of evaluations and contexts.
//!
//! Each event is read by itself, and each member of it where it is needed: one that cannot be read costs only
//! itself, since it comes from an SDK whose author nobody can ask. Schemas 1 to 4 are read alike.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use shared::json::Json;

/// More events of one payload than this are not read: no SDK sends so many at once.
const MOST_EVENTS: usize = 100_000;
/// The most that one counter of one event says.
const MOST_COUNTED: f64 = 1e9;

/// Evaluations with the same outcome, as an SDK tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The flag's key.
    pub flag: String,
    /// The version that the SDK had.
    pub version: Option<i64>,
    /// The variation's index; `None` = the caller's default was served.
    pub variation: Option<usize>,
    /// The kind of the reason, where it is told.
    pub reason: Option<String>,
    /// The rule's id, where it is told.
    pub rule: Option<String>,
    /// When, in milliseconds since 1970, by the SDK's clock.
    pub at: Option<i64>,
    /// How often.
    pub count: u64,
}

/// What a payload tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// Evaluations.
    pub evaluations: Vec<Told>,
    /// Contexts, as they arrived, in order.
    pub contexts: Vec<Json>,
    /// How many events could not be read.
    pub unread: usize,
}

/// The payload is no JSON.
#[derive(Debug, thiserror::Error)]
#[error("the events are no JSON: {0}")]
pub struct NoJson(#[from] serde_json::Error);

/// Reads a payload: an array of events. A lone object is taken and ignored: some SDKs send their diagnostics here
/// a second time.
///
/// `unsummarized` are those of SDKs that count nothing themselves (PHP): with others each evaluation is in a
/// summary, also where it has an event of its own.
///
/// # Errors
/// It is no JSON.
pub fn read(body: &[u8], unsummarized: bool) -> Result<Payload, NoJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let payload = serde::Deserializer::deserialize_any(&mut deserializer, Events { unsummarized })?;
    deserializer.end()?;
    Ok(payload)
}

struct Events {
    unsummarized: bool,
}

impl<'de> Visitor<'de> for Events {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Payload, A::Error> {
        let mut payload = Payload::default();
        let mut number = 0;
        while let Some(event) = events.next_element::<&RawValue>()? {
            number += 1;
            let read = number <= MOST_EVENTS && take(event, self.unsummarized, &mut payload).is_some();
            payload.unread += usize::from(!read);
        }
        Ok(payload)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Payload, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Payload::default())
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    context: Option<&'a RawValue>,
    /// Before there were contexts.
    #[serde(borrow, default)]
    user: Option<&'a RawValue>,
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    variation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "creationDate")]
    created: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "endDate")]
    end: Option<&'a RawValue>,
    #[serde(borrow, default)]
    features: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(borrow, default)]
    counters: Vec<Counter<'a>>,
}

#[derive(Deserialize)]
struct Counter<'a> {
    #[serde(borrow, default)]
    variation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    count: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Reason<'a> {
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "ruleId")]
    rule: Option<&'a RawValue>,
}

/// Takes what an event tells; `None` where it cannot be read.
fn take(event: &RawValue, unsummarized: bool, into: &mut Payload) -> Option<()> {
    let event: Event<'_> = serde_json::from_str(event.get()).ok()?;
    let mut seen = event.context.or(event.user);
    match event.kind.as_ref() {
        "summary" => summary(&event, into)?,
        "feature" if unsummarized => {
            let reason = event.reason.and_then(|raw| serde_json::from_str::<Reason<'_>>(raw.get()).ok());
            into.evaluations.push(Told {
                flag: text(event.key)?,
                version: number(event.version),
                variation: index(event.variation),
                reason: reason.as_ref().and_then(|reason| text(reason.kind)),
                rule: reason.as_ref().and_then(|reason| text(reason.rule)),
                at: number(event.created),
                count: 1,
            });
        }
        // Their contexts are told in full by other events, and with less here.
        "feature" | "migration_op" => seen = None,
        _ => {}
    }
    if let Some(raw) = seen.filter(|raw| raw.get() != "null") {
        into.contexts.push(shared::json::parse(raw.get()).ok()?);
    }
    Some(())
}

fn summary(event: &Event<'_>, into: &mut Payload) -> Option<()> {
    let features: BTreeMap<Cow<'_, str>, Feature<'_>> = serde_json::from_str(event.features?.get()).ok()?;
    let at = number(event.end);
    for (flag, feature) in features {
        for counter in feature.counters {
            let count = decimal(counter.count).unwrap_or(0.0).clamp(0.0, MOST_COUNTED);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just above")]
            let count = count as u64;
            if count > 0 {
                into.evaluations.push(Told {
                    flag: flag.to_string(),
                    version: number(counter.version),
                    variation: index(counter.variation),
                    reason: None,
                    rule: None,
                    at,
                    count,
                });
            }
        }
    }
    Some(())
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A number, also where an SDK's language writes 3 as 3.0.
fn decimal(raw: Option<&RawValue>) -> Option<f64> {
    raw?.get().parse().ok().filter(|number: &f64| number.is_finite())
}

fn number(raw: Option<&RawValue>) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "within what a float holds exactly")]
    decimal(raw).filter(|number| number.abs() <= EXACT).map(|number| number as i64)
}

fn index(raw: Option<&RawValue>) -> Option<usize> {
    number(raw).and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(flag: &str, version: Option<i64>, variation: Option<usize>, at: i64, count: u64) -> Told {
        let (reason, rule) = (None, None);
        Told { flag: flag.to_owned(), version, variation, reason, rule, at: Some(at), count }
    }

    #[test]
    fn a_summary_tells_how_often_which_variation_of_which_version() {
        let body = br#"[{"kind":"summary","startDate":1,"endDate":2000,"features":{
            "a":{"default":{"deep":[1e999]},"contextKinds":["user"],"counters":[
                {"value":9007199254740993,"variation":1,"version":7,"count":3},
                {"value":"\ud800","variation":0.0,"version":7.0,"count":2},
                {"value":null,"unknown":true,"count":1},
                {"variation":0,"version":8,"count":0},{"variation":0,"count":-4}]},
            "b":{"counters":[{"variation":0,"version":1,"count":1e300}]}}}]"#;
        let payload = read(body, false).unwrap();
        assert_eq!(
            payload.evaluations,
            [
                told("a", Some(7), Some(1), 2000, 3),
                told("a", Some(7), Some(0), 2000, 2),
                told("a", None, None, 2000, 1),
                told("b", Some(1), Some(0), 2000, 1_000_000_000),
            ]
        );
        assert_eq!((payload.contexts.len(), payload.unread), (0, 0));
    }

    #[test]
    fn single_evaluations_count_only_where_nothing_is_summarized() {
        let body = br#"[{"kind":"feature","creationDate":5,"key":"a","value":true,"variation":0,"version":3,
            "reason":{"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"beta"},"context":{"kind":"user","key":"x"}},
            {"kind":"debug","creationDate":5,"key":"a","variation":0,"context":{"kind":"user","key":"y"}}]"#;
        let payload = read(body, false).unwrap();
        assert_eq!(payload.evaluations, []);
        assert_eq!(payload.contexts, [shared::json::parse(r#"{"kind":"user","key":"y"}"#).unwrap()]);
        let payload = read(body, true).unwrap();
        let wanted = Told {
            reason: Some("RULE_MATCH".to_owned()),
            rule: Some("beta".to_owned()),
            ..told("a", Some(3), Some(0), 5, 1)
        };
        assert_eq!((payload.evaluations, payload.contexts.len()), (vec![wanted], 2));
    }

    #[test]
    fn contexts_come_from_each_kind_that_tells_them_whole_and_users_count_as_such() {
        let body =
            br#"[{"kind":"index","context":{"kind":"org","key":"a"}},{"kind":"identify","user":{"key":"b"}},
            {"kind":"custom","key":"bought","context":{"kind":"user","key":"c"},"data":{"x":[[[]]]}},
            {"kind":"custom","contextKeys":{"user":"c"}},{"kind":"pageview","context":null},
            {"kind":"migration_op","context":{"kind":"user","key":"d"}},
            {"kind":"summary","context":{"kind":"user","key":"e"},"features":{}}]"#;
        let payload = read(body, false).unwrap();
        let keys: Vec<_> =
            payload.contexts.iter().filter_map(|c| c.get("key").and_then(Json::as_str)).collect();
        assert_eq!((keys, payload.unread), (vec!["a", "b", "c", "e"], 0));
    }

    #[test]
    fn what_cannot_be_read_costs_only_itself() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = format!(
            r#"[1,"x",null,{{}},{{"kind":7}},{{"kind":"summary"}},{{"kind":"summary","features":[]}},{deep},
             {{"kind":"index","context":{{"kind":"user","key":"a","x":{deep}}}}},
             {{"kind":"custom","data":{deep},"context":{{"kind":"user","key":"b"}}}}]"#
        );
        let payload = read(body.as_bytes(), false).unwrap();
        assert_eq!((payload.unread, payload.contexts.len()), (9, 1));
    }

    #[test]
    fn whatever_arrives_is_read_or_refused() {
        let whole = br#"[{"kind":"summary","endDate":2000,"features":{"a":{"counters":[{"variation":1,"version":7,
            "count":3}]}}},{"kind":"feature","key":"a","reason":{"kind":"OFF"},"context":{"kind":"multi","user":{"key":
            "\u00e9"}}},{"kind":"index","user":{"key":"b","custom":{"n":[1.0,null,true]}}}]"#;
        let mut state = 1_u64;
        let mut chance = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut read_whole = 0;
        for _ in 0..10_000 {
            let mut body = whole.to_vec();
            for _ in 0..=chance(3) {
                let at = chance(body.len());
                match chance(4) {
                    0 => body.truncate(at.max(1)),
                    1 => body[at] = b"[]{}\",:0e-\\n"[chance(12)],
                    2 => body[at] = chance(256) as u8,
                    _ => drop(body.drain(at..(at + chance(20)).min(body.len()))),
                }
                if body.is_empty() {
                    body.push(b'[');
                }
            }
            read_whole += usize::from(read(&body, chance(2) == 0).is_ok());
        }
        assert!(read_whole > 100, "some of them are still events: {read_whole}");
    }

    #[test]
    fn a_lone_object_is_taken_and_what_is_no_json_is_not() {
        assert_eq!(read(br#" {"kind":"diagnostic","id":{}} "#, false).unwrap(), Payload::default());
        for bad in ["", "[", "[1,", "[]x", "nope", "\"text\"", "17", "null", "[\"\u{1}\"]"] {
            assert!(read(bad.as_bytes(), false).is_err(), "{bad:?}");
        }
        assert!(read(b"[\"\xff\"]", false).is_err());
    }
}
