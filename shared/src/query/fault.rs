//! What is wrong with a query, and where.

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at character {at})")]
pub struct QueryFault {
    /// How many characters stand before the one that is meant; the text's length where its end is.
    pub at: usize,
    /// What is wrong, as a sentence without its first capital.
    pub detail: String,
}

impl QueryFault {
    /// A fault at a place.
    pub fn new(at: usize, detail: impl Into<String>) -> Self {
        Self { at, detail: detail.into() }
    }
}
