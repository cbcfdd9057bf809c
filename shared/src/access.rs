//! Who may do what: roles, bindings, credentials and the one decision.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::key::{EnvironmentKey, ProjectKey};

/// What somebody may do. `Auditor` stands beside the ladder: it reads the audit and verifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads the audit and verifies it, nothing else.
    Auditor,
    /// Reads everything but secrets.
    Viewer,
    /// Changes flags and segments.
    Editor,
    /// Changes environments, credentials and who may do what in its scope.
    Admin,
    /// Everything, everywhere.
    Owner,
}

impl Role {
    const fn rank(self) -> u8 {
        match self {
            Self::Auditor => 0,
            Self::Viewer => 1,
            Self::Editor => 2,
            Self::Admin => 3,
            Self::Owner => 4,
        }
    }

    /// Whether this role has everything `other` has.
    pub const fn covers(self, other: Role) -> bool {
        match other {
            Self::Auditor => matches!(self, Self::Auditor | Self::Admin | Self::Owner),
            _ => self.rank() >= other.rank(),
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auditor" => Self::Auditor,
            "viewer" => Self::Viewer,
            "editor" => Self::Editor,
            "admin" => Self::Admin,
            "owner" => Self::Owner,
            other => return Err(format!("{other:?} is not a role: viewer, editor, admin, owner or auditor")),
        })
    }
}

/// One thing that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See flags, segments, environments; evaluate.
    Read,
    /// See the audit with its before and after.
    ReadAudit,
    /// Change flags, configs, segments.
    Write,
    /// Make and change projects and environments, and take such a change back. Importing and promoting write
    /// flags, so they need [`Permission::Write`] where they write.
    Administer,
    /// See and change SDK credentials of an environment.
    Credentials,
    /// Change role bindings and other people's tokens.
    Access,
    /// Back up, see every daemon and client.
    Operate,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::ReadAudit,
        Self::Write,
        Self::Administer,
        Self::Credentials,
        Self::Access,
        Self::Operate,
    ];

    /// The least role that has it.
    pub const fn needs(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::ReadAudit => Role::Viewer,
            Self::Write => Role::Editor,
            Self::Administer | Self::Credentials | Self::Access => Role::Admin,
            Self::Operate => Role::Admin,
        }
    }

    /// The least role that has it in a place, whose own rule may be stricter for writes.
    pub const fn needs_in(self, scope: &Scope<'_>) -> Role {
        match (self, scope.minimum_role) {
            (Self::Write, Some(minimum)) if minimum.rank() > self.needs().rank() => minimum,
            _ => self.needs(),
        }
    }

    /// Whether a role has it in a place.
    pub const fn is_had_by(self, role: Role, scope: &Scope<'_>) -> bool {
        role.covers(self.needs_in(scope)) || matches!((self, role), (Self::ReadAudit, Role::Auditor))
    }

    /// The name in a refusal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadAudit => "read-audit",
            Self::Write => "write",
            Self::Administer => "administer",
            Self::Credentials => "credentials",
            Self::Access => "access",
            Self::Operate => "operate",
        }
    }
}

/// Where it is asked for; `None` is everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The project, if it is one.
    pub project: Option<&'a ProjectKey>,
    /// The environment, if it is one.
    pub environment: Option<&'a EnvironmentKey>,
    /// The environment's own least role for writes.
    pub minimum_role: Option<Role>,
}

impl<'a> Scope<'a> {
    /// The whole installation.
    pub const INSTALLATION: Self = Self { project: None, environment: None, minimum_role: None };

    /// A project.
    pub const fn project(project: &'a ProjectKey) -> Self {
        Self { project: Some(project), environment: None, minimum_role: None }
    }

    /// An environment of a project.
    pub const fn environment(project: &'a ProjectKey, environment: &'a EnvironmentKey) -> Self {
        Self { project: Some(project), environment: Some(environment), minimum_role: None }
    }
}

/// Gives a subject a role in a scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleBinding {
    /// Identity.
    pub id: Uuid,
    /// A principal (`os:alice`, `user:alice`, `token:<id>`), `group:<name>`, or `*` for everybody known.
    pub subject: String,
    /// The role.
    pub role: Role,
    /// A project's key or `*`.
    pub project: String,
    /// An environment's key or `*`.
    pub environment: String,
}

impl RoleBinding {
    /// How narrow the binding is: a named subject beats a group, a named place beats `*`.
    fn narrowness(&self) -> u8 {
        u8::from(self.environment != "*") * 4
            + u8::from(self.project != "*") * 2
            + u8::from(!self.subject.starts_with("group:") && self.subject != "*")
    }

    fn covers(&self, scope: &Scope<'_>) -> bool {
        let fits = |bound: &str, asked: Option<&str>| bound == "*" || asked == Some(bound);
        fits(&self.project, scope.project.map(ProjectKey::as_str))
            && fits(&self.environment, scope.environment.map(EnvironmentKey::as_str))
    }
}

