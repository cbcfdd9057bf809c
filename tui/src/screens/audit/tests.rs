//! The feed as somebody sees it: what comes, what stays where it is, what is asked.

use super::screen::Audit;
use crate::cache::events::{KEPT, Line};
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::guard::{Guard, Policy};
use crate::key::{Code, Press};
use crate::request::{Answer, Failure};
use crate::route::Route;
use crate::screens::{Do, Event, Mode, Screen};
use crate::theme::{Depth, Theme};
use crate::world::{Link, Settings, World};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::{Json, parse};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const T: OffsetDateTime = datetime!(2026-11-22 14:00 UTC);

fn world(size: (u16, u16)) -> World {
    let guard = Guard::new(Policy::Protected, false, Duration::minutes(10), T);
    let mut world = World::new(T + Duration::hours(1), size, guard, Settings::default());
    world.link = Link::Live;
    world.cache.environments_page(
        &parse(r#"{"items":[{"key":"staging","order":1},{"key":"production","order":2,"protected":true}]}"#)
            .unwrap(),
    );
    world.cache.flags_page(
        &parse(r#"{"items":[{"key":"checkout","kind":"boolean","variations":[{"value":true},{"value":false}]}]}"#)
            .unwrap(),
        true,
    );
    world
}

/// A `revision` message as the feed sends it: one configuration turned on or off.
fn toggled(revision: u64, seconds: i64, actor: &str, flag: &str, environment: &str, on: bool) -> String {
    let at = (T + Duration::seconds(seconds)).format(&time::format_description::well_known::Rfc3339).unwrap();
    let word = if on { "turned-on" } else { "turned-off" };
    format!(
        r#"{{"type":"revision","revision":{revision},"epoch":1,"position":"1.{revision}","at":"{at}","kind":"change",
        "actor":"user:{actor}","comment":null,"source":"api","changes":[{{"entity":{{"kind":"config","id":"x","key":"{flag}",
        "project":"default","environment":"{environment}"}},"action":"{word}",
        "before":{{"version":1,"document":{{"on":{},"fallthrough":{{"variation":0}}}}}},
        "after":{{"version":2,"document":{{"on":{on},"fallthrough":{{"variation":0}}}}}}}}]}}"#,
        !on
    )
}

fn hear(world: &mut World, screen: &mut Audit, message: &str) -> Vec<Do> {
    let heard = world.cache.hear(&parse(message).unwrap());
    screen.on(world, &Event::Heard(&heard))
}

fn press(world: &World, screen: &mut Audit, id: &'static str) -> Vec<Do> {
    screen.on(world, &Event::Action(id))
}

fn text(world: &World, screen: &Audit) -> Vec<String> {
    let (columns, rows) = (world.size.0, world.size.1 - 2);
    let theme = Theme::builtin("default", Depth::Mono).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    let area = *buffer.area();
    screen.view(world, &mut Canvas::new(&mut buffer, &theme, area));
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| row(y).trim_end().to_owned()).collect()
}

fn selected(world: &World, screen: &Audit) -> (usize, String) {
    let seen = text(world, screen);
    let found = seen.iter().enumerate().find(|(_, row)| row.starts_with(" >"));
    found.map(|(y, row)| (y, row.clone())).unwrap_or_else(|| panic!("nothing is selected: {seen:#?}"))
}

fn opened(world: &World, filter: &str) -> Audit {
    let mut screen = Audit::new(filter.to_owned());
    screen.on(world, &Event::Opened);
    screen
}

fn answer(world: &World, screen: &mut Audit, tag: u32, body: &str) -> Vec<Do> {
    let body = parse(body).unwrap();
    let outcome: Result<Answer, Failure> =
        Ok(Answer { status: 200, etag: None, revision: None, stale: false, body });
    screen.on(world, &Event::Answer { tag, outcome: &outcome })
}

/// A page of `GET /api/audit`: the revisions from `from` down to `to`, one line each.
fn page(from: u64, to: u64, next: Option<&str>) -> String {
    let item = |n: u64| {
        let message = parse(&toggled(
            n,
            i64::try_from(n).unwrap() * 60,
            "alice",
            &format!("flag-{n}"),
            "staging",
            true,
        ));
        let mut message = message.unwrap();
        let changes = message.remove("changes").unwrap();
        let first = changes.as_array().unwrap()[0].clone();
        for (name, value) in first.as_object().unwrap() {
            message.set(name, value.clone());
        }
        message.set("ordinal", Json::from(0usize));
        message
    };
    let items: Vec<Json> = (to..=from).rev().map(item).collect();
    let next = next.map_or(Json::Null, Json::from);
    [("items", Json::Array(items)), ("nextCursor", next)].into_iter().collect::<Json>().to_text()
}

