//! `POST /api/import`: an export of LaunchDarkly as the body, a report per flag as the answer.

use axum::response::Response;
use serde::Serialize;
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::import::Report;
use shared::key::EnvironmentKey;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::request::{Writing, answered};
use crate::import::{self, Request};
use crate::service::plan::Plan;

/// What became of an export.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "describes what the use case renders")]
pub enum ImportAnswer {
    /// It was taken in.
    Done(Imported),
    /// It would be taken in so: `dryRun`.
    Planned(PlannedImport),
}

/// An export that was taken in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether a revision was made.
    changed: bool,
    #[serde(flatten)]
    report: Report,
}

/// What an import would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedImport {
    #[serde(flatten)]
    plan: Plan,
    #[serde(flatten)]
    report: Report,
}

/// Takes an export in, as one revision: all or nothing for the good flags, and a report of every one.
#[utoipa::path(post, path = "/import", tag = "import", params(
    ("format" = Option<String>, Query,
     description = "launchdarkly-client, launchdarkly-server, launchdarkly-rest or auto (the default)"),
    ("environment" = Option<String>, Query,
     description = "where it goes; needed by payloads, picks one of a REST export's"),
    ("dryRun" = Option<bool>, Query, description = "answer the plan and the report, write nothing"),
    ("planHash" = Option<String>, Query, description = "the plan that was seen"),
    ("confirm" = Option<String>, Query, description = "the environment's key, where the plan asks for it"),
    ("comment" = Option<String>, Query, description = "what the history shall say about it"),
), request_body(content = Object, description = "the export"), responses(
    (status = 200, description = "what became of it", body = ImportAnswer),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn run(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let environment = writing.query::<EnvironmentKey>("environment")?;
    if let Some(environment) = &environment {
        writing.known_environment(&project, environment)?;
    }
    let mut scope = Scope::project(&project);
    scope.environment = environment.as_ref();
    writing.allow(Permission::Write, scope)?;
    let format = import::format_of(writing.text("format").unwrap_or("auto"))
        .map_err(|e| ApiError::parameter("format", e))?;
    let request = Request { format, project, environment, export: writing.json()? };
    Ok(answered(import::run(&writing.cx, &writing.options, &request, writing.state.secrets.as_ref()).await?))
}
