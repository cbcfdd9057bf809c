//! Tokens: made for people by themselves, and for programs by those who may.

use shared::access::{Role, RoleBinding, Token, TokenKind};
use shared::change::{EntityRef, Mutation};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::read::{Fields, FromJson};
use time::OffsetDateTime;

use super::Cx;
use super::commit::Item;
use crate::credential;

/// A token to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: TokenKind,
    /// The most it may do; for a program, what it may do.
    pub role: Option<Role>,
    /// Where a program's token may do it: a project's key or `*`.
    pub project: String,
    /// Where a program's token may do it: an environment's key or `*`.
    pub environment: String,
    /// When it stops working.
    pub expires_at: Option<OffsetDateTime>,
}

impl FromJson for NewToken {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let name = fields.take::<String>("name").unwrap_or_default();
        let kind = fields.take::<Option<String>>("kind").flatten();
        let role = fields.take::<Option<Role>>("role").flatten();
        let expires_at = fields.take::<Option<OffsetDateTime>>("expiresAt").flatten();
        let (project, environment) = take_place(&mut fields);
        if name.trim().is_empty() || name.len() > 256 {
            fields.fault("name", "must have 1 to 256 bytes");
        }
        let kind = match kind.as_deref() {
            None | Some("personal") => TokenKind::Personal,
            Some("service") => TokenKind::Service,
            Some(other) => {
                fields.fault("kind", format!("must be personal or service, not {other:?}"));
                TokenKind::Personal
            }
        };
        if kind == TokenKind::Personal && (project != "*" || environment != "*") {
            fields.fault(
                "project",
                "only a service token has a place; a personal one acts where its owner does",
            );
        }
        if kind == TokenKind::Service && role.is_none() {
            fields.fault("role", "is required for a service token");
        }
        fields.finish()?;
        Ok(Self { name, kind, role, project, environment, expires_at })
    }
}

/// Reads `project` and `environment`, each a key or `*`, which is also what an absent one means.
pub fn take_place(fields: &mut Fields<'_>) -> (String, String) {
    let project = fields.take::<Option<String>>("project").flatten().unwrap_or_else(|| "*".to_owned());
    let environment =
        fields.take::<Option<String>>("environment").flatten().unwrap_or_else(|| "*".to_owned());
    if project != "*"
        && let Err(e) = ProjectKey::new(project.clone())
    {
        fields.fault("project", format!("must be a key or *: {e}"));
    }
    if environment != "*"
        && let Err(e) = EnvironmentKey::new(environment.clone())
    {
        fields.fault("environment", format!("must be a key or *: {e}"));
    }
    (project, environment)
}

/// A token that was drawn up: its secret is shown once and kept nowhere.
pub struct Drawn {
    /// What makes it.
    pub items: Vec<Item>,
    /// Its name in the write.
    pub reference: EntityRef,
    /// The secret.
    pub secret: String,
}

/// Draws up a token for the caller, or for a program with a role of its own.
pub fn draw(cx: &Cx, new: &NewToken) -> Drawn {
    let secret = credential::token(new.kind);
    let id = cx.clock.uuid();
    let service = new.kind == TokenKind::Service;
    let token = Token {
        id,
        kind: new.kind,
        name: new.name.clone(),
        principal: if service { format!("token:{id}") } else { cx.caller.principal.clone() },
        hash: credential::hash(&secret),
        prefix: secret.chars().take(8).collect(),
        last_four: credential::last_four(&secret),
        role: if service { None } else { new.role.or(cx.caller.ceiling) },
        expires_at: new.expires_at,
        revoked: false,
    };
    let mut items = vec![Item::whole(Mutation::PutToken(Box::new(token)))];
    if let (true, Some(role)) = (service, new.role) {
        items.push(Item::whole(Mutation::PutRoleBinding(RoleBinding {
            id: cx.clock.uuid(),
            subject: format!("token:{id}"),
            role,
            project: new.project.clone(),
            environment: new.environment.clone(),
        })));
    }
    Drawn { items, reference: EntityRef::Token(id), secret }
}
