//! `flagstaff doctor`: looks at everything between the keyboard and the daemon, step by step.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use shared::json::Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::global::Global;
use super::session::{Session, Setup, variable};
use super::sheet::{Columns, Sheet, text};
use super::trouble::{Exit, Trouble};
use crate::client::{Client, Credential, Outcome, StepEvent, Watch};
use crate::clock::{Clock, SystemClock};
use crate::config::{Where, choose, token};
use crate::request::Request;

/// More than this many seconds between two clocks confuse times of the history.
const SKEW: i64 = 5;

#[derive(Default)]
struct Findings {
    items: Vec<Json>,
    worst: Option<Exit>,
}

impl Findings {
    fn add(&mut self, state: &str, what: &str, detail: impl Into<String>) {
        let item =
            [("state", Json::from(state)), ("what", Json::from(what)), ("detail", Json::from(detail.into()))];
        self.items.push(item.into_iter().collect());
    }

    fn bad(&mut self, what: &str, detail: impl Into<String>, exit: Exit) {
        self.add("BAD", what, detail);
        self.worst.get_or_insert(exit);
    }
}

/// Looks, and says what it found.
///
/// # Errors
/// With the number of the first thing that is wrong, once all has been shown.
pub async fn run(global: &Global) -> Result<(), Trouble> {
    let mut findings = Findings::default();
    terminal(&mut findings);
    match Setup::load() {
        Err(error) => findings.bad("configuration", error.to_string(), Exit::Usage),
        Ok(setup) => {
            let file = setup.places.config_file();
            let there = if file.is_file() { "read" } else { "not there, which is fine" };
            findings.add("ok", "configuration", format!("{}: {there}", file.display()));
            credential(&setup, global, &mut findings);
            match Session::open(global) {
                Err(trouble) => findings.bad("daemon", trouble.message, trouble.exit),
                Ok(session) => daemon(&setup, &session, &mut findings).await,
            }
        }
    }
    let columns = Columns::new()
        .read("state", |item| format!("[{}]", text(item.get("state"))))
        .member("what", "what")
        .member("detail", "detail");
    let mut shown = global.clone();
    shown.no_header = true;
    Sheet::list("flagstaff.doctor/1", columns, findings.items).print(&shown)?;
    match findings.worst {
        None => Ok(()),
        Some(exit) => Err(Trouble::new(exit, "doctor", "")),
    }
}

