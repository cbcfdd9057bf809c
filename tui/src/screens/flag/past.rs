//! The last changes of a flag, in words.

use super::item::{Item, Line, Scene};
use crate::cache::events::Line as Event;
use crate::text;
use crate::theme::Token;
use crate::widgets::matrix::short_name;
use shared::json::{Json, Op};

/// One change, with its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The line of the audit.
    pub line: Event,
    /// What was done.
    pub words: String,
}

/// Reads a page of the audit, newest first.
#[must_use]
pub fn read(page: &Json) -> Vec<Told> {
    let items = page.get("items").and_then(Json::as_array).unwrap_or_default();
    let lines = items.iter().flat_map(Event::read);
    lines.map(|line| Told { words: words(&line), line }).collect()
}

fn words(line: &Event) -> String {
    match line.action.as_str() {
        "turned-on" => "turned on".to_owned(),
        "turned-off" => "turned off".to_owned(),
        "version-raised" => "version raised, the flag changed".to_owned(),
        "updated" => changes(line),
        other => other.to_owned(),
    }
}

fn changes(line: &Event) -> String {
    let mut said: Vec<String> = line
        .diff()
        .iter()
        .filter(|change| change.path != "/version" && change.path != "/flagVersion")
        .map(|change| {
            let path = change.path.strip_prefix("/document").unwrap_or(&change.path);
            let path = path.trim_start_matches('/');
            let short = |json: &Option<Json>| {
                json.as_ref().map(Json::to_text).filter(|text| text.len() <= 24)
            };
            match (change.op, short(&change.before), short(&change.after)) {
                (Op::Replace, Some(before), Some(after)) => format!("{path} {before} -> {after}"),
                (Op::Replace, ..) => format!("{path} changed"),
                (Op::Add, _, Some(after)) => format!("{path} + {after}"),
                (Op::Add, ..) => format!("{path} added"),
                (Op::Remove, ..) => format!("{path} removed"),
                (Op::Reorder, ..) => format!("{path} in another order"),
            }
        })
        .collect();
    let more = said.len().saturating_sub(2);
    said.truncate(2);
    let said = said.join(", ");
    match more {
        0 if said.is_empty() => "updated".to_owned(),
        0 => said,
        more => format!("{said}, {more} more"),
    }
}

/// The changes as lines.
#[must_use]
pub fn lines(scene: &Scene<'_>, past: &[Told]) -> Vec<Line> {
    let wide = scene.width >= 96;
    let (who, place) = if wide { (14, 14) } else { (9, 10) };
    past.iter()
        .enumerate()
        .map(|(n, told)| {
            let line = &told.line;
            let age = line.at.map_or(String::new(), |at| text::age(at, scene.world.now));
            let environment = if line.environment.is_empty() { "flag" } else { &line.environment };
            let mut row = Line::new(format!("{} ", text::pad_left(&line.revision.to_string(), 6)), Token::Plain)
                .then(format!("{} ", text::pad_left(&age, 5)), Token::Dim)
                .then(text::pad(short_name(&line.actor), who), Token::Plain)
                .then(" ", Token::Plain)
                .then(text::pad(environment, place), Token::Dim)
                .then(" ", Token::Plain)
                .then(told.words.clone(), Token::Plain);
            if !line.comment.is_empty() {
                row = row.then(format!("  '{}'", line.comment), Token::Dim);
            }
            row.of(Item::Revision(n))
        })
        .collect()
}
