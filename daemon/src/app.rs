//! ROOF of the daemon: puts the rooms together, and starts and stops what runs.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access_log::AccessLog;
use crate::backup::worker;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::model::{AccessMode, Target};
use crate::config::readable::Ssl;
use crate::http::{AppState, Shared, router};
use crate::live::daemons::Myself;
use crate::live::deliveries::Deliveries;
use crate::live::disk::Disk;
use crate::live::feed::Limits as Ring;
use crate::live::follow::{self, Settings};
use crate::live::serving::Serving;
use crate::live::{Live, begin, heartbeat, keep};
use crate::net::drain::Drain;
use crate::net::listen::{ListenError, Listeners};
use crate::net::{edge, limits::Limits, serve};
use crate::secrets::Secrets;
use crate::service::{bootstrap, idempotency};
use crate::store::gate::Gate;
use crate::store::{self, StoreError};
use crate::usage;
use crate::usage::recorder::Usage;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database's address cannot be read.
    #[error("database.url cannot be read: {0}")]
    Address(String),
    /// The database refused what starting needs.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    /// The database could not be brought to this program's version.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Signals cannot be heard.
    #[error("signals: {0}")]
    Signals(std::io::Error),
}

/// The migrations that this program knows.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// The address of the configured database; `private` is that of the private one.
///
/// # Errors
/// An address that cannot be read.
pub fn connect_options(config: &Config, private: Option<&str>) -> Result<PgConnectOptions, StartError> {
    let address = |e: sqlx::Error| StartError::Address(e.to_string());
    let options = match (config.database.target(), private) {
        (Target::Url(url), _) => {
            let url = url.reveal();
            // The driver takes every scheme for its own.
            if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
                return Err(StartError::Address(
                    "it must begin with postgres:// or postgresql://".to_owned(),
                ));
            }
            PgConnectOptions::from_str(url).map_err(address)?
        }
        (Target::Parts { host, name }, _) => {
            let database = &config.database;
            let mut options = PgConnectOptions::new_without_pgpass()
                .host(host)
                .port(database.port)
                .database(name)
                .username(&database.user)
                .ssl_mode(match database.ssl {
                    Ssl::Disable => PgSslMode::Disable,
                    Ssl::Prefer => PgSslMode::Prefer,
                    Ssl::Require => PgSslMode::Require,
                    Ssl::VerifyCa => PgSslMode::VerifyCa,
                    Ssl::VerifyFull => PgSslMode::VerifyFull,
                });
            if !database.password.is_empty() {
                options = options.password(database.password.reveal());
            }
            options
        }
        (Target::Private, Some(private)) => PgConnectOptions::from_str(private).map_err(address)?,
        (Target::Private, None) => {
            return Err(StartError::Address("no database is configured and no private one runs".to_owned()));
        }
    };
    Ok(options.application_name("flagstaffd"))
}

/// A pool that connects when it is first used, so that a database that is away stops nothing.
pub fn pool(config: &Config, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(config.database.pool_max)
        .min_connections(1)
        .acquire_timeout(config.database.acquire_timeout)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Brings the database to this program's version and makes the head where it is missing.
///
/// # Errors
/// The database's.
pub async fn migrate(pool: &PgPool, clock: &dyn Clock) -> Result<(), StartError> {
    MIGRATIONS.run(pool).await?;
    let mut conn = pool.acquire().await.map_err(StoreError::from)?;
    store::head::install(&mut conn, clock.uuid()).await?;
    Ok(())
}

/// How often answers that nobody may ask for any more are forgotten.
const PRUNE: std::time::Duration = std::time::Duration::from_secs(60 * 60);

async fn prune(gate: Arc<Gate>, stop: CancellationToken) {
    let mut due = tokio::time::interval(PRUNE);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = due.tick() => {}
        }
        match idempotency::prune(&gate).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "old idempotency keys are forgotten"),
            Err(error) => tracing::debug!(%error, "old idempotency keys stay for another hour"),
        }
    }
}

