//! Which environment an SDK asks about: its key or client-side id, looked up without the database.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use shared::access::{CredentialKind, SdkCredential};
use shared::revision::Position;

use super::refused::Refused;
use crate::http::{AppState, identity};
use crate::live::serving::ServedEnvironment;
use crate::service::credentials;

/// How long to wait for a change that this daemon committed itself.
const OWN_WRITES: Duration = Duration::from_secs(1);
/// How long a client that another daemon told more waits for it.
const CATCH_UP: Duration = Duration::from_secs(1);

/// An SDK's request that is let in.
pub struct SdkAsked {
    /// What handlers share.
    pub state: AppState,
    /// What it showed.
    pub credential: Arc<SdkCredential>,
    /// Its environment, as it stands now: one state from beginning to end of an answer.
    pub served: Arc<ServedEnvironment>,
}

impl SdkAsked {
    /// The environment's client-side id, which SDKs show in their telemetry: the one that lasts longest.
    pub fn environment_id(&self) -> Option<String> {
        let now = self.state.clock.now();
        let catalog = self.state.live.catalog();
        let place =
            |c: &SdkCredential| (&c.project, &c.environment) == (&self.served.place.0, &self.served.place.1);
        catalog
            .access
            .credentials
            .values()
            .filter(|c| c.kind == CredentialKind::ClientSideId && place(c) && credentials::is_live(c, now))
            .min_by_key(|c| (c.expires_at.is_some(), std::cmp::Reverse(c.expires_at), c.id))
            .and_then(|c| c.public.clone())
    }
}

impl SdkAsked {
    /// Waits a moment for a position that another daemon, which was quicker, has told the client.
    pub async fn catch_up(&mut self, position: Position) {
        if position.epoch == self.served.position.epoch && position > self.served.position {
            self.state.live.wait_for(position.revision.0, CATCH_UP).await;
            if let Some(served) = self.state.serving.of(&self.credential) {
                self.served = served;
            }
        }
    }
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
    if state.live.ready() && !headers.contains_key(header::AUTHORIZATION) {
        return Err(Refused::UnknownKey);
    }
    let found = |state: &AppState| {
        let catalog = state.live.catalog();
        identity::sdk(state, &catalog, headers).filter(|found| kinds.contains(&found.kind))
    };
    let credential = known(state, found).await?.ok_or(Refused::UnknownKey)?;
    served(state, credential).await
}

/// Lets in whoever sends a key or client-side id in `Authorization` or in `X-API-Key`.
///
/// # Errors
/// 401 where it is certainly unknown, 503 where that cannot be told.
pub async fn by_any_key(state: &AppState, headers: &HeaderMap) -> Result<SdkAsked, Refused> {
    let none = ["authorization", "x-api-key"].iter().all(|name| !headers.contains_key(*name));
    if state.live.ready() && none {
        return Err(Refused::UnknownKey);
    }
    by(state, |state| {
        let catalog = state.live.catalog();
        identity::sdk(state, &catalog, headers).or_else(|| {
            let mut texts = headers.get_all("x-api-key").iter();
            let text = texts.next().filter(|_| texts.next().is_none())?.to_str().ok()?;
            identity::sdk_key(state, &catalog, text.trim()).cloned()
        })
    })
    .await
}

/// Lets in whoever `find` finds.
///
/// # Errors
/// 401 where there is certainly nobody, 503 where that cannot be told.
pub async fn by(
    state: &AppState,
    find: impl Fn(&AppState) -> Option<Arc<SdkCredential>>,
) -> Result<SdkAsked, Refused> {
    let credential = known(state, find).await?.ok_or(Refused::UnknownKey)?;
    served(state, credential).await
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
    served(state, credential).await
}

/// Looks a credential up; `None` only where it is certainly not there.
async fn known(
    state: &AppState,
    find: impl Fn(&AppState) -> Option<Arc<SdkCredential>>,
) -> Result<Option<Arc<SdkCredential>>, Refused> {
    if !state.live.ready() {
        return Err(Refused::NotNow("the daemon has nothing to serve yet".to_owned()));
    }
    // Whoever made a change here sees it here.
    let own = state.gate.last_committed();
    if own > state.live.catalog().position.revision.0 && !state.live.stale() && !state.gate.regressed() {
        state.live.wait_for(own, OWN_WRITES).await;
    }
    if let Some(found) = find(state) {
        return Ok(Some(found));
    }
    // A classic SDK that is told 401 never asks again, and another daemon may have made this key just now.
    if !state.certain.of(&state.live, &state.gate).await {
        return Err(Refused::NotNow("the database is away, and this key is not known here".to_owned()));
    }
    Ok(find(state))
}

async fn served(state: &AppState, credential: Arc<SdkCredential>) -> Result<SdkAsked, Refused> {
    let mut served = state.serving.of(&credential);
    if served.is_none() {
        if !state.certain.of(&state.live, &state.gate).await {
            return Err(Refused::NotNow(
                "the environment may be archived, which cannot be told now".to_owned(),
            ));
        }
        served = state.serving.of(&credential);
    }
    let served = served.ok_or_else(Refused::archived)?;
    Ok(SdkAsked { state: state.clone(), credential, served })
}
