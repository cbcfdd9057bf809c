//! Clauses: where the value comes from, what is missing, what negation turns round.

use crate::world::{MALFORMED, context, eval, matches, user};

fn clause(kind: &str, attribute: &str, rest: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(r#""contextKind":"{kind}","#) };
    format!(r#"{{{kind}"attribute":"{attribute}","op":"in","values":["x"]{rest}}}"#)
}

const NEGATED: &str = r#","negate":true"#;

#[test]
fn negation_turns_a_result_round_but_not_a_missing_value() {
    let who = context(r#"{"kind":"user","key":"u","a":"x","b":"y","none":null,"deep":{"none":null}}"#);
    assert!(matches(&clause("", "a", ""), &who) && !matches(&clause("", "a", NEGATED), &who));
    assert!(!matches(&clause("", "b", ""), &who) && matches(&clause("", "b", NEGATED), &who));
    for missing in ["gone", "none", "/deep/none", "/deep/gone", "/a/b"] {
        assert!(!matches(&clause("user", missing, ""), &who), "{missing}");
        assert!(!matches(&clause("user", missing, NEGATED), &who), "{missing}");
    }
    assert!(!matches(&clause("org", "a", ""), &who) && !matches(&clause("org", "a", NEGATED), &who));
}

#[test]
fn any_element_of_an_array_is_enough() {
    let who = context(r#"{"kind":"user","key":"u","has":["w","x"],"not":["w"],"empty":[]}"#);
    for (name, plain) in [("has", true), ("not", false), ("empty", false)] {
        assert_eq!(matches(&clause("", name, ""), &who), plain, "{name}");
        assert_eq!(matches(&clause("", name, NEGATED), &who), !plain, "{name}");
    }
}

#[test]
fn no_values_match_nothing_and_negated_everything() {
    let who = user("u");
    assert!(!matches(r#"{"attribute":"key","op":"in","values":[]}"#, &who));
    assert!(matches(r#"{"attribute":"key","op":"in","values":[],"negate":true}"#, &who));
}

#[test]
fn kind_asks_for_every_kind_in_the_context() {
    let both = context(r#"{"kind":"multi","user":{"key":"u"},"org":{"key":"o"}}"#);
    let kind = |kind: &str, value: &str, rest: &str| {
        format!(r#"{{"contextKind":"{kind}","attribute":"kind","op":"in","values":["{value}"]{rest}}}"#)
    };
    assert!(matches(&kind("user", "org", ""), &both));
    assert!(matches(&kind("nobody", "org", ""), &both));
    assert!(!matches(&kind("user", "org", NEGATED), &both));
    assert!(!matches(&kind("user", "device", ""), &both));
    assert!(matches(&kind("user", "device", NEGATED), &both));
    assert!(!matches(&kind("user", "multi", ""), &both));
    // As a path it is an attribute like any other.
    let path = r#"{"contextKind":"org","attribute":"/kind","op":"in","values":["user"]}"#;
    assert!(!matches(path, &both));
}

#[test]
fn attributes_belong_to_their_kind() {
    let both = context(r#"{"kind":"multi","user":{"key":"u","a":"x"},"org":{"key":"o","a":"y"}}"#);
    assert!(matches(&clause("user", "a", ""), &both) && matches(&clause("", "a", ""), &both));
    assert!(!matches(&clause("org", "a", ""), &both));
    assert!(matches(r#"{"contextKind":"org","attribute":"key","op":"in","values":["o"]}"#, &both));
}

#[test]
fn an_empty_kind_is_as_good_as_none() {
    let clause = r#"{"contextKind":"","attribute":"/a","op":"in","values":["x"]}"#;
    assert!(matches(clause, &context(r#"{"kind":"user","key":"u","/a":"x"}"#)));
    assert!(!matches(clause, &context(r#"{"kind":"user","key":"u","a":"x"}"#)));
}

#[test]
fn built_in_attributes() {
    let has = |who: &str, attribute: &str, value: &str| {
        let clause =
            format!(r#"{{"contextKind":"user","attribute":"{attribute}","op":"in","values":[{value}]}}"#);
        matches(&clause, &context(who))
    };
    let plain = r#"{"kind":"user","key":"u"}"#;
    assert!(has(plain, "key", r#""u""#) && has(plain, "/key", r#""u""#));
    assert!(has(plain, "anonymous", "false") && !has(plain, "anonymous", "true"));
    assert!(has(r#"{"kind":"user","key":"u","anonymous":true}"#, "anonymous", "true"));
    assert!(has(r#"{"kind":"user","key":"u","name":"n"}"#, "name", r#""n""#));
    assert!(!has(plain, "name", r#""""#));
    let meta = r#"{"kind":"user","key":"u","_meta":{"privateAttributes":["x"]}}"#;
    assert!(!has(meta, "_meta", r#"{"privateAttributes":["x"]}"#));
    assert!(!has(meta, "/_meta/privateAttributes", r#""x""#));
}

#[test]
fn fourteen_corners_of_attribute_references() {
    let who = context(
        r#"{"kind":"user","key":"u","a":{"b":"x","c/d":"x","e~f":"x","":"x","0":"y","list":["y","x"],"deep":{"er":"x"}},
            "/a/b":"x","a/b":"x","~0":"x","list":[{"b":"x"}],"s":"x","/":"x"}"#,
    );
    for (kind, attribute, expected) in [
        ("user", "/a/b", true),
        ("user", "/a/c~1d", true),
        ("user", "/a/e~0f", true),
        ("user", "/a/deep/er", true),
        ("user", "/a/list", true),
        ("user", "/a/list/1", false),
        ("user", "/list/0/b", false),
        ("user", "/s/b", false),
        ("user", "a/b", true),
        ("user", "~0", true),
        ("user", "/~1a~1b", true),
        ("", "/a/b", true),
        ("", "/", true),
        ("", "/s", false),
    ] {
        assert_eq!(matches(&clause(kind, attribute, ""), &who), expected, "{kind:?} {attribute:?}");
    }
}

#[test]
fn a_reference_that_refers_to_nothing_is_malformed() {
    for attribute in ["", "/", "//", "/a/", "/a//b", "/a~", "/a~2"] {
        for rest in ["", NEGATED] {
            let rule =
                format!(r#"{{"rules":[{{"clauses":[{}],"variation":1}}]}}"#, clause("user", attribute, rest));
            assert_eq!(eval(&rule, &user("u")), MALFORMED, "{attribute:?}");
            let org = context(r#"{"kind":"org","key":"o"}"#);
            assert_eq!(eval(&rule, &org), MALFORMED, "{attribute:?}");
        }
    }
    let literal = format!(r#"{{"rules":[{{"clauses":[{}],"variation":1}}]}}"#, clause("", "", ""));
    assert_eq!(eval(&literal, &user("u")), MALFORMED);
    // A rule that is never reached harms nobody, nor does a clause behind one that fails.
    let behind = format!(
        r#"{{"rules":[{{"clauses":[{},{}],"variation":1}}]}}"#,
        clause("user", "gone", ""),
        clause("user", "/", "")
    );
    assert_eq!(eval(&behind, &user("u")), r#"0 {"kind":"FALLTHROUGH"}"#);
}
