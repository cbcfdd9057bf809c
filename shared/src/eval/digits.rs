//! A number's decimal digits, without an allocation.

use std::io::Write as _;

/// The digits of a whole number.
pub(super) struct Digits {
    bytes: [u8; 24],
    length: usize,
}

impl Digits {
    /// The digits of a number, with its sign if it is negative.
    pub(super) fn of(number: i64) -> Self {
        let mut bytes = [0; 24];
        let mut rest = bytes.as_mut_slice();
        // 24 bytes hold any i64, so this can't fail.
        let _ = write!(rest, "{number}");
        let left = rest.len();
        Self { bytes, length: 24 - left }
    }

    /// As bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_fits_its_digits() {
        for n in [i64::MIN, -1, 0, 7, i64::MAX] {
            assert_eq!(Digits::of(n).as_str(), n.to_string());
        }
    }
}
