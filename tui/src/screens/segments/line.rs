//! A segment as the list shows it.

use crate::cache::rows::{instant, number, text as word, texts, truth};
use shared::json::Json;
use time::OffsetDateTime;

/// A segment as the list shows it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
    included: u64,
    rules: u64,
    pub(super) archived: bool,
    pub(super) changed: Option<OffsetDateTime>,
    pub(super) by: String,
}

impl Line {
    /// Reads an item of the list.
    pub(super) fn read(row: &Json) -> Option<Self> {
        Some(Self {
            key: word(row.get("key"))?,
            name: word(row.get("name")).unwrap_or_default(),
            tags: texts(row.get("tags")),
            included: number(row.get("included")),
            rules: number(row.get("rules")),
            archived: truth(row.get("archived")),
            changed: instant(row.get("updatedAt")),
            by: word(row.get("updatedBy")).unwrap_or_default(),
        })
    }

    /// What it consists of, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match (self.archived, self.included > 0, self.rules > 0) {
            (true, ..) => "archived",
            (_, true, true) => "ids+rule",
            (_, true, false) => "ids",
            (_, false, true) => "rule",
            (_, false, false) => "empty",
        }
    }
}
