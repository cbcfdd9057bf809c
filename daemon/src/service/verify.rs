//! Verifying the history: every hash recomputed, every link followed, every difference located.

use shared::audit::{EntryHeader, GENESIS, Hash, digest, hex, link};
use shared::revision::Position;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::findings::{Finding, Report, TOLD, What};
use super::verify_rows;
use crate::store::audit::{Committed, Entry};
use crate::store::verify::{RawEntry, RawRevision};
use crate::store::{self, StoreError};

/// Rows of one fetch.
const PIECE: i64 = 500;
/// Entries of one fetch: each holds two documents.
const HEAVY_PIECE: i64 = 100;
/// With more entries than this, the odd one out of a revision is not searched for.
const SEARCHED: usize = 256;

/// Verifies the whole installation at one moment: the chain, the rows against the history, and the
/// prerequisites against the documents. Memory holds some rows of the history and one table at a time.
///
/// # Errors
/// The database's. What is wrong with the history is no error but the report.
pub async fn verify(conn: &mut PgConnection) -> Result<Report, StoreError> {
    let mut tx = conn.begin_with("begin isolation level repeatable read read only").await?;
    let mut report = Report::default();
    chain(&mut tx, &mut report).await?;
    verify_rows::compare(&mut tx, &mut report).await?;
    tx.rollback().await?;
    report.intact = report.findings.is_empty();
    Ok(report)
}

/// Compares what is stored twice, without reading the history: the prerequisites with the documents.
///
/// # Errors
/// The database's.
pub async fn check(conn: &mut PgConnection) -> Result<Vec<Finding>, StoreError> {
    let mut tx = conn.begin_with("begin isolation level repeatable read read only").await?;
    let mut report = Report::default();
    verify_rows::prerequisites(&mut tx, &mut report).await?;
    tx.rollback().await?;
    Ok(report.findings)
}

/// The entries in order, read ahead.
struct Entries {
    piece: std::vec::IntoIter<RawEntry>,
    next: Option<RawEntry>,
    place: (i64, i32),
    done: bool,
}

impl Entries {
    fn begin() -> Self {
        Self { piece: Vec::new().into_iter(), next: None, place: (i64::MIN, i32::MIN), done: false }
    }

    /// The next entry if it is of a revision up to `upto`.
    async fn take(&mut self, conn: &mut PgConnection, upto: i64) -> Result<Option<RawEntry>, StoreError> {
        if self.next.is_none() {
            self.next = self.piece.next();
        }
        if self.next.is_none() && !self.done {
            let piece = store::verify::entries(conn, self.place, HEAVY_PIECE).await?;
            self.done = i64::try_from(piece.len()).unwrap_or(i64::MAX) < HEAVY_PIECE;
            if let Some(last) = piece.last() {
                self.place = (last.revision, last.ordinal);
            }
            self.piece = piece.into_iter();
            self.next = self.piece.next();
        }
        Ok(self.next.take_if(|entry| entry.revision <= upto))
    }
}

/// What the next revision must fit to.
struct Last {
    number: i64,
    epoch: i64,
    hash: Option<Hash>,
    at: OffsetDateTime,
    sound: bool,
}

async fn chain(conn: &mut PgConnection, report: &mut Report) -> Result<(), StoreError> {
    let head = store::head::get(conn).await?;
    report.position = head.position;
    report.hash = hex(&head.hash);
    let mut entries = Entries::begin();
    let mut last =
        Last { number: 0, epoch: 1, hash: Some(GENESIS), at: OffsetDateTime::UNIX_EPOCH, sound: true };
    loop {
        let piece = store::verify::revisions(conn, last.number, PIECE).await?;
        let all = i64::try_from(piece.len()).unwrap_or(i64::MAX) < PIECE;
        for raw in piece {
            orphans(conn, &mut entries, raw.number, report).await?;
            let own = own_entries(conn, &mut entries, raw.number, report).await?;
            revision(raw, &own, head.position, &mut last, report);
        }
        if all {
            break;
        }
    }
    orphans(conn, &mut entries, i64::MAX, report).await?;
    if last.number < head.position.revision.0 {
        let detail = format!(
            "the head is {}, but the history ends with r{}: the end was cut off",
            head.position, last.number
        );
        report.find(What::HeadMismatch, Some(last.number + 1), None, detail);
    } else if last.number == head.position.revision.0
        && (last.epoch != head.position.epoch.0 || last.hash.is_some_and(|hash| hash != head.hash))
    {
        let detail = format!("the head {} has another hash or epoch than the last revision", head.position);
        report.find(What::HeadMismatch, Some(last.number), None, detail);
    }
    Ok(())
}

/// Entries of revisions before `number` that are not there.
async fn orphans(
    conn: &mut PgConnection,
    entries: &mut Entries,
    number: i64,
    report: &mut Report,
) -> Result<(), StoreError> {
    while let Some(entry) = entries.take(conn, number.saturating_sub(1)).await? {
        report.entries += 1;
        report.find(
            What::OrphanEntry,
            Some(entry.revision),
            Some(entry.ordinal),
            "the entry's revision is not there",
        );
    }
    Ok(())
}

