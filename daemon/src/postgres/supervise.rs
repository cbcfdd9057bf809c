//! The thread that starts the server, waits for it, restarts it when it dies, and stops it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::watch;

use super::account::Account;
use super::options::Options;
use super::place::Place;
use super::{DATABASE, PostgresError, ROLE, State, initial, launch, orphan, serverlog};

/// How often a starting server is asked whether it is ready.
const START_PAUSE: Duration = Duration::from_millis(10);

/// How often a running server is looked at; a death is noticed within this time.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long a start may last before the log says that it still goes on; recovery after a crash may take minutes.
const SLOW_START: Duration = Duration::from_secs(10);

/// The pause before the first restart, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A server that has been ready for this long starts again with the shortest pause.
const SETTLED: Duration = Duration::from_secs(60);

/// How long each way of stopping may take: fast shutdown with a checkpoint, immediate, and the kernel's.
const STOPPING: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(30)),
    (Signal::SIGQUIT, Duration::from_secs(5)),
    (Signal::SIGKILL, Duration::from_secs(5)),
];

/// What the thread works with; it ends when `stop` is closed.
pub(super) struct Supervisor {
    pub(super) options: Options,
    pub(super) place: Place,
    pub(super) account: Account,
    pub(super) socket_dir: std::path::PathBuf,
    pub(super) stop: Receiver<()>,
    pub(super) state: watch::Sender<State>,
    /// Locked for as long as this exists.
    pub(super) lock: File,
}

impl Supervisor {
    /// Runs until told to stop. `first` hears how the first start ended; when it failed, the thread ends.
    pub(super) fn run(self, first: impl FnOnce(Result<(), PostgresError>)) {
        let mut first = Some(first);
        let mut pause = BACK_OFF.0;
        let failed = loop {
            self.state.send_replace(State::Starting);
            let reason = match self.start() {
                Ok(mut child) => {
                    let since = Instant::now();
                    self.state.send_replace(State::Ready { pid: child.id() });
                    if let Some(first) = first.take() {
                        first(Ok(()));
                    }
                    let Some(status) = self.watch(&mut child) else {
                        end(&mut child);
                        break None;
                    };
                    if since.elapsed() > SETTLED {
                        pause = BACK_OFF.0;
                    }
                    format!(
                        "PostgreSQL ended unasked ({status}); the end of its log: {}",
                        serverlog::tail(&self.place.log)
                    )
                }
                Err(PostgresError::Stopped) => break None,
                Err(error) if first.is_some() => break Some(error),
                Err(error) => error.to_string(),
            };
            tracing::error!(%reason, again_in = ?pause, "PostgreSQL is down");
            self.state.send_replace(State::Down { reason });
            if self.told_to_stop_within(pause) {
                break None;
            }
            pause = (pause * 2).min(BACK_OFF.1);
        };
        // Unlocked before anybody hears of it, so that who hears of it can start again.
        drop(self.lock);
        self.state.send_replace(State::Stopped);
        if let (Some(first), Some(error)) = (first, failed) {
            first(Err(error));
        }
    }

    /// Starts the server and returns when it answers and has our database.
    fn start(&self) -> Result<Child, PostgresError> {
        let began = Instant::now();
        orphan::clear(&self.place)?;
        initial::ensure(&self.place, &self.options.binaries, &self.account, self.options.fsync)?;
        let mut child = self.spawn()?;
        let ready = self.wait_until_ready(&mut child).and_then(|()| self.ensure_database());
        if let Err(error) = ready {
            end(&mut child);
            return Err(error);
        }
        tracing::info!(pid = child.id(), took = ?began.elapsed(), socket = %self.socket_dir.display(), "PostgreSQL is ready");
        Ok(child)
    }

    fn spawn(&self) -> Result<Child, PostgresError> {
        let log = serverlog::open(&self.place.log)?;
        let again = log.try_clone().map_err(PostgresError::files("open", &self.place.log))?;
        let postgres = self.options.binaries.program("postgres");
        let mut command = self.account.command(&postgres);
        command.arg("-D").arg(&self.place.pgdata);
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        command.current_dir(&self.place.pgdata).stdin(Stdio::null()).stdout(log).stderr(again);
        let child = launch::tied_to_this_thread(&mut command);
        child.map_err(|source| PostgresError::Unrunnable { program: postgres, source })
    }

