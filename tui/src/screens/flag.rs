//! One flag in one environment: everything that decides its value, in the order in which it decides.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::theme::Token;
use crate::world::World;

/// What can be done here.
pub const ACTIONS: &[Action] = &[Action::reads("flag.close", &["x"], "close", "Back to the screen before.")];

/// One flag in one environment: everything that decides its value, in the order in which it decides.
#[derive(Debug)]
pub struct Flag {
    key: String,
    environment: String,
    tab: usize,
}

impl Flag {
    /// Makes the screen.
    #[must_use]
    pub fn new(key: String, environment: String, tab: usize, _world: &World) -> Self {
        Self { key, environment, tab }
    }
}

impl Screen for Flag {
    fn route(&self) -> Route {
        Route::Flag { key: self.key.clone(), environment: self.environment.clone(), tab: self.tab }
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
        canvas.put(1, 0, "Flag", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["flag.close"]
    }
}
