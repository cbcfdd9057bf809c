//! What a verification finds: where the history or the tables are not what they were.

use serde::Serialize;
use shared::revision::{Position, Revision};
use utoipa::ToSchema;

/// Findings that are told one by one; more are counted.
pub(super) const TOLD: usize = 1000;

/// What was found to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A revision is not there, between others that are.
    MissingRevision,
    /// A revision is after the head.
    RevisionAfterHead,
    /// A row of the history cannot be read.
    Unreadable,
    /// A revision or its list of entries is not what its hash was made of.
    HashMismatch,
    /// The hash that the next revision was chained to is another one.
    BrokenLink,
    /// Times or epochs go back.
    OutOfOrder,
    /// The rows before and after are not those that the entry's digest was made of.
    DigestMismatch,
    /// An entry is not there, between others that are.
    MissingEntry,
    /// An entry that was never committed.
    InsertedEntry,
    /// An entry without its revision.
    OrphanEntry,
    /// The head is not the last revision: the end was cut off, or the head was changed.
    HeadMismatch,
    /// An entry does not begin where the entity's earlier one ended.
    BrokenState,
    /// A row is not what the history left it as.
    RowDiffers,
    /// A row is gone that the history says is there.
    RowMissing,
    /// A row is there that the history knows nothing of.
    RowUnrecorded,
    /// The table of prerequisites is not what the documents say.
    Prerequisites,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The revision, where it is about one.
    pub revision: Option<Revision>,
    /// The entry in it, where it is about one.
    pub ordinal: Option<i32>,
    /// What is wrong.
    pub what: What,
    /// A sentence for people.
    pub detail: String,
}

/// What was looked at and what was found.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditReport)]
pub struct Report {
    /// Whether nothing is wrong.
    pub intact: bool,
    /// The head.
    #[schema(value_type = String)]
    pub position: Position,
    /// The head's hash, hexadecimal: written down elsewhere, it is proof against whoever owns the database.
    pub hash: String,
    /// How many revisions were read.
    pub revisions: u64,
    /// How many entries were read.
    pub entries: u64,
    /// How many rows were compared with their last entry.
    pub rows: u64,
    /// What is wrong, at most a thousand things.
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub untold: u64,
}

impl Report {
    /// Adds a finding.
    pub(super) fn find(
        &mut self,
        what: What,
        revision: Option<i64>,
        ordinal: Option<i32>,
        detail: impl Into<String>,
    ) {
        if self.findings.len() < TOLD {
            let revision = revision.map(Revision);
            self.findings.push(Finding { revision, ordinal, what, detail: detail.into() });
        } else {
            self.untold += 1;
        }
    }
}
