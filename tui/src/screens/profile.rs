//! A profile: where a daemon is, and how it is opened.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("profile.close", &["x"], "close", "Back to the screen before.")];

/// A profile: where a daemon is, and how it is opened.
#[derive(Debug)]
pub struct Profile {
    name: Option<String>,
}

impl Profile {
    /// Makes the screen.
    #[must_use]
    pub fn new(name: Option<String>, _world: &World) -> Self {
        Self { name }
    }
}

impl Screen for Profile {
    fn route(&self) -> Route {
        Route::Form(Form::Profile { name: self.name.clone() })
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
        canvas.put(1, 0, "Profile", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["profile.close"]
    }
}
