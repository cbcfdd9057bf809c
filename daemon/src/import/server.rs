//! Reads a server payload, as SDKs get it: documents of one environment with their salts.

use shared::access::CredentialKind;
use shared::fault::Fault;
use shared::flag::Variation;
use shared::import::{Import, ImportedConfig, ImportedFlag, Line, Said, Subject};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};

use super::read::{self, Keys};

/// Members that the flag, a column or nobody holds.
const OWNED: [&str; 7] =
    ["key", "version", "salt", "variations", "clientSideAvailability", "clientSide", "deleted"];
/// The same of segments.
const OWNED_OF_SEGMENTS: [&str; 4] = ["key", "version", "salt", "deleted"];

/// Reads a payload: by itself, as the stream's `put` event, or with the environment of a relay's archive.
///
/// # Errors
/// It is not an object, or holds neither flags nor segments nor an environment.
pub fn read(
    import: &mut Import,
    environment: &EnvironmentKey,
    export: &Json,
    keys: &Keys<'_>,
) -> Result<(), Vec<Fault>> {
    let (export, root) = match export.get("data") {
        Some(data) if export.get("flags").is_none() => (data, "/data"),
        _ => (export, ""),
    };
    let of = |name: &str| -> Result<&[(String, Json)], Vec<Fault>> {
        match export.get(name) {
            None | Some(Json::Null) => Ok(&[]),
            Some(json) => json.as_object().ok_or_else(|| {
                vec![Fault::new(
                    format!("{root}/{name}"),
                    format!("must be an object, not {}", json.type_name()),
                )]
            }),
        }
    };
    let (flags, segments) = (of("flags")?, of("segments")?);
    let env = export.get("env").filter(|env| env.as_object().is_some());
    if env.is_none() && export.get("flags").is_none() && export.get("segments").is_none() {
        return Err(vec![Fault::new(root, "has neither flags nor segments")]);
    }
    for (name, json) in flags {
        flag(import, environment, name, json, &read::member(&format!("{root}/flags"), name));
    }
    for (name, json) in segments {
        let at = read::member(&format!("{root}/segments"), name);
        read::segment(import, environment, (name, &at), json, None, |member, value| {
            (!OWNED_OF_SEGMENTS.contains(&member)).then(|| (member.to_owned(), value.clone()))
        });
    }
    if let Some(env) = env {
        archive_environment(import, environment, env, &format!("{root}/env"), keys);
    }
    Ok(())
}

/// The environment of a relay's offline archive: its keys.
fn archive_environment(
    import: &mut Import,
    environment: &EnvironmentKey,
    env: &Json,
    at: &str,
    keys: &Keys<'_>,
) {
    let sdk = env.get("sdkKey").and_then(|k| k.get("value"));
    keys.take(import, environment, CredentialKind::Server, sdk, format!("{at}/sdkKey/value"));
    keys.take(import, environment, CredentialKind::Mobile, env.get("mobKey"), format!("{at}/mobKey"));
    keys.take(import, environment, CredentialKind::ClientSideId, env.get("envID"), format!("{at}/envID"));
    if env.get("sdkKey").is_some_and(|k| k.get("expiring").is_some_and(|e| !e.is_null())) {
        import.notes.push(format!("{at}/sdkKey/expiring is about to end and was left out"));
    }
}

fn flag(import: &mut Import, environment: &EnvironmentKey, name: &str, json: &Json, at: &str) {
    let Some(members) = json.as_object() else {
        let fault = Fault::new(at, format!("must be an object, not {}", json.type_name()));
        import.refused.push(Line::refused(Subject::Flag, name, vec![fault]));
        return;
    };
    if json.get("deleted").and_then(Json::as_bool) == Some(true) {
        import.notes.push(format!("{at} is deleted and was left out"));
        return;
    }
    let mut faults = Vec::new();
    let key = FlagKey::new(name).map_err(|e| faults.push(Fault::new(at, e.to_string()))).ok();
    faults.extend(read::misnamed(json, name, at));
    let version = read::version(json, "version", at, &mut faults);
    let salt = read::salt(json, at, &mut faults);
    let availability = read::availability(json, at, &mut faults);
    let variations = match json.get("variations").map(Json::as_array) {
        Some(Some(values)) => values.iter().cloned().map(Variation::of).collect(),
        _ => {
            faults.push(Fault::new(format!("{at}/variations"), "must be an array"));
            Vec::new()
        }
    };
    let (Some(key), true) = (key, faults.is_empty()) else {
        import.refused.push(Line::refused(Subject::Flag, name, faults));
        return;
    };
    let document: Json =
        members.iter().filter(|(member, _)| !OWNED.contains(&member.as_str())).cloned().collect();
    import.flags.push(ImportedFlag {
        key,
        at: at.to_owned(),
        variations: Some(variations),
        version: None,
        availability,
        details: None,
        configs: vec![ImportedConfig {
            environment: environment.clone(),
            at: at.to_owned(),
            version,
            salt,
            said: Said::Document(document),
            rule_places: Vec::new(),
        }],
        notes: Vec::new(),
    });
}
