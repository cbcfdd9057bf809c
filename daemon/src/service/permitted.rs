//! Who may make a mutation: by its place, and for access by what it is about as well.

use shared::access::{Permission, RoleBinding, Scope, Token, TokenKind};
use shared::change::{Entity, EntityRef, Mutation};
use shared::key::{EnvironmentKey, ProjectKey};

use super::draft::Draft;
use super::{Cx, Refusal};

/// What can be decided before the database is asked.
///
/// # Errors
/// 403 with the reason.
pub fn before(cx: &Cx, mutation: &Mutation) -> Result<(), Refusal> {
    match mutation {
        Mutation::PutToken(token) => may_make(cx, token),
        Mutation::PutRoleBinding(binding) => may_grant(cx, binding),
        // Whose they are, and where, only the database knows.
        Mutation::RevokeToken(_) | Mutation::RemoveRoleBinding(_) | Mutation::RevokeCredential(_) => Ok(()),
        // Decided entity by entity, once it is known what the revision touched.
        Mutation::Revert(_) => Ok(()),
        Mutation::Put(entity) if entity.kind().is_access() && cx.caller.credential != "cli" => {
            Err(Refusal::forbidden("who may do what is changed one by one, never as whole rows"))
        }
        other => {
            let (permission, project, environment) = other.permission();
            need(cx, permission, &Scope { project, environment, minimum_role: None })
        }
    }
}

/// What can only be decided by what stands in the database.
///
/// # Errors
/// 403 with the reason; the database's.
pub async fn within(cx: &Cx, draft: &mut Draft<'_>, mutation: &Mutation) -> Result<(), Refusal> {
    match mutation {
        Mutation::RevokeToken(id) => match draft.get(&EntityRef::Token(*id)).await? {
            Some(Entity::Token(token)) if is_own(cx, token) => Ok(()),
            _ => need(cx, Permission::Access, &Scope::INSTALLATION),
        },
        Mutation::PutToken(token) => match draft.get(&EntityRef::Token(token.id)).await? {
            None => Ok(()),
            Some(_) => Err(Refusal::forbidden("a token is not changed, only revoked")),
        },
        Mutation::RemoveRoleBinding(id) => match draft.get(&EntityRef::RoleBinding(*id)).await? {
            Some(Entity::RoleBinding(old)) => may_grant(cx, old),
            _ => need(cx, Permission::Access, &Scope::INSTALLATION),
        },
        Mutation::PutRoleBinding(binding) => match draft.get(&EntityRef::RoleBinding(binding.id)).await? {
            Some(Entity::RoleBinding(old)) => may_grant(cx, old),
            _ => Ok(()),
        },
        Mutation::RevokeCredential(id) => match draft.get(&EntityRef::SdkCredential(*id)).await? {
            Some(Entity::SdkCredential(key)) => {
                need(cx, Permission::Credentials, &Scope::environment(&key.project, &key.environment))
            }
            _ => need(cx, Permission::Credentials, &Scope::INSTALLATION),
        },
        _ => Ok(()),
    }
}

fn need(cx: &Cx, permission: Permission, scope: &Scope<'_>) -> Result<(), Refusal> {
    let decision = cx.caller.may(permission, scope);
    if decision.allowed { Ok(()) } else { Err(Refusal::forbidden(decision.because)) }
}

fn is_own(cx: &Cx, token: &Token) -> bool {
    token.kind == TokenKind::Personal && token.principal == cx.caller.principal
}

/// Whether a principal is somebody who can have tokens of their own.
pub fn is_person(principal: &str) -> bool {
    principal.starts_with("os:") || principal.starts_with("user:")
}

/// Everybody with a role makes tokens for themselves, which never do more than the one they were made
/// with; tokens of programs need [`Permission::Access`].
fn may_make(cx: &Cx, token: &Token) -> Result<(), Refusal> {
    if cx.caller.credential == "cli" {
        return Ok(());
    }
    match token.kind {
        TokenKind::Personal if !is_person(&cx.caller.principal) => {
            Err(Refusal::forbidden(format!("{} cannot have a token of its own", cx.caller.principal)))
        }
        TokenKind::Personal if token.principal != cx.caller.principal => {
            Err(Refusal::forbidden("nobody makes a token that acts as somebody else"))
        }
        TokenKind::Personal if cx.caller.bindings.is_empty() => {
            Err(Refusal::forbidden("no role is bound for this caller"))
        }
        TokenKind::Personal => match cx.caller.ceiling {
            Some(ceiling) if !token.role.is_some_and(|role| ceiling.covers(role)) => Err(Refusal::forbidden(
                format!("the token is limited to {ceiling}; it cannot make one that may do more"),
            )),
            _ => Ok(()),
        },
        TokenKind::Service => need(cx, Permission::Access, &Scope::INSTALLATION),
        TokenKind::Bootstrap => Err(Refusal::forbidden("only a daemon makes a bootstrap token")),
    }
}

