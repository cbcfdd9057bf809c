//! The fifteen operators, each with values that match and values that don't.

use crate::world::{context, matches};

fn holds(op: &str, value: &str, operand: &str) -> bool {
    let who = context(&format!(r#"{{"kind":"user","key":"u","v":{value}}}"#));
    matches(&format!(r#"{{"attribute":"v","op":"{op}","values":[{operand}]}}"#), &who)
}

fn table(op: &str, rows: &[(&str, &str, bool)]) {
    for (value, operand, expected) in rows {
        assert_eq!(holds(op, value, operand), *expected, "{value} {op} {operand}");
    }
}

#[test]
fn in_compares_type_and_value() {
    table(
        "in",
        &[
            (r#""x""#, r#""x""#, true),
            (r#""x""#, r#""X""#, false),
            ("1", "1.0", true),
            ("1e2", "100", true),
            ("1", r#""1""#, false),
            ("true", "1", false),
            ("true", "true", true),
            ("true", "false", false),
            ("false", "0", false),
            (r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"[["x"]]"#, r#"["x"]"#, true),
            (r#"[null]"#, "null", true),
            (r#""y""#, r#""x","y""#, true),
        ],
    );
}

#[test]
fn texts() {
    table(
        "startsWith",
        &[
            (r#""xyz""#, r#""x""#, true),
            (r#""xyz""#, r#""z""#, false),
            (r#""xyz""#, r#""X""#, false),
            (r#""x""#, r#""""#, true),
            ("1", r#""1""#, false),
            (r#""1""#, "1", false),
        ],
    );
    table(
        "endsWith",
        &[(r#""xyz""#, r#""yz""#, true), (r#""xyz""#, r#""x""#, false), ("1", r#""1""#, false)],
    );
    table(
        "contains",
        &[(r#""xyz""#, r#""y""#, true), (r#""xyz""#, r#""Y""#, false), (r#""y""#, r#""xyz""#, false)],
    );
    table(
        "matches",
        &[
            (r#""hello world""#, r#""hello.*rld""#, true),
            (r#""hello world""#, r#""hello.*orl""#, true),
            (r#""hello world""#, r#""l+""#, true),
            (r#""hello world""#, r#""(world|planet)""#, true),
            (r#""hello world""#, r#""aloha""#, false),
            (r#""hello world""#, r#""^world""#, false),
            (r#""hello world""#, r#""***not a regex""#, false),
            (r#""hello world""#, r#""***not a regex","hello""#, true),
            ("33", r#""33""#, false),
        ],
    );
}

#[test]
fn numbers() {
    for (op, less, same, more) in [
        ("lessThan", true, false, false),
        ("lessThanOrEqual", true, true, false),
        ("greaterThan", false, false, true),
        ("greaterThanOrEqual", false, true, true),
    ] {
        table(
            op,
            &[
                ("1", "1.99999", less),
                ("2", "2.0", same),
                ("2.5", "2", more),
                ("-3", "2", less),
                (r#""1""#, "2", false),
                ("1", r#""2""#, false),
                ("true", "2", false),
                ("3", r#""x",4"#, less),
            ],
        );
    }
}

#[test]
fn dates() {
    let (early, late) = (r#""2017-12-06T00:00:00.000-07:00""#, r#""2017-12-06T00:01:01.000-07:00""#);
    for (op, before, after) in [("before", true, false), ("after", false, true)] {
        table(
            op,
            &[
                (early, late, before),
                (late, early, after),
                (early, early, false),
                ("0", "1", before),
                ("1", "0", after),
                ("0", "0", false),
                ("-100", "0", before),
                ("0.9", "0", false),
                (early, "1512543600000", false),
                (early, "1512543600001", before),
                (r#""1970-01-01T00:00:02.500Z""#, "1000", after),
                (r#""2017-12-06T07:00:00Z""#, early, false),
                (r#""1970-01-01T00:00:00.000000001Z""#, "0", after),
                (r#""1512543600000""#, late, false),
                (r#""2017-12-06""#, late, false),
                (r#""2017-12-06""#, early, false),
                (r#""00:00:00Z""#, late, false),
                (r#""soon""#, late, false),
                ("true", late, false),
                (early, r#""soon""#, false),
                (early, r#""2017-12-06""#, false),
            ],
        );
    }
}

#[test]
fn versions() {
    for (op, less, same, more) in [
        ("semVerEqual", false, true, false),
        ("semVerLessThan", true, false, false),
        ("semVerGreaterThan", false, false, true),
    ] {
        table(
            op,
            &[
                (r#""2.0.0""#, r#""2.0.1""#, less),
                (r#""2.0.0""#, r#""2.0.0""#, same),
                (r#""2.0.1""#, r#""2.0""#, more),
                (r#""2""#, r#""2.0.0""#, same),
                (r#""2.0""#, r#""2.0.0""#, same),
                (r#""2-rc1""#, r#""2.0.0-rc1""#, same),
                (r#""2.0.0-rc1""#, r#""2.0.0""#, less),
                (r#""2.0.0-rc.10.green""#, r#""2.0.0-rc.2.green""#, more),
                (r#""2.0.0-rc.2.red""#, r#""2.0.0-rc.2.green""#, more),
                (r#""2.0.0-rc.2.green.1""#, r#""2.0.0-rc.2.green""#, more),
                (r#""2.0.0+build2""#, r#""2.0.0+build""#, same),
                (r#""10.0.0""#, r#""9.0.0""#, more),
                (r#""v2.0.0""#, r#""2.0.0""#, false),
                (r#""02.0.0""#, r#""2.0.0""#, false),
                (r#""2.0.0.0""#, r#""2.0.0""#, false),
                (r#""2.0.x""#, r#""2.0.0""#, false),
                ("2", r#""2.0.0""#, false),
                (r#""2.0.0""#, r#""xbad%ver""#, false),
                (r#""2.0.0""#, "2", false),
            ],
        );
    }
}

#[test]
fn an_unknown_operator_never_matches_and_is_negated() {
    let who = context(r#"{"kind":"user","key":"u","v":"x"}"#);
    assert!(!holds("sounds-like", r#""x""#, r#""x""#));
    assert!(matches(r#"{"attribute":"v","op":"sounds-like","values":["x"],"negate":true}"#, &who));
}
