//! What is counted of evaluations that are made here and not by an SDK.

use shared::context::{Context, Individual};
use shared::eval::{Evaluation, ReasonKind};
use shared::flag::FlagConfig;

use super::asked::SdkAsked;
use crate::usage::{self, Kind, Source};

/// Counts one evaluation.
pub fn evaluated(asked: &SdkAsked, config: &FlagConfig, evaluation: &Evaluation<'_>) {
    let reason = evaluation.reason.kind;
    let environment = asked.served.state.stored.row.id;
    asked.state.usage.record(
        environment,
        &usage::Evaluation {
            config: config.id,
            version: Some(config.version),
            variation: evaluation.variation_index,
            kind: Kind::of(reason.as_str()),
            rule: match reason {
                ReasonKind::RuleMatch { id, .. } => Some(id),
                _ => None,
            },
            at: asked.state.clock.now(),
            count: 1,
        },
    );
}

/// Notes that a context was seen; one that nobody named is not.
pub fn saw(asked: &SdkAsked, context: &Context, source: Source) {
    if context.individuals().iter().all(Individual::has_key) {
        asked.state.usage.saw(asked.served.state.stored.row.id, &context.to_json(), source);
    }
}