#[test]
fn the_first_page_is_asked_for_and_shown_oldest_first_with_the_newest_selected() {
    let world = world((80, 24));
    let mut screen = Audit::new(String::new());
    assert_eq!(screen.on(&world, &Event::Opened), [Do::Ask(1, Read::get("/api/audit?limit=100"))]);
    let wants = answer(&world, &mut screen, 1, &page(3, 1, None));
    assert!(matches!(wants.as_slice(), [Do::KeepLines(lines)] if lines.len() == 3));
    assert_eq!(
        text(&world, &screen)[..9],
        [
            " Audit feed                                                  FOLLOWING  3 lines",
            "   the history begins here",
            " - 14:00 ----------------------------------------------------------------------",
            "   14:01:00 staging    alice     flag.turned-on    flag-1",
            "            off -> on",
            "   14:02:00 staging    alice     flag.turned-on    flag-2",
            "            off -> on",
            " > 14:03:00 staging    alice     flag.turned-on    flag-3",
            "            off -> on",
        ]
    );
}

#[test]
fn wide_rows_have_columns_a_comment_below_and_the_details_of_the_selected_one() {
    let mut world = world((100, 30));
    let mut screen = opened(&world, "");
    hear(&mut world, &mut screen, &toggled(1, 0, "alice", "checkout", "staging", true));
    let why = toggled(2, 63, "bob", "checkout", "production", false)
        .replace("\"comment\":null", "\"comment\":\"p99 > 800ms\"");
    hear(&mut world, &mut screen, &why);
    let seen = text(&world, &screen);
    assert_eq!(seen[1], "   TIME UTC ENV        ACTOR     ACTION           TARGET                CHANGE");
    assert_eq!(seen[4], "   14:00:00 staging    alice     flag.turned-on   checkout              off -> on");
    assert_eq!(seen[5], " > 14:01:03 production bob       flag.turned-off  checkout              on -> off");
    assert_eq!(seen[6], "            'p99 > 800ms'");
    assert!(seen[24].starts_with("-- rev 2  user:bob  via api ----"), "{}", seen[24]);
    assert!(seen[24].ends_with(" Sun 22 Nov --"), "{}", seen[24]);
    assert_eq!(seen[25], "  ~ /on  true -> false");
}

#[test]
fn five_thousand_events_while_paused_move_no_row() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    for n in 1..=40 {
        hear(&mut world, &mut screen, &toggled(n, 20 * n as i64, "alice", "checkout", "staging", n % 2 == 0));
    }
    for _ in 0..5 {
        press(&world, &mut screen, "move.up");
    }
    let before = text(&world, &screen);
    let at = selected(&world, &screen);
    assert!(at.1.contains("14:11:40"), "{at:?}");
    for n in 41..=5_040u64 {
        let place = if n % 5 == 0 { "production" } else { "staging" };
        hear(&mut world, &mut screen, &toggled(n, 20 * n as i64, "bob", "checkout", place, n % 2 == 0));
    }
    assert_eq!(selected(&world, &screen), at);
    let after = text(&world, &screen);
    assert_eq!(after[1..], before[1..]);
    assert_eq!(after[0], " Audit feed                            PAUSED at 15:00:00  +5,000 new  p resume");
    world.size = (100, 30);
    screen.on(&world, &Event::Returned);
    let wide = text(&world, &screen)[0].clone();
    assert!(wide.contains("+5,000 new (production 1,000, staging 4,000)  p resume"), "{wide}");
    assert!(selected(&world, &screen).1.contains("14:11:40"));
    press(&world, &mut screen, "audit.pause");
    assert!(selected(&world, &screen).1.contains("bob"));
    assert!(text(&world, &screen)[0].contains("FOLLOWING  5,040 lines"));
}

