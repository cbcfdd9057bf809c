//! A daemon from its listeners to its end: what `serve` and `demo` have in common.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flagstaffd::app::{self, App, StartError};
use flagstaffd::clock::Clock;
use flagstaffd::config::Config;
use flagstaffd::live::Live;
use flagstaffd::net::drain::Drain;
use flagstaffd::net::listen::Listeners;
use flagstaffd::postgres::cluster::Running;
use flagstaffd::seed;
use flagstaffd::service::Refusal;
use flagstaffd::store::StoreError;
use flagstaffd::telemetry;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgPool;

use super::{CommandError, session};

/// How long a start waits for the database before it serves without.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often we look whether there is a catalog.
const LOOK: Duration = Duration::from_millis(10);
/// How often a database that is away is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// A daemon that listens and has the address of its database.
pub struct Daemon {
    /// Connections.
    pub pool: PgPool,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    config: Arc<Config>,
    drain: Drain,
    listeners: Listeners,
    metrics: PrometheusHandle,
    private: Option<Running>,
}

/// What is open before anything else is begun.
pub type Opened = (Listeners, Drain, PrometheusHandle);

/// Opens the listeners, since a port that is taken should cost nobody a wait.
///
/// # Errors
/// A port that is taken; no metrics; no signals.
pub async fn listen(config: &Config) -> Result<Opened, CommandError> {
    let metrics = telemetry::metrics()?;
    let listeners = Listeners::open(config).await?;
    let drain = Drain::new(config.drain.stream_spread);
    drain.on_signals().map_err(StartError::Signals)?;
    if let Some(tls) = &listeners.tls {
        tls.on_hangup().map_err(StartError::Signals)?;
    }
    Ok((listeners, drain, metrics))
}

impl Daemon {
    /// Opens what the configuration names, and starts the private PostgreSQL if it names none.
    ///
    /// # Errors
    /// Whatever cannot be had.
    pub async fn prepare(config: Config, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let opened = listen(&config).await?;
        Self::on(opened, config, clock).await
    }

    /// [`Daemon::prepare`] on listeners that are open.
    ///
    /// # Errors
    /// A private PostgreSQL that does not start, or a signal to stop meanwhile.
    pub async fn on(opened: Opened, config: Config, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let (listeners, drain, metrics) = opened;
        let (private, options) = tokio::select! {
            started = session::start(&config) => started?,
            () = drain.going() => return Err(CommandError::Stopped),
        };
        let pool = app::pool(&config, options);
        Ok(Self { pool, clock, config: Arc::new(config), drain, listeners, metrics, private })
    }

    /// The Unix socket, if there is one.
    pub fn socket(&self) -> Option<PathBuf> {
        self.listeners.unix.as_ref().map(|socket| socket.path().to_owned())
    }

    /// Where it listens on TCP.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.address()
    }

    /// Where people without a port find it.
    pub fn places(&self) -> Vec<String> {
        let scheme = if self.listeners.tls.is_some() { "https" } else { "http" };
        let tcp = self.address().map(|address| format!("{scheme}://{address}"));
        let unix = self.listeners.unix.as_ref().map(|socket| format!("unix:{}", socket.path().display()));
        tcp.into_iter().chain(unix).collect()
    }

    /// Ends when the daemon was told to stop.
    pub fn going(&self) -> impl Future<Output = ()> + Send + 'static {
        self.drain.going()
    }

    /// What stops it.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Stops what was started, where serving never began.
    pub async fn abandon(self) {
        drop(self.listeners);
        self.pool.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }

    /// Serves until told to stop; `ready` is called once requests are answered. The database may be away: then what
    /// is kept on disk is served, and the database is asked again until it is there.
    ///
    /// # Errors
    /// A database that cannot be brought to this program's version.
    pub async fn serve(self, ready: impl FnOnce(&[String]) + Send + 'static) -> Result<(), CommandError> {
        let places = self.places();
        let Self { pool, clock, config, drain, listeners, metrics, private } = self;
        let mut preparing = tokio::spawn(prepare(pool.clone(), Arc::clone(&clock)));
        let result = match tokio::time::timeout(PATIENCE, &mut preparing).await {
            Ok(Ok(Err(error))) => {
                pool.close().await;
                Err(error)
            }
            _ => {
                let app = App::start(config, pool, clock, metrics, drain);
                let live = Arc::clone(&app.state.live);
                let telling = tokio::spawn(async move {
                    if !until_ready(&live).await {
                        tracing::warn!("the database does not answer yet; asking again");
                    }
                    ready(&places);
                });
                app.serve(listeners).await;
                telling.abort();
                tracing::info!("stopped");
                Ok(())
            }
        };
        preparing.abort();
        if let Some(private) = private {
            private.stop().await;
        }
        result
    }
}

/// Waits a while until there is a catalog to serve.
async fn until_ready(live: &Live) -> bool {
    let wait = async {
        while !live.ready() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.is_ok()
}

/// Brings the database to this program's version as soon as it is there, and founds the installation in it.
async fn prepare(pool: PgPool, clock: Arc<dyn Clock>) -> Result<(), CommandError> {
    loop {
        let done = match app::migrate(&pool, clock.as_ref()).await.map_err(plain) {
            Ok(()) => {
                let founded = seed::found(&session::cx(&pool, &clock, "cli")).await;
                founded.map(|_| ()).map_err(CommandError::from)
            }
            Err(error) => Err(error.into()),
        };
        match done {
            Err(
                CommandError::Start(StartError::Store(StoreError::Unavailable(reason)))
                | CommandError::Refused(Refusal::Store(StoreError::Unavailable(reason))),
            ) => {
                tracing::debug!(reason, "the database cannot be brought to this version yet");
                tokio::time::sleep(AGAIN).await;
            }
            done => return done,
        }
    }
}

/// The store's own error, which knows what may go well later.
fn plain(error: StartError) -> StartError {
    match error {
        StartError::Migrate(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            StartError::Store(error.into())
        }
        other => other,
    }
}
