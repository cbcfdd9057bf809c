//! Rollouts: the published divisions, seeds, experiments and what is served at the edges.

use crate::world::{FALLTHROUGH, MALFORMED, context, eval, json, user};
use shared::eval::{EmptyStore, evaluate, prepare_flag};

fn index(rollout: &str, key: &str) -> usize {
    let document = json(&format!(
        r#"{{"key":"hashKey","version":1,"on":true,"salt":"saltyA","variations":[0,1,2],"fallthrough":{{"rollout":{rollout}}}}}"#
    ));
    let flag = prepare_flag(&document).unwrap();
    evaluate(&EmptyStore, &flag, &user(key)).variation_index.unwrap()
}

#[test]
fn the_published_divisions() {
    let two = r#""variations":[{"variation":0,"weight":60000},{"variation":1,"weight":40000}]"#;
    let three = r#""variations":[{"variation":0,"weight":10000},{"variation":1,"weight":20000},{"variation":2,"weight":70000}]"#;
    for (rollout, expected) in [
        (format!("{{{two}}}"), [0, 1, 0]),
        (format!("{{{three}}}"), [2, 2, 1]),
        (format!("{{{three},\"seed\":61}}"), [0, 1, 2]),
        (format!("{{{three},\"seed\":61,\"kind\":\"experiment\"}}"), [0, 1, 2]),
    ] {
        let found = ["userKeyA", "userKeyB", "userKeyC"].map(|key| index(&rollout, key));
        assert_eq!(found, expected, "{rollout}");
    }
}

#[test]
fn what_cannot_be_bucketed_gets_the_first_part_with_a_weight() {
    let rollout = |rest: &str| {
        format!(
            r#"{{"fallthrough":{{"rollout":{{"variations":[{{"variation":1,"weight":0}},{{"variation":2,"weight":1}},{{"variation":0,"weight":99999}}]{rest}}}}}}}"#
        )
    };
    let expected = r#"2 {"kind":"FALLTHROUGH"}"#;
    assert_eq!(eval(&rollout(r#","contextKind":"org""#), &user("u")), expected);
    assert_eq!(eval(&rollout(r#","bucketBy":"nothing""#), &user("u")), expected);
    let odd = context(r#"{"kind":"user","key":"u","n":1.5,"yes":true,"list":["a"],"o":{"a":1}}"#);
    for name in ["n", "yes", "list", "o"] {
        assert_eq!(eval(&rollout(&format!(r#","bucketBy":"{name}""#)), &odd), expected, "{name}");
    }
    assert_eq!(eval(&rollout(""), &user("u")), FALLTHROUGH);
}

#[test]
fn past_the_end_is_the_last_part() {
    let part = r#"{"fallthrough":{"rollout":{"variations":[{"variation":1,"weight":0},{"variation":2,"weight":0}]}}}"#;
    assert_eq!(eval(part, &user("u")), r#"2 {"kind":"FALLTHROUGH"}"#);
}

#[test]
fn a_literal_bucket_by_without_a_kind_and_a_reference_with_one() {
    let who = context(r#"{"kind":"user","key":"u","/a/b":"userKeyC","a":{"b":"userKeyA"}}"#);
    let at = |rest: &str| {
        let document = json(&format!(
            r#"{{"key":"hashKey","version":1,"on":true,"salt":"saltyA","variations":[0,1],"fallthrough":{{"rollout":{{"bucketBy":"/a/b"{rest},
            "variations":[{{"variation":0,"weight":20000}},{{"variation":1,"weight":80000}}]}}}}}}"#
        ));
        let flag = prepare_flag(&document).unwrap();
        evaluate(&EmptyStore, &flag, &who).variation_index
    };
    // userKeyC falls at 0.10, userKeyA at 0.42.
    assert_eq!(at(""), Some(0));
    assert_eq!(at(r#","contextKind":"user""#), Some(1));
}

#[test]
fn experiments_divide_by_key_and_mark_their_reasons() {
    let rollout = |rest: &str| {
        format!(
            r#"{{"fallthrough":{{"rollout":{{"kind":"experiment","bucketBy":"/","contextKind":"user",
            "variations":[{{"variation":1,"weight":100000{rest}}}]}}}}}}"#
        )
    };
    assert_eq!(eval(&rollout(""), &user("u")), r#"1 {"kind":"FALLTHROUGH","inExperiment":true}"#);
    assert_eq!(eval(&rollout(r#","untracked":true"#), &user("u")), r#"1 {"kind":"FALLTHROUGH"}"#);
    let org = context(r#"{"kind":"org","key":"o"}"#);
    assert_eq!(eval(&rollout(""), &org), r#"1 {"kind":"FALLTHROUGH"}"#);
    let in_rule = r#"{"rules":[{"id":"r","clauses":[],"rollout":{"kind":"experiment","variations":[{"variation":1,"weight":100000}]}}]}"#;
    let expected = r#"1 {"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r","inExperiment":true}"#;
    assert_eq!(eval(in_rule, &user("u")), expected);
}

#[test]
fn a_rollout_that_cannot_be_read_is_malformed() {
    for fallthrough in [
        "{}",
        r#"{"rollout":{"variations":[]}}"#,
        r#"{"rollout":null}"#,
        r#"{"rollout":{"contextKind":"user","bucketBy":"/","variations":[{"variation":0,"weight":100000}]}}"#,
        r#"{"rollout":{"variations":[{"variation":9,"weight":100000}]}}"#,
        r#"{"variation":-1}"#,
        r#"{"variation":3}"#,
    ] {
        assert_eq!(
            eval(&format!(r#"{{"fallthrough":{fallthrough}}}"#), &user("u")),
            MALFORMED,
            "{fallthrough}"
        );
    }
    let both = r#"{"fallthrough":{"variation":0,"rollout":{"variations":[]}}}"#;
    assert_eq!(eval(both, &user("u")), FALLTHROUGH);
}

#[test]
fn ten_thousand_users_fall_as_the_weights_say() {
    let rollout = r#"{"variations":[{"variation":0,"weight":10000},{"variation":1,"weight":20000},{"variation":2,"weight":70000}]}"#;
    let mut counts = [0_i32; 3];
    for i in 0..10_000 {
        counts[index(rollout, &format!("user-{i}"))] += 1;
    }
    for (count, expected) in counts.into_iter().zip([1000, 2000, 7000]) {
        assert!((count - expected).abs() < 200, "{counts:?}");
    }
}