    fn settings(&self) -> Vec<OsString> {
        // A list of names: quoted, a comma in the path does not divide it.
        let mut socket = b"unix_socket_directories=\"".to_vec();
        for &byte in self.socket_dir.as_os_str().as_bytes() {
            socket.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
        }
        socket.push(b'"');
        let mut settings: Vec<OsString> = vec![
            "listen_addresses=".into(),
            "port=5432".into(),
            OsString::from_vec(socket),
            "unix_socket_permissions=0700".into(),
            format!("max_connections={}", self.options.max_connections).into(),
            format!("cluster_name={}", self.place.cluster_name).into(),
            "logging_collector=off".into(),
            "log_destination=stderr".into(),
            "log_line_prefix=%m [%p] ".into(),
            "log_timezone=UTC".into(),
            "timezone=UTC".into(),
            "jit=off".into(),
        ];
        if cfg!(target_os = "linux") {
            // One flush of the file system after a crash instead of one fsync a file: 0.5 s instead of 5 s.
            settings.push("recovery_init_sync_method=syncfs".into());
        }
        if !self.options.fsync {
            let careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
            settings.extend(careless.map(Into::into));
        }
        settings
    }

    /// Waits for the postmaster to say in its pid file that it is ready, as pg_ctl does; without a limit while it
    /// lives, since to end a long recovery would only make it begin anew.
    fn wait_until_ready(&self, child: &mut Child) -> Result<(), PostgresError> {
        let pid_file = self.place.pgdata.join("postmaster.pid");
        let pid = child.id().to_string();
        let mut patience = Instant::now();
        loop {
            if let Some(status) = ended(child) {
                return Err(PostgresError::Ended {
                    status,
                    log: self.place.log.clone(),
                    tail: serverlog::tail(&self.place.log),
                });
            }
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            if lines.next() == Some(pid.as_str()) && lines.nth(6) == Some("ready") {
                return Ok(());
            }
            if patience.elapsed() > SLOW_START {
                patience = Instant::now();
                tracing::warn!(log = %self.place.log.display(), "PostgreSQL is still starting");
            }
            if self.told_to_stop_within(START_PAUSE) {
                return Err(PostgresError::Stopped);
            }
        }
    }

    /// Makes our database if the cluster has none of that name.
    fn ensure_database(&self) -> Result<(), PostgresError> {
        // This thread is nobody's runtime, so a small one of its own may block it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PostgresError::Database(sqlx::Error::Io(error)))?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(5432)
            .username(ROLE)
            .database("postgres");
        let work = async {
            let mut connection = PgConnection::connect_with(&options).await?;
            let there: bool =
                sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                    .bind(DATABASE)
                    .fetch_one(&mut connection)
                    .await?;
            if !there {
                let create = sqlx::AssertSqlSafe(format!("create database {DATABASE}"));
                sqlx::raw_sql(create).execute(&mut connection).await?;
            }
            connection.close().await
        };
        runtime.block_on(work).map_err(PostgresError::Database)
    }

    /// Waits for the server to end; `None` when we are told to stop first.
    fn watch(&self, child: &mut Child) -> Option<String> {
        loop {
            if self.told_to_stop_within(LOOK_PAUSE) {
                return None;
            }
            if let Some(status) = ended(child) {
                return Some(status);
            }
        }
    }

    fn told_to_stop_within(&self, pause: Duration) -> bool {
        !matches!(self.stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
    }
}

/// How the child ended, if it has.
fn ended(child: &mut Child) -> Option<String> {
    match child.try_wait() {
        Ok(None) => None,
        Ok(Some(status)) => Some(ExitStatus::to_string(&status)),
        // Somebody else reaped it.
        Err(error) => Some(error.to_string()),
    }
}

/// Stops the child: in order if that goes, else harder.
fn end(child: &mut Child) {
    for (signal, patience) in STOPPING {
        if ended(child).is_some() {
            return;
        }
        // Not reaped yet, so the number is still this child's.
        let Ok(pid) = i32::try_from(child.id()) else { return };
        if let Err(errno) = kill(Pid::from_raw(pid), signal) {
            tracing::warn!(pid, %signal, %errno, "cannot signal PostgreSQL");
        }
        let asked = Instant::now();
        while asked.elapsed() < patience {
            if ended(child).is_some() {
                return;
            }
            std::thread::sleep(START_PAUSE);
        }
    }
    tracing::error!(pid = child.id(), "PostgreSQL does not end, not even when killed");
}
