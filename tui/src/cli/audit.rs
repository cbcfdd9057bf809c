//! `flagstaff audit`: the history, listed, followed, shown, verified.

use std::time::Duration;

use clap::{Args, Subcommand};
use shared::json::Json;

use super::entries::{Which, entry_columns, moment, read};
use super::follow::{self, Tail};
use super::global::Format;
use super::session::{LONG, Session};
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Method, Request};
use crate::text::shown;

/// The history: who changed what, when and why
#[derive(Subcommand, Debug)]
pub enum Audit {
    /// List changes, newest first
    Ls(List),
    /// The last changes, and with -f those to come, as they come
    Tail(Tail),
    /// Show a revision
    Show(Show),
    /// Recompute every hash and link; ends with 1 where something is wrong
    Verify(Verify),
}

/// What to list.
#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// Only since then: a revision, an RFC 3339 time, or 24h
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only until then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Comment, key or actor contains
    #[arg(short = 'q', long, value_name = "TEXT")]
    query: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
}

/// What to show.
#[derive(Args, Debug)]
pub struct Show {
    /// 4810, r4810 or 1.4810
    revision: String,
}

/// What to verify.
#[derive(Args, Debug)]
pub struct Verify {
    /// A file of lines `REVISION HASH` that were written down before; `-` is standard input
    #[arg(long, value_name = "FILE")]
    anchor: Option<String>,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Audit, session: &Session) -> Result<(), Trouble> {
    match command {
        Audit::Ls(list) => ls(list, session).await,
        Audit::Tail(tail) => follow::run(tail, session).await,
        Audit::Show(show) => one(show, session).await,
        Audit::Verify(wanted) => verify(wanted, session).await,
    }
}

async fn ls(list: List, session: &Session) -> Result<(), Trouble> {
    let mut request = read(&list.which, session);
    if let Some(since) = &list.since {
        request = request.with_query("from", &moment(since, session)?);
    }
    if let Some(until) = &list.until {
        request = request.with_query("to", &moment(until, session)?);
    }
    if let Some(query) = &list.query {
        request = request.with_query("q", query);
    }
    let items = session.all(request, Some(list.limit)).await?;
    Sheet::list("flagstaff.audit/1", entry_columns(), items).print(&session.global)
}

async fn one(show: Show, session: &Session) -> Result<(), Trouble> {
    let path = format!("/api/revisions/{}", crate::request::encoded(&show.revision));
    let revision = session.get(path).await?;
    if !matches!(session.global.format(), Format::Table | Format::Wide) || !session.global.fields.is_empty() {
        let columns = Columns::new()
            .member("revision", "revision")
            .member("at", "at")
            .member("actor", "actor")
            .member("kind", "kind")
            .member("comment", "comment")
            .member("hash", "hash");
        return Sheet::one("flagstaff.revision/1", columns, revision).print(&session.global);
    }
    let word = |json: &Json, name: &str| shown(&text(json.get(name))).into_owned();
    let mut out = String::new();
    for name in [
        "revision",
        "position",
        "at",
        "actor",
        "credential",
        "kind",
        "source",
        "comment",
        "requestId",
        "hash",
    ] {
        let value = word(&revision, name);
        if !value.is_empty() {
            out.push_str(&format!("{name:<11} {value}\n"));
        }
    }
    for entry in revision.get("changes").and_then(Json::as_array).unwrap_or_default() {
        let entity = entry.get("entity").cloned().unwrap_or_default();
        let place = word(&entity, "environment");
        let place = if place.is_empty() { place } else { format!(" in {place}") };
        out.push_str(&format!(
            "\n{} {}{place}: {}\n",
            word(&entity, "kind"),
            word(&entity, "key"),
            word(entry, "action")
        ));
        for part in entry.get("diff").and_then(Json::as_array).unwrap_or_default() {
            out.push_str(&format!("  {}\n", shown(&difference(part))));
        }
    }
    say(&out)
}

fn difference(part: &Json) -> String {
    let path = text(part.get("path"));
    match (part.get("before"), part.get("after")) {
        (Some(before), Some(after)) => format!("~ {path}  {} -> {}", before.to_text(), after.to_text()),
        (None, Some(after)) => format!("+ {path}  {}", after.to_text()),
        (Some(before), None) => format!("- {path}  {}", before.to_text()),
        (None, None) => format!("~ {path}"),
    }
}

async fn verify(wanted: Verify, session: &Session) -> Result<(), Trouble> {
    let anchors = match &wanted.anchor {
        Some(file) => anchors(&super::ask::file(file)?)?,
        None => Vec::new(),
    };
    let mut request = Request::new(Method::Post, "/api/audit/verify");
    request.timeout = session.global.timeout.unwrap_or(LONG.max(Duration::from_secs(600)));
    let report = session.client.send(request).await.map_err(|failure| session.trouble(failure))?.body;
    let mut moved = Vec::new();
    for (revision, hash) in &anchors {
        let now = match session.get(format!("/api/revisions/{revision}")).await {
            Ok(shown) => text(shown.get("hash")),
            Err(trouble) if trouble.exit == Exit::NotFound => "missing".to_owned(),
            Err(trouble) => return Err(trouble),
        };
        if !now.eq_ignore_ascii_case(hash) {
            moved.push(format!("revision {revision} was {hash} when it was written down, and is {now}"));
        }
    }
    let intact = report.get("intact").and_then(Json::as_bool) == Some(true) && moved.is_empty();
    let mut report = report;
    report.set("intact", Json::Bool(intact));
    report.set("anchors", Json::from(anchors.len()));
    report.set("moved", moved.iter().map(|m| Json::from(m.as_str())).collect::<Vec<_>>().into());
    let columns = Columns::new()
        .read("intact", |r| if text(r.get("intact")) == "true" { "yes" } else { "NO" }.to_owned())
        .member("position", "position")
        .member("hash", "hash")
        .member("revisions", "revisions")
        .member("entries", "entries")
        .member("rows", "rows")
        .member("anchors", "anchors")
        .read("findings", |r| {
            let list = |name: &str| r.get(name).and_then(Json::as_array).unwrap_or_default();
            let found = list("findings")
                .iter()
                .map(|f| format!("{}: {}", text(f.get("what")), text(f.get("detail"))));
            let all: Vec<String> = found.chain(list("moved").iter().map(|m| text(Some(m)))).collect();
            if all.is_empty() { "none".to_owned() } else { all.join("\n") }
        });
    Sheet::one("flagstaff.verification/1", columns, report).print(&session.global)?;
    if intact { Ok(()) } else { Err(Trouble::no()) }
}

fn anchors(file: &str) -> Result<Vec<(u64, String)>, Trouble> {
    let lines = file.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let (revision, hash) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let whole = hash.trim().len() == 64 && hash.trim().bytes().all(|b| b.is_ascii_hexdigit());
            match revision.parse() {
                Ok(revision) if whole => Ok((revision, hash.trim().to_owned())),
                _ => Err(Trouble::usage(format!("line {number} of the anchors is not `REVISION HASH`"))),
            }
        })
        .collect()
}
