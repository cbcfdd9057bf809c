//! The list of segments as a person uses it.

use super::*;
use crate::guard::Policy;
use crate::request::Request;
use time::macros::datetime;

fn json(text: &str) -> Json {
    shared::json::parse(text).unwrap()
}

fn world() -> World {
    let now = datetime!(2026-11-22 03:00 UTC);
    let mut world = crate::scenery::bare(now, (80, 24), Policy::Never);
    world.environment = "staging".to_owned();
    world.cache.environments_page(&json(
        r#"{"items":[{"key":"staging","order":1},{"key":"production","order":2,"protected":true}]}"#,
    ));
    world.cache.flags_page(
        &json(
            r#"{"items":[{"key":"pay.checkout","kind":"boolean","environments":{"staging":
            {"on":true,"segments":["beta"],"rules":1}}}]}"#,
        ),
        true,
    );
    world
}

fn answer(text: &str) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body: json(text) })
}

const ROW: &str = r#"{"key":"beta","name":"Beta testers","salt":"s","version":4,"archived":false,
    "document":{"included":["u_1","u_2"],"excluded":["u_3"],"rules":[{"id":"mail","clauses":[
    {"contextKind":"user","attribute":"email","op":"endsWith","values":["@acme.com"]}]}]},
    "revision":7,"updatedAt":"2026-11-22T02:59:00Z","updatedBy":"user:bob"}"#;

fn opened(world: &mut World) -> Segments {
    let mut screen = Segments::new("staging".into(), None);
    let asks = screen.on(world, &Event::Opened);
    assert_eq!(asks, [Do::Ask(LIST, Read::get("/api/environments/staging/segments?limit=1000"))]);
    let list = answer(
        r#"{"items":[{"key":"beta","name":"Beta testers","tags":["people"],"included":2,"excluded":1,"rules":1,
        "updatedAt":"2026-11-22T02:59:00Z","updatedBy":"user:bob"},
        {"key":"staff","name":"Staff","included":0,"rules":1,"updatedAt":"2026-10-22T02:59:00Z","updatedBy":"user:al"}]}"#,
    );
    let asks = screen.on(world, &Event::Answer { tag: LIST, outcome: &list });
    assert_eq!(asks, [Do::Ask(ONE, Read::get("/api/environments/staging/segments/beta"))]);
    world.cache.segments.insert(("staging".into(), "beta".into()), json(ROW));
    screen
}

fn drawn(screen: &Segments, world: &World, columns: u16, rows: u16) -> String {
    crate::widgets::drawn::text(columns, rows, |canvas| screen.view(world, canvas))
}

#[test]
fn a_segment_is_shown_with_its_lists_its_rules_in_words_and_who_uses_it() {
    let mut world = world();
    let screen = opened(&mut world);
    for (columns, rows) in [(80, 21), (100, 27), (60, 12), (200, 47)] {
        let text = drawn(&screen, &world, columns, rows);
        for said in ["> beta", "ids+rule", "1 flag", "bob", "staff", "2 keys  (u_1, u_2)"] {
            assert!(text.contains(said), "{columns}x{rows} lacks {said}\n{text}");
        }
    }
    let text = drawn(&screen, &world, 80, 21);
    for said in ["RULES    1 email ends with @acme.com", "USED BY  pay.checkout", "1m ago by user:bob (rev 7"]
    {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn a_question_about_a_member_is_answered_with_its_reason() {
    let mut world = world();
    let mut screen = opened(&mut world);
    screen.on(&world, &Event::Action("segments.check"));
    assert_eq!(screen.mode(), Mode::Text);
    assert!(screen.actions().is_empty(), "letters are letters");
    for c in "u_2".chars() {
        screen.on(&world, &Event::Key(Press::char(c)));
    }
    assert!(screen.on(&world, &Event::Key(Press::new(Code::Enter))).is_empty());
    assert!(matches!(screen.answer, Some(Membership::Decided(true, _))), "{:?}", screen.answer);
    assert!(drawn(&screen, &world, 80, 21).contains("> u_2"), "{}", drawn(&screen, &world, 80, 21));
    assert!(drawn(&screen, &world, 80, 21).contains("yes: "));
}

#[test]
fn a_change_that_is_heard_reads_the_list_again_and_another_environment_does_not() {
    let mut world = world();
    let mut screen = opened(&mut world);
    let mut heard = crate::cache::Heard { changed: true, ..Default::default() };
    heard.touched.push(("segment".into(), "beta".into(), "production".into()));
    assert!(screen.on(&world, &Event::Heard(&heard)).is_empty());
    heard.touched.push(("segment".into(), "beta".into(), "staging".into()));
    assert_eq!(screen.on(&world, &Event::Heard(&heard)).len(), 1);
}

#[test]
fn archiving_is_planned_and_always_reviewed() {
    let mut world = world();
    let mut screen = opened(&mut world);
    let wanted = screen.on(&world, &Event::Action("segments.archive"));
    let [Do::Wish(wish)] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert!(wish.review);
    let Request { path, body, .. } = &wish.request;
    assert_eq!(path, "/api/change-sets");
    assert_eq!(
        body.as_ref().unwrap().to_text(),
        r#"{"mutations":[{"op":"archiveSegment","environment":"staging","segment":"beta"}]}"#
    );
    assert!(screen.available(&world, "segments.restore").is_err());
}

#[test]
fn the_other_environment_is_shown_and_selected() {
    let mut world = world();
    let mut screen = opened(&mut world);
    let wanted = screen.on(&world, &Event::Action("move.right"));
    assert_eq!(wanted.first(), Some(&Do::Select("production".into())));
    assert_eq!(screen.environment(&world), Some(Some("production".into())));
}
