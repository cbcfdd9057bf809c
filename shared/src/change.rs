//! Changes: the entities that have a history, and the mutations that people ask for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Permission, RoleBinding, SdkCredential, Token};
use crate::fault::Fault;
use crate::flag::{Flag, FlagConfig, FlagKind, Variation};
use crate::import::Import;
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use crate::project::{ClientSideAvailability, Environment, Project};
use crate::promotion::Promotion;
use crate::read::{Fields, FromJson, unread};
use crate::segment::Segment;
use crate::system_config;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// A project.
    Project,
    /// An environment.
    Environment,
    /// A flag.
    Flag,
    /// A flag's configuration in an environment.
    Config,
    /// A segment.
    Segment,
    /// A role binding.
    RoleBinding,
    /// A token.
    Token,
    /// An SDK credential.
    SdkCredential,
}

impl EntityKind {
    /// The name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Flag => "flag",
            Self::Config => "config",
            Self::Segment => "segment",
            Self::RoleBinding => "role-binding",
            Self::Token => "token",
            Self::SdkCredential => "sdk-credential",
        }
    }

    /// Whether changes of it are about access, which is never reverted.
    pub const fn is_access(self) -> bool {
        matches!(self, Self::RoleBinding | Self::Token | Self::SdkCredential)
    }
}

impl std::str::FromStr for EntityKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "project" => Self::Project,
            "environment" => Self::Environment,
            "flag" => Self::Flag,
            "config" => Self::Config,
            "segment" => Self::Segment,
            "role-binding" => Self::RoleBinding,
            "token" => Self::Token,
            "sdk-credential" => Self::SdkCredential,
            other => return Err(format!("{other:?} is not a kind of entity")),
        })
    }
}

/// What was done to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It did not exist before.
    Created,
    /// Something in it changed.
    Updated,
    /// Targeting was turned on.
    TurnedOn,
    /// Targeting was turned off.
    TurnedOff,
    /// It was archived.
    Archived,
    /// It was brought back.
    Restored,
    /// A change of the flag altered what is served: only the version rose.
    VersionRaised,
    /// A binding was taken away.
    Removed,
    /// A token or credential was switched off.
    Revoked,
}

impl Action {
    /// The name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::TurnedOn => "turned-on",
            Self::TurnedOff => "turned-off",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::VersionRaised => "version-raised",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "created" => Self::Created,
            "updated" => Self::Updated,
            "turned-on" => Self::TurnedOn,
            "turned-off" => Self::TurnedOff,
            "archived" => Self::Archived,
            "restored" => Self::Restored,
            "version-raised" => Self::VersionRaised,
            "removed" => Self::Removed,
            "revoked" => Self::Revoked,
            other => return Err(format!("{other:?} is not an action")),
        })
    }
}

/// Names an entity by what people call it (access entities by their id).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityRef {
    /// A project.
    Project(ProjectKey),
    /// An environment of a project.
    Environment(ProjectKey, EnvironmentKey),
    /// A flag of a project.
    Flag(ProjectKey, FlagKey),
    /// A flag's configuration in an environment.
    Config(ProjectKey, FlagKey, EnvironmentKey),
    /// A segment of an environment.
    Segment(ProjectKey, EnvironmentKey, SegmentKey),
    /// A role binding.
    RoleBinding(Uuid),
    /// A token.
    Token(Uuid),
    /// An SDK credential.
    SdkCredential(Uuid),
}

/// A row with a history. Its JSON is the audit's before and after.
#[derive(Clone, Debug, PartialEq)]
pub enum Entity {
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
    /// A flag.
    Flag(Flag),
    /// A flag's configuration in an environment.
    Config(FlagConfig),
    /// A segment.
    Segment(Segment),
    /// A role binding.
    RoleBinding(RoleBinding),
    /// A token.
    Token(Token),
    /// An SDK credential.
    SdkCredential(SdkCredential),
}

