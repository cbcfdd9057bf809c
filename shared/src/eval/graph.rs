//! How the walk gets from a flag or segment to those that it names: by key, or over links.

use super::prepare::{PreparedFlag, PreparedSegment};
use super::store::Store;

/// Flags and segments that lead to each other.
pub(super) trait Graph<'f>: Copy {
    /// Where the walk stands: what the graph needs to know of the flag or segment it goes on from.
    type Place: Copy;

    /// The flag of that key, which is the `link`th that the one at `from` names.
    fn flag(self, from: Self::Place, link: usize, key: &str) -> Option<(&'f PreparedFlag, Self::Place)>;

    /// The segment of that key, which is the `link`th that the one at `from` names.
    fn segment(self, from: Self::Place, link: usize, key: &str)
    -> Option<(&'f PreparedSegment, Self::Place)>;
}

/// A store in which everything is looked up by key.
pub(super) struct ByKey<'f, S: ?Sized>(pub(super) &'f S);

impl<S: ?Sized> Clone for ByKey<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for ByKey<'_, S> {}

impl<'f, S: Store + ?Sized> Graph<'f> for ByKey<'f, S> {
    type Place = ();

    fn flag(self, (): (), _link: usize, key: &str) -> Option<(&'f PreparedFlag, ())> {
        self.0.flag(key).map(|flag| (flag, ()))
    }

    fn segment(self, (): (), _link: usize, key: &str) -> Option<(&'f PreparedSegment, ())> {
        self.0.segment(key).map(|segment| (segment, ()))
    }
}