/// Nobody gives, changes or takes a role above their own, anywhere the binding reaches.
fn may_grant(cx: &Cx, binding: &RoleBinding) -> Result<(), Refusal> {
    let inside = |mine: &&RoleBinding| {
        (binding.project == "*" || mine.project == binding.project)
            && (binding.environment == "*" || mine.environment == binding.environment)
    };
    // Where a narrower binding gives the caller less, they have less to give.
    for place in std::iter::once(binding).chain(cx.caller.bindings.iter().filter(inside)) {
        let project = ProjectKey::new(place.project.clone()).ok();
        let environment = EnvironmentKey::new(place.environment.clone()).ok();
        let scope =
            Scope { project: project.as_ref(), environment: environment.as_ref(), minimum_role: None };
        need(cx, Permission::Access, &scope)?;
        let own = cx.caller.role_at(&scope);
        if !own.is_some_and(|own| own.covers(binding.role)) {
            return Err(Refusal::forbidden(format!(
                "{} has the role {} in {}/{}, and nobody gives or takes a higher one ({})",
                cx.caller.principal,
                own.map_or("none", shared::access::Role::as_str),
                place.project,
                place.environment,
                binding.role
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::access::Role;
    use uuid::Uuid;

    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::service::Caller;
    use crate::store::gate::Gate;

    fn binding(subject: &str, role: Role, project: &str, environment: &str) -> RoleBinding {
        let (subject, project, environment) = (subject.into(), project.into(), environment.into());
        RoleBinding { id: Uuid::nil(), subject, role, project, environment }
    }

    fn cx(bindings: Vec<RoleBinding>, ceiling: Option<Role>) -> Cx {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy("postgres://nowhere").unwrap();
        let caller = Caller { principal: "user:a".into(), credential: "header".into(), bindings, ceiling };
        Cx {
            gate: Arc::new(Gate::new(pool, Arc::clone(&clock))),
            clock,
            caller,
            source: "api",
            request_id: None,
        }
    }

    #[tokio::test]
    async fn nobody_gives_a_role_above_their_own() {
        let admin = cx(vec![binding("user:a", Role::Admin, "p", "*")], None);
        for (role, project, environment, allowed) in [
            (Role::Admin, "p", "*", true),
            (Role::Auditor, "p", "production", true),
            (Role::Owner, "p", "*", false),
            (Role::Viewer, "*", "*", false),
            (Role::Viewer, "q", "*", false),
        ] {
            let wanted = Mutation::PutRoleBinding(binding("user:b", role, project, environment));
            assert_eq!(before(&admin, &wanted).is_ok(), allowed, "{role} in {project}/{environment}");
        }
        let editor = cx(vec![binding("user:a", Role::Editor, "*", "*")], None);
        assert!(
            before(&editor, &Mutation::PutRoleBinding(binding("user:b", Role::Viewer, "p", "*"))).is_err()
        );
    }

    #[tokio::test]
    async fn a_narrower_lesser_role_is_not_passed_by_a_wide_grant() {
        let bindings = vec![
            binding("user:a", Role::Admin, "p", "*"),
            binding("user:a", Role::Viewer, "p", "production"),
        ];
        let admin = cx(bindings, None);
        let wide = Mutation::PutRoleBinding(binding("user:b", Role::Editor, "p", "*"));
        let beside = Mutation::PutRoleBinding(binding("user:b", Role::Editor, "p", "staging"));
        assert!(before(&admin, &wide).is_err());
        assert!(before(&admin, &beside).is_ok());
    }

    #[tokio::test]
    async fn a_limited_token_gives_no_more_than_its_limit() {
        let limited = cx(vec![binding("user:a", Role::Owner, "*", "*")], Some(Role::Admin));
        let to = |role| Mutation::PutRoleBinding(binding("user:b", role, "*", "*"));
        assert!(before(&limited, &to(Role::Admin)).is_ok());
        assert!(before(&limited, &to(Role::Owner)).is_err());
    }
}
