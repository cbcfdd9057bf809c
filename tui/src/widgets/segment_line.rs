//! A segment as the list shows it.

use crate::cache::rows::{instant, number, text as word, texts, truth};
use shared::json::Json;
use time::OffsetDateTime;

/// A segment of a list.
#[derive(Clone, Debug)]
pub struct Line {
    /// The key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How many keys it includes.
    pub included: u64,
    /// How many rules it has.
    pub rules: u64,
    /// Nobody is in it any more.
    pub archived: bool,
    /// When it was last changed.
    pub changed: Option<OffsetDateTime>,
    /// Who did that.
    pub by: String,
}

impl Line {
    /// Reads an item of the list.
    #[must_use]
    pub fn read(row: &Json) -> Option<Self> {
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
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (self.archived, self.included > 0, self.rules > 0) {
            (true, ..) => "archived",
            (_, true, true) => "ids+rule",
            (_, true, false) => "ids",
            (_, false, true) => "rule",
            (_, false, false) => "empty",
        }
    }
}
