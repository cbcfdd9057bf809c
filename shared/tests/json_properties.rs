//! What holds for any document: laws of layout, comparison, merge, patches and the lexer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use shared::json::{
    Json, Op, Pointer, TokenKind, diff, json_patch, locate, locate_nearest, merge, merge_patch, parse,
    pointer_at, pretty, tokens,
};

/// Few names, so that two documents often speak of the same place.
const NAMES: [&str; 10] =
    ["a", "b", "id", "key", "variations", "values", "variation", "contextKind", "~/", ""];

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        select(vec!["0", "-0", "1", "1.0", "1e0", "2", "3", "-0.50", "1E+2", "9007199254740992"])
            .prop_map(|n| Json::Number(n.to_owned())),
        select(vec!["x", "y", "z", "user", "/a", "add", "\"\\\n\u{1}é😀", "é\t"]).prop_map(Json::from),
        "[^\u{0}]{0,30}".prop_map(Json::String),
    ]
}

fn object(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    vec((select(NAMES.to_vec()), inner), 0..6).prop_map(|members| {
        let mut object = Json::object();
        for (name, value) in members {
            object.set(name, value);
        }
        object
    })
}

/// Arrays as flags have them: elements with ids, targets, sets of texts.
fn flag_like(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    let rule = (0..5_u64, inner)
        .prop_map(|(id, value)| [("id", Json::from(id)), ("v", value)].into_iter().collect::<Json>());
    let texts = vec(select(vec!["p", "q", "r", "s", "t"]).prop_map(Json::from), 0..5).prop_map(Json::Array);
    let target =
        (0..3_u64, option::of(select(vec!["user", "org"])), texts.clone()).prop_map(|(n, kind, values)| {
            let mut target: Json = [("variation", Json::from(n)), ("values", values)].into_iter().collect();
            if let Some(kind) = kind {
                target.set("contextKind", kind.into());
            }
            target
        });
    prop_oneof![vec(rule, 0..5).prop_map(Json::Array), vec(target, 0..4).prop_map(Json::Array), texts,]
}

fn document() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..5).prop_map(Json::Array), flag_like(inner.clone()), object(inner),]
    })
}

/// Patches that are nearly right: the right members with any content.
fn nearly_a_patch() -> impl Strategy<Value = Json> {
    let path = prop_oneof![
        vec(select(vec!["", "a", "b", "0", "1", "-", "id", "~0~1"]), 0..4)
            .prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect::<String>()),
        "[/a~0-]{0,6}",
    ];
    let op = select(vec!["add", "remove", "replace", "move", "copy", "test", "no"]);
    let operation =
        (op, path.clone(), option::of(path), option::of(document())).prop_map(|(op, path, from, value)| {
            let mut operation: Json =
                [("op", Json::from(op)), ("path", Json::from(path))].into_iter().collect();
            if let Some(from) = from {
                operation.set("from", from.into());
            }
            if let Some(value) = value {
                operation.set("value", value);
            }
            operation
        });
    vec(operation, 0..6).prop_map(Json::Array)
}

fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "{", "}", "[", "]", ":", ",", "\"", "\\", " ", "\n", "\"a\"", "1", "-", "tru", "null", "é",
            "\u{0}"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Each place of a document.
