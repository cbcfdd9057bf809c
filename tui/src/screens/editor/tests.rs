//! Tests of the editor: events in, wishes and drafts out, and what is seen.

use super::*;
use crate::cache::Heard;
use crate::effect::{Draft, Effect};
use crate::guard::Policy;
use crate::key::{Code as Key, Press};
use crate::message::Edited;
use crate::request::{Answer, Failure, Problem};
use crate::screens::Tone;
use crate::theme::{Depth, Theme};
use crate::world::Link;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::parse;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 14:01:58 UTC);
const VALUE: &str = r#"{"enabled":true,"maxAttempts":5,"backoff":{"initialMs":200,"factor":2.0,"jitter":false},"retryOn":["timeout","5xx"]}"#;
const SCHEMA: &str = r#"{"type":"object","properties":{"enabled":{"type":"boolean"},
    "maxAttempts":{"type":"integer","minimum":0,"maximum":10,"default":3,"description":"Tries per payment, incl. the first. Above 5 pages finance."},
    "backoff":{"type":"object","required":["maxMs"],"properties":{"initialMs":{"type":"integer"},"factor":{"type":"number"},"jitter":{"type":"boolean"},"maxMs":{"type":"integer"}}}}}"#;
const CONFIG: &str = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1,"rules":[{"id":"a","variation":1,"clauses":[]}]}"#;

fn world(size: (u16, u16)) -> World {
    let mut world = crate::scenery::bare(NOW, size, Policy::Never);
    let environments = r#"{"items":[{"key":"staging","order":1},{"key":"prod","order":2,"protected":true}]}"#;
    world.cache.environments_page(&parse(environments).unwrap());
    world.link = Link::Live;
    world.environment = "prod".to_owned();
    world
}

fn config() -> Document {
    Document::Config { flag: "pay".to_owned(), environment: "prod".to_owned() }
}

fn answer(body: &str) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, etag: None, revision: Some(48), stale: false, body: parse(body).unwrap() })
}

fn give(editor: &mut Editor, world: &World, tag: u32, body: &str) -> Vec<Do> {
    editor.on(world, &Event::Answer { tag, outcome: &answer(body) })
}

