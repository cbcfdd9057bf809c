//! How much one evaluation may cost, where strangers bring the documents or the contexts.

use std::time::Instant;

use super::clause::Test;
use super::trace::{Listener, Node};
use crate::json::Json;

/// What one evaluation may cost. It is looked at while evaluating, so that nothing goes on for long once it is
/// used up. Evaluating without one costs nothing more than it did.
#[derive(Clone, Debug)]
pub struct Budget {
    steps: u64,
    end: Option<Instant>,
    spent: bool,
}

/// The budget was used up before the evaluation came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the evaluation takes more steps, or longer, than it may")]
pub struct Spent;

impl Budget {
    /// So many steps. A step is one value of a clause compared with one of the context, or about 16 bytes of it.
    #[must_use]
    pub const fn of(steps: u64) -> Self {
        Self { steps, end: None, spent: false }
    }

    /// The same, and not beyond that moment.
    #[must_use]
    pub const fn until(self, end: Instant) -> Self {
        Self { end: Some(end), ..self }
    }

    /// What came of it, unless it was used up.
    pub(super) fn kept<T>(&self, result: T) -> Result<T, Spent> {
        if self.spent { Err(Spent) } else { Ok(result) }
    }

    fn spend(&mut self, steps: u64) -> bool {
        let left = self.steps.checked_sub(steps).filter(|_| !self.spent);
        self.steps = left.unwrap_or_default();
        self.spent = left.is_none() || self.end.is_some_and(|end| Instant::now() >= end);
        !self.spent
    }
}

/// A listener to whom it matters how long the story is.
pub(super) struct Metered<'b, L> {
    pub(super) budget: &'b mut Budget,
    pub(super) inner: L,
}

impl<L: Listener> Listener for Metered<'_, L> {
    // Nobody checked how often these documents name the same thing.
    const REMEMBER_AFTER: usize = 4;

    fn open(&mut self, make: impl FnOnce() -> Node) {
        self.inner.open(make);
    }

    fn mark(&mut self, change: impl FnOnce(&mut Node)) {
        self.inner.mark(change);
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn spend(&mut self, steps: u64) -> bool {
        self.budget.spend(steps)
    }

    fn compare(&mut self, test: &Test, value: &Json) -> Option<bool> {
        test.matches_while(value, &mut |steps| self.budget.spend(steps))
    }
}
