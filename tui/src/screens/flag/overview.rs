//! Everything that decides a flag's value in an environment, in the order in which it decides.

use super::item::{Item, Line, Scene};
use super::past::Told;
use super::{counted, rules};
use crate::cache::rows::percent;
use crate::text;
use crate::theme::Token;
use crate::widgets::matrix::short_name;
use crate::widgets::usage::Place;
use crate::widgets::words::{self, Met};
use shared::json::Json;
use shared::targeting::Serves;

/// The lines of the overview.
#[must_use]
pub fn lines(scene: &Scene<'_>, past: &[Told]) -> Vec<Line> {
    let mut lines = about(scene);
    lines.extend(state(scene));
    if scene.document.is_some() {
        let mut waits = prerequisites(scene);
        let unmet = scene.count(&Place::Prerequisite).text();
        if !unmet.is_empty() {
            waits.push(Line::new(
                format!("not met: {unmet} evaluations, served as if it were off"),
                Token::Dim,
            ));
        }
        lines.extend(block("PREREQS", waits));
        lines.extend(block("TARGETS", targets(scene)));
        lines.extend(block("RULES", rules::lines(scene, false)));
        lines.extend(block("DEFAULT", default(scene)));
    }
    lines.extend(block("EVALS", counted::lines(scene)));
    lines.extend(block("USED BY", used_by(scene)));
    lines.extend(block("LAST", last(scene, past)));
    lines
}

/// Puts the label before the first line of a block; an empty block is left out.
fn block(label: &'static str, mut lines: Vec<Line>) -> Vec<Line> {
    if let Some(first) = lines.first_mut() {
        first.label = label;
    }
    lines
}

fn about(scene: &Scene<'_>) -> Vec<Line> {
    let row = scene.row;
    let mut said = if row.description.is_empty() { row.name.clone() } else { row.description.clone() };
    if !row.tags.is_empty() {
        said.push_str(&format!("   tags {}", row.tags.join(", ")));
    }
    if said == row.key {
        return Vec::new();
    }
    block("ABOUT", scene.broken("", &said, Token::Plain, None).into_iter().take(2).collect())
}

fn state(scene: &Scene<'_>) -> Vec<Line> {
    let Some(cell) = scene.row.cells.get(scene.environment) else {
        let said = format!("no configuration in {} yet: space or e makes one", scene.environment);
        return vec![Line::new(said, Token::Dim).labelled("STATE")];
    };
    let (word, token) = match (scene.row.archived, cell.summary.on) {
        (true, _) => ("archived", Token::Dim),
        (_, true) => ("on", Token::On),
        (_, false) => ("off", Token::Off),
    };
    let off = cell.summary.off_variation;
    let off = off.map_or_else(|| "the caller's default".to_owned(), |n| scene.row.value(n));
    let verb = if cell.summary.on { "off would serve" } else { "serves" };
    let line = Line::new(text::pad(word, 9), token).then(format!("{verb} {off}"), Token::Plain);
    let version = format!("version {}", cell.version);
    let off = scene.count(&Place::Off).text();
    let right = if off.is_empty() { version } else { format!("off {off}   {version}") };
    vec![line.labelled("STATE").ending(right, Token::Dim)]
}

/// The flags it waits for.
#[must_use]
pub fn prerequisites(scene: &Scene<'_>) -> Vec<Line> {
    let line = |wanted: &Json| {
        let key = wanted.get("key").and_then(Json::as_str).unwrap_or("?");
        let index = wanted.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
        let index = index.unwrap_or(usize::MAX);
        let other = scene.world.cache.flags.get(key);
        let value = other.map_or_else(|| "?".to_owned(), |row| row.value(index));
        let (met, why) = words::met(scene.world, scene.environment, key, index);
        let (word, token) = match met {
            Met::Yes => (format!("met ({why})"), Token::On),
            Met::Part => (format!("partly met: {why}"), Token::Part),
            Met::No => (format!("NOT MET: {why}"), Token::Bad),
        };
        Line::new(format!("{key} = {value}"), Token::Plain).ending(word, token).of(Item::Flag(key.to_owned()))
    };
    scene.list("prerequisites").iter().map(line).collect()
}

