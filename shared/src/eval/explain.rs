//! Telling how a flag came to serve what it serves: the same walk, written down.

use super::budget::{Budget, Metered, Spent};
use super::graph::{ByKey, Graph};
use super::outcome::{Evaluation, told};
use super::prepare::PreparedFlag;
use super::store::Store;
use super::trace::{Explanation, Recorder};
use crate::context::Context;
use crate::json::Json;

/// Evaluates as [`super::evaluate`] does, and tells every step. The result is the same.
pub fn explain<S: Store + ?Sized>(store: &S, flag: &PreparedFlag, context: &Context) -> Explanation {
    explain_in(ByKey(store), flag, (), context)
}

/// The same within a budget.
///
/// # Errors
/// The budget was used up.
pub fn explain_within<S: Store + ?Sized>(
    store: &S,
    flag: &PreparedFlag,
    context: &Context,
    mut budget: Budget,
) -> Result<Explanation, Spent> {
    let listener = Metered { budget: &mut budget, inner: Recorder::default() };
    let (evaluation, listener) = told(ByKey(store), flag, (), context, listener);
    let explanation = whole(evaluation, listener.inner);
    budget.kept(explanation)
}

/// Explains a flag that stands at a place of a graph.
pub(super) fn explain_in<'f, G: Graph<'f>>(
    graph: G,
    flag: &'f PreparedFlag,
    place: G::Place,
    context: &Context,
) -> Explanation {
    let (evaluation, recorder) = told(graph, flag, place, context, Recorder::default());
    whole(evaluation, recorder)
}

fn whole(evaluation: Evaluation<'_>, recorder: Recorder) -> Explanation {
    let mut explanation = recorder.finish();
    explanation.variation = evaluation.variation_index;
    explanation.value = Some(evaluation.value().cloned().unwrap_or_default());
    explanation.reason = Json::from_serialize(&evaluation.reason);
    explanation
}
