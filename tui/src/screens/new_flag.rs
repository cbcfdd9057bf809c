//! A new flag.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("new-flag.close", &["x"], "close", "Back to the screen before.")];

/// A new flag.
#[derive(Debug)]
pub struct NewFlag {}

impl NewFlag {
    /// Makes the screen.
    #[must_use]
    pub fn new(_world: &World) -> Self {
        Self {}
    }
}

impl Screen for NewFlag {
    fn route(&self) -> Route {
        Route::Form(Form::NewFlag)
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
        canvas.put(1, 0, "NewFlag", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["new-flag.close"]
    }
}
