//! The private PostgreSQL: found, made, started, watched and stopped by the daemon.
//!
//! GROUND: the error and the state that every file of this folder speaks of; it uses none of them.
//!
//! Who wants a server calls [`find::binaries`], then [`cluster::start`]. The way is always the same, for root
//! and for an ordinary user, for the first start and for the one after a power failure:
//! lock the data directory, clear away what an earlier life left running, make the cluster if there is none,
//! start `postgres` as our direct child on a Unix socket, wait until it is ready, and keep it alive.

pub mod account;
pub mod cluster;
pub mod find;
pub mod initial;
pub mod launch;
mod options;
pub mod orphan;
pub mod place;
pub mod serverlog;
pub mod supervise;

use std::io;
use std::path::PathBuf;

/// The oldest major version whose SQL we rely on.
pub const OLDEST_MAJOR: u32 = 15;

/// The cluster's superuser, and the one role the daemon connects as.
pub const ROLE: &str = "flagstaff";

/// The database that the daemon keeps its tables in.
pub const DATABASE: &str = "feature_flags";

/// Where a supervised PostgreSQL stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Started, or about to be; not answering yet.
    Starting,
    /// Answering, as the process with this id.
    Ready {
        /// Process id of the postmaster.
        pid: u32,
    },
    /// Died without being asked to; it is started again after a pause.
    Down {
        /// What is known about the reason.
        reason: String,
    },
    /// Stopped because we said so; it never starts again.
    Stopped,
}

/// Why a private PostgreSQL cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Another daemon has this data directory.
    #[error("another flagstaffd is using the data directory {0}: stop it, or name another directory")]
    InUse(PathBuf),
    /// An operation of the file system failed.
    #[error("cannot {doing} {path}: {source}")]
    Files {
        /// The verb.
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A server program could not be run at all.
    #[error("cannot run {program}: {source}")]
    Unrunnable {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data belongs to somebody else.
    #[error(
        "{path} belongs to {owner}, but flagstaffd runs as {me}: run it as {owner}, or name another data directory"
    )]
    Foreign {
        /// The data directory.
        path: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who we are.
        me: String,
    },
    /// We are root, and there is nobody to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and this system has neither a user `postgres` nor `nobody`: \
         make one, or run flagstaffd as an ordinary user"
    )]
    NobodyToRunAs,
    /// We are root; the server's user cannot enter a directory on the way.
    #[error(
        "PostgreSQL runs as the user {user} when flagstaffd runs as root, and {user} cannot enter {blocked} on \
         the way to {path}: use a directory that every user can enter (such as /var/lib/flagstaff)"
    )]
    Unreachable {
        /// The server's user.
        user: String,
        /// The directory that keeps it out.
        blocked: PathBuf,
        /// Where it has to get to.
        path: PathBuf,
    },
    /// Every place for the socket has a name that is too long, or is not ours.
    #[error("no directory for PostgreSQL's socket: {0}")]
    NoSocketPlace(String),
    /// There is something in the data directory, and it is no cluster.
    #[error(
        "{0} is not empty and holds no PostgreSQL cluster (no PG_VERSION): move it away, or name another data directory"
    )]
    NotACluster(PathBuf),
    /// The cluster was made by another major version.
    #[error(
        "the data in {path} was made by PostgreSQL {data}, and the server programs in {dir} are PostgreSQL {server}: \
         install PostgreSQL {data}, or move the data with pg_upgrade"
    )]
    WrongMajor {
        /// The cluster.
        path: PathBuf,
        /// Its major version.
        data: u32,
        /// Where the server programs are.
        dir: PathBuf,
        /// Their major version.
        server: u32,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How it ended.
        status: String,
        /// What it said.
        output: String,
    },
    /// A server of an earlier life does not go away.
    #[error("an earlier PostgreSQL (process {pid}) still uses {path} and does not stop")]
    OrphanStays {
        /// Its process id.
        pid: i32,
        /// The cluster.
        path: PathBuf,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL ended while starting ({status}); the end of {log}: {tail}")]
    Ended {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines in it.
        tail: String,
    },
    /// The server is ready and our database cannot be made or reached.
    #[error("cannot prepare the database {DATABASE}: {0}")]
    Database(#[source] sqlx::Error),
    /// It was stopped before it was ready.
    #[error("PostgreSQL was stopped while starting")]
    Stopped,
}

impl PostgresError {
    /// For `map_err`: names the verb and the path of a failed operation on files.
    pub fn files(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files { doing, path, source }
    }
}
