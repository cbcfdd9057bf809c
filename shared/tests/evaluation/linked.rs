//! Rulesets: in order, linked, and the same as looking everything up; results as bytes.

use std::sync::Arc;

use crate::world::{World, context, flag, json, user};
use shared::eval::{EvalxForm, Ruleset, Store as _, prepare_flag, prepare_segment};
use shared::json::Json;

fn world() -> World {
    World::default()
        .with(&flag("b", r#"{"prerequisites":[{"key":"c","variation":0},{"key":"gone","variation":0}]}"#))
        .with(&flag("a", r#"{"rules":[{"id":"r","clauses":[{"attribute":"","op":"segmentMatch","values":["gone","s"]}],"variation":1}]}"#))
        .with(&flag("c", r#"{"on":false}"#))
        .with_segment(r#"{"key":"s","included":["u"]}"#)
}

#[test]
fn flags_stand_in_the_order_of_their_keys() {
    let ruleset = world().linked();
    let keys: Vec<&str> = ruleset.flags().map(|flag| flag.key()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(ruleset.index_of(key), Some(index));
        assert_eq!(ruleset.get(index).unwrap().key(), *key);
        assert_eq!(ruleset.flag(key).unwrap().key(), *key);
        assert_eq!(ruleset.evaluate(index, &user("u")).unwrap().flag.key(), *key);
    }
    assert_eq!((ruleset.len(), ruleset.segments().len()), (3, 1));
    assert!(ruleset.evaluate(3, &user("u")).is_none() && ruleset.evaluate_key("gone", &user("u")).is_none());
    assert!(ruleset.segment("s").is_some() && ruleset.segment("a").is_none());
    assert!(Ruleset::default().is_empty());
}

#[test]
fn all_at_once_is_each_by_itself() {
    let ruleset = world().linked();
    let served: Vec<Option<usize>> =
        ruleset.evaluate_all(&user("u")).map(|result| result.variation_index).collect();
    assert_eq!(served, [Some(1), Some(2), Some(2)]);
    for (key, index) in [("a", 1), ("b", 2), ("c", 2)] {
        assert!(world().eval(key, &user("u")).starts_with(&index.to_string()), "{key}");
    }
}

#[test]
fn of_two_with_one_key_the_last_counts() {
    let segment = |text: &str| Arc::new(prepare_segment(&json(text)).unwrap());
    let flags = [flag("f", "{}"), flag("e", "{}"), flag("f", r#"{"fallthrough":{"variation":1}}"#)];
    let ruleset = Ruleset::new(
        flags.iter().map(|document| Arc::new(prepare_flag(document).unwrap())),
        [segment(r#"{"key":"s"}"#), segment(r#"{"key":"s","version":2}"#)],
    );
    assert_eq!(ruleset.len(), 2);
    assert_eq!(ruleset.evaluate_key("f", &user("u")).unwrap().variation_index, Some(1));
    assert_eq!(ruleset.segment("s").unwrap().version(), 2);
}

#[test]
fn long_and_short_values_are_written_alike() {
    for length in [0, 200, 254, 255, 5_000] {
        let text = format!("\"{}\"", "é".repeat(length));
        let world = World::default().with(&flag("f", &format!(r#"{{"variations":[{text}]}}"#)));
        let ruleset = world.linked();
        let mut out = Vec::new();
        let form = EvalxForm { version: 2, with_reasons: true };
        form.write_all(&mut out, ruleset.evaluate_all(&user("u")));
        let expected = format!(
            r#"{{"f":{{"value":{text},"variation":0,"flagVersion":1,"version":2,"reason":{{"kind":"FALLTHROUGH"}}}}}}"#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn results_are_written_as_client_side_sdks_read_them() {
    let world = World::default()
        .with(&flag("plain", r#"{"version":7,"variations":[1.0,{"b":1,"a":[]}]}"#))
        .with(&flag(
            "tracked",
            r#"{"trackEvents":true,"debugEventsUntilDate":5,
                "prerequisites":[{"key":"plain","variation":0},{"key":"plain","variation":1}]}"#,
        ))
        .with(&flag(
            "experiment",
            r#"{"fallthrough":{"rollout":{"kind":"experiment","variations":[{"variation":1,"weight":100000}]}}}"#,
        ))
        .with(&flag("nothing", r#"{"on":false,"offVariation":null}"#));
    let ruleset = world.linked();
    let who = context(r#"{"kind":"user","key":"u"}"#);
    let written = |with_reasons| {
        let mut out = Vec::new();
        EvalxForm { version: 12, with_reasons }.write_all(&mut out, ruleset.evaluate_all(&who));
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        written(false),
        concat!(
            r#"{"experiment":{"value":"b","variation":1,"flagVersion":1,"version":12,"trackEvents":true,"#,
            r#""trackReason":true,"reason":{"kind":"FALLTHROUGH","inExperiment":true}},"#,
            r#""nothing":{"value":null,"flagVersion":1,"version":12},"#,
            r#""plain":{"value":1.0,"variation":0,"flagVersion":7,"version":12},"#,
            r#""tracked":{"value":"c","variation":2,"flagVersion":1,"version":12,"trackEvents":true,"#,
            r#""debugEventsUntilDate":5,"prerequisites":["plain","plain"]}}"#,
        )
    );
    let with = json(&written(true));
    let reason = |key: &str| with.get(key).and_then(|result| result.get("reason")).map(Json::to_text);
    assert_eq!(reason("nothing").unwrap(), r#"{"kind":"OFF"}"#);
    assert_eq!(reason("tracked").unwrap(), r#"{"kind":"PREREQUISITE_FAILED","prerequisiteKey":"plain"}"#);
    let mut patch = Vec::new();
    let form = EvalxForm { version: 3, with_reasons: false };
    form.write_patch(&mut patch, &ruleset.evaluate_key("plain", &who).unwrap());
    assert_eq!(
        String::from_utf8(patch).unwrap(),
        r#"{"key":"plain","value":1.0,"variation":0,"flagVersion":7,"version":3}"#
    );
    let mut one = Vec::new();
    form.write(&mut one, &ruleset.evaluate_key("plain", &who).unwrap());
    assert_eq!(one, br#"{"value":1.0,"variation":0,"flagVersion":7,"version":3}"#);
    let mut none = Vec::new();
    form.write_all(&mut none, []);
    assert_eq!(none, b"{}");
}
