//! Mutations applied to a draft: each is a pure edit of what was read.

use shared::change::{Entity, EntityRef, Mutation, NewFlag, NewSegment, Patch};
use shared::evaluated;
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig, FlagKind, Variation, new_document};
use shared::json::{Json, json_patch, merge_patch};
use shared::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use shared::project::{ClientSideAvailability, Environment, Project};
use shared::read::Fields;
use shared::segment::Segment;

use super::draft::{Draft, VersionRule};
use super::{Cx, Refusal};

/// Applies a mutation that stands at `at` of the request.
///
/// # Errors
/// What the mutation is refused for.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, mutation: &Mutation, at: &str) -> Result<(), Refusal> {
    match mutation {
        Mutation::CreateProject(p, body) => create_project(cx, draft, p, body, at).await,
        Mutation::UpdateProject(p, patch) => update_project(draft, p, patch, at).await,
        Mutation::CreateEnvironment(p, e, body) => create_environment(cx, draft, p, e, body, at).await,
        Mutation::UpdateEnvironment(p, e, patch) => update_environment(draft, p, e, patch, at).await,
        Mutation::CreateFlag(p, flag) => create_flag(cx, draft, p, flag, at).await,
        Mutation::UpdateFlag(p, f, patch) => update_flag(draft, p, f, patch, at).await,
        Mutation::ArchiveFlag(p, f) => archive_flag(draft, p, f, true).await,
        Mutation::RestoreFlag(p, f) => archive_flag(draft, p, f, false).await,
        Mutation::SetOn(p, f, e, on) => set_on(cx, draft, p, f, e, *on, at).await,
        Mutation::ReplaceConfig(p, f, e, document, enabled) => {
            replace_config(cx, draft, (p, f, e), document.as_ref(), *enabled, at).await
        }
        Mutation::PatchConfig(p, f, e, patch) => patch_config(draft, p, f, e, patch, at).await,
        Mutation::CreateSegment(p, e, segment) => create_segment(cx, draft, p, e, segment).await,
        Mutation::UpdateSegment(p, e, s, patch) => update_segment(draft, p, e, s, patch, at).await,
        Mutation::ArchiveSegment(p, e, s) => archive_segment(draft, p, e, s, true).await,
        Mutation::RestoreSegment(p, e, s) => archive_segment(draft, p, e, s, false).await,
        Mutation::PutRoleBinding(binding) => draft.put(Entity::RoleBinding(binding.clone()), at).await,
        Mutation::RemoveRoleBinding(id) => {
            if draft.remove(&EntityRef::RoleBinding(*id)).await? {
                Ok(())
            } else {
                Err(Refusal::unknown(format!("role binding {id}")))
            }
        }
        Mutation::PutToken(token) => draft.put(Entity::Token(token.as_ref().clone()), at).await,
        Mutation::RevokeToken(id) => match draft.get(&EntityRef::Token(*id)).await?.cloned() {
            Some(Entity::Token(mut token)) => {
                token.revoked = true;
                draft.put(Entity::Token(token), at).await
            }
            _ => Err(Refusal::unknown(format!("token {id}"))),
        },
        Mutation::PutCredential(credential) => {
            draft.put(Entity::SdkCredential(credential.as_ref().clone()), at).await
        }
        Mutation::RevokeCredential(id) => match draft.get(&EntityRef::SdkCredential(*id)).await?.cloned() {
            Some(Entity::SdkCredential(mut credential)) => {
                credential.revoked = true;
                draft.put(Entity::SdkCredential(credential), at).await
            }
            _ => Err(Refusal::unknown(format!("SDK credential {id}"))),
        },
        Mutation::Put(entity) => draft.put(entity.as_ref().clone(), at).await,
        Mutation::Import(import) => super::import::apply(cx, draft, import).await,
    }
}

/// Applies a patch to a view; faults point into the request.
fn patched(view: &Json, patch: &Patch, at: &str) -> Result<Json, Vec<Fault>> {
    match patch {
        Patch::Merge(merge) if merge.as_object().is_none() => {
            Err(vec![Fault::new(at, "must be an object (RFC 7396)")])
        }
        Patch::Merge(merge) => Ok(merge_patch(view, merge)),
        Patch::Operations(operations) => json_patch(view, operations).map_err(|fault| vec![fault.under(at)]),
    }
}

