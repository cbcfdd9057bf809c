//! When flags were last evaluated, while a session goes on.

use crate::support::session::Session;
use crate::terminal::Terminal;
use flagstaff::message::Message;
use flagstaff::request::{Answer, Failure, Request};
use flagstaff::terminal::screen::ScreenOptions;
use flagstaff::theme::{Depth, Theme};
use flagstaff::world::Settings;
use shared::json::parse;
use time::Duration;

/// A daemon whose flag `new-flow` was evaluated just now in `dev`: the list of all flags came before that.
fn answer(request: &Request) -> Result<Answer, Failure> {
    let path = request.path.as_str();
    let row = |key: &str, evaluated: &str| {
        format!(
            r#"{{"key":"{key}","name":"","description":"","kind":"boolean","tags":[],"owner":null,"temporary":true,"archived":false,"flagVersion":1,"revision":4,"variations":[{{"value":true}},{{"value":false}}],"updatedAt":"2026-11-20T08:00:00Z","updatedBy":"user:a","environments":{{"dev":{{"on":true,"default":{{"variation":0}},"version":3,"revision":4,"updatedAt":"2026-11-20T08:00:00Z","updatedBy":"user:a","lastEvaluated":{evaluated}}}}}}}"#
        )
    };
    let body = match path {
        "/api/me" => r#"{"principal":"user:alice","roles":[]}"#.to_owned(),
        _ if path.starts_with("/api/environments?") => {
            r#"{"items":[{"key":"dev","name":"dev","order":0,"protected":false,"class":"development","archived":false,"revision":3}]}"#.to_owned()
        }
        _ if path.contains("evaluated") => {
            let now = crate::support::answers::at().format(&time::format_description::well_known::Rfc3339);
            format!(r#"{{"items":[{}],"nextCursor":null}}"#, row("new-flow", &format!("\"{}\"", now.unwrap())))
        }
        _ if path.starts_with("/api/matrix") => format!(
            r#"{{"position":"1.50","total":2,"items":[{},{}],"nextCursor":null}}"#,
            row("new-flow", "null"),
            row("other", "null")
        ),
        _ => return Err(Failure::Lost(format!("nobody answers {path}"))),
    };
    Ok(Answer { status: 200, etag: None, revision: Some(50), stale: false, body: parse(&body).unwrap() })
}

fn session(lite: bool) -> Session {
    let mut session = Session::live((100, 30), Settings { lite, ..Settings::default() }, answer);
    assert!(!evaluated(&session), "the list came before");
    session.asked.clear();
    session
}

fn evaluated(session: &Session) -> bool {
    session.app.world.cache.flags["new-flow"].cells["dev"].evaluated.at().is_some()
}

/// Time passes; the paths of what is asked then.
fn later(session: &mut Session, seconds: i64) -> Vec<String> {
    session.tell(Message::Tick(session.app.world.now + Duration::seconds(seconds)));
    session.asked.iter().map(|(_, read)| read.request().path.clone()).collect()
}

fn shown(session: &Session) -> String {
    let mut terminal = Terminal::new(100, 30, ScreenOptions::default());
    terminal.paint(|buffer| session.app.view(buffer, &Theme::standard(Depth::Mono)));
    terminal.rows().join("\n")
}

#[test]
fn a_list_that_stays_open_learns_every_minute_what_was_evaluated_since() {
    let mut session = session(false);
    assert!(shown(&session).contains("never evaluated"));
    assert_eq!(later(&mut session, 59), [""; 0]);
    let asked = later(&mut session, 1);
    let only =
        "/api/matrix?filter=env%3Adev%20archived%3Aany%20evaluated%3A%3C7m&environments=dev&limit=2000";
    assert_eq!(asked, [only], "only what was evaluated since, where it is looked at");
    assert_eq!(later(&mut session, 60).len(), 1, "one at a time");
    session.settle();
    assert!(evaluated(&session));
    let text = shown(&session);
    assert!(text.contains("evaluated 2m ago") && text.contains("never"), "{text}");
    assert!(!session.app.world.log.iter().any(|line| line.what.contains("evaluated")));
    assert_eq!(later(&mut session, 59).len(), 1, "it is asked again a minute after it was asked");
}

#[test]
fn a_slow_line_is_not_read_for_it_and_a_filter_that_is_about_it_is() {
    let mut session = session(true);
    assert_eq!(later(&mut session, 120), [""; 0]);
    session.keys(&["/"]);
    session.types("evaluated:<1h");
    assert!(!evaluated(&session), "while it is typed nothing is asked");
    assert!(shown(&session).contains("nothing matches"));
    session.keys(&["enter"]);
    assert!(evaluated(&session));
    let text = shown(&session);
    assert!(text.contains("new-flow") && !text.contains("nothing matches"), "{text}");
}

#[test]
fn a_failure_is_asked_again_a_minute_later_and_nobody_is_bothered() {
    let mut session = session(false);
    session.oracle(|_| Err(Failure::Lost("gone".to_owned())));
    assert_eq!(later(&mut session, 60).len(), 1);
    session.settle();
    assert!(!shown(&session).contains("gone"));
    assert_eq!(later(&mut session, 30), [""; 0]);
    session.oracle(answer);
    let asked = later(&mut session, 30);
    assert!(asked[0].contains("evaluated%3A%3C8m"), "what was missed is asked for too: {asked:?}");
    session.settle();
    assert!(evaluated(&session));
}
