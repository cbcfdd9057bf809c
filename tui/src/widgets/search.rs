//! Whether a flag is asked for by what was typed into a filter.

use crate::cache::rows::FlagRow;
use crate::world::World;
use shared::query::{Place, Query, State, Subject};
use time::OffsetDateTime;

/// Whether a flag is asked for, and how well it fits.
#[must_use]
pub fn matched(query: &Query, row: &FlagRow, environments: &[&str], world: &World) -> Option<u32> {
    let zero = OffsetDateTime::UNIX_EPOCH;
    let places: Vec<Place<'_>> = environments
        .iter()
        .map(|key| Place {
            key,
            state: row.cells.get(*key).map(|cell| State {
                summary: &cell.summary,
                document: world
                    .cache
                    .configs
                    .get(&(row.key.clone(), (*key).to_owned()))
                    .and_then(|row| row.get("config")),
                changed_at: cell.updated_at.unwrap_or(zero),
                changed_by: &cell.updated_by,
                last_evaluated: cell.evaluated.at(),
            }),
        })
        .collect();
    let mut marks: Vec<&str> = Vec::new();
    if world.marks.contains(&row.key) {
        marks.push("mark");
    }
    if world.drafts.keys().any(|document| document.key() == row.key) {
        marks.push("draft");
    }
    let subject = Subject {
        key: &row.key,
        name: &row.name,
        description: &row.description,
        tags: &row.tags,
        kind: row.kind,
        owner: row.owner.as_deref(),
        archived: row.archived,
        variations: &row.variations,
        changed_at: row.updated_at.unwrap_or(zero),
        changed_by: &row.updated_by,
        environments: &places,
        marks: &marks,
    };
    query.matches(&subject, world.now)
}
