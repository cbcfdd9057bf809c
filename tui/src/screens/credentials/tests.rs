//! The credentials of an environment as a person uses them.

use super::*;
use crate::scenery::{act, answer, body, drawn, json, keys, refusal, tell, text as shown, wish, world};

const KEYS: &str = r#"{"serverKeys":[
    {"id":"019aa8f8-2c00-7000-8000-000000000001","masked":"sdk-…HUXS","expiresAt":null},
    {"id":"019aa8f8-2c00-7000-8000-000000000002","masked":"sdk-…1u1Q","expiresAt":"2026-11-22T09:12:00Z"}],
  "mobileKeys":[{"id":"x","masked":"mob-…e2fy","expiresAt":null}],"clientSideId":"64f0aa11","clientSideIds":[
    {"id":"y","masked":"64f…a11","expiresAt":null}]}"#;

fn opened(world: &mut World) -> Credentials {
    let mut screen = Credentials::new("staging".to_owned());
    let wanted = tell(&mut screen, world, &Event::Opened);
    assert!(
        matches!(&wanted[..], [Do::Ask(LIST, read)] if read.request().path == "/api/environments/staging/credentials")
    );
    tell(&mut screen, world, &Event::Answer { tag: LIST, outcome: &answer(KEYS) });
    screen
}

#[test]
fn each_key_says_its_kind_how_long_it_works_and_is_masked_unless_it_is_public() {
    let mut world = world();
    let screen = opened(&mut world);
    for (columns, rows) in [(80, 22), (100, 28), (60, 13)] {
        let text = drawn(&screen, &world, columns, rows).join("\n");
        for said in
            ["> server", "sdk-…HUXS", "until it is revoked", "ends in 6h", "mobile", "64f0aa11", "4 keys"]
        {
            assert!(text.contains(said), "{columns}: {said}\n{text}");
        }
    }
    assert!(made_at("019aa8f8-2c00-7000-8000-000000000001").is_some());
    assert_eq!(made_at("x"), None);
}

#[test]
fn a_new_key_is_planned_reviewed_and_shown_once() {
    let mut world = world();
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "credentials.add");
    assert_eq!(screen.mode(), Mode::Text);
    let wanted = act(&mut screen, &mut world, "credential.apply");
    let wish = wish(&wanted);
    assert_eq!(wish.request.path, "/api/environments/staging/credentials");
    assert_eq!(body(wish), r#"{"kind":"server"}"#);
    assert!(wish.review && wish.cli == "flagstaff env credentials create staging --kind server", "{wish:?}");
    let touches = wish.touches.clone();
    world.once = Some(Secret::new(Json::from("sdk-the-secret")));
    let wanted = tell(&mut screen, &mut world, &Event::Written { touches: &touches, revision: 12 });
    world.once = None;
    assert!(matches!(&wanted[..], [Do::Ask(LIST, _)]));
    let text = shown(&screen, &world);
    for said in ["sdk-the-secret", "shown only now", "y v copies"] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert_eq!(screen.copy(&world, "value").as_deref(), Some("sdk-the-secret"));
    assert!(!format!("{screen:?}").contains("the-secret"), "debugging output has no secret");
    assert!(screen.available(&world, "credentials.rotate").is_err());
    assert!(act(&mut screen, &mut world, "global.escape").is_empty());
    assert!(!shown(&screen, &world).contains("the-secret"));
    assert_eq!(screen.copy(&world, "value"), None);
    assert_eq!(act(&mut screen, &mut world, "global.escape"), [Do::Back]);
}

#[test]
fn the_old_keys_get_an_end_that_can_be_chosen() {
    let mut world = world();
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "credentials.rotate");
    let wanted = act(&mut screen, &mut world, "credential.apply");
    let first = wish(&wanted);
    assert_eq!(first.request.path, "/api/environments/staging/credentials/rotate");
    assert_eq!(body(first), r#"{"kind":"server","expireOldAfter":86400}"#);
    act(&mut screen, &mut world, "credential.next");
    keys(&mut screen, &mut world, "x");
    assert!(act(&mut screen, &mut world, "credential.apply").is_empty());
    assert!(shown(&screen, &world).contains("write 30m, 24h or 7d"));
}