#[test]
fn what_fell_out_of_memory_is_said_and_read_again_from_the_daemon() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    for n in 1..=(KEPT as u64 + 412) {
        hear(&mut world, &mut screen, &toggled(n, 20 * n as i64, "bob", "checkout", "staging", n % 2 == 0));
    }
    // The first page, asked for when it was opened, has nothing older.
    answer(&world, &mut screen, 1, r#"{"items":[],"nextCursor":"1.413.0"}"#);
    let wants = press(&world, &mut screen, "move.first");
    assert_eq!(wants, [Do::Ask(1, Read::get("/api/audit?limit=100&cursor=1.413.0"))]);
    answer(&world, &mut screen, 1, &page(412, 313, Some("1.313.0")));
    assert!(selected(&world, &screen).1.contains("bob"), "the selected row stays");
    for _ in 0..100 {
        press(&world, &mut screen, "move.up");
    }
    screen.0.asking = false;
    assert_eq!(
        text(&world, &screen)[1],
        "   312 older lines dropped from memory: up loads them from the daemon"
    );
}

#[test]
fn a_long_pause_beyond_what_is_kept_is_no_hole_in_the_history() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    hear(&mut world, &mut screen, &toggled(1, 0, "alice", "checkout", "staging", true));
    press(&world, &mut screen, "audit.pause");
    for n in 2..=(KEPT as u64 + 11) {
        hear(&mut world, &mut screen, &toggled(n, 20 * n as i64, "bob", "checkout", "staging", n % 2 == 0));
    }
    assert!(selected(&world, &screen).1.contains("alice"));
    press(&world, &mut screen, "audit.pause");
    screen.0.asking = false;
    press(&world, &mut screen, "move.first");
    assert!(selected(&world, &screen).1.contains("bob"));
    assert_eq!(screen.0.feed.dropped, 11);
    assert_eq!(screen.0.feed.oldest().unwrap().revision, 12);
}

#[test]
fn the_same_thing_changed_again_within_ten_seconds_is_one_row_with_a_count() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    for (n, on) in [(1, true), (2, false), (3, true)] {
        hear(&mut world, &mut screen, &toggled(n, 5 * n as i64, "alice", "checkout", "staging", on));
    }
    hear(&mut world, &mut screen, &toggled(4, 40, "alice", "checkout", "staging", false));
    hear(&mut world, &mut screen, &toggled(5, 42, "alice", "checkout", "staging", true));
    let seen = text(&world, &screen);
    assert_eq!(seen[3], "   14:00:15 staging    alice     flag.turned-on    checkout x3");
    assert_eq!(seen[4], "            off -> on");
    assert_eq!(seen[5], " > 14:00:42 staging    alice     flag.turned-on    checkout x2");
    assert_eq!(seen[6], "            as before");
}

