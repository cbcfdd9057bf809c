//! The kinds that documents name; the usual one is the same text everywhere, so that it is near.

use std::borrow::Cow;

use crate::context::DEFAULT_KIND;

/// The kind of a context.
pub(super) type Kind = Cow<'static, str>;

/// The kind that is meant by what a document has there.
pub(super) fn kind(given: Option<&str>) -> Kind {
    match given {
        None | Some("" | DEFAULT_KIND) => Kind::Borrowed(DEFAULT_KIND),
        Some(other) => Kind::Owned(other.to_owned()),
    }
}
