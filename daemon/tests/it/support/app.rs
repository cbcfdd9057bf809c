//! A daemon in this process, on a database and a port of its own.

use std::net::SocketAddr;
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
use flagstaffd::service::commit::{self, Answer, Item};
use flagstaffd::service::{Caller, Cx, WriteOptions};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use shared::change::Mutation;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};

use super::cluster;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// A running daemon and a client for it.
pub struct TestApp {
    pub address: SocketAddr,
    pub state: AppState,
    pub url: String,
    pub client: reqwest::Client,
    drain: Drain,
}

impl TestApp {
    /// A daemon in demo access mode, on a fresh database with the environments `staging` and `production`
    /// (protected only where a test says so).
    pub async fn start() -> Self {
        Self::start_on(cluster::fresh_database().await, |_| {}).await
    }

    /// A daemon on a database that may have been used before; `adjust` changes the configuration.
    pub async fn start_on(url: String, adjust: impl FnOnce(&mut Config)) -> Self {
        let this = Self::start_without(url, adjust).await;
        this.until("the catalog is loaded", async || this.state.live.ready()).await;
        this.until("the secrets are settled", async || {
            this.state.secrets.is_settled() || this.state.live.stale()
        })
        .await;
        if this.state.live.catalog().projects.is_empty() {
            this.found().await;
        }
        this
    }

    /// A daemon as it is before anything is loaded: its database may be away.
    pub async fn start_without(url: String, adjust: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = config();
        adjust(&mut config);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let pool = app::pool(&config, url.parse().expect("an address"));
        let metrics = METRICS.get_or_init(|| flagstaffd::telemetry::metrics().expect("one recorder")).clone();
        let drain = Drain::new(Duration::ZERO);
        let listeners = Listeners::open(&config).await.expect("a port");
        let address = listeners.address().expect("a TCP address");
        let app = App::start(Arc::new(config), pool, clock, metrics, drain.clone());
        let state = app.state.clone();
        tokio::spawn(app.serve(listeners));
        Self { address, state, url, client: reqwest::Client::new(), drain }
    }

    /// Makes the default project and its two environments.
    async fn found(&self) {
        let project = ProjectKey::default();
        let environment = |name: &str| EnvironmentKey::new(name).unwrap();
        let mut items = vec![Item::whole(Mutation::CreateProject(project.clone(), Json::object()))];
        for name in ["staging", "production"] {
            items.push(Item::whole(Mutation::CreateEnvironment(
                project.clone(),
                environment(name),
                Json::object(),
            )));
        }
        self.commit(&items).await;
    }

    /// Does mutations as the owner at the command line.
    pub async fn commit(&self, items: &[Item]) -> Answer {
        let cx = Cx {
            gate: Arc::clone(&self.state.gate),
            clock: Arc::clone(&self.state.clock),
            caller: Caller::command_line("os:test"),
            source: "cli",
            request_id: None,
        };
        let answer = |_: &commit::Done| Answer {
            status: 200,
            headers: vec![],
            body: String::new(),
            revision: None,
            replayed: false,
        };
        commit::run(&cx, &WriteOptions::default(), items, &answer).await.expect("the change is made")
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// GET as nobody in particular.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.at(path)).send().await.expect("an answer")
    }

    /// A request as the demo's editor `alice`.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.at(path)).header("x-user-id", "alice")
    }

    /// POST as the demo's editor `alice`.
    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request(reqwest::Method::POST, path).json(body).send().await.expect("an answer")
    }

    /// PUT as the demo's editor `alice`.
    pub async fn put(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request(reqwest::Method::PUT, path).json(body).send().await.expect("an answer")
    }

    /// PATCH as the demo's editor `alice`.
    pub async fn patch(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request(reqwest::Method::PATCH, path).json(body).send().await.expect("an answer")
    }

    /// Waits until something is so, for at most 20 s.
    pub async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let end = tokio::time::Instant::now() + Duration::from_secs(20);
        while !so().await {
            assert!(tokio::time::Instant::now() < end, "waited 20 s until {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.drain.begin();
        self.drain.cut();
    }
}

/// The configuration of tests: the defaults, any port, no socket, demo access.
pub fn config() -> Config {
    let data = cluster::directory("data");
    let sources = Sources {
        file: None,
        dotenv: Vec::new(),
        env: vec![("FLAGSTAFF_DATA_DIRECTORY".to_owned(), data.display().to_string())],
        places: Places { config: data.clone(), data, runtime: None },
    };
    let mut config = Config::load_demo(&sources).expect("the defaults are right");
    config.http.listen = Some("127.0.0.1:0".parse().expect("an address"));
    config.socket.enabled = false;
    config
}
