//! What private cluster to run, and how.

use std::path::PathBuf;

use super::find::Binaries;

/// What cluster to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds the cluster (`pgdata`), its log, its lock and, if the path is short enough, its socket. Made if missing.
    pub data_dir: PathBuf,
    /// The server's programs, from [`super::find::binaries`].
    pub binaries: Binaries,
    /// Whether a commit is on the disk before it is confirmed. Only a throw-away cluster can do without.
    pub fsync: bool,
    /// How many connections the server allows.
    pub max_connections: u16,
}

impl Options {
    /// A durable cluster in `data_dir` with room for 60 connections.
    pub fn new(data_dir: impl Into<PathBuf>, binaries: Binaries) -> Self {
        Self { data_dir: data_dir.into(), binaries, fsync: true, max_connections: 60 }
    }
}
