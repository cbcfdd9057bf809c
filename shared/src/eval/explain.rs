//! Telling how a flag came to serve what it serves: the same walk, written down.

use super::graph::{ByKey, Graph};
use super::outcome::Evaluation;
use super::prepare::PreparedFlag;
use super::store::Store;
use super::trace::{Explanation, Recorder};
use super::walk::Walk;
use crate::context::Context;
use crate::json::Json;

/// Evaluates as [`super::evaluate`] does, and tells every step. The result is the same.
pub fn explain<S: Store + ?Sized>(store: &S, flag: &PreparedFlag, context: &Context) -> Explanation {
    explain_in(ByKey(store), flag, (), context)
}

/// Explains a flag that stands at a place of a graph.
pub(super) fn explain_in<'f, G: Graph<'f>>(
    graph: G,
    flag: &'f PreparedFlag,
    place: G::Place,
    context: &Context,
) -> Explanation {
    let mut walk = Walk::new(graph, context, Recorder::default());
    let outcome = walk.run(flag, place);
    let evaluation = Evaluation::new(flag, outcome, &walk);
    let mut explanation = walk.into_explanation();
    explanation.variation = evaluation.variation_index;
    explanation.value = Some(evaluation.value().cloned().unwrap_or_default());
    explanation.reason = Json::from_serialize(&evaluation.reason);
    explanation
}
