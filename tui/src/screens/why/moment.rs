//! A time as it is typed where the past is asked about.

use crate::widgets::feed_filter::span;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

/// What can be typed.
pub const HINT: &str = "3h ago   03:12 (UTC)   2026-11-21 03:12   a revision: 4812   empty: now";

/// What the daemon is asked for: a revision or an RFC 3339 time; none is the present.
///
/// # Errors
/// What can be typed.
pub fn read(typed: &str, now: OffsetDateTime) -> Result<Option<String>, String> {
    let typed = typed.trim();
    let word = typed.strip_suffix("ago").unwrap_or(typed).trim();
    if word.is_empty() || word == "now" {
        return Ok(None);
    }
    let number = word.strip_prefix("rev").unwrap_or(word).trim();
    let number = number.strip_prefix('r').unwrap_or(number);
    if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Some(number.to_owned()));
    }
    let found = span(word)
        .and_then(|span| now.checked_sub(span))
        .or_else(|| OffsetDateTime::parse(word, &Rfc3339).ok())
        .or_else(|| day(word))
        .or_else(|| clock(word, now));
    match found {
        Some(at) if at > now => Err("that is still to come".to_owned()),
        Some(at) => {
            let at = at.replace_nanosecond(0).unwrap_or(at);
            Ok(at.format(&Rfc3339).ok())
        }
        None => Err(format!("type {HINT}")),
    }
}

fn day(word: &str) -> Option<OffsetDateTime> {
    let minutes = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let days = format_description!("[year]-[month]-[day]");
    let at = PrimitiveDateTime::parse(word, minutes).ok();
    at.or_else(|| Date::parse(word, days).ok().map(|day| day.with_time(Time::MIDNIGHT)))
        .map(PrimitiveDateTime::assume_utc)
}

/// The last time that a clock showed it.
fn clock(word: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let time = Time::parse(word, format_description!("[hour]:[minute]")).ok()?;
    let today = now.replace_time(time);
    if today > now { today.checked_sub(Duration::days(1)) } else { Some(today) }
}

/// Such a moment for people: `rev 4812`, `2026-11-21 03:12:00 UTC`.
#[must_use]
pub fn told(sent: &str) -> String {
    match OffsetDateTime::parse(sent, &Rfc3339) {
        Ok(at) => {
            let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
            at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| sent.to_owned())
        }
        Err(_) => format!("rev {sent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_are_typed_as_people_say_them() {
        let now = datetime!(2026-11-22 03:00:30 UTC);
        for (typed, sent) in [
            ("", None),
            ("now", None),
            ("4812", Some("4812")),
            ("r4812", Some("4812")),
            ("rev 4812", Some("4812")),
            ("3h", Some("2026-11-22T00:00:30Z")),
            ("2d ago", Some("2026-11-20T03:00:30Z")),
            ("03:00", Some("2026-11-22T03:00:30Z")),
            ("03:12", Some("2026-11-21T03:12:00Z")),
            ("2026-11-20 14:02", Some("2026-11-20T14:02:00Z")),
            ("2026-11-20", Some("2026-11-20T00:00:00Z")),
            ("2026-11-20T14:02:00+01:00", Some("2026-11-20T14:02:00+01:00")),
        ] {
            let sent = sent.map(|text| {
                text.replace("03:00:30Z", if typed == "03:00" { "03:00:00Z" } else { "03:00:30Z" })
            });
            assert_eq!(read(typed, now), Ok(sent), "{typed}");
        }
        assert!(read("2027-01-01", now).unwrap_err().contains("to come"));
        assert!(read("yesterday", now).unwrap_err().contains("3h ago"));
        assert_eq!(told("4812"), "rev 4812");
        assert_eq!(told("2026-11-20T14:02:00+01:00"), "2026-11-20 13:02:00 UTC");
    }
}
