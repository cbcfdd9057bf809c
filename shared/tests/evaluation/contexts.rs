//! Contexts: what is one, what is not, and its stable text.

use crate::world::{context, json};
use shared::context::{Context, Reference};
use shared::json::Json;

fn value(context: &Context, kind: &str, reference: &str) -> Option<String> {
    let reference = Reference::parse(reference).unwrap();
    context.of_kind(kind).and_then(|one| one.value(&reference)).map(Json::to_text)
}

#[test]
fn what_is_not_a_context_says_where() {
    for (text, pointer) in [
        ("1", ""),
        ("{}", "/key"),
        (r#"{"key":""}"#, "/key"),
        (r#"{"key":1}"#, "/key"),
        (r#"{"kind":null,"key":"k"}"#, "/kind"),
        (r#"{"kind":"","key":"k"}"#, "/kind"),
        (r#"{"kind":1,"key":"k"}"#, "/kind"),
        (r#"{"kind":"kind","key":"k"}"#, "/kind"),
        (r#"{"kind":"a b","key":"k"}"#, "/kind"),
        (r#"{"kind":"user"}"#, "/key"),
        (r#"{"kind":"user","key":""}"#, "/key"),
        (r#"{"kind":"user","key":"k","name":1}"#, "/name"),
        (r#"{"kind":"user","key":"k","anonymous":"yes"}"#, "/anonymous"),
        (r#"{"kind":"user","key":"k","anonymous":null}"#, "/anonymous"),
        (r#"{"kind":"user","key":"k","_meta":1}"#, "/_meta"),
        (r#"{"kind":"user","key":"k","_meta":{"privateAttributes":[1]}}"#, "/_meta/privateAttributes"),
        (r#"{"kind":"multi"}"#, ""),
        (r#"{"kind":"multi","user":{"key":""}}"#, "/user/key"),
        (r#"{"kind":"multi","user":1}"#, "/user"),
        (r#"{"kind":"multi","multi":{"key":"k"}}"#, "/multi"),
        (r#"{"kind":"multi","a/b":{"key":"k"}}"#, "/a~1b"),
        (r#"{"kind":"multi","user":{"key":"k","name":1}}"#, "/user/name"),
        (r#"{"key":"k","custom":1}"#, "/custom"),
        (r#"{"key":"k","name":1}"#, "/name"),
        (r#"{"key":"k","privateAttributeNames":"a"}"#, "/privateAttributeNames"),
    ] {
        let faults = Context::parse(&json(text)).unwrap_err();
        assert_eq!(faults[0].pointer, pointer, "{text}: {faults:?}");
    }
}

#[test]
fn a_multi_of_one_kind_is_a_single() {
    let one = context(r#"{"kind":"multi","org":{"key":"k","a":1}}"#);
    assert_eq!(one, context(r#"{"kind":"org","key":"k","a":1}"#));
    assert!(!one.is_multi());
}

#[test]
fn nulls_are_dropped_and_names_are_case_sensitive() {
    let one = context(r#"{"kind":"user","key":"k","a":null,"B":1,"name":null}"#);
    assert_eq!(value(&one, "user", "a"), None);
    assert_eq!(value(&one, "user", "b"), None);
    assert_eq!(value(&one, "user", "B").as_deref(), Some("1"));
    assert_eq!(one.to_canonical_text(), r#"{"kind":"user","key":"k","B":1}"#);
}

#[test]
fn users_of_the_old_form() {
    let old = context(
        r#"{"key":"k","name":"n","anonymous":null,"email":"e","ip":1,"secondary":"s","unknown":"u",
            "custom":{"groups":["a"],"email":"other","key":"evil","kind":"evil","anonymous":true,"_meta":1,"x":null},
            "privateAttributeNames":["email","/a"]}"#,
    );
    assert_eq!(old.to_canonical_text(), r#"{"kind":"user","key":"k","name":"n","email":"e","groups":["a"]}"#);
    let one = old.of_kind("user").unwrap();
    assert_eq!(one.private_attributes(), ["email", "/~1a"]);
    assert!(!one.is_anonymous());
    assert!(context(r#"{"key":"k","anonymous":true}"#).of_kind("user").unwrap().is_anonymous());
}

#[test]
fn the_canonical_key_is_that_of_secure_mode() {
    for (text, key) in [
        (r#"{"key":"a:b%"}"#, "a:b%"),
        (r#"{"kind":"org","key":"a:b%"}"#, "org:a%3Ab%25"),
        (r#"{"kind":"multi","user":{"key":"u:"},"org":{"key":"o"}}"#, "org:o:user:u%3A"),
    ] {
        assert_eq!(context(text).canonical_key(), key);
    }
}

#[test]
fn the_canonical_text_is_stable_and_says_everything_that_counts() {
    let a = context(
        r#"{"kind":"multi","user":{"key":"u","b":{"y":1,"x":[{"d":1,"c":2}]},"a":1.0},"org":{"key":"o","anonymous":true}}"#,
    );
    let b = context(
        r#"{"org":{"anonymous":true,"key":"o"},"user":{"a":1.0,"b":{"x":[{"c":2,"d":1}],"y":1},"key":"u","_meta":{"privateAttributes":["a"]}},"kind":"multi"}"#,
    );
    assert_eq!(a.to_canonical_text(), b.to_canonical_text());
    assert_eq!(
        a.to_canonical_text(),
        r#"{"kind":"multi","org":{"key":"o","anonymous":true},"user":{"key":"u","a":1.0,"b":{"x":[{"c":2,"d":1}],"y":1}}}"#
    );
    assert_eq!(context(&a.to_canonical_text()).to_canonical_text(), a.to_canonical_text());
    assert_eq!(
        Context::anonymous().to_canonical_text(),
        r#"{"kind":"user","key":"anonymous","anonymous":true}"#
    );
}
