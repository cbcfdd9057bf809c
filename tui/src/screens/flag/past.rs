//! The last changes of a flag, in words.

use super::item::{Item, Line, Scene};
use crate::cache::events::Line as Event;
use crate::text;
use crate::theme::Token;
use crate::widgets::change_words;
use crate::widgets::matrix::short_name;
use crate::world::World;
use shared::json::Json;

/// One change, with its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The line of the audit.
    pub line: Event,
    /// What was done.
    pub words: String,
}

/// How much is said of one change.
const SAID: usize = 120;

/// Reads a page of the audit, newest first.
#[must_use]
pub fn read(page: &Json, world: &World) -> Vec<Told> {
    let items = page.get("items").and_then(Json::as_array).unwrap_or_default();
    let told = |line: Event| {
        let words = change_words::sentence(&change_words::of_line(&line, world), SAID);
        // A version that rises by itself is no phrase.
        let words = if words.is_empty() { line.action.clone() } else { words };
        Told { line, words }
    };
    items.iter().flat_map(Event::read).map(told).collect()
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