impl Entity {
    /// What it is.
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Project(_) => EntityKind::Project,
            Self::Environment(_) => EntityKind::Environment,
            Self::Flag(_) => EntityKind::Flag,
            Self::Config(_) => EntityKind::Config,
            Self::Segment(_) => EntityKind::Segment,
            Self::RoleBinding(_) => EntityKind::RoleBinding,
            Self::Token(_) => EntityKind::Token,
            Self::SdkCredential(_) => EntityKind::SdkCredential,
        }
    }

    /// Its identity in the database.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Project(e) => e.id,
            Self::Environment(e) => e.id,
            Self::Flag(e) => e.id,
            Self::Config(e) => e.id,
            Self::Segment(e) => e.id,
            Self::RoleBinding(e) => e.id,
            Self::Token(e) => e.id,
            Self::SdkCredential(e) => e.id,
        }
    }

    /// What people call it: a config goes by its flag's key.
    pub fn key(&self) -> String {
        match self {
            Self::Project(e) => e.key.to_string(),
            Self::Environment(e) => e.key.to_string(),
            Self::Flag(e) => e.key.to_string(),
            Self::Config(e) => e.flag.to_string(),
            Self::Segment(e) => e.key.to_string(),
            Self::RoleBinding(e) => e.subject.clone(),
            Self::Token(e) => e.name.clone(),
            Self::SdkCredential(e) => e.masked.clone(),
        }
    }

    /// The project it belongs to (a project belongs to itself).
    pub const fn project(&self) -> Option<&ProjectKey> {
        match self {
            Self::Project(e) => Some(&e.key),
            Self::Environment(e) => Some(&e.project),
            Self::Flag(e) => Some(&e.project),
            Self::Config(e) => Some(&e.project),
            Self::Segment(e) => Some(&e.project),
            Self::SdkCredential(e) => Some(&e.project),
            Self::RoleBinding(_) | Self::Token(_) => None,
        }
    }

    /// The environment it belongs to (an environment belongs to itself).
    pub const fn environment(&self) -> Option<&EnvironmentKey> {
        match self {
            Self::Environment(e) => Some(&e.key),
            Self::Config(e) => Some(&e.environment),
            Self::Segment(e) => Some(&e.environment),
            Self::SdkCredential(e) => Some(&e.environment),
            Self::Project(_) | Self::Flag(_) | Self::RoleBinding(_) | Self::Token(_) => None,
        }
    }

    /// The name to look it up by.
    pub fn reference(&self) -> EntityRef {
        match self {
            Self::Project(e) => EntityRef::Project(e.key.clone()),
            Self::Environment(e) => EntityRef::Environment(e.project.clone(), e.key.clone()),
            Self::Flag(e) => EntityRef::Flag(e.project.clone(), e.key.clone()),
            Self::Config(e) => EntityRef::Config(e.project.clone(), e.flag.clone(), e.environment.clone()),
            Self::Segment(e) => EntityRef::Segment(e.project.clone(), e.environment.clone(), e.key.clone()),
            Self::RoleBinding(e) => EntityRef::RoleBinding(e.id),
            Self::Token(e) => EntityRef::Token(e.id),
            Self::SdkCredential(e) => EntityRef::SdkCredential(e.id),
        }
    }

    /// The row as the audit keeps it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Project(e) => Json::from_serialize(e),
            Self::Environment(e) => Json::from_serialize(e),
            Self::Flag(e) => Json::from_serialize(e),
            Self::Config(e) => Json::from_serialize(e),
            Self::Segment(e) => Json::from_serialize(e),
            Self::RoleBinding(e) => Json::from_serialize(e),
            Self::Token(e) => Json::from_serialize(e),
            Self::SdkCredential(e) => Json::from_serialize(e),
        }
    }

    /// Reads a row that the audit kept.
    ///
    /// # Errors
    /// The text is not a row of this kind.
    pub fn from_text(kind: EntityKind, text: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            EntityKind::Project => Self::Project(serde_json::from_str(text)?),
            EntityKind::Environment => Self::Environment(serde_json::from_str(text)?),
            EntityKind::Flag => Self::Flag(serde_json::from_str(text)?),
            EntityKind::Config => Self::Config(serde_json::from_str(text)?),
            EntityKind::Segment => Self::Segment(serde_json::from_str(text)?),
            EntityKind::RoleBinding => Self::RoleBinding(serde_json::from_str(text)?),
            EntityKind::Token => Self::Token(serde_json::from_str(text)?),
            EntityKind::SdkCredential => Self::SdkCredential(serde_json::from_str(text)?),
        })
    }
}

