//! Context keys to add to a segment, or to take out of it.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("members.close", &["x"], "close", "Back to the screen before.")];

/// Context keys to add to a segment, or to take out of it.
#[derive(Debug)]
pub struct Members {
    segment: String,
    environment: String,
    remove: bool,
}

impl Members {
    /// Makes the screen.
    #[must_use]
    pub fn new(segment: String, environment: String, remove: bool) -> Self {
        Self { segment, environment, remove }
    }
}

impl Screen for Members {
    fn route(&self) -> Route {
        Route::Form(Form::Members {
            segment: self.segment.clone(),
            environment: self.environment.clone(),
            remove: self.remove,
        })
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
        canvas.put(1, 0, "Members", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["members.close"]
    }
}
