//! Rollouts as other tools divide, and the fall-through that leaves the value to the caller.

use crate::peer::Peer;
use crate::world::{FALLTHROUGH, MALFORMED, World, context, eval, flag, json, theirs, user};
use shared::eval::{Store as _, explain};
use shared::project::ClientSideAvailability;
use shared::targeting::{Algorithm, check_flag, compose_flag};

fn pointers(rest: &str) -> Vec<String> {
    check_flag(&json(rest), 3, &|_| true).into_iter().map(|fault| fault.pointer).collect()
}

/// A flag `checkout` whose first part ends at that weight.
fn divided(members: &str, rollout: &str, weight: u32) -> World {
    let rest = 100_000 - weight;
    World::default().with(&flag(
        "checkout",
        &format!(
            r#"{{{members}"fallthrough":{{"rollout":{{{rollout}"variations":[{{"variation":0,"weight":{weight}}},{{"variation":1,"weight":{rest}}}]}}}}}}"#
        ),
    ))
}

#[test]
fn everybody_stays_in_the_part_they_were_in() {
    // Where "anna" falls in "checkout"; the tests of the hashes say where the numbers are from.
    for (name, at, of) in [
        ("unleash", 15_u64, 100_u64),
        ("unleash-variants", 396, 1000),
        ("flagd-v1", 1_713_410_197, 0x7FFF_FFFF),
        ("flagd-v2", 1_713_410_197, 1 << 32),
        ("flagd-v3", 3_215_744_152, 1 << 32),
        ("configcat", 19, 100),
        ("growthbook-v1", 535, 1000),
        ("growthbook-v2", 4405, 10_000),
        ("flagsmith", 2264, 9998),
        ("flipt", 584, 1000),
        ("flipt-boolean", 5, 100),
        ("goff", 17_455, 100_000),
    ] {
        let first = u32::try_from(at * 100_000 / of).unwrap() + 1;
        let of_flag = format!(r#""algorithm":"{name}","#);
        for (members, rollout) in
            [(of_flag.as_str(), ""), ("", of_flag.as_str()), (r#""algorithm":"ld-sha1","#, &of_flag)]
        {
            for (weight, index) in [(first, "0 "), (first - 1, "1 ")] {
                let answer = divided(members, rollout, weight).eval("checkout", &user("anna"));
                assert!(answer.starts_with(index), "{name} at {weight}: {answer}");
            }
        }
    }
}

#[test]
fn the_group_takes_the_place_of_the_flags_key() {
    let (one, other) = (r#""algorithm":"unleash","group":"demo","#, r#""algorithm":"unleash","#);
    // "demo:ünï-1" falls at 39 of 100.
    let who = user("ünï-1");
    assert!(divided("", one, 39_000).eval("checkout", &who).starts_with("0 "));
    assert!(divided("", one, 38_000).eval("checkout", &who).starts_with("1 "));
    assert_ne!(
        (0..100).map(|w| divided("", one, w * 1000).eval("checkout", &who)).collect::<Vec<_>>(),
        (0..100).map(|w| divided("", other, w * 1000).eval("checkout", &who)).collect::<Vec<_>>()
    );
}

#[test]
fn attributes_kinds_and_experiments_go_with_every_algorithm() {
    let who = context(r#"{"kind":"multi","user":{"key":"u","mail":"anna"},"org":{"key":"anna"}}"#);
    let by_attribute = r#""algorithm":"configcat","contextKind":"user","bucketBy":"mail","#;
    let by_kind = r#""algorithm":"configcat","contextKind":"org","kind":"experiment","#;
    assert!(divided("", by_attribute, 20_000).eval("checkout", &who).starts_with("0 "));
    assert!(divided("", by_attribute, 19_000).eval("checkout", &who).starts_with("1 "));
    let marked = r#"0 {"kind":"FALLTHROUGH","inExperiment":true}"#;
    assert_eq!(divided("", by_kind, 20_000).eval("checkout", &who), marked);
    let nobody = divided("", by_kind, 1).eval("checkout", &user("u"));
    assert_eq!(nobody, FALLTHROUGH);
    let told =
        explain(&divided("", by_kind, 20_000), divided("", by_kind, 20_000).flag("checkout").unwrap(), &who);
    let rollout = told.serve.unwrap().rollout.unwrap();
    assert_eq!(rollout.algorithm.as_deref(), Some("configcat"));
    assert!((rollout.bucket.bucket - 0.19).abs() < 1e-6);
}

#[test]
fn segments_divide_as_ever_and_the_default_is_launchdarklys() {
    for members in ["", r#""algorithm":"ld-sha1","#, r#""algorithm":null,"#] {
        for weight in [10_000, 50_000, 90_000] {
            let world = divided(members, "", weight);
            assert_eq!(world.eval("checkout", &user("anna")), world.theirs("checkout", &user("anna")));
        }
    }
}

#[test]
fn an_algorithm_is_known_by_name_or_refused() {
    for (name, algorithm) in Algorithm::ALL {
        assert_eq!(algorithm.as_str(), name);
        assert_eq!(Algorithm::parse(name), Some(algorithm));
        assert!(pointers(&format!(r#"{{"algorithm":"{name}"}}"#)).is_empty());
        assert!(shared::targeting::FLAG_SCHEMA.contains(&format!("{name:?}")), "{name} is not in the schema");
    }
    assert_eq!(pointers(r#"{"algorithm":"md5"}"#), ["/algorithm"]);
    assert_eq!(pointers(r#"{"algorithm":7}"#), ["/algorithm"]);
    let rollout = |rest: &str| {
        pointers(&format!(
            r#"{{"fallthrough":{{"rollout":{{{rest}"variations":[{{"variation":0,"weight":100000}}]}}}}}}"#
        ))
    };
    assert_eq!(rollout(r#""algorithm":"x","#), ["/fallthrough/rollout/algorithm"]);
    assert_eq!(rollout(r#""algorithm":"goff","seed":7,"#), ["/fallthrough/rollout/seed"]);
    assert_eq!(rollout(r#""algorithm":"goff","group":7,"#), ["/fallthrough/rollout/group"]);
    assert!(rollout(r#""algorithm":"goff","group":"g","bucketBy":"a","#).is_empty());
    assert!(shared::eval::prepare_flag(&flag("f", r#"{"algorithm":"md5"}"#)).is_err());
}

#[test]
fn the_callers_default_is_no_value_and_no_error() {
    let falls = r#"{"fallthrough":{"codeDefault":true}}"#;
    assert_eq!(eval(falls, &user("u")), r#"- {"kind":"FALLTHROUGH"}"#);
    let matched = r#"{"rules":[{"id":"r","clauses":[],"codeDefault":true}]}"#;
    assert_eq!(eval(matched, &user("u")), r#"- {"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r"}"#);
    assert_eq!(eval(r#"{"fallthrough":{"codeDefault":false}}"#, &user("u")), MALFORMED);
    assert_eq!(
        eval(r#"{"fallthrough":{"codeDefault":true,"variation":1}}"#, &user("u")),
        r#"1 {"kind":"FALLTHROUGH"}"#
    );
    let world = World::default().with(&flag("f", falls));
    let told = explain(&world, world.flag("f").unwrap(), &user("u")).serve.unwrap();
    assert_eq!((told.by.as_str(), told.variation, told.problem), ("fallthrough", None, None));
    // A flag without a value meets nobody's need.
    let needs = world.with(&flag("g", r#"{"prerequisites":[{"key":"f","variation":0}]}"#));
    assert_eq!(needs.eval("g", &user("u")), r#"2 {"kind":"PREREQUISITE_FAILED","prerequisiteKey":"f"}"#);
}

#[test]
fn the_callers_default_stands_alone() {
    assert!(pointers(r#"{"on":true,"fallthrough":{"codeDefault":true}}"#).is_empty());
    assert!(pointers(r#"{"rules":[{"clauses":[],"codeDefault":true}]}"#).is_empty());
    assert_eq!(pointers(r#"{"on":true,"fallthrough":{"codeDefault":false}}"#), ["/fallthrough"]);
    assert_eq!(pointers(r#"{"fallthrough":{"codeDefault":1}}"#), ["/fallthrough/codeDefault"]);
    assert_eq!(
        pointers(r#"{"fallthrough":{"codeDefault":true,"variation":0}}"#),
        ["/fallthrough/codeDefault"]
    );
}

#[test]
fn sdks_that_evaluate_by_themselves_take_the_callers_default_too() {
    // They know no such fall-through: to them it is malformed, for which they take the caller's default as well.
    let falls = r#"{"fallthrough":{"codeDefault":true}}"#;
    assert_eq!(theirs(falls, &user("u")), MALFORMED);
    let document = json(
        r#"{"on":true,"algorithm":"goff","fallthrough":{"codeDefault":true},"rules":[{"clauses":[],"codeDefault":false}]}"#,
    );
    let composed = compose_flag("f", 1, "s", &[json("1")], ClientSideAvailability::default(), &document);
    assert_eq!(composed.get("fallthrough").unwrap().to_text(), r#"{"codeDefault":true}"#);
    assert_eq!(composed.get("algorithm"), document.get("algorithm"));
    assert!(composed.get("rules").unwrap().as_array().unwrap()[0].get("codeDefault").is_none());
    // The strictest of them reads it.
    Peer::default().with(&composed.to_text()).unwrap();
}
