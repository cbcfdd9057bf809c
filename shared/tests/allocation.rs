//! Evaluating allocates nothing, whatever the flag: counted by the allocator itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
// The documents of the benchmark; not every part of them is for here.
#![allow(dead_code, clippy::cast_possible_truncation)]

#[path = "../benches/evaluate/mix.rs"]
mod mix;

use std::sync::Arc;

use shared::context::Context;
use shared::eval::{EvalxForm, Ruleset, Store, evaluate, prepare_flag, prepare_segment};
use shared::json::{Json, parse};
use shared::targeting::Algorithm;

fn load(documents: &mix::Documents) -> Ruleset {
    Ruleset::new(
        documents.flags.iter().map(|flag| Arc::new(prepare_flag(flag).unwrap())),
        documents.segments.iter().map(|segment| Arc::new(prepare_segment(segment).unwrap())),
    )
}

fn context(text: &str) -> Context {
    Context::parse(&parse(text).unwrap()).unwrap()
}

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

/// A ruleset of one flag with one rule of one clause, and a context with the attribute `a`.
fn clause(clause: &str, attribute: &str) -> (Ruleset, Context) {
    let flag = format!(
        r#"{{"key":"f","on":true,"variations":[0,1],"fallthrough":{{"variation":0}},
            "rules":[{{"id":"r","clauses":[{clause}],"variation":1}}]}}"#
    );
    let documents = mix::Documents { flags: vec![parse(&flag).unwrap()], segments: Vec::new() };
    (load(&documents), context(&format!(r#"{{"kind":"user","key":"k","a":{attribute}}}"#)))
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
}

#[test]
fn no_shape_of_flag_allocates() {
    let (documents, cases) = mix::shapes();
    let ruleset = load(&documents);
    for case in &cases {
        let who = context(&case.context);
        // A regular expression makes its cache on its first use.
        ruleset.evaluate_key(case.flag, &who).unwrap();
        let mut served = None;
        let count = allocations(|| {
            let result = ruleset.evaluate_key(case.flag, &who).unwrap();
            served = result.variation_index;
            // Nor do the answer's parts.
            assert!(result.text().is_some() && result.value().is_some() && !result.track_events());
        });
        assert_eq!(count, 0, "{}", case.name);
        assert!(served.is_some(), "{}", case.name);
        let flag = ruleset.flag(case.flag).unwrap();
        let by_key = allocations(|| assert_eq!(evaluate(&ruleset, flag, &who).variation_index, served));
        assert_eq!(by_key, 0, "{} by key", case.name);
    }
}

#[test]
fn no_operator_and_no_type_of_value_allocates() {
    let wide: Vec<String> = (0..100).map(|i| format!(r#""m{i}":[{i},{{"x":"{i}"}}]"#)).collect();
    let object = format!("{{{}}}", wide.join(","));
    let mut reversed = wide;
    reversed.reverse();
    let reversed = format!("{{{}}}", reversed.join(","));
    for (op, values, attribute, served) in [
        ("in", r#"["x","y"]"#, r#""y""#, 1),
        ("in", "[1,2.50]", "2.5", 1),
        ("in", "[1e2]", "[3,100]", 1),
        ("in", "[true,null]", "true", 1),
        ("in", &format!("[1,{object}]"), &reversed, 1),
        ("in", &format!("[[{object},2]]"), &format!("[[{reversed},2.0]]"), 1),
        ("startsWith", r#"["b","a"]"#, r#""abc""#, 1),
        ("endsWith", r#"["b","c"]"#, r#"["x","abc"]"#, 1),
        ("contains", r#"["z"]"#, r#""abc""#, 0),
        ("lessThan", "[1,3]", "2", 1),
        ("before", r#"["2026-01-01T00:00:00Z"]"#, r#""2025-12-31T23:59:59.999+01:00""#, 1),
        ("after", "[1700000000000]", "1800000000000", 1),
        ("semVerEqual", r#"["2"]"#, r#""2.0.0+build""#, 1),
        ("semVerLessThan", r#"["2.0.0-rc.10"]"#, r#""2.0.0-rc.9""#, 1),
        ("unheardOf", "[1]", "1", 0),
    ] {
        let text = format!(
            r#"{{"contextKind":"user","attribute":"a","op":"{op}","values":{values},"negate":false}}"#
        );
        let (ruleset, who) = clause(&text, attribute);
        let mut index = None;
        let count = allocations(|| index = ruleset.evaluate(0, &who).unwrap().variation_index);
        assert_eq!((count, index), (0, Some(served)), "{op} {values} {attribute}");
    }
}

#[test]
fn buckets_of_any_attribute_and_kind_are_found_without_allocating() {
    for (by, kind, value) in [
        (
            r#""bucketBy":"a","#,
            "user",
            r#""a text that is longer than one block of the hash, much longer than that""#,
        ),
        (r#""bucketBy":"/a/b","#, "org", r#"{"b":9007199254740991}"#),
        (r#""bucketBy":"a","seed":61,"#, "org", "1.0"),
        ("", "nobody", "1"),
    ] {
        let flag = format!(
            r#"{{"key":"f","on":true,"variations":[0,1],"salt":"salt","fallthrough":{{"rollout":{{
                {by}"contextKind":"{kind}","variations":[{{"variation":0,"weight":50000}},{{"variation":1,"weight":50000}}]}}}}}}"#
        );
        let ruleset = load(&mix::Documents { flags: vec![parse(&flag).unwrap()], segments: Vec::new() });
        let who = context(&format!(
            r#"{{"kind":"multi","user":{{"key":"u","a":{value}}},"org":{{"key":"o","a":{value}}}}}"#
        ));
        let mut index = None;
        let count = allocations(|| index = ruleset.evaluate(0, &who).unwrap().variation_index);
        assert!(count == 0 && index.is_some(), "{by} {kind}: {count}");
    }
}

#[test]
fn no_algorithm_of_another_tool_allocates() {
    let who = context(&mix::person("person-00042"));
    for (name, _) in Algorithm::ALL {
        for by in ["", r#""bucketBy":"email","#, r#""bucketBy":"age","#] {
            let flag = format!(
                r#"{{"key":"f","on":true,"variations":[0,1],"algorithm":"{name}","fallthrough":{{"rollout":{{{by}
                    "variations":[{{"variation":0,"weight":50000}},{{"variation":1,"weight":50000}}]}}}}}}"#
            );
            let ruleset = load(&mix::Documents { flags: vec![parse(&flag).unwrap()], segments: Vec::new() });
            let mut index = None;
            let count = allocations(|| index = ruleset.evaluate(0, &who).unwrap().variation_index);
            assert!(count == 0 && index.is_some(), "{name} {by}: {count}");
        }
    }
}

#[test]
fn a_whole_environment_is_written_into_a_buffer_that_is_big_enough_without_allocating() {
    let ruleset = load(&mix::environment(1_000, 7));
    let who = context(&mix::person("person-00042"));
    let form = EvalxForm { version: 12, with_reasons: true };
    let mut out = Vec::with_capacity(1 << 20);
    let count = allocations(|| form.write_all(&mut out, ruleset.evaluate_all(&who)));
    assert_eq!(count, 0);
    let answer = parse(std::str::from_utf8(&out).unwrap()).unwrap();
    assert_eq!(answer.as_object().map(<[(String, Json)]>::len), Some(1_000));
}
