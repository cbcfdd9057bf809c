//! Reading the history: what people ask of it, page by page, and single revisions.

use std::sync::Arc;

use shared::access::{Permission, Scope};
use shared::api::problem::ProblemKind;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::{Position, Revision};
use sqlx::PgConnection;

use super::findings::Report;
use super::history::Moment;
use super::verify;
use super::{Caller, Cx, Refusal};
use crate::store;
use crate::store::audit::{Committed, Entry};
use crate::store::audit_query::{Filter, Found, Place, Visible};

/// Rows of one fetch: with two documents a row, an answer is made of pieces that memory holds easily.
const PIECE: i64 = 50;
/// A page is full at this many bytes of rows, also where fewer than its limit were found.
const HEAVY: usize = 8 * 1024 * 1024;
/// The most entries shown with a revision; the rest is in the audit, from and to that revision.
pub const SHOWN: usize = 200;

/// Where a listing goes on: `epoch.revision.ordinal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The revision of the last entry that was told.
    pub position: Position,
    /// Its place in it.
    pub ordinal: i32,
}

impl Cursor {
    /// The cursor after an entry.
    pub const fn after(found: &Found) -> Self {
        Self { position: found.committed.position, ordinal: found.entry.ordinal }
    }

    const fn place(self) -> Place {
        Place { revision: self.position.revision, ordinal: self.ordinal }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.position, self.ordinal)
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be the nextCursor of the page before";
        let (position, ordinal) = text.rsplit_once('.').ok_or(FORM)?;
        let digits = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
        let ordinal = ordinal.parse().ok().filter(|_| digits).ok_or(FORM)?;
        Ok(Self { position: position.parse().map_err(|_| FORM)?, ordinal })
    }
}

/// What a caller may see of the history, given every project with its environments.
pub fn visible(caller: &Caller, known: &[(ProjectKey, Vec<EnvironmentKey>)]) -> Visible {
    let may = |permission, scope: &Scope<'_>| caller.may(permission, scope).allowed;
    // Who reads the history and nothing else is an auditor, and sees access changes too.
    let secret = |permission, scope: &Scope<'_>| {
        may(permission, scope) || (may(Permission::ReadAudit, scope) && !may(Permission::Read, scope))
    };
    let installation = Scope::INSTALLATION;
    let mut visible = Visible { access: secret(Permission::Access, &installation), ..Visible::default() };
    let mut everything = visible.access && may(Permission::ReadAudit, &installation);
    for (project, environments) in known {
        if may(Permission::ReadAudit, &Scope::project(project)) {
            visible.projects.push(project.to_string());
        } else {
            everything = false;
        }
        for environment in environments {
            let scope = Scope::environment(project, environment);
            let place = || (project.to_string(), environment.to_string());
            if may(Permission::ReadAudit, &scope) {
                visible.places.push(place());
            } else {
                everything = false;
            }
            if secret(Permission::Credentials, &scope) {
                visible.credentials.push(place());
            } else {
                everything = false;
            }
        }
    }
    visible.everything = everything;
    visible
}

