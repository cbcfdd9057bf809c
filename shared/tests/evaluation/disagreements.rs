//! Where official SDKs disagree, we do as Go does and refuse to store what would show it.

use crate::world::{FALLTHROUGH, MALFORMED, World, context, eval, flag, user};
use shared::eval::{Store as _, evaluate};

fn needs_p(rest: &str) -> World {
    let needs = flag("f", r#"{"prerequisites":[{"key":"p","variation":0}]}"#);
    World::default().with(&needs).with(&flag("p", rest))
}

#[test]
fn a_prerequisite_that_ends_in_an_error() {
    let failed = r#"2 {"kind":"PREREQUISITE_FAILED","prerequisiteKey":"p"}"#;
    assert_eq!(needs_p(r#"{"fallthrough":{"variation":9}}"#).eval("f", &user("u")), failed);
    let bad = r#"{"rules":[{"clauses":[{"attribute":"","op":"in","values":[]}],"variation":0}]}"#;
    assert_eq!(needs_p(bad).eval("f", &user("u")), MALFORMED);
}

#[test]
fn a_missing_prerequisite_is_not_recorded() {
    let world = World::default().with(&flag("f", r#"{"prerequisites":[{"key":"p","variation":0}]}"#));
    assert!(evaluate(&world, world.flag("f").unwrap(), &user("u")).prerequisites.is_empty());
}

#[test]
fn a_missing_rollout_kind_gets_the_first_entry_with_a_weight() {
    let rest = r#"{"fallthrough":{"rollout":{"contextKind":"org","variations":[{"variation":1,"weight":0},{"variation":2,"weight":100000}]}}}"#;
    assert_eq!(eval(rest, &user("u")), r#"2 {"kind":"FALLTHROUGH"}"#);
}

#[test]
fn past_the_end_without_the_kind_counts_as_in_the_experiment() {
    let rest = r#"{"fallthrough":{"rollout":{"kind":"experiment","contextKind":"org","variations":[{"variation":1,"weight":0}]}}}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"FALLTHROUGH","inExperiment":true}"#);
}

fn segment(text: &str) -> World {
    let rest =
        r#"{"rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}],"variation":1}]}"#;
    World::default().with(&flag("f", rest)).with_segment(text)
}

#[test]
fn a_segment_rule_with_a_weight_does_not_match_without_the_kind() {
    let world = segment(r#"{"key":"s","rules":[{"clauses":[],"weight":100000,"rolloutContextKind":"org"}]}"#);
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
}

#[test]
fn lists_of_contexts_are_skipped_for_a_plain_user() {
    let world = segment(r#"{"key":"s","includedContexts":[{"contextKind":"user","values":["u"]}]}"#);
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
    let both = context(r#"{"kind":"multi","user":{"key":"u"},"org":{"key":"o"}}"#);
    assert!(world.eval("f", &both).starts_with("1 "));
}

#[test]
fn the_order_of_a_segments_lists() {
    let world = segment(
        r#"{"key":"s","excluded":["u"],"includedContexts":[{"contextKind":"org","values":["o"]}],"included":["v"],
            "excludedContexts":[{"contextKind":"org","values":["x"]}]}"#,
    );
    let both = |user: &str, org: &str| {
        context(&format!(r#"{{"kind":"multi","user":{{"key":"{user}"}},"org":{{"key":"{org}"}}}}"#))
    };
    assert!(world.eval("f", &both("u", "o")).starts_with("1 "));
    assert!(world.eval("f", &both("v", "x")).starts_with("1 "));
    assert!(world.eval("f", &both("w", "x")).starts_with("0 "));
}

#[test]
fn an_entry_of_users_with_values_in_context_targets_is_honoured() {
    let rest = r#"{"contextTargets":[{"contextKind":"user","variation":1,"values":["u"]}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
}

#[test]
fn a_place_holder_stands_for_the_first_entry_only() {
    let rest = r#"{"targets":[{"variation":1,"values":["u"]},{"variation":1,"values":["v"]}],
        "contextTargets":[{"contextKind":"user","variation":1,"values":[]},{"contextKind":"user","variation":1,"values":[]}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &user("v")), FALLTHROUGH);
}

#[test]
fn seed_zero_is_a_seed() {
    // sha1("0.u") and sha1("f.salt.u") fall on different sides of one half.
    let rest = |seed: &str| {
        format!(
            r#"{{"fallthrough":{{"rollout":{{{seed}"variations":[{{"variation":0,"weight":50000}},{{"variation":1,"weight":50000}}]}}}}}}"#
        )
    };
    let differ = (0..50)
        .map(|i| user(&format!("u{i}")))
        .any(|who| eval(&rest(r#""seed":0,"#), &who) != eval(&rest(""), &who));
    assert!(differ);
    let same = (0..50)
        .map(|i| user(&format!("u{i}")))
        .all(|who| eval(&rest(r#""seed":null,"#), &who) == eval(&rest(""), &who));
    assert!(same);
}

#[test]
fn generation_zero_is_defined() {
    let world = segment(r#"{"key":"s","unbounded":true,"generation":0,"rules":[{"clauses":[]}]}"#);
    assert!(world.eval("f", &user("u")).starts_with("1 "));
}

#[test]
fn a_null_weight_is_absent() {
    assert!(
        segment(r#"{"key":"s","rules":[{"clauses":[],"weight":null}]}"#)
            .eval("f", &user("u"))
            .starts_with("1 ")
    );
}

#[test]
fn an_index_out_of_range_is_not_reported() {
    assert_eq!(eval(r#"{"fallthrough":{"variation":7}}"#, &user("u")), MALFORMED);
}

#[test]
fn arrays_and_objects_are_compared_deeply() {
    let rest = r#"{"rules":[{"clauses":[{"attribute":"o","op":"in","values":[{"a":[1]}]}],"variation":1}]}"#;
    let who = context(r#"{"kind":"user","key":"u","o":{"a":[1.0]}}"#);
    assert!(eval(rest, &who).starts_with("1 "));
}

#[test]
fn a_flag_stays_reachable_after_an_early_failure() {
    let world = World::default()
        .with(&flag("f", r#"{"prerequisites":[{"key":"a","variation":2},{"key":"b","variation":0}]}"#))
        .with(&flag("a", r#"{"prerequisites":[{"key":"b","variation":1},{"key":"b","variation":0}]}"#))
        .with(&flag("b", "{}"));
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
}
