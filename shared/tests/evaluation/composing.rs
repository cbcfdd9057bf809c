//! The server document: everything is there, nothing changes its meaning, nothing is lost.

use crate::world::json;
use shared::json::Json;
use shared::project::ClientSideAvailability;
use shared::targeting::{compose_flag, compose_segment};

const BROWSERS: ClientSideAvailability =
    ClientSideAvailability { using_environment_id: true, using_mobile_key: false };

fn compose(document: &str) -> String {
    compose_flag("f", 7, "s", &[json("1.0"), json(r#"{"b":1,"a":2}"#)], BROWSERS, &json(document)).to_text()
}

fn member(document: &str, name: &str) -> String {
    json(&compose(document)).get(name).map(Json::to_text).unwrap_or_default()
}

#[test]
fn everything_is_there_and_never_null_where_a_list_belongs() {
    let full = r#"{"key":"f","version":7,"on":false,"prerequisites":[],"targets":[],"contextTargets":[],"rules":[],"fallthrough":{},"offVariation":null,"variations":[1.0,{"b":1,"a":2}],"salt":"s","clientSideAvailability":{"usingEnvironmentId":true,"usingMobileKey":false},"clientSide":true,"trackEvents":false,"trackEventsFallthrough":false,"debugEventsUntilDate":null,"deleted":false}"#;
    assert_eq!(compose("{}"), full);
    let nulls = r#"{"rules":null,"targets":null,"contextTargets":null,"prerequisites":null,"fallthrough":null,"samplingRatio":1,"migration":null,"excludeFromSummaries":false}"#;
    assert_eq!(compose(nulls), full);
    assert_eq!(
        compose_segment("k", 3, "s", &json("{}")).to_text(),
        r#"{"key":"k","version":3,"included":[],"excluded":[],"includedContexts":[],"excludedContexts":[],"rules":[],"salt":"s","unbounded":false,"generation":null,"deleted":false}"#
    );
}

#[test]
fn members_of_others_give_way_and_unknown_ones_stay() {
    let text = compose(
        r#"{"version":1,"salt":"x","variations":[],"deleted":true,"_site":{"n":1.50},"samplingRatio":3,"key":"z"}"#,
    );
    let composed = json(&text);
    assert_eq!(composed.get("version"), Some(&json("7")));
    assert_eq!(composed.get("deleted"), Some(&json("false")));
    assert!(text.ends_with(r#""deleted":false,"samplingRatio":3,"_site":{"n":1.50}}"#), "{text}");
    assert_eq!(text.matches("\"salt\"").count(), 1);
}

#[test]
fn a_kind_is_always_written_and_the_attribute_becomes_a_reference_by_that() {
    let rules = member(
        r#"{"rules":[{"variation":0,"clauses":[
            {"attribute":"/a/b~","op":"in","values":[1.0]},
            {"attribute":"a/b","op":"in","values":[]},
            {"contextKind":"org","attribute":"/a/b","op":"in","values":[],"negate":true,"_id":"x"},
            {"op":"segmentMatch","values":["s"]}]}]}"#,
        "rules",
    );
    assert_eq!(
        rules,
        r#"[{"id":"","variation":0,"clauses":[{"contextKind":"user","attribute":"/~1a~1b~0","op":"in","values":[1.0],"negate":false},{"contextKind":"user","attribute":"a/b","op":"in","values":[],"negate":false},{"contextKind":"org","attribute":"/a/b","op":"in","values":[],"negate":true,"_id":"x"},{"contextKind":"user","attribute":"","op":"segmentMatch","values":["s"],"negate":false}],"trackEvents":false}]"#
    );
    let fallthrough = member(
        r#"{"fallthrough":{"variation":null,"rollout":{"bucketBy":"/a","variations":[{"variation":0.0,"weight":1e5,"untracked":false}],"seed":0}}}"#,
        "fallthrough",
    );
    assert_eq!(
        fallthrough,
        r#"{"rollout":{"kind":"rollout","variations":[{"variation":0,"weight":100000}],"contextKind":"user","bucketBy":"/~1a"}}"#
    );
    let segment = json(
        r#"{"rules":[{"clauses":[],"weight":null,"bucketBy":"/x"},{"id":"i","clauses":[],"weight":5,"rolloutContextKind":"org","bucketBy":"/x"}]}"#,
    );
    assert_eq!(
        compose_segment("k", 1, "s", &segment).get("rules").unwrap().to_text(),
        r#"[{"clauses":[],"rolloutContextKind":"user","bucketBy":"/~1x"},{"id":"i","clauses":[],"weight":5,"rolloutContextKind":"org","bucketBy":"/x"}]"#
    );
}

#[test]
fn users_get_the_place_holders_that_they_need() {
    let document = r#"{"targets":[{"variation":0,"values":["a"]},{"values":["b"],"variation":1}],
        "contextTargets":[{"contextKind":"org","variation":1,"values":["o"]},{"variation":1,"values":[]}]}"#;
    assert_eq!(
        member(document, "contextTargets"),
        r#"[{"contextKind":"org","variation":1,"values":["o"]},{"contextKind":"user","variation":1,"values":[]},{"contextKind":"user","variation":0,"values":[]}]"#
    );
    assert_eq!(
        member(document, "targets"),
        r#"[{"variation":0,"values":["a"]},{"variation":1,"values":["b"]}]"#
    );
    assert_eq!(member(r#"{"targets":[{"variation":0,"values":["a"]}]}"#, "contextTargets"), "[]");
}

#[test]
fn composing_twice_changes_nothing() {
    let first = json(&compose(
        r#"{"on":true,"targets":[{"variation":0,"values":["a"]}],"contextTargets":[{"contextKind":"o","variation":1,"values":["x"]}],
            "rules":[{"id":"r","clauses":[{"attribute":"/a","op":"in","values":[]}],"rollout":{"variations":[{"variation":0,"weight":1}],"bucketBy":"/b"}}],"extra":1}"#,
    ));
    let again = compose_flag("f", 7, "s", &[json("1.0"), json(r#"{"b":1,"a":2}"#)], BROWSERS, &first);
    assert_eq!(again.to_text(), first.to_text());
}
