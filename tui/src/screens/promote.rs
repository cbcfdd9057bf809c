//! Where to promote flags to.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] =
    &[Action::reads("promote.close", &["x"], "close", "Back to the screen before.")];

/// Where to promote flags to.
#[derive(Debug)]
pub struct Promote {
    flags: Vec<String>,
    from: String,
}

impl Promote {
    /// Makes the screen.
    #[must_use]
    pub fn new(flags: Vec<String>, from: String, _world: &World) -> Self {
        Self { flags, from }
    }
}

impl Screen for Promote {
    fn route(&self) -> Route {
        Route::Form(Form::Promote { flags: self.flags.clone(), from: self.from.clone() })
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
        canvas.put(1, 0, "Promote", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["promote.close"]
    }
}
