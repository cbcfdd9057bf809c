//! Evaluation over the API: what flags serve to contexts, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::eval::Explanation;
use shared::fault::Fault;
use shared::key::ProjectKey;
use tokio::sync::OwnedSemaphorePermit;

use crate::http::AppState;
use crate::http::admin::evaluation::{Of, Question, answer, answer_documents};
use crate::http::error::ApiError;
use crate::http::identity;
use crate::http::request::Writing;
use crate::http::sdk::counted;
use crate::live::catalog::Catalog;

/// More pairs of a flag and a context than this take their turn.
const LARGE: usize = 10_000;
/// How long a large question waits for its turn.
const TURN: Duration = Duration::from_secs(2);

/// A question: for whom, which flags, where and when.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is read by hand, with a pointer to every fault")]
pub struct EvaluateRequest {
    /// The environment; needed where no documents are brought along.
    #[schema(example = "staging", nullable = false)]
    environment: Option<String>,
    /// Flags and segments to evaluate instead, by key, as a LaunchDarkly server SDK gets them.
    documents: Option<Documents>,
    /// One context; without any, the anonymous user.
    #[schema(nullable)]
    context: Option<serde_json::Map<String, serde_json::Value>>,
    /// Up to 100 contexts.
    contexts: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
    /// One flag.
    flag_key: Option<String>,
    /// Up to 1000 flags, 50 where they are explained; without any, all.
    flags: Option<Vec<String>>,
    /// Whether reasons are wanted; they are unless it says false.
    reasons: Option<bool>,
    /// Whether to tell every step, for one context.
    explain: Option<bool>,
    /// A revision or an RFC 3339 time to look back to.
    at: Option<serde_json::Value>,
}

/// Documents as a LaunchDarkly server SDK gets them: `/sdk/latest-all`, or the `put` of a stream.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is read by hand, with a pointer to every fault")]
pub struct Documents {
    /// Flags by key.
    flags: Option<serde_json::Map<String, serde_json::Value>>,
    /// Segments by key.
    segments: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The answer, from one revision.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct EvaluateAnswer {
    /// The revision that was asked; left out for documents.
    #[schema(nullable = false)]
    revision: Option<i64>,
    /// The same with its epoch.
    #[schema(nullable = false)]
    position: Option<String>,
    /// The environment.
    #[schema(nullable = false)]
    environment: Option<String>,
    /// One result a context, in their order.
    results: Vec<ContextResult>,
    /// What could not be read of the documents; left out where that is nothing.
    #[schema(nullable = false)]
    faults: Option<Vec<Fault>>,
}

/// What the flags serve to one context.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct ContextResult {
    /// The context's key; with its kinds where it is not a plain user.
    key: String,
    /// The results by flag.
    flags: BTreeMap<String, FlagResult>,
}

/// What one flag serves.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct FlagResult {
    /// The value; null where there is none.
    #[schema(required)]
    value: Option<serde_json::Value>,
    /// Its index.
    #[schema(required)]
    variation: Option<i64>,
    /// Why, in LaunchDarkly's words.
    #[schema(nullable = false)]
    reason: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether SDKs report the evaluation; left out where not.
    #[schema(nullable = false)]
    track_events: Option<bool>,
    /// The version of the configuration.
    #[schema(nullable = false)]
    version: Option<i64>,
    /// The version of the flag.
    #[schema(nullable = false)]
    flag_version: Option<i64>,
    /// Every step.
    #[schema(nullable = false)]
    explanation: Option<Explanation>,
    /// The revision that made the configuration what it is.
    #[schema(nullable = false)]
    because: Option<Because>,
}

/// The revision behind a result.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Because {
    /// The revision.
    revision: i64,
    /// When it was committed.
    #[schema(format = DateTime)]
    at: String,
    /// Who made it.
    actor: String,
}

/// Evaluates flags for contexts, now or at a past revision, and explains the result where asked to.
#[utoipa::path(post, path = "/evaluate", tag = "evaluation", request_body = EvaluateRequest, responses(
    (status = 200, description = "what is served, and why", body = EvaluateAnswer),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn evaluate(mut asking: Writing) -> Result<Response, ApiError> {
    asking.caught_up().await;
    let project = asking.project()?;
    let question =
        Question::read(asking.json()?).map_err(|faults| ApiError::faults(ProblemKind::Invalid, faults))?;
    let catalog = match &question.of {
        Of::Documents(_) => {
            asking.allow(Permission::Read, Scope::project(&project))?;
            Arc::clone(&asking.catalog)
        }
        Of::Environment { key, at } => {
            asking.known_environment(&project, key)?;
            asking.allow(Permission::Read, Scope::environment(&project, key))?;
            match at {
                None => Arc::clone(&asking.catalog),
                Some(at) => asking.catalog_at(&project, at).await?,
            }
        }
    };
    let served = match &question.of {
        Of::Environment { key, at: None } => Some(key.clone()),
        _ => None,
    };
    // The answer tells the revision that it reflects.
    asking.asked.catalog = Arc::clone(&catalog);
    // A hundred contexts and a thousand flags take longer than a task may hold its thread.
    let asked = Arc::clone(&catalog);
    let place = project.clone();
    let turn = if is_large(&question, &catalog, &project) { Some(turn(&asking.state).await?) } else { None };
    let body = tokio::task::spawn_blocking(move || {
        // Kept until the evaluation ends, also where nobody waits for it any more.
        let _turn = turn;
        match &question.of {
            Of::Documents(documents) => answer_documents(documents, &question)
                .map_err(|faults| ApiError::faults(ProblemKind::Invalid, faults)),
            Of::Environment { key, .. } => match asked.environment(&place, key) {
                Some(state) => answer(&asked, state, &question)
                    .map_err(|fault| ApiError::faults(ProblemKind::Invalid, vec![fault])),
                None => Err(ApiError::unknown(format!("environment {key} at that time"))),
            },
        }
    })
    .await
    .map_err(|_| ApiError::new(ProblemKind::Internal, "the evaluation did not end"))??;
    // What people try out, or look back at, says nothing of who is served.
    if let Some(environment) = served.filter(|_| identity::sdk_kind(&asking.cx.caller).is_some()) {
        counted::answered(&asking.state, &catalog, (&project, &environment), &body);
    }
    Ok(asking.reply(None, &body))
}

/// Whether a question may take long: of documents that nobody has checked, or of many flags for many contexts.
fn is_large(question: &Question, catalog: &Catalog, project: &ProjectKey) -> bool {
    let Of::Environment { key, .. } = &question.of else { return true };
    let all = || catalog.environment(project, key).map_or(0, |state| state.configs.len());
    question.flags.as_ref().map_or_else(all, Vec::len) * question.contexts.len() > LARGE
}

/// Waits until such a question may be answered.
async fn turn(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = tokio::time::timeout(TURN, Arc::clone(&state.questions).acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or_else(|| {
        let detail = "this daemon answers as many large questions as it can; ask again in a moment";
        ApiError { retry_after: Some(2), ..ApiError::new(ProblemKind::TooManyRequests, detail) }
    })
}