fn places(value: &Json, at: &Pointer, out: &mut Vec<Pointer>) {
    out.push(at.clone());
    match value {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &at.child_index(index), out);
            }
        }
        Json::Object(members) => {
            for (name, value) in members {
                places(value, &at.child(name), out);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn what_is_laid_out_reads_back(x in document()) {
        prop_assert_eq!(&parse(&pretty(&x)).unwrap(), &x);
        prop_assert_eq!(&parse(&x.to_text()).unwrap(), &x);
    }

    #[test]
    fn a_diff_is_empty_exactly_when_both_are_equal(a in document(), b in document()) {
        prop_assert!(diff(&a, &a).is_empty());
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
    }

    #[test]
    fn a_change_tells_what_stands_at_its_place(a in document(), b in document()) {
        for change in diff(&a, &b) {
            let path = Pointer::parse(&change.path).unwrap();
            match change.op {
                Op::Add => prop_assert_eq!((path.resolve(&b), change.before), (change.after.as_ref(), None)),
                Op::Remove => prop_assert_eq!((path.resolve(&a), change.after), (change.before.as_ref(), None)),
                Op::Replace => {
                    prop_assert_eq!(path.resolve(&b), change.after.as_ref());
                    prop_assert_ne!(change.before, change.after);
                }
                Op::Reorder => {
                    prop_assert!(path.resolve(&b).is_some());
                    prop_assert_ne!(change.before, change.after);
                }
            }
        }
    }

    #[test]
    fn a_side_without_changes_yields_to_the_other(base in document(), x in document()) {
        prop_assert_eq!(merge(&base, &x, &base), Ok(x.clone()));
        prop_assert_eq!(merge(&base, &base, &x), Ok(x.clone()));
        prop_assert_eq!(merge(&base, &x, &x), Ok(x));
    }

    #[test]
    fn sides_collide_whichever_is_called_ours(
        base in object(flag_like(scalar())), a in object(flag_like(scalar())), b in object(flag_like(scalar()))
    ) {
        match (merge(&base, &a, &b), merge(&base, &b, &a)) {
            (Err(one), Err(other)) => prop_assert_eq!(one.len(), other.len()),
            (one, other) => prop_assert_eq!(one.is_ok(), other.is_ok()),
        }
    }

    #[test]
    fn changes_at_different_members_never_collide(
        base in object(document()), x in document(), y in document()
    ) {
        let (mut ours, mut theirs) = (base.clone(), base);
        let base = ours.clone();
        ours.set("ours", x.clone());
        theirs.set("theirs", y.clone());
        let merged = merge(&base, &ours, &theirs).unwrap();
        let mut expected = theirs;
        expected.set("ours", x);
        prop_assert_eq!(merged, expected);
    }

    #[test]
    fn rules_added_and_removed_by_both_are_all_there_once(
        base in vec(0..9_u64, 0..8), ours in vec(0..9_u64, 0..8), theirs in vec(0..9_u64, 0..8)
    ) {
        let sorted = |mut ids: Vec<u64>| {
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let (base, ours, theirs) = (sorted(base), sorted(ours), sorted(theirs));
        for as_rules in [true, false] {
            let array = |ids: &[u64]| -> Json {
                let element = |&id: &u64| if as_rules { [("id", Json::from(id))].into_iter().collect() } else { id.into() };
                Json::Array(ids.iter().map(element).collect())
            };
            let merged = merge(&array(&base), &array(&ours), &array(&theirs)).unwrap();
            let mut ids: Vec<u64> = merged.as_array().unwrap().iter()
                .map(|item| item.get("id").unwrap_or(item).as_i64().unwrap().unsigned_abs())
                .collect();
            ids.sort_unstable();
            let expected: Vec<u64> = (0..9)
                .filter(|id| {
                    let (b, o, t) = (base.contains(id), ours.contains(id), theirs.contains(id));
                    if b { o && t } else { o || t }
                })
                .collect();
            prop_assert_eq!(ids, expected);
        }
    }

    #[test]
    fn no_patch_panics_and_results_stay_within_bounds(target in document(), patch in nearly_a_patch(), other in document()) {
        for patch in [&patch, &other] {
            match json_patch(&target, patch) {
                Ok(result) => prop_assert_eq!(&parse(&result.to_text()).unwrap(), &result),
                Err(fault) => {
                    // Either it stands in the patch, or it is the member that is missing there.
                    let pointer = Pointer::parse(&fault.pointer).unwrap();
                    let holder = pointer.parent().unwrap_or_default();
                    prop_assert!(pointer.resolve(patch).is_some() || holder.resolve(patch).is_some());
                }
            }
            let merged = merge_patch(&target, patch);
            prop_assert_eq!(&parse(&merged.to_text()).unwrap(), &merged);
            prop_assert_eq!(merge_patch(&merged, patch), merged);
        }
    }

    #[test]
    fn tokens_cover_every_byte_of_any_text(text in prop_oneof![any::<String>(), nearly_json()], offset in 0_usize..80) {
        let mut end = 0;
        for token in tokens(&text) {
            prop_assert_eq!(token.range.start, end);
            prop_assert!(token.range.end > end && text.get(token.range.clone()).is_some());
            end = token.range.end;
        }
        prop_assert_eq!(end, text.len());
        if let Some(pointer) = pointer_at(&text, offset) {
            prop_assert!(locate_nearest(&text, &pointer).is_some());
        }
    }

    #[test]
    fn text_that_parses_has_no_invalid_token_and_each_place_is_found(x in document()) {
        let text = pretty(&x);
        prop_assert!(tokens(&text).iter().all(|token| token.kind != TokenKind::Invalid));
        let mut all = Vec::new();
        places(&x, &Pointer::root(), &mut all);
        for pointer in all {
            let span = locate(&text, &pointer).unwrap();
            prop_assert_eq!(Some(&parse(&text[span.clone()]).unwrap()), pointer.resolve(&x));
            prop_assert_eq!(pointer_at(&text, span.start), Some(pointer));
        }
    }
}
