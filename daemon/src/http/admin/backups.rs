//! Backups: asked for, and how they went.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::json::Json;
use shared::revision::Position;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::request::{Asked, Writing, json};
use crate::service::backups;
use crate::store::backups::Job;

/// A backup that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupView {
    /// Its id.
    pub id: Uuid,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// Who asked for it; `schedule` is the daemon itself.
    pub requested_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    /// When it was last begun.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How often it was begun; three times at most.
    pub attempts: i32,
    /// The file's name in the directory of backups.
    pub file: Option<String>,
    /// Its size.
    pub bytes: Option<i64>,
    /// Its SHA-256.
    pub sha256: Option<String>,
    /// What it holds, `epoch.revision`.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
    /// Why it failed, the last time.
    pub error: Option<String>,
}

impl From<Job> for BackupView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            state: job.state,
            requested_by: job.requested_by,
            requested_at: job.requested_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            attempts: job.attempts,
            file: job.file,
            bytes: job.bytes,
            sha256: job.sha256,
            position: job.position,
            error: job.error,
        }
    }
}

/// The newest backups.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupPage {
    /// The backups, newest first.
    pub items: Vec<BackupView>,
}

/// Asks for a backup. One of the daemons makes it, one at a time; the secrets key is not in it.
#[utoipa::path(post, path = "/backups", tag = "operation", responses(
    (status = 202, description = "it waits", body = BackupView, headers(("location" = String, description = "where to look"))),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(writing: Writing) -> Result<Response, ApiError> {
    writing.allow(Permission::Operate, Scope::INSTALLATION)?;
    if writing.options.dry_run {
        return Err(ApiError::parameter(
            "dryRun",
            "is not for backups: they change nothing that has a history",
        ));
    }
    let job = backups::ask(&writing.cx).await?;
    let id = job.id;
    let body = Json::from_serialize(&BackupView::from(job)).to_text();
    let mut response = json(StatusCode::ACCEPTED, body);
    if let Ok(place) = HeaderValue::from_str(&format!("/api/backups/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Lists backups, newest first.
#[utoipa::path(get, path = "/backups", tag = "operation", params(
    ("limit" = Option<u32>, Query, description = "1 to 200, usually 50", minimum = 1, maximum = 200),
), responses(
    (status = 200, description = "the newest backups", body = BackupPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    asked.allow(Permission::Operate, Scope::INSTALLATION)?;
    let limit = asked.limit(50, 200)?;
    let jobs = backups::newest(&asked.cx, limit).await?;
    let page = BackupPage { items: jobs.into_iter().map(BackupView::from).collect() };
    Ok(json(StatusCode::OK, Json::from_serialize(&page).to_text()))
}

/// One backup.
#[utoipa::path(get, path = "/backups/{id}", tag = "operation",
    params(("id" = Uuid, Path, description = "the backup", example = "0193e3a6-4c50-7b6e-9d0a-5f4a3c2b1d00")),
    responses(
    (status = 200, description = "the backup", body = BackupView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    asked.allow(Permission::Operate, Scope::INSTALLATION)?;
    let id: Uuid = asked.path("id")?;
    let job = backups::one(&asked.cx, id).await?;
    Ok(json(StatusCode::OK, Json::from_serialize(&BackupView::from(job)).to_text()))
}
