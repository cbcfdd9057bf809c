//! What SDKs report, for people: how often flags are evaluated, and for whom.

use axum::response::Response;
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};
use shared::query::span;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::http::views;
use crate::store::usage::{Counted, SeenContext};
use crate::usage::report::{Report, Span};

/// The longest span that is looked at.
const LONGEST: time::Duration = time::Duration::days(366);
/// How many contexts are listed where nobody says, and can be.
const USUAL: usize = 100;
const MOST: usize = 1_000;

/// How often a flag was evaluated in an environment.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what was counted")]
pub struct FlagUsage {
    flag: String,
    environment: String,
    /// The beginning of the first step.
    #[schema(format = DateTime)]
    from: String,
    /// The end of the last step.
    #[schema(format = DateTime)]
    to: String,
    /// The length of a step: a minute up to 3 hours, an hour up to 14 days, a day beyond.
    step_seconds: i64,
    /// All evaluations of the span.
    total: i64,
    /// When it was last evaluated, in the span or not; null where never.
    #[schema(required, format = DateTime)]
    last_evaluated: Option<String>,
    /// By version, variation and reason, the most frequent first.
    counters: Vec<UsageCounter>,
    /// Every step of the span in order, those without evaluations too.
    series: Vec<UsageStep>,
    /// Whether there are more counters than are listed.
    truncated: bool,
}

/// Evaluations that had the same outcome.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what was counted")]
pub struct UsageCounter {
    /// The configuration's version, as SDKs report it; null where they do not.
    #[schema(required)]
    version: Option<i64>,
    /// The variation's index; null where the caller's default was served.
    #[schema(required)]
    variation: Option<i64>,
    /// Why; null where the SDK did not say: those that count for themselves do not.
    #[schema(required)]
    reason: Option<String>,
    /// The rule, where it was one.
    #[schema(required)]
    rule_id: Option<String>,
    /// How often.
    count: i64,
}

/// A step of a span.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from what was counted")]
pub struct UsageStep {
    /// Its beginning.
    #[schema(format = DateTime)]
    at: String,
    /// By variation.
    counts: Vec<VariationCount>,
}

/// How often a variation was served.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from what was counted")]
pub struct VariationCount {
    /// The variation's index; null where the caller's default was served.
    #[schema(required)]
    variation: Option<i64>,
    /// How often.
    count: i64,
}

/// The contexts seen lately.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from what was seen")]
pub struct RecentContexts {
    environment: String,
    /// Whether contexts are kept at all: `usage.contexts`.
    enabled: bool,
    /// How many fit.
    total: i64,
    /// The newest first.
    contexts: Vec<RecentContext>,
}

/// A context that was seen.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what was seen")]
pub struct RecentContext {
    /// Its kind; `multi` where it is several.
    kind: String,
    /// Its key; of several, the key of each with its kind.
    key: String,
    /// Itself, without what is private; `_meta.redactedAttributes` names what was taken out.
    context: serde_json::Map<String, serde_json::Value>,
    /// When last.
    #[schema(format = DateTime)]
    last_seen: String,
    /// Over which protocol: `events`, `evalx`, `ofrep` or `unleash`.
    source: String,
}

/// A time: RFC 3339, or a span back from now.
fn moment(asked: &Asked, name: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, ApiError> {
    let Some(text) = asked.text(name) else { return Ok(None) };
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(Some(at));
    }
    let wrong = || ApiError::parameter(name, "must be an RFC 3339 time, or a span back like 24h or 7d");
    let back = span(text).map_err(|_| wrong())?;
    now.checked_sub(back).map(Some).ok_or_else(wrong)
}

fn asked_span(asked: &Asked) -> Result<Span, ApiError> {
    let now = asked.state.clock.now();
    let until = moment(asked, "until", now)?.unwrap_or(now);
    let since = moment(asked, "since", now)?.unwrap_or_else(|| until.saturating_sub(time::Duration::DAY));
    if since >= until {
        return Err(ApiError::parameter("since", "must lie before until"));
    }
    if until - since > LONGEST {
        return Err(ApiError::parameter("since", "must lie within 366 days before until"));
    }
    // Steps are whole, and reach beyond what is asked for.
    let known = OffsetDateTime::UNIX_EPOCH.year()..=9_998;
    if !known.contains(&since.year()) || !known.contains(&until.year()) {
        return Err(ApiError::parameter("since", "must be a time from 1970 on"));
    }
    Ok(Span::around(since, until))
}

fn index(variation: i32) -> Json {
    if variation < 0 { Json::Null } else { Json::from(i64::from(variation)) }
}

fn named(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { Json::from(text) }
}

fn counter(row: &Counted) -> Json {
    [
        ("version", if row.version > 0 { Json::from(row.version) } else { Json::Null }),
        ("variation", index(row.variation)),
        ("reason", named(&row.reason)),
        ("ruleId", named(&row.rule)),
        ("count", Json::from(row.count)),
    ]
    .into_iter()
    .collect()
}

