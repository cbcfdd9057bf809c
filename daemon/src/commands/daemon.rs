//! A daemon from its listeners to its end: what `serve` and `demo` have in common.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flagstaffd::app::{self, App, StartError};
use flagstaffd::clock::Clock;
use flagstaffd::config::Config;
use flagstaffd::net::drain::Drain;
use flagstaffd::net::listen::Listeners;
use flagstaffd::postgres::cluster::Running;
use flagstaffd::store::StoreError;
use flagstaffd::telemetry;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgPool;
use tokio::task::JoinHandle;

use super::{CommandError, session};

/// How long a start waits for the database before it serves without.
const PATIENCE: Duration = Duration::from_secs(2);
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

/// Opens the listeners, since a port that is taken should cost nobody a wait.
///
/// # Errors
/// A port that is taken; no metrics; no signals.
pub async fn listen(config: &Config) -> Result<(Listeners, Drain, PrometheusHandle), CommandError> {
    let metrics = telemetry::metrics()?;
    let listeners = Listeners::open(config).await?;
    let drain = Drain::new(config.drain.stream_spread);
    drain.on_signals().map_err(StartError::Signals)?;
    Ok((listeners, drain, metrics))
}

impl Daemon {
    /// Opens what the configuration names, and starts the private PostgreSQL if it names none.
    ///
    /// # Errors
    /// Whatever cannot be had.
    pub async fn prepare(config: Config, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let (listeners, drain, metrics) = listen(&config).await?;
        let (private, options) = tokio::select! {
            started = session::start(&config) => started?,
            () = drain.going() => return Err(CommandError::Stopped),
        };
        let pool = app::pool(&config, options);
        Ok(Self { pool, clock, config: Arc::new(config), drain, listeners, metrics, private })
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

    /// Stops what was started, where serving never began.
    pub async fn abandon(self) {
        drop(self.listeners);
        self.pool.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }

    /// Serves until told to stop; `ready` is called once the port answers. The database may be away: then what is
    /// kept on disk is served, and the database is asked again until it is there.
    ///
    /// # Errors
    /// A database that cannot be brought to this program's version.
    pub async fn serve(self, ready: impl FnOnce(&[String])) -> Result<(), CommandError> {
        let places = self.places();
        let Self { pool, clock, config, drain, listeners, metrics, private } = self;
        let mut migrating = tokio::spawn(migrate(pool.clone(), Arc::clone(&clock)));
        let result = match tokio::time::timeout(PATIENCE, &mut migrating).await {
            Ok(Ok(Err(error))) => {
                pool.close().await;
                Err(error)
            }
            early => {
                let late = early.is_err().then_some(migrating);
                let app = App::start(config, pool, clock, metrics, drain.clone());
                ready(&places);
                let result = serve(app, listeners, late, &drain).await;
                tracing::info!("stopped");
                result
            }
        };
        if let Some(private) = private {
            private.stop().await;
        }
        result.map_err(CommandError::from)
    }
}

/// Serves, and ends early where the database turns out to be one we cannot work with.
async fn serve(
    app: App,
    listeners: Listeners,
    late: Option<JoinHandle<Result<(), StartError>>>,
    drain: &Drain,
) -> Result<(), StartError> {
    let mut serving = std::pin::pin!(app.serve(listeners));
    let Some(mut late) = late else {
        serving.await;
        return Ok(());
    };
    tracing::warn!("the database does not answer yet; serving what there is, and asking again");
    tokio::select! {
        () = &mut serving => {
            late.abort();
            Ok(())
        }
        migrated = &mut late => {
            let result = migrated.unwrap_or(Ok(()));
            match &result {
                Ok(()) => tracing::info!("the database is there"),
                Err(error) => {
                    tracing::error!(%error, "stopping");
                    drain.begin();
                }
            }
            serving.await;
            result
        }
    }
}

/// Brings the database to this program's version, as soon as it is there.
async fn migrate(pool: PgPool, clock: Arc<dyn Clock>) -> Result<(), StartError> {
    loop {
        match app::migrate(&pool, clock.as_ref()).await.map_err(plain) {
            Err(StartError::Store(StoreError::Unavailable(reason))) => {
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
