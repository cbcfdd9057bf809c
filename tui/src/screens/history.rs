//! The history of a flag or segment, with the diff of each revision.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("history.close", &["x"], "close", "Back to the screen before.")];

/// The history of a flag or segment, with the diff of each revision.
#[derive(Debug)]
pub struct History {
    kind: &'static str,
    key: String,
    environment: Option<String>,
}

impl History {
    /// Makes the screen.
    #[must_use]
    pub fn new(kind: &'static str, key: String, environment: Option<String>) -> Self {
        Self { kind, key, environment }
    }
}

impl Screen for History {
    fn route(&self) -> Route {
        Route::History { kind: self.kind, key: self.key.clone(), environment: self.environment.clone() }
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
        canvas.put(1, 0, "History", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["history.close"]
    }
}
