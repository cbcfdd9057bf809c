//! Reads what the REST API lists: flags in every environment, segments, environments.

use std::collections::BTreeSet;

use shared::access::CredentialKind;
use shared::fault::Fault;
use shared::flag::Variation;
use shared::import::{Details, Import, ImportedConfig, ImportedFlag, Line, Said, Subject};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};
use shared::read::Fields;

use super::read::{self, Keys};

/// Members of a segment that are columns of ours or mean something at LaunchDarkly only.
const OWNED_OF_SEGMENTS: [&str; 9] =
    ["key", "name", "description", "tags", "version", "salt", "deleted", "creationDate", "lastModifiedDate"];
/// Members of a flag that we have no member for, kept as metadata.
const KEPT: [(&str, &str); 7] = [
    ("customProperties", "customProperties"),
    ("defaults", "defaults"),
    ("deprecated", "deprecated"),
    ("migrationSettings", "migrationSettings"),
    ("_purpose", "purpose"),
    ("creationDate", "creationDate"),
    ("_id", "id"),
];

/// Reads an export: a list of flags, one flag, or an object with `environments`, `flags` and `segments`.
///
/// # Errors
/// It is none of these.
pub fn read(
    import: &mut Import,
    wanted: Option<&EnvironmentKey>,
    export: &Json,
    keys: &Keys<'_>,
) -> Result<(), Vec<Fault>> {
    let mut absent = BTreeSet::new();
    let combined = ["environments", "flags", "segments", "project"].iter().any(|m| export.get(m).is_some());
    if export.get("variations").is_some() && export.get("key").is_some() {
        flag(import, export, "", &mut absent);
    } else if let Some((items, at)) = read::list(export, "") {
        for (i, item) in items.iter().enumerate() {
            flag(import, item, &format!("{at}/{i}"), &mut absent);
        }
    } else if combined {
        let project = export.get("project").and_then(|p| Some((p.get("environments")?, "/project")));
        let environments = export.get("environments").map(|e| (e, "")).or(project);
        if let Some((list, root)) = environments {
            let (items, at) = listed(list, &format!("{root}/environments"))?;
            for (i, item) in items.iter().enumerate() {
                environment(import, item, &format!("{at}/{i}"), keys);
            }
        }
        if let Some(flags) = export.get("flags") {
            let (items, at) = listed(flags, "/flags")?;
            for (i, item) in items.iter().enumerate() {
                flag(import, item, &format!("{at}/{i}"), &mut absent);
            }
        }
        if let Some(json) = export.get("segments") {
            segments(import, wanted, json, &mut absent)?;
        }
    } else {
        return Err(vec![Fault::new("", "holds neither items nor flags, segments or environments")]);
    }
    if !absent.is_empty() {
        let names: Vec<String> = absent.into_iter().collect();
        import.notes.push(format!("left out, as it is not asked for or not here: {}", names.join(", ")));
    }
    Ok(())
}

fn listed<'j>(json: &'j Json, at: &str) -> Result<(&'j [Json], String), Vec<Fault>> {
    read::list(json, at).ok_or_else(|| vec![Fault::new(at, "must be an array, or an object with items")])
}

/// The environment of that name, if it is here and asked for.
fn place(import: &Import, name: &str, absent: &mut BTreeSet<String>) -> Option<EnvironmentKey> {
    let found = import.environments.iter().find(|e| e.as_str() == name).cloned();
    if found.is_none() {
        absent.insert(format!("environment {}", name.escape_debug()));
    }
    found
}

/// An environment: its keys are taken as they are, so that applications need another address only.
fn environment(import: &mut Import, json: &Json, at: &str, keys: &Keys<'_>) {
    let Some(name) = json.get("key").and_then(Json::as_str) else { return };
    let Some(key) = import.environments.iter().find(|e| e.as_str() == name).cloned() else { return };
    keys.take(import, &key, CredentialKind::ClientSideId, json.get("_id"), format!("{at}/_id"));
    keys.take(import, &key, CredentialKind::Server, json.get("apiKey"), format!("{at}/apiKey"));
    keys.take(import, &key, CredentialKind::Mobile, json.get("mobileKey"), format!("{at}/mobileKey"));
    if json.get("secureMode").and_then(Json::as_bool) == Some(true) {
        import.notes.push(format!("{key} has secure mode there; turn it on here where it is wanted"));
    }
}

