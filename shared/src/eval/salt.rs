//! What comes before a value when it is hashed into a bucket: hashed once, ahead.

use sha1::block_api::compress;

use super::digits::Digits;

/// The beginning of what is hashed; the blocks that it fills are in the state already.
#[derive(Debug)]
pub(super) struct Salt {
    state: [u32; 5],
    // What fills no block, and zeros.
    block: [u8; BLOCK],
    used: usize,
    // All of it, in bytes.
    length: u64,
}

const BLOCK: usize = 64;
const BEGIN: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

impl Salt {
    /// The key and the salt of a flag or segment.
    pub(super) fn new(key: &str, salt: &str) -> Self {
        Self::of(&[key.as_bytes(), b".", salt.as_bytes(), b"."])
    }

    /// A seed: rollouts with the same one fall alike.
    pub(super) fn seed(seed: i64) -> Self {
        Self::of(&[Digits::of(seed).as_bytes(), b"."])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut salt = Self { state: BEGIN, block: [0; BLOCK], used: 0, length: 0 };
        for part in parts {
            fill(&mut salt.state, &mut salt.block, &mut salt.used, part);
            salt.length += part.len() as u64;
        }
        salt
    }

    /// The place of a value, from 0 to 1.
    pub(super) fn place(&self, value: &[u8]) -> f32 {
        let (mut state, mut block, mut used) = (self.state, self.block, self.used);
        fill(&mut state, &mut block, &mut used, value);
        let bits = (self.length + value.len() as u64) * 8;
        // A block is never left full.
        if let Some(end) = block.get_mut(used) {
            *end = 0x80;
        }
        if used >= BLOCK - 8 {
            compress(&mut state, &[block]);
            block = [0; BLOCK];
        }
        if let Some(end) = block.last_chunk_mut() {
            *end = bits.to_be_bytes();
        }
        compress(&mut state, &[block]);
        let [first, second, ..] = state;
        // The first 15 hexadecimal digits are 60 bits.
        let bits = (u64::from(first) << 32 | u64::from(second)) >> 4;
        #[allow(clippy::cast_precision_loss)] // as Go and Rust SDKs do it
        let place = bits as f32 / 0x0FFF_FFFF_FFFF_FFFF_u64 as f32;
        place
    }
}

/// Appends to a block; each time it is full it goes into the state, and an empty one takes its place.
fn fill(state: &mut [u32; 5], block: &mut [u8; BLOCK], used: &mut usize, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(bytes.len().min(BLOCK - *used));
        if let Some(room) = block.get_mut(*used..*used + now.len()) {
            room.copy_from_slice(now);
        }
        *used += now.len();
        bytes = later;
        if *used == BLOCK {
            compress(state, &[*block]);
            *block = [0; BLOCK];
            *used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use sha1::{Digest as _, Sha1};

    use super::*;

    #[test]
    fn the_place_is_that_of_the_whole_text_whatever_its_length() {
        for salt in [0, 1, 20, 61, 62, 63, 64, 65, 200] {
            for value in [0, 1, 40, 55, 56, 63, 64, 65, 119, 128, 1_000] {
                let (salt, value) = ("s".repeat(salt), "v".repeat(value));
                let digest: [u8; 20] = Sha1::digest(format!("k.{salt}.{value}")).into();
                let bits = u64::from_be_bytes(digest[..8].try_into().unwrap()) >> 4;
                #[allow(clippy::cast_precision_loss)]
                let place = bits as f32 / 0x0FFF_FFFF_FFFF_FFFF_u64 as f32;
                assert_eq!(Salt::new("k", &salt).place(value.as_bytes()), place, "{salt} {value}");
            }
        }
    }
}
