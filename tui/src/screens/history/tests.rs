//! The history as somebody sees it: what is read, shown, compared, undone.

use super::screen::History;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::guard::Policy;
use crate::request::{Answer, Failure};
use crate::screens::{Do, Event, Screen};
use crate::theme::{Depth, Theme};
use crate::world::{Link, World};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::parse;
use time::macros::datetime;

fn world(size: (u16, u16)) -> World {
    let now = datetime!(2026-11-22 14:10 UTC);
    let mut world = crate::scenery::bare(now, size, Policy::Protected);
    world.link = Link::Live;
    "staging".clone_into(&mut world.environment);
    world.cache.flags_page(
        &parse(r#"{"items":[{"key":"checkout","kind":"boolean","variations":[{"value":true},{"value":false}]}]}"#).unwrap(),
        true,
    );
    world
}

/// One item of `GET /api/flags/checkout/audit`.
fn item(
    revision: u64,
    at: &str,
    cause: &str,
    comment: &str,
    environment: &str,
    before: &str,
    after: &str,
) -> String {
    let (kind, place, side) = if environment.is_empty() {
        ("flag", "null".to_owned(), (before.to_owned(), after.to_owned()))
    } else {
        let document = |d: &str| format!(r#"{{"version":1,"document":{d}}}"#);
        ("config", format!("\"{environment}\""), (document(before), document(after)))
    };
    format!(
        r#"{{"revision":{revision},"at":"{at}","kind":"{cause}","actor":"user:alice","credential":"header","source":"api",
        "comment":"{comment}","requestId":"r1","ordinal":0,"entity":{{"kind":"{kind}","key":"checkout","project":"default",
        "environment":{place}}},"action":"updated","before":{},"after":{}}}"#,
        side.0, side.1
    )
}

const ROLLOUT: &str = r#"{"on":true,"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}}}"#;

