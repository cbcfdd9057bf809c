//! My last changes, to undo one of them.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] = &[Action::reads("undo.close", &["x"], "close", "Back to the screen before.")];

/// My last changes, to undo one of them.
#[derive(Debug)]
pub struct Undo {}

impl Undo {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl Screen for Undo {
    fn route(&self) -> Route {
        Route::Undo
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
        canvas.put(1, 0, "Undo", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["undo.close"]
    }
}
