//! Where other tools let a value fall, so that an import moves nobody.

use md5::Md5;
use sha1::{Digest as _, Sha1};

use super::digits::Digits;
use crate::targeting::Algorithm;

/// A place as those tools have it: so many of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) at: u32,
    /// Never 0.
    pub(super) of: u64,
}

/// What is divided by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Divided<'v> {
    /// The key, because nothing else was named.
    Key(&'v str),
    /// An attribute.
    Text(&'v str),
    /// A whole number of an attribute, and its digits.
    Whole(i64, &'v str),
}

/// Where the value falls; `None` for LaunchDarkly's own. `group` takes the place of the flag's key.
pub(super) fn share(algorithm: Algorithm, group: &str, by: Divided<'_>) -> Option<Share> {
    let (Divided::Key(value) | Divided::Text(value) | Divided::Whole(_, value)) = by;
    let (at, of) = match algorithm {
        Algorithm::LaunchDarkly => return None,
        // Its numbers begin with 1 and end with the whole.
        Algorithm::Unleash => (text(&[group, ":", value], 0) % 100, 100),
        Algorithm::UnleashVariants => (text(&[group, ":", value], 86_028_157) % 1000, 1000),
        Algorithm::FlagdV1 => (flagd(group, by).cast_signed().unsigned_abs(), i32::MAX as u64),
        Algorithm::FlagdV2 => (flagd(group, by), 1 << 32),
        Algorithm::FlagdV3 => (flagd_cbor(group, by), 1 << 32),
        Algorithm::ConfigCat => {
            let [a, b, c, d, ..]: [u8; 20] = sha1(&[group, value]);
            // The first seven hexadecimal digits are 28 bits.
            ((u32::from_be_bytes([a, b, c, d]) >> 4) % 100, 100)
        }
        Algorithm::GrowthBookV1 => (fnv1a(units(&[value, group])) % 1000, 1000),
        Algorithm::GrowthBookV2 => {
            let once = Digits::of(fnv1a(units(&[group, value])).into());
            (fnv1a(units(&[once.as_str()])) % 10_000, 10_000)
        }
        Algorithm::Flagsmith => (flagsmith(group, value), 9998),
        Algorithm::Flipt => (crc32(&[group, value]) % 1000, 1000),
        Algorithm::FliptBoolean => (crc32(&[value, group]) % 100, 100),
        Algorithm::Goff => (fnv1a(bytes(&[group, value]).map(u32::from)) % 100_000, 100_000),
    };
    Some(Share { at, of })
}

/// By the key it is the flag's key that makes flags fall differently; what `fractional` names stands alone.
fn flagd(group: &str, by: Divided<'_>) -> u32 {
    match by {
        Divided::Key(key) => text(&[group, key], 0),
        Divided::Text(value) | Divided::Whole(_, value) => text(&[value], 0),
    }
}

fn flagd_cbor(group: &str, by: Divided<'_>) -> u32 {
    match by {
        Divided::Key(key) => {
            let pair = head(4, 2).chain(cbor_text(group)).chain(cbor_text(key));
            murmur3(pair, 0)
        }
        Divided::Text(value) => murmur3(cbor_text(value), 0),
        Divided::Whole(number, _) => match u64::try_from(number) {
            Ok(number) => murmur3(head(0, number), 0),
            // -1 - n, as CBOR has it.
            Err(_) => murmur3(head(1, !number.cast_unsigned()), 0),
        },
    }
}

fn cbor_text(text: &str) -> impl Iterator<Item = u8> {
    head(3, text.len() as u64).chain(text.bytes())
}

/// The head of a CBOR item: its type and the shortest form of its number.
fn head(kind: u8, number: u64) -> impl Iterator<Item = u8> {
    #[allow(clippy::cast_possible_truncation)] // it is below 24
    let (first, skipped) = match number {
        0..24 => (number as u8, 8),
        24..0x100 => (24, 7),
        0x100..0x1_0000 => (25, 6),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 0),
    };
    std::iter::once((kind << 5) | first).chain(number.to_be_bytes().into_iter().skip(skipped))
}

fn sha1(parts: &[&str]) -> [u8; 20] {
    let mut sha = Sha1::new();
    for part in parts {
        sha.update(part.as_bytes());
    }
    sha.finalize().into()
}

/// Of 0 to 9998; the last one would be the whole, and is never left to be it.
fn flagsmith(group: &str, value: &str) -> u32 {
    let mut at = 0;
    for times in 1..=16 {
        let mut md5 = Md5::new();
        for time in 0..times {
            let comma = if time == 0 { "" } else { "," };
            for part in [comma, group, ",", value] {
                md5.update(part.as_bytes());
            }
        }
        let digest: [u8; 16] = md5.finalize().into();
        #[allow(clippy::cast_possible_truncation)] // it is below 9999
        let place = (u128::from_be_bytes(digest) % 9999) as u32;
        at = place;
        if at < 9998 {
            break;
        }
    }
    at
}

fn bytes(parts: &[&str]) -> impl Iterator<Item = u8> {
    parts.iter().flat_map(|part| part.bytes())
}

/// As JavaScript walks through a text.
fn units(parts: &[&str]) -> impl Iterator<Item = u32> {
    parts.iter().flat_map(|part| part.encode_utf16()).map(u32::from)
}

fn fnv1a(of: impl Iterator<Item = u32>) -> u32 {
    of.fold(0x811C_9DC5, |hash, one| (hash ^ one).wrapping_mul(0x0100_0193))
}

/// CRC-32 as Ethernet has it, bit by bit: values are short.
fn crc32(parts: &[&str]) -> u32 {
    !bytes(parts).fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn text(parts: &[&str], seed: u32) -> u32 {
    murmur3(bytes(parts), seed)
}

/// `MurmurHash3_x86_32`.
fn murmur3(of: impl Iterator<Item = u8>, seed: u32) -> u32 {
    let scrambled = |block: u32| block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let (mut hash, mut block, mut length) = (seed, 0_u32, 0_u32);
    for byte in of {
        block |= u32::from(byte) << (8 * (length % 4));
        length = length.wrapping_add(1);
        if length % 4 == 0 {
            hash = (hash ^ scrambled(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64);
            block = 0;
        }
    }
    hash ^= scrambled(block) ^ length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, group: &str, by: Divided<'_>) -> u32 {
        share(Algorithm::parse(name).unwrap(), group, by).unwrap().at
    }

    // Unleash's, GrowthBook's and Flagsmith's are what their own packages on PyPI answer. Those of flagd and ConfigCat
    // are their formulas, read in openfeature-flagd-core 2.0.0 and configcat-client 10.0.1, computed with mmh3, cbor2
    // and hashlib; those of Flipt and GO Feature Flag, which have no package, are by their formulas alone.
    #[test]
    fn values_fall_where_the_tools_themselves_let_them_fall() {
        for (name, of, expected) in [
            ("unleash", 100, [15, 39, 38]),
            ("unleash-variants", 1000, [396, 171, 264]),
            ("flagd-v1", 0x7FFF_FFFF, [1_713_410_197, 600_202_330, 344_223_602]),
            ("flagd-v2", 1 << 32, [1_713_410_197, 600_202_330, 344_223_602]),
            ("flagd-v3", 1 << 32, [3_215_744_152, 1_961_952_187, 2_797_312_822]),
            ("configcat", 100, [19, 23, 39]),
            ("growthbook-v1", 1000, [535, 992, 309]),
            ("growthbook-v2", 10_000, [4405, 4131, 1460]),
            ("flagsmith", 9998, [2264, 7639, 3767]),
            ("flipt", 1000, [584, 268, 570]),
            ("flipt-boolean", 100, [5, 89, 21]),
            ("goff", 100_000, [17_455, 95_800, 61_533]),
        ] {
            let algorithm = Algorithm::parse(name).unwrap();
            for ((group, value), at) in
                [("checkout", "anna"), ("checkout", "bob"), ("demo", "ünï-1")].into_iter().zip(expected)
            {
                let found = share(algorithm, group, Divided::Key(value));
                assert_eq!(found, Some(Share { at, of }), "{name} {group} {value}");
            }
        }
        assert_eq!(share(Algorithm::LaunchDarkly, "f", Divided::Key("u")), None);
    }

    #[test]
    fn numbers_and_long_texts_are_as_cbor_has_them() {
        for (number, hash) in [
            (0, 1_364_076_727),
            (23, 3_587_710_546),
            (24, 1_850_618_976),
            (255, 2_102_842_189),
            (256, 2_062_483_401),
            (65_536, 1_844_358_409),
            (4_294_967_296, 3_131_679_847),
            (-1, 2_129_959_832),
            (-25, 2_734_936_097),
            (9_007_199_254_740_991, 256_201_780),
        ] {
            assert_eq!(at("flagd-v3", "f", Divided::Whole(number, "")), hash, "{number}");
        }
        assert_eq!(at("flagd-v3", "f", Divided::Text(&"x".repeat(300))), 416_732_956);
    }

    #[test]
    fn the_whole_is_never_reached_where_flagsmith_looks_again() {
        // MD5 of "fs,4848" leaves 9998, so that its ids are repeated.
        assert_eq!(at("flagsmith", "fs", Divided::Key("4848")), 6228);
    }

    #[test]
    fn hashes_are_those_of_their_specifications() {
        assert_eq!(text(&["hello"], 0), 0x248B_FA47);
        assert_eq!(text(&["The quick brown fox jumps over the lazy dog"], 0x9747_B28C), 0x2FA8_26CD);
        assert_eq!(text(&[], 1), 0x514E_28B7);
        assert_eq!(crc32(&["123456789"]), 0xCBF4_3926);
        assert_eq!(fnv1a(bytes(&["foobar"]).map(u32::from)), 0xBF9C_F968);
    }
}
