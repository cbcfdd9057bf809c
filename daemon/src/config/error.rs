//! What is wrong with a configuration, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `config.example.toml`, which is part of the program.
    Default,
    /// A configuration file, and the line where it is known.
    File(PathBuf, Option<usize>),
    /// A variable of `.env` in the working directory.
    DotEnv(String),
    /// A variable of the environment.
    Env(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, Some(line)) => write!(f, "{} line {line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::DotEnv(name) => write!(f, ".env variable {name}"),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// Why there is no configuration. The program ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named, or is there, can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not TOML, or `.env` is not a list of variables.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what, as the parser says it.
        reason: String,
    },
    /// A key that doesn't exist.
    #[error("{origin}: there is no key `{key}`{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The key, dotted (or the variable's name).
        key: String,
        /// The right key that looks most like it.
        nearest: Option<String>,
    },
    /// A value that its key can't have.
    #[error("{origin}: `{key}` can't be {value}: {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key, dotted.
        key: String,
        /// The value as it was written; hidden where it is a secret.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// Values that are right alone and wrong together.
    #[error("{origin}: `{key}`: {reason}")]
    Together {
        /// Where the key that should change was set.
        origin: Origin,
        /// That key.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}
