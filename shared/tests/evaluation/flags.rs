//! The top level: off, targets, rules, fallthrough, and what is reported about them.

use crate::world::{FALLTHROUGH, MALFORMED, World, context, eval, flag, json, user};
use shared::eval::{EmptyStore, evaluate, prepare_flag};

#[test]
fn off_serves_the_off_variation_or_nothing() {
    assert_eq!(eval(r#"{"on":false}"#, &user("u")), r#"2 {"kind":"OFF"}"#);
    assert_eq!(eval(r#"{"on":false,"offVariation":null}"#, &user("u")), r#"- {"kind":"OFF"}"#);
    assert_eq!(eval(r#"{"on":false,"offVariation":3}"#, &user("u")), MALFORMED);
    assert_eq!(eval(r#"{"on":false,"offVariation":-1}"#, &user("u")), MALFORMED);
}

#[test]
fn targets_alone() {
    let rest = r#"{"targets":[{"variation":1,"values":["x","u"]},{"variation":2,"values":["u","y"]}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &user("y")), r#"2 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &user("z")), FALLTHROUGH);
    assert_eq!(eval(rest, &context(r#"{"kind":"org","key":"u"}"#)), FALLTHROUGH);
    assert_eq!(eval(r#"{"targets":[{"variation":7,"values":["u"]}]}"#, &user("u")), MALFORMED);
}

#[test]
fn context_targets_order_the_targets_and_place_holders_stand_for_users() {
    let rest = r#"{
        "targets":[{"variation":0,"values":["u"]},{"variation":1,"values":["v"]},{"variation":2,"values":["w"]}],
        "contextTargets":[
            {"contextKind":"org","variation":2,"values":["o"]},
            {"contextKind":"user","variation":1,"values":[]},
            {"variation":0,"values":[]}]}"#;
    let both = |org: &str, user: &str| {
        context(&format!(r#"{{"kind":"multi","org":{{"key":"{org}"}},"user":{{"key":"{user}"}}}}"#))
    };
    assert_eq!(eval(rest, &both("o", "u")), r#"2 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &both("x", "v")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &user("u")), r#"0 {"kind":"TARGET_MATCH"}"#);
    // Nothing stands for the targets of variation 2.
    assert_eq!(eval(rest, &user("w")), FALLTHROUGH);
    assert_eq!(eval(rest, &user("o")), FALLTHROUGH);
}

#[test]
fn the_first_rule_whose_clauses_all_match_wins() {
    let rest = r#"{"rules":[
        {"id":"no","clauses":[{"attribute":"key","op":"in","values":["u"]},{"attribute":"key","op":"in","values":["v"]}],"variation":2},
        {"clauses":[{"attribute":"key","op":"in","values":["u"]}],"variation":1},
        {"id":"everybody","clauses":[],"variation":2}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"RULE_MATCH","ruleIndex":1}"#);
    assert_eq!(eval(rest, &user("x")), r#"2 {"kind":"RULE_MATCH","ruleIndex":2,"ruleId":"everybody"}"#);
    assert_eq!(eval(r#"{"rules":[{"clauses":[]}]}"#, &user("u")), MALFORMED);
}

#[test]
fn values_come_out_as_they_were_written() {
    let text = r#"[1,1.0,1e2,{"b":1.50,"a":"\u00e9"}]"#;
    let flag = prepare_flag(&flag("f", &format!(r#"{{"variations":[{text}]}}"#))).unwrap();
    let found = evaluate(&EmptyStore, &flag, &user("u"));
    assert_eq!(&**found.text().unwrap(), text.replace("\\u00e9", "é"));
    assert_eq!(found.value().unwrap().to_text(), text.replace("\\u00e9", "é"));
}

#[test]
fn a_null_variation_is_a_result() {
    let flag = prepare_flag(&flag("f", r#"{"variations":[null]}"#)).unwrap();
    let found = evaluate(&EmptyStore, &flag, &user("u"));
    assert_eq!((found.variation_index, found.text().map(|t| &**t)), (Some(0), Some("null")));
}

#[test]
fn a_tombstone_is_not_found() {
    assert_eq!(eval(r#"{"deleted":true}"#, &user("u")), r#"- {"kind":"ERROR","errorKind":"FLAG_NOT_FOUND"}"#);
}

#[test]
fn experiments_and_tracked_results_are_reported_with_their_reason() {
    let asked = |rest: &str| {
        let flag = prepare_flag(&flag("f", rest)).unwrap();
        let found = evaluate(&EmptyStore, &flag, &user("u"));
        (found.is_experiment(), found.track_events())
    };
    assert_eq!(asked("{}"), (false, false));
    assert_eq!(asked(r#"{"trackEvents":true}"#), (false, true));
    assert_eq!(asked(r#"{"trackEventsFallthrough":true}"#), (true, true));
    assert_eq!(asked(r#"{"trackEventsFallthrough":true,"on":false}"#), (false, false));
    let rule = |track: bool| {
        format!(
            r#"{{"trackEventsFallthrough":true,"rules":[{{"clauses":[],"variation":0,"trackEvents":{track}}}]}}"#
        )
    };
    assert_eq!(asked(&rule(true)), (true, true));
    assert_eq!(asked(&rule(false)), (false, false));
    let experiment =
        r#"{"fallthrough":{"rollout":{"kind":"experiment","variations":[{"variation":0,"weight":100000}]}}}"#;
    assert_eq!(asked(experiment), (true, true));
}

#[test]
fn missing_and_null_members_take_their_defaults() {
    let document = json(
        r#"{"key":"f","rules":null,"targets":null,"prerequisites":null,"offVariation":null,"fallthrough":null,"on":null,"whatever":{"x":1}}"#,
    );
    let world = World::default().with(&document);
    assert_eq!(world.eval("f", &user("u")), r#"- {"kind":"OFF"}"#);
    let flag = prepare_flag(&document).unwrap();
    assert!(flag.availability().using_mobile_key && !flag.availability().using_environment_id);
    let old = prepare_flag(&json(r#"{"key":"f","clientSide":true}"#)).unwrap();
    assert!(old.availability().using_environment_id);
}

#[test]
fn wrong_types_do_not_prepare_and_say_where() {
    for (rest, pointer) in [
        (r#"{"on":"yes"}"#, "/on"),
        (
            r#"{"rules":[{"clauses":[{"attribute":"a","op":"in","values":[],"negate":1}]}]}"#,
            "/rules/0/clauses/0/negate",
        ),
        (r#"{"targets":[{"variation":0,"values":["a",1]}]}"#, "/targets/0/values/1"),
        (
            r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":1.5}]}}}"#,
            "/fallthrough/rollout/variations/0/weight",
        ),
        (r#"{"prerequisites":{}}"#, "/prerequisites"),
    ] {
        let faults = prepare_flag(&flag("f", rest)).unwrap_err();
        assert_eq!(faults.iter().map(|f| f.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
    }
    assert_eq!(prepare_flag(&json("[]")).unwrap_err()[0].pointer, "");
    assert_eq!(prepare_flag(&json("{}")).unwrap_err()[0].pointer, "/key");
}
