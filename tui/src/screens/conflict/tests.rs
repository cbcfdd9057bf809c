//! Tests of the conflict screen: choices, what is saved, and what is seen.

use super::*;
use crate::guard::Policy;
use crate::theme::{Depth, Theme};
use crate::world::Link;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::parse;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:11 UTC);
const BASE: &str = r#"{"on":true,"maxAttempts":3,"backoff":{"jitter":false},"retryOn":["timeout","5xx"]}"#;
const OURS: &str =
    r#"{"on":true,"maxAttempts":5,"backoff":{"jitter":true},"retryOn":["timeout","5xx"],"us":0.10}"#;
const THEIRS: &str = r#"{"on":true,"maxAttempts":2,"backoff":{"jitter":false},"retryOn":["timeout","502"]}"#;

fn document() -> Document {
    Document::Config { flag: "pay.retry".to_owned(), environment: "prod".to_owned() }
}

fn world(size: (u16, u16)) -> World {
    let mut world = crate::scenery::bare(NOW, size, Policy::Never);
    world.link = Link::Live;
    let message = r#"{"type":"revision","revision":24,"at":"2026-11-22T14:02:31Z","actor":"bob","comment":"lower attempts, PSP asked",
        "changes":[{"action":"updated","entity":{"kind":"config","key":"pay.retry","environment":"prod"}}]}"#;
    world.cache.hear(&parse(message).unwrap());
    world
}

fn answer(theirs: &str, revision: u64) -> Result<Answer, Failure> {
    let body = format!(
        r#"{{"config":{theirs},"revision":{revision},"updatedBy":"bob","updatedAt":"2026-11-22T14:02:31Z"}}"#
    );
    Ok(Answer { status: 200, etag: None, revision: Some(30), stale: false, body: parse(&body).unwrap() })
}

fn conflict(world: &World) -> Conflict {
    let [base, ours] = [BASE, OURS].map(|text| parse(text).unwrap());
    let mut conflict = Conflict::new(document(), base, ours, OURS.to_owned(), 9);
    let wanted = conflict.on(world, &Event::Opened);
    assert!(
        matches!(&wanted[..], [Do::Ask(DOCUMENT, _), Do::Draft(draft)] if draft.text == OURS),
        "{wanted:?}"
    );
    conflict.on(world, &Event::Answer { tag: DOCUMENT, outcome: &answer(THEIRS, 24) });
    conflict
}

fn act(conflict: &mut Conflict, world: &World, id: &'static str) -> Vec<Do> {
    conflict.on(world, &Event::Action(id))
}

fn seen(conflict: &Conflict, world: &World) -> Vec<String> {
    let theme = Theme::builtin("default", Depth::Mono).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, world.size.0, world.size.1 - 2));
    let area = buffer.area;
    let mut canvas = Canvas::new(&mut buffer, &theme, area);
    conflict.view(world, &mut canvas);
    (0..area.height)
        .map(|y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
        .collect()
}

#[test]
fn a_wide_window_has_a_row_with_all_values_for_each_path() {
    let world = world((100, 30));
    let mut conflict = conflict(&world);
    let rows = seen(&conflict, &world);
    assert!(rows[0].starts_with(" Someone else saved: pay.retry @ prod"), "{rows:#?}");
    assert!(rows[0].ends_with("yours on 9   theirs 24 by bob, 40s ago"), "{rows:#?}");
    assert!(rows[1].starts_with("   bob: 'lower attempts, PSP asked'"), "{rows:#?}");
    assert!(rows[1].ends_with("3 paths merged, 1 needs a choice"), "{rows:#?}");
    let words = |row: &String| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(&rows[2]), "PATH BASE 9 YOURS THEIRS 24 RESULT");
    assert_eq!(words(&rows[3]), "> /maxAttempts 3 5 2 ? choose");
    assert_eq!(words(&rows[4]), "/backoff/jitter false true false true yours");
    assert_eq!(words(&rows[5]), "/us (absent) 0.10 (absent) 0.10 yours");
    assert_eq!(words(&rows[6]), "/retryOn/1 \"5xx\" \"5xx\" \"502\" \"502\" theirs");
    let all = rows.join("\n");
    assert!(all.contains("?   3   \"maxAttempts\": <5 yours | 2 theirs>,"), "{all}");
    assert!(all.contains("y   5     \"jitter\": true"), "{all}");
    assert!(all.contains("t   7   \"retryOn\": [\"timeout\", \"502\"],"), "{all}");
    assert!(all.contains("- 1 unresolved --"), "{all}");
    act(&mut conflict, &world, "conflict.ours");
    let all = seen(&conflict, &world).join("\n");
    assert!(
        all.contains("y   3   \"maxAttempts\": 5,") && all.contains("all decided: ctrl-x saves"),
        "{all}"
    );
}