/// How an edit is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 7396.
    Merge(Json),
    /// RFC 6902.
    Operations(Json),
}

/// A flag to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFlag {
    /// Its key.
    pub key: FlagKey,
    /// Its name; the key where none is given.
    pub name: Option<String>,
    /// What it is for.
    pub description: String,
    /// What its values are; from the first value where it is not said.
    pub kind: Option<FlagKind>,
    /// Its values.
    pub variations: Option<Vec<Variation>>,
    /// Whether it starts on.
    pub enabled: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Meant to be removed again.
    pub temporary: bool,
    /// Which client-side SDKs may see it.
    pub client_side_availability: Option<ClientSideAvailability>,
    /// Anything else.
    pub metadata: Option<Json>,
    /// A JSON Schema for its values.
    pub value_schema: Option<Json>,
}

impl FromJson for NewFlag {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let key = fields.take::<FlagKey>("key");
        let name = fields.take::<Option<String>>("name").flatten();
        let description = fields.take::<Option<String>>("description").flatten();
        let kind = fields.take::<Option<FlagKind>>("kind").flatten();
        let type_ = fields.take::<Option<FlagKind>>("type").flatten();
        let variations = fields.take::<Option<Vec<Variation>>>("variations").flatten();
        let enabled = fields.take::<Option<bool>>("enabled").flatten();
        let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
        let owner = fields.take::<Option<String>>("owner").flatten();
        let temporary = fields.take::<Option<bool>>("temporary").flatten();
        let availability = fields.take::<Option<ClientSideAvailability>>("clientSideAvailability").flatten();
        let metadata = fields.take::<Option<Json>>("metadata").flatten();
        let value_schema = fields.take::<Option<Json>>("valueSchema").flatten();
        if let (Some(kind), Some(type_)) = (kind, type_)
            && kind != type_
        {
            fields.fault("type", format!("says {} where kind says {}", type_.as_str(), kind.as_str()));
        }
        if metadata.as_ref().is_some_and(|m| m.as_object().is_none()) {
            fields.fault("metadata", "must be an object");
        }
        if name.as_ref().is_some_and(|n| n.trim().is_empty()) {
            fields.fault("name", "must not be empty");
        }
        fields.finish()?;
        Ok(Self {
            key: key.ok_or_else(|| unread(at))?,
            name,
            description: description.unwrap_or_default(),
            kind: kind.or(type_),
            variations,
            enabled: enabled.unwrap_or(false),
            tags: tags.unwrap_or_default(),
            owner,
            temporary: temporary.unwrap_or(true),
            client_side_availability: availability,
            metadata,
            value_schema,
        })
    }
}

/// A segment to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSegment {
    /// Its key.
    pub key: SegmentKey,
    /// Its name; the key where none is given.
    pub name: Option<String>,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Kept from an import.
    pub salt: Option<String>,
    /// Its document: included, excluded, rules.
    pub document: Json,
}

impl FromJson for NewSegment {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let key = fields.take::<SegmentKey>("key");
        let name = fields.take::<Option<String>>("name").flatten();
        let description = fields.take::<Option<String>>("description").flatten();
        let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
        let document = fields.take::<Option<Json>>("document").flatten();
        if document.as_ref().is_some_and(|d| d.as_object().is_none()) {
            fields.fault("document", "must be an object");
        }
        fields.finish()?;
        Ok(Self {
            key: key.ok_or_else(|| unread(at))?,
            name,
            description: description.unwrap_or_default(),
            tags: tags.unwrap_or_default(),
            salt: None,
            document: document.unwrap_or_else(Json::object),
        })
    }
}

