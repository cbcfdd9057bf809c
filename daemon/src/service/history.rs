//! Moments of the history: what people write for one, and the revision it means.

use shared::api::problem::ProblemKind;
use shared::revision::{Position, Revision};
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Cx, Refusal};
use crate::store;
use crate::store::audit::Committed;

/// A moment of the history, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `4810` or `r4810`.
    Revision(Revision),
    /// `1.4810`: the revision must be of that epoch.
    Position(Position),
    /// An RFC 3339 time: the last revision at or before it.
    Time(OffsetDateTime),
}

impl std::str::FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "must be a revision, like 4810 or 1.4810, or an RFC 3339 time, like 2026-11-21T03:12:00Z";
        let digits = text.strip_prefix('r').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return digits.parse().map(|n| Self::Revision(Revision(n))).map_err(|_| FORM);
        }
        if let Ok(position) = digits.parse() {
            return Ok(Self::Position(position));
        }
        // A plus sign that nobody escaped arrives as a space.
        let plus = text.replace(' ', "+");
        OffsetDateTime::parse(&plus, &Rfc3339).map(Self::Time).map_err(|_| FORM)
    }
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// The revision that a moment means.
///
/// # Errors
/// 404 where nothing was yet, 422 where the moment has not come yet; the database's.
pub async fn committed_at(cx: &Cx, conn: &mut PgConnection, moment: Moment) -> Result<Committed, Refusal> {
    let head = store::head::get(conn).await?;
    let later = |what: String| {
        let last = head.position.revision;
        let detail = format!("{what} has not come yet; the last revision is {last}");
        Refusal::Plain(ProblemKind::Invalid, detail)
    };
    let unknown = |what: String| Refusal::Plain(ProblemKind::NotFound, format!("there was no {what}"));
    let number = match moment {
        Moment::Revision(number) => number,
        Moment::Position(position) => position.revision,
        Moment::Time(at) if at > cx.clock.now().max(head.at) => {
            return Err(later(format!("the time {}", written(at))));
        }
        Moment::Time(at) => store::audit::revision_at(conn, at)
            .await?
            .ok_or_else(|| unknown(format!("revision at or before {}", written(at))))?,
    };
    if number > head.position.revision {
        return Err(later(number.to_string()));
    }
    let committed =
        store::audit::find(conn, number).await?.ok_or_else(|| unknown(format!("revision {number}")))?;
    match moment {
        Moment::Position(position) if committed.position != position => {
            Err(unknown(format!("revision {position}: {number} is of another epoch")))
        }
        _ => Ok(committed),
    }
}
