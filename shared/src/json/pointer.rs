//! RFC 6901 pointers: the name of a place in a document.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::value::Json;

/// An RFC 6901 pointer: empty for the whole document, else `/` and an escaped token for each step.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "/rules/0/clauses")]
pub struct Pointer(String);

/// Why a text is no pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It is not empty and does not begin with `/`.
    #[error("a pointer is empty (the whole document) or begins with '/'")]
    NoSlash,
    /// A `~` is not followed by `0` or `1`.
    #[error("'~' must be followed by '0' (which stands for '~') or '1' (which stands for '/')")]
    BadEscape,
}

/// A token as a pointer writes it: `~` is `~0`, `/` is `~1`.
pub fn escape(token: &str) -> Cow<'_, str> {
    if token.contains(['~', '/']) {
        Cow::Owned(token.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(token)
    }
}

/// The position a token names in an array: digits without a leading zero (RFC 6901, section 4).
pub fn array_index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0');
    if plain && token.bytes().all(|b| b.is_ascii_digit()) { token.parse().ok() } else { None }
}

impl Pointer {
    /// The pointer to the whole document.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Reads a pointer.
    ///
    /// # Errors
    /// When the text does not begin with `/`, or holds a `~` that escapes nothing.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err(PointerError::NoSlash);
        }
        if text.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            return Err(PointerError::BadEscape);
        }
        Ok(Self(text.to_owned()))
    }

    /// The pointer's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this names the whole document.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes one step further: a member's name or an index, not escaped.
    pub fn push(&mut self, token: &str) {
        self.0.push('/');
        self.0.push_str(&escape(token));
    }

    /// Goes one step back; false at the root.
    pub fn pop(&mut self) -> bool {
        match self.0.rfind('/') {
            Some(at) => {
                self.0.truncate(at);
                true
            }
            None => false,
        }
    }

    /// The pointer one step further: a member's name, not escaped.
    #[must_use]
    pub fn child(&self, token: &str) -> Self {
        let mut child = self.clone();
        child.push(token);
        child
    }

    /// The pointer one step further, to an element of an array.
    #[must_use]
    pub fn child_index(&self, index: usize) -> Self {
        self.child(&index.to_string())
    }

    /// The pointer one step back; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.pop().then_some(parent)
    }

    /// The steps, unescaped.
    pub fn tokens(&self) -> impl DoubleEndedIterator<Item = Cow<'_, str>> {
        let mut steps = self.0.split('/');
        // What stands before the first slash is empty: it is no step.
        steps.next();
        steps.map(|step| {
            if step.contains('~') {
                Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
            } else {
                Cow::Borrowed(step)
            }
        })
    }

    /// Whether `other` is this place or lies inside it.
    pub fn contains(&self, other: &Pointer) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The value at this place; `None` when the document has none there.
    pub fn resolve<'a>(&self, document: &'a Json) -> Option<&'a Json> {
        self.tokens().try_fold(document, |value, token| match value {
            Json::Object(_) => value.get(&token),
            Json::Array(items) => items.get(array_index(&token)?),
            _ => None,
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;

    fn try_from(text: String) -> Result<Self, PointerError> {
        Self::parse(&text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn the_examples_of_rfc_6901_resolve() {
        let text =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let document = parse(text).unwrap();
        for (pointer, value) in [
            ("", text),
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            let found = Pointer::parse(pointer).unwrap().resolve(&document).unwrap().to_text();
            assert_eq!(found, value, "{pointer}");
        }
        for absent in ["/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/", "/foo/0/x", "/nothing"] {
            assert_eq!(Pointer::parse(absent).unwrap().resolve(&document), None, "{absent}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        assert_eq!(Pointer::parse("a"), Err(PointerError::NoSlash));
        for text in ["/~", "/~2", "/a~/b", "/~~0"] {
            assert_eq!(Pointer::parse(text), Err(PointerError::BadEscape), "{text}");
        }
    }

    #[test]
    fn steps_are_escaped_and_read_back() {
        let mut pointer = Pointer::root();
        for token in ["a/b", "~1", "", "x"] {
            pointer.push(token);
        }
        assert_eq!(pointer.as_str(), "/a~1b/~01//x");
        assert_eq!(pointer.tokens().collect::<Vec<_>>(), ["a/b", "~1", "", "x"]);
        assert_eq!(pointer.parent().unwrap().as_str(), "/a~1b/~01/");
        assert_eq!(Pointer::root().parent(), None);
        assert_eq!(Pointer::root().child("a").child_index(3).to_string(), "/a/3");
    }

    #[test]
    fn a_place_contains_what_is_below_it_and_not_its_namesakes() {
        let a = Pointer::parse("/a").unwrap();
        assert!(a.contains(&a) && a.contains(&a.child("b")) && Pointer::root().contains(&a));
        assert!(!a.contains(&Pointer::parse("/ab").unwrap()) && !a.contains(&Pointer::root()));
    }
}