fn targets(scene: &Scene<'_>) -> Vec<Line> {
    let line = |target: &Json| {
        let keys = target.get("values").and_then(Json::as_array).unwrap_or_default();
        if keys.is_empty() {
            return None;
        }
        let kind = target.get("contextKind").and_then(Json::as_str).unwrap_or("user");
        let shown: Vec<&str> = keys.iter().take(20).filter_map(Json::as_str).collect();
        let word = if keys.len() == 1 { "key" } else { "keys" };
        let right = format!("-> {}  {} {word}", scene.value(target), text::count(keys.len() as u64));
        let variation = target.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
        let right = match variation {
            Some(index) => scene.counted(right, &Place::Target(index)),
            None => right,
        };
        Some(
            Line::new(format!("{kind} "), Token::Dim)
                .then(shown.join(", "), Token::Plain)
                .ending(right, Token::Strong),
        )
    };
    scene.list("targets").iter().chain(scene.list("contextTargets")).filter_map(line).collect()
}

fn default(scene: &Scene<'_>) -> Vec<Line> {
    let serve = scene.document.and_then(|d| d.get("fallthrough")).unwrap_or(&Json::Null);
    let share = |index: usize, weight: i64| {
        let token = if weight > 0 { Token::Plain } else { Token::Dim };
        let value = text::pad(&scene.row.value(index), 16);
        #[allow(clippy::cast_precision_loss)] // weights are at most 100,000
        let part = weight as f64 / 1000.0;
        let mut line = Line::new(format!("{value}{} ", text::pad_left(&percent(weight), 8)), token);
        line.bar = Some(part);
        line
    };
    let count = Some(scene.count(&Place::Default).text()).filter(|count| !count.is_empty());
    let count = count.map(|count| (count, Token::Strong));
    match words::serves(serve) {
        Serves::Nothing => vec![Line::new("nothing: the caller's own default", Token::Dim)],
        Serves::Variation(index) => {
            let mut line = share(index, 100_000);
            line.right = count;
            vec![line]
        }
        Serves::Rollout(parts) => {
            let divided = words::divided(serve.get("rollout").unwrap_or(&Json::Null));
            let mut first = Line::new(format!("rollout, {divided}"), Token::Plain);
            first.right = count;
            let mut lines = vec![first];
            lines.extend(parts.iter().map(|(index, weight)| share(*index, *weight)));
            lines
        }
    }
}

/// The flags that wait for it in this environment.
#[must_use]
pub fn used_by(scene: &Scene<'_>) -> Vec<Line> {
    let waits = |environment: &str, row: &crate::cache::rows::FlagRow| {
        !row.archived
            && row
                .cells
                .get(environment)
                .is_some_and(|cell| cell.summary.prerequisites.contains(&scene.row.key))
    };
    let flags = scene.world.cache.flags.values().filter(|row| waits(scene.environment, row));
    flags
        .map(|row| {
            Line::new(row.key.clone(), Token::Plain)
                .then("  waits for it", Token::Dim)
                .ending(row.word(scene.environment), Token::Dim)
                .of(Item::Flag(row.key.clone()))
        })
        .collect()
}

fn last(scene: &Scene<'_>, past: &[Told]) -> Vec<Line> {
    let here = |told: &&Told| told.line.kind == "flag" || told.line.environment == scene.environment;
    if let Some((n, told)) = past.iter().enumerate().find(|(_, told)| here(told)) {
        let age = told.line.at.map_or(String::new(), |at| text::age(at, scene.world.now));
        let mut said = format!("{age} ago by {}: {}", short_name(&told.line.actor), told.words);
        if !told.line.comment.is_empty() {
            said.push_str(&format!("  '{}'", told.line.comment));
        }
        let right = Some((format!("rev {}", told.line.revision), Token::Dim));
        let mut lines = scene.broken("", &said, Token::Plain, right);
        lines.truncate(3);
        if let Some(first) = lines.first_mut() {
            first.item = Some(Item::Revision(n));
        }
        return lines;
    }
    let cell = scene.row.cells.get(scene.environment);
    let Some((cell, at)) = cell.and_then(|cell| Some((cell, cell.updated_at?))) else { return Vec::new() };
    let said = format!("{} ago by {}", text::age(at, scene.world.now), short_name(&cell.updated_by));
    vec![Line::new(said, Token::Plain).ending(format!("rev {}", cell.revision), Token::Dim)]
}
