//! Where an evaluation finds the other flags and the segments of its environment.

use super::prepare::{PreparedFlag, PreparedSegment};

/// The prepared flags and segments of one environment at one revision.
pub trait Store {
    /// The flag of that key, if there is one.
    fn flag(&self, key: &str) -> Option<&PreparedFlag>;

    /// The segment of that key, if there is one.
    fn segment(&self, key: &str) -> Option<&PreparedSegment>;
}

/// A store without anything in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyStore;

impl Store for EmptyStore {
    fn flag(&self, _key: &str) -> Option<&PreparedFlag> {
        None
    }

    fn segment(&self, _key: &str) -> Option<&PreparedSegment> {
        None
    }
}
