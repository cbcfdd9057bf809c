//! Explanations: every step is there, with what it saw, and the result at the end.

use crate::world::{World, context, flag};
use shared::eval::{Explanation, Store as _, explain};
use shared::json::Json;

fn world() -> World {
    World::default()
        .with(&flag(
            "f",
            r#"{"version":4,"prerequisites":[{"key":"p","variation":0}],
            "targets":[{"variation":1,"values":["x"]}],
            "rules":[
                {"id":"one","clauses":[{"contextKind":"org","attribute":"plan","op":"in","values":["pro"]}],"variation":1},
                {"id":"two","clauses":[{"attribute":"","op":"segmentMatch","values":["gone","s"]}],"variation":2},
                {"id":"three","clauses":[{"attribute":"email","op":"endsWith","values":["@y"],"negate":true}],
                 "rollout":{"seed":61,"variations":[{"variation":0,"weight":5000},{"variation":1,"weight":95000}]}}]}"#,
        ))
        .with(&flag("p", "{}"))
        .with_segment(r#"{"key":"s","salt":"t","rules":[{"id":"sr","clauses":[],"weight":0}]}"#)
}

fn told(key: &str) -> Explanation {
    let world = world();
    let who = context(&format!(r#"{{"kind":"user","key":"{key}","email":"a@b"}}"#));
    explain(&world, world.flag("f").unwrap(), &who)
}

#[test]
fn the_whole_path_is_told() {
    let told = told("userKeyA");
    assert_eq!((told.flag.as_str(), told.version, told.on, told.truncated), ("f", 4, true, false));
    let prerequisite = &told.prerequisites[0];
    assert_eq!((prerequisite.key.as_str(), prerequisite.passed), ("p", true));
    assert_eq!(prerequisite.detail, "it serves variation 0");
    assert_eq!(prerequisite.explanation.as_ref().unwrap().reason.to_text(), r#"{"kind":"FALLTHROUGH"}"#);
    assert!(!told.targets[0].matched);
    assert_eq!(told.targets[0].detail, "its key is not listed");
    let matched: Vec<bool> = told.rules.iter().map(|rule| rule.matched).collect();
    assert_eq!(matched, [false, false, true]);
    assert_eq!(told.rules[0].clauses[0].detail, "the context has no kind \"org\"");
    let segments = &told.rules[1].clauses[0].segments;
    assert_eq!(segments[0].detail, "there is no such segment, so nobody is in it");
    assert_eq!(segments[1].rules[0].bucket.as_ref().unwrap().to, 0.0);
    assert!(!segments[1].contains);
    let clause = &told.rules[2].clauses[0];
    assert_eq!((clause.matched, clause.negate, &clause.saw), (true, true, &Some(Json::from("a@b"))));
    let serve = told.serve.as_ref().unwrap();
    let bucket = &serve.rollout.as_ref().unwrap().bucket;
    assert_eq!((serve.by.as_str(), serve.variation), ("rule", Some(1)));
    assert_eq!((bucket.seed, bucket.bucket, bucket.from, bucket.to), (Some(61), 0.098_012_07, 0.05, 1.0));
    assert_eq!(told.variation, Some(1));
    assert_eq!(told.value, Some(Json::from("b")));
    assert_eq!(told.reason.to_text(), r#"{"kind":"RULE_MATCH","ruleIndex":2,"ruleId":"three"}"#);
}

#[test]
fn it_ends_where_the_evaluation_ended() {
    let told = told("x");
    assert!(told.targets[0].matched && told.rules.is_empty());
    assert_eq!(told.serve.unwrap().by, "target");
}

#[test]
fn it_reads_back_from_its_json() {
    let told = told("userKeyA");
    let text = serde_json::to_string(&told).unwrap();
    let back: Explanation = serde_json::from_str(&text).unwrap();
    assert_eq!(back, told);
    assert!(text.contains(r#""requiredVariation":0"#) && text.contains(r#""contextKind":"org""#), "{text}");
    assert!(shared::json::parse(&text).is_ok());
}

#[test]
fn what_is_malformed_says_what_is_wrong() {
    let world = World::default()
        .with(&flag("f", r#"{"fallthrough":{"variation":8}}"#))
        .with(&flag("g", r#"{"rules":[{"clauses":[{"attribute":"","op":"in","values":[]}],"variation":0}]}"#))
        .with(&flag("h", r#"{"prerequisites":[{"key":"h","variation":0}]}"#));
    let who = context(r#"{"key":"u"}"#);
    let told = |key: &str| explain(&world, world.flag(key).unwrap(), &who);
    assert_eq!(told("f").serve.unwrap().problem.unwrap(), "the flag has no variation 8");
    let rule = told("g");
    assert_eq!(rule.rules[0].clauses[0].detail, "an attribute reference must name something");
    assert_eq!(told("h").prerequisites[0].detail, "it leads back to itself, or too deep");
    for key in ["f", "g", "h"] {
        assert_eq!(told(key).reason.to_text(), r#"{"kind":"ERROR","errorKind":"MALFORMED_FLAG"}"#);
    }
}

#[test]
fn too_many_steps_are_cut_and_it_says_so() {
    let mut world = World::default();
    for i in 0..60 {
        let rest = format!(r#"{{"prerequisites":[{{"key":"f{}","variation":0}}]}}"#, i + 1);
        world = world.with(&flag(&format!("f{i}"), if i == 59 { "{}" } else { &rest }));
    }
    let who = context(r#"{"key":"u"}"#);
    let told = explain(&world, world.flag("f0").unwrap(), &who);
    assert!(told.truncated);
    assert_eq!(told.variation, Some(0));
    let text = serde_json::to_string(&told).unwrap();
    assert!(shared::json::parse(&text).is_ok());
    let long = context(&format!(r#"{{"key":"u","custom":{{"a":"{}"}}}}"#, "é".repeat(5000)));
    let world = World::default().with(&flag(
        "f",
        r#"{"rules":[{"clauses":[{"attribute":"a","op":"in","values":[]}],"variation":0}]}"#,
    ));
    let told = explain(&world, world.flag("f").unwrap(), &long);
    assert!(told.rules[0].clauses[0].saw.as_ref().unwrap().to_text().len() < 300);
}

#[test]
fn ten_thousand_steps_are_enough() {
    let clause = r#"{"attribute":"key","op":"in","values":["u"]}"#;
    let rule = format!(
        r#"{{"clauses":[{}],"variation":1}}"#,
        vec![clause; 49].join(",") + r#",{"attribute":"key","op":"in","values":[]}"#
    );
    let rules = vec![rule.as_str(); 300].join(",");
    let world = World::default().with(&flag("f", &format!(r#"{{"rules":[{rules}]}}"#)));
    let told = explain(&world, world.flag("f").unwrap(), &context(r#"{"key":"u"}"#));
    let steps: usize = told.rules.iter().map(|rule| 1 + rule.clauses.len()).sum();
    assert!(told.truncated && steps < 10_000, "{steps}");
    assert_eq!(told.reason.to_text(), r#"{"kind":"FALLTHROUGH"}"#);
}

#[test]
fn a_step_that_did_not_come_to_its_end_says_why() {
    let world = World::default()
        .with(&flag("a", r#"{"prerequisites":[{"key":"b","variation":0}]}"#))
        .with(&flag("b", r#"{"prerequisites":[{"key":"a","variation":0}]}"#))
        .with(&flag(
            "f",
            r#"{"rules":[{"variation":1,"clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}]}]}"#,
        ))
        .with_segment(r#"{"key":"s","salt":"t","rules":[{"clauses":[],"weight":7,"bucketBy":"//","rolloutContextKind":"user"}]}"#);
    let who = context(r#"{"kind":"user","key":"u"}"#);
    let why = "what it needs contradicts itself, so there is no result";
    let told = explain(&world, world.flag("a").unwrap(), &who);
    assert_eq!(told.prerequisites[0].detail, why);
    let inner = told.prerequisites[0].explanation.as_ref().unwrap();
    assert_eq!(inner.prerequisites[0].detail, "it leads back to itself, or too deep");
    let told = explain(&world, world.flag("f").unwrap(), &who);
    let clause = &told.rules[0].clauses[0];
    let segment = &clause.segments[0];
    assert_eq!((clause.detail.as_str(), segment.detail.as_str()), (why, why));
    let bucket = segment.rules[0].bucket.as_ref().unwrap();
    assert_eq!(bucket.detail, shared::context::Reference::parse("//").unwrap_err().to_string());
    assert_eq!(told.reason.get("errorKind").and_then(Json::as_str), Some("MALFORMED_FLAG"));
}
