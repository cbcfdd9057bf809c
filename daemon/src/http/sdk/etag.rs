//! Entity tags of evaluations: one part says what was asked of what, the other what came out.
//!
//! A client that asks again for the same finds its first part unchanged, and nothing has to be evaluated.
//! After a change only the second part can tell that this client's answer is still the same. Tags hold no
//! state: every daemon makes the same ones.

use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash3_64;

/// Digits of a part.
const DIGITS: usize = 16;

/// The digest of some texts: where one ends and the next begins counts.
pub fn part<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let mut digits = shared::audit::hex(&hash.finalize());
    digits.truncate(DIGITS);
    digits
}

/// The digest of an answer. Whoever makes two answers alike deceives nobody but themselves, so that it needs to be
/// quick and no more: hashing all flags for a context takes as long as evaluating them, else.
pub fn answer(body: &str) -> String {
    format!("{:016x}", XxHash3_64::oneshot(body.as_bytes()))
}

/// A tag of both parts.
pub fn tag(asked: &str, answer: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{asked}-{answer}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The tags that a client sends along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    any: bool,
    tags: Vec<(String, String)>,
}

impl Known {
    /// Reads `If-None-Match`: lists, `*`, weak and bare tags, and what proxies append to a tag.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut known = Self::default();
        for value in headers.get_all(header::IF_NONE_MATCH) {
            for tag in value.to_str().unwrap_or_default().split(',') {
                let tag = tag.trim();
                if tag == "*" {
                    known.any = true;
                    continue;
                }
                let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
                let mut parts = tag.split('-');
                if let (Some(asked), Some(answer)) = (parts.next(), parts.next()) {
                    known.tags.push((asked.to_owned(), answer.to_owned()));
                }
            }
        }
        known
    }

    /// The tag of an answer to the same question, if the client has one.
    pub fn asked(&self, asked: &str) -> Option<HeaderValue> {
        self.tags.iter().find(|(had, _)| had == asked).map(|(asked, answer)| tag(asked, answer))
    }

    /// Whether the client has this answer, whatever it asked for.
    pub fn has(&self, answer: &str) -> bool {
        self.any || self.tags.iter().any(|(_, had)| had == answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &'static str) -> Known {
        Known::of(&HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]))
    }

    #[test]
    fn tags_come_back_weak_bare_in_lists_and_lengthened() {
        for text in ["\"a-b\"", "W/\"a-b\"", "a-b", "\"x\", \"a-b\"", "\"a-b-gzip\"", "\"a-b--br\""] {
            assert_eq!(known(text).asked("a").unwrap(), "\"a-b\"", "{text}");
            assert!(known(text).has("b"), "{text}");
            assert!(known(text).asked("b").is_none() && !known(text).has("a"), "{text}");
        }
        assert!(known("*").has("anything") && known("*").asked("a").is_none());
        assert_eq!(Known::of(&HeaderMap::new()), Known::default());
    }

    #[test]
    fn a_part_knows_where_its_texts_end() {
        assert_ne!(part([b"ab".as_slice(), b"c"]), part([b"a".as_slice(), b"bc"]));
        assert_eq!(part([b"ab".as_slice()]).len(), DIGITS);
        assert_eq!(answer("ab").len(), DIGITS);
        assert_ne!(answer("ab"), answer("ba"));
    }
}
