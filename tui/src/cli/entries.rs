//! Entries of the history: which ones are asked for, and how each is shown.

use clap::Args;
use shared::json::Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::global::duration;
use super::session::Session;
use super::sheet::{Columns, at, text};
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::request::Request;

/// Which changes.
#[derive(Args, Clone, Debug, Default)]
pub struct Which {
    /// Only changes there
    #[arg(short = 'e', long, value_name = "KEY")]
    pub env: Option<String>,
    /// Only changes of this flag and its configurations
    #[arg(long, value_name = "KEY")]
    pub flag: Option<String>,
    /// Only changes by them: user:alice, os:alice, token:ID
    #[arg(long, value_name = "WHO")]
    pub actor: Option<String>,
}

/// A read of the history: of the whole installation, unless a project was named.
#[must_use]
pub fn read(which: &Which, session: &Session) -> Request {
    let mut request = Request::get("/api/audit");
    let named = session.global.project.is_some() || session.chosen.project != "default";
    let project = named.then(|| session.chosen.project.clone());
    for (name, value) in
        [("project", &project), ("environment", &which.env), ("flag", &which.flag), ("actor", &which.actor)]
    {
        if let Some(value) = value {
            request = request.with_query(name, value);
        }
    }
    request
}

/// `24h` as the time that was 24 hours ago; anything else as it is.
///
/// # Errors
/// It is too long ago.
pub fn moment(text: &str, session: &Session) -> Result<String, Trouble> {
    let is_span = text.ends_with(['s', 'm', 'h', 'd']) && text.starts_with(|c: char| c.is_ascii_digit());
    if !is_span {
        return Ok(text.to_owned());
    }
    let span = duration(text).map_err(Trouble::usage)?;
    let then = span.try_into().ok().and_then(|span: time::Duration| session.clock.now().checked_sub(span));
    let formatted = then.and_then(|then: OffsetDateTime| then.format(&Rfc3339).ok());
    formatted.ok_or_else(|| Trouble::usage(format!("{text} is too long ago")))
}

/// The columns of entries.
#[must_use]
pub fn entry_columns() -> Columns {
    Columns::new()
        .member("revision", "revision")
        .read("at", |entry| seconds(&text(entry.get("at"))))
        .member("actor", "actor")
        .member("action", "action")
        .read("what", |entry| {
            let part = |name: &str| text(at(entry, &format!("entity.{name}")));
            match part("kind").as_str() {
                "flag" | "config" => part("key"),
                kind => format!("{kind} {}", part("key")),
            }
        })
        .member("environment", "entity.environment")
        .read("change", |entry| summary(entry.get("diff")))
        .member("comment", "comment")
        .member("kind", "kind")
        .wide()
        .member("source", "source")
        .wide()
        .member("project", "entity.project")
        .wide()
}

/// A time without its parts of a second.
fn seconds(time: &str) -> String {
    match (time.split_once('.'), time.ends_with('Z')) {
        (Some((whole, _)), true) => format!("{whole}Z"),
        _ => time.to_owned(),
    }
}

/// The first differences, in a few words.
#[must_use]
pub fn summary(diff: Option<&Json>) -> String {
    let parts = diff.and_then(Json::as_array).unwrap_or_default();
    // Versions rise with each change, and say nothing of it.
    let telling: Vec<&Json> = parts
        .iter()
        .filter(|p| !matches!(text(p.get("path")).as_str(), "/version" | "/flagVersion"))
        .collect();
    let mut words: Vec<String> = telling
        .iter()
        .take(2)
        .map(|part| {
            let path = text(part.get("path"));
            let short = path.strip_prefix("/document").filter(|p| !p.is_empty()).unwrap_or(&path).to_owned();
            let side = |name: &str| part.get(name).map(Json::to_text).filter(|text| text.len() <= 24);
            match (side("before"), side("after")) {
                (Some(before), Some(after)) => format!("{short} {before} -> {after}"),
                (None, Some(after)) => format!("{short} {after}"),
                _ => short,
            }
        })
        .collect();
    if telling.len() > words.len() {
        words.push(format!("+{}", telling.len() - words.len()));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn a_change_is_told_in_a_few_words() {
        let diff = parse(
            r#"[{"op":"replace","path":"/version","before":1,"after":2},{"op":"replace","path":"/document/on","before":false,"after":true},
               {"op":"add","path":"/a","after":1},{"op":"remove","path":"/b","before":1}]"#,
        )
        .unwrap();
        assert_eq!(summary(Some(&diff)), "/on false -> true, /a 1, +1");
        assert_eq!(summary(None), "");
        assert_eq!(seconds("2026-11-21T03:12:00.123456Z"), "2026-11-21T03:12:00Z");
    }
}
