//! Two environments side by side, and promoting from one to the other.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("compare.close", &["x"], "close", "Back to the screen before.")];

/// Two environments side by side, and promoting from one to the other.
#[derive(Debug)]
pub struct Compare {
    left: String,
    right: String,
    keys: Vec<String>,
}

impl Compare {
    /// Makes the screen.
    #[must_use]
    pub fn new(left: String, right: String, keys: Vec<String>) -> Self {
        Self { left, right, keys }
    }
}

impl Screen for Compare {
    fn route(&self) -> Route {
        Route::Compare { left: self.left.clone(), right: self.right.clone(), keys: self.keys.clone() }
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
        canvas.put(1, 0, "Compare", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["compare.close"]
    }
}
