//! Who is calling: peer credentials, tokens, SDK credentials, trusted headers, the demo.
//!
//! Tokens of an OpenID Connect issuer will have their place in `bearer`, between our own tokens and
//! SDK credentials: a text with two dots is neither.

use std::sync::Arc;

use axum::extract::MatchedPath;
use http::HeaderMap;
use http::request::Parts;
use shared::access::{CredentialKind, Role, RoleBinding, SdkCredential, Token, TokenKind};
use shared::api::problem::ProblemKind;

use super::AppState;
use super::accounted::Known;
use super::error::ApiError;
use super::os_users::{OsUser, everywhere};
use crate::config::model::AccessMode;
use crate::credential;
use crate::live::catalog::Catalog;
use crate::net::peer::Peer;
use crate::service::{Caller, credentials, single_use};

/// The most bytes of a credential that are looked at.
const LONGEST: usize = 512;

/// The routes of our own API that SDK credentials open, below `/api` or `/api/projects/{project}`.
const SDK_ROUTES: [&str; 4] = [
    "/environments/{environment}/flags",
    "/evaluate",
    "/v1/system-config/feature-flags/enabled",
    "/v1/system-config/feature-flags/{name}/check",
];

/// The only header of that name; two are refused, since a proxy and we could believe different ones.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, ApiError> {
    let mut all = headers.get_all(name).iter();
    let first = all.next();
    if all.next().is_some() {
        return Err(ApiError::new(ProblemKind::Unauthenticated, format!("{name} was sent more than once")));
    }
    Ok(first.and_then(|v| v.to_str().ok()).map(str::trim).filter(|v| !v.is_empty()))
}

/// Every binding in the catalog that is for one of these subjects, or for everybody known.
fn bound(catalog: &Catalog, subjects: &[&str]) -> Vec<RoleBinding> {
    let bindings = catalog.access.bindings.values();
    bindings.filter(|b| b.subject == "*" || subjects.contains(&b.subject.as_str())).cloned().collect()
}

/// Finds out who is calling.
///
/// # Errors
/// A credential that is not known, or none where one is needed: 401.
pub fn caller(state: &AppState, catalog: &Catalog, parts: &Parts) -> Result<Caller, ApiError> {
    let caller = find(state, catalog, parts)?;
    if let Some(known) = parts.extensions.get::<Known>() {
        known.tell(&caller);
    }
    Ok(caller)
}

fn find(state: &AppState, catalog: &Catalog, parts: &Parts) -> Result<Caller, ApiError> {
    if parts.headers.contains_key("authorization") {
        let text = header(&parts.headers, "authorization")?.ok_or_else(unknown)?;
        return bearer(state, catalog, parts, text);
    }
    let demo = state.config.access.mode == AccessMode::Demo;
    match parts.extensions.get::<Peer>() {
        Some(Peer::Unix { uid, groups, .. }) => return local(state, catalog, *uid, groups),
        Some(peer @ Peer::Tcp(_)) => {
            let id = header(&parts.headers, "x-user-id")?;
            let email = header(&parts.headers, "x-user-email")?;
            if id.is_some() || email.is_some() {
                if !demo && !is_trusted(state, peer) {
                    return Err(ApiError::new(
                        ProblemKind::Unauthenticated,
                        "x-user-id and x-user-email are read only from peers in access.trusted_proxies; \
                         send a token as `Authorization: Bearer fsp_...`",
                    ));
                }
                return named(catalog, id, email, demo);
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
        None => {}
    }
    Err(ApiError::new(
        ProblemKind::Unauthenticated,
        "send a token as `Authorization: Bearer fsp_...`, or use the Unix socket on the same host",
    ))
}

fn unknown() -> ApiError {
    ApiError::new(ProblemKind::Unauthenticated, "this credential is not known, or no longer valid")
}

fn is_trusted(state: &AppState, peer: &Peer) -> bool {
    matches!(peer, Peer::Tcp(address)
        if state.config.access.trusted_proxies.iter().any(|cidr| cidr.contains(address.ip().to_canonical())))
}

/// Whom a trusted proxy (or, in the demo, anybody) says the caller is.
fn named(catalog: &Catalog, id: Option<&str>, email: Option<&str>, demo: bool) -> Result<Caller, ApiError> {
    for (name, value) in [("x-user-id", id), ("x-user-email", email)] {
        if value.is_some_and(|v| v.len() > 256 || v.chars().any(shared::read::hostile)) {
            return Err(ApiError::parameter(name, "holds characters that are not taken, or too many"));
        }
    }
    let principal = format!("user:{}", id.or(email).unwrap_or_default());
    let mailed = email.map(|email| format!("user:{email}"));
    let mut bindings = match &mailed {
        // In the demo everybody names themselves; a name is enough there.
        Some(mailed) if !demo => bound(catalog, &[&principal, mailed]),
        _ => bound(catalog, &[&principal]),
    };
    if demo {
        add_demo_role(&mut bindings, &principal);
    }
    Ok(Caller { principal, credential: "header".to_owned(), bindings, ceiling: None })
}

/// In the demo a user is an editor until something is bound to them.
fn add_demo_role(bindings: &mut Vec<RoleBinding>, principal: &str) {
    if !bindings.iter().any(|b| b.subject == principal) {
        bindings.push(everywhere(principal, Role::Editor));
    }
}

/// Reads `Authorization`: `Bearer` for tokens; SDKs send their key bare, as `api_key`, or as `Bearer`.
fn bearer(
    state: &AppState,
    catalog: &Catalog,
    parts: &Parts,
    authorization: &str,
) -> Result<Caller, ApiError> {
    let (scheme, text) = secret_of(authorization);
    if text.len() > LONGEST {
        return Err(unknown());
    }
    if credential::is_token(text) {
        if scheme != Some("bearer") {
            return Err(ApiError::new(
                ProblemKind::Unauthenticated,
                "send the token as `Authorization: Bearer ...`",
            ));
        }
        return token(state, catalog, text);
    }
    let key = sdk_key(state, catalog, text).ok_or_else(unknown)?;
    let caller = Caller {
        principal: format!("sdk:{}", key.id),
        credential: format!("{}{}", sdk_name(key.kind), key.id),
        bindings: vec![RoleBinding {
            project: key.project.to_string(),
            environment: key.environment.to_string(),
            ..everywhere("this SDK credential", Role::Viewer)
        }],
        ceiling: None,
    };
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let open = route
        .strip_prefix("/api/projects/{project}")
        .or_else(|| route.strip_prefix("/api"))
        .is_some_and(|rest| SDK_ROUTES.contains(&rest));
    // Only the list of flags knows which of them a client-side credential may see.
    let exposed = key.kind == CredentialKind::Server || route.ends_with("/environments/{environment}/flags");
    if open && exposed {
        Ok(caller)
    } else {
        Err(ApiError::new(ProblemKind::Forbidden, "this SDK credential does not open this route"))
    }
}

/// The scheme, lower case, and the text behind it; a bare text has no scheme.
fn secret_of(authorization: &str) -> (Option<&'static str>, &str) {
    let Some((scheme, text)) = authorization.split_once(' ') else { return (None, authorization) };
    for known in ["bearer", "api_key"] {
        if scheme.eq_ignore_ascii_case(known) {
            return (Some(known), text.trim());
        }
    }
    (None, authorization)
}

/// The live SDK credential that an `Authorization` header (bare, `api_key` or `Bearer`) names, for the
/// routes of SDKs, which decide themselves what each kind opens.
pub fn sdk(state: &AppState, catalog: &Catalog, headers: &HeaderMap) -> Option<Arc<SdkCredential>> {
    let text = header(headers, "authorization").ok().flatten()?;
    sdk_key(state, catalog, secret_of(text).1).cloned()
}

/// The live SDK credential of that key; a client-side id arrives in a path.
pub fn sdk_key<'c>(state: &AppState, catalog: &'c Catalog, key: &str) -> Option<&'c Arc<SdkCredential>> {
    if key.is_empty() || key.len() > LONGEST {
        return None;
    }
    let found = catalog.access.credentials.get(&credential::hash(key))?;
    credentials::is_live(found, state.clock.now()).then_some(found)
}

