//! Edits of projects and environments.

use shared::change::{Entity, EntityRef, Patch};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::{ClientSideAvailability, Environment, EnvironmentClass, Project};
use shared::read::Fields;

use super::ground::{live_project, patched, taken};
use crate::service::draft::Draft;
use crate::service::{Cx, Refusal};

/// What of a project people edit.
pub fn project_view(entity: &Entity) -> Json {
    let Entity::Project(p) = entity else { return Json::Null };
    [
        ("name", Json::from(p.name.as_str())),
        ("description", Json::from(p.description.as_str())),
        ("defaultClientSideAvailability", Json::from_serialize(&p.default_client_side_availability)),
        ("archived", Json::Bool(p.archived)),
    ]
    .into_iter()
    .collect()
}

/// A project with its editable part as `view` says, which stands at `at` of the request.
pub fn read_project(mut project: Project, view: &Json, at: &str) -> Result<Project, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let key = fields.take::<Option<ProjectKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let description = fields.take::<Option<String>>("description").flatten();
    let availability =
        fields.take::<Option<ClientSideAvailability>>("defaultClientSideAvailability").flatten();
    let archived = fields.take::<Option<bool>>("archived").flatten();
    if key.is_some_and(|k| k != project.key) {
        fields.fault("key", "a key never changes");
    }
    fields.finish()?;
    project.name = name.unwrap_or_else(|| project.key.to_string());
    project.description = description.unwrap_or_default();
    project.default_client_side_availability = availability.unwrap_or_default();
    project.archived = archived.unwrap_or(false);
    Ok(project)
}

pub(in crate::service) async fn create_project(
    cx: &Cx,
    draft: &mut Draft<'_>,
    key: &ProjectKey,
    body: &Json,
    at: &str,
) -> Result<(), Refusal> {
    if draft.project(key).await?.is_some() {
        return Err(taken("project", key));
    }
    let empty = Project {
        id: cx.clock.uuid(),
        key: key.clone(),
        name: key.to_string(),
        description: String::new(),
        default_client_side_availability: ClientSideAvailability::default(),
        archived: false,
    };
    let project = read_project(empty, body, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Project(project), at).await
}

pub(in crate::service) async fn update_project(
    draft: &mut Draft<'_>,
    key: &ProjectKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let Some(project) = draft.project(key).await? else {
        return Err(Refusal::unknown(format!("project {key}")));
    };
    let view =
        draft.edit(&EntityRef::Project(key.clone()), project_view, |view| patched(view, patch, at)).await?;
    let project = read_project(project, &view, at).map_err(Refusal::Invalid)?;
    if project.archived && *key == ProjectKey::default() {
        return Err(Refusal::invalid(format!("{at}/archived"), "the default project cannot be archived"));
    }
    draft.put(Entity::Project(project), at).await
}

/// What of an environment people edit.
pub fn environment_view(entity: &Entity) -> Json {
    let Entity::Environment(e) = entity else { return Json::Null };
    let mut view = entity.to_json();
    for hidden in ["id", "project", "key", "versionBase"] {
        view.remove(hidden);
    }
    view.set("class", e.class.map_or(Json::Null, |c| Json::from(c.as_str())));
    view.set("minimumRole", e.minimum_role.map_or(Json::Null, |r| Json::from(r.as_str())));
    view
}

/// An environment with its editable part as `view` says, which stands at `at` of the request.
pub fn read_environment(
    mut environment: Environment,
    view: &Json,
    at: &str,
) -> Result<Environment, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let key = fields.take::<Option<EnvironmentKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let color = fields.take::<Option<String>>("color").flatten();
    let order = fields.take::<Option<i32>>("order").flatten();
    let protected = fields.take::<Option<bool>>("protected").flatten();
    let comment_required = fields.take::<Option<bool>>("commentRequired").flatten();
    let minimum_role = fields.take::<Option<shared::access::Role>>("minimumRole").flatten();
    let secure_mode = fields.take::<Option<bool>>("secureMode").flatten();
    let class = fields.take::<Option<EnvironmentClass>>("class").flatten();
    let archived = fields.take::<Option<bool>>("archived").flatten();
    if key.is_some_and(|k| k != environment.key) {
        fields.fault("key", "a key never changes");
    }
    if color
        .as_ref()
        .is_some_and(|c| !(c.is_empty() || c.len() == 6 && c.bytes().all(|b| b.is_ascii_hexdigit())))
    {
        fields.fault("color", "must be six hexadecimal digits, like 417505");
    }
    fields.finish()?;
    environment.name = name.unwrap_or_else(|| environment.key.to_string());
    environment.color = color.unwrap_or_default();
    environment.order = order.unwrap_or(0);
    environment.protected = protected.unwrap_or(false);
    environment.comment_required = comment_required.unwrap_or(false);
    environment.minimum_role = minimum_role;
    environment.secure_mode = secure_mode.unwrap_or(false);
    environment.class = class;
    environment.archived = archived.unwrap_or(false);
    Ok(environment)
}

pub(in crate::service) async fn create_environment(
    cx: &Cx,
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &EnvironmentKey,
    body: &Json,
    at: &str,
) -> Result<(), Refusal> {
    live_project(draft, project).await?;
    if draft.environment(project, key).await?.is_some() {
        return Err(taken("environment", key));
    }
    let empty = Environment {
        id: cx.clock.uuid(),
        project: project.clone(),
        key: key.clone(),
        name: key.to_string(),
        color: String::new(),
        order: 0,
        protected: false,
        comment_required: false,
        minimum_role: None,
        secure_mode: false,
        version_base: 0,
        class: None,
        archived: false,
    };
    let environment = read_environment(empty, body, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Environment(environment), at).await
}

pub(in crate::service) async fn update_environment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &EnvironmentKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let Some(environment) = draft.environment(project, key).await? else {
        return Err(Refusal::unknown(format!("environment {key}")));
    };
    let view = draft
        .edit(&EntityRef::Environment(project.clone(), key.clone()), environment_view, |view| {
            patched(view, patch, at)
        })
        .await?;
    let environment = read_environment(environment, &view, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Environment(environment), at).await
}
