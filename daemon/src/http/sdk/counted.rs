//! Counts what was evaluated: by the daemon itself, or by an SDK that tells of it.

use shared::access::CredentialKind;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use time::OffsetDateTime;

use crate::http::AppState;
use crate::live::catalog::{Catalog, EnvironmentState};
use crate::protocol::events::Payload;
use crate::usage::{Evaluation, Kind, Source};

/// A version that is so much higher than ours is no version: another daemon may be ahead, but not so far.
const AHEAD: i64 = 1_000;

/// What the daemon itself served for one flag.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The flag's key.
    pub flag: &'a str,
    /// The variation's index; `None` = the caller's default.
    pub variation: Option<usize>,
    /// The kind of the reason: `RULE_MATCH` and so on.
    pub reason: &'a str,
    /// The rule's id, where it was a rule.
    pub rule: Option<&'a str>,
}

/// Counts what the daemon itself served to one caller at once.
pub fn served(state: &AppState, environment: &EnvironmentState, outcomes: &[Outcome<'_>]) {
    let at = state.clock.now();
    let counted: Vec<Evaluation<'_>> = outcomes
        .iter()
        .filter_map(|outcome| {
            let config = &environment.standing(&FlagKey::new(outcome.flag).ok()?)?.stored.row;
            Some(Evaluation {
                config: config.id,
                version: Some(config.version),
                variation: outcome.variation,
                kind: Kind::of(outcome.reason),
                rule: outcome.rule,
                at,
                count: 1,
            })
        })
        .collect();
    state.usage.record_all(environment.stored.row.id, &counted);
}

/// Counts what an answer of `POST /api/evaluate` holds.
pub fn answered(state: &AppState, catalog: &Catalog, place: (&ProjectKey, &EnvironmentKey), answer: &Json) {
    let Some(environment) = catalog.environment(place.0, place.1) else { return };
    let results = answer.get("results").and_then(Json::as_array).unwrap_or_default();
    for flags in results.iter().filter_map(|result| result.get("flags")?.as_object()) {
        let outcomes: Vec<Outcome<'_>> = flags
            .iter()
            .map(|(flag, result)| {
                let reason = |name: &str| result.get("reason")?.get(name)?.as_str();
                let variation = result.get("variation").and_then(Json::as_i64);
                Outcome {
                    flag,
                    variation: variation.and_then(|index| usize::try_from(index).ok()),
                    reason: reason("kind").unwrap_or_default(),
                    rule: reason("ruleId"),
                }
            })
            .collect();
        served(state, environment, &outcomes);
    }
}

/// Counts what an SDK tells of, as far as its environment has such flags and its credential may know of them.
pub fn told(
    state: &AppState,
    place: (&ProjectKey, &EnvironmentKey),
    credential: CredentialKind,
    payload: &Payload,
) {
    let catalog = state.live.catalog();
    let Some(environment) = catalog.environment(place.0, place.1) else { return };
    let now = state.clock.now();
    let mut unknown = 0_u64;
    let counted: Vec<Evaluation<'_>> = payload
        .evaluations
        .iter()
        .filter_map(|told| {
            let Some((config, highest)) = known(&catalog, environment, credential, &told.flag) else {
                unknown += told.count;
                return None;
            };
            let at = told
                .at
                .and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok());
            Some(Evaluation {
                config,
                version: told.version.filter(|version| *version <= highest.saturating_add(AHEAD)),
                variation: told.variation,
                kind: told.reason.as_deref().map_or(Kind::Untold, Kind::of),
                rule: told.rule.as_deref(),
                at: at.unwrap_or(now),
                count: told.count,
            })
        })
        .collect();
    let id = environment.stored.row.id;
    state.usage.record_all(id, &counted);
    for context in &payload.contexts {
        state.usage.saw(id, context, Source::Events);
    }
    metrics::counter!("flagstaff_usage_unknown_flags_total").increment(unknown);
    metrics::counter!("flagstaff_usage_unread_events_total").increment(payload.unread as u64);
}

/// The configuration of a flag that this credential may know of, and the highest version that is told of it.
fn known(
    catalog: &Catalog,
    environment: &EnvironmentState,
    credential: CredentialKind,
    key: &str,
) -> Option<(uuid::Uuid, i64)> {
    let key = FlagKey::new(key).ok()?;
    let config = &environment.standing(&key)?.stored.row;
    let flag = &catalog.flag(&config.project, &key)?.row;
    let shown = match credential {
        CredentialKind::Server => true,
        CredentialKind::Mobile => flag.client_side_availability.using_mobile_key,
        CredentialKind::ClientSideId => flag.client_side_availability.using_environment_id,
    };
    shown.then_some((config.id, config.version.max(flag.flag_version)))
}
