//! A database for a command: the configured one, or the private one, started where nobody runs it.

use std::sync::Arc;

use flagstaffd::app;
use flagstaffd::clock::{Clock, SystemClock};
use flagstaffd::config::Config;
use flagstaffd::config::model::Target;
use flagstaffd::postgres::cluster::{self, Options, Running};
use flagstaffd::postgres::{PostgresError, find};
use flagstaffd::service::{Caller, Cx};
use flagstaffd::store::gate::Gate;
use flagstaffd::store::{self, StoreError};
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::CommandError;

/// The database, and the private PostgreSQL if it is ours to stop.
pub struct Session {
    /// Connections.
    pub pool: PgPool,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    private: Option<Running>,
}

impl Session {
    /// A session for a command. The private PostgreSQL is started, or that of the running daemon used.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn open(config: &Config) -> Result<Self, CommandError> {
        let (private, options) = match start(config).await {
            Err(CommandError::Postgres(PostgresError::InUse(_))) => {
                let url = cluster::url_in(&config.postgres.data)?;
                (None, app::connect_options(config, Some(&url))?)
            }
            started => started?,
        };
        Ok(Self { pool: app::pool(config, options), clock: Arc::new(SystemClock::new()), private })
    }

    /// The same with the database at this program's version.
    ///
    /// # Errors
    /// It cannot be had, or not be brought there.
    pub async fn migrated(config: &Config) -> Result<Self, CommandError> {
        let session = Self::open(config).await?;
        match app::migrate(&session.pool, session.clock.as_ref()).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.close().await;
                Err(error.into())
            }
        }
    }

    /// The context of use cases: the owner, at the command line.
    pub fn cx(&self, source: &'static str) -> Cx {
        cx(&self.pool, &self.clock, source)
    }

    /// Closes the connections and stops what was started.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

/// The context of use cases: the owner, at the command line.
pub fn cx(pool: &PgPool, clock: &Arc<dyn Clock>, source: &'static str) -> Cx {
    Cx {
        gate: Arc::new(Gate::new(pool.clone(), Arc::clone(clock))),
        clock: Arc::clone(clock),
        caller: Caller::command_line(whoami()),
        source,
        request_id: None,
    }
}

/// That the operator means this database.
///
/// # Errors
/// Another name was given.
pub async fn confirm(pool: &PgPool, given: &str) -> Result<(), CommandError> {
    let mut conn = pool.acquire().await.map_err(StoreError::from)?;
    let (name, _) = store::backups::database(&mut conn).await?;
    if name == given {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "--confirm must be the name of the database, {name:?}, and is {given:?}"
    )))
}

/// The address of the configured database; the private one is started for it.
///
/// # Errors
/// An address that cannot be read; a private PostgreSQL that does not start.
pub async fn start(config: &Config) -> Result<(Option<Running>, PgConnectOptions), CommandError> {
    if config.database.target() != Target::Private {
        return Ok((None, app::connect_options(config, None)?));
    }
    let bin = Some(config.postgres.bin.as_path()).filter(|bin| !bin.as_os_str().is_empty());
    let binaries = find::binaries(bin, Some(&config.postgres.data))?;
    let running = cluster::start(Options::new(&config.postgres.data, binaries)).await?;
    let options = app::connect_options(config, Some(&running.url()))?;
    Ok((Some(running), options))
}

/// The person at the command line; behind `sudo` the one who called it.
fn whoami() -> String {
    let me = nix::unistd::Uid::effective();
    let sudo = std::env::var("SUDO_USER").ok().filter(|name| me.is_root() && !name.is_empty());
    let name = sudo.or_else(|| nix::unistd::User::from_uid(me).ok().flatten().map(|user| user.name));
    name.map_or_else(|| format!("os:uid:{me}"), |name| format!("os:{name}"))
}
