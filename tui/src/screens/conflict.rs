//! A conflict: what was edited here and what somebody else saved, path by path.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Document, Route};
use crate::theme::Token;
use crate::world::World;
use shared::json::Json;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("conflict.close", &["x"], "close", "Back to the screen before.")];

/// A conflict: what was edited here and what somebody else saved, path by path.
#[derive(Debug)]
pub struct Conflict {
    document: Document,
    base: Json,
    ours: Json,
    text: String,
    base_revision: u64,
}

impl Conflict {
    /// Makes the screen.
    #[must_use]
    pub fn new(document: Document, base: Json, ours: Json, text: String, base_revision: u64) -> Self {
        Self { document, base, ours, text, base_revision }
    }
}

impl Screen for Conflict {
    fn route(&self) -> Route {
        Route::Conflict {
            document: self.document.clone(),
            base: self.base.clone(),
            ours: self.ours.clone(),
            text: self.text.clone(),
            base_revision: self.base_revision,
        }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn on(&mut self, _world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Action(_) => vec![Do::Back],
            _ => Vec::new(),
        }
    }

    fn view(&self, _world: &World, canvas: &mut Canvas<'_>) {
        canvas.put(1, 0, "Conflict", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["conflict.close"]
    }
}
