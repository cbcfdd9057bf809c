//! The form of a new flag: what it sends, what it refuses, where refusals are told.

use super::fields::Place;
use super::page::NewFlag;
use crate::key::Code;
use crate::route::Route;
use crate::scenery::{act, body, drawn, keys, press, refusal, tell, text, wish, world};
use crate::screens::{Do, Event, Screen};
use crate::world::World;
use shared::flag::FlagKind;

fn form() -> (NewFlag, World) {
    let mut world = world();
    let mut form = NewFlag::new(&world);
    tell(&mut form, &mut world, &Event::Opened);
    (form, world)
}

#[test]
fn a_key_and_enter_make_a_boolean_flag_that_is_off() {
    let (mut form, mut world) = form();
    keys(&mut form, &mut world, "new.banner");
    let wanted = act(&mut form, &mut world, "new-flag.create");
    let wish = wish(&wanted);
    assert_eq!(
        body(wish),
        r#"{"mutations":[{"op":"createFlag","flag":{"key":"new.banner","kind":"boolean","temporary":true}}]}"#
    );
    assert_eq!(wish.cli, "flagstaff flag create new.banner --kind boolean");
    assert_eq!(wish.touches[0].environment.as_deref(), Some("staging"));
    let touches = wish.touches.clone();
    let wanted = tell(&mut form, &mut world, &Event::Written { touches: &touches, revision: 12 });
    let environment = "staging".to_owned();
    assert_eq!(wanted, [Do::Replace(Route::Flag { key: "new.banner".to_owned(), environment, tab: 0 })]);
}

#[test]
fn a_number_flag_with_values_tags_and_an_environment_where_it_is_on() {
    let (mut form, mut world) = form();
    keys(&mut form, &mut world, "limit");
    form.focus = Place::Kind;
    keys(&mut form, &mut world, "n");
    act(&mut form, &mut world, "new-flag.next");
    keys(&mut form, &mut world, "1.50");
    act(&mut form, &mut world, "new-flag.next");
    keys(&mut form, &mut world, "x");
    form.focus = Place::Tags;
    keys(&mut form, &mut world, "ops, limits");
    form.focus = Place::On(0);
    press(&mut form, &mut world, Code::Char(' '));
    assert!(act(&mut form, &mut world, "new-flag.create").is_empty());
    assert_eq!(form.focus, Place::Value(1));
    assert!(text(&form, &world).contains("^ a number is wanted"));
    press(&mut form, &mut world, Code::Backspace);
    keys(&mut form, &mut world, "1.5");
    act(&mut form, &mut world, "new-flag.create");
    assert!(text(&form, &world).contains("^ this value stands above already"));
    press(&mut form, &mut world, Code::Backspace);
    press(&mut form, &mut world, Code::Backspace);
    let wanted = act(&mut form, &mut world, "new-flag.create");
    assert_eq!(
        body(wish(&wanted)),
        r#"{"mutations":[{"op":"createFlag","flag":{"key":"limit","kind":"number","variations":[{"value":1.50},{"value":1}],"tags":["ops","limits"],"temporary":true}},{"op":"setOn","flag":"limit","environment":"staging","enabled":true}]}"#
    );
}

#[test]
fn a_key_is_checked_before_anything_is_sent() {
    let (mut form, mut world) = form();
    act(&mut form, &mut world, "new-flag.create");
    assert!(text(&form, &world).contains("^ a key must not be empty"));
    keys(&mut form, &mut world, "a b");
    act(&mut form, &mut world, "new-flag.create");
    assert!(text(&form, &world).contains("not ' '"), "{}", text(&form, &world));
    form.fields.key.set("checkout");
    act(&mut form, &mut world, "new-flag.create");
    assert!(text(&form, &world).contains("^ this key is taken"));
}

#[test]
fn what_the_daemon_refuses_is_told_at_its_field() {
    let (mut form, mut world) = form();
    keys(&mut form, &mut world, "limit");
    form.fields.kind = FlagKind::Json;
    // The first field is empty: the first value that was sent stands in the second.
    form.fields.values[1].set("{}");
    act(&mut form, &mut world, "new-flag.create");
    let problem = refusal(
        422,
        "invalid",
        r#"{"errors":[{"pointer":"/mutations/0/flag/variations/0/value","detail":"is too big"},{"pointer":"/mutations/1","detail":"elsewhere"}]}"#,
    );
    tell(&mut form, &mut world, &Event::Refused(&problem));
    let shown = text(&form, &world);
    assert_eq!(form.focus, Place::Value(1));
    assert!(shown.contains("^ is too big") && shown.contains("elsewhere"), "{shown}");
    act(&mut form, &mut world, "new-flag.create");
    let taken = refusal(409, "key-taken", r#"{"detail":"the flag key limit is taken"}"#);
    tell(&mut form, &mut world, &Event::Refused(&taken));
    assert!(text(&form, &world).contains("^ the flag key limit is taken"));
}

#[test]
fn a_protected_environment_is_on_only_when_writes_are_open() {
    let (mut form, mut world) = form();
    assert!(text(&form, &world).contains("off          in production  (locked: press ! before this form)"));
    form.focus = Place::On(1);
    press(&mut form, &mut world, Code::Char(' '));
    assert!(form.fields.on.is_empty());
    world.guard.turn(world.now);
    press(&mut form, &mut world, Code::Char(' '));
    assert!(form.fields.on.contains("production"));
    assert_eq!(form.environment(&world), Some(Some("production".to_owned())));
}

#[test]
fn leaving_asks_once_when_something_was_typed() {
    let (mut form, mut world) = form();
    assert_eq!(act(&mut form, &mut world, "new-flag.cancel"), [Do::Back]);
    keys(&mut form, &mut world, "k");
    assert!(act(&mut form, &mut world, "new-flag.cancel").is_empty());
    assert_eq!(act(&mut form, &mut world, "new-flag.cancel"), [Do::Back]);
}

#[test]
fn the_form_fits_into_the_smallest_terminal() {
    let (mut form, world) = form();
    form.fields.kind = FlagKind::String;
    form.focus = Place::On(1);
    let rows = drawn(&form, &world, 60, 12);
    assert!(rows.iter().any(|row| row.starts_with(" >            < off >")), "{rows:#?}");
}
