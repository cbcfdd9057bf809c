//! The editor of one document, as JSON.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Document, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("editor.close", &["x"], "close", "Back to the screen before.")];

/// The editor of one document, as JSON.
#[derive(Debug)]
pub struct Editor {
    document: Document,
}

impl Editor {
    /// Makes the screen.
    #[must_use]
    pub fn new(document: Document, _world: &World) -> Self {
        Self { document }
    }
}

impl Screen for Editor {
    fn route(&self) -> Route {
        Route::Editor(self.document.clone())
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
        canvas.put(1, 0, "Editor", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["editor.close"]
    }
}
