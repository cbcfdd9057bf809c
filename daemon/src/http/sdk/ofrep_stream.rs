//! Word of changes for OpenFeature's providers: where the stream is, and who may listen.
//!
//! A browser's `EventSource` sends no headers, and providers keep the address for weeks. So the address holds
//! a token that opens nothing else, never changes, and dies with the credential that it was made for.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;
use shared::access::{CredentialKind, SdkCredential};
use shared::audit::hex;
use shared::key::FlagKey;
use shared::revision::Position;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::asked;
use super::refused::Refused;
use super::stream::{self, Visitor, Wire};
use crate::clock::Clock;
use crate::http::AppState;
use crate::live::clients::Protocol;
use crate::live::named::exposed;
use crate::live::serving::{ServedEnvironment, Step};
use crate::protocol::ofrep;
use crate::service::credentials;

/// Where the stream is.
const PATH: &str = "/ofrep/v1/stream";
/// Bytes of the MAC in a token.
const MAC: usize = 16;
/// Milliseconds after which a client that lost its stream comes back: not all at the same time.
const RETRY: RangeInclusive<u32> = 1_000..=3_000;

/// The routes that last as long as their client stays.
pub fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(listen))
}

async fn listen(
    State(state): State<AppState>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let of = |name: &str| query.iter().find(|(given, _)| given == name).map(|(_, text)| text.as_str());
    let token = of("token").ok_or(Refused::UnknownKey)?;
    if state.secrets.event_streams().is_none() {
        return Err(Refused::NotNow("the secrets key is not available".to_owned()));
    }
    let asked = asked::by(&state, |state| listener(state, token)).await?;
    let remembered = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let wire = Word { kind: asked.credential.kind, remembered, clock: Arc::clone(&state.clock) };
    stream::open(asked, &visitor, Protocol::Ofrep, wire)
}

/// Tells that there is something to ask for again, never what.
struct Word {
    kind: CredentialKind,
    /// The last event that the client heard on an earlier connection.
    remembered: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Word {
    fn changed(&self, position: Position) -> Bytes {
        Bytes::from(ofrep::changed(position, self.clock.now().unix_timestamp()))
    }
}

impl Wire for Word {
    /// Word of where the client is, so that it can say so when it comes back; and if it does, whether it missed
    /// anything: clients do not ask again by themselves.
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        let retry = rand::random_range(RETRY);
        let hello = Bytes::from(ofrep::hello(served.position, retry));
        let remembered = self.remembered.take();
        if remembered.is_some_and(|id| id != served.position.to_string()) {
            return vec![hello, self.changed(served.position)];
        }
        vec![hello]
    }

    fn steps(
        &mut self,
        from: &Arc<ServedEnvironment>,
        to: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let seen = |served: &ServedEnvironment, key: &FlagKey| {
            let flag = served.state.configs.get(key).and_then(|served| served.prepared.as_deref());
            flag.is_some_and(|flag| exposed(self.kind, flag.availability()))
        };
        let mut affected = steps.iter().flat_map(|step| &step.affected);
        if affected.any(|key| seen(from, key) || seen(to, key)) {
            return vec![self.changed(to.position)];
        }
        vec![Bytes::from(ofrep::bookmark(to.position))]
    }

    fn anew(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        vec![self.changed(served.position)]
    }
}

/// The address of the stream for a credential, below the origin that it asked; `None` while the daemon has no
/// secrets key.
pub fn uri(state: &AppState, credential: &SdkCredential, prefix: &str) -> Option<String> {
    Some(format!("{prefix}{PATH}?token={}", token(state, credential)?))
}

fn token(state: &AppState, credential: &SdkCredential) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&state.secrets.event_streams()?).ok()?;
    // Another environment never comes by the same token, whatever becomes of the credential.
    for part in
        [credential.id.to_string().as_str(), credential.project.as_str(), credential.environment.as_str()]
    {
        mac.update(part.as_bytes());
        mac.update(b"/");
    }
    let mac = mac.finalize().into_bytes();
    Some(format!("{}{}", credential.id.simple(), hex(mac.get(..MAC)?)))
}

/// The live credential that a token was made for.
fn listener(state: &AppState, token: &str) -> Option<Arc<SdkCredential>> {
    let id = Uuid::try_parse(token.get(..32)?).ok()?;
    let catalog = state.live.catalog();
    let credential = catalog.access.credentials.values().find(|credential| credential.id == id)?;
    let genuine = self::token(state, credential)?;
    let same: bool = genuine.as_bytes().ct_eq(token.as_bytes()).into();
    (same && credentials::is_live(credential, state.clock.now())).then(|| credential.clone())
}