/// Everything that runs in one daemon.
pub struct App {
    /// What handlers share.
    pub state: AppState,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Starts whatever the database does: it is migrated and followed as soon as it answers, and until
    /// then the catalog on disk is served.
    pub fn start(
        config: Arc<Config>,
        pool: PgPool,
        clock: Arc<dyn Clock>,
        metrics: PrometheusHandle,
        drain: Drain,
    ) -> Self {
        let gate = Arc::new(Gate::new(pool, Arc::clone(&clock)));
        let ring = Ring { revisions: config.live.ring_frames, bytes: config.live.ring_bytes };
        let live = Arc::new(Live::new(ring));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let settings = Settings { poll: config.live.poll_interval, listen: config.database.listen };
        let secrets = Arc::new(Secrets::load(&config.secrets.key_file));
        tasks.spawn(Arc::clone(&secrets).settle(gate.pool().clone(), stop.clone()));
        tasks.spawn(prune(Arc::clone(&gate), stop.clone()));
        let (access_log, written) = AccessLog::new(Arc::clone(&gate), Arc::clone(&clock), stop.clone());
        tasks.spawn(written);
        let seal = Arc::clone(&secrets);
        let disk = Disk::below(&config.data.directory, Arc::new(move || seal.catalog_mac()));
        tasks.spawn(keep::keep(Arc::clone(&live), disk.clone(), stop.clone()));
        let verified = Arc::default();
        let serving = Arc::new(Serving::new(Arc::clone(&live), ring));
        tasks.spawn(Arc::clone(&serving).follow(stop.clone()));
        let named = Arc::default();
        let secure_mode = Arc::default();
        let usage = Arc::new(Usage::new(counting(&config), Arc::clone(&clock)));
        let counted = usage::worker::pool(gate.pool());
        tasks.spawn(usage::worker::work(Arc::clone(&usage), counted, Arc::clone(&clock), stop.clone()));
        let deliveries = Arc::new(Deliveries::new(config.live.deliveries, config.live.delivery_queue));

        let state = AppState::new(Shared {
            live,
            serving,
            named,
            deliveries,
            certain: Arc::default(),
            gate,
            clock,
            config,
            secrets,
            secure_mode,
            access_log,
            usage,
            questions: Arc::new(Semaphore::new(large_questions())),
            verified,
            drain,
            metrics,
        });
        tasks.spawn(first_owner(state.clone(), stop.clone()));
        tasks.spawn(worker::work(
            Arc::clone(&state.config),
            Arc::clone(&state.gate),
            Arc::clone(&state.clock),
            stop.clone(),
        ));
        let (begun, halt) = (state.clone(), stop.clone());
        tasks.spawn(async move {
            let remembered = tokio::task::spawn_blocking(move || disk.read()).await.ok().flatten();
            let (live, gate) = (Arc::clone(&begun.live), Arc::clone(&begun.gate));
            let prepare = || migrate(gate.pool(), begun.clock.as_ref());
            begin::begin(&live, &gate, remembered, prepare, &halt).await;
            follow::follow(live, gate, settings, halt).await;
        });
        Self { state, stop, tasks }
    }

    /// Serves until the drain is over, then stops what runs.
    pub async fn serve(self, listeners: Listeners) {
        let limits = Limits::of(&self.state.config);
        let app = edge::around(router::router(self.state.clone()), &limits, Arc::clone(&self.state.clock));
        let gate = Arc::clone(&self.state.gate);
        let myself = Myself {
            id: self.state.clock.uuid(),
            name: host_name(),
            address: listeners.address().map_or_else(|| "unix".to_owned(), |address| address.to_string()),
            started_at: self.state.clock.now(),
        };
        let live = Arc::clone(&self.state.live);
        self.tasks.spawn(heartbeat::beat(live, Arc::clone(&gate), myself, self.stop.clone()));
        let going = self.state.drain.going();
        self.tasks.spawn(async move {
            going.await;
            gate.drain();
        });
        serve::run(listeners, app, limits, self.state.drain.clone()).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.state.gate.pool().close().await;
    }
}

/// How counting is done.
fn counting(config: &Config) -> usage::Settings {
    let usage = &config.usage;
    usage::Settings {
        enabled: usage.enabled,
        contexts: usage.contexts,
        most_contexts: usage.most_contexts,
        most_counters: usage.most_counters,
        flush_interval: usage.flush_interval,
        minutes: usage.minutes,
        hours: usage.hours,
    }
}

/// How many large questions are answered at a time.
fn large_questions() -> usize {
    std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}

/// Makes the bootstrap token of an installation where nobody has a role yet.
async fn first_owner(state: AppState, stop: CancellationToken) {
    if !state.config.access.bootstrap || state.config.access.mode == AccessMode::Demo {
        return;
    }
    loop {
        let mut pause = Duration::from_millis(100);
        if state.live.ready() {
            let access = Arc::clone(&state.live.catalog().access);
            let data = &state.config.data.directory;
            pause = Duration::from_secs(5);
            match bootstrap::prepare(
                &state.gate,
                &state.clock,
                !access.bindings.is_empty(),
                access.tokens.values(),
                data,
            )
            .await
            {
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "no bootstrap token could be made yet"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The host's name, for people who have several daemons.
fn host_name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(100).collect();
    if name.is_empty() { "flagstaffd".to_owned() } else { name }
}
