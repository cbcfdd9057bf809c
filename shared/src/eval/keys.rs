//! Sets of texts: few lie side by side, so that they are near; many are hashed.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// Texts to be found again. Authors write them and contexts only ask, so a quick hash with a seed of the process
/// is enough.
#[derive(Debug)]
pub(super) enum Keys {
    /// One after the other, with where each ends.
    Few {
        bytes: Box<[u8]>,
        ends: [u8; FEW],
        count: u8,
    },
    Many(HashSet<Box<str>, RandomState>),
}

/// What is found by a text.
pub(super) type ByText<T> = HashMap<Box<str>, T, RandomState>;

const FEW: usize = 7;

impl Keys {
    /// The set of these texts.
    pub(super) fn new(texts: Vec<String>) -> Self {
        Self::few(&texts)
            .unwrap_or_else(|| Self::Many(texts.into_iter().map(String::into_boxed_str).collect()))
    }

    fn few(texts: &[String]) -> Option<Self> {
        let count = u8::try_from(texts.len()).ok()?;
        let mut ends = [0; FEW];
        let mut bytes = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            bytes.extend_from_slice(text.as_bytes());
            *ends.get_mut(position)? = u8::try_from(bytes.len()).ok()?;
        }
        Some(Self::Few { bytes: bytes.into(), ends, count })
    }

    /// Whether the text is one of them.
    #[inline]
    pub(super) fn contains(&self, text: &str) -> bool {
        match self {
            Self::Few { bytes, ends, count } => {
                let mut begin = 0;
                ends.iter().take(usize::from(*count)).any(|end| {
                    let one = bytes.get(begin..usize::from(*end));
                    begin = usize::from(*end);
                    one.is_some_and(|one| one == text.as_bytes())
                })
            }
            Self::Many(texts) => texts.contains(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_found_and_others_are_not() {
        for count in [0, 1, 2, FEW, FEW + 1, 300] {
            let texts: Vec<String> = (0..count).map(|i| "é".repeat(i % 40)).collect();
            let keys = Keys::new(texts.clone());
            assert!(texts.iter().all(|text| keys.contains(text)), "{count}");
            for other in ["e", "éée", &"é".repeat(41)] {
                assert!(!keys.contains(other), "{count} {other}");
            }
            assert_eq!(keys.contains(""), count > 0, "{count}");
        }
    }

    #[test]
    fn long_texts_are_hashed() {
        let keys = Keys::new(vec!["a".repeat(200), "b".repeat(200)]);
        assert!(matches!(keys, Keys::Many(_)));
        assert!(keys.contains(&"b".repeat(200)) && !keys.contains(&"b".repeat(199)));
    }
}
