//! Inputs that are nearly right, for every target: generated ones, and a few by hand.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::generate::{self, Generated};

fn generated(seeds: u64) -> impl Iterator<Item = Generated> {
    (1..seeds).map(Generated::new)
}

/// Payloads, every other one with a context behind it.
pub fn payloads() -> Vec<String> {
    let by_key = |documents: &[(String, String)]| {
        documents.iter().take(1).map(|(key, text)| format!("{key:?}:{text}")).collect::<Vec<_>>().join(",")
    };
    let payload = |one: &Generated| {
        format!(r#"{{"flags":{{{}}},"segments":{{{}}}}}"#, by_key(&one.flags), by_key(&one.segments))
    };
    let with = |one: Generated| [payload(&one), format!("{}\0{}", payload(&one), one.contexts[0])];
    generated(40).flat_map(with).collect()
}

/// Flags and segments.
pub fn documents() -> Vec<String> {
    generated(20).flat_map(|one| one.flags.into_iter().chain(one.segments)).map(|(_, text)| text).collect()
}

/// Contexts as JSON.
pub fn contexts() -> Vec<String> {
    generated(40).flat_map(|one| one.contexts).collect()
}

/// Contexts as SDKs send them, in either alphabet, and some that only others would keep.
pub fn base64_contexts() -> Vec<String> {
    let odd = [r#"{"kind":"user","key":"a","id":9007199254740993,"x":1,"x":2}"#, r#"{"key":"Zoë?>~ÿ!"}"#];
    let plain = odd.into_iter().map(str::to_owned).chain(generated(10).flat_map(|one| one.contexts));
    plain.flat_map(|text| [URL_SAFE_NO_PAD.encode(&text), STANDARD.encode(&text), text]).collect()
}

/// References to attributes.
pub fn references() -> Vec<String> {
    generate::references().into_iter().map(str::to_owned).collect()
}

/// Queries.
pub fn queries() -> Vec<String> {
    let queries = [
        "",
        "chkout one-page",
        "tag:checkout,\"two words\" -archived:yes",
        "on:staging | off:prod-*",
        "(env:staging on:* changed:<3d) | -(by:carol stale:30d)",
        "json:/rules/0/clauses[op=segmentMatch]",
        "json:/fallthrough/rollout -json:/on=true,false",
        "rollout:partial differs:production has:draft,rules",
        "type:boolean key:^pay\\. name:\"New one\\\"\"",
        "segment:beta-testers prereq:pay.base owner:payments",
        "evaluated:<1h evaluated:never value:true",
    ];
    queries.into_iter().map(str::to_owned).collect()
}

/// JSON with a pointer into it.
pub fn json() -> Vec<String> {
    let odd = [
        "{\"a\":[1.0,{\"~/\":null}]}\0/a/1/~0~1",
        " [ 1e2 , -0.50, \"\\ud83d\\ude00\\n\" ]\0/2",
        "{\"\":{\"\":\"é\"}}\0//",
        "{\"a\":1,\"a\":tru",
    ];
    let flags = generated(3).flat_map(|one| one.flags).map(|(_, text)| format!("{text}\0/rules/0/id"));
    odd.into_iter().map(str::to_owned).chain(flags).collect()
}

/// Documents with patches of them and with other versions.
pub fn patches() -> Vec<String> {
    let odd = [
        r#"{"a":{"b":[1,2]}}|[{"op":"add","path":"/a/b/-","value":3},{"op":"move","from":"/a/b/0","path":"/c"}]|{}"#,
        r#"{"a":1}|[{"op":"test","path":"/a","value":1.0},{"op":"remove","path":"/a"},{"op":"copy","from":"","path":"/x"}]|"#,
        r#"{"z":1.0,"m":{"y":1e2}}|{"n":0.50,"m":{"y":null}}|{"z":1,"m":{"y":100}}"#,
        r#"[{"id":1},{"id":2}]|[{"id":2},{"id":1},{"id":3}]|[{"id":1,"v":1}]"#,
        r#"{"values":["a","b"]}|{"values":["b","a","c"]}|{"values":["a"]}"#,
        r#"{"variations":[{"value":1},{"value":2}]}|{"variations":[{"value":1}]}|{"variations":[{"value":1},{"value":3}]}"#,
    ];
    let versions = generated(8)
        .map(|one| one.flags.iter().take(3).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\0"));
    odd.into_iter().map(|text| text.replace('|', "\0")).chain(versions).collect()
}
