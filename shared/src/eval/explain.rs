//! Telling how a flag came to serve what it serves: the same walk, written down.

use super::outcome::Evaluation;
use super::prepare::PreparedFlag;
use super::store::Store;
use super::trace::{Explanation, Recorder};
use super::walk::Walk;
use crate::context::Context;
use crate::json::Json;

/// Evaluates as [`super::evaluate`] does, and tells every step. The result is the same.
pub fn explain<S: Store + ?Sized>(store: &S, flag: &PreparedFlag, context: &Context) -> Explanation {
    let mut walk = Walk::new(store, context, Some(Recorder::default()));
    let outcome = walk.run(flag);
    let evaluation = Evaluation::new(flag, outcome, &mut walk);
    let mut explanation = walk.into_explanation();
    explanation.variation = evaluation.variation_index;
    explanation.value = Some(evaluation.value().cloned().unwrap_or_default());
    explanation.reason = Json::from_serialize(&evaluation.reason);
    explanation
}
