//! Segments: lists, rules, weights, segments in segments, circles and big ones.

use crate::world::{MALFORMED, World, context, flag, user};
use shared::context::Context;
use shared::eval::{PreparedFlag, PreparedSegment, Store as _, explain};

fn world(segment: &str) -> World {
    let rest = r#"{"rules":[{"id":"r","clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}],"variation":1}]}"#;
    World::default().with(&flag("f", rest)).with_segment(segment)
}

fn contains(segment: &str, context: &Context) -> bool {
    world(segment).eval("f", context).starts_with("1 ")
}

fn multi(user: &str, org: &str) -> Context {
    context(&format!(r#"{{"kind":"multi","user":{{"key":"{user}"}},"org":{{"key":"{org}"}}}}"#))
}

#[test]
fn lists_decide_before_rules_and_inclusion_beats_exclusion() {
    let lists = r#"{"key":"s","included":["a","b"],"excluded":["b","c"],
        "includedContexts":[{"contextKind":"org","values":["x","y"]}],
        "excludedContexts":[{"contextKind":"org","values":["y","z"]}],
        "rules":[{"clauses":[]}]}"#;
    for (key, expected) in [("a", true), ("b", true), ("c", false), ("d", true)] {
        assert_eq!(contains(lists, &user(key)), expected, "{key}");
    }
    for (user, org, expected) in [("c", "x", true), ("c", "y", true), ("d", "z", false), ("a", "z", true)] {
        assert_eq!(contains(lists, &multi(user, org)), expected, "{user} {org}");
    }
    assert!(!contains(r#"{"key":"s","included":["a"]}"#, &user("z")));
    assert!(!contains(r#"{"key":"s","included":["a"]}"#, &context(r#"{"kind":"org","key":"a"}"#)));
}

#[test]
fn rules_have_clauses_and_weights() {
    let rule = |rest: &str| format!(r#"{{"key":"s","salt":"salty","rules":[{{"clauses":[]{rest}}}]}}"#);
    assert!(contains(&rule(r#","weight":null"#), &user("u")));
    assert!(!contains(&rule(r#","weight":0"#), &user("u")));
    assert!(contains(&rule(r#","weight":100000"#), &user("u")));
    // Without the attribute the bucket is 0; without the kind the rule doesn't match.
    assert!(contains(&rule(r#","weight":1,"bucketBy":"nothing""#), &user("u")));
    assert!(!contains(&rule(r#","weight":100000,"rolloutContextKind":"org""#), &user("u")));
    assert!(contains(&rule(r#","weight":100000,"rolloutContextKind":"org""#), &multi("u", "o")));
    let clause = r#"{"key":"s","rules":[{"clauses":[{"attribute":"key","op":"in","values":["u"]}]}]}"#;
    assert!(contains(clause, &user("u")) && !contains(clause, &user("v")));
}

#[test]
fn the_bucket_of_a_rule_is_that_of_key_and_salt() {
    // sha1("hashKey.saltyA.userKeyA") falls at 0.42157587.
    let segment = |weight: u32| {
        format!(r#"{{"key":"hashKey","salt":"saltyA","rules":[{{"clauses":[],"weight":{weight}}}]}}"#)
    };
    let rest = r#"{"rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["hashKey"]}],"variation":1}]}"#;
    let at = |weight| {
        let world = World::default().with(&flag("f", rest)).with_segment(&segment(weight));
        world.eval("f", &user("userKeyA")).starts_with("1 ")
    };
    assert!(!at(42_157) && at(42_158));
}

#[test]
fn the_published_bucket_of_a_segment_rule() {
    // LaunchDarkly's own test data: "segment3.salty.user-key" lies just below 14955, "unmatching-key" at 36563.
    let at = |key: &str, weight: u32| {
        let segment =
            format!(r#"{{"key":"segment3","salt":"salty","rules":[{{"clauses":[],"weight":{weight}}}]}}"#);
        let rest = r#"{"rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["segment3"]}],"variation":1}]}"#;
        World::default().with(&flag("f", rest)).with_segment(&segment).eval("f", &user(key)).starts_with("1 ")
    };
    assert!(at("user-key", 14_955) && !at("user-key", 14_950));
    assert!(!at("unmatching-key", 36_563) && at("unmatching-key", 36_564));
}

#[test]
fn a_bucket_by_that_names_nothing_is_malformed_even_without_the_kind() {
    let segment =
        r#"{"key":"s","rules":[{"clauses":[],"weight":1,"bucketBy":"//","rolloutContextKind":"org"}]}"#;
    assert_eq!(world(segment).eval("f", &user("u")), MALFORMED);
}

#[test]
fn unknown_segments_contain_nobody_and_negation_counts() {
    let world = |negate: bool| {
        let rest = format!(
            r#"{{"rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":[1,"gone","s"],"negate":{negate}}}],"variation":1}}]}}"#
        );
        World::default().with(&flag("f", &rest)).with_segment(r#"{"key":"s","included":["u"]}"#)
    };
    assert!(world(false).eval("f", &user("u")).starts_with("1 "));
    assert!(world(false).eval("f", &user("v")).starts_with("0 "));
    assert!(world(true).eval("f", &user("u")).starts_with("0 "));
    assert!(world(true).eval("f", &user("v")).starts_with("1 "));
    assert!(!contains(r#"{"key":"s","included":["u"],"deleted":true}"#, &user("u")));
}

#[test]
fn segments_in_segments_and_circles() {
    let inner = |key: &str, of: &str| {
        format!(
            r#"{{"key":"{key}","rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["{of}"]}}]}}]}}"#
        )
    };
    let nested = world(&inner("s", "t")).with_segment(r#"{"key":"t","included":["u"]}"#);
    assert!(nested.eval("f", &user("u")).starts_with("1 "));
    assert!(nested.eval("f", &user("v")).starts_with("0 "));
    assert_eq!(world(&inner("s", "s")).eval("f", &user("u")), MALFORMED);
    let ring = world(&inner("s", "t")).with_segment(&inner("t", "s"));
    assert_eq!(ring.eval("f", &user("u")), MALFORMED);
    // Who is listed never gets as far as the circle.
    let listed =
        world(r#"{"key":"s","included":["u"],"rules":[{"clauses":[{"op":"segmentMatch","values":["s"]}]}]}"#);
    assert!(listed.eval("f", &user("u")).starts_with("1 "));
    assert_eq!(listed.eval("f", &user("v")), MALFORMED);
}

#[test]
fn wide_graphs_of_segments_end() {
    let mut world =
        world(r#"{"key":"s","rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["0-0"]}]}]}"#);
    for layer in 0..40 {
        for i in 0..3 {
            let next = layer + 1;
            let segment = format!(
                r#"{{"key":"{layer}-{i}","rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["{next}-0","{next}-1","{next}-2"]}}]}}]}}"#
            );
            world = world.with_segment(&segment);
        }
    }
    assert_eq!(world.eval("f", &user("u")), r#"0 {"kind":"FALLTHROUGH"}"#);
}

#[test]
fn big_segments_are_not_configured() {
    let status = r#""bigSegmentsStatus":"NOT_CONFIGURED"}"#;
    let big = |rest: &str| world(&format!(r#"{{"key":"s","unbounded":true,"included":["u"]{rest}}}"#));
    let no_generation = big(r#","rules":[{"clauses":[]}]"#);
    assert_eq!(no_generation.eval("f", &user("u")), format!(r#"0 {{"kind":"FALLTHROUGH",{status}"#));
    let rules_count = big(r#","generation":2,"rules":[{"clauses":[]}]"#);
    let expected = format!(r#"1 {{"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r",{status}"#);
    assert_eq!(rules_count.eval("f", &user("u")), expected);
    // Without the kind nobody has to be asked.
    let other_kind = big(r#","generation":2,"unboundedContextKind":"org","rules":[{"clauses":[]}]"#);
    assert_eq!(other_kind.eval("f", &user("u")), r#"0 {"kind":"FALLTHROUGH"}"#);
}

#[test]
fn deep_chains_of_flags_and_segments_end_within_the_stack() {
    let chain = |flags: usize, segments: usize| {
        let mut world = World::default();
        for i in 0..flags {
            let rest = if i + 1 == flags {
                r#"{"rules":[{"clauses":[{"attribute":"","op":"segmentMatch","values":["s0"]}],"variation":0}]}"#.to_owned()
            } else {
                format!(r#"{{"prerequisites":[{{"key":"f{}","variation":0}}]}}"#, i + 1)
            };
            world = world.with(&flag(&format!("f{i}"), &rest));
        }
        for i in 0..segments {
            let next = i + 1;
            world = world.with_segment(&format!(
                r#"{{"key":"s{i}","rules":[{{"clauses":[{{"attribute":"","op":"segmentMatch","values":["s{next}"]}}]}}]}}"#
            ));
        }
        explain(&world, world.flag("f0").unwrap(), &user("u"));
        world.eval("f0", &user("u"))
    };
    assert_eq!(chain(64, 64), r#"0 {"kind":"FALLTHROUGH"}"#);
    assert_eq!(chain(1, 66), MALFORMED);
    assert_eq!(chain(67, 1), MALFORMED);
}

#[test]
fn what_is_prepared_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<PreparedFlag>();
    shared::<PreparedSegment>();
}
