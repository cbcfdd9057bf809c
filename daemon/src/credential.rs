//! The texts of tokens and keys: made, checked before any look-up, masked, hashed.

use sha2::{Digest as _, Sha256};
use shared::access::{CredentialKind, TokenKind};
use shared::audit::hex;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random characters: 178 bits.
const RANDOM: usize = 30;
/// Characters of the checksum.
const CHECK: usize = 6;
/// The fewest and the most bytes of a key that was made elsewhere.
const IMPORTED: std::ops::RangeInclusive<usize> = 8..=256;

/// A new token: prefix, 30 random characters, and 6 that check them.
pub fn token(kind: TokenKind) -> String {
    made(match kind {
        TokenKind::Personal => "fsp_",
        TokenKind::Service => "fss_",
        TokenKind::Bootstrap => "fsb_",
    })
}

/// A new key for SDKs: they know a server key and a mobile key by its beginning.
pub fn sdk_key(kind: CredentialKind) -> String {
    match kind {
        CredentialKind::Server => made("sdk-"),
        CredentialKind::Mobile => made("mob-"),
        CredentialKind::ClientSideId => hex(&rand::random::<[u8; 12]>()),
    }
}

fn made(prefix: &str) -> String {
    let mut text = prefix.to_owned();
    while text.len() < prefix.len() + RANDOM {
        let byte = usize::from(rand::random::<u8>());
        // 248 is a multiple of 62: every character is as likely as the others.
        if byte < 248
            && let Some(character) = ALPHABET.get(byte % 62)
        {
            text.push(char::from(*character));
        }
    }
    let check = check(&text);
    text + &check
}

fn check(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// CRC-32 as in zip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Whether a text claims to be a token of ours.
pub fn is_token(text: &str) -> bool {
    ["fsp_", "fss_", "fsb_"].iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a text can be a token of ours at all: nothing is looked up for one that cannot.
pub fn is_genuine(text: &str) -> bool {
    is_token(text)
        && text.len() == 4 + RANDOM + CHECK
        && text.bytes().skip(4).all(|b| b.is_ascii_alphanumeric())
        && text.split_at_checked(4 + RANDOM).is_some_and(|(body, sum)| check(body) == sum)
}

/// Whether a key that was made elsewhere can be taken.
pub fn is_importable(key: &str) -> bool {
    IMPORTED.contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !is_token(key)
}

/// What is kept and looked up instead of the text: SHA-256, hexadecimal.
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The last four characters, for people to tell one from another.
pub fn last_four(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(4);
    text.chars().skip(skipped).collect()
}

/// The text with its middle hidden.
pub fn masked(text: &str) -> String {
    let shown: String = text.chars().take(4).collect();
    format!("{shown}…{}", last_four(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_token_is_genuine_until_any_character_of_it_changes() {
        for kind in [TokenKind::Personal, TokenKind::Service, TokenKind::Bootstrap] {
            let token = token(kind);
            assert!(is_genuine(&token), "{token}");
            for at in 4..token.len() {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
                assert!(!is_genuine(std::str::from_utf8(&bytes).unwrap()));
            }
        }
        for junk in ["", "fsp_", "fsp_é", "sdk-123", &format!("fsp_{}", "é".repeat(18)), &"fsp_0".repeat(8)]
        {
            assert!(!is_genuine(junk), "{junk}");
        }
    }

    #[test]
    fn what_people_see_of_a_key_does_not_give_it_away() {
        let key = sdk_key(CredentialKind::Server);
        assert_eq!(key.len(), 40);
        let masked = masked(&key);
        assert!(masked.starts_with("sdk-") && masked.ends_with(&key[36..]) && masked.chars().count() == 9);
        assert_ne!(key, sdk_key(CredentialKind::Server));
        assert!(is_importable("sdk-9b2b1f3e-0000-4b0f-9d5e-2f1c3a4b5c6d"));
        assert!(
            !is_importable("short")
                && !is_importable("with space and more")
                && !is_importable(&token(TokenKind::Service))
        );
    }
}
