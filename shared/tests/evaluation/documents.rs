//! Payloads on their own: what is malformed answers so, and hurts nothing else.

use crate::world::{context, flag, json, user};
use shared::context::Context;
use shared::eval::{Budget, Documents, Spent, count_patterns, evaluate_within, explain_within, write_answer};
use shared::eval::{EmptyStore, prepare_flag};
use shared::json::Json;
use std::fmt::Write as _;
use std::time::Instant;

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
        assert_eq!(documents.keys(), ["good", "twice", "huge"]);
        assert!(answer(&documents, "good", &user("u")).contains("FALLTHROUGH"));
        let pointers: Vec<&str> = documents.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("{place}/twice/on"), format!("{place}/huge/variations/0")]);
    }
    let broken = Documents::parse("{\n\"flags\": }").unwrap_err();
    assert!(broken[0].detail.starts_with("line 2, column 10"), "{broken:?}");
    for nothing in [None, Some("null"), Some("[]"), Some("{"), Some("")] {
        assert!(Documents::read(nothing, nothing).keys().is_empty(), "{nothing:?}");
    }
}

#[test]
fn what_cannot_be_read_is_explained_by_its_first_fault_and_no_steps() {
    let needs = flag("needs", r#"{"prerequisites":[{"key":"bad","variation":0}]}"#).to_text();
    let asks = flag(
        "asks",
        r#"{"rules":[{"variation":1,"clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}]}]}"#,
    );
    let text = format!(
        r#"{{"flags":{{"bad":{{"key":"bad","on":"yes","rules":7}},"needs":{needs},"asks":{asks}}},
        "segments":{{"s":{{"key":"s","included":"anna"}}}}}}"#
    );
    let documents = Documents::parse(&text).unwrap();
    let told = documents.explain("bad", &user("u")).unwrap();
    let fault = &documents.faults()[0];
    let said = |told: &shared::eval::Explanation| told.serve.as_ref().unwrap().problem.clone().unwrap();
    assert!(said(&told).ends_with(&fault.detail) && said(&told).contains("/on"), "{told:?}");
    assert!(told.prerequisites.is_empty() && told.rules.is_empty() && told.targets.is_empty() && !told.on);
    assert_eq!(told.reason.get("errorKind").and_then(Json::as_str), Some("MALFORMED_FLAG"));
    let told = documents.explain("needs", &user("u")).unwrap();
    let step = &told.prerequisites[0];
    assert!(said(step.explanation.as_ref().unwrap()).contains("/on"), "{told:?}");
    assert_eq!(step.detail, "what it needs contradicts itself, so there is no result");
    let told = documents.explain("asks", &user("u")).unwrap();
    let segment = &told.rules[0].clauses[0].segments[0];
    assert!(segment.detail.contains("/included") && segment.rules.is_empty(), "{told:?}");
}

