//! What the kind of a context may be called.

/// The kind that is meant where none is named.
pub const DEFAULT_KIND: &str = "user";

/// Says why `kind` can't be the kind of a context; `None` if it can.
pub fn kind_problem(kind: &str) -> Option<&'static str> {
    if kind.is_empty() {
        return Some("a context kind must not be empty");
    }
    if matches!(kind, "kind" | "multi") {
        return Some("a context kind must not be \"kind\" or \"multi\", which mean something else there");
    }
    if kind.bytes().any(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))) {
        return Some("a context kind holds only letters, digits, '.', '_' and '-'");
    }
    None
}
