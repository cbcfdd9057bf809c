//! A new segment.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("new-segment.close", &["x"], "close", "Back to the screen before.")];

/// A new segment.
#[derive(Debug)]
pub struct NewSegment {
    environment: String,
}

impl NewSegment {
    /// Makes the screen.
    #[must_use]
    pub fn new(environment: String) -> Self {
        Self { environment }
    }
}

impl Screen for NewSegment {
    fn route(&self) -> Route {
        Route::Form(Form::NewSegment { environment: self.environment.clone() })
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
        canvas.put(1, 0, "NewSegment", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["new-segment.close"]
    }
}