fn steps(report: &Report, span: &Span) -> Json {
    let step = |at: i64| -> Json {
        let begins = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let counts = report.series.get(&at).into_iter().flatten();
        let counts = counts.map(|(variation, count)| {
            [("variation", index(*variation)), ("count", Json::from(*count))].into_iter().collect()
        });
        [("at", views::time(begins)), ("counts", Json::Array(counts.collect()))].into_iter().collect()
    };
    Json::Array(span.steps().map(step).collect())
}

/// Tells how often a flag was evaluated in an environment, by version, variation and reason, and over time.
#[utoipa::path(get, path = "/flags/{key}/usage", tag = "usage", params(
    ("key" = String, Path, description = "the flag"),
    ("environment" = String, Query, description = "the environment", example = "staging"),
    ("since" = Option<String>, Query,
     description = "an RFC 3339 time, or a span back like 24h or 7d (default: a day before until)", example = "24h"),
    ("until" = Option<String>, Query, description = "the same (default: now)"),
), responses(
    (status = 200, description = "what was counted", body = FlagUsage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn of_flag(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let key: FlagKey = asked.path("key")?;
    let environment: EnvironmentKey =
        asked.query("environment")?.ok_or_else(|| ApiError::parameter("environment", "is needed: where"))?;
    asked.known_environment(&project, &environment)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    if asked.catalog.flag(&project, &key).is_none() {
        return Err(ApiError::unknown(format!("flag {key}")));
    }
    let span = asked_span(&asked)?;
    let state = asked.catalog.environment(&project, &environment);
    let place = state.and_then(|state| Some((state.stored.row.id, state.standing(&key)?.stored.row.id)));
    let (report, last) = match place {
        // Where the flag does not exist nothing was ever counted.
        None => (Report::default(), None),
        Some((place, config)) => {
            let usage = &asked.state.usage;
            let report = usage.report(&asked.state.gate, place, config, span).await?;
            (report, usage.last_evaluated(place, config))
        }
    };
    let body = [
        ("flag", Json::from(key.as_str())),
        ("environment", Json::from(environment.as_str())),
        ("from", views::time(span.from)),
        ("to", views::time(span.to)),
        ("stepSeconds", Json::from(span.step_seconds)),
        ("total", Json::from(report.total)),
        ("lastEvaluated", last.map_or(Json::Null, views::time)),
        ("counters", Json::Array(report.counters.iter().map(counter).collect())),
        ("series", steps(&report, &span)),
        ("truncated", Json::Bool(report.truncated)),
    ]
    .into_iter()
    .collect();
    Ok(asked.reply(None, &body))
}

/// Whether a context is of a kind, or holds one of it.
fn is_of(seen: &SeenContext, kind: &str) -> bool {
    seen.kind == kind
        || (seen.kind == "multi"
            && kind != "key"
            && shared::json::parse(&seen.context).is_ok_and(|context| context.get(kind).is_some()))
}

/// Lists the contexts that an environment was asked about lately, the newest first: whoever may evaluate there may
/// see for whom. What an SDK calls private is never among it.
#[utoipa::path(get, path = "/environments/{environment}/contexts", tag = "usage", params(
    ("environment" = String, Path, description = "the environment"),
    ("kind" = Option<String>, Query, description = "of this kind, or with one of it", example = "user"),
    ("q" = Option<String>, Query, description = "key or an attribute contains"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 100", minimum = 1, maximum = 1000),
), responses(
    (status = 200, description = "the contexts", body = RecentContexts),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn contexts(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let limit = asked.limit(USUAL, MOST)?;
    let usage = &asked.state.usage;
    let enabled = usage.settings.enabled && usage.settings.contexts;
    let id = asked.catalog.environment(&project, &environment).map(|state| state.stored.row.id);
    let mut seen = match id {
        Some(id) if enabled => usage.contexts(&asked.state.gate, id).await,
        _ => Vec::new(),
    };
    let kind = asked.text("kind").filter(|kind| !kind.is_empty());
    let text = asked.text("q").unwrap_or_default().to_lowercase();
    seen.retain(|one| {
        kind.is_none_or(|kind| is_of(one, kind))
            && (one.key.to_lowercase().contains(&text) || one.context.to_lowercase().contains(&text))
    });
    let shown = seen.iter().take(limit).filter_map(|one| {
        let context = shared::json::parse(&one.context).ok()?;
        let members = [
            ("kind", Json::from(one.kind.as_str())),
            ("key", Json::from(one.key.as_str())),
            ("context", context),
            ("lastSeen", views::time(one.at)),
            ("source", Json::from(one.source.as_str())),
        ];
        Some(members.into_iter().collect())
    });
    let body = [
        ("environment", Json::from(environment.as_str())),
        ("enabled", Json::Bool(enabled)),
        ("total", Json::from(i64::try_from(seen.len()).unwrap_or(i64::MAX))),
        ("contexts", Json::Array(shown.collect())),
    ]
    .into_iter()
    .collect();
    Ok(asked.reply(None, &body))
}