#[test]
fn what_never_matches_here_is_told_with_its_place() {
    let long = "a".repeat(2000);
    let rules = format!(
        r#"{{"rules":[{{"variation":1,"clauses":[
            {{"attribute":"a","op":"matches","values":["b","{long}","("]}}]}},
            {{"variation":1,"clauses":[{{"attribute":"a","op":"hasTaste","values":[]}}]}}]}}"#
    );
    let text = format!(
        r#"{{"data":{{"flags":{{"f/1":{}}},
        "segments":{{"s":{{"key":"s","rules":[{{"clauses":[{{"attribute":"a","op":"like"}}]}}]}}}}}}}}"#,
        flag("f/1", &rules)
    );
    let strange = Documents::prepare(&json(&text)).unwrap();
    let told = |documents: &Documents| -> Vec<String> {
        documents.faults().iter().map(|f| format!("{} {}", f.pointer, f.detail)).collect()
    };
    let faults = told(&strange);
    let at = "/data/flags/f~11/rules";
    assert_eq!(
        faults[0],
        format!(
            "{at}/0/clauses/0/values/1 the pattern is too long, 2000 bytes where 1024 are read: it never matches"
        )
    );
    assert!(
        faults[1].starts_with(&format!("{at}/0/clauses/0/values/2 the pattern cannot be read")),
        "{faults:?}"
    );
    assert_eq!(faults[2], format!(r#"{at}/1/clauses/0/op unknown operator "hasTaste": it never matches"#));
    assert_eq!(
        faults[3],
        r#"/data/segments/s/rules/0/clauses/0/op unknown operator "like": it never matches"#
    );
    let who = context(&format!(r#"{{"kind":"user","key":"u","a":"{long}"}}"#));
    let steps = strange.explain("f/1", &who).unwrap().rules;
    assert!(steps[0].clauses[0].detail.contains("does not match; the pattern is too long"), "{steps:?}");
    assert!(steps[1].clauses[0].detail.contains(r#"unknown operator "hasTaste""#), "{steps:?}");

    // One's own are read as LaunchDarkly reads them.
    let own = Documents::parse(&text).unwrap();
    assert_eq!(told(&own).len(), 3);
    assert!(answer(&own, "f/1", &who).contains("RULE_MATCH"));
    assert!(answer(&strange, "f/1", &who).contains("FALLTHROUGH"));
}

/// A flag of which each of `names` asks the same segment, which compares `values` with an attribute.
fn costly(names: usize, values: usize) -> String {
    let mut list = String::new();
    for i in 0..values {
        write!(list, "{}\"v{i}\"", if i == 0 { "" } else { "," }).unwrap();
    }
    let clause = r#"{"attribute":"","op":"segmentMatch","negate":true,"values":["s"]}"#;
    let clauses = vec![clause; names].join(",");
    let flag = flag("f", &format!(r#"{{"rules":[{{"variation":1,"clauses":[{clauses}]}}]}}"#));
    format!(
        r#"{{"flags":{{"f":{flag}}},"segments":{{"s":{{"key":"s",
        "rules":[{{"clauses":[{{"attribute":"a","op":"contains","values":[{list}]}}]}}]}}}}}}"#
    )
}

fn wide(elements: usize) -> Context {
    context(&format!(r#"{{"kind":"user","key":"u","a":[{}]}}"#, vec![r#""-""#; elements].join(",")))
}

#[test]
fn an_evaluation_ends_where_its_budget_ends() {
    let documents = Documents::prepare(&json(&costly(64, 100))).unwrap();
    let who = wide(100);
    // Asked 64 times, the segment is evaluated no more than a few times.
    let found = documents.evaluate_within("f", &who, Budget::of(100_000)).unwrap().unwrap();
    assert_eq!(found.variation_index, Some(1));
    assert_eq!(found.reason, documents.evaluate("f", &who).unwrap().reason);
    assert!(documents.explain_within("f", &who, Budget::of(100_000)).unwrap().unwrap().rules[0].matched);
    for steps in [0, 1, 9999] {
        assert_eq!(documents.evaluate_within("f", &who, Budget::of(steps)).unwrap_err(), Spent);
        assert_eq!(documents.explain_within("f", &who, Budget::of(steps)).unwrap_err(), Spent);
    }
    // Nor does it go on beyond its time.
    let now = Instant::now();
    let late = Budget::of(u64::MAX).until(now);
    assert_eq!(documents.evaluate_within("f", &who, late.clone()).unwrap_err(), Spent);
    assert!(documents.evaluate_within("gone", &who, late.clone()).unwrap().is_none());
    let plain = prepare_flag(&flag("p", "{}")).unwrap();
    assert!(evaluate_within(&EmptyStore, &plain, &who, late.clone()).is_ok());
    assert!(explain_within(&EmptyStore, &plain, &who, late).is_ok());
}

#[test]
fn every_operator_is_the_same_within_a_budget_and_costs_its_operands() {
    let who = context(r#"{"kind":"user","key":"u","a":["x",1,"1.2.3","2026-01-01T00:00:00Z",{"b":[1]}]}"#);
    for (op, values, found) in [
        ("in", r#"["y",{"b":[1]}]"#, true),
        ("in", r#"["y"]"#, false),
        ("startsWith", r#"["1.2"]"#, true),
        ("endsWith", r#"["2"]"#, false),
        ("contains", r#"["x"]"#, true),
        ("matches", r#"["q","^x$"]"#, true),
        ("matches", r#"["q"]"#, false),
        ("lessThan", "[2]", true),
        ("greaterThanOrEqual", "[2]", false),
        ("before", "[0]", false),
        ("after", "[0]", true),
        ("semVerEqual", r#"["1.2.3"]"#, true),
        ("semVerLessThan", r#"["1.0.0"]"#, false),
        ("other", r#"["x"]"#, false),
    ] {
        let rules = format!(
            r#"{{"rules":[{{"variation":1,"clauses":[{{"attribute":"a","op":"{op}","values":{values}}}]}}]}}"#
        );
        let flag = prepare_flag(&flag("f", &rules)).unwrap();
        let served = evaluate_within(&EmptyStore, &flag, &who, Budget::of(10_000)).unwrap();
        assert_eq!(served.variation_index, Some(usize::from(found)), "{op} {values}");
        assert_eq!(served.reason, shared::eval::evaluate(&EmptyStore, &flag, &who).reason, "{op}");
        assert!(evaluate_within(&EmptyStore, &flag, &who, Budget::of(1)).is_err(), "{op} {values}");
    }
}
