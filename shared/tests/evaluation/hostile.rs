//! Whatever bytes come, they are evaluated or refused: targets that a fuzzer can call too.
//!
//! Each is a plain function, fed here with mutated documents. More inputs than 10,000 a target: `FLAGSTAFF_TEST_INPUTS=1000000`.

use crate::dice::Dice;
use crate::generate::{Generated, references};
use crate::peer;
use shared::context::{Context, Reference};
use shared::eval::{Documents, count_patterns, prepare_flag, prepare_segment, write_answer};
use shared::json::{Json, parse, parse_within};
use shared::project::ClientSideAvailability;
use shared::targeting::{check_flag, check_segment, compose_flag, compose_segment};

/// Any text as a payload.
pub fn payloads(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    drop(Documents::read(Some(text), Some(text)));
    let Ok(json) = parse(text) else { return };
    // As over the API: the patterns of others are bounded before anything is compiled.
    if count_patterns(&json) > 2 {
        return;
    }
    let Ok(documents) = Documents::prepare(&json) else { return };
    let who = Context::of("org", "o1").unwrap();
    for key in documents.keys().iter().map(String::as_str).chain(["gone"]) {
        let mut out = String::new();
        let answer = documents.evaluate(key, &who);
        write_answer(&answer, &mut out);
        let line = parse_within(&out, 512).unwrap_or_else(|error| panic!("{error}: {out}"));
        assert!(line.get("reason").is_some_and(|reason| reason.get("kind").is_some()), "{out}");
        if let (Ok(answer), Ok(told)) = (answer, documents.explain(key, &who)) {
            assert_eq!(told.variation, answer.variation_index);
        }
    }
}

/// Any text as a flag and as a segment.
pub fn documents(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(json) = parse(text) else { return };
    if count_patterns(&json) > 2 {
        return;
    }
    let flag = prepare_flag(&json);
    let composed = compose_flag("f", 1, "s", &[], ClientSideAvailability::default(), &json);
    assert!(parse(&composed.to_text()).is_ok());
    if check_flag(&json, 9, &|_| true).is_empty() {
        assert!(prepare_flag(&composed).is_ok(), "checked, but cannot be prepared: {text}");
        assert!(flag.is_ok() || json.get("key").is_none() || json.get("variations").is_some(), "{text}");
    }
    let segment = prepare_segment(&json);
    if check_segment(&json).is_empty() {
        assert!(prepare_segment(&compose_segment("s", 1, "s", &json)).is_ok(), "{text}");
        assert!(segment.is_ok() || json.get("key").is_none(), "{text}");
    }
}

/// Any text as a context.
pub fn contexts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(json) = parse(text) else { return };
    match Context::parse(&json) {
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason: {text}"),
        Ok(context) => {
            let canonical = context.to_canonical_text();
            let again = Context::parse(&parse(&canonical).unwrap()).unwrap();
            assert_eq!(again.to_canonical_text(), canonical, "{text}");
            assert_eq!(again.canonical_key(), context.canonical_key(), "{text}");
            assert!(!context.individuals().is_empty());
        }
    }
}

/// Any text as a reference to an attribute.
pub fn attribute_references(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let who = peer::context(r#"{"kind":"user","key":"u"}"#).unwrap();
    let theirs = peer::value(&who, "user", text).is_ok();
    let ours = Reference::parse(text);
    assert_eq!(ours.is_ok(), theirs, "{text:?}: {ours:?}");
    if let Ok(reference) = ours {
        assert_eq!(Reference::parse(reference.as_str()), Ok(reference), "{text:?}");
    }
    if let Ok(literal) = Reference::literal(text) {
        let again = Reference::parse(literal.as_str()).unwrap();
        assert_eq!((again.first(), again.rest().len()), (text, 0));
    }
}

const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "-1",
    "1e999",
    "0.5",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "{\"a\":[",
    "~",
    "~0",
    "~2",
    "/",
    "\"kind\":\"multi\",",
    "\"key\":\"\",",
    "9007199254740993",
    "é",
];

/// The seed's bytes with a few things done to them.
fn mutated(dice: &mut Dice, seed: &str) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(12)).min(bytes.len());
        match dice.below(5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = dice.pick(&PIECES).bytes();
                bytes.splice(at..end, piece);
            }
            2 => {
                let piece = dice.pick(&PIECES).bytes();
                bytes.splice(at..at, piece);
            }
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.below(256) as u8;
                }
            }
        }
    }
    bytes
}

/// Feeds a target, and shows the input that it does not stand.
fn feed(target: fn(&[u8]), seeds: &[String]) {
    let inputs: u32 = std::env::var("FLAGSTAFF_TEST_INPUTS").map_or(10_000, |text| text.parse().unwrap());
    let dice = &mut Dice::new(7);
    for _ in 0..inputs {
        let seed = dice.below(seeds.len());
        let bytes = mutated(dice, &seeds[seed]);
        if let Err(cause) = std::panic::catch_unwind(|| target(&bytes)) {
            println!("the input was {:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(cause);
        }
    }
}

fn payload(seed: u64) -> String {
    let generated = Generated::new(seed);
    let by_key = |documents: &[(String, String)]| {
        documents.iter().take(1).map(|(key, text)| format!("{key:?}:{text}")).collect::<Vec<_>>().join(",")
    };
    format!(r#"{{"flags":{{{}}},"segments":{{{}}}}}"#, by_key(&generated.flags), by_key(&generated.segments))
}

#[test]
fn ten_thousand_payloads_are_evaluated_or_refused() {
    feed(payloads, &(1..40).map(payload).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_documents_are_evaluated_or_refused() {
    let all = (1..20).map(Generated::new).flat_map(|one| one.flags.into_iter().chain(one.segments));
    feed(documents, &all.map(|(_, text)| text).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_contexts_are_read_or_refused() {
    feed(contexts, &(1..40).flat_map(|seed| Generated::new(seed).contexts).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_references_are_read_or_refused_as_launchdarkly_does() {
    feed(attribute_references, &references().into_iter().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn what_is_too_deep_is_refused_without_a_stack() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(200_000);
        payloads(deep.as_bytes());
        documents(deep.as_bytes());
        contexts(deep.as_bytes());
    }
    assert_eq!(Documents::prepare(&Json::Null).unwrap_err().len(), 1);
}