/// A page of the history.
#[derive(Debug)]
pub struct Page {
    /// The entries, newest first.
    pub items: Vec<Found>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// Reads a page: `limit` entries, or fewer where they are heavy.
///
/// # Errors
/// The database's; a cursor of a history that is no more.
pub async fn page(cx: &Cx, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Page, Refusal> {
    let mut conn = cx.gate.read().await?;
    if let Some(cursor) = after {
        let known = store::audit::find(&mut conn, cursor.position.revision).await?;
        if known.is_none_or(|committed| committed.position != cursor.position) {
            return Err(Refusal::Plain(
                ProblemKind::Malformed,
                "the cursor is of a history that is no more; start again without it".to_owned(),
            ));
        }
    }
    let result = fill(&mut conn, filter, after, limit).await;
    if let Err(store::StoreError::Unavailable(_)) = &result {
        cx.gate.failed();
    }
    Ok(result?)
}

async fn fill(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, store::StoreError> {
    let mut items: Vec<Found> = Vec::new();
    let mut weight = 0;
    let mut place = after.map(Cursor::place);
    loop {
        // One more than wanted says whether there is a next page.
        let wanted = i64::try_from(limit - items.len() + 1).unwrap_or(PIECE).min(PIECE);
        let piece = store::audit_query::page(conn, filter, place, wanted).await?;
        let all = i64::try_from(piece.len()).unwrap_or(i64::MAX) < wanted;
        for found in piece {
            if items.len() == limit || weight > HEAVY {
                let next = items.last().map(Cursor::after);
                return Ok(Page { items, next });
            }
            let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
            weight += text(&found.entry.before) + text(&found.entry.after);
            place = Some(Place { revision: found.entry.revision, ordinal: found.entry.ordinal });
            items.push(found);
        }
        if all {
            return Ok(Page { items, next: None });
        }
    }
}

/// The first revision that a bound of a search means; `None` where nothing is that new.
///
/// # Errors
/// The database's.
pub async fn first(cx: &Cx, moment: Moment) -> Result<Option<Revision>, Refusal> {
    Ok(match moment {
        Moment::Revision(number) => Some(number),
        Moment::Position(position) => Some(position.revision),
        Moment::Time(at) => store::audit_query::first_since(&mut *cx.gate.read().await?, at).await?,
    })
}

/// The last revision that a bound of a search means; `None` where nothing is that old.
///
/// # Errors
/// The database's.
pub async fn last(cx: &Cx, moment: Moment) -> Result<Option<Revision>, Refusal> {
    Ok(match moment {
        Moment::Revision(number) => Some(number),
        Moment::Position(position) => Some(position.revision),
        Moment::Time(at) => store::audit::revision_at(&mut *cx.gate.read().await?, at).await?,
    })
}

/// One revision with what it touched.
#[derive(Debug)]
pub struct Shown {
    /// The revision.
    pub committed: Committed,
    /// Its entries that the caller may see, in order, at most [`SHOWN`].
    pub entries: Vec<Entry>,
    /// Whether there are more than are shown.
    pub more: bool,
}

/// A revision with what it touched.
///
/// # Errors
/// 404, 403 where the caller may see nothing of it; the database's.
pub async fn revision(cx: &Cx, number: Revision, visible: &Visible) -> Result<Shown, Refusal> {
    let mut conn = cx.gate.read().await?;
    let committed = store::audit::find(&mut conn, number)
        .await?
        .ok_or_else(|| Refusal::unknown(format!("revision {number}")))?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut hidden = false;
    let mut from = 0;
    loop {
        let piece = store::audit_query::entries_from(&mut conn, number, from, PIECE).await?;
        let all = i64::try_from(piece.len()).unwrap_or(i64::MAX) < PIECE;
        for entry in piece {
            from = entry.ordinal.saturating_add(1);
            if !visible.covers(&entry) {
                hidden = true;
                continue;
            }
            if entries.len() == SHOWN {
                return Ok(Shown { committed, entries, more: true });
            }
            entries.push(entry);
        }
        if all {
            break;
        }
    }
    if entries.is_empty() && (hidden || visible.is_empty()) {
        return Err(Refusal::forbidden(format!("nothing of {number} may be seen by this caller")));
    }
    Ok(Shown { committed, entries, more: false })
}

/// The revisions after one, oldest first, with what each touched; those of which the caller may see
/// nothing are left out. Second: the last revision that was looked at, to go on from.
///
/// # Errors
/// The database's.
pub async fn revisions(
    cx: &Cx,
    since: Revision,
    limit: i64,
    visible: &Visible,
) -> Result<(Vec<(Committed, Vec<Entry>)>, Option<Revision>), Refusal> {
    let mut conn = cx.gate.read().await?;
    let found = store::audit::since(&mut conn, since, limit).await?;
    let last = found.last().map(|c| c.position.revision);
    let last = last.filter(|_| i64::try_from(found.len()).is_ok_and(|n| n == limit));
    let numbers: Vec<i64> = found.iter().map(|c| c.position.revision.0).collect();
    let mut entries = store::audit_query::touched(&mut conn, &numbers).await?.into_iter().peekable();
    let mut shown = Vec::with_capacity(found.len());
    for committed in found {
        let mut own = Vec::new();
        let mut hidden = false;
        while let Some(entry) = entries.next_if(|e| e.revision == committed.position.revision) {
            if visible.covers(&entry) {
                own.push(entry);
            } else {
                hidden = true;
            }
        }
        if !hidden || !own.is_empty() {
            shown.push((committed, own));
        }
    }
    Ok((shown, last))
}

/// Begins to verify the history and what stands now, one at a time in this daemon. What it answers takes
/// as long as the history is long.
///
/// # Errors
/// The database's; that another one is under way.
pub async fn verify(
    cx: &Cx,
) -> Result<impl Future<Output = Result<Report, Refusal>> + Send + use<>, Refusal> {
    let Ok(alone) = Arc::clone(cx.gate.verifying()).try_lock_owned() else {
        return Err(Refusal::Plain(
            ProblemKind::TooManyRequests,
            "the history is being verified already; ask again when that is done".to_owned(),
        ));
    };
    let mut conn = cx.gate.read().await?;
    Ok(async move {
        let report = verify::verify(&mut conn).await?;
        drop(alone);
        Ok(report)
    })
}
