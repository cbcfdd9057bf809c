//! What an evaluation answers, and evaluating.

use std::sync::Arc;

use super::budget::{Budget, Metered, Spent};
use super::decision::Outcome;
use super::graph::{ByKey, Graph};
use super::prepare::{PreparedFlag, Variation};
use super::reason::{Reason, ReasonKind};
use super::store::Store;
use super::trace::{Listener, Nobody};
use super::walk::Walk;
use crate::context::Context;
use crate::json::Json;

/// The answer: what a flag serves to a context, and why.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'f> {
    /// The flag that was evaluated.
    pub flag: &'f PreparedFlag,
    /// The index of the variation; `None` if there is no result or the off variation is not set.
    pub variation_index: Option<usize>,
    /// Why.
    pub reason: Reason<'f>,
    /// The keys of the direct prerequisites that were evaluated, in order: up to the first that failed,
    /// and without one that doesn't exist.
    pub prerequisites: &'f [Box<str>],
    /// Whether somebody without a key was to be divided by it, so that the result means nothing. Never of a
    /// context that was parsed: those have keys.
    pub missed_key: bool,
}

impl<'f> Evaluation<'f> {
    pub(super) fn new<G: Graph<'f>, L: Listener>(
        flag: &'f PreparedFlag,
        outcome: Outcome,
        walk: &Walk<'f, '_, G, L>,
    ) -> Self {
        Self {
            flag,
            variation_index: outcome.index(),
            reason: Reason { kind: outcome.reason.told(flag), big_segments_status: walk.big_segments },
            prerequisites: flag.prerequisites.get(..walk.evaluated).unwrap_or_default(),
            missed_key: walk.missed_key,
        }
    }

    /// What a flag serves to everybody alike.
    #[inline]
    pub(super) fn of_all(flag: &'f PreparedFlag, outcome: Outcome) -> Self {
        let reason = Reason { kind: outcome.reason.told(flag), big_segments_status: None };
        Self { flag, variation_index: outcome.index(), reason, prerequisites: &[], missed_key: false }
    }

    /// The variation; `None` means null, for which SDKs take the caller's default.
    pub fn variation(&self) -> Option<&'f Variation> {
        self.flag.variations.get(self.variation_index?)
    }

    /// The value.
    pub fn value(&self) -> Option<&'f Json> {
        self.variation().map(Variation::value)
    }

    /// The value's compact text, numbers as they were written.
    pub fn text(&self) -> Option<&'f Arc<str>> {
        self.variation().map(Variation::text)
    }

    /// Whether SDKs are to report the evaluation together with its reason.
    pub fn is_experiment(&self) -> bool {
        match self.reason.kind {
            kind if kind.is_in_experiment() => true,
            ReasonKind::Fallthrough { .. } => self.flag.track_events_fallthrough,
            ReasonKind::RuleMatch { index, .. } => self.flag.rules.get(index).is_some_and(|r| r.track_events),
            _ => false,
        }
    }

    /// Whether SDKs are to report the evaluation.
    pub fn track_events(&self) -> bool {
        self.flag.track_events() || self.is_experiment()
    }
}

/// Evaluates a flag for a context, with the other flags and the segments of the store. Never fails:
/// what can't be evaluated has an error as its reason.
pub fn evaluate<'f, S: Store + ?Sized>(
    store: &'f S,
    flag: &'f PreparedFlag,
    context: &Context,
) -> Evaluation<'f> {
    evaluate_in(ByKey(store), flag, (), context)
}

/// Evaluates a flag that stands at a place of a graph.
pub(super) fn evaluate_in<'f, G: Graph<'f>>(
    graph: G,
    flag: &'f PreparedFlag,
    place: G::Place,
    context: &Context,
) -> Evaluation<'f> {
    let mut walk = Walk::new(graph, context, Nobody);
    let outcome = walk.run(flag, place);
    Evaluation::new(flag, outcome, &walk)
}

/// Evaluates as [`evaluate`] does, within a budget. The result is the same.
///
/// # Errors
/// The budget was used up.
pub fn evaluate_within<'f, S: Store + ?Sized>(
    store: &'f S,
    flag: &'f PreparedFlag,
    context: &Context,
    mut budget: Budget,
) -> Result<Evaluation<'f>, Spent> {
    let listener = Metered { budget: &mut budget, inner: Nobody };
    let (evaluation, _) = told(ByKey(store), flag, (), context, listener);
    budget.kept(evaluation)
}

/// Evaluates, and tells a listener, who comes back.
pub(super) fn told<'f, G: Graph<'f>, L: Listener>(
    graph: G,
    flag: &'f PreparedFlag,
    place: G::Place,
    context: &Context,
    listener: L,
) -> (Evaluation<'f>, L) {
    let mut walk = Walk::new(graph, context, listener);
    let outcome = walk.run(flag, place);
    (Evaluation::new(flag, outcome, &walk), walk.into_listener())
}
