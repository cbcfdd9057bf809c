//! Something that is shown only where somebody asked to see it: debugging output never has it.

use std::fmt;

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides it.
    #[must_use]
    pub fn new(secret: T) -> Self {
        Self(secret)
    }

    /// Shows it.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_output_does_not_have_it() {
        let secret = Secret::new("sdk-1234".to_owned());
        assert_eq!(format!("{:?}", Some(&secret)), "Some((a secret))");
        assert_eq!(secret.get(), "sdk-1234");
    }
}
