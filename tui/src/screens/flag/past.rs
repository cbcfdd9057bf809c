//! The last changes of a flag, in words.

use super::item::{Item, Line, Scene};
use crate::cache::events::Line as Event;
use crate::cache::rows::FlagRow;
use crate::text;
use crate::theme::Token;
use crate::widgets::matrix::short_name;
use crate::widgets::words as serve;
use shared::json::{Change, Json, Op};

/// One change, with its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The line of the audit.
    pub line: Event,
    /// What was done.
    pub words: String,
}

/// Reads a page of the audit, newest first; `row` names the values.
#[must_use]
pub fn read(page: &Json, row: Option<&FlagRow>) -> Vec<Told> {
    let items = page.get("items").and_then(Json::as_array).unwrap_or_default();
    let lines = items.iter().flat_map(Event::read);
    lines.map(|line| Told { words: words(&line, row), line }).collect()
}

fn words(line: &Event, row: Option<&FlagRow>) -> String {
    match line.action.as_str() {
        "turned-on" => "turned on".to_owned(),
        "turned-off" => "turned off".to_owned(),
        "version-raised" => "version raised, the flag changed".to_owned(),
        "updated" => changes(line, row),
        other => other.to_owned(),
    }
}

fn changes(line: &Event, row: Option<&FlagRow>) -> String {
    let of = |side: &Option<Json>| side.as_ref().and_then(|r| r.get("document")).cloned();
    let mut said: Vec<String> = Vec::new();
    for change in line.diff() {
        let path = change.path.strip_prefix("/document").unwrap_or(&change.path);
        let member = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if member == "version" || member == "flagVersion" {
            continue;
        }
        let words = match (of(&line.before), of(&line.after), row) {
            (Some(before), Some(after), Some(row)) => told(member, &before, &after, row),
            _ => None,
        };
        let words = words.unwrap_or_else(|| plain(path.trim_start_matches('/'), &change));
        if !said.contains(&words) {
            said.push(words);
        }
    }
    let more = said.len().saturating_sub(3);
    said.truncate(3);
    let said = said.join(", ");
    match more {
        0 if said.is_empty() => "updated".to_owned(),
        0 => said,
        more => format!("{said}, {more} more"),
    }
}

/// What became of a member of a configuration, as a person would tell it.
fn told(member: &str, before: &Json, after: &Json, row: &FlagRow) -> Option<String> {
    let null = Json::Null;
    let both = |name: &str| (before.get(name).unwrap_or(&null), after.get(name).unwrap_or(&null));
    let count = |json: &Json| json.as_array().map_or(0, <[Json]>::len);
    match member {
        "fallthrough" => {
            let (was, is) = both(member);
            let (was, is) = (serve::served(row, was), serve::served(row, is));
            Some(if was == is {
                "how the default divides".to_owned()
            } else {
                format!("default {was} -> {is}")
            })
        }
        "offVariation" => {
            let name = |json: &Json| {
                let index = json.as_i64().and_then(|n| usize::try_from(n).ok());
                index.map_or_else(|| "nothing".to_owned(), |n| row.value(n))
            };
            let (was, is) = both(member);
            Some(format!("off serves {} -> {}", name(was), name(is)))
        }
        "rules" | "targets" | "contextTargets" | "prerequisites" => {
            let (was, is) = both(member);
            let name = if member == "contextTargets" { "targets" } else { member };
            Some(match (count(was), count(is)) {
                (a, b) if a == b => format!("{name} changed"),
                (a, b) => format!("{name} {a} -> {b}"),
            })
        }
        _ => None,
    }
}

fn plain(path: &str, change: &Change) -> String {
    let short = |json: &Option<Json>| json.as_ref().map(Json::to_text).filter(|text| text.len() <= 24);
    match (change.op, short(&change.before), short(&change.after)) {
        (Op::Replace, Some(before), Some(after)) => format!("{path} {before} -> {after}"),
        (Op::Replace, ..) => format!("{path} changed"),
        (Op::Add, _, Some(after)) => format!("{path} + {after}"),
        (Op::Add, ..) => format!("{path} added"),
        (Op::Remove, ..) => format!("{path} removed"),
        (Op::Reorder, ..) => format!("{path} in another order"),
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
            let mut row =
                Line::new(format!("{} ", text::pad_left(&line.revision.to_string(), 6)), Token::Plain)
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