fn opened(world: &World) -> Editor {
    let mut editor = Editor::new(config(), world);
    editor.on(world, &Event::Opened);
    give(&mut editor, world, DOCUMENT, &format!(r#"{{"config":{CONFIG},"revision":40,"updatedBy":"eve"}}"#));
    editor
}

/// The editor of a variation with a schema.
fn variation(world: &World) -> Editor {
    let mut editor = Editor::new(Document::Variation { flag: "pay".to_owned(), index: 1 }, world);
    let body = format!(
        r#"{{"variations":[{{"value":0}},{{"value":{VALUE}}}],"valueSchema":{SCHEMA},"revision":40}}"#
    );
    give(&mut editor, world, DOCUMENT, &body);
    editor
}

fn press(editor: &mut Editor, world: &World, code: Key) -> Vec<Do> {
    editor.on(world, &Event::Key(Press::new(code)))
}

fn typed(editor: &mut Editor, world: &World, text: &str) -> Vec<Do> {
    text.chars().flat_map(|c| editor.on(world, &Event::Key(Press::char(c)))).collect()
}

/// Puts the cursor behind the first place of `text`.
fn behind(editor: &mut Editor, text: &str) {
    let at = editor.code.text().find(text).unwrap() + text.len();
    editor.code.go(at);
}

fn seen(editor: &Editor, world: &World) -> Vec<String> {
    let theme = Theme::builtin("default", Depth::Mono).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, world.size.0, world.size.1 - 2));
    let area = buffer.area;
    let mut canvas = Canvas::new(&mut buffer, &theme, area);
    editor.view(world, &mut canvas);
    assert!(!editor.ready() || canvas.finish().cursor.is_some() || matches!(editor.pane, Pane::Diff(_)));
    (0..area.height)
        .map(|y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
        .collect()
}

fn drafts(wanted: &[Do]) -> Vec<&Draft> {
    wanted.iter().filter_map(|want| if let Do::Draft(draft) = want { Some(&**draft) } else { None }).collect()
}

#[test]
fn the_document_and_its_likes_in_other_environments_are_read_once() {
    let mut world = world((80, 24));
    let mut editor = Editor::new(config(), &world);
    let asked = |wanted: Vec<Do>| -> Vec<String> {
        wanted
            .into_iter()
            .map(|want| if let Do::Ask(_, read) = want { read.request().path.clone() } else { String::new() })
            .collect()
    };
    assert_eq!(
        asked(editor.on(&world, &Event::Opened)),
        ["/api/flags/pay/config/prod", "/api/flags/pay/config/staging"]
    );
    let kept = give(&mut editor, &world, ELSEWHERE, r#"{"config":{"on":false}}"#);
    assert!(
        matches!(&kept[..], [Do::KeepConfig(flag, environment, _)] if flag == "pay" && environment == "staging")
    );
    world.cache.configs.insert(("pay".to_owned(), "staging".to_owned()), Json::Null);
    let mut again = Editor::new(config(), &world);
    assert_eq!(asked(again.on(&world, &Event::Opened)), ["/api/flags/pay/config/prod"]);
}

#[test]
fn a_wrong_word_is_said_under_its_line_and_its_correction_is_one_key() {
    let world = world((80, 24));
    let mut editor = variation(&world);
    behind(&mut editor, "\"jitter\": false");
    for _ in 0..5 {
        press(&mut editor, &world, Key::Backspace);
    }
    typed(&mut editor, &world, "tru");
    let rows = seen(&editor, &world);
    assert!(rows[0].starts_with(" Edit pay variation 1"), "{rows:#?}");
    assert!(rows[0].contains("1 error  modified"), "{rows:#?}");
    assert_eq!(rows[7], "    7     \"jitter\": tru");
    assert!(rows[8].starts_with("!                   ^^^ a JSON value is expected here"), "{rows:#?}");
    assert!(rows[20].starts_with("-- /backoff/jitter : boolean "), "{rows:#?}");
    assert!(
        rows[21].starts_with(" ! line 7: a JSON value") && rows[21].ends_with("ctrl-t: write true"),
        "{rows:#?}"
    );
    // The review goes to the error instead.
    editor.code.go(0);
    let wanted = editor.on(&world, &Event::Action("editor.review"));
    assert!(wanted.iter().all(|want| !matches!(want, Do::Wish(_))), "{wanted:?}");
    assert_eq!(&editor.code.text()[editor.code.at()..][..3], "tru");
    editor.on(&world, &Event::Action("editor.fix"));
    assert!(editor.code.text().contains("\"jitter\": true"));
    assert!(editor.faults().is_empty());
}

#[test]
fn beside_a_wide_text_stands_what_the_schema_and_other_environments_say() {
    let mut world = world((100, 30));
    let mut editor = variation(&world);
    behind(&mut editor, "\"maxAttempts\": ");
    let rows = seen(&editor, &world).join("\n");
    for part in [
        "| maxAttempts  integer 0..10",
        "|   default 3",
        "|   Tries per payment, incl. the",
        "| ALLOWED HERE",
        "path  /maxAttempts",
        "Ln 3, Col 18   10 lines, 155 bytes",
    ] {
        assert!(rows.contains(part), "{part}\n{rows}");
    }
    world.cache.configs.insert(
        ("pay".to_owned(), "staging".to_owned()),
        parse(r#"{"config":{"fallthrough":{"variation":7}}}"#).unwrap(),
    );
    let mut editor = opened(&world);
    behind(&mut editor, "\"variation\": ");
    let rows = seen(&editor, &world).join("\n");
    assert!(rows.contains("OTHER ENVIRONMENTS (this path)") && rows.contains("staging  7"), "{rows}");
    world.size = (80, 24);
    let rows = seen(&editor, &world);
    assert!(rows[20].contains("/fallthrough/variation : integer from 0 -- staging 7"), "{rows:#?}");
}

#[test]
fn a_missing_member_is_put_in_and_a_value_is_chosen() {
    let world = world((100, 30));
    let mut editor = variation(&world);
    behind(&mut editor, "\"factor\": ");
    editor.on(&world, &Event::Action("editor.complete"));
    assert!(editor.code.text().contains("\"jitter\": false,\n    \"maxMs\": 0\n"), "{}", editor.code.text());
    behind(&mut editor, "\"enabled\": ");
    editor.on(&world, &Event::Action("editor.complete"));
    assert!(editor.code.text().contains("\"enabled\": false,"), "{}", editor.code.text());
    let mut editor = opened(&world);
    behind(&mut editor, "{");
    editor.on(&world, &Event::Action("editor.complete"));
    let rows = seen(&editor, &world).join("\n");
    assert!(rows.contains("-- insert ---") && rows.contains("> \"prerequisites\""), "{rows}");
    press(&mut editor, &world, Key::Down);
    press(&mut editor, &world, Key::Enter);
    assert!(editor.code.text().ends_with("],\n  \"targets\": []\n}"), "{}", editor.code.text());
}

#[test]
fn the_change_is_wished_for_with_the_text_as_it_was_written() {
    let world = world((80, 24));
    let mut editor = opened(&world);
    behind(&mut editor, "\"variation\": 0");
    typed(&mut editor, &world, ".0");
    let wanted = editor.on(&world, &Event::Action("editor.review"));
    let wish =
        wanted.iter().find_map(|want| if let Do::Wish(wish) = want { Some(wish) } else { None }).unwrap();
    let body = wish.request.body.as_ref().unwrap().to_text();
    assert!(
        body.contains(r#""op":"replaceConfig""#) && body.contains(r#""fallthrough":{"variation":0.0}"#),
        "{body}"
    );
    assert_eq!((wish.base_revision, wish.review), (Some(48), true));
    let edit = wish.edit.as_ref().unwrap();
    assert_eq!((edit.text.as_str(), edit.base_revision), (editor.code.text(), 48));
    // What was typed is kept before anything is asked.
    assert!(matches!(drafts(&wanted)[..], [draft] if draft.text == editor.code.text()));
}

#[test]
fn another_layout_is_no_change_and_is_not_saved() {
    let world = world((80, 24));
    let mut editor = opened(&world);
    behind(&mut editor, "{");
    press(&mut editor, &world, Key::Enter);
    let wanted = editor.on(&world, &Event::Action("editor.review"));
    assert!(
        wanted.contains(&Do::Toast(
            Tone::Info,
            "no value change: only the layout differs, nothing is saved".to_owned()
        )),
        "{wanted:?}"
    );
    assert!(wanted.iter().all(|want| !matches!(want, Do::Wish(_))));
    editor.on(&world, &Event::Action("editor.format"));
    assert!(!editor.modified());
}

#[test]
fn drafts_are_kept_four_times_a_second_and_the_last_key_is_never_lost() {
    let mut world = world((80, 24));
    let mut editor = opened(&world);
    assert_eq!(editor.ticks(&world), None);
    let wanted = typed(&mut editor, &world, "a");
    assert!(matches!(drafts(&wanted)[..], [draft] if draft.base_revision == 48));
    world.now += time::Duration::milliseconds(100);
    assert!(drafts(&typed(&mut editor, &world, "b")).is_empty());
    let wait = editor.ticks(&world).unwrap();
    assert!(wait <= DRAFTS, "{wait:?}");
    world.now += time::Duration::milliseconds(150);
    let wanted = editor.on(&world, &Event::Tick);
    assert!(matches!(drafts(&wanted)[..], [draft] if draft.text == editor.code.text()), "{wanted:?}");
    world.now += time::Duration::milliseconds(10);
    typed(&mut editor, &world, "c");
    let wanted = editor.on(&world, &Event::Action("editor.close"));
    assert!(matches!(drafts(&wanted)[..], [draft] if draft.text.starts_with("abc{")), "{wanted:?}");
    assert_eq!(wanted.last(), Some(&Do::Back));
}

#[test]
fn a_text_that_is_again_as_it_was_needs_no_draft() {
    let mut world = world((80, 24));
    let mut editor = opened(&world);
    typed(&mut editor, &world, "a");
    world.now += time::Duration::seconds(1);
    let wanted = editor.on(&world, &Event::Action("editor.undo"));
    assert!(wanted.contains(&Do::DropDraft(config())), "{wanted:?}");
}

#[test]
fn the_title_tells_whether_the_draft_is_on_disk() {
    let mut world = world((80, 24));
    let mut editor = opened(&world);
    let wanted = typed(&mut editor, &world, "a");
    let draft = drafts(&wanted)[0].clone();
    world.drafts.insert(config(), draft);
    world.unsaved.insert(config(), String::new());
    assert!(seen(&editor, &world)[0].contains("saving draft"));
    world.unsaved.remove(&config());
    assert!(seen(&editor, &world)[0].ends_with("draft saved 14:01:58"), "{:?}", seen(&editor, &world)[0]);
    world.unsaved.insert(config(), "no space left on device".to_owned());
    assert!(seen(&editor, &world)[0].contains("draft NOT on disk: no space left"));
}

fn kept(text: &str, base: &str) -> Draft {
    Draft {
        document: config(),
        text: text.to_owned(),
        base: base.to_owned(),
        base_revision: 44,
        saved_at: NOW - time::Duration::minutes(3),
    }
}

#[test]
fn a_draft_is_resumed_and_thrown_away_by_two_presses() {
    let mut world = world((80, 24));
    let pretty = shared::json::pretty(&parse(CONFIG).unwrap());
    world.drafts.insert(config(), kept("{ half", &pretty));
    let mut editor = opened(&world);
    assert_eq!(editor.code.text(), "{ half");
    assert_eq!(seen(&editor, &world)[1], " this is your draft of 3m ago; ctrl-d throws it away");
    let first = editor.on(&world, &Event::Action("editor.discard"));
    assert!(matches!(&first[..], [Do::Toast(Tone::Warn, _)]), "{first:?}");
    let second = editor.on(&world, &Event::Action("editor.discard"));
    assert!(second.contains(&Do::DropDraft(config())), "{second:?}");
    world.drafts.clear();
    give(&mut editor, &world, DOCUMENT, &format!(r#"{{"config":{CONFIG}}}"#));
    assert_eq!(editor.code.text(), pretty);
}

#[test]
fn a_draft_of_another_version_is_settled_with_it_first() {
    let mut world = world((80, 24));
    world.drafts.insert(config(), kept(r#"{"on":false}"#, r#"{"on":true}"#));
    let mut editor = Editor::new(config(), &world);
    let wanted = give(&mut editor, &world, DOCUMENT, &format!(r#"{{"config":{CONFIG}}}"#));
    match &wanted[..] {
        [Do::Replace(Route::Conflict { base, ours, base_revision, .. })] => {
            assert_eq!(
                (base.to_text().as_str(), ours.to_text().as_str()),
                (r#"{"on":true}"#, r#"{"on":false}"#)
            );
            assert_eq!(*base_revision, 44);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_daemon_is_asked_after_a_pause_and_its_faults_stand_at_their_lines() {
    let mut world = world((80, 24));
    let mut editor = opened(&world);
    behind(&mut editor, "\"offVariation\": ");
    typed(&mut editor, &world, "7");
    world.now += time::Duration::milliseconds(500);
    let asks = |wanted: &[Do]| wanted.iter().any(|want| matches!(want, Do::Ask(PLAN, _)));
    assert!(!asks(&editor.on(&world, &Event::Tick)));
    world.now += time::Duration::milliseconds(150);
    let wanted = editor.on(&world, &Event::Tick);
    let Some(Do::Ask(PLAN, read)) = wanted.last() else { panic!("{wanted:?}") };
    assert_eq!(read.request().path, "/api/change-sets?baseRevision=48&dryRun=true");
    let body =
        r#"{"errors":[{"pointer":"/mutations/0/config/offVariation","detail":"there is no variation 71"}]}"#;
    let refused = |body: &str| {
        Err(Failure::Refused(Box::new(Problem {
            status: 422,
            kind: "invalid".to_owned(),
            detail: String::new(),
            instance: String::new(),
            retry_after: None,
            body: parse(body).unwrap(),
        })))
    };
    editor.on(&world, &Event::Answer { tag: PLAN, outcome: &refused(body) });
    let rows = seen(&editor, &world);
    assert!(rows[0].contains("1 error"), "{rows:#?}");
    assert_eq!(rows[7], "!                       ^^ there is no variation 71", "{rows:#?}");
    // An answer about a text that is no longer there says nothing.
    typed(&mut editor, &world, "1");
    editor.on(&world, &Event::Answer { tag: PLAN, outcome: &refused(body) });
    assert!(editor.faults().is_empty());
}

#[test]
fn a_change_by_somebody_else_is_told_at_once() {
    let mut world = world((80, 24));
    let mut editor = opened(&world);
    typed(&mut editor, &world, "x");
    let message = r#"{"type":"revision","revision":51,"at":"2026-11-22T14:01:18Z","actor":"bob","changes":[
        {"action":"updated","entity":{"kind":"config","key":"pay","environment":"prod"},"after":{"document":{"on":false}}}]}"#;
    let heard: Heard = world.cache.hear(&parse(message).unwrap());
    editor.on(&world, &Event::Heard(&heard));
    assert_eq!(seen(&editor, &world)[1], " ! bob changed this 40s ago (rev 51): review will merge");
    // The same of another environment is no news.
    let mut other = opened(&world);
    let elsewhere: Heard = world.cache.hear(&parse(&message.replace("prod", "staging")).unwrap());
    other.on(&world, &Event::Heard(&elsewhere));
    assert!(other.news.is_none());
}

#[test]
fn what_the_other_editor_leaves_goes_to_review_and_no_further() {
    let world = world((80, 24));
    let mut editor = opened(&world);
    let wanted = editor.on(&world, &Event::Action("editor.external"));
    assert!(matches!(&wanted[..], [Do::Effect(Effect::Edit { text, .. })] if text == editor.code.text()));
    let changed = Edited::Text(editor.code.text().replace("true", "false"));
    let wanted = editor.on(&world, &Event::Edited(&config(), &changed));
    assert!(matches!(wanted.last(), Some(Do::Wish(_))), "{wanted:?}");
    let broken = Edited::Text("{ \"on\": ".to_owned());
    let wanted = editor.on(&world, &Event::Edited(&config(), &broken));
    assert!(wanted.iter().all(|want| !matches!(want, Do::Wish(_))), "{wanted:?}");
    assert_eq!(editor.code.text(), "{ \"on\": ");
    editor.on(&world, &Event::Action("editor.undo"));
    assert!(editor.code.text().contains("false"));
}

#[test]
fn a_text_that_is_too_large_is_for_another_editor() {
    let world = world((80, 24));
    let mut editor = Editor::new(config(), &world);
    let values = (0..5_100).map(|n| format!("{{\"k\":{n}}}")).collect::<Vec<_>>().join(",");
    let wanted = give(&mut editor, &world, DOCUMENT, &format!(r#"{{"config":{{"values":[{values}]}}}}"#));
    assert!(matches!(&wanted[..], [Do::Effect(Effect::Edit { .. })]), "opens $EDITOR");
    assert!(
        seen(&editor, &world)[2].contains("too large to be edited here: 15,304 lines; 5,000 are the most")
    );
    let small = Edited::Text("{\"on\": true}".to_owned());
    let wanted = editor.on(&world, &Event::Edited(&config(), &small));
    assert!(matches!(wanted.last(), Some(Do::Wish(_))), "{wanted:?}");
    assert!(editor.ready());
}

#[test]
fn words_are_found_and_the_difference_is_shown() {
    let world = world((80, 24));
    let mut editor = opened(&world);
    editor.on(&world, &Event::Action("editor.find"));
    typed(&mut editor, &world, "variation");
    let first = editor.code.at();
    press(&mut editor, &world, Key::Enter);
    assert!(editor.code.at() > first);
    assert!(seen(&editor, &world)[21].starts_with(" find  variation"));
    editor.on(&world, &Event::Action("editor.close"));
    behind(&mut editor, "\"on\": ");
    editor.code.replace(editor.code.at()..editor.code.at() + 4, "false");
    editor.changed(&world);
    editor.on(&world, &Event::Action("editor.diff"));
    let rows = seen(&editor, &world);
    assert!(rows[1].starts_with("-- 1 changed path since rev 48 ---"), "{rows:#?}");
    assert_eq!(rows[2], "  ~ /on  true -> false");
    assert_eq!(editor.on(&world, &Event::Action("editor.close")), [], "closes the difference first");
}

#[test]
fn the_keys_of_vi_move_and_edit_and_its_lines_review_and_leave() {
    let mut world = world((80, 24));
    world.settings.editor_keys = "vim".to_owned();
    let mut editor = opened(&world);
    let before = editor.code.text().to_owned();
    assert!(seen(&editor, &world)[0].ends_with("NORMAL"));
    typed(&mut editor, &world, "jdd");
    assert_eq!(editor.code.text(), before.replace("  \"on\": true,\n", ""));
    typed(&mut editor, &world, "uGk$");
    assert_eq!((editor.code.text(), editor.code.place().0), (before.as_str(), 12));
    typed(&mut editor, &world, "gglix");
    assert!(seen(&editor, &world)[0].ends_with("INSERT"));
    editor.on(&world, &Event::Action("editor.close"));
    assert_eq!(editor.code.text(), before.replacen('{', "{x", 1));
    typed(&mut editor, &world, "u:w");
    let wanted = press(&mut editor, &world, Key::Enter);
    assert!(
        wanted.iter().any(|w| matches!(w, Do::Toast(_, said) if said.contains("no value change"))),
        "{wanted:?}"
    );
    typed(&mut editor, &world, ":q");
    assert!(press(&mut editor, &world, Key::Enter).contains(&Do::Back));
}

#[test]
fn no_key_of_the_editor_types_a_character() {
    for action in ACTIONS {
        for keys in action.keys {
            let press: Press = keys.parse().unwrap();
            assert_eq!(press.typed(), None, "{}", action.id);
        }
    }
}

fn event() -> impl Strategy<Value = (u8, Press, String)> {
    let code = prop_oneof![
        any::<char>().prop_map(Key::Char),
        prop::sample::select(vec!['{', '}', '"', ':', ',', '1', ' ', '\u{200d}', '漢']).prop_map(Key::Char),
        prop::sample::select(vec![
            Key::Enter,
            Key::Tab,
            Key::BackTab,
            Key::Backspace,
            Key::Delete,
            Key::Left,
            Key::Right,
            Key::Up,
            Key::Down,
            Key::Home,
            Key::End,
            Key::PageUp,
            Key::PageDown,
        ]),
    ];
    (0_u8..40, code, any::<bool>(), any::<bool>(), "\\PC{0,8}|[\\[\\]{}:,\"a1\\n ]{0,12}").prop_map(
        |(kind, code, ctrl, burst, text)| (kind, Press { code, ctrl, alt: false, shift: false, burst }, text),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn any_keys_pastes_and_actions_are_survived_and_the_draft_is_the_text(
        events in prop::collection::vec(event(), 0..40),
        vim in any::<bool>(),
        small in any::<bool>(),
    ) {
        let mut world = world(if small { (60, 15) } else { (100, 30) });
        if vim {
            world.settings.editor_keys = "vim".to_owned();
        }
        let mut editor = variation(&world);
        for (kind, press, text) in events {
            world.now += time::Duration::milliseconds(i64::from(kind) * 20);
            let wanted = match kind {
                0..=9 => editor.on(&world, &Event::Paste(&text)),
                10..=19 => {
                    let action = ACTIONS[usize::from(kind - 10) % ACTIONS.len()].id;
                    editor.on(&world, &Event::Action(action))
                }
                20..=22 => editor.on(&world, &Event::Mouse(u16::from(kind) * 3, u16::from(kind) - 18, 0)),
                23 => editor.on(&world, &Event::Edited(&editor.document.clone(), &Edited::Text(text))),
                _ => editor.on(&world, &Event::Key(press)),
            };
            for draft in drafts(&wanted) {
                prop_assert_eq!(&draft.text, editor.code.text());
                world.drafts.insert(draft.document.clone(), draft.clone());
            }
            if wanted.iter().any(|want| matches!(want, Do::DropDraft(_))) {
                world.drafts.remove(&editor.document);
            }
            if matches!(editor.stage, Stage::Loading) {
                world.drafts.clear();
                editor = variation(&world);
            }
            seen(&editor, &world);
        }
        world.now += time::Duration::seconds(1);
        let wanted = editor.on(&world, &Event::Tick);
        for draft in drafts(&wanted) {
            world.drafts.insert(draft.document.clone(), draft.clone());
        }
        // What is on disk is what is on the screen, but for a text that is as the document is.
        if let (Some(draft), true) = (world.drafts.get(&editor.document), editor.modified()) {
            prop_assert_eq!(&draft.text, editor.code.text());
        }
        prop_assert!(!editor.modified() || world.drafts.contains_key(&editor.document));
    }
}
