//! What may not be stored, with the place of each fault.

use crate::world::json;
use shared::fault::Fault;
use shared::json::Json;
use shared::targeting::{check_flag, check_segment, prerequisite_keys, segment_keys};

fn faults(document: &str) -> Vec<Fault> {
    // Three variations, of which the last is a placeholder.
    check_flag(&json(document), 3, &|index| index < 2)
}

fn pointers(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.pointer.as_str()).collect()
}

fn refused(document: &str, expected: &[&str]) {
    let found = faults(document);
    assert_eq!(pointers(&found), expected, "{document}\n{found:?}");
}

fn clause(rest: &str) -> String {
    format!(r#"{{"rules":[{{"variation":0,"clauses":[{{"contextKind":"user","attribute":"a",{rest}}}]}}]}}"#)
}

#[test]
fn a_full_document_passes() {
    refused(
        r#"{"on":true,"offVariation":1,"fallthrough":{"rollout":{"kind":"experiment","contextKind":"user","seed":-7,
            "variations":[{"variation":0,"weight":33333},{"variation":1,"weight":66667,"untracked":true}]}},
            "targets":[{"variation":0,"values":["a","b"]}],
            "contextTargets":[{"contextKind":"user","variation":0,"values":[]},{"contextKind":"org","variation":1,"values":["a"]}],
            "prerequisites":[{"key":"other","variation":17}],
            "rules":[{"id":"1","variation":1,"trackEvents":true,"clauses":[
                {"contextKind":"user","attribute":"/a/b","op":"in","values":["x",1,true],"negate":true},
                {"contextKind":"org","attribute":"v","op":"semVerLessThan","values":["2.1"]},
                {"attribute":"/literal","op":"before","values":[1,"2026-01-31T09:00:00Z"]},
                {"attribute":"m","op":"matches","values":["^a.*b$"]},
                {"op":"segmentMatch","values":["beta"]}]}],
            "trackEvents":false,"trackEventsFallthrough":true,"debugEventsUntilDate":null,"samplingRatio":2,
            "migration":{"checkRatio":1},"excludeFromSummaries":false,"our-own":{"x":[1.0]}}"#,
        &[],
    );
    refused("{}", &[]);
    refused(r#"{"on":false,"offVariation":null,"rules":[],"fallthrough":{}}"#, &[]);
}