const fn sdk_name(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Server => "server-key:",
        CredentialKind::Mobile => "mobile-key:",
        CredentialKind::ClientSideId => "client-side-id:",
    }
}

/// What kind of SDK credential a caller has, if it is one.
pub fn sdk_kind(caller: &Caller) -> Option<CredentialKind> {
    credentials::KINDS.into_iter().find(|kind| caller.credential.starts_with(sdk_name(*kind)))
}

fn token(state: &AppState, catalog: &Catalog, secret: &str) -> Result<Caller, ApiError> {
    // Junk ends here: nothing is looked up for it.
    if !credential::is_genuine(secret) {
        return Err(unknown());
    }
    token_by_hash(state, catalog, &credential::hash(secret))
}

/// Whose token it is, by the hexadecimal SHA-256 of its secret.
///
/// # Errors
/// 401 where it is not known or no longer valid.
pub fn token_by_hash(state: &AppState, catalog: &Catalog, hash: &str) -> Result<Caller, ApiError> {
    let token = catalog.access.tokens.get(hash).ok_or_else(unknown)?;
    if token.revoked || token.expires_at.is_some_and(|end| end <= state.clock.now()) {
        return Err(unknown());
    }
    let credential = format!("token:{}", token.id);
    let (credential, bindings) = match token.kind {
        TokenKind::Personal => (credential, owned(state, catalog, token)),
        TokenKind::Service => {
            let bindings = bound(catalog, &[&credential]);
            (credential, bindings)
        }
        TokenKind::Bootstrap => {
            (format!("{}{}", single_use::CREDENTIAL, token.id), vec![everywhere("bootstrap", Role::Owner)])
        }
    };
    Ok(Caller { principal: token.principal.clone(), credential, bindings, ceiling: token.role })
}

/// What the owner of a personal token may do now.
fn owned(state: &AppState, catalog: &Catalog, token: &Token) -> Vec<RoleBinding> {
    if let Some(user) = OsUser::of_principal(&token.principal) {
        return roles_of(state, catalog, &user);
    }
    let mut bindings = bound(catalog, &[&token.principal]);
    if state.config.access.mode == AccessMode::Demo && token.principal.starts_with("user:") {
        add_demo_role(&mut bindings, &token.principal);
    }
    bindings
}

fn roles_of(state: &AppState, catalog: &Catalog, user: &OsUser) -> Vec<RoleBinding> {
    let daemon = nix::unistd::Uid::effective().as_raw();
    user.roles(&state.config.access.local, daemon, catalog.access.bindings.values())
}

fn local(state: &AppState, catalog: &Catalog, uid: u32, groups: &[u32]) -> Result<Caller, ApiError> {
    let user = OsUser::of_peer(uid, groups);
    let principal = user.principal();
    let bindings = roles_of(state, catalog, &user);
    if bindings.is_empty() {
        return Err(ApiError::new(
            ProblemKind::Forbidden,
            format!("{principal} has no role here; access.local says who has one"),
        ));
    }
    Ok(Caller { principal, credential: "socket".to_owned(), bindings, ceiling: None })
}
