//! The share of each variation in the default rule.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("rollout.close", &["x"], "close", "Back to the screen before.")];

/// The share of each variation in the default rule.
#[derive(Debug)]
pub struct Rollout {
    flag: String,
    environment: String,
}

impl Rollout {
    /// Makes the screen.
    #[must_use]
    pub fn new(flag: String, environment: String, _world: &World) -> Self {
        Self { flag, environment }
    }
}

impl Screen for Rollout {
    fn route(&self) -> Route {
        Route::Form(Form::Rollout { flag: self.flag.clone(), environment: self.environment.clone() })
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
        canvas.put(1, 0, "Rollout", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["rollout.close"]
    }
}