/// Segments by environment: `{"staging": [..]}`; a plain list belongs to the environment asked for.
fn segments(
    import: &mut Import,
    wanted: Option<&EnvironmentKey>,
    json: &Json,
    absent: &mut BTreeSet<String>,
) -> Result<(), Vec<Fault>> {
    if let Some((items, at)) = read::list(json, "/segments") {
        let Some(environment) = wanted else {
            let detail = "name the environment, or write {\"ENVIRONMENT\": [..]}: a list does not say where";
            return Err(vec![Fault::new("/segments", detail)]);
        };
        for (i, item) in items.iter().enumerate() {
            segment(import, environment, item, &format!("{at}/{i}"));
        }
        return Ok(());
    }
    let Some(members) = json.as_object() else {
        return Err(vec![Fault::new("/segments", "must be lists by environment")]);
    };
    for (name, list) in members {
        let Some(environment) = place(import, name, absent) else { continue };
        let (items, at) = listed(list, &read::member("/segments", name))?;
        for (i, item) in items.iter().enumerate() {
            segment(import, &environment, item, &format!("{at}/{i}"));
        }
    }
    Ok(())
}

fn segment(import: &mut Import, environment: &EnvironmentKey, json: &Json, at: &str) {
    let name = json.get("key").and_then(Json::as_str).unwrap_or_default().to_owned();
    let details = match texts(json, at) {
        Ok((name_of, description, tags)) => {
            (name_of.unwrap_or_else(|| name.clone()), description.unwrap_or_default(), tags)
        }
        Err(faults) => {
            let line = Line::refused(Subject::Segment, &name, faults);
            import.refused.push(read::in_environment(line, environment));
            return;
        }
    };
    read::segment(import, environment, (&name, at), json, Some(details), |member, value| match member {
        _ if OWNED_OF_SEGMENTS.contains(&member) || member.starts_with('_') => None,
        "rules" => {
            let rules = value.as_array().unwrap_or_default();
            Some((member.to_owned(), Json::Array(rules.iter().map(|r| rule(r, &mut Vec::new())).collect())))
        }
        _ => Some((member.to_owned(), value.clone())),
    });
}

type Texts = (Option<String>, Option<String>, Vec<String>);

fn texts(json: &Json, at: &str) -> Result<Texts, Vec<Fault>> {
    let mut fields = Fields::of(json, at)?;
    let name = fields.take::<Option<String>>("name").flatten().filter(|n| !n.trim().is_empty());
    let description = fields.take::<Option<String>>("description").flatten();
    let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
    fields.end()?;
    Ok((name, description, tags.unwrap_or_default()))
}

fn flag(import: &mut Import, json: &Json, at: &str, absent: &mut BTreeSet<String>) {
    let name = json.get("key").and_then(Json::as_str).unwrap_or_default();
    match read_flag(import, json, name, at, absent) {
        Ok(flag) => import.flags.push(flag),
        Err(faults) => import.refused.push(Line::refused(Subject::Flag, name, faults)),
    }
}

fn read_flag(
    import: &Import,
    json: &Json,
    name: &str,
    at: &str,
    absent: &mut BTreeSet<String>,
) -> Result<ImportedFlag, Vec<Fault>> {
    let mut fields = Fields::of(json, at)?;
    let key = fields.take::<FlagKey>("key");
    let temporary = fields.take::<Option<bool>>("temporary").flatten();
    let archived = fields.take::<Option<bool>>("archived").flatten();
    let variations = fields.raw("variations");
    fields.end()?;
    let (name_of, description, tags) = texts(json, at)?;
    let mut faults = Vec::new();
    let version = read::version(json, "_version", at, &mut faults);
    let availability = read::availability(json, at, &mut faults);
    let mut ids = Vec::new();
    let variations = match variations.and_then(Json::as_array) {
        Some(items) => items
            .iter()
            .enumerate()
            .filter_map(|(i, item)| variation(item, &format!("{at}/variations/{i}"), &mut ids, &mut faults))
            .collect(),
        None => {
            faults.push(Fault::new(format!("{at}/variations"), "must be an array"));
            Vec::new()
        }
    };
    let mut notes = Vec::new();
    let mut configs = Vec::new();
    let environments = json.get("environments").and_then(Json::as_object).unwrap_or_default();
    if environments.is_empty() {
        notes.push("has no environments in the export; ask for them with env=".to_owned());
    }
    for (name, json) in environments {
        let Some(environment) = place(import, name, absent) else { continue };
        let at = read::member(&format!("{at}/environments"), name);
        configs.extend(config(environment, json, &at, &mut notes, &mut faults));
    }
    let Some(key) = key else { return Err(shared::read::unread(at)) };
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut other = Json::object();
    for (member, kept) in KEPT {
        if let Some(value) = json.get(member).filter(|v| !is_nothing(v)) {
            other.set(kept, value.clone());
        }
    }
    if !ids.is_empty() {
        other.set("variationIds", Json::Array(ids));
    }
    Ok(ImportedFlag {
        key,
        at: at.to_owned(),
        variations: Some(variations),
        version,
        availability,
        details: Some(Details {
            name: name_of.unwrap_or_else(|| name.to_owned()),
            description: description.unwrap_or_default(),
            tags,
            owner: owner(json),
            temporary: temporary.unwrap_or(true),
            archived: archived.unwrap_or(false),
            other,
        }),
        configs,
        notes,
    })
}

fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null | Json::Bool(false) => true,
        Json::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Who answers for a flag: a person's address, else an id, else a team.
fn owner(json: &Json) -> Option<String> {
    let text = |json: Option<&Json>| {
        json.and_then(Json::as_str)
            .filter(|t| !t.is_empty() && t.len() <= 256 && !t.chars().any(shared::read::hostile))
            .map(str::to_owned)
    };
    text(json.get("_maintainer").and_then(|m| m.get("email")))
        .or_else(|| text(json.get("maintainerId")))
        .or_else(|| text(json.get("maintainerTeamKey")))
}

fn variation(json: &Json, at: &str, ids: &mut Vec<Json>, faults: &mut Vec<Fault>) -> Option<Variation> {
    let read = || -> Result<Variation, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let value = fields.take::<Json>("value");
        let name = fields.take::<Option<String>>("name").flatten();
        let description = fields.take::<Option<String>>("description").flatten();
        fields.end()?;
        let value = value.ok_or_else(|| shared::read::unread(at))?;
        Ok(Variation { value, name, description, placeholder: false })
    };
    if let Some(id) = json.get("_id").filter(|id| id.as_str().is_some()) {
        ids.push(id.clone());
    }
    read().map_err(|mut more| faults.append(&mut more)).ok()
}

/// A configuration, spelled as SDKs spell it.
fn config(
    environment: EnvironmentKey,
    json: &Json,
    at: &str,
    notes: &mut Vec<String>,
    faults: &mut Vec<Fault>,
) -> Option<ImportedConfig> {
    let Some(members) = json.as_object() else {
        faults.push(Fault::new(at, format!("must be an object, not {}", json.type_name())));
        return None;
    };
    let version = read::version(json, "version", at, faults);
    let salt = read::salt(json, at, faults);
    let mut document = Json::object();
    let mut rule_places = Vec::new();
    for (member, value) in members {
        match member.as_str() {
            "version" | "salt" | "archived" | "lastModified" | "sel" | "evaluation" => {}
            "_debugEventsUntilDate" => document.set("debugEventsUntilDate", value.clone()),
            "migrationSettings" => document.set("migration", value.clone()),
            "fallthrough" => document.set(member, served(value, notes)),
            "rules" if value.as_array().is_some() => {
                let mut rules = Vec::new();
                for (i, json) in value.as_array().unwrap_or_default().iter().enumerate() {
                    if json.get("disabled").and_then(Json::as_bool) == Some(true) {
                        notes.push(format!("{at}/rules/{i} is disabled and was left out"));
                        continue;
                    }
                    rules.push(rule(json, notes));
                    rule_places.push(i);
                }
                document.set(member, Json::Array(rules));
            }
            _ if member.starts_with('_') => {}
            _ => document.set(member, value.clone()),
        }
    }
    notes.dedup();
    let said = Said::Document(document);
    Some(ImportedConfig { environment, at: at.to_owned(), version, salt, said, rule_places })
}

/// A rule, spelled as SDKs spell it: `_id` is its id, clauses have none.
fn rule(json: &Json, notes: &mut Vec<String>) -> Json {
    if json.as_object().is_none() {
        return json.clone();
    }
    let mut out = Json::object();
    for (member, value) in served(json, notes).as_object().unwrap_or_default() {
        match member.as_str() {
            "_id" => out.set("id", value.clone()),
            "disabled" | "_key" => {}
            "ref" if value.as_str() == Some("") => {}
            "clauses" if value.as_array().is_some() => {
                let clauses = value.as_array().unwrap_or_default().iter().map(|clause| {
                    let mut clause = clause.clone();
                    clause.remove("_id");
                    clause
                });
                out.set(member, Json::Array(clauses.collect()));
            }
            _ => out.set(member, value.clone()),
        }
    }
    out
}

/// A variation or rollout, spelled as SDKs spell it.
fn served(json: &Json, notes: &mut Vec<String>) -> Json {
    let mut out = json.clone();
    let Some(rollout) = out.get_mut("rollout") else { return out };
    if rollout.is_null() {
        out.remove("rollout");
        return out;
    }
    if rollout.remove("experimentAllocation").is_some_and(|a| !a.is_null()) {
        rollout.set("kind", Json::from("experiment"));
        notes.push(
            "an experiment is served with its allocation; what LaunchDarkly measured stays there".into(),
        );
    }
    if let Some(Json::Array(parts)) = rollout.get_mut("variations") {
        for part in parts {
            if let Some(untracked) = part.remove("_untracked") {
                part.set("untracked", untracked);
            }
        }
    }
    out
}
