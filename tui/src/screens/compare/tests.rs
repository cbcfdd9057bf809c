//! A comparison as a person uses it.

use super::*;
use crate::guard::Policy;
use crate::world::Link;
use time::macros::datetime;

fn json(text: &str) -> Json {
    shared::json::parse(text).unwrap()
}

fn world() -> World {
    let now = datetime!(2026-11-22 03:00 UTC);
    let mut world = crate::scenery::bare(now, (80, 24), Policy::Protected);
    world.link = Link::Live;
    world.cache.environments_page(&json(
        r#"{"items":[{"key":"dev","order":0},{"key":"staging","order":1},{"key":"production","order":2,"protected":true}]}"#,
    ));
    world.cache.flags_page(
        &json(
            r#"{"items":[{"key":"pay.checkout","kind":"boolean","environments":{
            "production":{"on":false,"revision":3,"updatedAt":"2026-11-22T02:00:00Z","updatedBy":"user:al"},
            "staging":{"on":true,"revision":9,"updatedAt":"2026-11-22T02:57:00Z","updatedBy":"user:bob"}}}]}"#,
        ),
        true,
    );
    world
}

const ANSWER: &str = r#"{"revision":9,"left":"staging","right":"production","flags":[
    {"key":"pay.checkout","standing":"differs","left":{"enabled":true,"version":2,"revision":9},
     "right":{"enabled":false,"version":1,"revision":3},"diff":[{"path":"/on","op":"replace","before":true,"after":false},
     {"path":"/prerequisites","op":"remove","before":[{"key":"x","variation":0}]}]},
    {"key":"search.ranker","standing":"only-left","left":{"enabled":true,"version":2,"revision":9},"right":null,"diff":[]},
    {"key":"ui.dark","standing":"same","left":{"enabled":true,"version":2,"revision":9},
     "right":{"enabled":true,"version":2,"revision":9},"diff":[]}],
    "segments":[{"key":"beta","standing":"differs","left":{"version":1,"revision":2},"right":{"version":2,"revision":3},
     "diff":[{"path":"/included","op":"replace","before":["u"],"after":["u","v"]}]}],"nextCursor":null}"#;

fn opened(world: &World) -> Compare {
    let mut screen = Compare::new("staging".into(), "production".into(), Vec::new());
    let path = "/api/environments/compare?left=staging&right=production&limit=1000";
    assert_eq!(screen.on(world, &Event::Opened), [Do::Ask(PAGE, Read::get(path))]);
    let outcome = Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body: json(ANSWER) });
    assert!(screen.on(world, &Event::Answer { tag: PAGE, outcome: &outcome }).is_empty());
    screen
}

fn drawn(screen: &Compare, world: &World, columns: u16, rows: u16) -> String {
    crate::widgets::drawn::text(columns, rows, |canvas| screen.view(world, canvas))
}

#[test]
fn what_differs_is_listed_with_both_sides_its_age_and_who_did_it() {
    let world = world();
    let screen = opened(&world);
    let text = drawn(&screen, &world, 80, 21);
    for said in [
        "staging -> production",
        "3 of 4 differ",
        "> pay.checkout",
        "state +1",
        "3m    bob",
        "missing in",
        "beta (segment)",
        "~ /on  on -> off",
        "- /prerequisites  1 prerequisite -> (none)",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("ui.dark"), "{text}");
    for (columns, rows) in [(60, 12), (100, 27), (200, 47)] {
        let text = drawn(&screen, &world, columns, rows);
        for said in ["> pay.checkout", "state +1", "off", "3m"] {
            assert!(text.contains(said), "{columns} lacks {said}\n{text}");
        }
    }
}

#[test]
fn marked_flags_are_promoted_in_one_change_set_and_segments_are_not_marked() {
    let world = world();
    let mut screen = opened(&world);
    screen.on(&world, &Event::Action("compare.mark-all"));
    let wanted = screen.on(&world, &Event::Action("compare.promote"));
    let [Do::Wish(wish)] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert_eq!(wish.title, "promote 2 flags from staging to production");
    assert_eq!(
        wish.request.body.as_ref().unwrap().to_text(),
        r#"{"from":"staging","to":"production","flags":["pay.checkout","search.ranker"],"segments":true}"#
    );
    assert!(wish.review);
    // What is missing on the right cannot be taken from there.
    let wanted = screen.on(&world, &Event::Action("compare.reverse"));
    let [Do::Wish(wish)] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert_eq!(wish.title, "promote pay.checkout from production to staging");
    assert_eq!(wish.touches[0].environment.as_deref(), Some("staging"));
}

#[test]
fn the_reverse_way_asks_for_the_left_side_to_be_open() {
    let world = world();
    let screen = opened(&world);
    assert_eq!(screen.available(&world, "compare.reverse"), Ok(()));
    let mut turned = opened(&world);
    std::mem::swap(&mut turned.left, &mut turned.right);
    assert!(turned.available(&world, "compare.reverse").unwrap_err().contains("press !"));
}

#[test]
fn an_ignored_path_is_passed_over_until_escape_takes_it_back() {
    let mut world = world();
    let mut screen = opened(&world);
    let wanted = screen.on(&world, &Event::Action("compare.ignore"));
    let [Do::Ignore(ignored), Do::Toast(..)] = wanted.as_slice() else { panic!("{wanted:?}") };
    world.ignored.clone_from(ignored);
    let text = drawn(&screen, &world, 100, 27);
    assert!(text.contains("ignored: /on"), "{text}");
    assert!(text.contains("prerequisites"), "{text}");
    let wanted = screen.on(&world, &Event::Action("global.escape"));
    assert!(matches!(wanted.as_slice(), [Do::Ignore(none), _] if none.is_empty()), "{wanted:?}");
}

#[test]
fn the_next_environment_comes_on_a_side_and_never_the_one_of_the_other_side() {
    let world = world();
    let mut screen = opened(&world);
    screen.on(&world, &Event::Action("compare.left"));
    assert_eq!((screen.left.as_str(), screen.right.as_str()), ("dev", "production"));
    let wanted = screen.on(&world, &Event::Action("compare.swap"));
    assert_eq!((screen.left.as_str(), screen.right.as_str()), ("production", "dev"));
    assert_eq!(wanted.len(), 1);
}

#[test]
fn the_diff_shows_both_sides_of_each_path() {
    let world = world();
    let mut screen = opened(&world);
    screen.on(&world, &Event::Action("compare.open"));
    let text = drawn(&screen, &world, 80, 21);
    for said in ["> ~ /on", "staging     true", "production  false", "\"key\": \"x\""] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn only_changes_of_the_two_sides_are_read_again() {
    let world = world();
    let mut screen = opened(&world);
    let mut heard = crate::cache::Heard { changed: true, ..Default::default() };
    heard.touched.push(("config".into(), "pay.checkout".into(), "dev".into()));
    assert!(screen.on(&world, &Event::Heard(&heard)).is_empty());
    heard.touched.push(("config".into(), "pay.checkout".into(), "staging".into()));
    assert_eq!(screen.on(&world, &Event::Heard(&heard)).len(), 1);
}