#[test]
fn a_key_whose_answer_was_lost_is_not_taken_for_shown() {
    let mut world = world();
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "credentials.add");
    let wanted = act(&mut screen, &mut world, "credential.apply");
    let touches = wish(&wanted).touches.clone();
    let wanted = tell(&mut screen, &mut world, &Event::Written { touches: &touches, revision: 12 });
    assert!(
        wanted.iter().any(|want| matches!(want, Do::Toast(Tone::Error, said) if said.contains("was lost")))
    );
}

#[test]
fn a_revoked_key_is_named_in_what_is_reviewed() {
    let mut world = world();
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "move.down");
    let wanted = act(&mut screen, &mut world, "credentials.revoke");
    let wish = wish(&wanted);
    assert_eq!(wish.title, "revoke the server key sdk-…1u1Q of staging");
    assert_eq!(wish.request.method, Method::Delete);
    assert!(wish.request.path.ends_with("/credentials/019aa8f8-2c00-7000-8000-000000000002"));
    assert_eq!(wish.touches[0].environment.as_deref(), Some("staging"));
    assert!(wish.review && wish.lasting, "a key that was revoked stays revoked");
}

#[test]
fn who_may_not_see_the_keys_is_told_so() {
    let mut world = world();
    let mut screen = Credentials::new("staging".to_owned());
    tell(&mut screen, &mut world, &Event::Opened);
    let no =
        refusal(403, "forbidden", r#"{"detail":"user:al has the role editor; credentials needs admin"}"#);
    let outcome = Err(Failure::Refused(Box::new(no)));
    tell(&mut screen, &mut world, &Event::Answer { tag: LIST, outcome: &outcome });
    assert!(shown(&screen, &world).contains("credentials needs admin"));
    assert_eq!(read(&json("{}")), []);
}

#[test]
fn a_client_side_id_is_public_and_is_not_said_to_be_gone_once_it_is_closed() {
    let mut world = world();
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "move.last");
    act(&mut screen, &mut world, "credentials.add");
    let wanted = act(&mut screen, &mut world, "credential.apply");
    assert_eq!(body(wish(&wanted)), r#"{"kind":"client-side-id"}"#);
    let touches = wish(&wanted).touches.clone();
    world.once = Some(Secret::new(Json::from("64f0bb22")));
    tell(&mut screen, &mut world, &Event::Written { touches: &touches, revision: 12 });
    let text = shown(&screen, &world);
    assert!(
        text.contains("64f0bb22") && text.contains("public") && !text.contains("shown only now"),
        "{text}"
    );
    let mut screen = opened(&mut world);
    act(&mut screen, &mut world, "move.last");
    act(&mut screen, &mut world, "credentials.add");
    act(&mut screen, &mut world, "credential.apply");
    world.once = None;
    let wanted = tell(&mut screen, &mut world, &Event::Written { touches: &touches, revision: 12 });
    assert!(matches!(&wanted[..], [Do::Ask(LIST, _)]), "the list shows it: {wanted:?}");
}

#[test]
fn a_click_selects_the_key_that_is_seen_there_and_nothing_behind_a_form_or_a_new_key() {
    let mut world = world();
    let mut screen = Credentials::new("staging".to_owned());
    tell(&mut screen, &mut world, &Event::Opened);
    let many: Vec<String> = (0..40).map(|n| format!(r#"{{"id":"k{n}","masked":"sdk-{n}"}}"#)).collect();
    let many = format!(r#"{{"serverKeys":[{}]}}"#, many.join(","));
    tell(&mut screen, &mut world, &Event::Answer { tag: LIST, outcome: &answer(&many) });
    act(&mut screen, &mut world, "move.last");
    let rows = drawn(&screen, &world, 80, world.body().1);
    let (seen, outside) = (rows[4].clone(), u16::try_from(rows.len() - 3).unwrap());
    tell(&mut screen, &mut world, &Event::Mouse(5, 4, 0));
    let id = screen.key().unwrap().shown.clone();
    assert!(seen.contains(&id) && id != "sdk-2", "{seen} is not {id}");
    let mut nothing = |screen: &mut Credentials, row: u16| {
        tell(screen, &mut world, &Event::Mouse(5, row, 0));
        assert_eq!(screen.key().unwrap().shown, id);
    };
    nothing(&mut screen, outside);
    nothing(&mut screen, 1);
    screen.new_form(false);
    nothing(&mut screen, 6);
    screen.form = None;
    screen.made = Some(("server".to_owned(), Secret::new("sdk-new".to_owned())));
    nothing(&mut screen, 6);
}
