//! A small world for tests of screens, as the daemon would tell it, and screens drawn as text.

use crate::canvas::Canvas;
use crate::guard::{Guard, Policy};
use crate::key::{Code, Press};
use crate::plan::Wish;
use crate::request::{Answer, Failure, Problem};
use crate::screens::{Do, Event, Screen};
use crate::theme::{Depth, Theme};
use crate::world::{Link, Settings, World};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::{Json, parse};
use time::OffsetDateTime;
use time::macros::datetime;

pub const CHECKOUT: &str = r#"{"on":true,"fallthrough":{"rollout":{"contextKind":"user","variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}},"offVariation":1,"prerequisites":[{"key":"pay.3ds-v2","variation":0}],"targets":[{"variation":1,"values":["user-legacy-printer","u_2002"]}],"rules":[{"id":"early","variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["early-adopters"],"negate":false}],"trackEvents":true},{"id":"apps","variation":0,"clauses":[{"contextKind":"device","attribute":"appVersion","op":"semVerGreaterThan","values":["4.2.0"],"negate":false},{"contextKind":"user","attribute":"country","op":"in","values":["DE","AT"],"negate":true}],"trackEvents":false}]}"#;

/// Reads JSON that a test wrote.
pub fn json(text: &str) -> Json {
    parse(text).expect("the test's own JSON")
}

/// A world that knows nothing yet; writes are closed in protected environments where `policy` says so.
pub fn bare(now: OffsetDateTime, size: (u16, u16), policy: Policy) -> World {
    let guard = Guard::new(policy, false, time::Duration::minutes(10), now);
    World::new(now, size, guard, Settings::default())
}

/// A world with the environments `staging` and `production` and a few flags; staging is selected, all is live.
pub fn world() -> World {
    let now = datetime!(2026-11-22 03:12 UTC);
    let mut world = bare(now, (80, 24), Policy::Protected);
    world.link = Link::Live;
    world.profile = "acme".to_owned();
    world.server = "http://localhost:3001".to_owned();
    world.environment = "staging".to_owned();
    world.cache.environments_page(&json(
        r#"{"items":[{"key":"staging","name":"Staging","order":1,"protected":false,"class":"staging"},
            {"key":"production","name":"Production","order":2,"protected":true,"class":"production"}]}"#,
    ));
    let cell = |document: &str, revision: u64| {
        let summary = shared::targeting::Summary::of(&json(document));
        let mut cell: Json = summary.members().into_iter().collect();
        cell.set("version", Json::from(3_i64));
        cell.set("revision", Json::from(revision));
        cell.set("updatedAt", Json::from("2026-11-22T03:10:00Z"));
        cell.set("updatedBy", Json::from("user:alice"));
        cell.to_text()
    };
    let booleans = r#"[{"value":true},{"value":false}]"#;
    let flag = |key: &str, name: &str, kind: &str, values: &str, staging: &str, production: &str| {
        format!(
            r#"{{"key":"{key}","name":"{name}","description":"","kind":"{kind}","variations":{values},"flagVersion":2,"tags":[],"owner":null,"temporary":false,"archived":false,"revision":4,"createdAt":"2026-08-02T10:00:00Z","updatedAt":"2026-11-01T10:00:00Z","updatedBy":"user:bob","environments":{{"staging":{staging},"production":{production}}}}}"#
        )
    };
    let on = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1}"#;
    let off = r#"{"on":false,"fallthrough":{"variation":0},"offVariation":1}"#;
    let waits = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1,"prerequisites":[{"key":"checkout","variation":0}]}"#;
    let items = [
        flag("checkout", "The new checkout", "boolean", booleans, &cell(CHECKOUT, 9), &cell(off, 5)),
        flag("pay.3ds-v2", "3-D Secure 2", "boolean", booleans, &cell(on, 6), &cell(off, 6)),
        flag("pay.ledger", "Ledger", "boolean", booleans, &cell(waits, 7), &cell(off, 7)),
        flag(
            "provider",
            "Payment provider",
            "string",
            r#"[{"value":"classic","name":"Classic"},{"value":"rapid"},{"value":"sandbox"}]"#,
            &cell(on, 8),
            &cell(on, 8),
        ),
    ];
    world.cache.flags_page(&json(&format!(r#"{{"items":[{}]}}"#, items.join(","))), true);
    world.cache.loaded = true;
    world.cache.config("checkout", "staging", config(CHECKOUT, 9));
    world.cache.config("provider", "staging", config(on, 8));
    world
}

/// A configuration's row, as `GET /api/flags/{key}/config/{environment}` answers it.
pub fn config(document: &str, revision: u64) -> Json {
    json(&format!(r#"{{"version":3,"revision":{revision},"enabled":true,"config":{document}}}"#))
}

/// What a screen draws, row by row, without spaces at the ends.
pub fn drawn(screen: &dyn Screen, world: &World, width: u16, height: u16) -> Vec<String> {
    let theme = Theme::builtin("default", Depth::Mono).unwrap_or_else(|| Theme::standard(Depth::Mono));
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let area = *buffer.area();
    screen.view(world, &mut Canvas::new(&mut buffer, &theme, area));
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect()
}

/// What a screen draws at 80 columns, as one text, for `contains`.
pub fn text(screen: &dyn Screen, world: &World) -> String {
    drawn(screen, world, 80, 22).join("\n")
}

/// Does an action, and keeps what it stages in the world, as the program does.
pub fn act(screen: &mut dyn Screen, world: &mut World, id: &'static str) -> Vec<Do> {
    tell(screen, world, &Event::Action(id))
}

/// Tells a screen something, and keeps what it stages and reads in the world, as the program does.
pub fn tell(screen: &mut dyn Screen, world: &mut World, event: &Event<'_>) -> Vec<Do> {
    let wanted = screen.on(world, event);
    for want in &wanted {
        match want {
            Do::Stage(flag, environment, staged) => {
                let at = (flag.clone(), environment.clone());
                match staged {
                    Some(staged) => world.staged.insert(at, staged.clone()),
                    None => world.staged.remove(&at),
                };
            }
            Do::KeepConfig(flag, environment, row) => world.cache.config(flag, environment, row.clone()),
            Do::Select(environment) => world.environment.clone_from(environment),
            _ => {}
        }
    }
    wanted
}

/// Types text.
pub fn keys(screen: &mut dyn Screen, world: &mut World, text: &str) {
    for c in text.chars() {
        tell(screen, world, &Event::Key(Press::char(c)));
    }
}

/// Presses one key.
pub fn press(screen: &mut dyn Screen, world: &mut World, code: Code) -> Vec<Do> {
    tell(screen, world, &Event::Key(Press::new(code)))
}

/// The wish among what is wanted.
pub fn wish(wanted: &[Do]) -> &Wish {
    let wish = wanted.iter().find_map(|want| match want {
        Do::Wish(wish) => Some(wish.as_ref()),
        _ => None,
    });
    wish.unwrap_or_else(|| panic!("no wish in {wanted:?}"))
}

/// The body of a wish's request, as text.
pub fn body(wish: &Wish) -> String {
    wish.request.body.as_ref().map(Json::to_text).unwrap_or_default()
}

/// A good answer.
pub fn answer(body: &str) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body: json(body) })
}

/// A refusal.
pub fn refusal(status: u16, kind: &str, body: &str) -> Problem {
    let body = json(body);
    let detail = body.get("detail").and_then(Json::as_str).unwrap_or_default().to_owned();
    Problem { status, kind: kind.to_owned(), detail, instance: String::new(), retry_after: None, body }
}
