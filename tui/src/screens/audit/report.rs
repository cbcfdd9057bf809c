//! What is copied of the feed: a row, a document, a report in Markdown, a table.

use super::draw::{action, clock, place, spoken};
use super::feed::Row;
use crate::text::shown;
use crate::widgets::change_words::of_line;
use crate::world::World;
use shared::json::Json;

/// The text that `y` and a letter copies of the selected row, or of `chosen` rows.
#[must_use]
pub fn copy(world: &World, row: &Row, chosen: &[&Row], what: &str) -> Option<String> {
    let line = &row.head;
    match what {
        "row" => Some(spoken(world, row)),
        "key" => Some(line.key.clone()),
        "value" => Some(row.words(world).join(", ")),
        "json" => {
            let side = |json: &Option<Json>| json.clone().unwrap_or_default();
            let both: Json =
                [("before", side(&line.before)), ("after", side(&line.after))].into_iter().collect();
            Some(shared::json::pretty(&both))
        }
        "cli" => Some(crate::widgets::revert::cli(line)).filter(|cli| !cli.is_empty()),
        "link" => Some(format!("{}/api/revisions/{}", world.server, line.revision)),
        "report" => Some(report(world, chosen)),
        "table" => Some(table(world, chosen)),
        _ => None,
    }
}

/// A timeline in Markdown, oldest first.
fn report(world: &World, rows: &[&Row]) -> String {
    let mut out = format!("## Changes, {}\n", span(rows));
    for row in rows {
        for line in row.lines() {
            let at = line.at.map_or_else(String::new, |at| at.date().to_string());
            let comment = if line.comment.is_empty() {
                String::new()
            } else {
                format!("; \"{}\"", plain(&line.comment))
            };
            out.push_str(&format!(
                "- {at} {} UTC, rev {}: **{}** {} by {}: {}{comment}\n",
                clock(line.at),
                line.revision,
                plain(&line.key),
                plain(super::feed::environment(line)),
                plain(&line.actor),
                plain(&of_line(line, world).join(", ")),
            ));
        }
    }
    out
}

fn span(rows: &[&Row]) -> String {
    let at = |row: Option<&&Row>| {
        row.and_then(|row| row.head.at)
            .map_or_else(String::new, |at| format!("{} {}", at.date(), clock(Some(at))))
    };
    format!("{} to {} UTC", at(rows.first()), at(rows.last()))
}

/// Text that stays on its line, and is no Markdown.
fn plain(text: &str) -> String {
    let shown = shown(text);
    let mut out = String::with_capacity(shown.len());
    for c in shown.chars() {
        if matches!(c, '*' | '_' | '`' | '[' | ']' | '<' | '#' | '|' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn table(world: &World, rows: &[&Row]) -> String {
    let mut out = "revision\ttime\tenvironment\tactor\taction\ttarget\tchange\tcomment".to_owned();
    for row in rows {
        let line = &row.head;
        let at = line.at.map_or_else(String::new, |at| format!("{} {}", at.date(), clock(Some(at))));
        let cells = [
            line.revision.to_string(),
            at,
            place(row),
            line.actor.clone(),
            action(line),
            line.key.clone(),
            row.words(world).join(", "),
            line.comment.clone(),
        ];
        out.push('\n');
        out.push_str(&cells.iter().map(|cell| shown(cell).into_owned()).collect::<Vec<_>>().join("\t"));
    }
    out
}
