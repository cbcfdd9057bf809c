//! Texts with `*` for any text, upper and lower case alike unless the pattern has a capital.

use std::borrow::Cow;

/// A text, or one with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the holes: one piece where there is none.
    pieces: Vec<String>,
    fold: bool,
}

impl Pattern {
    /// Reads a pattern; a quoted one has no holes.
    pub fn new(text: &str, quoted: bool) -> Self {
        let fold = !text.chars().any(char::is_uppercase);
        let pieces =
            if quoted { vec![text.to_owned()] } else { text.split('*').map(str::to_owned).collect() };
        Self { pieces, fold }
    }

    /// The text, where there are no holes.
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    fn folded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.fold && text.chars().any(|c| !c.is_ascii_lowercase() && c.is_alphabetic()) {
            Cow::Owned(text.to_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Whether the whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        let text = self.folded(text);
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.literal() == Some(&text);
        };
        let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
        for piece in middle {
            match rest.find(piece.as_str()) {
                Some(found) => rest = rest.get(found + piece.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }

    /// Whether the text begins like a pattern without holes.
    pub fn begins(&self, text: &str) -> bool {
        self.literal().is_some_and(|own| self.folded(text).starts_with(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_a_capital_for_itself() {
        let fits = |pattern: &str, text: &str| Pattern::new(pattern, false).fits(text);
        assert!(fits("prod*", "production") && fits("*", "") && fits("*", "x") && fits("a*b*c", "a1b2c"));
        assert!(fits("*-eu", "prod-eu") && fits("q4", "Q4") && fits("ä", "Ä"));
        assert!(
            !fits("Q4", "q4") && !fits("a*a", "a") && !fits("prod", "production") && !fits("a*b*c", "acb")
        );
        assert!(Pattern::new("a*", true).fits("a*") && !Pattern::new("a*", true).fits("ab"));
        assert!(Pattern::new("prod", false).begins("Production") && !Pattern::new("p*", false).begins("p"));
    }
}
