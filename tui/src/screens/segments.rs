//! The segments of an environment.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("segments.close", &["x"], "close", "Back to the screen before.")];

/// The segments of an environment.
#[derive(Debug)]
pub struct Segments {
    environment: String,
    key: Option<String>,
}

impl Segments {
    /// Makes the screen.
    #[must_use]
    pub fn new(environment: String, key: Option<String>) -> Self {
        Self { environment, key }
    }
}

impl Screen for Segments {
    fn route(&self) -> Route {
        Route::Segments { environment: self.environment.clone(), key: self.key.clone() }
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
        canvas.put(1, 0, "Segments", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["segments.close"]
    }
}
