//! `flagstaff env`: environments, and two of them side by side.

use clap::{Args, Subcommand};
use shared::json::{Json, pretty};

use super::credentials::{self, Credentials};
use super::environment_change::{self, Create, Edit, columns};
use super::session::Session;
use super::sheet::{Columns, Sheet, text};
use super::trouble::Trouble;
use crate::request::{Request, encoded};

/// Environments: list, show, compare, make, edit, and their SDK credentials
#[derive(Subcommand, Debug)]
pub enum Environment {
    /// List environments in their order
    Ls {
        /// Archived ones instead of live ones
        #[arg(long)]
        archived: bool,
    },
    /// Show an environment
    Show {
        /// The environment's key
        key: String,
    },
    /// What differs between two environments
    Diff(Diff),
    /// Make an environment; its keys for SDKs are shown once
    Create(Create),
    /// Change what an environment is called and what it asks for
    Edit(Edit),
    #[command(subcommand)]
    Credentials(Credentials),
}

/// What to compare.
#[derive(Args, Debug)]
pub struct Diff {
    /// One environment
    left: String,
    /// The other one
    right: String,
    /// Leave differences at and below this place out, such as /on; may be repeated
    #[arg(long, value_name = "POINTER")]
    ignore: Vec<String>,
    /// Key or name contains
    #[arg(short = 'q', long, value_name = "TEXT")]
    query: Option<String>,
    /// End with 1 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Environment, session: &Session) -> Result<(), Trouble> {
    match command {
        Environment::Ls { archived } => {
            let mut request = Request::get(session.path("/environments"));
            if archived {
                request = request.with_query("archived", "true");
            }
            let items = session.all(request, None).await?;
            Sheet::list("flagstaff.environments/1", columns(), items).print(&session.global)
        }
        Environment::Show { key } => {
            let view = session.get(session.path(&format!("/environments/{}", encoded(&key)))).await?;
            Sheet::one("flagstaff.environment/1", columns(), view).print(&session.global)
        }
        Environment::Diff(wanted) => diff(wanted, session).await,
        Environment::Create(wanted) => environment_change::create(wanted, session).await,
        Environment::Edit(wanted) => environment_change::edit(wanted, session).await,
        Environment::Credentials(command) => credentials::run(command, session).await,
    }
}

async fn diff(wanted: Diff, session: &Session) -> Result<(), Trouble> {
    let mut rows = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut request = Request::get(session.path("/environments/compare"))
            .with_query("left", &wanted.left)
            .with_query("right", &wanted.right);
        for (name, value) in [("q", &wanted.query), ("cursor", &cursor)] {
            if let Some(value) = value {
                request = request.with_query(name, value);
            }
        }
        let page = session.send(request).await?.body;
        for (kind, member) in [("flag", "flags"), ("segment", "segments")] {
            for item in page.get(member).and_then(Json::as_array).unwrap_or_default() {
                rows.extend(differing(item, kind, &wanted.ignore));
            }
        }
        cursor = page.get("nextCursor").and_then(Json::as_str).map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let differs = !rows.is_empty();
    let side = |name: &'static str| {
        move |row: &Json| row.get("diff").map(|diff| sides(diff, name)).unwrap_or_default()
    };
    let columns = Columns::new()
        .member("key", "key")
        .member("kind", "kind")
        .member("standing", "standing")
        .read("where", |row| sides(row.get("diff").unwrap_or(&Json::Null), "path"))
        .read(&wanted.left, side("before"))
        .read(&wanted.right, side("after"))
        .read("document", |row| row.get("diff").map(pretty).unwrap_or_default().replace('\n', " "))
        .wide();
    Sheet::list("flagstaff.comparison/1", columns, rows)
        .with("left", Json::from(wanted.left.as_str()))
        .with("right", Json::from(wanted.right.as_str()))
        .print(&session.global)?;
    if differs && wanted.exit_code { Err(Trouble::no()) } else { Ok(()) }
}

/// What one thing differs in; nothing where it does not, but for what is ignored.
fn differing(item: &Json, kind: &str, ignore: &[String]) -> Option<Json> {
    let standing = text(item.get("standing"));
    if standing == "same" {
        return None;
    }
    let below = |path: &str, place: &String| {
        path == place || path.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let kept: Vec<Json> = item
        .get("diff")
        .and_then(Json::as_array)
        .unwrap_or_default()
        .iter()
        .filter(|part| !ignore.iter().any(|place| below(&text(part.get("path")), place)))
        .cloned()
        .collect();
    if standing == "differs" && kept.is_empty() {
        return None;
    }
    let mut item = item.clone();
    item.set("kind", Json::from(kind));
    item.set("diff", Json::Array(kept));
    Some(item)
}

/// One side of the first differences.
fn sides(diff: &Json, name: &str) -> String {
    let parts = diff.as_array().unwrap_or_default();
    let word = |part: &Json| match part.get(name) {
        None => "-".to_owned(),
        Some(Json::String(text)) if name == "path" => text.clone(),
        Some(value) => {
            let text = value.to_text();
            if text.chars().count() > 30 {
                format!("{}..", text.chars().take(28).collect::<String>())
            } else {
                text
            }
        }
    };
    let mut words: Vec<String> = parts.iter().take(1).map(word).collect();
    if name == "path" && parts.len() > 1 {
        words.push(format!("+{}", parts.len() - 1));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn what_is_ignored_does_not_differ() {
        let item =
            parse(r#"{"key":"f","standing":"differs","diff":[{"op":"replace","path":"/on","before":true,"after":false}]}"#)
                .unwrap();
        assert!(differing(&item, "flag", &[]).is_some());
        assert!(differing(&item, "flag", &["/on".to_owned()]).is_none());
        assert!(differing(&item, "flag", &["/o".to_owned()]).is_some());
    }
}