#[test]
fn wrong_types_and_missing_members() {
    refused("[]", &[""]);
    refused(r#"{"on":"true"}"#, &["/on"]);
    refused(r#"{"rules":{}}"#, &["/rules"]);
    refused(r#"{"offVariation":"1"}"#, &["/offVariation"]);
    refused(r#"{"offVariation":1.5}"#, &["/offVariation"]);
    refused(r#"{"targets":[{"values":["a"]}]}"#, &["/targets/0/variation"]);
    refused(r#"{"targets":[{"variation":0}]}"#, &["/targets/0/values"]);
    refused(
        r#"{"prerequisites":[{"key":"a"},{"variation":0}]}"#,
        &["/prerequisites/0/variation", "/prerequisites/1/key"],
    );
    refused(
        r#"{"rules":[{"variation":0,"clauses":[{"values":[]}]}]}"#,
        &["/rules/0/clauses/0/op", "/rules/0/clauses/0/attribute"],
    );
    refused(&clause(r#""op":"in""#), &["/rules/0/clauses/0/values"]);
    refused(
        r#"{"fallthrough":{"rollout":{"kind":"lottery","variations":[]}}}"#,
        &["/fallthrough/rollout/kind"],
    );
    refused(r#"{"samplingRatio":"x","migration":1}"#, &["/samplingRatio", "/migration"]);
}

#[test]
fn variations_must_exist_and_be_known() {
    refused(r#"{"offVariation":3}"#, &["/offVariation"]);
    refused(r#"{"offVariation":-1}"#, &["/offVariation"]);
    refused(r#"{"offVariation":2}"#, &["/offVariation"]);
    refused(r#"{"fallthrough":{"variation":3}}"#, &["/fallthrough/variation"]);
    refused(r#"{"targets":[{"variation":2,"values":[]}]}"#, &["/targets/0/variation"]);
    refused(
        r#"{"contextTargets":[{"contextKind":"org","variation":3,"values":[]}]}"#,
        &["/contextTargets/0/variation"],
    );
    refused(r#"{"rules":[{"clauses":[],"variation":2}]}"#, &["/rules/0/variation"]);
    refused(
        r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":50000},{"variation":2,"weight":50000}]}}}"#,
        &["/fallthrough/rollout/variations/1/variation"],
    );
    assert!(faults(r#"{"offVariation":2}"#)[0].detail.contains("placeholder"));
    refused(r#"{"prerequisites":[{"key":"a","variation":-1}]}"#, &["/prerequisites/0/variation"]);
}

#[test]
fn on_needs_something_to_serve() {
    refused(r#"{"on":true}"#, &["/fallthrough"]);
    refused(r#"{"on":true,"fallthrough":{}}"#, &["/fallthrough"]);
    let none = check_flag(&json(r#"{"on":true,"fallthrough":{"variation":0}}"#), 0, &|_| true);
    assert_eq!(pointers(&none), ["/on", "/fallthrough/variation"]);
    assert!(check_flag(&json(r#"{"on":false}"#), 0, &|_| true).is_empty());
    refused(r#"{"rules":[{"clauses":[]}]}"#, &["/rules/0"]);
    refused(r#"{"rules":[{"clauses":[],"variation":0,"rollout":{"variations":[]}}]}"#, &["/rules/0"]);
}

#[test]
fn rollouts_sum_to_the_whole_and_divide_by_something() {
    let rollout = |rest: &str| format!(r#"{{"fallthrough":{{"rollout":{{{rest}}}}}}}"#);
    let half = r#"{"variation":0,"weight":50000}"#;
    refused(&rollout(&format!(r#""variations":[{half},{half}]"#)), &[]);
    let at = "/fallthrough/rollout";
    let list = format!("{at}/variations");
    refused(&rollout(&format!(r#""variations":[{half}]"#)), &[&list]);
    refused(&rollout(&format!(r#""variations":[{half},{half},{half}]"#)), &[&list]);
    refused(&rollout(r#""variations":[]"#), &[&list]);
    refused(&rollout(r#""variations":[{"variation":0,"weight":99999}]"#), &[&list]);
    let weight = format!("{at}/variations/0/weight");
    refused(&rollout(r#""variations":[{"variation":0,"weight":null}]"#), &[&weight]);
    refused(
        &rollout(r#""variations":[{"variation":0,"weight":-1},{"variation":0,"weight":100001}]"#),
        &[&weight, "/fallthrough/rollout/variations/1/weight"],
    );
    let ok = format!(r#""variations":[{half},{half}]"#);
    refused(&rollout(&format!(r#"{ok},"seed":0"#)), &["/fallthrough/rollout/seed"]);
    refused(&rollout(&format!(r#"{ok},"seed":null"#)), &[]);
    refused(&rollout(&format!(r#"{ok},"contextKind":"""#)), &["/fallthrough/rollout/contextKind"]);
    refused(&rollout(&format!(r#"{ok},"contextKind":"multi""#)), &["/fallthrough/rollout/contextKind"]);
    refused(
        &rollout(&format!(r#"{ok},"contextKind":"user","bucketBy":"/a//b""#)),
        &["/fallthrough/rollout/bucketBy"],
    );
    refused(&rollout(&format!(r#"{ok},"bucketBy":"/a//b""#)), &[]);
}

#[test]
fn clauses_mean_something() {
    let place = "/rules/0/clauses/0";
    let value = format!("{place}/values/0");
    refused(&clause(r#""op":"sounds-like","values":[]"#), &["/rules/0/clauses/0/op"]);
    for (op, bad) in [
        ("in", "null"),
        ("in", "[1]"),
        ("in", r#"{"a":1}"#),
        ("startsWith", "1"),
        ("endsWith", "true"),
        ("contains", "null"),
        ("matches", "1"),
        ("matches", r#""(""#),
        ("matches", r#""(?=a)""#),
        ("matches", r#""(\\pL{50}){50}""#),
        ("lessThan", r#""1""#),
        ("greaterThanOrEqual", "null"),
        ("before", r#""2026-01-31""#),
        ("after", r#""soon""#),
        ("after", "true"),
        ("semVerEqual", r#""v1.2.3""#),
        ("semVerGreaterThan", "2"),
        ("semVerLessThan", r#""1.2.3.4""#),
        ("segmentMatch", "1"),
        ("segmentMatch", r#""a b""#),
    ] {
        refused(&clause(&format!(r#""op":"{op}","values":[{bad}]"#)), &[&value]);
    }
    for attribute in ["", "/", "/a/", "/a~2"] {
        let document = format!(
            r#"{{"rules":[{{"variation":0,"clauses":[{{"contextKind":"user","attribute":"{attribute}","op":"in","values":[]}}]}}]}}"#
        );
        refused(&document, &["/rules/0/clauses/0/attribute"]);
    }
    let kind =
        r#"{"rules":[{"variation":0,"clauses":[{"contextKind":"","attribute":"a","op":"in","values":[]}]}]}"#;
    refused(kind, &["/rules/0/clauses/0/contextKind"]);
    let long = format!(r#""op":"matches","values":["{}"]"#, "a".repeat(1025));
    refused(&clause(&long), &[&value]);
}

#[test]
fn what_sdks_disagree_about_is_refused() {
    refused(
        r#"{"contextTargets":[{"contextKind":"user","variation":0,"values":["a"]}]}"#,
        &["/contextTargets/0/values"],
    );
    refused(
        r#"{"targets":[{"variation":0,"values":["a"]},{"variation":0,"values":["b"]}],
            "contextTargets":[{"contextKind":"org","variation":0,"values":["o"]}]}"#,
        &["/targets/1/variation"],
    );
    refused(
        r#"{"targets":[{"contextKind":"org","variation":0,"values":["a"]}]}"#,
        &["/targets/0/contextKind"],
    );
}

#[test]
fn duplicates_are_refused() {
    refused(
        r#"{"rules":[{"id":"x","clauses":[],"variation":0},{"id":"y","clauses":[],"variation":0},{"id":"x","clauses":[],"variation":0}]}"#,
        &["/rules/2/id"],
    );
    refused(r#"{"rules":[{"id":"","clauses":[],"variation":0},{"clauses":[],"variation":0}]}"#, &[]);
    refused(
        r#"{"targets":[{"variation":0,"values":["a","b"]},{"variation":1,"values":["c","b"]}]}"#,
        &["/targets/1/values/1"],
    );
    refused(
        r#"{"prerequisites":[{"key":"a","variation":0},{"key":"a","variation":1}]}"#,
        &["/prerequisites/1/key"],
    );
}

fn repeat(item: &str, count: usize) -> String {
    vec![item; count].join(",")
}

#[test]
fn every_limit_holds_at_the_limit_and_not_beyond() {
    let rules = |n| format!(r#"{{"rules":[{}]}}"#, repeat(r#"{"clauses":[],"variation":0}"#, n));
    refused(&rules(500), &[]);
    refused(&rules(501), &["/rules"]);
    let clauses = |n| {
        let one = r#"{"attribute":"a","op":"in","values":[]}"#;
        format!(r#"{{"rules":[{{"variation":0,"clauses":[{}]}}]}}"#, repeat(one, n))
    };
    refused(&clauses(50), &[]);
    refused(&clauses(51), &["/rules/0/clauses"]);
    let values = |n| clause(&format!(r#""op":"in","values":[{}]"#, repeat("1", n)));
    refused(&values(100), &[]);
    refused(&values(101), &["/rules/0/clauses/0/values"]);
    let targets = |n| format!(r#"{{"targets":[{{"variation":0,"values":[{}]}}]}}"#, repeat(r#""a""#, n));
    refused(&targets(10_000), &[]);
    refused(&targets(10_001), &["/targets"]);
    let patterns = |n| {
        let one = format!(r#"{{"attribute":"a","op":"matches","values":[{}]}}"#, repeat(r#""a""#, 50));
        format!(r#"{{"rules":[{{"variation":0,"clauses":[{}]}}]}}"#, repeat(&one, n))
    };
    refused(&patterns(4), &[]);
    assert_eq!(faults(&patterns(5)).len(), 50);
    // However much is wrong, the list stays readable.
    assert_eq!(faults(&format!(r#"{{"rules":[{}]}}"#, repeat("1", 400))).len(), 100);
}

#[test]
fn segments_are_checked_alike() {
    let refused = |document: &str, expected: &[&str]| {
        let found = check_segment(&json(document));
        assert_eq!(pointers(&found), expected, "{document}\n{found:?}");
    };
    refused(
        r#"{"included":["a"],"excluded":["b"],"includedContexts":[{"contextKind":"org","values":["o"]}],
            "rules":[{"id":"1","weight":50000,"bucketBy":"/a","rolloutContextKind":"org",
            "clauses":[{"contextKind":"org","attribute":"a","op":"in","values":[1]}]}]}"#,
        &[],
    );
    refused("{}", &[]);
    refused("1", &[""]);
    refused(r#"{"included":[1]}"#, &["/included/0"]);
    refused(r#"{"included":["a",""]}"#, &["/included/1"]);
    refused(r#"{"includedContexts":[{"values":[]}]}"#, &["/includedContexts/0/contextKind"]);
    refused(
        r#"{"excludedContexts":[{"contextKind":"user","values":["u"]}]}"#,
        &["/excludedContexts/0/contextKind"],
    );
    refused(r#"{"rules":[{"clauses":[],"weight":null}]}"#, &["/rules/0/weight"]);
    refused(r#"{"rules":[{"clauses":[],"weight":100001}]}"#, &["/rules/0/weight"]);
    refused(
        r#"{"rules":[{"clauses":[],"weight":1,"rolloutContextKind":"a b"}]}"#,
        &["/rules/0/rolloutContextKind"],
    );
    refused(
        r#"{"rules":[{"clauses":[],"weight":1,"rolloutContextKind":"org","bucketBy":"/"}]}"#,
        &["/rules/0/bucketBy"],
    );
    refused(
        r#"{"rules":[{"clauses":[{"attribute":"a","op":"x","values":[]}]}]}"#,
        &["/rules/0/clauses/0/op"],
    );
    refused(r#"{"unbounded":true}"#, &["/generation"]);
    refused(r#"{"unbounded":true,"generation":0}"#, &["/generation"]);
    refused(r#"{"unbounded":true,"generation":1}"#, &[]);
}

#[test]
fn what_a_document_leans_on() {
    let document = json(
        r#"{"prerequisites":[{"key":"b"},{"key":"a"},{"key":"b"},{"x":1}],"rules":[
            {"clauses":[{"op":"segmentMatch","values":["t","s",1]},{"op":"in","values":["no"]}]},{},
            {"clauses":[{"op":"segmentMatch","values":["s","u"]}]}]}"#,
    );
    assert_eq!(prerequisite_keys(&document), ["b", "a"]);
    assert_eq!(segment_keys(&document), ["t", "s", "u"]);
    assert!(prerequisite_keys(&Json::Null).is_empty() && segment_keys(&json("[1]")).is_empty());
}