async fn live_project(draft: &mut Draft<'_>, project: &ProjectKey) -> Result<Project, Refusal> {
    match draft.project(project).await? {
        Some(p) if !p.archived => Ok(p),
        _ => Err(Refusal::unknown(format!("project {project}"))),
    }
}

async fn live_environment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
) -> Result<Environment, Refusal> {
    match draft.environment(project, environment).await? {
        Some(e) if !e.archived => Ok(e),
        _ => Err(Refusal::unknown(format!("environment {environment}"))),
    }
}

async fn live_flag(draft: &mut Draft<'_>, project: &ProjectKey, flag: &FlagKey) -> Result<Flag, Refusal> {
    match draft.flag(project, flag).await? {
        Some(f) if f.archived => Err(Refusal::Plain(
            shared::api::problem::ProblemKind::InUse,
            format!("the flag {flag} is archived; restore it first"),
        )),
        Some(f) => Ok(f),
        None => Err(Refusal::unknown(format!("flag {flag}"))),
    }
}

fn project_view(entity: &Entity) -> Json {
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

fn read_project(mut project: Project, view: &Json, at: &str) -> Result<Project, Vec<Fault>> {
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

async fn create_project(
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

async fn update_project(
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

fn environment_view(entity: &Entity) -> Json {
    let Entity::Environment(e) = entity else { return Json::Null };
    let mut view = entity.to_json();
    for hidden in ["id", "project", "key", "versionBase"] {
        view.remove(hidden);
    }
    view.set("minimumRole", e.minimum_role.map_or(Json::Null, |r| Json::from(r.as_str())));
    view
}

fn read_environment(mut environment: Environment, view: &Json, at: &str) -> Result<Environment, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let key = fields.take::<Option<EnvironmentKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let color = fields.take::<Option<String>>("color").flatten();
    let order = fields.take::<Option<i32>>("order").flatten();
    let protected = fields.take::<Option<bool>>("protected").flatten();
    let comment_required = fields.take::<Option<bool>>("commentRequired").flatten();
    let minimum_role = fields.take::<Option<shared::access::Role>>("minimumRole").flatten();
    let secure_mode = fields.take::<Option<bool>>("secureMode").flatten();
    let archived = fields.take::<Option<bool>>("archived").flatten();
    if key.is_some_and(|k| k != environment.key) {
        fields.fault("key", "a key never changes");
    }
    if color
        .as_ref()
        .is_some_and(|c| !c.is_empty() && !(c.len() == 6 && c.bytes().all(|b| b.is_ascii_hexdigit())))
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
    environment.archived = archived.unwrap_or(false);
    Ok(environment)
}

async fn create_environment(
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
        archived: false,
    };
    let environment = read_environment(empty, body, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Environment(environment), at).await
}

async fn update_environment(
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

fn taken(what: &str, key: &impl std::fmt::Display) -> Refusal {
    Refusal::Plain(
        shared::api::problem::ProblemKind::KeyTaken,
        format!("the {what} key {key} is taken; a key is never used again, also after archiving"),
    )
}

async fn create_flag(
    cx: &Cx,
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    new: &NewFlag,
    at: &str,
) -> Result<(), Refusal> {
    let owner = live_project(draft, project).await?;
    if draft.flag(project, &new.key).await?.is_some() {
        return Err(taken("flag", &new.key));
    }
    let first = new.variations.iter().flatten().find_map(|v| FlagKind::of(&v.value));
    let kind = new.kind.or(first).unwrap_or(match &new.variations {
        None if new.kind.is_none() => FlagKind::Boolean,
        _ => FlagKind::Json,
    });
    let variations = match &new.variations {
        Some(variations) => variations.clone(),
        None if kind == FlagKind::Boolean => {
            vec![Variation::of(Json::Bool(true)), Variation::of(Json::Bool(false))]
        }
        None => Vec::new(),
    };
    let servable = variations.iter().any(|v| !v.placeholder);
    let on = new.enabled && servable;
    if new.enabled && !servable {
        draft.warnings.push(Fault::new(
            format!("{at}/enabled"),
            "the flag has no variations yet, so it was created off; turn it on once it has something to serve",
        ));
    }
    let flag = Flag {
        id: cx.clock.uuid(),
        project: project.clone(),
        key: new.key.clone(),
        name: new.name.clone().unwrap_or_else(|| new.key.to_string()),
        description: new.description.clone(),
        kind,
        variations,
        flag_version: 1,
        tags: new.tags.clone(),
        owner: new.owner.clone(),
        temporary: new.temporary,
        client_side_availability: new
            .client_side_availability
            .unwrap_or(owner.default_client_side_availability),
        metadata: new.metadata.clone().unwrap_or_else(Json::object),
        value_schema: new.value_schema.clone(),
        archived: false,
    };
    let document = new_document(kind, flag.variations.len(), on);
    draft.put(Entity::Flag(flag), at).await?;
    for environment in crate::store::projects::environments_of(draft.conn, project).await? {
        if environment.row.archived {
            continue;
        }
        let config = FlagConfig {
            id: cx.clock.uuid(),
            project: project.clone(),
            flag: new.key.clone(),
            environment: environment.row.key.clone(),
            version: 1,
            salt: cx.salt(),
            document: document.clone(),
            entry_extra: None,
        };
        let reference = EntityRef::Environment(project.clone(), environment.row.key.clone());
        draft.remember(reference, Some(environment.map(Entity::Environment)));
        draft.put(Entity::Config(config), at).await?;
    }
    Ok(())
}

/// What of a flag people edit.
pub fn flag_view(entity: &Entity) -> Json {
    let Entity::Flag(flag) = entity else { return Json::Null };
    [
        ("name", Json::from(flag.name.as_str())),
        ("description", Json::from(flag.description.as_str())),
        ("tags", Json::from_serialize(&flag.tags)),
        ("owner", flag.owner.as_deref().map_or(Json::Null, Json::from)),
        ("temporary", Json::Bool(flag.temporary)),
        ("kind", Json::from(flag.kind.as_str())),
        ("variations", Json::from_serialize(&flag.variations)),
        ("clientSideAvailability", Json::from_serialize(&flag.client_side_availability)),
        ("metadata", flag.metadata.clone()),
        ("valueSchema", flag.value_schema.clone().unwrap_or_default()),
    ]
    .into_iter()
    .collect()
}

fn read_flag(mut flag: Flag, view: &Json, at: &str) -> Result<Flag, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let key = fields.take::<Option<FlagKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let description = fields.take::<Option<String>>("description").flatten();
    let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
    let owner = fields.take::<Option<String>>("owner").flatten();
    let temporary = fields.take::<Option<bool>>("temporary").flatten();
    let kind = fields.take::<Option<FlagKind>>("kind").flatten();
    let variations = fields.take::<Option<Vec<Variation>>>("variations").flatten();
    let availability = fields.take::<Option<ClientSideAvailability>>("clientSideAvailability").flatten();
    let metadata = fields.take::<Option<Json>>("metadata").flatten();
    let value_schema = fields.take::<Option<Json>>("valueSchema").flatten();
    if key.is_some_and(|k| k != flag.key) {
        fields.fault("key", "a key never changes");
    }
    if name.as_ref().is_none_or(|n| n.trim().is_empty()) {
        fields.fault("name", "must not be empty");
    }
    if kind.is_some_and(|k| k != flag.kind) && !flag.kind_is_open() {
        fields.fault("kind", format!("is {} and stays so", flag.kind.as_str()));
    }
    if metadata.as_ref().is_some_and(|m| m.as_object().is_none()) {
        fields.fault("metadata", "must be an object");
    }
    fields.finish()?;
    if let Some(name) = name {
        flag.name = name;
    }
    flag.description = description.unwrap_or_default();
    flag.tags = tags.unwrap_or_default();
    flag.owner = owner;
    flag.temporary = temporary.unwrap_or(false);
    if flag.kind_is_open() {
        let first = variations.iter().flatten().find_map(|v| FlagKind::of(&v.value));
        flag.kind = kind.filter(|k| *k != FlagKind::Json).or(first).unwrap_or(FlagKind::Json);
    }
    flag.variations = variations.unwrap_or_default();
    flag.client_side_availability = availability.unwrap_or_default();
    flag.metadata = metadata.unwrap_or_else(Json::object);
    flag.value_schema = value_schema;
    Ok(flag)
}

async fn update_flag(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &FlagKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let flag = live_flag(draft, project, key).await?;
    let view = draft
        .edit(&EntityRef::Flag(project.clone(), key.clone()), flag_view, |view| patched(view, patch, at))
        .await?;
    let flag = read_flag(flag, &view, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Flag(flag), at).await
}

async fn archive_flag(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &FlagKey,
    archived: bool,
) -> Result<(), Refusal> {
    let Some(mut flag) = draft.flag(project, key).await? else {
        return Err(Refusal::unknown(format!("flag {key}")));
    };
    flag.archived = archived;
    draft.put(Entity::Flag(flag), "").await
}

/// The configuration of a flag, or a new one where the environment has none yet.
async fn config_or_new(
    cx: &Cx,
    draft: &mut Draft<'_>,
    flag: &Flag,
    environment: &EnvironmentKey,
) -> Result<FlagConfig, Refusal> {
    live_environment(draft, &flag.project, environment).await?;
    Ok(match draft.config(&flag.project, &flag.key, environment).await? {
        Some(config) => config,
        None => FlagConfig {
            id: cx.clock.uuid(),
            project: flag.project.clone(),
            flag: flag.key.clone(),
            environment: environment.clone(),
            version: 1,
            salt: cx.salt(),
            document: new_document(flag.kind, flag.variations.len(), false),
            entry_extra: None,
        },
    })
}

async fn set_on(
    cx: &Cx,
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &FlagKey,
    environment: &EnvironmentKey,
    on: Option<bool>,
    at: &str,
) -> Result<(), Refusal> {
    let flag = live_flag(draft, project, key).await?;
    let config = config_or_new(cx, draft, &flag, environment).await?;
    let on = on.unwrap_or(!config.on());
    // `on` has two values only: who sets it against a newer change wants what they said.
    draft.put(Entity::Config(config.turned(on)), at).await
}

fn document_view(entity: &Entity) -> Json {
    match entity {
        Entity::Config(config) => config.document.clone(),
        _ => Json::Null,
    }
}

/// Members that the flag or a column holds: equal to ours is dropped, different is refused.
fn drop_foreign(
    document: &mut Json,
    flag: &Flag,
    config: &FlagConfig,
    at: &str,
) -> Result<Option<String>, Vec<Fault>> {
    let mut faults = Vec::new();
    let values = Json::Array(flag.variations.iter().map(|v| v.value.clone()).collect());
    let owned = [
        ("key", Json::from(flag.key.as_str())),
        ("version", Json::from(config.version)),
        ("flagVersion", Json::from(flag.flag_version)),
        ("variations", values),
        ("clientSideAvailability", Json::from_serialize(&flag.client_side_availability)),
        ("deleted", Json::Bool(false)),
    ];
    for (member, ours) in owned {
        if let Some(theirs) = document.remove(member)
            && !theirs.same_value(&ours)
        {
            faults.push(Fault::new(
                format!("{at}/{member}"),
                format!("belongs to the flag, where it is {ours}; it cannot be changed here"),
            ));
        }
    }
    let salt = match document.remove("salt") {
        Some(Json::String(salt)) if !salt.is_empty() && salt.len() <= 256 => Some(salt),
        Some(_) => {
            faults.push(Fault::new(format!("{at}/salt"), "must be a string of 1 to 256 bytes"));
            None
        }
        None => None,
    };
    if faults.is_empty() { Ok(salt) } else { Err(faults) }
}

async fn replace_config(
    cx: &Cx,
    draft: &mut Draft<'_>,
    (project, key, environment): (&ProjectKey, &FlagKey, &EnvironmentKey),
    document: Option<&Json>,
    enabled: Option<bool>,
    at: &str,
) -> Result<(), Refusal> {
    let mut flag = live_flag(draft, project, key).await?;
    let mut config = config_or_new(cx, draft, &flag, environment).await?;
    let origin = format!("{at}/config");
    let Some(document) = document else {
        let Some(on) = enabled else {
            return Err(Refusal::invalid(at, "config or enabled is required"));
        };
        return draft.put(Entity::Config(config.turned(on)), &origin).await;
    };
    if document.as_object().is_none() {
        return Err(Refusal::invalid(origin, "must be an object"));
    }
    if evaluated::is_evaluated_form(document) {
        let shown = evaluated::read(document, &origin).map_err(Refusal::Invalid)?;
        let notes =
            evaluated::show(&mut flag, &mut config, &shown, enabled, &origin).map_err(Refusal::Invalid)?;
        draft.warnings.extend(notes.into_iter().map(|note| Fault::new(origin.clone(), note)));
        let flag_rule = VersionRule::Imported(shown.flag_version.unwrap_or(flag.flag_version));
        draft.put_with(Entity::Flag(flag), &origin, flag_rule).await?;
        let rule = shown.version.map_or(VersionRule::Rise, VersionRule::Imported);
        return draft.put_with(Entity::Config(config), &origin, rule).await;
    }
    let mut wanted = document.clone();
    let salt = drop_foreign(&mut wanted, &flag, &config, &origin).map_err(Refusal::Invalid)?;
    if let Some(on) = enabled {
        wanted.set("on", Json::Bool(on));
    } else if wanted.get("on").is_none() {
        wanted.set("on", Json::Bool(config.on()));
    }
    let reference = EntityRef::Config(project.clone(), key.clone(), environment.clone());
    if draft.get(&reference).await?.is_some() {
        wanted = draft.edit(&reference, document_view, |_| Ok(wanted.clone())).await?;
    }
    config.document = wanted;
    if let Some(salt) = salt {
        config.salt = salt;
    }
    draft.put(Entity::Config(config), &origin).await
}

async fn patch_config(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    key: &FlagKey,
    environment: &EnvironmentKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let flag = live_flag(draft, project, key).await?;
    live_environment(draft, project, environment).await?;
    let Some(mut config) = draft.config(project, key, environment).await? else {
        return Err(Refusal::unknown(format!("configuration of {key} in {environment}")));
    };
    let reference = EntityRef::Config(project.clone(), key.clone(), environment.clone());
    let mut document = draft.edit(&reference, document_view, |view| patched(view, patch, at)).await?;
    if let Some(salt) = drop_foreign(&mut document, &flag, &config, at).map_err(Refusal::Invalid)? {
        config.salt = salt;
    }
    config.document = document;
    draft.put(Entity::Config(config), at).await
}

async fn create_segment(
    cx: &Cx,
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    new: &NewSegment,
) -> Result<(), Refusal> {
    live_environment(draft, project, environment).await?;
    if draft.segment(project, environment, &new.key).await?.is_some() {
        return Err(taken("segment", &new.key));
    }
    let segment = Segment {
        id: cx.clock.uuid(),
        project: project.clone(),
        environment: environment.clone(),
        key: new.key.clone(),
        name: new.name.clone().unwrap_or_else(|| new.key.to_string()),
        description: new.description.clone(),
        tags: new.tags.clone(),
        version: 1,
        salt: new.salt.clone().unwrap_or_else(|| cx.salt()),
        document: new.document.clone(),
        archived: false,
    };
    draft.put(Entity::Segment(segment), "/document").await
}

/// What of a segment people edit.
pub fn segment_view(entity: &Entity) -> Json {
    let Entity::Segment(segment) = entity else { return Json::Null };
    [
        ("name", Json::from(segment.name.as_str())),
        ("description", Json::from(segment.description.as_str())),
        ("tags", Json::from_serialize(&segment.tags)),
        ("document", segment.document.clone()),
    ]
    .into_iter()
    .collect()
}

async fn update_segment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    key: &SegmentKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let mut segment = match draft.segment(project, environment, key).await? {
        Some(segment) if !segment.archived => segment,
        _ => return Err(Refusal::unknown(format!("segment {key}"))),
    };
    let reference = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    let view = draft.edit(&reference, segment_view, |view| patched(view, patch, at)).await?;
    let read = |view: &Json| -> Result<(String, String, Vec<String>, Json), Vec<Fault>> {
        let mut fields = Fields::of(view, at)?;
        let same = fields.take::<Option<SegmentKey>>("key").flatten();
        let name = fields.take::<Option<String>>("name").flatten();
        let description = fields.take::<Option<String>>("description").flatten();
        let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
        let document = fields.take::<Option<Json>>("document").flatten();
        if same.is_some_and(|k| k != *key) {
            fields.fault("key", "a key never changes");
        }
        if document.as_ref().is_none_or(|d| d.as_object().is_none()) {
            fields.fault("document", "must be an object");
        }
        fields.finish()?;
        Ok((
            name.unwrap_or_else(|| key.to_string()),
            description.unwrap_or_default(),
            tags.unwrap_or_default(),
            document.unwrap_or_default(),
        ))
    };
    (segment.name, segment.description, segment.tags, segment.document) =
        read(&view).map_err(Refusal::Invalid)?;
    draft.put(Entity::Segment(segment), &format!("{at}/document")).await
}

async fn archive_segment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    key: &SegmentKey,
    archived: bool,
) -> Result<(), Refusal> {
    let Some(mut segment) = draft.segment(project, environment, key).await? else {
        return Err(Refusal::unknown(format!("segment {key}")));
    };
    segment.archived = archived;
    draft.put(Entity::Segment(segment), "").await
}
