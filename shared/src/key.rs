//! Keys people use: newtypes that are valid once they exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 256;

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was given.
    #[error("a key must not be empty")]
    Empty,
    /// More than [`MAX_KEY`] bytes.
    #[error("a key has at most {MAX_KEY} characters, this one has {0}")]
    Long(usize),
    /// A character outside the grammar.
    #[error("a key holds only letters, digits, '.', '_' and '-', not {0:?}")]
    Character(char),
    /// `.` and `..` would vanish from a URL's path.
    #[error("a key must not be only dots")]
    Dots,
}

fn check(text: &str) -> Result<(), KeyError> {
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    if text.len() > MAX_KEY {
        return Err(KeyError::Long(text.chars().count()));
    }
    if let Some(c) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        return Err(KeyError::Character(c));
    }
    if text.bytes().all(|b| b == b'.') {
        return Err(KeyError::Dots);
    }
    Ok(())
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,256}$", max_length = 256)]
        pub struct $name(String);

        impl $name {
            /// Checks the grammar `[A-Za-z0-9._-]{1,256}`.
            ///
            /// # Errors
            /// What is wrong with the text.
            pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = KeyError;
            fn from_str(text: &str) -> Result<Self, KeyError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyError;
            fn try_from(text: String) -> Result<Self, KeyError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

key! {
    /// Names a project in the installation.
    ProjectKey
}
key! {
    /// Names an environment in its project.
    EnvironmentKey
}
key! {
    /// Names a flag in its project; never used for another flag, even after it was archived.
    FlagKey
}
key! {
    /// Names a segment in its environment.
    SegmentKey
}

impl ProjectKey {
    /// The project that exists from the start and that URLs without a project mean.
    pub fn default_project() -> Self {
        Self("default".to_owned())
    }
}

impl Default for ProjectKey {
    fn default() -> Self {
        Self::default_project()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        assert!(FlagKey::new("a.b_c-9").is_ok());
        assert_eq!(FlagKey::new(""), Err(KeyError::Empty));
        assert_eq!(FlagKey::new("a b"), Err(KeyError::Character(' ')));
        assert_eq!(FlagKey::new(".."), Err(KeyError::Dots));
        assert!(FlagKey::new("x".repeat(256)).is_ok());
        assert_eq!(FlagKey::new("x".repeat(257)), Err(KeyError::Long(257)));
    }
}