fn terminal(findings: &mut Findings) {
    let (input, output) = (std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
    let term = variable("TERM").unwrap_or_default();
    let words = match (input && output, term.as_str()) {
        (false, _) => "none: input or output is a pipe; the full screen needs both".to_owned(),
        (true, "" | "dumb") => "TERM says nothing: set it, for the full screen".to_owned(),
        (true, term) => {
            let size = crossterm::terminal::size().map(|(columns, rows)| format!("{columns}x{rows}"));
            format!("{term}, {}", size.unwrap_or_else(|_| "of unknown size".to_owned()))
        }
    };
    let usable = input && output && !matches!(term.as_str(), "" | "dumb");
    findings.add(if usable { "ok" } else { "--" }, "terminal", words);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    let utf8 = locale.to_ascii_uppercase().replace('-', "").contains("UTF8");
    let glyphs = if utf8 { "UTF-8" } else { "not UTF-8: lines are drawn in ASCII" };
    findings.add(if utf8 { "ok" } else { "--" }, "characters", format!("{locale:?}, {glyphs}"));
    let mut colors = match (variable("NO_COLOR"), variable("COLORTERM")) {
        (Some(_), _) => "NO_COLOR is set: none".to_owned(),
        (None, Some(term)) => format!("sixteen of the terminal's own; COLORTERM={term}"),
        (None, None) => "sixteen of the terminal's own".to_owned(),
    };
    if variable("TMUX").is_some() {
        colors.push_str("; within tmux: copying needs `set -g set-clipboard on`");
    }
    if variable("SSH_CONNECTION").is_some() {
        colors.push_str("; over SSH");
    }
    findings.add("ok", "colours", colors);
}

fn credential(setup: &Setup, global: &Global, findings: &mut Findings) {
    let chosen = match setup.choose(global) {
        Ok(chosen) => chosen,
        Err(error) => return findings.bad("profile", error.to_string(), Trouble::from(error).exit),
    };
    let because = match chosen.because {
        Where::Option => "by --host".to_owned(),
        Where::Variable(name) => format!("by {name}"),
        Where::Profile => format!("profile {}", chosen.profile.as_deref().unwrap_or_default()),
        Where::Usual => "nothing is configured: the first that listens on this host".to_owned(),
    };
    findings.add("ok", "address", format!("{} ({because})", chosen.target));
    let kept = chosen.profile.as_deref().map(|name| token::file(&setup.places, name));
    let words = match (&chosen.credential, kept) {
        (Credential::Token(_), _) if variable("FLAGSTAFF_TOKEN").is_some() => {
            "a token, by FLAGSTAFF_TOKEN".to_owned()
        }
        (Credential::Token(_), Some(file)) => format!("a token, in {} (0600)", file.display()),
        (Credential::Token(_), None) => "a token".to_owned(),
        (Credential::User(user), _) => format!("the user {user}, which only a demo believes"),
        (Credential::None, _) => "none: on the daemon's host its socket needs none".to_owned(),
    };
    findings.add("ok", "credential", words);
}

async fn daemon(setup: &Setup, session: &Session, findings: &mut Findings) {
    if session.chosen.because == Where::Usual {
        for socket in setup.places.sockets.iter().filter(|socket| socket.exists()) {
            let state =
                if choose::listens(socket) { "a daemon listens" } else { "nobody listens, or not for us" };
            findings.add("--", "socket", format!("{}: {state}", socket.display()));
        }
    }
    let heard: Arc<Mutex<Vec<StepEvent>>> = Arc::default();
    let hear = Arc::clone(&heard);
    let watch = Watch::by(move |event| hear.lock().unwrap_or_else(PoisonError::into_inner).push(event));
    let client = Client::new(session.chosen.target.clone(), session.chosen.credential.clone());
    let patience = session.global.timeout.unwrap_or(std::time::Duration::from_secs(30));
    let connected = tokio::time::timeout(patience, client.connect(&watch)).await;
    for event in heard.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let milliseconds = |time: std::time::Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        match event.outcome {
            Outcome::Begun => {}
            Outcome::Done(time) => {
                findings.add("ok", event.step.as_str(), format!("{}, {}", event.text, milliseconds(time)));
            }
            Outcome::Failed(time) => {
                findings.add("BAD", event.step.as_str(), format!("{}, {}", event.text, milliseconds(time)));
            }
        }
    }
    let me = match connected {
        Ok(Ok(answer)) => answer.body,
        Ok(Err(failure)) => {
            let trouble = session.trouble(failure);
            let detail = trouble
                .hint
                .clone()
                .map_or(trouble.message.clone(), |hint| format!("{}; {hint}", trouble.message));
            return findings.bad("daemon", detail, trouble.exit);
        }
        Err(_) => return findings.bad("daemon", "it took too long", Exit::Unreachable),
    };
    let roles = me.get("roles").and_then(Json::as_array).map_or(0, <[Json]>::len);
    let role = text(me.get("role"));
    let words = format!(
        "{}, {}, in {roles} environments",
        text(me.get("principal")),
        if role.is_empty() { "no role everywhere".to_owned() } else { format!("{role} everywhere") }
    );
    findings.add(if roles == 0 { "--" } else { "ok" }, "identity", words);
    clocks(&client, findings).await;
}

async fn clocks(client: &Client, findings: &mut Findings) {
    let answered = client.send_accepting(Request::get("/health"), "application/json").await;
    let (answer, headers) = match answered {
        Ok(answered) => answered,
        Err(failure) => return findings.bad("health", failure.to_string(), Exit::Unreachable),
    };
    let word = |name: &str| text(answer.body.get(name));
    let status = word("status");
    let words =
        format!("{status}, version {}, revision {}.{}", word("version"), word("epoch"), word("revision"));
    if status == "ok" {
        findings.add("ok", "health", words);
    } else {
        findings.bad("health", words, Exit::No);
    }
    let ours = env!("CARGO_PKG_VERSION");
    if word("version") != ours {
        findings.add("--", "version", format!("the terminal is {ours}, the daemon {}", word("version")));
    }
    let date = headers.get("date").and_then(|v| v.to_str().ok());
    let theirs = date.and_then(|date| OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok());
    match theirs {
        None => findings.add("--", "clock", "the daemon does not tell its time"),
        Some(theirs) => {
            let skew = (SystemClock::new().now() - theirs).whole_seconds();
            let words = format!("{skew} s ahead of the daemon's");
            findings.add(if skew.abs() > SKEW { "--" } else { "ok" }, "clock", words);
        }
    }
}
