//! Who a Socket.IO client is: the token of its CONNECT, or of its request, or the request.

use axum::extract::Query;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest, Sha256};
use shared::access::{CredentialKind, Permission, Role, RoleBinding, Scope, SdkCredential};
use shared::api::problem::ProblemKind;
use shared::audit::hex;
use shared::json::Json;
use shared::project::ClientSideAvailability;
use uuid::Uuid;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::identity;
use crate::live::catalog::{Catalog, Place};
use crate::service::Caller;

/// What a client showed; its secret is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The hexadecimal SHA-256 of a secret.
    Secret(String),
    /// Nothing but the request: its peer and headers.
    Request,
}

/// Which flags a client may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All.
    All,
    /// Those for mobile keys.
    Mobile,
    /// Those for client-side ids.
    Browser,
}

impl Audience {
    /// Whether it sees a flag of this availability.
    pub const fn sees(self, availability: ClientSideAvailability) -> bool {
        match self {
            Self::All => true,
            Self::Mobile => availability.using_mobile_key,
            Self::Browser => availability.using_environment_id,
        }
    }
}

/// Who a client is.
#[derive(Clone, Debug)]
pub struct Who {
    /// The caller, with what is bound to them.
    pub caller: Caller,
    /// Which flags they may see.
    pub audience: Audience,
    /// The environment that an SDK credential opens: its client is in that room without asking.
    pub home: Option<Place>,
}

impl Who {
    /// Whether the client may hear of an environment.
    pub fn may_hear(&self, place: &Place) -> bool {
        self.caller.may(Permission::Read, &Scope::environment(&place.0, &place.1)).allowed
    }
}

/// Finds what a client shows: `token` of its CONNECT, the `Authorization` header, `?token=`.
///
/// # Errors
/// 401 for a `token` that is not a string.
pub fn presented(auth: &Json, parts: &Parts) -> Result<Presented, ApiError> {
    let secret = |text: &str| {
        let secret = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text);
        Presented::Secret(hex(&Sha256::digest(secret.trim().as_bytes())))
    };
    match auth.get("token") {
        Some(Json::String(token)) if !token.is_empty() => return Ok(secret(token)),
        None | Some(Json::Null | Json::String(_)) => {}
        Some(_) => return Err(ApiError::new(ProblemKind::Unauthenticated, "auth.token must be a string")),
    }
    if let Some(header) = parts.headers.get(AUTHORIZATION) {
        let text = header.to_str().map_err(|_| {
            ApiError::new(ProblemKind::Unauthenticated, "the Authorization header cannot be read")
        })?;
        return Ok(secret(text));
    }
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|q| q.0).unwrap_or_default();
    let token = query.iter().find(|(name, value)| name == "token" && !value.is_empty());
    Ok(token.map_or(Presented::Request, |(_, value)| secret(value)))
}

/// Finds out who shows that.
///
/// # Errors
/// A credential that is not known, or none where one is needed: 401.
pub fn who(
    state: &AppState,
    catalog: &Catalog,
    parts: &Parts,
    presented: &Presented,
) -> Result<Who, ApiError> {
    let caller = match presented {
        Presented::Request => identity::caller(state, catalog, parts)?,
        Presented::Secret(hash) => match catalog.access.credentials.get(hash) {
            Some(credential) => return sdk(state, credential),
            None => identity::token_by_hash(state, catalog, hash)?,
        },
    };
    Ok(Who { caller, audience: Audience::All, home: None })
}

fn sdk(state: &AppState, credential: &SdkCredential) -> Result<Who, ApiError> {
    if credential.revoked || credential.expires_at.is_some_and(|end| end <= state.clock.now()) {
        return Err(ApiError::new(ProblemKind::Unauthenticated, "this SDK key is no longer valid"));
    }
    let principal = format!("sdk:{}", credential.id);
    let binding = RoleBinding {
        id: Uuid::nil(),
        subject: principal.clone(),
        role: Role::Viewer,
        project: credential.project.to_string(),
        environment: credential.environment.to_string(),
    };
    let caller = Caller { credential: principal.clone(), principal, bindings: vec![binding], ceiling: None };
    let audience = match credential.kind {
        CredentialKind::Server => Audience::All,
        CredentialKind::Mobile => Audience::Mobile,
        CredentialKind::ClientSideId => Audience::Browser,
    };
    Ok(Who { caller, audience, home: Some((credential.project.clone(), credential.environment.clone())) })
}
