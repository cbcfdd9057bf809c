//! One targeting rule.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::{Form, Route};
use crate::theme::Token;
use crate::world::World;
use shared::json::Json;

/// What can be done here.
pub const ACTIONS: &[Action] = &[Action::reads("rule.close", &["x"], "close", "Back to the screen before.")];

/// One targeting rule.
#[derive(Debug)]
pub struct Rule {
    flag: String,
    environment: String,
    index: Option<usize>,
    rule: Json,
}

impl Rule {
    /// Makes the screen.
    #[must_use]
    pub fn new(flag: String, environment: String, index: Option<usize>, rule: Json, _world: &World) -> Self {
        Self { flag, environment, index, rule }
    }
}

impl Screen for Rule {
    fn route(&self) -> Route {
        Route::Form(Form::Rule {
            flag: self.flag.clone(),
            environment: self.environment.clone(),
            index: self.index,
            rule: self.rule.clone(),
        })
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
        canvas.put(1, 0, "Rule", Token::Title);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["rule.close"]
    }
}
