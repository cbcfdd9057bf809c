//! What a Socket.IO client carries from one connection to the next, sealed by MACs.
//!
//! No daemon keeps a table of sessions: who it was is in the `pid`, what was heard and where one listened
//! is in the offset, and any daemon with the installation's key believes both.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::revision::Position;
use uuid::Uuid;

/// How long an offset holds, in seconds.
pub const HOLDS: i64 = 24 * 60 * 60;
/// The most rooms that one client may be in.
pub const MAX_ROOMS: usize = 50;
/// Bytes of a MAC that are sent.
const TAG: usize = 16;
/// Bytes of a pid that are random.
const RANDOM: usize = 16;

/// The key of the MACs; all daemons of an installation have the same.
#[derive(Clone)]
pub struct RecoveryKey([u8; 32]);

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(hidden)")
    }
}

/// What an offset says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Everything up to here was heard.
    pub position: Position,
    /// When it was written, in Unix seconds.
    pub issued_at: i64,
    /// The environments that were listened to, by id.
    pub rooms: Vec<Uuid>,
}

impl RecoveryKey {
    /// A key that was derived elsewhere.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    fn tag(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut tag = self.mac(purpose, parts).finalize().into_bytes().to_vec();
        tag.truncate(TAG);
        tag
    }

    /// The pid of a principal.
    pub fn pid(&self, random: [u8; RANDOM], principal: &str) -> String {
        let mut bytes = random.to_vec();
        bytes.extend(self.tag("pid", &[&random, principal.as_bytes()]));
        BASE64.encode(bytes)
    }

    /// Whether a pid is ours and of this principal.
    pub fn knows(&self, pid: &str, principal: &str) -> bool {
        let Ok(bytes) = BASE64.decode(pid) else { return false };
        let Some((random, tag)) = bytes.split_at_checked(RANDOM) else { return false };
        tag.len() == TAG
            && self.mac("pid", &[random, principal.as_bytes()]).verify_truncated_left(tag).is_ok()
    }

    /// Writes an offset for the client with this pid: `epoch.revision.`, then base64url of the time, the
    /// rooms and the MAC.
    pub fn offset(&self, pid: &str, offset: &Offset) -> String {
        let position = offset.position.to_string();
        let mut bytes = offset.issued_at.to_be_bytes().to_vec();
        for room in offset.rooms.iter().take(MAX_ROOMS) {
            bytes.extend(room.as_bytes());
        }
        let tag = self.tag("offset", &[pid.as_bytes(), position.as_bytes(), &bytes]);
        bytes.extend(tag);
        format!("{position}.{}", BASE64.encode(bytes))
    }

    /// Reads an offset that was written for this pid and still holds at `now`, in Unix seconds.
    pub fn read_offset(&self, pid: &str, text: &str, now: i64) -> Option<Offset> {
        let (position, sealed) = text.rsplit_once('.')?;
        let bytes = BASE64.decode(sealed).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        self.mac("offset", &[pid.as_bytes(), position.as_bytes(), body]).verify_truncated_left(tag).ok()?;
        let (time, rooms) = body.split_first_chunk::<8>()?;
        let issued_at = i64::from_be_bytes(*time);
        if now.saturating_sub(issued_at) > HOLDS {
            return None;
        }
        let (rooms, rest) = rooms.as_chunks::<16>();
        if !rest.is_empty() || rooms.len() > MAX_ROOMS {
            return None;
        }
        let rooms = rooms.iter().map(|bytes| Uuid::from_bytes(*bytes)).collect();
        Some(Offset { position: position.parse().ok()?, issued_at, rooms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> RecoveryKey {
        RecoveryKey::new([7; 32])
    }

    fn heard() -> Offset {
        Offset {
            position: Position::new(1, 4812),
            issued_at: 1_750_000_000,
            rooms: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
        }
    }

    #[test]
    fn the_wire_form_stays_so_that_clients_survive_an_upgrade() {
        let pid = key().pid([1; 16], "anonymous");
        assert_eq!(pid, "AQEBAQEBAQEBAQEBAQEBAdyixnrQZirWoLGMjs7rmHo");
        assert_eq!(
            key().offset(&pid, &heard()),
            "1.4812.AAAAAGhO4YAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAApWMSQQmA1SrhzeuYc10SqU"
        );
    }

    #[test]
    fn a_pid_is_known_for_its_principal_only() {
        let pid = key().pid([1; 16], "user:alice");
        assert!(key().knows(&pid, "user:alice"));
        assert!(!key().knows(&pid, "user:bob"));
        assert!(!RecoveryKey::new([8; 32]).knows(&pid, "user:alice"));
        for wrong in ["", "x", "AAAA", &pid[1..], &format!("{pid}AAAA")] {
            assert!(!key().knows(wrong, "user:alice"), "{wrong}");
        }
    }

    #[test]
    fn an_offset_reads_back_for_its_pid_and_for_a_day() {
        let text = key().offset("p", &heard());
        let at = heard().issued_at;
        assert_eq!(key().read_offset("p", &text, at), Some(heard()));
        assert_eq!(key().read_offset("p", &text, at + HOLDS), Some(heard()));
        assert_eq!(key().read_offset("p", &text, at + HOLDS + 1), None);
        assert_eq!(key().read_offset("q", &text, at), None);
        assert_eq!(RecoveryKey::new([8; 32]).read_offset("p", &text, at), None);
    }

    #[test]
    fn no_character_of_an_offset_can_be_changed() {
        let text = key().offset("p", &heard());
        for (index, old) in text.char_indices() {
            let new = if old == '1' { '2' } else { '1' };
            let mut changed = text.clone();
            changed.replace_range(index..=index, &new.to_string());
            assert_eq!(key().read_offset("p", &changed, heard().issued_at), None, "{changed}");
        }
        for wrong in ["", ".", "1.2", "1.2.", "1.2.AAAA", "1.4812.!"] {
            assert_eq!(key().read_offset("p", wrong, heard().issued_at), None, "{wrong}");
        }
    }
}