#[test]
fn a_narrow_window_has_the_values_below_the_path() {
    let world = world((80, 24));
    let conflict = conflict(&world);
    let rows = seen(&conflict, &world);
    assert!(
        rows[0].starts_with(" Conflict: pay.retry @ prod") && rows[0].ends_with("theirs 24 by bob, 40s ago")
    );
    assert!(rows[2].starts_with(" > 1/4  /maxAttempts") && rows[2].ends_with("UNRESOLVED"), "{rows:#?}");
    assert_eq!(rows[3], "      b base    3");
    assert_eq!(rows[4], "      o yours   5");
    assert_eq!(rows[5], "      t theirs  2");
    assert!(
        rows[6].starts_with("   2/4  /backoff/jitter  false -> true") && rows[6].ends_with("yours"),
        "{rows:#?}"
    );
    assert!(
        rows[8].starts_with("   4/4  /retryOn/1  \"5xx\" -> \"502\"") && rows[8].ends_with("theirs"),
        "{rows:#?}"
    );
}

#[test]
fn nothing_is_saved_before_each_choice_is_made_and_then_on_top_of_theirs() {
    let world = world((80, 24));
    let mut conflict = conflict(&world);
    let wanted = act(&mut conflict, &world, "conflict.save");
    assert!(
        matches!(&wanted[..], [Do::Toast(Tone::Warn, said)] if said == "not yet: 1 path needs a choice: o, t or b")
    );
    act(&mut conflict, &world, "conflict.ours");
    let wanted = act(&mut conflict, &world, "conflict.save");
    let [Do::Wish(wish)] = &wanted[..] else { panic!("{wanted:?}") };
    assert_eq!(wish.base_revision, Some(30));
    let edit = wish.edit.as_ref().unwrap();
    assert_eq!(edit.base, parse(THEIRS).unwrap());
    assert_eq!(
        edit.ours.to_text(),
        r#"{"on":true,"maxAttempts":5,"backoff":{"jitter":true},"retryOn":["timeout","502"],"us":0.10}"#
    );
}

#[test]
fn they_change_it_again_while_one_chooses() {
    let world = world((80, 24));
    let mut conflict = conflict(&world);
    act(&mut conflict, &world, "conflict.ours");
    let heard = crate::cache::Heard {
        touched: vec![("config".to_owned(), "pay.retry".to_owned(), "prod".to_owned())],
        changed: true,
        reload: false,
    };
    let wanted = conflict.on(&world, &Event::Heard(&heard));
    assert!(matches!(&wanted[..], [Do::Ask(DOCUMENT, _)]));
    let outcome = answer(&THEIRS.replace("\"maxAttempts\":2", "\"maxAttempts\":1"), 25);
    conflict.on(&world, &Event::Answer { tag: DOCUMENT, outcome: &outcome });
    assert!(seen(&conflict, &world)[2].ends_with("UNRESOLVED"), "the choice was about another value");
}

#[test]
fn the_merged_text_is_edited_as_a_draft_on_top_of_theirs() {
    let world = world((80, 24));
    let mut conflict = conflict(&world);
    act(&mut conflict, &world, "conflict.theirs");
    let wanted = act(&mut conflict, &world, "conflict.edit");
    let [Do::Draft(draft), Do::Replace(Route::Editor(which))] = &wanted[..] else { panic!("{wanted:?}") };
    assert_eq!((which, draft.base_revision), (&document(), 30));
    assert_eq!(parse(&draft.base).unwrap(), parse(THEIRS).unwrap());
    assert!(draft.text.contains("\"jitter\": true") && draft.text.contains("\"maxAttempts\": 2"));
}

#[test]
fn a_draft_is_thrown_away_by_two_presses_in_a_row() {
    let world = world((80, 24));
    let mut conflict = conflict(&world);
    assert!(matches!(&act(&mut conflict, &world, "conflict.discard")[..], [Do::Toast(..)]));
    act(&mut conflict, &world, "conflict.next");
    assert!(matches!(&act(&mut conflict, &world, "conflict.discard")[..], [Do::Toast(..)]));
    assert_eq!(act(&mut conflict, &world, "conflict.discard"), [Do::DropDraft(document()), Do::Back]);
    assert_eq!(act(&mut conflict, &world, "global.escape"), [Do::Back], "later: the draft stays");
}

#[test]
fn every_size_is_drawn() {
    for size in [(60, 15), (80, 24), (96, 20), (100, 30), (200, 50)] {
        let world = world(size);
        let mut conflict = conflict(&world);
        for id in ["move.down", "conflict.open", "move.pane", "move.last", "conflict.next", "conflict.base"] {
            act(&mut conflict, &world, id);
            let rows = seen(&conflict, &world);
            assert!(rows[0].contains("pay.retry"), "{size:?} {rows:#?}");
        }
    }
}
