//! Regular expressions in clauses, bounded so that no author can stall or swell the daemon.

use regex::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1024;
const MAX_PROGRAM: usize = 256 * 1024;
const MAX_CACHE: usize = 1024 * 1024;

/// Why a pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// More than 1 KiB.
    #[error("a pattern has at most {MAX_PATTERN} bytes, this one has {0}")]
    Long(usize),
    /// It compiles to more than 256 KiB.
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
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::Long(pattern.len()));
    }
    RegexBuilder::new(pattern).size_limit(MAX_PROGRAM).dfa_size_limit(MAX_CACHE).build().map_err(|error| {
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
        assert_eq!(compile(&"a".repeat(1025)).unwrap_err(), PatternError::Long(1025));
        assert!(compile(&"a".repeat(1024)).is_ok());
        assert_eq!(compile(r"(\pL{50}){50}").unwrap_err(), PatternError::Big);
        for pattern in ["(", "(?=a)", r"(a)\1", "*"] {
            assert!(matches!(compile(pattern), Err(PatternError::Syntax(_))), "{pattern}");
        }
    }
}