#[test]
fn a_change_set_is_one_row_and_its_diff_has_all_of_it() {
    let mut world = world((100, 30));
    let mut screen = opened(&world, "");
    let entity = |kind: &str, key: &str, environment: &str, after: &str| {
        format!(
            r#"{{"entity":{{"kind":"{kind}","key":"{key}","environment":{environment}}},"action":"created","before":null,"after":{after}}}"#
        )
    };
    let message = format!(
        r#"{{"type":"revision","revision":7,"at":"2026-11-22T14:00:00Z","kind":"change","actor":"user:erin","comment":null,"changes":[{},{},{}]}}"#,
        entity(
            "flag",
            "banner",
            "null",
            r#"{"kind":"boolean","variations":[{"value":true},{"value":false}]}"#
        ),
        entity("config", "banner", "\"staging\"", r#"{"document":{"on":false}}"#),
        entity("config", "banner", "\"production\"", r#"{"document":{"on":false}}"#),
    );
    hear(&mut world, &mut screen, &message);
    let seen = text(&world, &screen);
    assert_eq!(
        seen[4],
        " > 14:00:00 all        erin      flag.created     banner +2             created, boolean +1"
    );
    assert_eq!(seen[26], "    banner in staging: created, off");
    press(&world, &mut screen, "audit.open");
    let seen = text(&world, &screen);
    assert_eq!(seen[0].split("  ").next(), Some(" rev 7"));
    assert!(seen.iter().any(|row| row == "   config banner in production: created, off"), "{seen:#?}");
    assert!(seen.iter().any(|row| row == " +    2    \"on\": false"), "{seen:#?}");
}

#[test]
fn older_pages_come_before_and_the_selected_row_stays() {
    let world = world((80, 24));
    let mut screen = opened(&world, "");
    answer(&world, &mut screen, 1, &page(300, 201, Some("1.201.0")));
    let wants = press(&world, &mut screen, "move.first");
    assert_eq!(wants, [Do::Ask(1, Read::get("/api/audit?limit=100&cursor=1.201.0"))]);
    assert!(text(&world, &screen)[1].contains("reading older lines"));
    let at = selected(&world, &screen).1;
    assert!(at.contains("flag-201"), "{at}");
    let wants = answer(&world, &mut screen, 1, &page(200, 101, Some("1.101.0")));
    assert!(wants.is_empty(), "the ring is empty in this world: nothing joins on to it");
    assert_eq!(selected(&world, &screen).1, at);
    press(&world, &mut screen, "move.up");
    assert!(selected(&world, &screen).1.contains("flag-200"));
}

#[test]
fn a_filter_narrows_what_is_there_and_asks_for_more() {
    let world = world((80, 24));
    let mut screen = opened(&world, "");
    answer(&world, &mut screen, 1, &page(100, 1, Some("1.1.0")));
    press(&world, &mut screen, "audit.filter");
    assert_eq!(screen.mode(), Mode::Field);
    let mut wants = Vec::new();
    for c in "flag:flag-7*".chars() {
        wants = screen.on(
            &world,
            &Event::Key(Press { code: Code::Char(c), ctrl: false, alt: false, shift: false, burst: false }),
        );
    }
    assert_eq!(wants, [], "an older page is on its way already");
    let seen = text(&world, &screen);
    assert!(seen[0].contains("/ flag:flag-7*"), "{}", seen[0]);
    assert!(seen[0].contains("11 rows of 100 lines"), "{}", seen[0]);
    screen.on(&world, &Event::Action("global.escape"));
    assert_eq!(screen.mode(), Mode::Commands);
    press(&world, &mut screen, "global.escape");
    assert!(text(&world, &screen)[0].contains("100 lines"));
    assert_eq!(press(&world, &mut screen, "global.escape"), [Do::Back]);
}

#[test]
fn a_fault_stands_below_its_place_and_the_rows_stay() {
    let world = world((80, 24));
    let mut screen = opened(&world, "");
    answer(&world, &mut screen, 1, &page(3, 1, None));
    press(&world, &mut screen, "audit.filter");
    screen.on(&world, &Event::Paste("alice evn:x"));
    let seen = text(&world, &screen);
    assert_eq!(
        seen[1].trim_start(),
        "^ there is no term evn:; there are env actor flag action kind rev since"
    );
    assert!(seen.iter().any(|row| row.contains("flag-3")));
}

#[test]
fn only_this_flag_and_only_this_actor_are_put_into_the_filter() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    hear(&mut world, &mut screen, &toggled(1, 0, "alice", "checkout", "staging", true));
    hear(&mut world, &mut screen, &toggled(2, 60, "bob", "dark-mode", "staging", true));
    press(&world, &mut screen, "audit.this-flag");
    assert_eq!(screen.route(), Route::Audit { filter: "flag:dark-mode".to_owned() });
    press(&world, &mut screen, "audit.this-actor");
    assert_eq!(screen.route(), Route::Audit { filter: "flag:dark-mode actor:user:bob".to_owned() });
    assert!(text(&world, &screen)[0].contains("1 rows of 2 lines"));
    press(&world, &mut screen, "audit.this-flag");
    assert_eq!(screen.route(), Route::Audit { filter: "actor:user:bob".to_owned() });
}

#[test]
fn a_revert_asks_what_it_touches_and_is_reviewed() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    hear(&mut world, &mut screen, &toggled(9, 0, "alice", "checkout", "staging", true));
    assert_eq!(press(&world, &mut screen, "audit.revert"), [Do::Ask(3, Read::get("/api/revisions/9"))]);
    let wants = answer(&world, &mut screen, 3, &toggled(9, 0, "alice", "checkout", "staging", true));
    let [Do::Wish(wish)] = wants.as_slice() else { panic!("{} wants", wants.len()) };
    assert_eq!(wish.title, "revert revision 9: checkout in staging");
    assert_eq!(wish.touches[0].environment.as_deref(), Some("staging"));
    assert!(wish.review);
}

