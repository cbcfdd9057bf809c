//! What is counted of evaluations that are made here and not by an SDK.

use shared::context::{Context, Individual};
use shared::eval::{Evaluation, ReasonKind};
use shared::flag::FlagConfig;
use shared::json::Json;

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
        let told = if source == Source::Evalx { named(context) } else { context.to_json() };
        asked.state.usage.saw(asked.served.state.stored.row.id, &told, source);
    }
}

/// Who a context is. Client-side SDKs send all attributes to have flags evaluated, and name in no request those
/// that their settings keep private: only their events leave these out.
fn named(context: &Context) -> Json {
    let one = |individual: &Individual| {
        let mut out = Json::object();
        out.set("key", Json::from(individual.key()));
        if individual.is_anonymous() {
            out.set("anonymous", Json::Bool(true));
        }
        out
    };
    let mut out = Json::object();
    match context.individuals() {
        [only] => {
            out = one(only);
            out.set("kind", Json::from(only.kind()));
        }
        several => {
            out.set("kind", Json::from("multi"));
            for individual in several {
                out.set(individual.kind(), one(individual));
            }
        }
    }
    out
}
