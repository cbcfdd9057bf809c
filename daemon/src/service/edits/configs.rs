//! Edits of a flag's configuration in an environment.

use shared::change::{Entity, EntityRef, Patch};
use shared::evaluated;
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig, new_document};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};

use super::ground::{live_environment, live_flag, patched};
use crate::service::draft::{Draft, VersionRule};
use crate::service::{Cx, Refusal};

/// The configuration of a flag, or a new one where the environment has none yet.
pub(in crate::service) async fn config_or_new(
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

pub(in crate::service) async fn set_on(
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

pub(in crate::service) fn document_view(entity: &Entity) -> Json {
    match entity {
        Entity::Config(config) => config.document.clone(),
        _ => Json::Null,
    }
}

/// Members that the flag or a column holds: equal to ours is dropped, different is refused.
pub(in crate::service) fn drop_foreign(
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

pub(in crate::service) async fn replace_config(
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
        let flag_rule = shown.flag_version.map_or(VersionRule::Rise, VersionRule::Imported);
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

pub(in crate::service) async fn patch_config(
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
