//! Spans of time as people write them: `90s`, `5m`, `1h`, `7d`, `2w`, `1d12h`.

use time::Duration;

/// Reads a span of time.
///
/// # Errors
/// A sentence that says how one is written.
pub fn span(text: &str) -> Result<Duration, String> {
    let fault = || format!("{text:?} is no span of time; one is written like 90s, 5m, 1h, 7d or 2w");
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(fault()),
        };
        let number: i64 = digits.parse().map_err(|_| fault())?;
        digits.clear();
        let more = number.checked_mul(unit).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(fault)?;
    }
    // A thousand years are beyond what a clock can subtract without care, and enough.
    if text.is_empty() || !digits.is_empty() || seconds > 31_557_600_000 {
        return Err(fault());
    }
    Ok(Duration::seconds(seconds))
}

/// How old something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// At most so old.
    Within(Duration),
    /// At least so old.
    Beyond(Duration),
}

impl Age {
    /// Reads `<1h` (or `1h`) and `>7d`.
    ///
    /// # Errors
    /// How many characters to skip to what is wrong, and a sentence.
    pub fn read(text: &str) -> Result<Self, (usize, String)> {
        let (older, rest) = match text.strip_prefix('>') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('<').unwrap_or(text)),
        };
        let rest = if rest.len() < text.len() { rest.strip_prefix('=').unwrap_or(rest) } else { rest };
        let span = span(rest).map_err(|detail| (text.len() - rest.len(), detail))?;
        Ok(if older { Self::Beyond(span) } else { Self::Within(span) })
    }

    /// Whether something that is so old fits; what is of the future is new.
    pub fn fits(self, age: Duration) -> bool {
        match self {
            Self::Within(most) => age <= most,
            Self::Beyond(least) => age >= least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_ages_read_as_people_write_them() {
        assert_eq!(span("1d12h"), Ok(Duration::hours(36)));
        assert_eq!(span("2w"), Ok(Duration::weeks(2)));
        for bad in
            ["", "1", "h", "1y", "1h30", "-1h", "99999999999999999999d", "9999999999999999w", "40000000000s"]
        {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!(Age::read("<1h"), Ok(Age::Within(Duration::HOUR)));
        assert_eq!(Age::read("1h"), Ok(Age::Within(Duration::HOUR)));
        assert_eq!(Age::read(">=7d"), Ok(Age::Beyond(Duration::days(7))));
        assert_eq!(Age::read(">=x").unwrap_err().0, 2);
        assert_eq!(Age::read("=1h").unwrap_err().0, 0);
    }
}
