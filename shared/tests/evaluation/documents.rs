//! Payloads on their own: what is malformed answers so, and hurts nothing else.

use crate::world::{context, flag, json, user};
use shared::context::Context;
use shared::eval::{Documents, count_patterns, write_answer};

fn answer(documents: &Documents, key: &str, context: &Context) -> String {
    let mut out = String::new();
    write_answer(&documents.evaluate(key, context), &mut out);
    out
}

const MALFORMED: &str =
    r#"{"value":null,"variationIndex":null,"reason":{"kind":"ERROR","errorKind":"MALFORMED_FLAG"}}"#;
const NOT_FOUND: &str =
    r#"{"value":null,"variationIndex":null,"reason":{"kind":"ERROR","errorKind":"FLAG_NOT_FOUND"}}"#;

#[test]
fn a_payload_evaluates_with_its_segments_and_numbers_as_they_were_written() {
    let text = r#"{"flags":{"f":{"key":"f","version":3,"on":true,"salt":"s","variations":[1.0,{"b":1e2,"a":[2.50]},10E-1],
        "fallthrough":{"variation":0},"offVariation":2,
        "rules":[{"id":"r","variation":1,"clauses":[{"attribute":"","op":"segmentMatch","values":["beta"]}]}]}},
        "segments":{"beta":{"key":"beta","included":["anna"]}}}"#;
    for text in [text.to_owned(), format!(r#"{{"path":"/","data":{text}}}"#)] {
        let documents = Documents::prepare(&json(&text)).unwrap();
        assert!(documents.faults().is_empty());
        assert_eq!(documents.keys(), ["f"]);
        let anna = r#"{"value":{"b":1e2,"a":[2.50]},"variationIndex":1,"reason":{"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r"}}"#;
        assert_eq!(answer(&documents, "f", &user("anna")), anna);
        let bob = r#"{"value":1.0,"variationIndex":0,"reason":{"kind":"FALLTHROUGH"}}"#;
        assert_eq!(answer(&documents, "f", &user("bob")), bob);
        assert_eq!(answer(&documents, "g", &user("bob")), NOT_FOUND);
        let told = documents.explain("f", &user("anna")).unwrap();
        assert!(told.rules[0].matched);
    }
}

#[test]
fn what_cannot_be_read_answers_so_and_so_does_what_needs_it() {
    let mut flags = vec![
        ("good".to_owned(), flag("good", "{}")),
        ("bad".to_owned(), json(r#"{"key":"bad","on":"yes","variations":{}}"#)),
        ("worse".to_owned(), json("7")),
        ("".to_owned(), json("[]")),
        ("nameless".to_owned(), json(r#"{"variations":["x"],"on":false,"offVariation":0}"#)),
        ("needs".to_owned(), flag("needs", r#"{"prerequisites":[{"key":"bad","variation":0}]}"#)),
        ("gone".to_owned(), flag("gone", r#"{"deleted":true}"#)),
    ];
    let asks = |segment: &str| {
        let rest = format!(
            r#"{{"rules":[{{"variation":1,"clauses":[{{"attribute":"","op":"segmentMatch","values":["{segment}"]}}]}}]}}"#
        );
        flag("asks", &rest)
    };
    flags.push(("asks".to_owned(), asks("broken")));
    flags.push(("asks-well".to_owned(), asks("fine")));
    let mut payload =
        json(r#"{"segments":{"broken":{"key":"broken","included":"anna"},"fine":{"key":"fine"}}}"#);
    payload.set("flags", shared::json::Json::Object(flags));
    let documents = Documents::prepare(&payload).unwrap();
    for key in ["bad", "worse", "", "needs", "asks"] {
        assert_eq!(answer(&documents, key, &user("anna")), MALFORMED, "{key}");
    }
    assert_eq!(answer(&documents, "gone", &user("anna")), NOT_FOUND);
    for key in ["good", "asks-well"] {
        assert!(answer(&documents, key, &user("anna")).contains("FALLTHROUGH"), "{key}");
    }
    assert!(answer(&documents, "nameless", &user("anna")).contains(r#"{"value":"x","variationIndex":0"#));
    let pointers: Vec<&str> = documents.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    let expected =
        ["/flags/bad/on", "/flags/bad/variations", "/flags/worse", "/flags/", "/segments/broken/included"];
    assert_eq!(pointers, expected);
}

#[test]
fn what_is_no_payload_is_refused_and_an_empty_one_holds_nothing() {
    for (text, pointer) in [
        ("[]", ""),
        (r#"{"data":7}"#, "/data"),
        (r#"{"flags":[]}"#, "/flags"),
        (r#"{"data":{"flags":{},"segments":"x"}}"#, "/data/segments"),
    ] {
        assert_eq!(Documents::prepare(&json(text)).unwrap_err()[0].pointer, pointer, "{text}");
    }
    for text in ["{}", r#"{"flags":null,"segments":{}}"#, r#"{"data":{}}"#] {
        let documents = Documents::prepare(&json(text)).unwrap();
        assert!(documents.keys().is_empty());
        assert_eq!(answer(&documents, "f", &context(r#"{"key":"u"}"#)), NOT_FOUND);
    }
}

#[test]
fn patterns_are_counted_wherever_they_stand() {
    let clause = r#"{"attribute":"a","op":"matches","values":["a","b"]}"#;
    let text = format!(
        r#"{{"flags":{{"f":{{"rules":[{{"clauses":[{clause},{{"op":"in","values":["c"]}}]}}]}}}},"segments":{{"s":{{"rules":[{{"clauses":[{clause}]}}]}}}}}}"#
    );
    assert_eq!(count_patterns(&json(&text)), 4);
}

#[test]
fn texts_that_cannot_be_kept_are_malformed_one_by_one() {
    let good = flag("good", "{}").to_text();
    let texts = format!(
        r#"{{"good":{good},"twice":{{"key":"twice","on":true,"on":false}},"huge":{{"key":"huge","variations":[1e999]}}}}"#
    );
    let documents = Documents::read(Some(&texts), Some("7"));
    assert!(answer(&documents, "good", &user("u")).contains("FALLTHROUGH"));
    for key in ["twice", "huge"] {
        assert_eq!(answer(&documents, key, &user("u")), MALFORMED, "{key}");
    }
    for (text, place) in [
        (format!(r#"{{"flags":{texts}}}"#), "/flags"),
        (format!(r#"{{"path":"/","data":{{"segments":{{}},"flags":{texts}}}}}"#), "/data/flags"),
    ] {
        let documents = Documents::parse(&text).unwrap();
        assert!(answer(&documents, "good", &user("u")).contains("FALLTHROUGH"));
        let pointers: Vec<&str> = documents.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("{place}/huge/variations/0"), format!("{place}/twice/on")]);
    }
    let broken = Documents::parse("{\n\"flags\": }").unwrap_err();
    assert!(broken[0].detail.starts_with("line 2, column 10"), "{broken:?}");
    for nothing in [None, Some("null"), Some("[]"), Some("{"), Some("")] {
        assert!(Documents::read(nothing, nothing).keys().is_empty(), "{nothing:?}");
    }
}
