//! One flag on the screen: what is seen, what is staged, what is wished.

use super::page::{CONFIG, Flag, JSON, PAST, RULES, VARIATIONS};
use super::rules;
use crate::effect::Read;
use crate::key::Code;
use crate::request::{Answer, Failure};
use crate::route::{Document, Form, Route};
use crate::scenery::{
    CHECKOUT, act, answer, body, config, drawn, json, keys, press, tell, text, wish, world,
};
use crate::screens::{Do, Event, Mode, Screen, Told};
use crate::widgets::words;
use crate::world::World;

fn opened(key: &str, tab: usize) -> (Flag, World) {
    let mut world = world();
    let mut flag = Flag::new(key.to_owned(), "staging".to_owned(), tab, &world);
    tell(&mut flag, &mut world, &Event::Opened);
    tell(&mut flag, &mut world, &Event::Answer { tag: PAST, outcome: &page() });
    (flag, world)
}

fn page() -> Result<Answer, Failure> {
    answer(&format!(
        r#"{{"items":[{{"revision":9,"at":"2026-11-22T03:10:00Z","kind":"change","actor":"user:alice","comment":"ramp step 2, dashboards green","ordinal":0,"entity":{{"kind":"config","key":"checkout","environment":"staging"}},"action":"updated","before":{{"version":2,"document":{{"on":true,"fallthrough":{{"variation":0}}}}}},"after":{{"version":3,"document":{CHECKOUT}}}}},
        {{"revision":4,"at":"2026-11-01T10:00:00Z","kind":"seed","actor":"os:tester","comment":null,"ordinal":1,"entity":{{"kind":"config","key":"checkout","environment":"production"}},"action":"turned-off","before":{{"version":1}},"after":{{"version":2}}}}]}}"#
    ))
}

#[test]
fn the_overview_tells_everything_that_decides_in_its_order() {
    let (flag, world) = opened("checkout", 0);
    let expected = "
 Flags > checkout                                                       boolean
 [1 Overview] 2 Rules (2)  3 Variations (2)  4 Prereqs (1)  5 History  6 JSON
 [STAGING 25%] | production off                                 [ ] environment
--------------------------------------------------------------------------------
   ABOUT      The new checkout
   STATE      on       off would serve false                          version 3
 > PREREQS    pay.3ds-v2 = true                             met (on in staging)
   TARGETS    user user-legacy-printer, u_2002                 -> false  2 keys
   RULES       1  segment:early-adopters                                -> true
               2  device:appVersion > version 4.2.0  and  country not   -> true
                  in [DE, AT]
   DEFAULT    rollout, user by key
              true                 25% ##########..............................
              false                75% ##############################..........
   USED BY    pay.ledger  waits for it                                       on
   LAST       2m ago by alice: default true -> 25%, off value none ->     rev 9
              false, rule early added, rule apps added, +2 targets,
              needs pay.3ds-v2  'ramp step 2, dashboards green'";
    assert_eq!(format!("\n{}", drawn(&flag, &world, 80, 18).join("\n")), expected);
}

#[test]
fn it_fits_into_the_smallest_terminal() {
    let (flag, world) = opened("checkout", 0);
    let rows = drawn(&flag, &world, 60, 12);
    assert_eq!(rows[1], " [1 Over] 2 Rules  3 Vars  4 Pre  5 Hist  6 JSON");
    assert_eq!(rows[2], " [STAGING 25%] | production off");
    assert!(rows.iter().any(|row| row.contains("2 keys")), "{rows:#?}");
    assert!(rows[11].ends_with("more"), "{rows:#?}");
}

