//! A query that was read: what must be so, and of which environments it speaks.

use super::fault::QueryFault;
use super::fuzzy::Word;
use super::pattern::Pattern;
use super::term::Term;

/// A part of a query.
#[derive(Clone, Debug)]
pub enum Node {
    /// All of them, each about the environments of `scope`; an empty one is that of around it.
    All {
        /// The parts.
        parts: Vec<Node>,
        /// What `env:` beside them names.
        scope: Vec<Pattern>,
    },
    /// One of them.
    Any(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// A word over key, name and tags.
    Word(Word),
    /// A term.
    Term(Term),
}

/// A query over flags.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) root: Node,
    pub(super) environments: Vec<(usize, Pattern)>,
    pub(super) archived: bool,
    pub(super) documents: bool,
    pub(super) words: bool,
    pub(super) ages: bool,
}

impl Query {
    /// Whether it asks nothing, so that everything fits.
    pub fn is_empty(&self) -> bool {
        matches!(&self.root, Node::All { parts, .. } if parts.is_empty())
    }

    /// Whether it says itself which archived flags it wants; else lists leave them out.
    pub const fn speaks_of_archived(&self) -> bool {
        self.archived
    }

    /// Whether it asks for what only documents say (`json:`): without them nothing fits that.
    pub const fn needs_documents(&self) -> bool {
        self.documents
    }

    /// Whether it speaks of ages, so that what fits changes as time goes by.
    pub const fn speaks_of_ages(&self) -> bool {
        self.ages
    }

    /// Whether it holds words, so that some flags fit it better than others.
    pub const fn ranks(&self) -> bool {
        self.words
    }

    /// That every environment it names is there: by its key, by the beginning of one, or by a pattern.
    ///
    /// # Errors
    /// The first that is not, and where it is named.
    pub fn check_environments(&self, known: &[&str]) -> Result<(), QueryFault> {
        for (at, pattern) in &self.environments {
            if !known.iter().any(|key| pattern.fits(key) || pattern.begins(key)) {
                let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(QueryFault::new(*at, format!("there is no such environment; there are {all}")));
            }
        }
        Ok(())
    }
}