fn items() -> Vec<String> {
    vec![
        item(
            12,
            "2026-11-22T14:02:31Z",
            "change",
            "p99 > 800ms",
            "staging",
            ROLLOUT,
            &ROLLOUT.replace("true", "false"),
        ),
        item(11, "2026-11-22T09:14:02Z", "promote", "", "production", "{}", r#"{"on":true}"#),
        item(
            9,
            "2026-11-21T17:40:00Z",
            "change",
            "",
            "staging",
            r#"{"on":true,"fallthrough":{"variation":0}}"#,
            ROLLOUT,
        ),
        item(7, "2026-11-18T10:01:00Z", "change", "", "", r#"{"tags":["a"]}"#, r#"{"tags":["a","b"]}"#),
        item(
            5,
            "2025-01-18T10:01:00Z",
            "revert",
            "revert of 4",
            "staging",
            "{}",
            r#"{"on":true,"fallthrough":{"variation":0}}"#,
        ),
    ]
}

fn answer(world: &World, screen: &mut History, tag: u32, items: &[String], next: &str) -> Vec<Do> {
    let body = parse(&format!(r#"{{"items":[{}],"nextCursor":{next}}}"#, items.join(","))).unwrap();
    let outcome: Result<Answer, Failure> =
        Ok(Answer { status: 200, etag: None, revision: None, stale: false, body });
    screen.on(world, &Event::Answer { tag, outcome: &outcome })
}

fn opened(world: &World) -> History {
    let mut screen = History::new("flag", "checkout".to_owned(), Some("staging".to_owned()));
    assert_eq!(
        screen.on(world, &Event::Opened),
        [Do::Ask(1, Read::get("/api/flags/checkout/audit?limit=50"))]
    );
    answer(world, &mut screen, 1, &items(), "null");
    screen
}

fn press(world: &World, screen: &mut History, id: &'static str) -> Vec<Do> {
    screen.on(world, &Event::Action(id))
}

fn text(world: &World, screen: &History) -> Vec<String> {
    let (columns, rows) = (world.size.0, world.size.1 - 2);
    let theme = Theme::builtin("default", Depth::Mono).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    let area = *buffer.area();
    screen.view(world, &mut Canvas::new(&mut buffer, &theme, area));
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| row(y).trim_end().to_owned()).collect()
}

#[test]
fn a_narrow_screen_has_the_list_above_the_diff_and_says_what_a_revert_does() {
    let world = world((80, 24));
    let screen = opened(&world);
    let seen = text(&world, &screen);
    assert_eq!(seen[0], " History  checkout @ staging         4 revisions  compared with: the one before");
    assert_eq!(seen[1], "   REV WHEN UTC     WHO       WHAT");
    assert_eq!(
        seen[2..6],
        [
            " > 12  14:02:31     alice     on -> off",
            "   9   yest. 17:40  alice     default true -> 25%",
            "   7   18 Nov 10:01 alice     (all) tags +b",
            "   5   18 Jan 2025  alice     revert of 4: off -> on, default nothing -> true",
        ]
    );
    assert!(seen[10].starts_with("-- rev 12  alice  7m ago  'p99 > 800ms' ---"), "{}", seen[10]);
    assert!(seen[10].ends_with(" tab: scroll diff --"), "{}", seen[10]);
    assert_eq!(seen[12], " -    2    \"on\": true,");
    assert_eq!(seen[13], " +    2    \"on\": false,");
    assert_eq!(seen[21], " R undoes only rev 12 and keeps later edits: off -> on");
}

#[test]
fn a_wide_screen_has_the_diff_beside_the_list() {
    let world = world((100, 30));
    let screen = opened(&world);
    let seen = text(&world, &screen);
    assert!(seen[2].starts_with(" > 12  14:02:31     alice     on -> off"), "{}", seen[2]);
    assert!(seen[1].contains("| rev 12  alice  7m ago"), "{}", seen[1]);
    assert!(seen[2].contains("| 'p99 > 800ms'"), "{}", seen[2]);
    assert!(seen[6].contains("| -    2    \"on\": true,"), "{}", seen[6]);
}

#[test]
fn the_history_in_all_environments_has_a_column_for_them() {
    let world = world((100, 30));
    let mut screen = opened(&world);
    press(&world, &mut screen, "history.everywhere");
    answer(&world, &mut screen, 1, &items(), "null");
    let seen = text(&world, &screen);
    assert!(seen[0].starts_with(" History  checkout in all environments"), "{}", seen[0]);
    assert!(
        seen[3].starts_with("   11  09:14:02     alice     production promote: off -> on"),
        "{}",
        seen[3]
    );
    assert!(seen[5].starts_with("   7   18 Nov 10:01 alice     all        tags +b"), "{}", seen[5]);
}

#[test]
fn any_two_revisions_are_compared() {
    let world = world((80, 24));
    let mut screen = opened(&world);
    press(&world, &mut screen, "history.compare");
    for _ in 0..3 {
        press(&world, &mut screen, "move.down");
    }
    let seen = text(&world, &screen);
    assert!(seen[0].ends_with("compared with: rev 12"), "{}", seen[0]);
    assert_eq!(&seen[2][..5], "  v12");
    assert!(seen[10].starts_with("-- rev 5 -> rev 12 "), "{}", seen[10]);
    press(&world, &mut screen, "history.style");
    press(&world, &mut screen, "history.style");
    press(&world, &mut screen, "history.style");
    let paths = text(&world, &screen);
    assert!(
        paths[11..20].iter().any(|row| row.contains("/on") && row.contains("true -> false")),
        "{paths:#?}"
    );
    press(&world, &mut screen, "move.up");
    assert!(text(&world, &screen)[11].contains("nothing to compare"));
    press(&world, &mut screen, "global.escape");
    assert!(text(&world, &screen)[0].ends_with("compared with: the one before"));
}

#[test]
fn one_revision_is_undone_or_the_whole_version_restored() {
    let world = world((80, 24));
    let mut screen = opened(&world);
    press(&world, &mut screen, "move.down");
    assert_eq!(press(&world, &mut screen, "history.revert"), [Do::Ask(3, Read::get("/api/revisions/9"))]);
    let wants = press(&world, &mut screen, "history.restore");
    let [Do::Wish(wish)] = wants.as_slice() else { panic!("{} wants", wants.len()) };
    assert_eq!(wish.title, "restore checkout in staging as it was after revision 9");
    assert_eq!(wish.comment, "restored to 9");
    assert!(wish.review);
    let body = wish.request.body.as_ref().unwrap().to_text();
    assert!(body.starts_with(r#"{"mutations":[{"op":"replaceConfig","flag":"checkout","environment":"staging","config":{"on":true"#), "{body}");
}

#[test]
fn older_revisions_are_read_at_the_end_and_the_selected_one_stays() {
    let world = world((80, 24));
    let mut screen = History::new("flag", "checkout".to_owned(), Some("staging".to_owned()));
    screen.on(&world, &Event::Opened);
    // Not enough for the screen: the next page is asked for at once.
    let wants = answer(&world, &mut screen, 1, &items(), r#""1.5.0""#);
    assert_eq!(wants, [Do::Ask(1, Read::get("/api/flags/checkout/audit?limit=50&cursor=1.5.0"))]);
    assert!(text(&world, &screen)[0].contains("reading older ones .."));
    let older = item(4, "2025-01-18T10:00:00Z", "change", "", "staging", r#"{"on":true}"#, "{}");
    answer(&world, &mut screen, 1, &[older], "null");
    let seen = text(&world, &screen);
    assert!(seen[2].starts_with(" > 12"), "{}", seen[2]);
    assert!(seen[6].starts_with("   4 "), "{}", seen[6]);
    press(&world, &mut screen, "move.last");
    assert_eq!(press(&world, &mut screen, "move.down"), [], "the beginning was reached");
}

#[test]
fn a_live_change_comes_on_top_and_the_selection_stays_on_its_revision() {
    let mut world = world((80, 24));
    let mut screen = opened(&world);
    press(&world, &mut screen, "move.down");
    let message = |revision: u64, environment: &str| {
        format!(
            r#"{{"type":"revision","revision":{revision},"at":"2026-11-22T14:05:00Z","kind":"change","actor":"user:bob","changes":[
            {{"entity":{{"kind":"config","key":"checkout","environment":"{environment}"}},"action":"turned-on",
            "before":{{"document":{{"on":false}}}},"after":{{"document":{{"on":true}}}}}}]}}"#
        )
    };
    for (revision, environment) in [(13, "staging"), (14, "production")] {
        let heard = world.cache.hear(&parse(&message(revision, environment)).unwrap());
        screen.on(&world, &Event::Heard(&heard));
    }
    let seen = text(&world, &screen);
    assert!(seen[2].starts_with("   13  14:05:00     bob       off -> on"), "{}", seen[2]);
    assert!(seen[4].starts_with(" > 9 "), "{}", seen[4]);
    assert!(seen[0].contains("5 revisions"), "production's is not among them: {}", seen[0]);
}

#[test]
fn a_segments_history_is_that_of_its_key_alone() {
    let world = world((80, 24));
    let mut screen = History::new("segment", "beta".to_owned(), Some("staging".to_owned()));
    let path = "/api/audit?kind=segment&environment=staging&q=beta&limit=50";
    assert_eq!(screen.on(&world, &Event::Opened), [Do::Ask(1, Read::get(path))]);
    let of = |key: &str, revision: u64| {
        format!(
            r#"{{"revision":{revision},"at":"2026-11-22T14:05:00Z","kind":"change","actor":"user:bob","entity":{{"kind":"segment",
            "key":"{key}","environment":"staging"}},"action":"updated","before":{{"document":{{"included":[]}}}},
            "after":{{"document":{{"included":["a","b"]}}}}}}"#
        )
    };
    answer(&world, &mut screen, 1, &[of("beta-2", 4), of("beta", 3)], "null");
    let seen = text(&world, &screen);
    assert!(seen[0].contains("1 revisions"), "{}", seen[0]);
    assert!(seen[2].contains("+2 ids"), "{}", seen[2]);
}

