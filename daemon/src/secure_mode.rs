//! Secure mode: browsers show a hash that only the server's key could make of their context's key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::access::CredentialKind;
use shared::context::Context;
use time::OffsetDateTime;

use crate::live::catalog::{Access, Place};
use crate::secrets::{Secrets, SecretsError};

/// Why a browser is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Insecure {
    /// It showed no hash.
    #[error("this environment has secure mode on: send the hash of the context's key as h")]
    Missing,
    /// No server key makes this hash of the context's key.
    #[error("h is not the hash of this context's key by a server key of this environment")]
    Wrong,
    /// The keys cannot be opened.
    #[error(transparent)]
    Unavailable(#[from] SecretsError),
}

/// The server keys of environments that were asked for, opened once a change of credentials.
#[derive(Default)]
pub struct SecureMode {
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    access: Arc<Access>,
    keys: HashMap<Place, Arc<[Key]>>,
}

/// A server key, made ready to sign.
struct Key {
    mac: Hmac<Sha256>,
    expires_at: Option<OffsetDateTime>,
}

impl SecureMode {
    /// That `hash` was made of this context by a server key of the environment that is valid now.
    ///
    /// # Errors
    /// It was not, or the keys cannot be opened.
    pub fn check(
        &self,
        secrets: &Secrets,
        access: &Arc<Access>,
        (place, now): (&Place, OffsetDateTime),
        context: &Context,
        hash: Option<&str>,
    ) -> Result<(), Insecure> {
        let hash = hash.ok_or(Insecure::Missing)?;
        let shown = bytes(hash).ok_or(Insecure::Wrong)?;
        let keys = self.keys(secrets, access, place)?;
        let key = context.canonical_key();
        let signs = |with: &Key| {
            let live = with.expires_at.is_none_or(|end| end > now);
            live && with.mac.clone().chain_update(key.as_bytes()).verify_slice(&shown).is_ok()
        };
        if keys.iter().any(signs) { Ok(()) } else { Err(Insecure::Wrong) }
    }

    fn keys(
        &self,
        secrets: &Secrets,
        access: &Arc<Access>,
        place: &Place,
    ) -> Result<Arc<[Key]>, SecretsError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&opened.access, access) {
            *opened = Opened { access: Arc::clone(access), keys: HashMap::new() };
        }
        if let Some(keys) = opened.keys.get(place) {
            return Ok(Arc::clone(keys));
        }
        let mut keys = Vec::new();
        for credential in access.credentials.values() {
            let here = (&credential.project, &credential.environment) == (&place.0, &place.1);
            if !here || credential.kind != CredentialKind::Server || credential.revoked {
                continue;
            }
            let Some(sealed) = &credential.sealed else { continue };
            match secrets.open(sealed) {
                Ok(key) => keys.push(Key::new(&key, credential.expires_at)?),
                // One that is damaged takes nothing from the others.
                Err(SecretsError::Sealed) => tracing::warn!(credential = %credential.id, "a key is damaged"),
                Err(unavailable) => return Err(unavailable),
            }
        }
        let keys: Arc<[Key]> = keys.into();
        opened.keys.insert(place.clone(), Arc::clone(&keys));
        Ok(keys)
    }
}

impl Key {
    fn new(key: &str, expires_at: Option<OffsetDateTime>) -> Result<Self, SecretsError> {
        // Takes keys of every length, so this cannot fail.
        let mac = Hmac::new_from_slice(key.as_bytes()).map_err(|_| SecretsError::Sealed)?;
        Ok(Self { mac, expires_at })
    }
}

/// The bytes behind hexadecimal digits: those of a SHA-256.
fn bytes(hash: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let (pairs, []) = hash.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != out.len() {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_hashes_are_ours() {
        let key = Key::new("sdk-01234567-89ab-cdef-0123-456789abcdef", None).unwrap();
        for (kind, hash) in [
            ("user", "73df666a13f2c474e50aa34ca5a761e89abb737fb139ff65fdde7fa85c9dcacd"),
            ("other", "98a933ca26d2951547fc021981ebcdeda95fbca2ac3f767ae67f7042d5458f72"),
        ] {
            let context = Context::of(kind, "user-key-123").unwrap();
            let made = key.mac.clone().chain_update(context.canonical_key().as_bytes());
            assert!(made.clone().verify_slice(&bytes(hash).unwrap()).is_ok(), "{kind}");
            let mut flipped = bytes(hash).unwrap();
            flipped[31] ^= 1;
            assert!(made.verify_slice(&flipped).is_err());
        }
    }

    #[test]
    fn what_is_no_hash_is_none() {
        let good = "0aF".repeat(22)[..64].to_owned();
        assert!(bytes(&good).is_some());
        for wrong in ["", "00", &good[1..], &format!("{good}00"), &good.replace('0', "g"), &"é".repeat(32)] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
