//! Variations, prerequisites and the JSON of a flag, as lines.

use super::item::{Item, Line, Scene};
use super::overview;
use crate::text;
use crate::theme::Token;
use crate::widgets::words;
use shared::json::{Json, TokenKind};

/// The variations, and where this environment serves them.
#[must_use]
pub fn variations(scene: &Scene<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, variation) in scene.row.variations.iter().enumerate() {
        let where_served = served(scene, index);
        let said = if where_served.is_empty() { "not served here".to_owned() } else { where_served };
        let token = if said.starts_with("not") { Token::Dim } else { Token::Strong };
        let value =
            if variation.placeholder { "value not known yet".to_owned() } else { variation.value.to_text() };
        let name = variation.name.clone().unwrap_or_default();
        let mut line = Line::new(format!("{index:>2}  "), Token::Dim);
        if !name.is_empty() {
            line = line.then(format!("{name}  "), Token::Strong);
        }
        lines.push(line.then(value, Token::Plain).ending(said, token).of(Item::Value(index)));
        if let Some(described) = variation.description.as_ref().filter(|d| !d.is_empty()) {
            lines.extend(scene.broken("    ", described, Token::Dim, None));
        }
    }
    if lines.is_empty() {
        lines.push(Line::new("no value yet: a adds one", Token::Dim));
    }
    if scene.row.value_schema.is_some() {
        lines.push(Line::gap());
        lines.push(Line::new("Values must fit the flag's JSON Schema.", Token::Dim));
    }
    lines
}

/// Where a variation is served: default, off, rules, targets.
fn served(scene: &Scene<'_>, index: usize) -> String {
    let Some(document) = scene.document else { return String::new() };
    let names = |serve: &Json| words::serves(serve).indices().any(|n| n == index);
    let wanted = i64::try_from(index).ok();
    let mut places = Vec::new();
    if document.get("fallthrough").is_some_and(names) {
        places.push("default".to_owned());
    }
    if document.get("offVariation").and_then(Json::as_i64) == wanted {
        places.push("off".to_owned());
    }
    let rules = scene.list("rules").iter().filter(|rule| names(rule)).count();
    match rules {
        0 => {}
        1 => places.push("1 rule".to_owned()),
        n => places.push(format!("{n} rules")),
    }
    let targets = scene.list("targets").iter().chain(scene.list("contextTargets"));
    let keys: usize = targets
        .filter(|t| t.get("variation").and_then(Json::as_i64) == wanted)
        .filter_map(|t| t.get("values").and_then(Json::as_array).map(<[Json]>::len))
        .sum();
    if keys > 0 {
        places.push(format!("{} targets", text::count(keys as u64)));
    }
    places.join(", ")
}

/// What it waits for, and what waits for it.
#[must_use]
pub fn prerequisites(scene: &Scene<'_>) -> Vec<Line> {
    let mut lines = overview::prerequisites(scene);
    if lines.is_empty() {
        lines.push(Line::new("it waits for no other flag here", Token::Dim));
    }
    if let Some(first) = lines.first_mut() {
        first.label = "WAITS FOR";
    }
    lines.push(Line::gap());
    let mut users = overview::used_by(scene);
    if users.is_empty() {
        users.push(Line::new("no other flag waits for it here", Token::Dim));
    }
    if let Some(first) = users.first_mut() {
        first.label = "USED BY";
    }
    lines.extend(users);
    lines
}

/// A document as coloured lines.
#[must_use]
pub fn json(document: &Json) -> Vec<Line> {
    let text = shared::json::pretty(document);
    let mut lines = vec![Vec::new()];
    for token in shared::json::tokens(&text) {
        let look = match token.kind {
            TokenKind::Key => Token::JsonKey,
            TokenKind::String => Token::JsonString,
            TokenKind::Number => Token::JsonNumber,
            TokenKind::True | TokenKind::False | TokenKind::Null => Token::JsonLiteral,
            TokenKind::Invalid => Token::JsonError,
            _ => Token::Plain,
        };
        for (n, part) in text.get(token.range).unwrap_or_default().split('\n').enumerate() {
            if n > 0 {
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) {
                line.push((part.to_owned(), look));
            }
        }
    }
    lines
        .into_iter()
        .map(|pieces| {
            let mut line = Line::gap();
            line.pieces = pieces;
            line
        })
        .collect()
}
