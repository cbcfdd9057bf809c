//! Who a segment holds, and who leans on it.

use std::collections::BTreeMap;

use axum::response::Response;
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::eval::{self, SegmentStep};
use shared::json::Json;
use shared::key::SegmentKey;
use shared::targeting::segment_keys;

use super::flags::context_of;
use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::live::catalog::EnvironmentState;

/// What leans on a segment.
#[derive(Clone, Default, serde::Serialize, utoipa::ToSchema)]
pub struct UsedBy {
    /// The flags with a rule that names it, archived ones included, by key.
    flags: Vec<String>,
    /// The segments with a rule that names it, by key.
    segments: Vec<String>,
}

/// What leans on each segment of an environment that anything leans on.
pub fn uses(state: &EnvironmentState) -> BTreeMap<String, UsedBy> {
    let mut uses: BTreeMap<String, UsedBy> = BTreeMap::new();
    for (key, served) in state.configs.iter().chain(&state.resting) {
        for segment in &served.summary.segments {
            uses.entry(segment.clone()).or_default().flags.push(key.to_string());
        }
    }
    for (key, segment) in state.segments.iter().filter(|(_, segment)| !segment.stored.row.archived) {
        for other in segment_keys(&segment.stored.row.document) {
            uses.entry(other).or_default().segments.push(key.to_string());
        }
    }
    uses.values_mut().for_each(|used| used.flags.sort());
    uses
}

/// Whether a segment holds a context.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Membership {
    /// The revision that was asked.
    revision: i64,
    /// The segment.
    segment: String,
    /// Whether it holds the context; an archived one holds nobody.
    contains: bool,
    /// How that was decided.
    step: SegmentStep,
}

/// A flag whose one rule asks the segment.
fn question(key: &SegmentKey) -> Result<eval::PreparedFlag, ApiError> {
    let text = r#"{"key":"contains","version":1,"on":true,"variations":[false,true],"fallthrough":{"variation":0},
        "offVariation":0,"salt":"","rules":[{"id":"","variation":1,"clauses":[{"attribute":"","op":"segmentMatch","values":[]}]}]}"#;
    let failed = || ApiError::new(ProblemKind::Internal, "the segment cannot be asked");
    let mut flag = shared::json::parse(text).map_err(|_| failed())?;
    let values = flag.get_mut("rules").and_then(|rules| match rules {
        Json::Array(rules) => rules.first_mut()?.get_mut("clauses"),
        _ => None,
    });
    if let Some(Json::Array(clauses)) = values
        && let Some(clause) = clauses.first_mut()
    {
        clause.set("values", Json::Array(vec![Json::from(key.as_str())]));
    }
    eval::prepare_flag(&flag).map_err(|_| failed())
}

/// Says whether a segment holds a context, and how that was decided.
#[utoipa::path(get, path = "/environments/{environment}/segments/{key}/contains", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
    ("context" = Option<String>, Query, description = "base64 of a context's JSON (default: the anonymous user)"),
    ("contextKey" = Option<String>, Query, description = "instead: the key of a context without attributes", example = "bob"),
    ("contextKind" = Option<String>, Query, description = "beside contextKey: its kind (default: user)"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "whether it does", body = Membership),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn contains(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    let key: SegmentKey = asked.path("key")?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let context = match (asked.text("context"), asked.text("contextKey")) {
        (Some(_) | None, None) => context_of(&asked)?,
        (None, Some(name)) => {
            let kind = asked.text("contextKind").unwrap_or("user");
            let context = [("kind", Json::from(kind)), ("key", Json::from(name))].into_iter().collect();
            shared::context::Context::parse(&context)
                .map_err(|faults| ApiError::faults(ProblemKind::Malformed, faults))?
        }
        (Some(_), Some(_)) => return Err(ApiError::parameter("contextKey", "is not taken beside context")),
    };
    let state = asked.catalog.environment(&project, &environment);
    let Some(state) = state.filter(|state| state.segments.contains_key(&key)) else {
        return Err(ApiError::unknown(format!("segment {key} in {environment}")));
    };
    let told = eval::explain(state.as_ref(), &question(&key)?, &context);
    let clauses = told.rules.into_iter().flat_map(|rule| rule.clauses);
    let step = clauses.flat_map(|clause| clause.segments).next().unwrap_or_default();
    let answer = Membership {
        revision: asked.catalog.position.revision.0,
        segment: key.to_string(),
        contains: step.contains,
        step,
    };
    Ok(asked.reply(None, &Json::from_serialize(&answer)))
}