/// One thing that somebody wants to be different. Every write is a list of these.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// A new project.
    CreateProject(ProjectKey, Json),
    /// A project edited or archived.
    UpdateProject(ProjectKey, Patch),
    /// A new environment.
    CreateEnvironment(ProjectKey, EnvironmentKey, Json),
    /// An environment edited or archived.
    UpdateEnvironment(ProjectKey, EnvironmentKey, Patch),
    /// A new flag, with a configuration in every environment.
    CreateFlag(ProjectKey, Box<NewFlag>),
    /// A flag edited.
    UpdateFlag(ProjectKey, FlagKey, Patch),
    /// A flag archived.
    ArchiveFlag(ProjectKey, FlagKey),
    /// A flag brought back.
    RestoreFlag(ProjectKey, FlagKey),
    /// Targeting turned on or off; `None` flips it.
    SetOn(ProjectKey, FlagKey, EnvironmentKey, Option<bool>),
    /// A configuration replaced: the document (or the evaluated form), and on or off.
    ReplaceConfig(ProjectKey, FlagKey, EnvironmentKey, Option<Json>, Option<bool>),
    /// A configuration edited.
    PatchConfig(ProjectKey, FlagKey, EnvironmentKey, Patch),
    /// A new segment.
    CreateSegment(ProjectKey, EnvironmentKey, Box<NewSegment>),
    /// A segment edited.
    UpdateSegment(ProjectKey, EnvironmentKey, SegmentKey, Patch),
    /// A segment archived.
    ArchiveSegment(ProjectKey, EnvironmentKey, SegmentKey),
    /// A segment brought back.
    RestoreSegment(ProjectKey, EnvironmentKey, SegmentKey),
    /// A role given, or changed where the id exists.
    PutRoleBinding(RoleBinding),
    /// A role taken away.
    RemoveRoleBinding(Uuid),
    /// A token made.
    PutToken(Box<Token>),
    /// A token switched off.
    RevokeToken(Uuid),
    /// A credential made, or given an end.
    PutCredential(Box<SdkCredential>),
    /// A credential switched off.
    RevokeCredential(Uuid),
    /// Configurations of one environment taken into another, as they stand when it is written.
    Promote(Box<Promotion>),
    /// A boolean flag edited through the system-config view.
    EditSystemConfig(Box<system_config::Wanted>),
    /// What a revision did, undone, with everything later kept.
    Revert(crate::revision::Revision),
    /// A whole row as it shall be: imports, reverts and promotions, which have done their own thinking.
    Put(Box<Entity>),
    /// An export taken in.
    Import(Box<Import>),
}

impl Mutation {
    /// What may be done only by those who have this permission, and where.
    pub fn permission(&self) -> (Permission, Option<&ProjectKey>, Option<&EnvironmentKey>) {
        use Permission::{Access, Administer, Credentials, Write};
        match self {
            Self::CreateProject(..) => (Administer, None, None),
            Self::UpdateProject(p, _) | Self::CreateEnvironment(p, ..) => (Administer, Some(p), None),
            Self::UpdateEnvironment(p, e, _) => (Administer, Some(p), Some(e)),
            Self::CreateFlag(p, _)
            | Self::UpdateFlag(p, ..)
            | Self::ArchiveFlag(p, _)
            | Self::RestoreFlag(p, _) => (Write, Some(p), None),
            // Each environment it writes is asked about as well, once its rows are known.
            Self::Import(import) => (Write, Some(&import.project), None),
            Self::SetOn(p, _, e, _)
            | Self::ReplaceConfig(p, _, e, ..)
            | Self::PatchConfig(p, _, e, _)
            | Self::CreateSegment(p, e, _)
            | Self::UpdateSegment(p, e, ..)
            | Self::ArchiveSegment(p, e, _)
            | Self::RestoreSegment(p, e, _) => (Write, Some(p), Some(e)),
            Self::PutRoleBinding(_) | Self::RemoveRoleBinding(_) => (Access, None, None),
            Self::PutToken(_) | Self::RevokeToken(_) => (Access, None, None),
            Self::PutCredential(c) => (Credentials, Some(&c.project), Some(&c.environment)),
            Self::RevokeCredential(_) => (Credentials, None, None),
            Self::Promote(p) => (Write, Some(&p.project), Some(&p.to)),
            Self::EditSystemConfig(w) => (Write, Some(&w.project), Some(&w.environment)),
            // What it touches is known only when it is read: there, each entity asks for its own.
            Self::Revert(_) => (Permission::ReadAudit, None, None),
            Self::Put(entity) => match entity.as_ref() {
                Entity::Project(_) | Entity::Environment(_) => (Administer, entity.project(), None),
                Entity::RoleBinding(_) | Entity::Token(_) => (Access, None, None),
                Entity::SdkCredential(_) => (Credentials, entity.project(), entity.environment()),
                _ => (Write, entity.project(), entity.environment()),
            },
        }
    }

