//! The question why as a person uses it.

use super::asking::{GROUND, PLACES, TOLD, VARIED};
use super::state::{ROOM, Why};
use crate::effect::Effect;
use crate::key::Code;
use crate::message::Edited;
use crate::request::Failure;
use crate::route::Route;
use crate::scenery::{answer, drawn, json, keys, press, refusal, tell, text, world};
use crate::screens::{Do, Event, Mode, Screen};
use crate::world::World;

const TOLD_OFF: &str = r#"{"results":[{"key":"anna","flags":{"checkout":{"value":false,"variation":1,
    "reason":{"kind":"FALLTHROUGH"},"version":3,"because":{"revision":9,"at":"2026-11-22T03:00:00Z","actor":"user:alice"},
    "explanation":{"flag":"checkout","version":3,"on":true,"reason":{"kind":"FALLTHROUGH"},"variation":1,"value":false,
      "prerequisites":[{"key":"pay.3ds-v2","requiredVariation":0,"passed":true,"detail":"it serves variation 0",
        "explanation":{"flag":"pay.3ds-v2","version":1,"on":true,"variation":0,"reason":{"kind":"FALLTHROUGH"},
          "serve":{"by":"fallthrough","variation":0}}}],
      "targets":[{"contextKind":"user","variation":1,"matched":false,"detail":"its key is not listed"}],
      "rules":[{"index":0,"id":"early","matched":false,"clauses":[{"contextKind":"user","op":"segmentMatch","matched":false,
          "segments":[{"key":"early-adopters","contains":false,"detail":"its key is not listed and no rule matches"}]}]},
        {"index":1,"id":"apps","matched":false,"clauses":[{"contextKind":"device","attribute":"appVersion","op":"semVerGreaterThan",
          "matched":false,"detail":"the context has no kind \"device\""}]}],
      "serve":{"by":"fallthrough","variation":1,"rollout":{"bucket":{"contextKind":"user","attribute":"key","bucket":0.59785,
        "from":0.25,"to":1.0}}}}}}}]}"#;

fn served(value: bool, reason: &str) -> String {
    let variation = usize::from(!value);
    format!(
        r#"{{"results":[{{"flags":{{"checkout":{{"value":{value},"variation":{variation},"reason":{{"kind":"{reason}"}}}}}}}}]}}"#
    )
}

fn bodies(wanted: &[Do]) -> Vec<String> {
    let body = |want: &Do| match want {
        Do::Ask(_, read) => read.request().body.as_ref().map(shared::json::Json::to_text),
        _ => None,
    };
    wanted.iter().filter_map(body).collect()
}

fn paths(wanted: &[Do]) -> Vec<String> {
    let path = |want: &Do| match want {
        Do::Ask(_, read) => Some(read.request().path.clone()),
        _ => None,
    };
    wanted.iter().filter_map(path).collect()
}

fn hear(screen: &mut Why, world: &mut World, tag: u32, body: &str) -> Vec<Do> {
    tell(screen, world, &Event::Answer { tag, outcome: &answer(body) })
}

/// The screen, with the context that was typed and its answer.
fn asked(world: &mut World, context: &str) -> (Why, Vec<Do>) {
    let mut screen = Why::new("checkout".to_owned(), "staging".to_owned(), String::new(), world);
    tell(&mut screen, world, &Event::Opened);
    assert_eq!(screen.mode(), Mode::Field, "a context is typed first");
    keys(&mut screen, world, context);
    let wanted = press(&mut screen, world, Code::Enter);
    (screen, wanted)
}

