//! Flags and segments from anybody are evaluated or refused.

use super::texts;
use shared::context::Context;
use shared::eval::{Documents, count_patterns, prepare_flag, prepare_segment, write_answer};
use shared::json::{parse, parse_within};
use shared::project::ClientSideAvailability;
use shared::targeting::{check_flag, check_segment, compose_flag, compose_segment};

/// Any text as a payload; behind a NUL, any text as the context that its flags are evaluated for.
pub fn payloads(bytes: &[u8]) {
    let Some([text, who]) = texts(bytes) else { return };
    let Ok(json) = parse(text) else { return drop(Documents::read(Some(text), Some(text))) };
    // As over the API: the patterns of others are bounded before anything is compiled.
    if count_patterns(&json) > 2 {
        return;
    }
    drop(Documents::read(Some(text), Some(text)));
    let Ok(documents) = Documents::prepare(&json) else { return };
    let who = Context::parse_sent(who.as_bytes()).unwrap_or_else(|_| Context::of("org", "o1").unwrap());
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
