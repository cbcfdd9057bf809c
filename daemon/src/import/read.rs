//! GROUND of the formats: members that several of them have, and the keys of SDKs.

use sha2::{Digest, Sha256};
use shared::access::{CredentialKind, SdkCredential};
use shared::audit::hex;
use shared::evaluated::MAX_VERSION;
use shared::fault::Fault;
use shared::import::{Import, ImportedSegment, Line, Subject};
use shared::json::Json;
use shared::json::pointer::escape;
use shared::key::{EnvironmentKey, SegmentKey};
use shared::project::ClientSideAvailability;
use shared::read::FromJson;

use crate::secrets::Secrets;
use crate::service::Cx;

/// Seals a secret with the installation's key, so that only this installation can read it again.
pub trait Sealer: Send + Sync {
    /// The secret, sealed, as text.
    ///
    /// # Errors
    /// Why it cannot be sealed now.
    fn seal(&self, secret: &str) -> Result<String, String>;
}

impl Sealer for Secrets {
    fn seal(&self, secret: &str) -> Result<String, String> {
        Self::seal(self, secret).map_err(|error| error.to_string())
    }
}

/// A place without a secrets key: server and mobile keys are left out, with a note.
#[derive(Clone, Copy, Debug)]
pub struct NoSealer;

impl Sealer for NoSealer {
    fn seal(&self, _: &str) -> Result<String, String> {
        Err("there is no secrets key here".to_owned())
    }
}

/// What is needed to take the keys of SDKs in.
pub struct Keys<'k> {
    /// Ids.
    pub cx: &'k Cx,
    /// Seals server and mobile keys.
    pub sealer: &'k dyn Sealer,
}

impl Keys<'_> {
    /// Takes a key in that stands at `at`, as it is: applications then need another address only.
    pub fn take(
        &self,
        import: &mut Import,
        environment: &EnvironmentKey,
        kind: CredentialKind,
        json: Option<&Json>,
        at: String,
    ) {
        let Some(text) = json.and_then(Json::as_str).filter(|t| !t.is_empty()) else { return };
        let masked = mask(text);
        if text.len() > 256 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            let fault = Fault::new(at, "must be 1 to 256 printable characters");
            import.refused.push(Line::refused(Subject::Credential, &masked, vec![fault]));
            return;
        }
        let public = kind == CredentialKind::ClientSideId;
        let sealed = if public {
            None
        } else {
            match self.sealer.seal(text) {
                Ok(sealed) => Some(sealed),
                Err(why) => {
                    let fault = Fault::new(at, format!("cannot be sealed, so it was left out: {why}"));
                    import.refused.push(Line::refused(Subject::Credential, &masked, vec![fault]));
                    return;
                }
            }
        };
        let credential = SdkCredential {
            id: self.cx.clock.uuid(),
            project: import.project.clone(),
            environment: environment.clone(),
            kind,
            hash: hex(&Sha256::digest(text.as_bytes())),
            sealed,
            public: public.then(|| text.to_owned()),
            masked: if public { text.to_owned() } else { masked },
            expires_at: None,
            revoked: false,
        };
        import.credentials.push((credential, at));
    }
}

/// A key with its middle masked.
fn mask(key: &str) -> String {
    let count = key.chars().count();
    let shown = if count >= 16 { 4 } else { 0 };
    let head: String = key.chars().take(shown).collect();
    let tail: String = key.chars().skip(count - shown).collect();
    format!("{head}****{tail}")
}

/// A list of the REST API, with its place: an array, or an object with `items`.
pub fn list<'j>(json: &'j Json, at: &str) -> Option<(&'j [Json], String)> {
    match json.as_array() {
        Some(items) => Some((items, at.to_owned())),
        None => json.get("items").and_then(Json::as_array).map(|items| (items, format!("{at}/items"))),
    }
}

