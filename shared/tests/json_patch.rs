//! JSON Patch and JSON Merge Patch against the examples of their RFCs and against bombs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use shared::json::{Json, json_patch, merge_patch, parse};

fn json(text: &str) -> Json {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn patched(target: &str, patch: &str) -> Result<String, (String, String)> {
    json_patch(&json(target), &json(patch))
        .map(|result| result.to_text())
        .map_err(|fault| (fault.pointer, fault.detail))
}

#[track_caller]
fn fine(target: &str, patch: &str, expected: &str) {
    assert_eq!(patched(target, patch), Ok(json(expected).to_text()), "{patch}");
}

#[track_caller]
fn refused(target: &str, patch: &str, pointer: &str, word: &str) {
    let (at, detail) = patched(target, patch).unwrap_err();
    assert_eq!(at, pointer, "{detail}");
    assert!(detail.contains(word), "{detail}");
}

#[test]
fn the_examples_of_rfc_7396_appendix_a_hold() {
    for (target, patch, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        assert_eq!(merge_patch(&json(target), &json(patch)).to_text(), result, "{target} {patch}");
    }
}

#[test]
fn a_merge_patch_keeps_places_and_number_text() {
    let result =
        merge_patch(&json(r#"{"z":1.0,"a":1,"m":{"y":1e2}}"#), &json(r#"{"n":0.50,"a":2.0,"m":{"x":1}}"#));
    assert_eq!(result.to_text(), r#"{"z":1.0,"a":2.0,"m":{"y":1e2,"x":1},"n":0.50}"#);
}

#[test]
fn the_examples_of_rfc_6902_appendix_a_that_succeed_hold() {
    // A.1 to A.7
    fine(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#);
    fine(
        r#"{"foo":["bar","baz"]}"#,
        r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
        r#"{"foo":["bar","qux","baz"]}"#,
    );
    fine(r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#);
    fine(
        r#"{"foo":["bar","qux","baz"]}"#,
        r#"[{"op":"remove","path":"/foo/1"}]"#,
        r#"{"foo":["bar","baz"]}"#,
    );
    fine(
        r#"{"baz":"qux","foo":"bar"}"#,
        r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
        r#"{"baz":"boo","foo":"bar"}"#,
    );
    fine(
        r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
        r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
        r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
    );
    fine(
        r#"{"foo":["all","grass","cows","eat"]}"#,
        r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
        r#"{"foo":["all","cows","eat","grass"]}"#,
    );
    // A.8, A.10, A.11, A.14, A.16
    let tested = r#"{"baz":"qux","foo":["a",2,"c"]}"#;
    fine(
        tested,
        r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
        tested,
    );
    fine(
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
        r#"{"foo":"bar","child":{"grandchild":{}}}"#,
    );
    fine(
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
        r#"{"foo":"bar","baz":"qux"}"#,
    );
    fine(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#);
    fine(
        r#"{"foo":["bar"]}"#,
        r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
        r#"{"foo":["bar",["abc","def"]]}"#,
    );
}

#[test]
fn the_examples_of_rfc_6902_appendix_a_that_fail_point_into_the_patch() {
    // A.9, A.12, A.15
    refused(r#"{"baz":"qux"}"#, r#"[{"op":"test","path":"/baz","value":"bar"}]"#, "/0/value", "\"qux\"");
    refused(
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
        "/0/path",
        "nothing stands at \"/baz\"",
    );
    refused(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":"10"}]"#, "/0/value", "10");
    // A.13 is no JSON that is kept: "op" stands twice.
    assert!(parse(r#"[{"op":"add","path":"/baz","value":"qux","op":"remove"}]"#).is_err());
}

#[test]
fn what_an_operation_lacks_or_gets_wrong_is_named() {
    let target = r#"{"a":[1,2],"s":"x"}"#;
    for (patch, pointer, word) in [
        (r#"{"op":"add"}"#, "", "array of operations"),
        ("[1]", "/0", "an object"),
        (r#"[{"path":"/a"}]"#, "/0/op", "missing"),
        (r#"[{"op":"merge","path":"/a"}]"#, "/0/op", "no operation"),
        (r#"[{"op":1,"path":"/a"}]"#, "/0/op", "string"),
        (r#"[{"op":"add","value":1}]"#, "/0/path", "missing"),
        (r#"[{"op":"add","path":"a","value":1}]"#, "/0/path", "begins with"),
        (r#"[{"op":"add","path":"/a"}]"#, "/0/value", "missing"),
        (r#"[{"op":"copy","path":"/b"}]"#, "/0/from", "missing"),
        (r#"[{"op":"copy","from":"/q/r","path":"/b"}]"#, "/0/from", "\"/q\""),
        (r#"[{"op":"add","path":"/a/3","value":1}]"#, "/0/path", "0 to 2"),
        (r#"[{"op":"add","path":"/a/01","value":1}]"#, "/0/path", "0 to 2"),
        (r#"[{"op":"add","path":"/s/x","value":1}]"#, "/0/path", "string"),
        (r#"[{"op":"remove","path":"/a/-"}]"#, "/0/path", "nothing stands"),
        (r#"[{"op":"remove","path":""}]"#, "/0/path", "whole document"),
        (r#"[{"op":"replace","path":"/b","value":1}]"#, "/0/path", "nothing stands"),
        (r#"[{"op":"move","from":"/a","path":"/a/0"}]"#, "/0/path", "into itself"),
        (r#"[{"op":"move","from":"/s","path":"/s/t/u"}]"#, "/0/path", "into itself"),
        (
            r#"[{"op":"test","path":"/s","value":"x"},{"op":"remove","path":"/t"}]"#,
            "/1/path",
            "nothing stands",
        ),
    ] {
        refused(target, patch, pointer, word);
    }
}

#[test]
fn a_test_compares_values_and_what_is_written_keeps_its_text() {
    fine(
        r#"{"a":1.0,"b":{"x":1,"y":2}}"#,
        r#"[{"op":"test","path":"/a","value":1},{"op":"test","path":"/b","value":{"y":2.0,"x":1}},
           {"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/b","value":1e2}]"#,
        r#"{"a":1.0,"b":1e2,"c":1.0}"#,
    );
    fine(
        r#"{"a":1}"#,
        r#"[{"op":"move","from":"/a","path":""},{"op":"replace","path":"","value":2.50}]"#,
        "2.50",
    );
    fine(r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/a"}]"#, r#"{"a":1}"#);
}

#[test]
fn bombs_are_refused() {
    let nesting = format!("[{}]", vec![r#"{"op":"copy","from":"","path":"/a"}"#; 100].join(","));
    refused("{}", &nesting, "/63", "deeper than 64");

    let doubling = format!("[{}]", vec![r#"{"op":"copy","from":"/a","path":"/a/-"}"#; 100].join(","));
    refused(r#"{"a":["x"]}"#, &doubling, "/19", "larger than 4 MiB");

    let wide: Vec<String> = (0..100)
        .map(|i| {
            format!(
                r#"{{"op":"add","path":"/b{i}","value":{{}}}},{{"op":"copy","from":"/a","path":"/b{i}/x"}}"#
            )
        })
        .collect();
    let target = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let (pointer, detail) = patched(&target, &format!("[{}]", wide.join(","))).unwrap_err();
    assert!(detail.contains("larger than 4 MiB"), "{pointer} {detail}");
    // 4 MiB hold 41 of these texts: the first is there, so the 41st copy is too much.
    assert_eq!(pointer, "/81");

    let many = format!("[{}]", vec![r#"{"op":"test","path":"/a","value":1}"#; 1_001].join(","));
    refused(r#"{"a":1}"#, &many, "", "1000");

    let zeros = format!("[{}0]", "0,".repeat(1_000_000));
    let shifting = format!("[{}]", vec![r#"{"op":"add","path":"/0","value":1}"#; 1_000].join(","));
    let (_, detail) = patched(&zeros, &shifting).unwrap_err();
    assert!(detail.contains("so much work"), "{detail}");
}
