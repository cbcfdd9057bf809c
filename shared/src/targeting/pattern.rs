//! Regular expressions in clauses, bounded so that no author can stall or swell the daemon.

use regex::{Regex, RegexBuilder};

const MAX_CACHE: usize = 1024 * 1024;

/// How large a pattern may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternBounds {
    /// As it is written, in bytes.
    longest: usize,
    /// Once it is compiled, in bytes.
    program: usize,
}

impl PatternBounds {
    /// What may be written and what strangers may bring along: 1 KiB, and 256 KiB once compiled.
    pub const NARROW: Self = Self { longest: 1024, program: 256 * 1024 };
    /// What is read of one's own documents: 64 KiB, and 10 MiB once compiled.
    pub const WIDE: Self = Self { longest: 64 * 1024, program: 10 * 1024 * 1024 };
}

/// Why a pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is longer than its bounds.
    #[error("a pattern has at most {most} bytes, this one has {found}")]
    Long {
        /// The most bytes.
        most: usize,
        /// How many it has.
        found: usize,
    },
    /// It compiles to more than its bounds.
    #[error("the pattern is too big once compiled; use fewer or smaller repetitions")]
    Big,
    /// It isn't a regular expression, or asks for look-around or back-references.
    #[error("is not a regular expression that every SDK understands: {0}")]
    Syntax(String),
}

/// Compiles a pattern, to be searched for anywhere in a text.
///
/// # Errors
/// The pattern is too long, too big or no regular expression.
pub fn compile(pattern: &str, bounds: PatternBounds) -> Result<Regex, PatternError> {
    if pattern.len() > bounds.longest {
        return Err(PatternError::Long { most: bounds.longest, found: pattern.len() });
    }
    RegexBuilder::new(pattern).size_limit(bounds.program).dfa_size_limit(MAX_CACHE).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => PatternError::Big,
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                PatternError::Syntax(last.trim_start_matches("error: ").to_owned())
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(pattern: &str) -> Result<Regex, PatternError> {
        super::compile(pattern, PatternBounds::NARROW)
    }

    #[test]
    fn everyday_patterns_fit() {
        for pattern in [
            r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
            r"(?i)^(alice|bob)@example\.com$",
            r"^\d{1,3}(\.\d{1,3}){3}$",
            r"\bbeta\b",
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        ] {
            assert!(compile(pattern).is_ok(), "{pattern}: {:?}", compile(pattern));
        }
    }

    #[test]
    fn what_would_hurt_is_refused() {
        assert_eq!(compile(&"a".repeat(1025)).unwrap_err(), PatternError::Long { most: 1024, found: 1025 });
        assert!(compile(&"a".repeat(1024)).is_ok());
        assert_eq!(compile(r"(\pL{50}){50}").unwrap_err(), PatternError::Big);
        assert!(super::compile(&"a".repeat(1025), PatternBounds::WIDE).is_ok());
        for pattern in ["(", "(?=a)", r"(a)\1", "*"] {
            assert!(matches!(compile(pattern), Err(PatternError::Syntax(_))), "{pattern}");
        }
    }
}
