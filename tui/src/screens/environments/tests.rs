//! The list of environments as a person uses it.

use super::*;
use crate::guard::Policy;
use crate::plan::Touch;
use time::macros::datetime;

fn json(text: &str) -> Json {
    shared::json::parse(text).unwrap()
}

fn world() -> World {
    let now = datetime!(2026-11-22 03:00 UTC);
    let mut world = crate::scenery::bare(now, (80, 24), Policy::Never);
    world.environment = "staging".to_owned();
    world.cache.environments_page(&json(
        r#"{"items":[
        {"key":"staging","name":"Staging","project":"default","order":1,"class":"staging","color":"2f7fd3",
         "updatedAt":"2026-11-22T02:00:00Z","updatedBy":"user:bob"},
        {"key":"production","name":"Production","project":"default","order":2,"class":"production","protected":true,
         "commentRequired":true,"updatedAt":"2026-11-21T02:00:00Z","updatedBy":"user:al"}]}"#,
    ));
    world
}

fn answer(text: &str) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body: json(text) })
}

fn opened(world: &World) -> Environments {
    let mut screen = Environments::new();
    assert_eq!(screen.on(world, &Event::Opened).len(), 3);
    let status = answer(
        r#"{"clients":{"byEnvironment":{"default/production":{"connected":5,"acknowledging":4,"current":3,"behind":1}}}}"#,
    );
    screen.on(world, &Event::Answer { tag: STATUS, outcome: &status });
    let keys = answer(r#"{"serverKeys":[1,2],"mobileKeys":[3],"clientSideIds":["x"]}"#);
    screen.on(world, &Event::Answer { tag: KEYS + 1, outcome: &keys });
    screen
}

#[test]
fn each_environment_says_its_class_its_protection_its_keys_and_its_clients() {
    let world = world();
    let screen = opened(&world);
    for (columns, rows) in [(80, 21), (100, 27), (200, 47)] {
        let text = crate::widgets::drawn::text(columns, rows, |canvas| screen.view(&world, canvas));
        for said in ["> staging (here)", "production", "protected", "open", "4", "3/4", "1d al"] {
            assert!(text.contains(said), "{columns} lacks {said}\n{text}");
        }
    }
    let small = crate::widgets::drawn::text(60, 12, |canvas| screen.view(&world, canvas));
    for said in ["> staging (here)", "protected", "3/4"] {
        assert!(small.contains(said), "{said}\n{small}");
    }
}

#[test]
fn the_marked_one_is_compared_with_the_selected_one() {
    let world = world();
    let mut screen = opened(&world);
    screen.on(&world, &Event::Action("move.down"));
    screen.on(&world, &Event::Action("environments.mark"));
    screen.on(&world, &Event::Action("move.up"));
    let (left, right) = ("production".to_owned(), "staging".to_owned());
    assert_eq!(
        screen.on(&world, &Event::Action("environments.compare")),
        [Do::Open(Route::Compare { left, right, keys: Vec::new() })]
    );
}

#[test]
fn the_keys_of_a_new_environment_are_shown_once_and_it_is_listened_to() {
    let mut world = world();
    let mut screen = opened(&world);
    screen.on(&world, &Event::Action("environments.add"));
    assert_eq!(screen.mode(), Mode::Text);
    screen.on(&world, &Event::Paste("qa"));
    let wanted = screen.on(&world, &Event::Action("environment.apply"));
    assert!(
        matches!(wanted.as_slice(), [Do::Wish(wish)] if wish.title == "make environment qa"),
        "{wanted:?}"
    );
    world.once = Some(Secret::new(json(r#"{"serverKey":"sdk-1","mobileKey":"mob-2","clientSideId":"abc"}"#)));
    let touches = [Touch { key: "qa".into(), environment: Some("qa".into()) }];
    let wanted = screen.on(&world, &Event::Written { touches: &touches, revision: 9 });
    let [Do::Effect(Effect::Subscribe { topics, .. })] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert!(topics.contains(&"environment:qa".to_owned()), "{topics:?}");
    world.once = None;
    let text = crate::widgets::drawn::text(80, 21, |canvas| screen.view(&world, canvas));
    assert!(text.contains("server key     sdk-1"), "{text}");
    assert!(screen.copy(&world, "value").unwrap().contains("client-side id abc"));
    screen.on(&world, &Event::Action("global.escape"));
    let text = crate::widgets::drawn::text(80, 21, |canvas| screen.view(&world, canvas));
    assert!(!text.contains("sdk-1"), "{text}");
}

#[test]
fn a_click_selects_the_environment_that_is_seen_there_and_nothing_below_the_list() {
    let mut world = world();
    let items: Vec<String> =
        (10..50).map(|n| format!(r#"{{"key":"env-{n}","name":"","order":{n},"class":"staging"}}"#)).collect();
    world.cache.environments_page(&json(&format!(r#"{{"items":[{}]}}"#, items.join(","))));
    let mut screen = Environments::new();
    screen.on(&world, &Event::Opened);
    screen.on(&world, &Event::Action("move.last"));
    let height = world.body().1;
    let seen = crate::scenery::drawn(&screen, &world, 80, height)[5].clone();
    screen.on(&world, &Event::Mouse(5, 5, 0));
    let key = screen.row(&world).unwrap().key.clone();
    assert!(seen.contains(&key), "{seen} is not {key}");
    screen.on(&world, &Event::Mouse(5, height - 2, 0));
    assert_eq!(screen.row(&world).unwrap().key, key);
}