#[test]
fn a_context_is_typed_and_every_step_is_told() {
    let mut world = world();
    let (mut screen, wanted) = asked(&mut world, "anna plan=pro");
    assert_eq!(
        bodies(&wanted),
        [
            r#"{"environment":"staging","context":{"kind":"user","key":"anna","plan":"pro"},"flagKey":"checkout","explain":true}"#
        ]
    );
    assert!(wanted.contains(&Do::Remember(json(r#"{"kind":"user","key":"anna","plan":"pro"}"#))));
    assert!(text(&screen, &world).contains("asking .."));
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    for (columns, rows) in [(80, 22), (100, 28), (60, 13)] {
        let text = drawn(&screen, &world, columns, rows).join("\n");
        for said in
            ["context  anna plan=pro", "SERVES   false", "rev 9 by alice 12m ago", "STATE    on", "met"]
        {
            assert!(text.contains(said), "{columns}: {said}\n{text}");
        }
    }
    let text = text(&screen, &world);
    for said in [
        "rule 1  early",
        "is not in early-adopters",
        "the context has no kind",
        "59,785 of 100,000",
        "falls here",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn what_cannot_be_a_context_stays_in_the_field_with_the_reason() {
    let mut world = world();
    let (screen, wanted) = asked(&mut world, "plan=pro");
    assert!(wanted.is_empty());
    assert_eq!(screen.mode(), Mode::Field);
    assert!(text(&screen, &world).contains("who is it?"), "{}", text(&screen, &world));
}

#[test]
fn a_prerequisite_folds_and_a_rule_leads_to_the_flag() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    assert!(text(&screen, &world).contains("+ pay.3ds-v2"));
    tell(&mut screen, &mut world, &Event::Action("move.down"));
    tell(&mut screen, &mut world, &Event::Action("why.open"));
    let shown = text(&screen, &world);
    assert!(shown.contains("- pay.3ds-v2") && shown.contains("serves true"), "{shown}");
    tell(&mut screen, &mut world, &Event::Action("move.down"));
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.open"));
    assert!(
        matches!(&wanted[..], [Do::Open(Route::Flag { key, tab: 1, .. })] if key == "checkout"),
        "{wanted:?}"
    );
}

#[test]
fn another_time_is_asked_with_the_configuration_of_that_time() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    tell(&mut screen, &mut world, &Event::Action("why.at"));
    keys(&mut screen, &mut world, "2h");
    let wanted = press(&mut screen, &mut world, Code::Enter);
    assert!(bodies(&wanted)[0].ends_with(r#""at":"2026-11-22T01:12:00Z"}"#), "{wanted:?}");
    assert!(paths(&wanted).iter().any(|path| path.ends_with("/config/staging?at=2026-11-22T01%3A12%3A00Z")));
    assert!(text(&screen, &world).contains("staging at 2026-11-22 01:12:00 UTC"));
    let Route::Why { at, .. } = screen.route() else { panic!() };
    let again = Why::new("checkout".to_owned(), "staging".to_owned(), at.clone(), &world);
    assert_eq!(again.route(), screen.route());
}

#[test]
fn the_same_context_stands_beside_itself_in_every_environment() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.tab-elsewhere"));
    assert_eq!(bodies(&wanted).len(), 2);
    let base = screen.base + PLACES;
    hear(&mut screen, &mut world, base, &served(false, "FALLTHROUGH"));
    hear(&mut screen, &mut world, base + 1, &served(true, "TARGET_MATCH"));
    let shown = text(&screen, &world);
    for said in ["staging (here)", "its key is targeted", "DIFFERS", "same"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    tell(&mut screen, &mut world, &Event::Action("move.down"));
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.open"));
    assert_eq!(wanted[0], Do::Select("production".to_owned()));
    assert!(bodies(&wanted)[0].contains(r#""environment":"production""#));
}

#[test]
fn an_answer_to_an_older_question_is_not_shown_for_a_newer_one() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    tell(&mut screen, &mut world, &Event::Action("why.tab-elsewhere"));
    let old = screen.base;
    tell(&mut screen, &mut world, &Event::Resynced);
    assert_eq!(screen.base, old + ROOM);
    hear(&mut screen, &mut world, old, &served(true, "TARGET_MATCH"));
    assert!(!text(&screen, &world).contains("its key is targeted"));
}

#[test]
fn an_attribute_is_changed_and_the_answer_stands_beside_what_is() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    tell(&mut screen, &mut world, &Event::Action("why.what-if"));
    keys(&mut screen, &mut world, "country=DE");
    let wanted = press(&mut screen, &mut world, Code::Enter);
    assert!(bodies(&wanted)[0].contains(r#""key":"anna","country":"DE"}"#), "{wanted:?}");
    let base = screen.base + VARIED;
    hear(&mut screen, &mut world, base, &served(true, "TARGET_MATCH"));
    let shown = text(&screen, &world);
    assert!(shown.contains("if country=DE") && shown.contains("DIFFERS"), "{shown}");
    tell(&mut screen, &mut world, &Event::Action("move.last"));
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.open"));
    assert!(matches!(&wanted[0], Do::Remember(context) if context.get("country").is_some()), "{wanted:?}");
}

#[test]
fn the_flag_turned_and_the_staged_changes_are_evaluated_here_once_what_they_rest_on_is_read() {
    let mut world = world();
    let staged = crate::world::Staged {
        document: json(r#"{"on":true,"fallthrough":{"variation":0},"rules":[]}"#),
        base: json("{}"),
        base_revision: 9,
        edits: vec!["rules gone".to_owned()],
    };
    world.staged.insert(("checkout".to_owned(), "staging".to_owned()), staged);
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    tell(&mut screen, &mut world, &Event::Action("why.tab-what-if"));
    let shown = text(&screen, &world);
    assert!(shown.contains("turned off") && shown.contains("the flag is off"), "{shown}");
    let staged = shown.lines().find(|line| line.contains("as staged")).unwrap();
    assert!(staged.contains("true") && staged.contains("DIFFERS"), "{shown}");
    for _ in 0..2 {
        tell(&mut screen, &mut world, &Event::Action("move.down"));
    }
    tell(&mut screen, &mut world, &Event::Action("why.open"));
    let shown = text(&screen, &world);
    assert!(shown.contains("what if as staged") && shown.contains("nothing was changed"), "{shown}");
    assert!(tell(&mut screen, &mut world, &Event::Action("global.escape")).is_empty());
    assert!(text(&screen, &world).contains("rev 9 by alice"));
}

#[test]
fn a_flag_that_is_off_is_imagined_on_after_its_prerequisites_and_segments_were_read() {
    let mut world = world();
    let off = crate::scenery::CHECKOUT.replacen("\"on\":true", "\"on\":false", 1);
    world.cache.config("checkout", "staging", crate::scenery::config(&off, 9));
    let (mut screen, _) = asked(&mut world, "anna");
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.tab-what-if"));
    let mut asked = paths(&wanted);
    asked.sort();
    assert_eq!(
        asked,
        ["/api/environments/staging/segments/early-adopters", "/api/flags/pay.3ds-v2/config/staging"]
    );
    let base = screen.base + GROUND;
    let prerequisite = r#"{"version":1,"revision":6,"config":{"on":true,"fallthrough":{"variation":0}}}"#;
    hear(&mut screen, &mut world, base, prerequisite);
    assert!(!text(&screen, &world).contains("rule 1 (early) matches"));
    let segment = r#"{"key":"early-adopters","salt":"s","document":{"included":["anna"]}}"#;
    hear(&mut screen, &mut world, base + 1, segment);
    let shown = text(&screen, &world);
    assert!(shown.contains("turned on") && shown.contains("rule 1 (early)"), "{shown}");
}

#[test]
fn contexts_that_were_seen_are_offered_and_a_daemon_without_them_says_so() {
    let mut world = world();
    world.remember(json(r#"{"kind":"user","key":"before"}"#));
    let mut screen = Why::new("checkout".to_owned(), "staging".to_owned(), String::new(), &world);
    let wanted = tell(&mut screen, &mut world, &Event::Opened);
    assert_eq!(screen.mode(), Mode::Commands, "the last context of the session is taken up");
    assert_eq!(bodies(&wanted).len(), 1);
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.tab-recent"));
    assert_eq!(paths(&wanted), ["/api/environments/staging/contexts?limit=100"]);
    hear(
        &mut screen,
        &mut world,
        super::asking::SEEN,
        r#"{"enabled":true,"total":12,"contexts":[{"kind":"user","key":"zoe","context":{"kind":"user","key":"zoe","plan":"free"},
            "lastSeen":"2026-11-22T03:09:00Z","source":"events"}]}"#,
    );
    let shown = text(&screen, &world);
    for said in ["ASKED    before", "zoe plan=free", "3m ago by events", "and 11 more"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    tell(&mut screen, &mut world, &Event::Action("move.down"));
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.open"));
    assert!(bodies(&wanted)[0].contains(r#""key":"zoe","plan":"free""#), "{wanted:?}");
    for outcome in [
        answer(r#"{"enabled":false,"total":0,"contexts":[]}"#),
        Err(Failure::Refused(Box::new(refusal(404, "not-found", "{}")))),
    ] {
        tell(&mut screen, &mut world, &Event::Action("why.tab-recent"));
        tell(&mut screen, &mut world, &Event::Answer { tag: super::asking::SEEN, outcome: &outcome });
        assert!(text(&screen, &world).contains("this daemon keeps no contexts"));
    }
}

#[test]
fn the_editor_takes_json_and_says_what_is_wrong_with_it() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    let wanted = tell(&mut screen, &mut world, &Event::Action("why.editor"));
    assert!(matches!(&wanted[..], [Do::Effect(Effect::EditText { text, .. })] if text.contains("\"anna\"")));
    let bad = Edited::Text("{\"kind\":\"user\"}".to_owned());
    let wanted = tell(&mut screen, &mut world, &Event::EditedText(&bad));
    assert!(matches!(&wanted[..], [Do::Toast(_, said)] if said.contains("no context")), "{wanted:?}");
    let good = Edited::Text("{\"kind\": \"user\",\n \"key\": \"bert\"}".to_owned());
    let wanted = tell(&mut screen, &mut world, &Event::EditedText(&good));
    assert!(bodies(&wanted)[0].contains("bert"));
}

#[test]
fn a_refusal_is_told_as_a_sentence() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    let refused = Err(Failure::Refused(Box::new(refusal(
        404,
        "not-found",
        r#"{"detail":"revision 4812 is not there"}"#,
    ))));
    tell(&mut screen, &mut world, &Event::Answer { tag: TOLD, outcome: &refused });
    assert!(text(&screen, &world).contains("revision 4812 is not there"));
}

#[test]
fn answers_find_the_variation_they_are_of_after_another_one_was_taken_away() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    hear(&mut screen, &mut world, TOLD, TOLD_OFF);
    for typed in ["plan=free", "plan=pro", "plan=max"] {
        tell(&mut screen, &mut world, &Event::Action("why.what-if"));
        keys(&mut screen, &mut world, typed);
        press(&mut screen, &mut world, Code::Enter);
    }
    let base = screen.base + VARIED;
    hear(&mut screen, &mut world, base + 2, &served(true, "TARGET_MATCH"));
    tell(&mut screen, &mut world, &Event::Action("move.first"));
    for _ in 0..2 {
        tell(&mut screen, &mut world, &Event::Action("move.down"));
    }
    tell(&mut screen, &mut world, &Event::Action("why.remove"));
    let names = |screen: &Why| screen.varied.iter().map(|varied| varied.typed.clone()).collect::<Vec<_>>();
    assert_eq!(names(&screen), ["plan=pro", "plan=max"]);
    // The answers of the one that is gone and of the one that moved come last.
    hear(&mut screen, &mut world, base, &served(true, "OFF"));
    let told =
        |screen: &Why, n: usize| screen.varied[n].told.as_ref().map(|told| told.as_ref().unwrap().why());
    assert_eq!(told(&screen, 0), None);
    assert_eq!(told(&screen, 1).as_deref(), Some("its key is targeted"));
    hear(&mut screen, &mut world, base + 1, &served(false, "PREREQUISITE_FAILED"));
    assert_eq!(told(&screen, 0).as_deref(), Some(" is not met"));
    assert_eq!(told(&screen, 1).as_deref(), Some("its key is targeted"));
    tell(&mut screen, &mut world, &Event::Action("why.what-if"));
    keys(&mut screen, &mut world, "plan=new");
    press(&mut screen, &mut world, Code::Enter);
    hear(&mut screen, &mut world, base + 2, &served(true, "OFF"));
    assert_eq!(told(&screen, 2), None, "a number is not given twice");
}

#[test]
fn a_flag_without_a_configuration_is_not_said_to_be_no_flag() {
    let mut world = world();
    let (mut screen, _) = asked(&mut world, "anna");
    let none = r#"{"results":[{"flags":{"checkout":{"value":null,"variation":null,
        "reason":{"kind":"ERROR","errorKind":"FLAG_NOT_FOUND"}}}}]}"#;
    hear(&mut screen, &mut world, TOLD, none);
    let shown = text(&screen, &world);
    assert!(shown.contains("checkout has no configuration in staging, so SDKs do not know it"), "{shown}");
    assert!(!shown.contains("no such flag") && !shown.contains("steps were not told"), "{shown}");
    tell(&mut screen, &mut world, &Event::Action("why.tab-elsewhere"));
    let base = screen.base + PLACES;
    hear(&mut screen, &mut world, base + 1, none);
    assert!(text(&screen, &world).contains("it has no configuration there"));
    screen.flag = "nothing".to_owned();
    screen.tab = 0;
    hear(&mut screen, &mut world, TOLD, &none.replace("checkout", "nothing"));
    let shown = text(&screen, &world);
    assert!(shown.contains("no such flag"), "{shown}");
}

#[test]
fn the_head_names_keys_that_do_what_it_says_while_the_context_is_typed() {
    let mut world = world();
    let mut screen = Why::new("checkout".to_owned(), "staging".to_owned(), String::new(), &world);
    tell(&mut screen, &mut world, &Event::Opened);
    let shown = text(&screen, &world);
    assert!(shown.contains("none yet: type one below; esc, then 4, lists those that were seen"), "{shown}");
    press(&mut screen, &mut world, Code::Esc);
    assert!(text(&screen, &world).contains("none yet: c types one, 4 lists"));
}