    /// Reads a member of a change set: `{"op": "setOn", "flag": "x", "environment": "y", "enabled": true}`.
    ///
    /// # Errors
    /// Every fault, with pointers into the request.
    pub fn from_json(json: &Json, at: &str, project: &ProjectKey) -> Result<Self, Vec<Fault>> {
        const OPS: &str = "createFlag, updateFlag, archiveFlag, restoreFlag, setOn, replaceConfig, patchConfig, \
                           createSegment, updateSegment, archiveSegment, restoreSegment";
        let mut fields = Fields::of(json, at)?;
        let op = fields.take::<String>("op").unwrap_or_default();
        let _ = fields.raw("ifMatch");
        let p = project.clone();
        let mutation = match op.as_str() {
            "createFlag" => fields.take::<NewFlag>("flag").map(|f| Self::CreateFlag(p, Box::new(f))),
            "updateFlag" => {
                let flag = fields.take::<FlagKey>("flag");
                let patch = take_patch(&mut fields);
                flag.zip(patch).map(|(f, patch)| Self::UpdateFlag(p, f, patch))
            }
            "archiveFlag" => fields.take::<FlagKey>("flag").map(|f| Self::ArchiveFlag(p, f)),
            "restoreFlag" => fields.take::<FlagKey>("flag").map(|f| Self::RestoreFlag(p, f)),
            "setOn" => {
                let flag = fields.take::<FlagKey>("flag");
                let environment = fields.take::<EnvironmentKey>("environment");
                let enabled = fields.take::<Option<bool>>("enabled").flatten();
                flag.zip(environment).map(|(f, e)| Self::SetOn(p, f, e, enabled))
            }
            "replaceConfig" => {
                let flag = fields.take::<FlagKey>("flag");
                let environment = fields.take::<EnvironmentKey>("environment");
                let config = fields.take::<Option<Json>>("config").flatten();
                let enabled = fields.take::<Option<bool>>("enabled").flatten();
                flag.zip(environment).map(|(f, e)| Self::ReplaceConfig(p, f, e, config, enabled))
            }
            "patchConfig" => {
                let flag = fields.take::<FlagKey>("flag");
                let environment = fields.take::<EnvironmentKey>("environment");
                let patch = take_patch(&mut fields);
                flag.zip(environment).zip(patch).map(|((f, e), patch)| Self::PatchConfig(p, f, e, patch))
            }
            "createSegment" => {
                let environment = fields.take::<EnvironmentKey>("environment");
                let segment = fields.take::<NewSegment>("segment");
                environment.zip(segment).map(|(e, s)| Self::CreateSegment(p, e, Box::new(s)))
            }
            "updateSegment" | "archiveSegment" | "restoreSegment" => {
                let environment = fields.take::<EnvironmentKey>("environment");
                let segment = fields.take::<SegmentKey>("segment");
                let both = environment.zip(segment);
                match op.as_str() {
                    "updateSegment" => {
                        let patch = take_patch(&mut fields);
                        both.zip(patch).map(|((e, s), patch)| Self::UpdateSegment(p, e, s, patch))
                    }
                    "archiveSegment" => both.map(|(e, s)| Self::ArchiveSegment(p, e, s)),
                    _ => both.map(|(e, s)| Self::RestoreSegment(p, e, s)),
                }
            }
            "" => None,
            other => {
                fields.fault("op", format!("{other:?} is not an operation; there are {OPS}"));
                return Err(fields.end().err().unwrap_or_else(|| unread(at)));
            }
        };
        fields.finish()?;
        mutation.ok_or_else(|| unread(at))
    }
}

fn take_patch(fields: &mut Fields<'_>) -> Option<Patch> {
    let merge = fields.take::<Option<Json>>("merge").flatten();
    let operations = fields.take::<Option<Json>>("patch").flatten();
    match (merge, operations) {
        (Some(merge), None) => Some(Patch::Merge(merge)),
        (None, Some(operations)) => Some(Patch::Operations(operations)),
        _ => {
            fields.fault("merge", "exactly one of merge (RFC 7396) and patch (RFC 6902) is required");
            None
        }
    }
}
