//! GROUND: copies of the database, made and put back by PostgreSQL's own programs, without a shell.
//!
//! The children import this file; it imports none of them. The secrets key is in no copy.

pub mod dump;
pub mod manifest;
pub mod prove;
pub mod replace;
pub mod tools;
pub mod worker;

use std::io;
use std::path::PathBuf;

use shared::revision::Position;

use crate::store::StoreError;

/// Why a copy was not made, not proven, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A program of PostgreSQL is missing.
    #[error("{program} is not on this machine: {install}, or set postgres.bin to the folder that has it")]
    Missing {
        /// Its name.
        program: &'static str,
        /// What to type.
        install: &'static str,
    },
    /// A program did not do it.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// How it ended.
        status: String,
        /// What it said.
        output: String,
    },
    /// An operation on files failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Files {
        /// The verb.
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A manifest cannot be read.
    #[error("{}: this is no manifest of a backup: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A copy is not what its manifest says.
    #[error("{}: its SHA-256 is {found}, and the manifest says {wanted}: the copy is damaged or another one", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// Its own.
        found: String,
        /// The manifest's.
        wanted: String,
    },
    /// A copy, put back, is not what its manifest says.
    #[error("the copy holds {found}, and its manifest says {wanted}")]
    Elsewhere {
        /// What it holds.
        found: Position,
        /// What it shall hold.
        wanted: Position,
    },
    /// The database's trouble.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
}

impl BackupError {
    /// For `map_err`: names the verb and the path.
    pub fn files(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files { doing, path, source }
    }
}
