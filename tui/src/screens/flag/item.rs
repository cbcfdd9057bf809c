//! What a line of a flag stands for (GROUND of its tabs).

use super::evals::Evals;
use crate::cache::rows::FlagRow;
use crate::text;
use crate::theme::Token;
use crate::widgets::edits::Seen;
use crate::widgets::lines::Line as Row;
use crate::world::World;
use shared::json::Json;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A rule, by its place.
    Rule(usize),
    /// A rule that is staged to go, by its place before.
    Gone(usize),
    /// Another flag.
    Flag(String),
    /// A variation, by its place.
    Value(usize),
    /// A line of the history, by its place.
    Revision(usize),
}

/// A line of a tab.
pub type Line = Row<Item>;

/// What the tabs are made from.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'w> {
    /// What all screens look at.
    pub world: &'w World,
    /// The flag.
    pub row: &'w FlagRow,
    /// The environment's key.
    pub environment: &'w str,
    /// The configuration as it is staged, or as it is; none while it is not read.
    pub document: Option<&'w Json>,
    /// How often it was evaluated, as far as that was told.
    pub evals: &'w Evals,
    /// Columns of the screen.
    pub width: u16,
    /// The column where text begins.
    pub gutter: u16,
}

/// The column where text begins beside labels.
#[must_use]
pub fn beside_labels(width: u16) -> u16 {
    if width >= 80 { 14 } else { 11 }
}

impl Scene<'_> {
    /// The columns for text.
    #[must_use]
    pub fn room(&self) -> usize {
        usize::from(self.width.saturating_sub(self.gutter + 1))
    }

    /// Lines of `text` behind `before`, broken where they are too long; the first one ends with `right`.
    #[must_use]
    pub fn broken(
        &self,
        before: &str,
        text: &str,
        token: Token,
        right: Option<(String, Token)>,
    ) -> Vec<Line> {
        let taken = right.as_ref().map_or(0, |(right, _)| text::width(right).min(self.room() / 2) + 2);
        let indent = text::width(before);
        let mut lines: Vec<Line> = text::wrap(text, self.room().saturating_sub(taken + indent).max(12))
            .into_iter()
            .enumerate()
            .map(|(n, part)| {
                let before = if n == 0 { before.to_owned() } else { " ".repeat(indent) };
                Line::new(before, Token::Dim).then(part, token)
            })
            .collect();
        if let Some(first) = lines.first_mut() {
            first.right = right;
        }
        lines
    }

    /// The list of a member of the configuration.
    #[must_use]
    pub fn list(&self, member: &str) -> &[Json] {
        self.document.and_then(|d| d.get(member)).and_then(Json::as_array).unwrap_or_default()
    }

    /// The value of a variation that a member `variation` names.
    #[must_use]
    pub fn value(&self, of: &Json) -> String {
        let index = of.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
        index.map_or_else(|| "?".to_owned(), |index| self.row.value(index))
    }
}

/// The configuration to show: as it is staged, or as it is; and what a new edit begins from.
#[must_use]
pub fn current<'w>(world: &'w World, flag: &str, environment: &str) -> Option<(&'w Json, Seen)> {
    let at = (flag.to_owned(), environment.to_owned());
    if let Some(staged) = world.staged.get(&at) {
        let seen = Seen { document: staged.base.clone(), revision: staged.base_revision };
        return Some((&staged.document, seen));
    }
    let row = world.cache.configs.get(&at)?;
    let document = row.get("config").or_else(|| row.get("document"))?;
    Some((document, Seen::read(row)?))
}