/// The version that a row carries.
pub fn version(json: &Json, member: &str, at: &str, faults: &mut Vec<Fault>) -> Option<i64> {
    let value = json.get(member).filter(|v| !v.is_null())?;
    match value.as_i64() {
        Some(version) if (1..=MAX_VERSION).contains(&version) => Some(version),
        _ => {
            let detail = format!("must be a whole number from 1 to {MAX_VERSION}");
            faults.push(Fault::new(format!("{at}/{member}"), detail));
            None
        }
    }
}

/// The salt that a row carries.
pub fn salt(json: &Json, at: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let value = json.get("salt").filter(|v| !v.is_null())?;
    match value.as_str() {
        Some("") => None,
        Some(salt) if salt.len() <= 256 && !salt.chars().any(shared::read::hostile) => Some(salt.to_owned()),
        _ => {
            faults.push(Fault::new(format!("{at}/salt"), "must be a text of at most 256 bytes"));
            None
        }
    }
}

/// Which client-side SDKs may see a flag: the object, else the older member `clientSide`.
pub fn availability(json: &Json, at: &str, faults: &mut Vec<Fault>) -> Option<ClientSideAvailability> {
    if let Some(given) = json.get("clientSideAvailability").filter(|v| !v.is_null()) {
        return match ClientSideAvailability::from_json(given, &format!("{at}/clientSideAvailability")) {
            Ok(availability) => Some(availability),
            Err(mut more) => {
                faults.append(&mut more);
                None
            }
        };
    }
    let using_environment_id = json.get("clientSide")?.as_bool()?;
    Some(ClientSideAvailability { using_environment_id, using_mobile_key: true })
}

/// Whether a key in a row says something else than its name.
pub fn misnamed(json: &Json, name: &str, at: &str) -> Option<Fault> {
    let key = json.get("key").filter(|key| key.as_str() != Some(name))?;
    Some(Fault::new(format!("{at}/key"), format!("is {key} under the name {name:?}")))
}

/// Reads a segment that stands at `at`; `left_out` says which members its document leaves out.
pub fn segment(
    import: &mut Import,
    environment: &EnvironmentKey,
    (name, at): (&str, &str),
    json: &Json,
    details: Option<(String, String, Vec<String>)>,
    document: impl Fn(&str, &Json) -> Option<(String, Json)>,
) {
    let mut faults = Vec::new();
    let key = SegmentKey::new(name).map_err(|e| faults.push(Fault::new(at, e.to_string()))).ok();
    let Some(members) = json.as_object() else {
        let fault = Fault::new(at, format!("must be an object, not {}", json.type_name()));
        import.refused.push(in_environment(Line::refused(Subject::Segment, name, vec![fault]), environment));
        return;
    };
    if json.get("deleted").and_then(Json::as_bool) == Some(true) {
        import.notes.push(format!("{at} is deleted and was left out"));
        return;
    }
    faults.extend(misnamed(json, name, at));
    let version = version(json, "version", at, &mut faults);
    let salt = salt(json, at, &mut faults);
    let mut notes = Vec::new();
    if json.get("unbounded").and_then(Json::as_bool) == Some(true) {
        notes
            .push("is unbounded: its members are not in the export, so nobody is in it by membership".into());
    }
    let (Some(key), true) = (key, faults.is_empty()) else {
        import.refused.push(in_environment(Line::refused(Subject::Segment, name, faults), environment));
        return;
    };
    import.segments.push(ImportedSegment {
        key,
        environment: environment.clone(),
        at: at.to_owned(),
        details,
        version,
        salt,
        document: members.iter().filter_map(|(member, value)| document(member, value)).collect(),
        notes,
    });
}

/// The line with its environment.
pub fn in_environment(line: Line, environment: &EnvironmentKey) -> Line {
    Line { environment: Some(environment.clone()), ..line }
}

/// The pointer of a member.
pub fn member(at: &str, name: &str) -> String {
    format!("{at}/{}", escape(name))
}
