//! Instants as clauses compare them: milliseconds since 1970, or RFC 3339 with date, time and zone.

use crate::json::Json;

/// An instant, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i128);

const SECOND: i128 = 1_000_000_000;

impl Instant {
    /// Reads a number of milliseconds (a fraction is cut off) or an RFC 3339 text.
    pub fn from_json(json: &Json) -> Option<Self> {
        match json {
            Json::Number(_) => {
                #[allow(clippy::cast_possible_truncation)] // saturates, as far from now as can be
                let millis = json.as_f64()? as i64;
                Some(Self(i128::from(millis) * 1_000_000))
            }
            Json::String(text) => Self::parse(text),
            _ => None,
        }
    }

    /// Reads RFC 3339. As LaunchDarkly's Go SDK does, it takes hours of one digit, a second 60, days
    /// beyond the end of a month, zones up to 99 hours, and at most nine digits of a fraction.
    pub fn parse(text: &str) -> Option<Self> {
        let mut at = Scanner(text);
        let year = at.number(4, 4, 9999)?;
        at.take(b"-")?;
        let month = at.number(2, 2, 12).filter(|m| *m > 0)?;
        at.take(b"-")?;
        let day = at.number(2, 2, 31).filter(|d| *d > 0)?;
        at.take(b"tT")?;
        let hour = at.number(1, 2, 23)?;
        at.take(b":")?;
        let minute = at.number(2, 2, 59)?;
        at.take(b":")?;
        let second = at.number(2, 2, 60)?;
        let mut nanos = 0;
        let mut sign = at.take(b".zZ+-")?;
        if sign == b'.' {
            let digits = at.digits();
            nanos = at.number(1, 9, 999_999_999)?;
            for _ in digits..9 {
                nanos *= 10;
            }
            sign = at.take(b"zZ+-")?;
        }
        let mut offset = 0;
        if matches!(sign, b'+' | b'-') {
            let hours = at.number(2, 2, 99)?;
            at.take(b":")?;
            let minutes = at.number(2, 2, 59)?;
            offset = (hours * 60 + minutes) * if sign == b'+' { -60 } else { 60 };
        }
        if !at.0.is_empty() {
            return None;
        }
        let seconds = ((days(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second + offset;
        Some(Self(i128::from(seconds) * SECOND + i128::from(nanos)))
    }
}

struct Scanner<'t>(&'t str);

impl Scanner<'_> {
    fn digits(&self) -> usize {
        self.0.bytes().take_while(u8::is_ascii_digit).count()
    }

    fn number(&mut self, shortest: usize, longest: usize, max: i64) -> Option<i64> {
        let length = self.digits();
        if length < shortest || length > longest {
            return None;
        }
        let (number, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        number.parse().ok().filter(|n| *n <= max)
    }

    fn take(&mut self, any_of: &[u8]) -> Option<u8> {
        let first = self.0.bytes().next().filter(|b| any_of.contains(b))?;
        self.0 = self.0.get(1..)?;
        Some(first)
    }
}

/// Days from 1970-01-01 to the first of a month in the Gregorian calendar.
const fn days(year: i64, month: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    #[test]
    fn agrees_with_a_calendar() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.999999999Z",
            "1999-12-31T23:59:59-11:30",
            "0001-01-01T00:00:00Z",
            "9999-12-31T00:00:00+01:00",
            "2026-11-07T03:12:00.5+05:45",
        ] {
            let expected = OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp_nanos();
            assert_eq!(Instant::parse(text), Some(Instant(expected)), "{text}");
        }
    }

    #[test]
    fn takes_what_the_go_sdk_takes() {
        for (text, same) in [
            ("2020-01-01T1:02:03Z", "2020-01-01T01:02:03Z"),
            ("2020-01-01t01:02:03z", "2020-01-01T01:02:03Z"),
            ("2020-01-01T00:00:60Z", "2020-01-01T00:01:00Z"),
            ("2021-02-29T00:00:00Z", "2021-03-01T00:00:00Z"),
            ("2020-01-05T04:00:00+99:00", "2020-01-01T01:00:00Z"),
        ] {
            assert!(Instant::parse(text).is_some(), "{text}");
            assert_eq!(Instant::parse(text), Instant::parse(same), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_instant() {
        for text in [
            "",
            "2020-01-01",
            "01:02:03Z",
            "2020-01-01T01:02:03",
            "2020-01-01 01:02:03Z",
            "2020-01-01T01:02Z",
            "2020-13-01T01:02:03Z",
            "2020-00-01T01:02:03Z",
            "2020-01-32T01:02:03Z",
            "2020-01-01T24:02:03Z",
            "2020-01-01T01:60:03Z",
            "2020-01-01T01:02:61Z",
            "2020-01-01T01:02:03.Z",
            "2020-01-01T01:02:03.0123456789Z",
            "2020-01-01T01:02:03+1:00",
            "2020-01-01T01:02:03+01:60",
            "2020-01-01T01:02:03Zx",
            "20200-01-01T01:02:03Z",
            "1577836800000",
            "２020-01-01T01:02:03Z",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_milliseconds_without_their_fraction() {
        let at = |text: &str| Instant::from_json(&Json::Number(text.into())).unwrap();
        assert_eq!(at("1000.9"), at("1000"));
        assert_eq!(Some(at("1577836800000")), Instant::parse("2020-01-01T00:00:00Z"));
        assert!(at("-1e300") < at("0") && at("1e300") > at("1577836800000"));
        assert_eq!(Instant::from_json(&Json::Bool(true)), None);
    }
}