#[test]
fn rules_are_staged_marked_counted_and_sent_as_one_change_on_what_was_seen() {
    let (mut flag, mut world) = opened("checkout", RULES);
    act(&mut flag, &mut world, "flag.lower");
    assert!(text(&flag, &world).contains("1 staged: S review, R drop"));
    let rule = json(r#"{"clauses":[{"attribute":"plan","op":"in","values":["pro"]}],"variation":1}"#);
    tell(&mut flag, &mut world, &Event::Told(&Told::Rule { index: None, rule }));
    let rows = drawn(&flag, &world, 80, 22);
    let rules: Vec<&str> = rows.iter().filter(|row| row.contains("-> ")).map(String::as_str).collect();
    assert!(rules[0].starts_with("  ~  1  (moved) apps"), "{rules:#?}");
    assert!(rules[1].starts_with("  ~  2  (moved) early"), "{rules:#?}");
    assert!(rules[2].starts_with(" >+  3  (new) rule-"), "{rules:#?}");
    act(&mut flag, &mut world, "flag.remove");
    act(&mut flag, &mut world, "move.first");
    act(&mut flag, &mut world, "flag.remove");
    assert!(text(&flag, &world).contains("-     (removed) apps"), "{}", text(&flag, &world));
    // Somebody else turns it off meanwhile: the wish still begins from what was seen.
    world.cache.config("checkout", "staging", config(&CHECKOUT.replacen("true", "false", 1), 12));
    let wanted = act(&mut flag, &mut world, "flag.review");
    let wish = wish(&wanted);
    assert_eq!(wish.base_revision, Some(9));
    assert!(wish.review);
    assert!(body(wish).starts_with(
        r#"{"mutations":[{"op":"replaceConfig","flag":"checkout","environment":"staging","config":{"on":true"#
    ));
    let edit = wish.edit.as_ref().unwrap();
    assert_eq!(edit.base, json(CHECKOUT));
    assert_eq!(rules::of(&edit.ours).len(), 1);
    assert_eq!(wish.title, "4 rule changes of checkout in staging");
}

#[test]
fn staged_edits_go_when_their_review_is_applied_and_only_then() {
    let (mut flag, mut world) = opened("checkout", RULES);
    act(&mut flag, &mut world, "flag.remove");
    let touches =
        [crate::plan::Touch { key: "checkout".to_owned(), environment: Some("staging".to_owned()) }];
    let written = Event::Written { touches: &touches, revision: 10 };
    // Turning it off is another write.
    act(&mut flag, &mut world, "flag.toggle");
    tell(&mut flag, &mut world, &written);
    assert_eq!(world.staged.len(), 1);
    // A review that was left applied nothing.
    act(&mut flag, &mut world, "flag.review");
    tell(&mut flag, &mut world, &Event::Returned);
    tell(&mut flag, &mut world, &written);
    assert_eq!(world.staged.len(), 1);
    act(&mut flag, &mut world, "flag.review");
    tell(&mut flag, &mut world, &written);
    assert!(world.staged.is_empty());
}

#[test]
fn what_is_put_back_as_it_was_is_staged_no_more() {
    let (mut flag, mut world) = opened("checkout", RULES);
    act(&mut flag, &mut world, "flag.lower");
    act(&mut flag, &mut world, "flag.raise");
    assert!(world.staged.is_empty());
    act(&mut flag, &mut world, "flag.remove");
    assert_eq!(world.staged.len(), 1);
    act(&mut flag, &mut world, "move.first");
    act(&mut flag, &mut world, "flag.remove");
    assert!(world.staged.is_empty(), "{:?}", world.staged);
    assert!(flag.available(&world, "flag.review").is_err());
}

#[test]
fn a_draft_of_the_same_document_is_not_taken_for_what_is_staged() {
    let (mut flag, mut world) = opened("checkout", RULES);
    act(&mut flag, &mut world, "flag.remove");
    let draft = crate::effect::Draft {
        document: flag.config(),
        text: "{".to_owned(),
        base: "{}".to_owned(),
        base_revision: 8,
        saved_at: world.now,
    };
    world.drafts.insert(flag.config(), draft);
    let wanted = act(&mut flag, &mut world, "flag.review");
    assert_eq!(wish(&wanted).edit, None);
    assert!(text(&flag, &world).contains("unsent draft"));
}

#[test]
fn space_turns_the_flag_where_it_is_shown() {
    let (mut flag, mut world) = opened("checkout", 0);
    let wanted = act(&mut flag, &mut world, "flag.toggle");
    let expected =
        r#"{"mutations":[{"op":"setOn","flag":"checkout","environment":"staging","enabled":false}]}"#;
    assert_eq!(body(wish(&wanted)), expected);
    assert_eq!(wish(&wanted).cli, "flagstaff flag off checkout --env staging");
    act(&mut flag, &mut world, "move.environment");
    let wanted = act(&mut flag, &mut world, "flag.toggle");
    assert!(body(wish(&wanted)).contains(r#""environment":"production","enabled":true"#));
}

#[test]
fn another_environment_is_read_once_and_selected() {
    let (mut flag, mut world) = opened("checkout", 0);
    let wanted = act(&mut flag, &mut world, "move.right");
    let read = Read::get("/api/flags/checkout/config/production");
    assert_eq!(wanted, [Do::Select("production".to_owned()), Do::Ask(CONFIG, read)]);
    let row =
        r#"{"version":1,"revision":5,"config":{"on":false,"fallthrough":{"variation":0},"offVariation":1}}"#;
    tell(&mut flag, &mut world, &Event::Answer { tag: CONFIG, outcome: &answer(row) });
    assert!(text(&flag, &world).contains("none: everybody gets the default"));
    act(&mut flag, &mut world, "move.left");
    assert_eq!(act(&mut flag, &mut world, "move.right"), [Do::Select("production".to_owned())]);
}

#[test]
fn what_the_feed_tells_is_seen_at_once() {
    let (mut flag, mut world) = opened("checkout", 0);
    let message = json(
        r#"{"type":"revision","revision":11,"position":"1.11","at":"2026-11-22T03:11:50Z","actor":"user:bob","changes":[{"entity":{"kind":"config","key":"checkout","environment":"staging"},"action":"turned-off","after":{"key":"checkout","version":4,"document":{"on":false,"fallthrough":{"variation":1},"offVariation":1}}}]}"#,
    );
    let heard = world.cache.hear(&message);
    let wanted = tell(&mut flag, &mut world, &Event::Heard(&heard));
    assert!(matches!(wanted.as_slice(), [Do::Ask(PAST, _)]), "{wanted:?}");
    let text = text(&flag, &world);
    assert!(text.contains("[STAGING off]") && text.contains("serves false"), "{text}");
    assert!(text.contains("false               100%"), "{text}");
}

#[test]
fn a_value_is_typed_checked_and_added_in_all_environments() {
    let (mut flag, mut world) = opened("provider", VARIATIONS);
    assert!(text(&flag, &world).contains("0  Classic  \"classic\""), "{}", text(&flag, &world));
    act(&mut flag, &mut world, "flag.add");
    assert_eq!(flag.mode(), Mode::Field);
    keys(&mut flag, &mut world, "\"open");
    press(&mut flag, &mut world, Code::Enter);
    assert!(text(&flag, &world).contains("the closing quote is missing"));
    press(&mut flag, &mut world, Code::Home);
    press(&mut flag, &mut world, Code::Delete);
    let wanted = press(&mut flag, &mut world, Code::Enter);
    assert_eq!(
        body(wish(&wanted)),
        r#"{"mutations":[{"op":"updateFlag","flag":"provider","patch":[{"op":"add","path":"/variations/-","value":{"value":"open"}}]}]}"#
    );
    assert_eq!(flag.mode(), Mode::Commands);
    assert!(opened("checkout", VARIATIONS).0.available(&world, "flag.add").is_err());
}

#[test]
fn a_prerequisite_is_met_partly_met_or_not_and_says_why() {
    let (_, world) = opened("checkout", 0);
    let met = |environment, key, index| words::met(&world, environment, key, index);
    assert_eq!(met("staging", "pay.3ds-v2", 0).0, words::Met::Yes);
    assert_eq!(met("staging", "pay.3ds-v2", 1), (words::Met::No, "serves true".to_owned()));
    assert_eq!(met("production", "pay.3ds-v2", 0), (words::Met::No, "off in production".to_owned()));
    assert_eq!(met("staging", "checkout", 0), (words::Met::Part, "for 25%".to_owned()));
    assert_eq!(met("staging", "nope", 0), (words::Met::No, "there is no such flag".to_owned()));
}

#[test]
fn enter_opens_what_is_selected() {
    let (mut flag, mut world) = opened("checkout", 0);
    let wanted = act(&mut flag, &mut world, "flag.open");
    assert!(matches!(&wanted[..], [Do::Open(Route::Flag { key, .. })] if key == "pay.3ds-v2"), "{wanted:?}");
    act(&mut flag, &mut world, "move.down");
    let wanted = act(&mut flag, &mut world, "flag.open");
    assert!(matches!(&wanted[..], [Do::Open(Route::Form(Form::Rule { index: Some(0), .. }))]), "{wanted:?}");
    act(&mut flag, &mut world, "flag.tab-history");
    let wanted = act(&mut flag, &mut world, "flag.open");
    assert!(matches!(&wanted[..], [Do::Open(Route::History { .. })]), "{wanted:?}");
    act(&mut flag, &mut world, "flag.tab-variations");
    let wanted = act(&mut flag, &mut world, "flag.open");
    let expected = Document::Variation { flag: "checkout".to_owned(), index: 0 };
    assert_eq!(wanted, [Do::Open(Route::Editor(expected))]);
}

#[test]
fn the_json_tab_scrolls_and_keeps_the_text_of_numbers() {
    let (mut flag, mut world) = opened("checkout", JSON);
    world.cache.config("checkout", "staging", config(r#"{"on":true,"x":[1.50,2]}"#, 9));
    assert!(text(&flag, &world).contains("\"x\": [1.50, 2]"));
    world.cache.config("checkout", "staging", config(CHECKOUT, 9));
    act(&mut flag, &mut world, "move.last");
    assert!(drawn(&flag, &world, 80, 21).last().unwrap().trim() == "}");
}

#[test]
fn a_flag_that_is_gone_or_not_read_yet_says_so() {
    let (mut flag, mut world) = opened("nope", 0);
    assert!(text(&flag, &world).contains("reading .."));
    let problem = crate::scenery::refusal(404, "not-found", "{}");
    let refused = Err(Failure::Refused(Box::new(problem)));
    tell(&mut flag, &mut world, &Event::Answer { tag: CONFIG, outcome: &refused });
    assert!(text(&flag, &world).contains("there is no such flag"));
    world.cache.configs.clear();
    let mut flag = Flag::new("checkout".to_owned(), "staging".to_owned(), RULES, &world);
    tell(&mut flag, &mut world, &Event::Opened);
    assert!(text(&flag, &world).contains("reading .."));
    tell(&mut flag, &mut world, &Event::Answer { tag: CONFIG, outcome: &refused });
    assert!(text(&flag, &world).contains("there is no configuration in staging"));
}

fn asked_usage(wanted: &[Do]) -> Vec<String> {
    let path = |want: &Do| match want {
        Do::Ask(_, read) => Some(read.request().path.clone()).filter(|path| path.contains("/usage?")),
        _ => None,
    };
    wanted.iter().filter_map(path).collect()
}

#[test]
fn evaluations_are_asked_for_when_they_are_looked_at_and_stand_beside_the_steps() {
    let mut world = world();
    let mut flag = Flag::new("checkout".to_owned(), "staging".to_owned(), 4, &world);
    let wanted = flag.on(&world, &Event::Opened);
    assert!(asked_usage(&wanted).is_empty(), "the history shows none: {wanted:?}");
    let wanted = flag.on(&world, &Event::Action("flag.tab-overview"));
    assert_eq!(
        asked_usage(&wanted),
        [
            "/api/flags/checkout/usage?environment=staging&since=24h",
            "/api/flags/checkout/usage?environment=production&since=24h"
        ]
    );
    assert!(asked_usage(&flag.on(&world, &Event::Action("flag.tab-rules"))).is_empty(), "once is enough");
    flag.on(&world, &Event::Action("flag.tab-overview"));
    let usage = crate::scenery::answer(
        r#"{"total":1244,"lastEvaluated":"2026-11-22T03:11:00Z","series":[{"counts":[{"variation":0,"count":1244}]}],
            "counters":[{"version":3,"variation":0,"reason":"RULE_MATCH","ruleId":"early","count":10},
                        {"version":3,"variation":0,"reason":"FALLTHROUGH","count":1234}]}"#,
    );
    let wanted = tell(&mut flag, &mut world, &Event::Answer { tag: 100, outcome: &usage });
    assert!(
        matches!(&wanted[..], [Do::KeepEvaluated(flag, environment, _)] if flag == "checkout" && environment == "staging"),
        "the list learns it too: {wanted:?}"
    );
    let never = crate::scenery::answer(r#"{"total":0,"lastEvaluated":null,"series":[],"counters":[]}"#);
    flag.on(&world, &Event::Answer { tag: 101, outcome: &never });
    let text = crate::scenery::text(&flag, &world);
    for said in ["-> true  10", "1.2k", "EVALS", "1.2k in 24 h", "last 1m ago", "never evaluated"] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    world.settings.lite = true;
    let mut slow = Flag::new("checkout".to_owned(), "staging".to_owned(), 0, &world);
    assert_eq!(
        asked_usage(&slow.on(&world, &Event::Opened)).len(),
        1,
        "only what is looked at on a slow line"
    );
}
