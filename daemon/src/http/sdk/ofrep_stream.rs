//! Word of changes for OpenFeature's providers: where the stream is, and who may listen.
//!
//! A browser's `EventSource` sends no headers, and providers keep the address for weeks. So the address holds
//! a token that opens nothing else, never changes, and dies with the credential that it was made for.

use axum::Router;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use shared::access::SdkCredential;
use shared::audit::hex;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::http::AppState;
use crate::service::credentials;

/// Where the stream is.
const PATH: &str = "/ofrep/v1/stream";
/// Bytes of the MAC in a token.
const MAC: usize = 16;

/// The routes that last as long as their client stays.
pub fn routes() -> Router<AppState> {
    Router::new()
}

/// The address of the stream for a credential, below the origin that it asked; `None` while the daemon has no
/// secrets key.
pub fn uri(state: &AppState, credential: &SdkCredential) -> Option<String> {
    Some(format!("{PATH}?token={}", token(state, credential)?))
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
fn listener(state: &AppState, token: &str) -> Option<SdkCredential> {
    let id = Uuid::try_parse(token.get(..32)?).ok()?;
    let catalog = state.live.catalog();
    let credential = catalog.access.credentials.values().find(|credential| credential.id == id)?;
    let genuine = self::token(state, credential)?;
    let same: bool = genuine.as_bytes().ct_eq(token.as_bytes()).into();
    (same && credentials::is_live(credential, state.clock.now())).then(|| credential.clone())
}
