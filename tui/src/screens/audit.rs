//! The audit feed: every change as it comes.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] = &[Action::reads("audit.close", &["x"], "close", "Back to the screen before.")];

/// The audit feed: every change as it comes.
#[derive(Debug)]
pub struct Audit {
    filter: String,
}

impl Audit {
    /// Makes the screen.
    #[must_use]
    pub fn new(filter: String) -> Self {
        Self { filter }
    }
}

impl Screen for Audit {
    fn route(&self) -> Route {
        Route::Audit { filter: self.filter.clone() }
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
        canvas.put(1, 0, "Audit", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["audit.close"]
    }
}
