//! The form of a rule: what is typed, what it becomes, what is wrong with it.

use super::fields::Place;
use super::page::{Rule, SEGMENTS};
use crate::key::Code;
use crate::scenery::{act, answer, drawn, json, keys, press, tell, text, world};
use crate::screens::{Do, Event, Told};
use crate::world::World;
use shared::targeting::Op;

const RULE: &str = r#"{"id":"apps","variation":0,"clauses":[{"contextKind":"device","attribute":"appVersion","op":"semVerGreaterThan","values":["4.2.0"],"negate":false},{"attribute":"country","op":"in","values":["DE","4",4,true],"negate":true}],"trackEvents":true}"#;

fn form(index: Option<usize>, rule: &str) -> (Rule, World) {
    let mut world = world();
    let (flag, environment) = ("checkout".to_owned(), "staging".to_owned());
    let mut form = Rule::new(flag, environment, index, json(rule), &world);
    tell(&mut form, &mut world, &Event::Opened);
    let page = answer(r#"{"items":[{"key":"early-adopters"},{"key":"staff"}],"nextCursor":null}"#);
    tell(&mut form, &mut world, &Event::Answer { tag: SEGMENTS, outcome: &page });
    (form, world)
}

fn told(wanted: &[Do]) -> String {
    match wanted {
        [Do::Answer(Told::Rule { rule, .. })] => rule.to_text(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_that_is_not_touched_comes_back_as_it_was() {
    let (mut form, mut world) = form(Some(1), RULE);
    assert_eq!(told(&act(&mut form, &mut world, "rule.accept")), RULE);
}

#[test]
fn a_new_rule_is_typed_field_by_field() {
    let (mut form, mut world) = form(None, "{}");
    keys(&mut form, &mut world, "country");
    for _ in 0..3 {
        act(&mut form, &mut world, "rule.next");
    }
    keys(&mut form, &mut world, "DE, AT");
    act(&mut form, &mut world, "rule.add-clause");
    act(&mut form, &mut world, "rule.next");
    keys(&mut form, &mut world, "i");
    assert_eq!(form.fields.clauses[1].op, Op::SegmentMatch);
    press(&mut form, &mut world, Code::Tab);
    act(&mut form, &mut world, "rule.next");
    press(&mut form, &mut world, Code::Right);
    act(&mut form, &mut world, "rule.next");
    keys(&mut form, &mut world, "staff");
    assert!(text(&form, &world).contains("segments here: early-adopters, staff"));
    act(&mut form, &mut world, "rule.next");
    press(&mut form, &mut world, Code::Right);
    assert_eq!(
        told(&act(&mut form, &mut world, "rule.accept")),
        r#"{"clauses":[{"contextKind":"user","attribute":"country","op":"in","values":["DE","AT"],"negate":false},{"attribute":"","op":"segmentMatch","values":["staff"],"negate":true}],"variation":1}"#
    );
}

#[test]
fn the_form_shows_what_the_rule_says_in_words() {
    let (form, world) = form(Some(1), RULE);
    let expected = "
 Rule 2 > checkout                                                   in staging

 > For        [                                                               ]
              KIND           ATTRIBUTE                  OPERATOR          NOT
   If         [device      ] [appVersion            ]   > version         -
     values   [4.2.0                                                          ]
   and        [            ] [country               ]   in                not
     values   [DE, \"4\", 4, true                                               ]
   Serve        true






--------------------------------------------------------------------------------
   device:appVersion > version 4.2.0  and  country not in [DE, \"4\", 4, true]
   -> true
   what the rule is for; may stay empty";
    assert_eq!(format!("\n{}", drawn(&form, &world, 80, 19).join("\n")), expected);
}

#[test]
fn what_the_daemon_would_refuse_is_said_at_the_field() {
    let (mut form, mut world) = form(None, "{}");
    assert!(act(&mut form, &mut world, "rule.accept").is_empty());
    let shown = text(&form, &world);
    assert!(shown.contains("^ give at least one value"), "{shown}");
    assert_eq!(form.focus, Place::Values(0));
    keys(&mut form, &mut world, "4");
    act(&mut form, &mut world, "rule.accept");
    assert_eq!(form.focus, Place::Attribute(0), "{:?}", form.faults);
    keys(&mut form, &mut world, "age");
    act(&mut form, &mut world, "rule.next");
    keys(&mut form, &mut world, "<");
    assert_eq!(form.fields.clauses[0].op, Op::LessThan);
    for _ in 0..2 {
        act(&mut form, &mut world, "rule.next");
    }
    keys(&mut form, &mut world, "x");
    act(&mut form, &mut world, "rule.accept");
    assert!(text(&form, &world).contains("^ \"lessThan\" compares numbers"), "{}", text(&form, &world));
}

#[test]
fn a_segment_that_is_not_there_is_refused_here() {
    let rule = r#"{"variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["nope"]}]}"#;
    let (mut form, mut world) = form(Some(0), rule);
    act(&mut form, &mut world, "rule.accept");
    assert!(text(&form, &world).contains("^ there is no segment nope here"));
}

#[test]
fn a_rule_serves_a_rollout_that_sums_to_a_hundred() {
    let (mut form, mut world) = form(Some(1), RULE);
    form.to(Place::Serve);
    press(&mut form, &mut world, Code::Left);
    assert!(form.fields.divides());
    act(&mut form, &mut world, "rule.next");
    keys(&mut form, &mut world, "30");
    assert!(text(&form, &world).contains(">   true          30%"), "{}", text(&form, &world));
    let rule = told(&act(&mut form, &mut world, "rule.accept"));
    assert!(rule.contains(r#""variations":[{"variation":0,"weight":30000},{"variation":1,"weight":70000}]"#));
    assert!(!rule.contains(r#""variation":0,"clauses""#), "{rule}");
}

#[test]
fn leaving_with_changes_asks_once() {
    let (mut form, mut world) = form(Some(1), RULE);
    assert_eq!(act(&mut form, &mut world, "rule.cancel"), [Do::Back]);
    keys(&mut form, &mut world, "x");
    assert!(act(&mut form, &mut world, "rule.cancel").is_empty());
    assert!(text(&form, &world).contains("esc again drops what you typed"));
    assert_eq!(act(&mut form, &mut world, "rule.cancel"), [Do::Back]);
}

#[test]
fn a_clause_is_dropped_and_a_rule_without_clauses_is_for_everybody() {
    let (mut form, mut world) = form(Some(1), RULE);
    form.to(Place::Op(1));
    act(&mut form, &mut world, "rule.drop-clause");
    assert_eq!(form.fields.clauses.len(), 1);
    act(&mut form, &mut world, "rule.drop-clause");
    assert!(text(&form, &world).contains("no clause: everybody matches"));
    assert!(text(&form, &world).contains("everybody  -> true"));
}

#[test]
fn many_clauses_scroll_with_the_cursor_in_a_small_terminal() {
    let (mut form, mut world) = form(Some(1), RULE);
    for _ in 0..5 {
        act(&mut form, &mut world, "rule.add-clause");
    }
    keys(&mut form, &mut world, "last");
    let rows = drawn(&form, &world, 60, 12);
    assert!(rows.iter().any(|row| row.contains("[last")), "{rows:#?}");
}
