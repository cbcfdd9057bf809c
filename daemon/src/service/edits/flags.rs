//! Edits of flags: what they are in every environment.

use shared::change::{Entity, EntityRef, NewFlag, Patch};
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig, FlagKind, Variation, new_document};
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::project::ClientSideAvailability;
use shared::read::Fields;

use super::ground::{live_flag, live_project, patched, taken};
use crate::service::draft::Draft;
use crate::service::{Cx, Refusal};

pub(in crate::service) async fn create_flag(
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

/// A flag with its editable part as `view` says, which stands at `at` of the request.
pub fn read_flag(mut flag: Flag, view: &Json, at: &str) -> Result<Flag, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let key = fields.take::<Option<FlagKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let description = fields.take::<Option<String>>("description").flatten();
    let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
    let owner = fields.take::<Option<String>>("owner").flatten();
    let temporary = fields.take::<Option<bool>>("temporary").flatten();
    let kind = fields.take::<Option<FlagKind>>("kind").flatten();
    let type_ = fields.take::<Option<FlagKind>>("type").flatten();
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
    // The view carries `kind`; who says `type` means the same.
    for (member, said) in [("kind", kind), ("type", type_)] {
        if said.is_some_and(|k| k != flag.kind) && !flag.kind_is_open() {
            fields.fault(member, format!("is {} and stays so", flag.kind.as_str()));
        }
    }
    let kind = type_.or(kind);
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

pub(in crate::service) async fn update_flag(
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

pub(in crate::service) async fn archive_flag(
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