/// What was decided, and the sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// Why, for the refusal and the access log.
    pub because: String,
}

/// The binding that counts in a place: of those that cover it the narrowest, and of equally narrow ones
/// the strongest.
pub fn binding_at<'b>(bindings: &'b [RoleBinding], scope: &Scope<'_>) -> Option<&'b RoleBinding> {
    bindings.iter().filter(|b| b.covers(scope)).max_by_key(|b| (b.narrowness(), b.role.rank()))
}

/// Decides from the bindings of one caller, by the one that counts there. Denies by default.
pub fn allows(bindings: &[RoleBinding], permission: Permission, scope: &Scope<'_>) -> Decision {
    let Some(binding) = binding_at(bindings, scope) else {
        return Decision { allowed: false, because: "no role is bound here for this caller".to_owned() };
    };
    let because = format!(
        "{} has the role {} in {}/{}; {} needs {}",
        binding.subject,
        binding.role,
        binding.project,
        binding.environment,
        permission.as_str(),
        permission.needs_in(scope)
    );
    Decision { allowed: permission.is_had_by(binding.role, scope), because }
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person's; never more than the person has.
    Personal,
    /// A program's; has bindings of its own.
    Service,
    /// Single use, for the first owner of a remote-only installation.
    Bootstrap,
}

/// A bearer token; the secret itself is never kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Identity.
    pub id: Uuid,
    /// What it is for.
    pub kind: TokenKind,
    /// What people call it.
    pub name: String,
    /// The principal it acts as (`user:alice`, `os:alice`, or `token:<id>` for a service).
    pub principal: String,
    /// SHA-256 of the secret, hexadecimal.
    pub hash: String,
    /// The first characters of the secret, for people.
    pub prefix: String,
    /// The last four characters of the secret, for people.
    pub last_four: String,
    /// The most it may do, where that is less than its principal.
    #[serde(default)]
    pub role: Option<Role>,
    /// When it stops working.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Switched off.
    #[serde(default)]
    pub revoked: bool,
}

/// What an SDK credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// Server-side SDKs: whole documents.
    Server,
    /// Mobile SDKs: evaluated, flags available to mobile keys.
    Mobile,
    /// Browser SDKs: evaluated, public by design.
    ClientSideId,
}

/// A credential of one environment for SDKs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SdkCredential {
    /// Identity.
    pub id: Uuid,
    /// The project of the environment.
    pub project: ProjectKey,
    /// The environment it opens.
    pub environment: EnvironmentKey,
    /// What it opens.
    pub kind: CredentialKind,
    /// SHA-256 of the key, hexadecimal: what look-ups use.
    pub hash: String,
    /// The key sealed with the installation's secret, base64; absent for a client-side id.
    #[serde(default)]
    pub sealed: Option<String>,
    /// The key itself where it is public by design: a client-side id.
    #[serde(default)]
    pub public: Option<String>,
    /// The key with its middle masked, for people.
    pub masked: String,
    /// When it stops working, set by a rotation.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Switched off.
    #[serde(default)]
    pub revoked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(subject: &str, role: Role, project: &str, environment: &str) -> RoleBinding {
        RoleBinding {
            id: Uuid::nil(),
            subject: subject.into(),
            role,
            project: project.into(),
            environment: environment.into(),
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_binding() {
        assert!(!allows(&[], Permission::Read, &Scope::INSTALLATION).allowed);
    }

    #[test]
    fn the_narrowest_binding_wins_even_when_it_gives_less() {
        let project = ProjectKey::new("p").unwrap();
        let production = EnvironmentKey::new("production").unwrap();
        let staging = EnvironmentKey::new("staging").unwrap();
        let bindings =
            [binding("user:a", Role::Editor, "p", "*"), binding("user:a", Role::Viewer, "p", "production")];
        let at = |e| allows(&bindings, Permission::Write, &Scope::environment(&project, e));
        assert!(at(&staging).allowed);
        assert!(!at(&production).allowed);
        assert!(at(&production).because.contains("viewer"));
    }

    #[test]
    fn an_environment_can_ask_for_more_than_editor() {
        let project = ProjectKey::new("p").unwrap();
        let production = EnvironmentKey::new("production").unwrap();
        let bindings = [binding("group:dev", Role::Editor, "*", "*")];
        let mut scope = Scope::environment(&project, &production);
        assert!(allows(&bindings, Permission::Write, &scope).allowed);
        scope.minimum_role = Some(Role::Admin);
        assert!(!allows(&bindings, Permission::Write, &scope).allowed);
    }

    #[test]
    fn an_auditor_reads_the_audit_and_nothing_else() {
        let bindings = [binding("user:a", Role::Auditor, "*", "*")];
        assert!(allows(&bindings, Permission::ReadAudit, &Scope::INSTALLATION).allowed);
        assert!(!allows(&bindings, Permission::Read, &Scope::INSTALLATION).allowed);
        assert!(!allows(&bindings, Permission::Write, &Scope::INSTALLATION).allowed);
    }
}
