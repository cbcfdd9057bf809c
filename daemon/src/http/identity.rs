//! Who is calling: peer credentials, tokens, trusted headers, the demo.

use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest, Sha256};
use shared::access::{Role, RoleBinding};
use shared::api::problem::ProblemKind;
use shared::audit::hex;
use uuid::Uuid;

use super::AppState;
use super::error::ApiError;
use crate::config::model::{AccessMode, LocalRole};
use crate::live::catalog::Catalog;
use crate::net::peer::Peer;
use crate::service::Caller;

fn everywhere(subject: &str, role: Role) -> RoleBinding {
    RoleBinding {
        id: Uuid::nil(),
        subject: subject.to_owned(),
        role,
        project: "*".to_owned(),
        environment: "*".to_owned(),
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim).filter(|v| !v.is_empty())
}

/// Every binding in the catalog that is for one of these subjects.
fn bound(catalog: &Catalog, subjects: &[String]) -> Vec<RoleBinding> {
    catalog
        .access
        .bindings
        .values()
        .filter(|b| b.subject == "*" || subjects.contains(&b.subject))
        .cloned()
        .collect()
}

/// Finds out who is calling.
///
/// # Errors
/// A credential that is not known, or none where one is needed: 401.
pub fn caller(state: &AppState, catalog: &Catalog, parts: &Parts) -> Result<Caller, ApiError> {
    if let Some(authorization) = header(&parts.headers, "authorization") {
        return bearer(state, catalog, authorization);
    }
    if let Some(peer) = parts.extensions.get::<Peer>() {
        if let Peer::Unix { uid, groups, .. } = peer {
            return local(state, catalog, *uid, groups);
        }
        let demo = state.config.access.mode == AccessMode::Demo;
        if let Some(user) = header(&parts.headers, "x-user-id") {
            if !demo && !trusted(state, peer) {
                return Err(ApiError::new(
                    ProblemKind::Unauthenticated,
                    "x-user-id is read only from peers in access.trusted_proxies; send a token instead",
                ));
            }
            if user.len() > 256 || user.chars().any(shared::read::hostile) {
                return Err(ApiError::parameter("x-user-id", "holds characters that are not taken"));
            }
            let principal = format!("user:{user}");
            let mut bindings = bound(catalog, std::slice::from_ref(&principal));
            if demo && bindings.is_empty() {
                bindings.push(everywhere(&principal, Role::Editor));
            }
            return Ok(Caller { principal, credential: "header".to_owned(), bindings, ceiling: None });
        }
        if demo {
            return Ok(Caller {
                principal: "anonymous".to_owned(),
                credential: "none".to_owned(),
                bindings: vec![everywhere("anonymous", Role::Viewer)],
                ceiling: None,
            });
        }
    }
    Err(ApiError::new(
        ProblemKind::Unauthenticated,
        "send a token as `Authorization: Bearer fsp_...`, or use the Unix socket on the same host",
    ))
}

fn trusted(state: &AppState, peer: &Peer) -> bool {
    matches!(peer, Peer::Tcp(address)
        if state.config.access.trusted_proxies.iter().any(|cidr| cidr.contains(address.ip())))
}

fn unknown() -> ApiError {
    ApiError::new(ProblemKind::Unauthenticated, "this token is not known, or no longer valid")
}

fn bearer(state: &AppState, catalog: &Catalog, authorization: &str) -> Result<Caller, ApiError> {
    let secret = authorization.strip_prefix("Bearer ").or_else(|| authorization.strip_prefix("bearer "));
    let secret = secret.map(str::trim).ok_or_else(unknown)?;
    token(state, catalog, &hex(&Sha256::digest(secret.as_bytes())))
}

/// Whose token it is, by the hexadecimal SHA-256 of its secret.
///
/// # Errors
/// 401 where it is not known or no longer valid.
pub fn token(state: &AppState, catalog: &Catalog, hash: &str) -> Result<Caller, ApiError> {
    let token = catalog.access.tokens.get(hash).ok_or_else(unknown)?;
    if token.revoked || token.expires_at.is_some_and(|end| end <= state.clock.now()) {
        return Err(unknown());
    }
    let credential = format!("token:{}", token.id);
    let mut bindings = bound(catalog, &[token.principal.clone(), credential.clone()]);
    if bindings.is_empty()
        && let Some(role) = token.role
    {
        bindings.push(everywhere(&credential, role));
    }
    Ok(Caller { principal: token.principal.clone(), credential, bindings, ceiling: token.role })
}

fn local(state: &AppState, catalog: &Catalog, uid: u32, groups: &[u32]) -> Result<Caller, ApiError> {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
        .ok()
        .flatten()
        .map_or_else(|| format!("uid:{uid}"), |user| user.name);
    let principal = format!("os:{name}");
    let access = &state.config.access.local;
    let own = nix::unistd::Uid::effective().as_raw();
    let is_owner =
        uid == own || access.owners.iter().any(|owner| *owner == name || *owner == uid.to_string());
    let mut subjects = vec![principal.clone()];
    let mut role = None;
    for gid in groups {
        let group = nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(*gid)).ok().flatten();
        let group_name = group.map_or_else(|| gid.to_string(), |g| g.name);
        if let Some(given) = access.groups.get(&group_name).or_else(|| access.groups.get(&gid.to_string())) {
            let given = local_role(*given);
            if given.is_some_and(|g| role.is_none_or(|r: Role| g.covers(r))) {
                role = given;
            }
        }
        subjects.push(format!("group:{group_name}"));
    }
    let mut bindings = bound(catalog, &subjects);
    if is_owner {
        bindings.push(everywhere(&principal, Role::Owner));
    } else if bindings.is_empty() {
        let given = role.or_else(|| local_role(access.default));
        let Some(given) = given else {
            return Err(ApiError::new(
                ProblemKind::Forbidden,
                format!("{principal} has no role here; access.local says who has one"),
            ));
        };
        bindings.push(everywhere(&principal, given));
    }
    Ok(Caller { principal, credential: "socket".to_owned(), bindings, ceiling: None })
}

const fn local_role(role: LocalRole) -> Option<Role> {
    match role {
        LocalRole::Deny => None,
        LocalRole::Auditor => Some(Role::Auditor),
        LocalRole::Viewer => Some(Role::Viewer),
        LocalRole::Editor => Some(Role::Editor),
        LocalRole::Admin => Some(Role::Admin),
        LocalRole::Owner => Some(Role::Owner),
    }
}