/// What the chain binds of a revision's entries; `None` where one cannot be read.
async fn own_entries(
    conn: &mut PgConnection,
    entries: &mut Entries,
    number: i64,
    report: &mut Report,
) -> Result<Option<Vec<EntryHeader>>, StoreError> {
    let mut own = Some(Vec::new());
    let mut expected = 0;
    while let Some(raw) = entries.take(conn, number).await? {
        report.entries += 1;
        let at = (Some(raw.revision), Some(raw.ordinal));
        if raw.ordinal > expected {
            for missing in (expected..raw.ordinal).take(TOLD) {
                report.find(What::MissingEntry, at.0, Some(missing), "the entry is not there");
            }
        } else if raw.ordinal < expected {
            report.find(What::InsertedEntry, at.0, at.1, "the entry has a place that none can have");
        }
        expected = raw.ordinal.saturating_add(1);
        match raw.read {
            Ok(entry) => {
                if !sound(&entry) {
                    report.find(
                        What::DigestMismatch,
                        at.0,
                        at.1,
                        format!(
                            "before or after of {} {} is not what was committed",
                            entry.kind.as_str(),
                            entry.key
                        ),
                    );
                }
                if let Some(own) = &mut own {
                    own.push(entry.header());
                }
            }
            Err(error) => {
                report.find(What::Unreadable, at.0, at.1, error.to_string());
                own = None;
            }
        }
    }
    Ok(own)
}

fn sound(entry: &Entry) -> bool {
    digest(&entry.salt, entry.before.as_deref(), entry.after.as_deref()).as_slice() == entry.digest.as_slice()
}

fn revision(
    raw: RawRevision,
    own: &Option<Vec<EntryHeader>>,
    head: Position,
    last: &mut Last,
    report: &mut Report,
) {
    report.revisions += 1;
    let number = raw.number;
    let at = Some(number);
    let gap = number != last.number + 1;
    if gap {
        let missing = if number == last.number + 2 {
            format!("r{} is not there", last.number + 1)
        } else {
            format!("r{} to r{} are not there", last.number + 1, number - 1)
        };
        report.find(What::MissingRevision, Some(last.number + 1), None, missing);
    }
    if number > head.revision.0 {
        report.find(What::RevisionAfterHead, at, None, format!("r{number} is after the head {head}"));
    }
    last.number = number;
    let committed = match raw.read {
        Ok(committed) => committed,
        Err(error) => {
            report.find(What::Unreadable, at, None, error.to_string());
            last.hash = None;
            last.sound = false;
            return;
        }
    };
    let sound = match own {
        Some(own) => hash_holds(&committed, own, report),
        // The entry that cannot be read was told already.
        None => false,
    };
    if !gap && last.hash.is_some_and(|hash| hash != committed.previous_hash) && last.sound {
        // A revision whose own hash holds was bound by the next one: so the earlier one was made anew.
        let (where_, detail) = if sound && number > 1 {
            (number - 1, format!("r{} was rewritten: r{number} was chained to another hash", number - 1))
        } else {
            (number, format!("r{number} is not chained to the revision before it"))
        };
        report.find(What::BrokenLink, Some(where_), None, detail);
    }
    if committed.header.at < last.at || committed.position.epoch.0 < last.epoch {
        report.find(What::OutOfOrder, at, None, "its time or epoch is before that of the revision before it");
    }
    last.hash = Some(committed.hash);
    last.epoch = committed.position.epoch.0;
    last.at = committed.header.at;
    last.sound = sound;
}

/// Whether a revision's hash is that of its header and entries; where not, the cause is searched for.
fn hash_holds(committed: &Committed, own: &[EntryHeader], report: &mut Report) -> bool {
    let (epoch, number) = (committed.position.epoch.0, committed.position.revision.0);
    let holds = |entries: &[EntryHeader]| {
        link(epoch, number, &committed.previous_hash, &committed.header, entries) == committed.hash
    };
    if holds(own) {
        return true;
    }
    if let Some(odd) = odd_one(own, holds) {
        report.find(
            What::InsertedEntry,
            Some(number),
            Some(odd),
            "without this entry the hash holds: it was never committed",
        );
        return false;
    }
    report.find(
        What::HashMismatch,
        Some(number),
        None,
        format!("the hash of r{number} is not that of its columns and its {} entries", own.len()),
    );
    false
}

/// The entry without which the hash holds, as those after it stand, or moved up by one.
fn odd_one(own: &[EntryHeader], holds: impl Fn(&[EntryHeader]) -> bool) -> Option<i32> {
    if own.is_empty() || own.len() > SEARCHED {
        return None;
    }
    (0..own.len()).find_map(|i| {
        let mut without = own.to_vec();
        let odd = without.remove(i).ordinal;
        if holds(&without) {
            return Some(odd);
        }
        for later in without.iter_mut().skip(i) {
            later.ordinal -= 1;
        }
        holds(&without).then_some(odd)
    })
}
