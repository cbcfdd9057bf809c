//! Prerequisites: passing, failing, missing, circles, depth and cost.

use crate::world::{FALLTHROUGH, MALFORMED, World, flag, user};
use shared::eval::{Store as _, evaluate};

const FAILED: &str = r#"2 {"kind":"PREREQUISITE_FAILED","prerequisiteKey":"p"}"#;

fn needs(keys: &[(&str, i64)]) -> String {
    let list: Vec<String> =
        keys.iter().map(|(key, variation)| format!(r#"{{"key":"{key}","variation":{variation}}}"#)).collect();
    format!(r#"{{"prerequisites":[{}]}}"#, list.join(","))
}

fn with_p(rest: &str) -> String {
    World::default().with(&flag("f", &needs(&[("p", 0)]))).with(&flag("p", rest)).eval("f", &user("u"))
}

#[test]
fn it_must_be_on_and_serve_the_variation() {
    assert_eq!(with_p("{}"), FALLTHROUGH);
    assert_eq!(with_p(r#"{"fallthrough":{"variation":1}}"#), FAILED);
    assert_eq!(with_p(r#"{"on":false}"#), FAILED);
    assert_eq!(with_p(r#"{"on":false,"offVariation":0}"#), FAILED);
    assert_eq!(with_p(r#"{"deleted":true}"#), FAILED);
    let alone = World::default().with(&flag("f", &needs(&[("p", 0)])));
    assert_eq!(alone.eval("f", &user("u")), FAILED);
}

#[test]
fn an_off_result_of_its_own_failure_may_pass() {
    let world =
        World::default().with(&flag("f", &needs(&[("p", 2)]))).with(&flag("p", &needs(&[("gone", 0)])));
    assert_eq!(world.eval("p", &user("u")), r#"2 {"kind":"PREREQUISITE_FAILED","prerequisiteKey":"gone"}"#);
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
}

#[test]
fn a_bad_index_in_it_fails_it_and_a_malformed_rule_aborts() {
    assert_eq!(with_p(r#"{"fallthrough":{"variation":9}}"#), FAILED);
    assert_eq!(with_p(r#"{"fallthrough":{}}"#), FAILED);
    let bad_rule = r#"{"rules":[{"clauses":[{"contextKind":"user","attribute":"/","op":"in","values":["u"]}],"variation":0}]}"#;
    assert_eq!(with_p(bad_rule), MALFORMED);
}

#[test]
fn circles_are_malformed() {
    let own = World::default().with(&flag("f", &needs(&[("f", 0)])));
    assert_eq!(own.eval("f", &user("u")), MALFORMED);
    let ring = World::default()
        .with(&flag("f", &needs(&[("a", 0)])))
        .with(&flag("a", &needs(&[("b", 0)])))
        .with(&flag("b", &needs(&[("a", 0)])));
    assert_eq!(ring.eval("f", &user("u")), MALFORMED);
}

#[test]
fn two_paths_to_one_flag_are_no_circle_even_after_a_failure() {
    let world = World::default()
        .with(&flag("f", &needs(&[("a", 2), ("b", 0)])))
        .with(&flag("a", &needs(&[("b", 1)])))
        .with(&flag("b", "{}"));
    assert_eq!(world.eval("f", &user("u")), FALLTHROUGH);
}

#[test]
fn only_direct_ones_that_were_evaluated_are_recorded() {
    let recorded = |world: &World| {
        let flag = world.flag("f").unwrap();
        evaluate(world, flag, &user("u")).prerequisites.join(",")
    };
    let base = || {
        World::default().with(&flag("a", &needs(&[("c", 0)]))).with(&flag("b", "{}")).with(&flag("c", "{}"))
    };
    assert_eq!(recorded(&base().with(&flag("f", &needs(&[("a", 0), ("b", 0)])))), "a,b");
    assert_eq!(recorded(&base().with(&flag("f", &needs(&[("a", 1), ("b", 0)])))), "a");
    assert_eq!(recorded(&base().with(&flag("f", &needs(&[("b", 0), ("gone", 0), ("a", 0)])))), "b");
    let mut off = flag("f", &needs(&[("a", 0)]));
    off.set("on", false.into());
    assert_eq!(recorded(&base().with(&off)), "");
}

#[test]
fn long_chains_end_as_malformed_and_wide_graphs_end() {
    let mut chain = World::default();
    for i in 0..5_000 {
        chain = chain.with(&flag(&format!("f{i}"), &needs(&[(&format!("f{}", i + 1), 0)])));
    }
    assert_eq!(chain.eval("f0", &user("u")), MALFORMED);
    // Thirty layers of three flags, each of which needs all of the next: 3^30 paths.
    let mut wide = World::default();
    for layer in 0..30 {
        let next: Vec<String> = (0..3).map(|i| format!("f{}-{i}", layer + 1)).collect();
        let next: Vec<(&str, i64)> = next.iter().map(|key| (key.as_str(), 0)).collect();
        for i in 0..3 {
            let rest = if layer == 29 { "{}".to_owned() } else { needs(&next) };
            wide = wide.with(&flag(&format!("f{layer}-{i}"), &rest));
        }
    }
    assert_eq!(wide.eval("f0-0", &user("u")), FALLTHROUGH);
}
