//! The past of a flag: its history, two of its states side by side, and undoing.

use clap::Args;
use shared::json::{Json, diff as differences};

use super::entries::{entry_columns, moment};
use super::flag_change::done;
use super::plan::{Change, Writing, make};
use super::session::Session;
use super::sheet::{Columns, Sheet, text};
use super::trouble::Trouble;
use crate::request::{Method, Request, encoded};

/// What to look back at.
#[derive(Args, Debug)]
pub struct History {
    /// The flag's key
    key: String,
    /// Only changes there
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// Only since then: a revision, an RFC 3339 time, or 24h
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
}

/// What to compare.
#[derive(Args, Debug)]
pub struct Diff {
    /// The flag's key
    key: String,
    /// Its configuration there, instead of the flag itself
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// Two revisions, A..B; without B it is now; without any, what the last change did
    #[arg(long, value_name = "A..B")]
    rev: Option<String>,
    /// End with 1 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// What to undo.
#[derive(Args, Debug)]
pub struct Revert {
    /// The flag's key
    key: String,
    /// The revision that is undone
    #[arg(long, value_name = "REVISION")]
    rev: u64,
    #[command(flatten)]
    writing: Writing,
}

/// What to undo, whatever it touched.
#[derive(Args, Debug)]
pub struct Undo {
    /// The revision that is undone
    revision: u64,
    #[command(flatten)]
    writing: Writing,
}

/// `flagstaff revert`.
///
/// # Errors
/// Whatever went wrong.
pub async fn undo(wanted: Undo, session: &Session) -> Result<(), Trouble> {
    let path = session.path(&format!("/revisions/{}/revert", wanted.revision));
    let request = Request::new(Method::Post, path);
    make(session, Change { request, about: None, sheet: done(), writing: &wanted.writing }).await.map(drop)
}

/// `flag history`.
///
/// # Errors
/// Whatever went wrong.
pub async fn history(history: History, session: &Session) -> Result<(), Trouble> {
    let mut request = Request::get(session.path(&format!("/flags/{}/audit", encoded(&history.key))));
    if let Some(env) = &history.env {
        request = request.with_query("environment", env);
    }
    if let Some(since) = &history.since {
        request = request.with_query("from", &moment(since, session)?);
    }
    let items = session.all(request, Some(history.limit)).await?;
    Sheet::list("flagstaff.audit/1", entry_columns(), items).print(&session.global)
}

/// `flag diff`.
///
/// # Errors
/// Whatever went wrong, and [`Trouble::no`] where something differs and that was asked.
pub async fn diff(diff: Diff, session: &Session) -> Result<(), Trouble> {
    let mut path = session.path(&format!("/flags/{}", encoded(&diff.key)));
    if let Some(env) = &diff.env {
        path.push_str(&format!("/config/{}", encoded(env)));
    }
    let state = async |revision: Option<u64>| {
        let request = Request::get(path.clone());
        let request = match revision {
            Some(revision) => request.with_query("at", &revision.to_string()),
            None => request,
        };
        Ok::<_, Trouble>(stripped(session.send(request).await?.body))
    };
    let (from, to) = match &diff.rev {
        Some(range) => bounds(range)?,
        None => {
            let now = session.get(path.clone()).await?;
            let last = now.get("revision").and_then(Json::as_i64).and_then(|r| u64::try_from(r).ok());
            (last.unwrap_or(1).saturating_sub(1), None)
        }
    };
    let (before, after) = tokio::try_join!(state(Some(from)), state(to))?;
    let changes: Vec<Json> = differences(&before, &after).iter().map(Json::from_serialize).collect();
    let differs = !changes.is_empty();
    let until = to.map_or(Json::Null, Json::from);
    Sheet::list("flagstaff.diff/1", change_columns(), changes)
        .with("from", Json::from(from))
        .with("to", until)
        .print(&session.global)?;
    if differs && diff.exit_code { Err(Trouble::no()) } else { Ok(()) }
}

/// The columns of differences.
#[must_use]
pub fn change_columns() -> Columns {
    Columns::new()
        .member("path", "path")
        .member("op", "op")
        .read("before", |change| change.get("before").map(Json::to_text).unwrap_or_default())
        .read("after", |change| change.get("after").map(Json::to_text).unwrap_or_default())
}

/// Without what differs at each revision: stamps, and the summary of all environments.
fn stripped(mut view: Json) -> Json {
    for member in [
        "revision",
        "updatedAt",
        "updatedBy",
        "createdAt",
        "createdBy",
        "environments",
        "version",
        "flagVersion",
    ] {
        view.remove(member);
    }
    view
}

fn bounds(text: &str) -> Result<(u64, Option<u64>), Trouble> {
    let wrong = || Trouble::usage(format!("--rev {text:?}: write A..B, A.. or A, each a revision"));
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let from = from.parse().map_err(|_| wrong())?;
    let to = if to.is_empty() { None } else { Some(to.parse().map_err(|_| wrong())?) };
    Ok((from, to))
}

/// `flag revert`.
///
/// # Errors
/// Whatever went wrong.
pub async fn revert(revert: Revert, session: &Session) -> Result<(), Trouble> {
    let path = session.path(&format!("/revisions/{}", revert.rev));
    let revision = session.get(path.clone()).await?;
    let changes = revision.get("changes").and_then(Json::as_array).unwrap_or_default();
    let touched: Vec<String> =
        changes.iter().filter_map(|c| c.get("entity")).map(|entity| text(entity.get("key"))).collect();
    if !touched.contains(&revert.key) {
        let mut others = touched;
        others.sort();
        others.dedup();
        let message = format!("revision {} did not touch {}", revert.rev, revert.key);
        return Err(Trouble::usage(message).hint(format!("it touched {}", others.join(", "))));
    }
    let request = Request::new(Method::Post, format!("{path}/revert"));
    make(session, Change { request, about: None, sheet: done(), writing: &revert.writing }).await.map(drop)
}
