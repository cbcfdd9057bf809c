//! Semantic versions as clauses compare them: minor and patch may be missing.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A semantic version without its build metadata, which doesn't count. Equal means equal precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version<'t> {
    numbers: [u64; 3],
    pre_release: Cow<'t, str>,
}

impl<'t> Version<'t> {
    /// Reads `1.2.3-rc.1+build`, `1.2`, `1` or `2-rc`; no leading `v`, no leading zeros.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return None;
        }
        let (core, pre_release) = match text.split_once('-') {
            Some((core, pre_release)) => (core, Some(pre_release)),
            None => (text, None),
        };
        let valid = |part: &str| is_identifier(part) && (!is_number(part) || has_no_leading_zero(part));
        if pre_release.is_some_and(|pre| !pre.split('.').all(valid)) {
            return None;
        }
        let mut parts = core.split('.');
        let mut numbers = [0; 3];
        for (i, slot) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if is_number(part) && has_no_leading_zero(part) => *slot = part.parse().ok()?,
                None if i > 0 => {}
                _ => return None,
            }
        }
        if parts.next().is_some() {
            return None;
        }
        Some(Self { numbers, pre_release: Cow::Borrowed(pre_release.unwrap_or_default()) })
    }

    /// The same, on its own.
    pub fn into_owned(self) -> Version<'static> {
        Version { numbers: self.numbers, pre_release: Cow::Owned(self.pre_release.into_owned()) }
    }

    /// Which of two comes first.
    pub fn precedence(&self, other: &Version<'_>) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.pre_release.is_empty(), other.pre_release.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_identifiers(&self.pre_release, &other.pre_release),
            }
        })
    }
}

fn compare_identifiers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match (is_number(x), is_number(y)) {
                // Without leading zeros the longer number is the greater one, however long.
                (true, true) => x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

fn has_no_leading_zero(part: &str) -> bool {
    part == "0" || !part.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_that_of_the_specification() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-beta.99999999999999999999999",
            "1.0.0-rc.1",
            "1",
            "1.0.1",
            "1.2-rc",
            "1.2",
            "2-rc",
            "2",
            "10",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                let order = Version::parse(a).unwrap().precedence(&Version::parse(b).unwrap());
                assert_eq!(order, i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn agrees_with_the_semver_crate_on_whole_versions() {
        let texts = [
            "1.2.3",
            "1.2.3-a",
            "1.2.3-a.b-c",
            "1.2.3-1",
            "0.0.0",
            "01.2.3",
            "1.2.3-01",
            "1.2.3-",
            "1.2.3+",
            "1.2.3+01.a",
            "1.2.3-a..b",
            "v1.2.3",
            "1.2.3.4",
            "1.2.3-é",
            "",
            "1.2.3-a+b+c",
            " 1.2.3",
        ];
        for a in texts {
            assert_eq!(Version::parse(a).is_some(), semver::Version::parse(a).is_ok(), "{a}");
            for b in texts {
                if let (Ok(x), Ok(y)) = (semver::Version::parse(a), semver::Version::parse(b)) {
                    let ours = Version::parse(a).unwrap().precedence(&Version::parse(b).unwrap());
                    assert_eq!(ours, x.cmp_precedence(&y), "{a} and {b}");
                }
            }
        }
    }

    #[test]
    fn missing_parts_are_zero_and_build_metadata_does_not_count() {
        let same =
            |a, b| Version::parse(a).unwrap().precedence(&Version::parse(b).unwrap()) == Ordering::Equal;
        assert!(same("2", "2.0.0") && same("2.0", "2") && same("2-rc", "2.0.0-rc") && same("2+a", "2.0.0+b"));
        for text in ["2.", ".2", "2..0", "-rc", "+b", "1.2.", "1.x", "-1", "18446744073709551616"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