#[test]
fn a_refusal_is_said_where_the_list_would_be() {
    let world = world((80, 24));
    let mut screen = History::new("flag", "gone".to_owned(), None);
    screen.on(&world, &Event::Opened);
    let outcome: Result<Answer, Failure> = Err(Failure::Unreachable("no route".to_owned()));
    screen.on(&world, &Event::Answer { tag: 1, outcome: &outcome });
    assert_eq!(text(&world, &screen)[2], "   not read: the daemon is not reached: no route");
}

#[test]
fn hostile_text_is_escaped_at_every_size() {
    for size in [(60, 15), (80, 24), (100, 30), (200, 50)] {
        let world = world(size);
        let mut screen = History::new("flag", "checkout".to_owned(), None);
        screen.on(&world, &Event::Opened);
        let evil = item(
            3,
            "2026-11-22T14:02:31Z",
            "change",
            "a\\u001b[2J\\u202eb\\nc",
            "staging",
            "{}",
            r#"{"x":"\u0007\u200b"}"#,
        )
        .replace("user:alice", "user:\\u001b]0;x\\u0007");
        answer(&world, &mut screen, 1, &[evil], "null");
        let mut all = text(&world, &screen).join("");
        press(&world, &mut screen, "history.open");
        all.push_str(&text(&world, &screen).join(""));
        for what in ["row", "report", "table"] {
            all.push_str(&screen.copy(&world, what).unwrap().replace(['\n', '\t'], ""));
        }
        assert!(all.contains("\\u{202e}"), "{size:?}: {all}");
        assert!(
            !all.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'),
            "{size:?}: {all}"
        );
    }
}
