//! Projects: listed, made, edited, archived.

use axum::response::Response;
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{Entity, EntityRef, Mutation, Patch};
use shared::json::Json;
use shared::key::ProjectKey;
use shared::project::Project;
use shared::read::Fields;

use super::flags::{patch_of, write};
use crate::http::error::ApiError;
use crate::http::paging::page;
use crate::http::request::{Asked, Writing};
use crate::http::views;
use crate::store::Stored;

/// A page of projects.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct ProjectPage {
    /// The projects, by key.
    items: Vec<ProjectView>,
    /// How many there are in all.
    total: i64,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

/// A project as the API shows it.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct ProjectView {
    #[schema(inline)]
    id: uuid::Uuid,
    key: String,
    name: String,
    description: String,
    default_client_side_availability: shared::project::ClientSideAvailability,
    archived: bool,
    revision: i64,
    /// Not in the answer to a change, like the three after it.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<String>,
    created_by: Option<String>,
    updated_by: Option<String>,
    /// Whether the request made a revision, shown only in the answer to a change.
    changed: Option<bool>,
    /// What `If-Match` takes, shown only in the answer to a change.
    etag: Option<String>,
}

fn view(stored: &Stored<Project>) -> Json {
    let mut view = Entity::Project(stored.row.clone()).to_json();
    views::stamped(&mut view, &stored.stamp);
    view
}

/// Whether the caller sees a project at all: by a role in it, or in one of its environments.
fn sees(asked: &Asked, project: &ProjectKey) -> bool {
    let may = |scope| asked.cx.caller.may(Permission::Read, &scope).allowed;
    may(Scope::project(project))
        || asked
            .catalog
            .environments_of(project)
            .iter()
            .any(|state| may(Scope::environment(project, &state.stored.row.key)))
}

/// Lists the projects that the caller may see.
#[utoipa::path(get, path = "/projects", tag = "projects", params(
    ("archived" = Option<bool>, Query, description = "archived ones (default: live ones)"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page of projects, by key", body = ProjectPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let archived = asked.flag("archived")?.unwrap_or(false);
    let items: Vec<_> = asked
        .catalog
        .projects
        .values()
        .filter(|p| p.row.archived == archived && sees(&asked, &p.row.key))
        .map(|p| (p.row.key.to_string(), p))
        .collect();
    if items.is_empty() {
        asked.allow(Permission::Read, Scope::INSTALLATION)?;
    }
    Ok(asked.reply(asked.head_etag(), &page(&asked, &items, |p| view(p))?))
}

/// Shows a project, archived or not.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects",
    params(("project" = String, Path, description = "the project")),
    responses(
    (status = 200, description = "the project", body = ProjectView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let key: ProjectKey = asked.path("project")?;
    if !sees(&asked, &key) {
        asked.allow(Permission::Read, Scope::project(&key))?;
    }
    let found =
        asked.catalog.projects.get(&key).ok_or_else(|| ApiError::unknown(format!("project {key}")))?;
    Ok(asked.reply(Some(views::etag(found.stamp.last)), &view(found)))
}

/// Makes a project.
#[utoipa::path(post, path = "/projects", tag = "projects",
    request_body(content = Object, description = "key, name, description, defaultClientSideAvailability"),
    responses(
    (status = 201, description = "the project", body = ProjectView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let body = writing.json()?.clone();
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let mut fields = Fields::of(&body, "").map_err(invalid)?;
    let key = fields.take::<ProjectKey>("key");
    fields.end().map_err(invalid)?;
    let Some(key) = key else { return Err(ApiError::parameter("key", "is required")) };
    let about = EntityRef::Project(key.clone());
    let location = format!("/api/projects/{key}");
    write(&writing, Mutation::CreateProject(key, body), about, 201, Some(location)).await
}

/// Edits a project: JSON Merge Patch, or JSON Patch by its content type. `archived: false` brings it back.
#[utoipa::path(patch, path = "/projects/{project}", tag = "projects",
    params(("project" = String, Path, description = "the project")),
    request_body(content = Object, description = "RFC 7396; RFC 6902 as application/json-patch+json"),
    responses(
    (status = 200, description = "the project", body = ProjectView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn update(writing: Writing) -> Result<Response, ApiError> {
    let key: ProjectKey = writing.path("project")?;
    let patch = patch_of(&writing)?;
    let about = EntityRef::Project(key.clone());
    write(&writing, Mutation::UpdateProject(key, patch), about, 200, None).await
}

/// Archives a project. It is never deleted, and its key is never used again.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects",
    params(("project" = String, Path, description = "the project")),
    responses(
    (status = 200, description = "the archived project", body = ProjectView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn archive(writing: Writing) -> Result<Response, ApiError> {
    let key: ProjectKey = writing.path("project")?;
    let about = EntityRef::Project(key.clone());
    write(&writing, Mutation::UpdateProject(key, archived()), about, 200, None).await
}

/// The patch that archives a project or an environment.
pub fn archived() -> Patch {
    Patch::Merge([("archived", Json::Bool(true))].into_iter().collect())
}
