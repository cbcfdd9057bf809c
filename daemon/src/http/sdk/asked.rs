//! Which environment an SDK asks about: its key or client-side id, looked up without the database.

use std::sync::Arc;

use http::HeaderMap;
use shared::access::{CredentialKind, SdkCredential};

use super::refused::Refused;
use crate::http::{AppState, identity};
use crate::live::serving::ServedEnvironment;

/// An SDK's request that is let in.
pub struct SdkAsked {
    /// What handlers share.
    pub state: AppState,
    /// What it showed.
    pub credential: SdkCredential,
    /// Its environment, as it stands now: one state from beginning to end of an answer.
    pub served: Arc<ServedEnvironment>,
}

/// Lets in whoever sends a key of one of these kinds in `Authorization`: bare, as `api_key`, or as `Bearer`.
///
/// # Errors
/// 401 where the key is certainly unknown, 503 where that cannot be told.
pub async fn by_key(
    state: &AppState,
    headers: &HeaderMap,
    kinds: &[CredentialKind],
) -> Result<SdkAsked, Refused> {
    let found = |state: &AppState| {
        let catalog = state.live.catalog();
        identity::sdk(state, &catalog, headers).filter(|found| kinds.contains(&found.kind))
    };
    let credential = known(state, found).await?.ok_or(Refused::UnknownKey)?;
    served(state, credential)
}

/// Lets in whoever names a client-side id in the path or the query.
///
/// # Errors
/// 404 where it is certainly unknown, 503 where that cannot be told.
pub async fn by_id(state: &AppState, id: &str) -> Result<SdkAsked, Refused> {
    let found = |state: &AppState| {
        let catalog = state.live.catalog();
        let found = identity::sdk_key(state, &catalog, id)?;
        (found.kind == CredentialKind::ClientSideId).then(|| found.clone())
    };
    let credential = known(state, found).await?.ok_or(Refused::UnknownEnvironment)?;
    served(state, credential)
}

/// Looks a credential up; `None` only where it is certainly not there.
async fn known(
    state: &AppState,
    find: impl Fn(&AppState) -> Option<SdkCredential>,
) -> Result<Option<SdkCredential>, Refused> {
    if !state.live.ready() {
        return Err(Refused::NotNow("the daemon has nothing to serve yet".to_owned()));
    }
    if let Some(found) = find(state) {
        return Ok(Some(found));
    }
    if state.live.stale() || state.live.provisional() {
        return Err(Refused::NotNow("the database is away, and this key is not known here".to_owned()));
    }
    Ok(None)
}

fn served(state: &AppState, credential: SdkCredential) -> Result<SdkAsked, Refused> {
    let served = state
        .serving
        .of(&credential)
        .ok_or_else(|| Refused::NotFound("the environment of this key is archived".to_owned()))?;
    Ok(SdkAsked { state: state.clone(), credential, served })
}