#[test]
fn hostile_text_is_escaped_in_every_row_and_in_what_is_copied() {
    let mut world = world((100, 30));
    let mut screen = opened(&world, "");
    let evil = toggled(1, 0, "a\\u001b[2Jb", "fl\\u202eag", "st\\u200bg", true)
        .replace("\"comment\":null", "\"comment\":\"x\\u001b]52;c;aGk=\\u0007\\ny\"");
    hear(&mut world, &mut screen, &evil);
    press(&world, &mut screen, "audit.mark");
    let mut all = text(&world, &screen).join("");
    press(&world, &mut screen, "audit.open");
    all.push_str(&text(&world, &screen).join(""));
    for what in ["row", "report", "table"] {
        all.push_str(&screen.copy(&world, what).unwrap().replace(['\n', '\t'], ""));
    }
    world.size = (60, 15);
    press(&world, &mut screen, "global.escape");
    all.push_str(&text(&world, &screen).join(""));
    assert!(all.contains("\\u{202e}"), "{all}");
    assert!(!all.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'), "{all}");
}

#[test]
fn what_came_without_the_feed_is_read_and_joins_on() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    answer(&world, &mut screen, 1, &page(10, 1, None));
    assert_eq!(screen.on(&world, &Event::Resynced), [Do::Ask(2, Read::get("/api/audit?limit=100"))]);
    // Something comes live before the page does.
    hear(&mut world, &mut screen, &toggled(15, 900, "alice", "flag-15", "staging", true));
    answer(&world, &mut screen, 2, &page(15, 5, Some("1.5.0")));
    let known: Vec<u64> = screen.0.feed.rows.iter().map(|row| row.head.revision).collect();
    assert_eq!(known, (1..=15).collect::<Vec<_>>());
    // Too much came: what is known before no longer joins on.
    screen.on(&world, &Event::Resynced);
    answer(&world, &mut screen, 2, &page(300, 201, Some("1.201.0")));
    assert_eq!(screen.0.feed.oldest().unwrap().revision, 201);
    assert!(!screen.0.feed.complete);
}

#[test]
fn a_report_is_a_timeline_of_the_marked_rows() {
    let mut world = world((80, 24));
    let mut screen = opened(&world, "");
    hear(&mut world, &mut screen, &toggled(1, 0, "alice", "checkout", "staging", true));
    hear(&mut world, &mut screen, &toggled(2, 60, "bob", "dark_mode", "production", false));
    press(&world, &mut screen, "audit.mark");
    assert!(text(&world, &screen)[0].contains("1 marked"));
    assert_eq!(
        screen.copy(&world, "report").unwrap(),
        "## Changes, 2026-11-22 14:01:00 to 2026-11-22 14:01:00 UTC\n\
         - 2026-11-22 14:01:00 UTC, rev 2: **dark\\_mode** production by user:bob: on -> off\n"
    );
}

#[test]
fn every_size_shows_the_selected_row() {
    for size in [(60, 15), (80, 24), (96, 20), (100, 30), (200, 50)] {
        let mut world = world(size);
        let mut screen = opened(&world, "");
        answer(&world, &mut screen, 1, &page(100, 1, None));
        for id in ["move.page-up", "move.half-up", "move.up", "move.half-down", "move.first", "move.last"] {
            press(&world, &mut screen, id);
            assert!(selected(&world, &screen).1.contains("flag-"), "{size:?} {id}");
        }
        world.settings.a11y = true;
        screen.on(&world, &Event::Returned);
        let said = selected(&world, &screen).1;
        assert!(said.starts_with(" > 15:40:00, staging, alice, flag turned-on, flag-100"), "{said}");
    }
}

#[test]
fn a_revision_that_a_page_cut_in_two_is_one_row() {
    let world = world((80, 24));
    let mut screen = opened(&world, "");
    let lines = |from: usize, to: usize| {
        let item = |n: usize| {
            format!(
                r#"{{"revision":5,"at":"2026-11-22T14:00:00Z","kind":"import","actor":"os:t","ordinal":{n},"entity":{{"kind":"flag","key":"f{n}"}},"action":"created","after":{{}}}}"#
            )
        };
        let items: Vec<String> = (to..=from).rev().map(item).collect();
        format!(r#"{{"items":[{}],"nextCursor":"x"}}"#, items.join(","))
    };
    answer(&world, &mut screen, 1, &lines(9, 5));
    answer(&world, &mut screen, 1, &lines(4, 0));
    assert_eq!(screen.0.feed.rows.len(), 1);
    let ordinals: Vec<u64> =
        screen.0.feed.rows[0].lines().map(|line: &std::sync::Arc<Line>| line.ordinal).collect();
    assert_eq!(ordinals, (0..10).collect::<Vec<_>>());
    assert!(selected(&world, &screen).1.contains("f0 +9"), "{:?}", selected(&world, &screen));
}
