//! A private PostgreSQL from start to stop: what the rest of the daemon sees of it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use tokio::sync::{oneshot, watch};

use super::account::Account;
pub use super::options::Options;
use super::orphan;
use super::place::{self, Place};
use super::supervise::Supervisor;
use super::{PostgresError, State};

/// A PostgreSQL that is kept alive until this is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    socket_dir: PathBuf,
    state: watch::Receiver<State>,
    /// The thread stops the server when this is closed.
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

/// Starts the cluster and returns when it answers and has our role and our database; the first time it is made,
/// which takes a second or two. Recovery after a crash has no limit of time. Dropping the future stops the server.
///
/// # Errors
/// When it cannot be started; nothing is left running then. Once it has been ready it is restarted whenever it
/// dies, and what happens is told by [`Running::state`] alone.
pub async fn start(options: Options) -> Result<Running, PostgresError> {
    let (tell, told) = oneshot::channel();
    let thread = Builder::new().name("postgres-start".into()).spawn(move || {
        // Nobody listens any more: the server stops as its handle is dropped.
        drop(tell.send(start_blocking(options)));
    });
    thread.map_err(PostgresError::files("start a thread for", "PostgreSQL"))?;
    told.await.unwrap_or(Err(PostgresError::Stopped))
}

/// [`start`] for callers outside of a runtime; blocks the calling thread.
///
/// # Errors
/// As [`start`].
pub fn start_blocking(options: Options) -> Result<Running, PostgresError> {
    let place = Place::below(&options.data_dir)?;
    let lock = lock(&place)?;
    let account = Account::choose(&place.pgdata)?;
    account.prove_reach(&options.binaries.program("postgres"), &place.data_dir)?;
    let socket_dir = place.socket_dir(&account)?;

    let (state, watcher) = watch::channel(State::Starting);
    let (stop, stopped) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let supervisor =
        Supervisor { options, place, account, socket_dir: socket_dir.clone(), stop: stopped, state, lock };
    // A thread of its own, since the server gets a signal when the thread that started it ends.
    let thread = Builder::new()
        .name("postgres".into())
        .spawn(move || supervisor.run(|first| drop(tell.send(first))))
        .map_err(PostgresError::files("start a thread for", "PostgreSQL"))?;
    told.recv().unwrap_or(Err(PostgresError::Stopped))?;
    Ok(Running { socket_dir, state: watcher, stop, thread })
}

/// Stops what an earlier life left running on the cluster in `data_dir`.
///
/// # Errors
/// When another daemon has it, or a process on it does not go away.
pub fn clear(data_dir: &Path) -> Result<(), PostgresError> {
    if !data_dir.exists() {
        return Ok(());
    }
    let place = Place::below(data_dir)?;
    let _lock = lock(&place)?;
    orphan::clear(&place)
}

/// The address of our database in the cluster that another daemon runs in `data_dir`.
///
/// # Errors
/// When its socket's directory cannot be told.
pub fn url_in(data_dir: &Path) -> Result<String, PostgresError> {
    let place = Place::below(data_dir)?;
    let account = Account::choose(&place.pgdata)?;
    Ok(place::own_url(&place.socket_dir(&account)?))
}

/// Locks the data directory against another daemon; the lock ends with this process, however it ends.
fn lock(place: &Place) -> Result<std::fs::File, PostgresError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&place.lock);
    let file = file.map_err(PostgresError::files("open", &place.lock))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(PostgresError::InUse(place.data_dir.clone())),
        Err(std::fs::TryLockError::Error(error)) => Err(PostgresError::files("lock", &place.lock)(error)),
    }
}

impl Running {
    /// The address of our database, for sqlx and psql; it stays the same when the server is restarted.
    pub fn url(&self) -> String {
        place::own_url(&self.socket_dir)
    }

    /// The address of another database of this cluster.
    pub fn url_of(&self, database: &str) -> String {
        place::url(&self.socket_dir, database)
    }

    /// The directory with the server's socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The postmaster's process id while it is ready.
    pub fn pid(&self) -> Option<u32> {
        match *self.state.borrow() {
            State::Ready { pid } => Some(pid),
            _ => None,
        }
    }

    /// Where the server stands, now and from now on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Stops the server in order and returns when it has ended. Open connections are cut.
    pub async fn stop(self) {
        let Self { mut state, stop, .. } = self;
        drop(stop);
        // An error means that the thread is gone, and the server with it.
        drop(state.wait_for(|state| *state == State::Stopped).await);
    }

    /// [`Running::stop`] for callers outside of a runtime; blocks the calling thread.
    pub fn stop_blocking(self) {
        drop(self.stop);
        drop(self.thread.join());
    }
}
