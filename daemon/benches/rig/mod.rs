//! GROUND: what the benchmarks stand on: a PostgreSQL with fsync, a daemon, medians.
//!
//! `program` (servers in processes of their own), `bare` (the limit), `load` (requests), `flags` (something to serve).

pub mod bare;
pub mod flags;
pub mod load;
pub mod program;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flagstaffd::app::{self, App};
use flagstaffd::clock::{Clock, SystemClock};
use flagstaffd::config::Config;
use flagstaffd::config::places::Places;
use flagstaffd::config::sources::Sources;
use flagstaffd::http::AppState;
use flagstaffd::net::drain::Drain;
use flagstaffd::net::listen::Listeners;
use flagstaffd::postgres::cluster::{self, Options, Running};
use flagstaffd::postgres::find;
use flagstaffd::service::commit::{self, Answer, Item};
use flagstaffd::service::{Caller, Cx, WriteOptions, credentials};
use metrics_exporter_prometheus::PrometheusHandle;
use shared::access::CredentialKind;
use shared::change::Mutation;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// A PostgreSQL as in production: fsync on, on a disk.
pub struct Database {
    pub running: Running,
    pub directory: PathBuf,
    pub url: String,
}

impl Database {
    /// Starts one in a directory of its own.
    pub async fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("flagstaff-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&directory, mode).expect("the directory is ours");
        let binaries = find::binaries(None, None).expect("a PostgreSQL");
        let options = Options { max_connections: 100, ..Options::new(directory.join("data"), binaries) };
        let running = cluster::start(options).await.expect("PostgreSQL starts");
        let url = running.url();
        Self { running, directory, url }
    }

    /// Stops it and removes what it kept.
    pub async fn stop(self) {
        self.running.stop().await;
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A daemon in this process.
pub struct Daemon {
    pub address: SocketAddr,
    pub state: AppState,
    drain: Drain,
}

impl Daemon {
    /// Starts one on the database, in demo access mode.
    pub async fn start(database: &Database) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = database.directory.join("daemon");
        let sources = Sources {
            file: None,
            dotenv: Vec::new(),
            env: vec![
                ("FLAGSTAFF_DATA_DIRECTORY".to_owned(), data.display().to_string()),
                ("FLAGSTAFF_HTTP_MAX_CONNECTIONS_PER_IP".to_owned(), "20000".to_owned()),
            ],
            places: Places { config: data.clone(), data, runtime: None },
        };
        let mut config = Config::load_demo(&sources).expect("the defaults are right");
        config.http.listen = Some("127.0.0.1:0".parse().expect("an address"));
        config.socket.enabled = false;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let pool = app::pool(&config, database.url.parse().expect("an address"));
        app::migrate(&pool, clock.as_ref()).await.expect("the database migrates");
        let drain = Drain::new(Duration::ZERO);
        let listeners = Listeners::open(&config).await.expect("a port");
        let address = listeners.address().expect("a TCP address");
        let metrics = METRICS.get_or_init(|| flagstaffd::telemetry::metrics().expect("one recorder")).clone();
        let app = App::start(Arc::new(config), pool, clock, metrics, drain.clone());
        let state = app.state.clone();
        tokio::spawn(app.serve(listeners));
        while !state.live.ready() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { address, state, drain }
    }

    /// The context of the owner at the command line.
    pub fn cx(&self) -> Cx {
        Cx {
            gate: Arc::clone(&self.state.gate),
            clock: Arc::clone(&self.state.clock),
            caller: Caller::command_line("os:bench"),
            source: "cli",
            request_id: None,
        }
    }

    /// Does mutations as one change set.
    pub async fn commit(&self, mutations: Vec<Mutation>) -> Answer {
        let items: Vec<Item> = mutations.into_iter().map(Item::whole).collect();
        let answer = |_: &commit::Done| Answer {
            status: 200,
            headers: vec![],
            body: String::new(),
            revision: None,
            replayed: false,
        };
        commit::run(&self.cx(), &WriteOptions::default(), &items, &answer).await.expect("the change is made")
    }

    /// Makes the default project with these environments, where there is none yet.
    pub async fn found(&self, environments: &[&str]) {
        let project = ProjectKey::default();
        if self.state.live.catalog().projects.is_empty() {
            self.commit(vec![Mutation::CreateProject(project.clone(), Json::object())]).await;
        }
        for name in environments {
            let key = EnvironmentKey::new(*name).expect("a key");
            if self.state.live.catalog().environment(&project, &key).is_none() {
                self.commit(vec![Mutation::CreateEnvironment(project.clone(), key, Json::object())]).await;
            }
        }
    }

    /// Makes a credential of an environment, and tells its key.
    pub async fn credential(&self, environment: &str, kind: CredentialKind) -> String {
        let environment = EnvironmentKey::new(environment).expect("a key");
        let secrets = &self.state.secrets;
        credentials::need_secrets(&self.cx(), secrets).await.expect("the secrets are there");
        let place = (&ProjectKey::default(), &environment);
        let drawn = credentials::draw(&self.cx(), secrets, place, kind, None).expect("it is drawn");
        self.commit(vec![Mutation::PutCredential(Box::new(drawn.row))]).await;
        drawn.key
    }

    /// Imports a document of LaunchDarkly's server-side protocol.
    pub async fn import(&self, environment: &str, document: &serde_json::Value) {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/api/import?environment={environment}", self.address))
            .header("x-user-id", "bench")
            .json(document)
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }

    /// Stops it.
    pub async fn stop(self) {
        self.drain.begin();
        self.drain.cut();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Minimum, median and maximum.
pub fn spread(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |q: usize| values.get(q).copied().unwrap_or(f64::NAN);
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

/// Resident memory of this process, in bytes.
pub fn resident() -> u64 {
    resident_of("self")
}

/// Resident memory of a process, in bytes.
pub fn resident_of(process: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// CPU time of this process so far, in seconds.
pub fn cpu() -> f64 {
    cpu_of("self")
}

/// CPU time of a process so far, in seconds.
pub fn cpu_of(process: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// The load average of the last minute: what else this machine is doing.
pub fn busy() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
