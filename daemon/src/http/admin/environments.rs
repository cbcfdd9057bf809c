//! Environments: listed, made with their credentials, edited, archived.

use axum::response::Response;
use shared::access::{CredentialKind, Permission, Role, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{EntityRef, Mutation};
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::{Environment, EnvironmentClass};
use shared::read::Fields;

use super::credentials::{render_about, shown_once};
use super::flags::{patch_of, write};
use super::projects::archived;
use crate::http::error::ApiError;
use crate::http::paging::page;
use crate::http::request::{Asked, Writing, answered};
use crate::http::views;
use crate::service::commit::{self, Item};
use crate::service::credentials;
use crate::store::Stored;

/// A page of environments.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct EnvironmentPage {
    /// The environments, in their order.
    items: Vec<EnvironmentView>,
    /// How many there are in all.
    total: i64,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

/// An environment as the API shows it.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct EnvironmentView {
    #[schema(inline)]
    id: uuid::Uuid,
    project: String,
    key: String,
    name: String,
    /// Six hexadecimal digits, or nothing.
    color: String,
    order: i32,
    protected: bool,
    comment_required: bool,
    minimum_role: Option<Role>,
    secure_mode: bool,
    version_base: i64,
    /// What it is for: what was set, else what its key says, else production where it is protected.
    class: EnvironmentClass,
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
    /// The keys, shown only in the answer that made the environment.
    credentials: Option<NewCredentials>,
}

/// The keys of a new environment.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered once")]
pub struct NewCredentials {
    server_key: String,
    mobile_key: String,
    client_side_id: String,
}

fn view(stored: &Stored<Environment>) -> Json {
    let mut view = views::environment_row(&stored.row);
    views::stamped(&mut view, &stored.stamp);
    view
}

/// Lists the environments of the project that the caller may see, in their order.
#[utoipa::path(get, path = "/environments", tag = "environments", params(
    ("archived" = Option<bool>, Query, description = "archived ones (default: live ones)"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page of environments", body = EnvironmentPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let archived = asked.flag("archived")?.unwrap_or(false);
    let mut items: Vec<_> = asked
        .catalog
        .environments
        .iter()
        .filter(|((p, key), state)| {
            *p == project
                && state.stored.row.archived == archived
                && asked.cx.caller.may(Permission::Read, &Scope::environment(p, key)).allowed
        })
        .map(|((_, key), state)| (key.to_string(), &state.stored))
        .collect();
    items.sort_by_key(|(_, stored)| (stored.row.order, stored.row.id));
    if items.is_empty() {
        asked.allow(Permission::Read, Scope::project(&project))?;
    }
    Ok(asked.reply(asked.head_etag(), &page(&asked, &items, |stored| view(stored))?))
}

/// Shows an environment, archived or not.
#[utoipa::path(get, path = "/environments/{environment}", tag = "environments",
    params(("environment" = String, Path, description = "the environment")),
    responses(
    (status = 200, description = "the environment", body = EnvironmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let key: EnvironmentKey = asked.path("environment")?;
    asked.allow(Permission::Read, Scope::environment(&project, &key))?;
    let state = asked.catalog.environment(&project, &key);
    let state = state.ok_or_else(|| ApiError::unknown(format!("environment {key}")))?;
    Ok(asked.reply(Some(views::etag(state.stored.stamp.last)), &view(&state.stored)))
}

fn path_of(project: &ProjectKey, key: &EnvironmentKey) -> String {
    if *project == ProjectKey::default() {
        format!("/api/environments/{key}")
    } else {
        format!("/api/projects/{project}/environments/{key}")
    }
}

/// Makes an environment, with a server key, a mobile key and a client-side id, in one revision.
#[utoipa::path(post, path = "/environments", tag = "environments",
    request_body(content = Object,
        description = "key, name, color, order, class, protected, commentRequired, minimumRole, secureMode"),
    responses(
    (status = 201, description = "the environment; its keys are shown only here", body = EnvironmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let project = writing.project()?;
    let body = writing.json()?.clone();
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let mut fields = Fields::of(&body, "").map_err(invalid)?;
    let key = fields.take::<EnvironmentKey>("key");
    fields.end().map_err(invalid)?;
    let Some(key) = key else { return Err(ApiError::parameter("key", "is required")) };
    writing.allow(Permission::Administer, Scope::project(&project))?;
    let drawn = credentials::founding(&writing.cx, &writing.state.secrets, (&project, &key)).await?;
    let about = EntityRef::Environment(project.clone(), key.clone());
    let location = path_of(&project, &key);
    let mut items = vec![Item::whole(Mutation::CreateEnvironment(project, key, body))];
    let mut keys = Json::object();
    for credential in drawn {
        let name = match credential.row.kind {
            CredentialKind::Server => "serverKey",
            CredentialKind::Mobile => "mobileKey",
            CredentialKind::ClientSideId => "clientSideId",
        };
        keys.set(name, Json::from(credential.key.as_str()));
        items.push(Item::whole(Mutation::PutCredential(Box::new(credential.row))));
    }
    let answer =
        commit::run(&writing.cx, &writing.options, &items, &render_about(about, Some(location))).await?;
    Ok(answered(shown_once(&writing, answer, "credentials", keys)))
}

/// Edits an environment: JSON Merge Patch, or JSON Patch by its content type. `archived: false` brings it back.
#[utoipa::path(patch, path = "/environments/{environment}", tag = "environments",
    params(("environment" = String, Path, description = "the environment")),
    request_body(content = Object, description = "RFC 7396; RFC 6902 as application/json-patch+json"),
    responses(
    (status = 200, description = "the environment", body = EnvironmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn update(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let key: EnvironmentKey = writing.path("environment")?;
    let patch = patch_of(&writing)?;
    let about = EntityRef::Environment(project.clone(), key.clone());
    write(&writing, Mutation::UpdateEnvironment(project, key, patch), about, 200, None).await
}

/// Archives an environment. It is never deleted, and its key is never used again.
#[utoipa::path(delete, path = "/environments/{environment}", tag = "environments",
    params(("environment" = String, Path, description = "the environment")),
    responses(
    (status = 200, description = "the archived environment", body = EnvironmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn archive(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let key: EnvironmentKey = writing.path("environment")?;
    let about = EntityRef::Environment(project.clone(), key.clone());
    write(&writing, Mutation::UpdateEnvironment(project, key, archived()), about, 200, None).await
}
