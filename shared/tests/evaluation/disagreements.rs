//! Where official SDKs disagree we do as Go does, and refuse to store what would show it.
//!
//! Each row shows what LaunchDarkly's Rust engine answers too, so that a new release of it is noticed.

use crate::peer;
use crate::world::{FALLTHROUGH, MALFORMED, World, context, eval, flag, json, theirs, user};
use shared::context::Context;
use shared::eval::{Store as _, evaluate, prepare_flag};
use shared::targeting::{check_flag, check_segment};

const MATCHED: &str = r#"1 {"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r"}"#;

fn needs_p(rest: &str) -> World {
    let needs = flag("f", r#"{"prerequisites":[{"key":"p","variation":0}]}"#);
    World::default().with(&needs).with(&flag("p", rest))
}

/// A flag that serves "b" to whom the segment `s` contains.
fn segment(text: &str) -> World {
    let rest = r#"{"rules":[{"id":"r","clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}],"variation":1}]}"#;
    World::default().with(&flag("f", rest)).with_segment(text)
}

/// A flag that serves "b" where the clause matches.
fn rule(clause: &str) -> String {
    format!(r#"{{"rules":[{{"id":"r","clauses":[{clause}],"variation":1}}]}}"#)
}

fn both(user: &str, org: &str) -> Context {
    context(&format!(r#"{{"kind":"multi","user":{{"key":"{user}"}},"org":{{"key":"{org}"}}}}"#))
}

fn refused(rest: &str) -> bool {
    !check_flag(&json(rest), 3, &|_| true).is_empty()
}

#[test]
fn a_prerequisite_that_ends_in_an_error_has_failed() {
    let world = needs_p(r#"{"fallthrough":{"variation":9}}"#);
    let failed = r#"2 {"kind":"PREREQUISITE_FAILED","prerequisiteKey":"p"}"#;
    assert_eq!(world.eval("f", &user("u")), failed);
    assert_eq!(world.theirs("f", &user("u")), MALFORMED);
    let off = needs_p(r#"{"on":false,"offVariation":9}"#);
    assert_eq!(
        (off.eval("f", &user("u")).as_str(), off.theirs("f", &user("u")).as_str()),
        (failed, MALFORMED)
    );
}

#[test]
fn a_rule_that_cannot_be_read_ends_everything() {
    let bad = r#"{"rules":[{"clauses":[{"attribute":"","op":"in","values":[]}],"variation":0}]}"#;
    assert_eq!(needs_p(bad).eval("f", &user("u")), MALFORMED);
    assert_eq!(needs_p(bad).theirs("f", &user("u")), MALFORMED);
}

#[test]
fn a_missing_prerequisite_is_not_recorded() {
    let world = World::default().with(&flag("f", r#"{"prerequisites":[{"key":"p","variation":0}]}"#));
    assert!(evaluate(&world, world.flag("f").unwrap(), &user("u")).prerequisites.is_empty());
    assert_eq!(world.eval("f", &user("u")), world.theirs("f", &user("u")));
}

#[test]
fn a_missing_rollout_kind_gets_the_first_entry_with_a_weight() {
    let rest = r#"{"fallthrough":{"rollout":{"contextKind":"org","variations":[{"variation":1,"weight":0},{"variation":2,"weight":100000}]}}}"#;
    assert_eq!(eval(rest, &user("u")), r#"2 {"kind":"FALLTHROUGH"}"#);
    assert_eq!(theirs(rest, &user("u")), r#"2 {"kind":"FALLTHROUGH"}"#);
}

#[test]
fn past_the_end_without_the_kind_counts_as_in_the_experiment() {
    let rest = r#"{"fallthrough":{"rollout":{"kind":"experiment","contextKind":"org","variations":[{"variation":1,"weight":0}]}}}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"FALLTHROUGH","inExperiment":true}"#);
    assert_eq!(theirs(rest, &user("u")), r#"1 {"kind":"FALLTHROUGH"}"#);
    assert!(refused(rest));
}

#[test]
fn a_segment_rule_with_a_weight_does_not_match_without_the_kind() {
    let world = segment(r#"{"key":"s","rules":[{"clauses":[],"weight":100000,"rolloutContextKind":"org"}]}"#);
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
    assert_eq!(world.theirs("f", &user("u")), MATCHED);
}

#[test]
fn lists_of_contexts_are_skipped_for_a_plain_user() {
    let text = r#"{"key":"s","includedContexts":[{"contextKind":"user","values":["u"]}]}"#;
    let world = segment(text);
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
    assert_eq!(world.theirs("f", &user("u")), MATCHED);
    assert_eq!(world.eval("f", &both("u", "o")), MATCHED);
    assert_eq!(world.theirs("f", &both("u", "o")), MATCHED);
    assert!(!check_segment(&json(text)).is_empty());
}

#[test]
fn the_order_of_a_segments_lists() {
    let world = segment(
        r#"{"key":"s","excluded":["u"],"includedContexts":[{"contextKind":"org","values":["o"]}],"included":["v"],
            "excludedContexts":[{"contextKind":"org","values":["x"]}]}"#,
    );
    for (user, org, expected) in [("u", "o", MATCHED), ("v", "x", MATCHED), ("w", "x", FALLTHROUGH)] {
        assert_eq!(world.eval("f", &both(user, org)), expected);
        assert_eq!(world.theirs("f", &both(user, org)), expected);
    }
}

#[test]
fn an_entry_of_users_with_values_in_context_targets_is_honoured() {
    let rest = r#"{"contextTargets":[{"contextKind":"user","variation":1,"values":["u"]}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(theirs(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert!(refused(rest));
}

#[test]
fn a_place_holder_stands_for_the_first_entry_only() {
    let rest = r#"{"targets":[{"variation":1,"values":["u"]},{"variation":1,"values":["v"]}],
        "contextTargets":[{"contextKind":"user","variation":1,"values":[]},{"contextKind":"user","variation":1,"values":[]}]}"#;
    assert_eq!(eval(rest, &user("u")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert_eq!(eval(rest, &user("v")), FALLTHROUGH);
    assert_eq!(theirs(rest, &user("v")), r#"1 {"kind":"TARGET_MATCH"}"#);
    assert!(refused(rest));
}

#[test]
fn seed_zero_is_a_seed() {
    // sha1("0.u") and sha1("f.salt.u") fall on different sides of one half.
    let rest = |seed: &str| {
        format!(
            r#"{{"fallthrough":{{"rollout":{{{seed}"variations":[{{"variation":0,"weight":50000}},{{"variation":1,"weight":50000}}]}}}}}}"#
        )
    };
    let zero = rest(r#""seed":0,"#);
    let users: Vec<Context> = (0..50).map(|i| user(&format!("u{i}"))).collect();
    assert!(users.iter().any(|who| eval(&zero, who) != eval(&rest(""), who)));
    assert!(users.iter().all(|who| eval(&rest(r#""seed":null,"#), who) == eval(&rest(""), who)));
    assert!(users.iter().all(|who| eval(&zero, who) == theirs(&zero, who)));
    assert!(refused(&zero));
}

#[test]
fn generation_zero_is_defined() {
    let text = r#"{"key":"s","unbounded":true,"generation":0,"rules":[{"clauses":[]}]}"#;
    assert!(segment(text).eval("f", &user("u")).starts_with("1 "));
    assert!(!check_segment(&json(text)).is_empty());
}

#[test]
fn a_big_segment_is_an_ordinary_one_to_the_rust_engine() {
    let world = segment(r#"{"key":"s","unbounded":true,"generation":1,"included":["u"]}"#);
    let unknown = r#"0 {"kind":"FALLTHROUGH","bigSegmentsStatus":"NOT_CONFIGURED"}"#;
    assert_eq!(world.eval("f", &user("u")), unknown);
    assert_eq!(world.theirs("f", &user("u")), MATCHED);
}

#[test]
fn a_null_weight_is_absent_and_a_negative_one_matches_nobody() {
    let world =
        |weight: &str| segment(&format!(r#"{{"key":"s","rules":[{{"clauses":[],"weight":{weight}}}]}}"#));
    assert_eq!(world("null").eval("f", &user("u")), MATCHED);
    assert_eq!(world("null").theirs("f", &user("u")), MATCHED);
    assert_eq!(world("-1").eval("f", &user("u")), FALLTHROUGH);
    assert_eq!(world("-1").theirs("f", &user("u")), MATCHED);
    assert!(!check_segment(&json(r#"{"rules":[{"clauses":[],"weight":-1}]}"#)).is_empty());
    assert!(!check_segment(&json(r#"{"rules":[{"clauses":[],"weight":null}]}"#)).is_empty());
}

#[test]
fn an_index_out_of_range_is_not_reported() {
    let rest = r#"{"fallthrough":{"variation":7}}"#;
    assert_eq!(eval(rest, &user("u")), MALFORMED);
    assert_eq!(theirs(rest, &user("u")), MALFORMED.replacen('-', "7", 1));
    assert!(refused(rest));
}

#[test]
fn circles_are_malformed_everywhere() {
    for rest in [
        r#"{"prerequisites":[{"key":"f","variation":0}]}"#,
        r#"{"prerequisites":[{"key":"p","variation":0},{"key":"f","variation":0}]}"#,
    ] {
        assert_eq!(needs_p(rest).eval("p", &user("u")), MALFORMED);
        assert_eq!(needs_p(rest).eval("f", &user("u")), MALFORMED);
        assert_eq!(needs_p(rest).theirs("f", &user("u")), MALFORMED);
    }
}

#[test]
fn arrays_and_objects_are_compared_deeply() {
    let rest = rule(r#"{"attribute":"o","op":"in","values":[{"a":[1]}]}"#);
    let who = context(r#"{"kind":"user","key":"u","o":{"a":[1.0]}}"#);
    assert_eq!(eval(&rest, &who), MATCHED);
    assert_eq!(theirs(&rest, &who), MATCHED);
    assert!(refused(&rest));
}

#[test]
fn a_flag_stays_reachable_after_an_early_failure() {
    let world = World::default()
        .with(&flag("f", r#"{"prerequisites":[{"key":"a","variation":2},{"key":"a","variation":2}]}"#))
        .with(&flag("a", r#"{"prerequisites":[{"key":"b","variation":1},{"key":"b","variation":0}]}"#))
        .with(&flag("b", "{}"));
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
    assert_eq!(world.theirs("f", &user("u")), MALFORMED);
}

#[test]
fn buckets_are_compared_as_numbers_of_32_bits() {
    let rest = r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":33333},{"variation":1,"weight":66667}]}}}"#;
    for i in 0..500 {
        let who = user(&format!("u{i}"));
        assert_eq!(eval(rest, &who), theirs(rest, &who));
    }
}

#[test]
fn a_reference_to_the_kind_means_that_of_its_own_kind() {
    let rest = rule(r#"{"contextKind":"user","attribute":"/kind","op":"in","values":["org"]}"#);
    assert_eq!(eval(&rest, &both("u", "o")), FALLTHROUGH);
    assert_eq!(theirs(&rest, &both("u", "o")), MATCHED);
    let plain = rule(r#"{"contextKind":"user","attribute":"kind","op":"in","values":["org"]}"#);
    assert_eq!(eval(&plain, &both("u", "o")), MATCHED);
    assert_eq!(theirs(&plain, &both("u", "o")), MATCHED);
}

#[test]
fn instants_beyond_the_calendar_are_instants() {
    let rest = rule(r#"{"attribute":"at","op":"after","values":[0]}"#);
    for (millis, expected) in
        [("8210266876799999", MATCHED), ("8210266876800000", FALLTHROUGH), ("1e17", FALLTHROUGH)]
    {
        let who = context(&format!(r#"{{"kind":"user","key":"u","at":{millis}}}"#));
        assert_eq!(eval(&rest, &who), MATCHED, "{millis}");
        assert_eq!(theirs(&rest, &who), expected, "{millis}");
    }
}

#[test]
fn instants_are_written_as_go_reads_them() {
    let rest = rule(r#"{"attribute":"at","op":"after","values":[0]}"#);
    for (text, ours, rust) in [
        ("2020-01-01T1:02:03Z", MATCHED, FALLTHROUGH),
        ("2021-02-29T00:00:00Z", MATCHED, FALLTHROUGH),
        ("2020-01-05T04:00:00+99:00", MATCHED, FALLTHROUGH),
        ("2020-01-01 01:02:03Z", FALLTHROUGH, MATCHED),
        ("2020-01-01T01:02:03.0123456789Z", FALLTHROUGH, MATCHED),
        ("2020-01-01t01:02:03z", MATCHED, MATCHED),
    ] {
        let who = context(&format!(r#"{{"kind":"user","key":"u","at":"{text}"}}"#));
        assert_eq!(eval(&rest, &who), ours, "{text}");
        assert_eq!(theirs(&rest, &who), rust, "{text}");
    }
}

#[test]
fn whole_numbers_beyond_2_to_the_53_have_a_bucket() {
    let rest = r#"{"fallthrough":{"rollout":{"bucketBy":"n","variations":[{"variation":0,"weight":1},{"variation":1,"weight":99999}]}}}"#;
    let at = |n: &str| context(&format!(r#"{{"kind":"user","key":"u","n":{n}}}"#));
    assert_eq!(eval(rest, &at("1e17")), r#"1 {"kind":"FALLTHROUGH"}"#);
    assert_eq!(theirs(rest, &at("1e17")), r#"0 {"kind":"FALLTHROUGH"}"#);
    for n in ["9007199254740991", "-7", "33333.0", "1.5", "1e30"] {
        assert_eq!(eval(rest, &at(n)), theirs(rest, &at(n)), "{n}");
    }
}

#[test]
fn patterns_have_a_limit_here() {
    let rest = rule(r#"{"attribute":"key","op":"matches","values":["\\pL{50}|u"]}"#);
    assert_eq!(eval(&rest, &user("u")), FALLTHROUGH);
    assert_eq!(theirs(&rest, &user("u")), MATCHED);
    assert!(refused(&rest));
}

#[test]
fn a_built_in_attribute_of_an_old_user_wins_over_a_custom_one() {
    let text = r#"{"key":"u","email":"e","custom":{"email":"other"}}"#;
    let rest = rule(r#"{"attribute":"email","op":"in","values":["e"]}"#);
    assert_eq!(eval(&rest, &context(text)), MATCHED);
    let mut peer = peer::Peer::default();
    peer.with(&peer::complete(&flag("f", &rest))).unwrap();
    assert_eq!(peer.evaluate("f", &peer::context(text).unwrap()).told(), FALLTHROUGH);
}

#[test]
fn an_old_user_without_a_key_is_nobody_here() {
    let text = r#"{"key":""}"#;
    assert!(Context::parse(&json(text)).is_err());
    assert!(peer::context(text).is_ok());
}

#[test]
fn what_the_rust_engine_refuses_as_a_whole_reads_as_go_reads_it() {
    let mut peer = peer::Peer::default();
    for rest in [
        r#"{"rules":[{"id":"r","clauses":[{"attribute":"a","op":"in","values":null}],"variation":1}]}"#,
        r#"{"contextTargets":[{"contextKind":"","variation":1,"values":[]}]}"#,
        r#"{"fallthrough":null}"#,
        r#"{"targets":null}"#,
        r#"{"rules":[{"clauses":null,"variation":1}]}"#,
    ] {
        let document = flag("f", rest);
        assert!(prepare_flag(&document).is_ok(), "{rest}");
        let complete = peer::complete(&document);
        // Theirs knows a fallthrough that says nothing, but no list that is null.
        assert_eq!(peer.with(&complete).is_err(), rest != r#"{"fallthrough":null}"#, "{rest}");
    }
    // A kind that there is not: theirs takes the rollout for malformed.
    let lottery =
        r#"{"fallthrough":{"rollout":{"kind":"lottery","variations":[{"variation":0,"weight":100000}]}}}"#;
    assert_eq!(eval(lottery, &user("u")), FALLTHROUGH);
    assert_eq!(theirs(lottery, &user("u")), MALFORMED);
    assert!(refused(lottery));
    // A kind with a blank: theirs takes the clause for one without a kind.
    let blank = rule(r#"{"contextKind":"a b","attribute":"key","op":"in","values":["u"]}"#);
    assert_eq!(eval(&blank, &user("u")), FALLTHROUGH);
    assert_eq!(theirs(&blank, &user("u")), MATCHED);
    assert!(refused(&blank));
}

#[test]
fn numbers_come_out_as_they_were_written() {
    // Theirs reads them as numbers of 64 bits and writes 1 as 1.0.
    let one = prepare_flag(&flag("f", r#"{"variations":[1,1.0,10e-1]}"#)).unwrap();
    let texts: Vec<&str> = one.variations().iter().map(|variation| &**variation.text()).collect();
    assert_eq!(texts, ["1", "1.0", "10e-1"]);
}
