//! Whatever the documents: no panic, explaining changes nothing, composing keeps meaning.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::world::{World, json};
use shared::context::Context;
use shared::eval::{Store as _, evaluate, explain, prepare_flag, prepare_segment};
use shared::json::{Json, parse};
use shared::project::ClientSideAvailability;
use shared::targeting::{check_flag, check_segment, compose_flag, compose_segment};

fn object(members: Vec<(&str, Option<Json>)>) -> Json {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn pick(options: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop::sample::select(options).prop_map(Json::from)
}

fn leaf() -> impl Strategy<Value = Json> {
    prop::sample::select(vec![
        "null",
        "true",
        "0",
        "1",
        "1.0",
        "-2.5",
        "33333",
        "1e300",
        "\"\"",
        "\"a\"",
        "\"u1\"",
        "\"1.2.3\"",
        "\"2-rc\"",
        "\"2026-01-31T09:00:00Z\"",
        "\"a.*\"",
        "\"(\"",
        "[]",
        "[\"a\",1]",
        "{\"b\":\"a\"}",
        "\"s0\"",
        "\"s1\"",
    ])
    .prop_map(json)
}

fn key() -> impl Strategy<Value = Json> {
    pick(&["u0", "u1", "u2", "a"])
}

fn kind() -> impl Strategy<Value = Json> {
    pick(&["user", "org", "", "device"])
}

fn attribute() -> impl Strategy<Value = Json> {
    pick(&["key", "a", "kind", "/a/b", "/a", "", "/", "anonymous", "name", "n", "/a~1b", "gone"])
}

fn clause() -> impl Strategy<Value = Json> {
    let op = pick(&[
        "in",
        "startsWith",
        "endsWith",
        "matches",
        "contains",
        "lessThan",
        "lessThanOrEqual",
        "greaterThan",
        "greaterThanOrEqual",
        "before",
        "after",
        "segmentMatch",
        "segmentMatch",
        "semVerEqual",
        "semVerLessThan",
        "semVerGreaterThan",
        "odd",
    ]);
    (option::of(kind()), option::of(attribute()), op, vec(leaf(), 0..4), option::of(any::<bool>())).prop_map(
        |(kind, attribute, op, values, negate)| {
            object(vec![
                ("contextKind", kind),
                ("attribute", attribute),
                ("op", Some(op)),
                ("values", Some(values.into())),
                ("negate", negate.map(Json::from)),
            ])
        },
    )
}

fn index() -> impl Strategy<Value = Json> {
    (-1_i64..4).prop_map(Json::from)
}

fn serve() -> impl Strategy<Value = Vec<(&'static str, Option<Json>)>> {
    let weight = prop::sample::select(vec![0_i64, 1, 40_000, 50_000, 100_000]).prop_map(Json::from);
    let part = (index(), weight, option::of(any::<bool>())).prop_map(|(variation, weight, untracked)| {
        object(vec![
            ("variation", Some(variation)),
            ("weight", Some(weight)),
            ("untracked", untracked.map(Json::from)),
        ])
    });
    let rollout = (
        option::of(pick(&["rollout", "experiment"])),
        option::of(kind()),
        vec(part, 0..4),
        option::of((1_i64..100).prop_map(Json::from)),
        option::of(attribute()),
    )
        .prop_map(|(rollout_kind, kind, parts, seed, by)| {
            object(vec![
                ("kind", rollout_kind),
                ("contextKind", kind),
                ("variations", Some(parts.into())),
                ("seed", seed),
                ("bucketBy", by),
            ])
        });
    (option::weighted(0.5, index()), option::of(rollout))
        .prop_map(|(variation, rollout)| vec![("variation", variation), ("rollout", rollout)])
}

fn target() -> impl Strategy<Value = Json> {
    (option::of(kind()), index(), vec(key(), 0..3)).prop_map(|(kind, variation, values)| {
        object(vec![("contextKind", kind), ("variation", Some(variation)), ("values", Some(values.into()))])
    })
}

fn flag_document() -> impl Strategy<Value = Json> {
    let rule = (option::of(pick(&["r", "s", ""])), vec(clause(), 0..3), serve(), option::of(any::<bool>()))
        .prop_map(|(id, clauses, mut serve, track)| {
            serve.push(("id", id));
            serve.push(("clauses", Some(clauses.into())));
            serve.push(("trackEvents", track.map(Json::from)));
            object(serve)
        });
    let prerequisite = (pick(&["f0", "f1", "f2", "gone"]), index())
        .prop_map(|(key, variation)| object(vec![("key", Some(key)), ("variation", Some(variation))]));
    (
        prop::bool::weighted(0.8),
        vec(prerequisite, 0..2),
        vec(target(), 0..3),
        vec(target(), 0..3),
        vec(rule, 0..4),
        serve(),
        option::of(index()),
    )
        .prop_map(|(on, prerequisites, targets, context_targets, rules, fallthrough, off)| {
            object(vec![
                ("on", Some(on.into())),
                ("prerequisites", Some(prerequisites.into())),
                ("targets", Some(targets.into())),
                ("contextTargets", Some(context_targets.into())),
                ("rules", Some(rules.into())),
                ("fallthrough", Some(object(fallthrough))),
                ("offVariation", off),
            ])
        })
}

fn segment_document() -> impl Strategy<Value = Json> {
    let rule = (
        vec(clause(), 0..3),
        option::of(prop::sample::select(vec![0_i64, 50_000, 100_000]).prop_map(Json::from)),
        option::of(attribute()),
        option::of(kind()),
    )
        .prop_map(|(clauses, weight, by, kind)| {
            object(vec![
                ("clauses", Some(clauses.into())),
                ("weight", weight),
                ("bucketBy", by),
                ("rolloutContextKind", kind),
            ])
        });
    let list = |kind: Json, values: Vec<Json>| {
        object(vec![("contextKind", Some(kind)), ("values", Some(values.into()))])
    };
    let lists = (kind(), vec(key(), 0..2)).prop_map(move |(kind, values)| list(kind, values));
    (
        vec(key(), 0..2),
        vec(key(), 0..2),
        vec(lists, 0..2),
        vec(rule, 0..3),
        prop::bool::weighted(0.1),
        option::of(1_i64..3),
    )
        .prop_map(|(included, excluded, contexts, rules, unbounded, generation)| {
            object(vec![
                ("included", Some(included.into())),
                ("excluded", Some(excluded.into())),
                ("includedContexts", Some(contexts.into())),
                ("rules", Some(rules.into())),
                ("unbounded", Some(unbounded.into())),
                ("generation", generation.map(Json::from)),
            ])
        })
}

fn individual() -> impl Strategy<Value = Json> {
    (key(), option::of(leaf()), option::of(leaf()), option::of(any::<bool>())).prop_map(
        |(key, a, n, anonymous)| {
            object(vec![("key", Some(key)), ("a", a), ("n", n), ("anonymous", anonymous.map(Json::from))])
        },
    )
}

fn context() -> impl Strategy<Value = Json> {
    prop_oneof![
        (pick(&["user", "org"]), individual()).prop_map(|(kind, mut one)| {
            one.set("kind", kind);
            one
        }),
        (individual(), individual()).prop_map(|(user, org)| object(vec![
            ("kind", Some("multi".into())),
            ("user", Some(user)),
            ("org", Some(org))
        ])),
        individual(),
    ]
}

/// Any JSON at all.
fn any_json() -> impl Strategy<Value = Json> {
    let name = prop::sample::select(vec![
        "key",
        "version",
        "on",
        "rules",
        "clauses",
        "values",
        "op",
        "targets",
        "contextTargets",
        "fallthrough",
        "rollout",
        "variations",
        "variation",
        "weight",
        "kind",
        "user",
        "included",
        "includedContexts",
        "_meta",
        "custom",
        "a",
        "privateAttributes",
        "prerequisites",
        "attribute",
        "contextKind",
        "seed",
        "bucketBy",
        "clientSideAvailability",
    ]);
    leaf().prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn world(flags: &[Json], segments: &[Json], composed: bool) -> World {
    let mut world = World::default();
    let variations = [json("1.0"), json("\"b\""), json("null")];
    for (i, document) in flags.iter().enumerate() {
        let key = format!("f{i}");
        let document = if composed {
            compose_flag(&key, 1, "salt", &variations, ClientSideAvailability::default(), document)
        } else {
            let mut document = document.clone();
            document.set("key", Json::from(key));
            document.set("version", Json::from(1_i64));
            document.set("salt", Json::from("salt"));
            document.set("variations", variations.to_vec().into());
            document
        };
        world = world.with(&document);
    }
    for (i, document) in segments.iter().enumerate() {
        let key = format!("s{i}");
        let document = if composed {
            compose_segment(&key, 1, "salt", document)
        } else {
            let mut document = document.clone();
            document.set("key", Json::from(key));
            document.set("salt", Json::from("salt"));
            document
        };
        world = world.with_segment(&document.to_text());
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn explaining_is_evaluating(
        flags in vec(flag_document(), 3),
        segments in vec(segment_document(), 2),
        who in context(),
    ) {
        let world = world(&flags, &segments, true);
        let who = Context::parse(&who).unwrap();
        for key in ["f0", "f1", "f2"] {
            let flag = world.flag(key).unwrap();
            let found = evaluate(&world, flag, &who);
            let told = explain(&world, flag, &who);
            prop_assert_eq!(told.variation, found.variation_index);
            prop_assert_eq!(told.value.as_ref(), Some(found.value().unwrap_or(&Json::Null)));
            prop_assert_eq!(&told.reason, &Json::from_serialize(&found.reason));
            let text = serde_json::to_string(&told).unwrap();
            prop_assert_eq!(serde_json::from_str::<shared::eval::Explanation>(&text).unwrap(), told);
        }
    }

    #[test]
    fn composing_keeps_the_meaning(
        mut flags in vec(flag_document(), 3),
        segments in vec(segment_document(), 2),
        who in context(),
    ) {
        // Place holders are added on purpose where targets would be ignored, so keep to one of both.
        for flag in &mut flags {
            if flag.get("contextTargets").and_then(Json::as_array).is_some_and(|list| !list.is_empty()) {
                flag.remove("targets");
            }
        }
        let who = Context::parse(&who).unwrap();
        let (plain, composed) = (world(&flags, &segments, false), world(&flags, &segments, true));
        for key in ["f0", "f1", "f2"] {
            prop_assert_eq!(plain.eval(key, &who), composed.eval(key, &who));
        }
    }

    #[test]
    fn what_passes_the_check_never_ends_as_malformed_by_itself(document in flag_document(), who in context()) {
        let mut document = document;
        document.remove("prerequisites");
        if check_flag(&document, 3, &|_| true).is_empty() {
            let world = world(&[document], &[], true);
            let who = Context::parse(&who).unwrap();
            prop_assert!(!world.eval("f0", &who).contains("ERROR"));
        }
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json(), who in any_json()) {
        let _ = check_segment(&value);
        let _ = check_flag(&value, 2, &|_| true);
        let _ = prepare_segment(&value);
        let composed = compose_flag("f", 1, "s", &[], ClientSideAvailability::default(), &value);
        prop_assert!(parse(&composed.to_text()).is_ok());
        let _ = prepare_flag(&composed);
        let _ = compose_segment("s", 1, "s", &value);
        if let (Ok(flag), Ok(who)) = (prepare_flag(&value), Context::parse(&who)) {
            let _ = evaluate(&World::default(), &flag, &who);
        }
        if let Ok(context) = Context::parse(&value) {
            let again = Context::parse(&parse(&context.to_canonical_text()).unwrap()).unwrap();
            prop_assert_eq!(again.to_canonical_text(), context.to_canonical_text());
        }
    }

    #[test]
    fn any_text_is_an_instant_a_version_or_neither(text in "[0-9TZtz:.+-]{0,30}|\\PC{0,20}") {
        let _ = shared::targeting::Instant::parse(&text);
        let _ = shared::targeting::Version::parse(&text);
        let _ = shared::context::Reference::parse(&text);
    }
}
