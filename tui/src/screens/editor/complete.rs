//! What can be put at the cursor: members that are missing, values that there can be.

use super::{Editor, Item, Pane};
use crate::edit::hints::{Hint, hint};
use crate::edit::insert::{Insert, member};
use crate::screens::{Do, Tone};
use crate::widgets::list::List;
use crate::world::World;
use shared::json::{Json, locate};

/// How many proposals are seen at once.
pub(super) const ROWS: usize = 6;

impl Editor {
    /// What is known about the place of the cursor.
    pub(super) fn hint(&self) -> Hint {
        hint(&self.schema, self.code.text(), self.code.at())
    }

    /// Puts what can only be one thing; else shows what there is.
    pub(super) fn complete(&mut self, world: &World) -> Vec<Do> {
        let mut items = self.items(&self.hint());
        match items.len() {
            0 => {
                let said = "nothing more is known to belong here".to_owned();
                return vec![Do::Toast(Tone::Info, said)];
            }
            1 => {
                if let Some(item) = items.pop() {
                    self.put(world, &item);
                }
            }
            _ => self.pane = Pane::Choose(items, List::default()),
        }
        Vec::new()
    }

    pub(super) fn put(&mut self, world: &World, item: &Item) {
        self.code.replace(item.insert.range.clone(), &item.insert.with);
        self.code.go(item.insert.cursor);
        self.changed(world);
    }

    fn items(&self, hint: &Hint) -> Vec<Item> {
        let text = self.code.text();
        let here = locate(text, &hint.pointer);
        let now = here.clone().and_then(|range| text.get(range)).unwrap_or_default().to_owned();
        let at = self.code.at();
        let place = if hint.pointer == hint.container { None } else { Some(here.unwrap_or(at..at)) };
        let mut items = Vec::new();
        for choice in &hint.choices {
            let with = choice.value.to_text();
            if let Some(range) = place.clone().filter(|_| with != now) {
                let insert = Insert { cursor: range.start, range, with: with.clone() };
                items.push(Item { label: with, about: choice.means.clone(), insert });
            }
        }
        for allowed in hint.allowed.iter().filter(|allowed| !allowed.set) {
            if let Some(insert) = member(text, &hint.container, &allowed.key, &allowed.start) {
                let must = if allowed.required { ", required" } else { "" };
                let label = Json::from(allowed.key.as_str()).to_text();
                items.push(Item { label, about: format!("{}{must}", allowed.kind), insert });
            }
        }
        items
    }
}
