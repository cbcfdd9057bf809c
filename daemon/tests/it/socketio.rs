//! Socket.IO, heard by the stock npm client; both scripts of the first seed run as they are printed there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flagstaffd::config::Config;
use serde_json::{Value, json};
use shared::access::{CredentialKind, SdkCredential};
use shared::key::{EnvironmentKey, ProjectKey};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support::app::TestApp;
use crate::support::cluster;

const POLLING: &str = ", { transports: ['polling'] }";
const WEBSOCKET: &str = ", { transports: ['websocket'] }";
const UPGRADE: &str = "";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A script in Node, with the stock client beside it.
struct Script {
    file: PathBuf,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    heard: Vec<String>,
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/socketio").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Script {
    /// Runs a text as a module that can import the stock client.
    fn run(text: &str, environment: &[(&str, &str)]) -> Self {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools");
        let node = tools.join("bin/node");
        let package = tools.join("clients/node_modules/socket.io-client");
        for (what, path) in [("node", &node), ("the package socket.io-client", &package)] {
            assert!(path.exists(), "{what} is missing: run `scripts/tools node`");
        }
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let file = tools.join("clients").join(format!("socketio-{}-{number}.mjs", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let mut child = Command::new(node)
            .arg(&file)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { file, _child: child, input, output, heard: Vec::new() }
    }

    /// The seed's snippet: only its address is another, with options behind it where a transport is asked for.
    fn snippet(address: SocketAddr, options: &str) -> Self {
        let ours = format!("'http://{address}'{options}");
        let text = source("snippet.mjs").replace("'http://localhost:3001'", &ours);
        assert!(text.contains(&ours));
        Self::run(&(text + &source("control.mjs")), &[])
    }

    /// A client with these options.
    fn plain(address: SocketAddr, options: &Value) -> Self {
        let (url, options) = (format!("http://{address}"), options.to_string());
        Self::run(&(source("plain.mjs") + &source("control.mjs")), &[("URL", &url), ("OPTIONS", &options)])
    }

    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Waits for a line that starts so, and takes the lines before it with it.
    async fn hears(&mut self, start: &str) -> String {
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            match tokio::time::timeout_at(end, self.output.next_line()).await {
                Ok(Ok(Some(line))) => {
                    self.heard.push(line.clone());
                    if line.starts_with(start) {
                        return line;
                    }
                }
                other => panic!("waited for {start:?} ({other:?}) and heard {:#?}", self.heard),
            }
        }
    }

    /// [`Script::hears`], and reads the JSON after the word.
    async fn told(&mut self, word: &str) -> Value {
        let line = self.hears(&format!("{word} {{")).await;
        serde_json::from_str(&line[word.len() + 1..]).unwrap()
    }
}

async fn create(app: &TestApp, key: &str) {
    let flag = json!({"key": key, "name": key, "type": "boolean", "enabled": false});
    assert_eq!(app.post("/api/flags", &flag).await.status(), 201);
}

async fn toggle(app: &TestApp, key: &str, on: bool) {
    let path = format!("/api/flags/{key}/toggle");
    let toggled = app.post(&path, &json!({"environment": "staging", "enabled": on})).await;
    assert_eq!(toggled.status(), 200, "{}", toggled.text().await.unwrap());
}

/// A key that several daemons share.
fn shared_key() -> PathBuf {
    let path = cluster::directory("key").join("secrets.key");
    std::fs::write(&path, [9; 32]).unwrap();
    path
}

/// A daemon on this database that has the key; on any port, or on one.
async fn daemon(url: &str, key: &Path, at: Option<SocketAddr>) -> TestApp {
    let adjust = |config: &mut Config| {
        config.secrets.key_file = key.to_owned();
        if at.is_some() {
            config.http.listen = at;
        }
    };
    TestApp::start_on(url.to_owned(), adjust).await
}

/// Waits until nobody listens at an address any more.
async fn free(address: SocketAddr) {
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while std::net::TcpListener::bind(address).is_err() {
        assert!(tokio::time::Instant::now() < end, "{address} does not become free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_seeds_snippet_hears_a_flag_toggled_and_updated() {
    let app = TestApp::start().await;
    create(&app, "databasePremium").await;
    let mut script = Script::snippet(app.address, UPGRADE);
    let subscribed = script.told("subscribed").await;
    assert_eq!(subscribed["environments"], json!([{"environment": "staging"}]));
    toggle(&app, "databasePremium", true).await;
    script.hears("Flag updated: databasePremium {").await;
    let updated = script.told("updated").await;
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(updated["config"], payload["databasePremium"]);
    assert_eq!(updated["environment"], "staging");
    assert_eq!(updated["version"], payload["databasePremium"]["version"]);
    assert!(updated["revision"].as_i64() > subscribed["revision"].as_i64());
    script.hears("Flag toggled: databasePremium true").await;
    let toggled = script.told("toggled").await;
    assert_eq!(toggled["enabled"], true);
    assert_eq!(toggled["revision"], updated["revision"]);
}

#[tokio::test]
async fn the_seeds_client_holds_what_a_fresh_get_answers_after_each_event() {
    let app = TestApp::start().await;
    for key in ["base", "leaf"] {
        create(&app, key).await;
        toggle(&app, key, true).await;
    }
    let url = format!("http://{}", app.address);
    let text = source("flag-client.mjs") + &source("flag-client-after.mjs") + &source("control.mjs");
    let mut script = Script::run(&text, &[("URL", &url)]);
    script.hears("subscribed").await;
    toggle(&app, "base", false).await;
    assert_eq!(script.hears("").await.split(' ').next(), Some("updated"));
    script.hears("equal").await;
    create(&app, "third").await;
    script.hears("created {\"flagKey\":\"third\"").await;
    script.hears("equal").await;
    // A flag that rests on another is told with it, though nobody changed the flag itself.
    let prerequisite = json!({"prerequisites": [{"key": "base", "variation": 0}]});
    let patched = app.patch("/api/flags/leaf/config/staging", &prerequisite).await;
    assert_eq!(patched.status(), 200, "{}", patched.text().await.unwrap());
    script.hears("updated {\"flagKey\":\"leaf\"").await;
    script.hears("equal").await;
    toggle(&app, "base", true).await;
    script.hears("updated {\"flagKey\":\"leaf\"").await;
    script.hears("equal").await;
    let archived = app.request(reqwest::Method::DELETE, "/api/flags/third").send().await.unwrap();
    assert!(archived.status().is_success());
    script.hears("archived {\"flagKey\":\"third\"").await;
    script.hears("equal").await;
    let different: Vec<_> = script.heard.iter().filter(|line| line.starts_with("different")).collect();
    // Between the two events of one change the map is ahead of one of them.
    assert!(different.len() <= 1, "{different:#?}");
}

#[tokio::test]
async fn every_transport_of_the_stock_client_hears() {
    let app = TestApp::start().await;
    create(&app, "f").await;
    for (options, name) in [(POLLING, "polling"), (WEBSOCKET, "websocket"), (UPGRADE, "polling")] {
        let mut script = Script::snippet(app.address, options);
        script.hears(&format!("connect {name} new")).await;
        if options == UPGRADE {
            script.hears("upgrade websocket").await;
        }
        // Another way to wait until the subscription is there, in whatever order the lines came.
        script.say(r#"ack ["subscribe", {"environment": "staging", "project": "default"}]"#).await;
        assert_eq!(script.told("ack").await["ok"], true);
        toggle(&app, "f", true).await;
        script.hears("Flag toggled: f true").await;
        toggle(&app, "f", false).await;
        script.hears("Flag toggled: f false").await;
    }
}

#[tokio::test]
async fn a_client_that_was_away_is_told_what_it_missed_and_hears_on() {
    let app = TestApp::start().await;
    for key in ["a", "b", "c"] {
        create(&app, key).await;
    }
    for options in [POLLING, WEBSOCKET] {
        let mut script = Script::snippet(app.address, options);
        script.hears("subscribed").await;
        script.say("drop").await;
        script.hears("disconnect").await;
        toggle(&app, "b", true).await;
        toggle(&app, "a", true).await;
        script.hears("connect ").await;
        assert!(script.heard.last().unwrap().ends_with("recovered"), "{:#?}", script.heard);
        script.hears("Flag updated: b").await;
        script.hears("Flag toggled: b true").await;
        script.hears("Flag updated: a").await;
        script.hears("Flag toggled: a true").await;
        toggle(&app, "c", true).await;
        script.hears("Flag toggled: c true").await;
        for key in ["a", "b", "c"] {
            toggle(&app, key, false).await;
        }
        script.hears("Flag toggled: c false").await;
        let again = script.heard.iter().filter(|line| line.starts_with("subscribed")).count();
        assert_eq!(again, 1, "the client subscribed once");
    }
}

#[tokio::test]
async fn the_seeds_snippet_hears_on_after_its_daemon_was_replaced() {
    let (url, key) = (cluster::fresh_database().await, shared_key());
    let other = daemon(&url, &key, None).await;
    for name in ["a", "b"] {
        create(&other, name).await;
    }
    for options in [POLLING, WEBSOCKET] {
        let first = daemon(&url, &key, None).await;
        let address = first.address;
        let mut script = Script::snippet(address, options);
        script.hears("subscribed").await;
        drop(first);
        script.hears("disconnect").await;
        free(address).await;
        toggle(&other, "a", true).await;
        let second = daemon(&url, &key, Some(address)).await;
        script.hears("connect ").await;
        assert!(script.heard.last().unwrap().ends_with("recovered"), "{:#?}", script.heard);
        let missed = script.told("updated").await;
        assert_eq!(missed["flagKey"], "a");
        let payload: Value = second.get("/api/environments/staging/flags").await.json().await.unwrap();
        assert_eq!(missed["config"], payload["a"]);
        toggle(&other, "b", true).await;
        script.hears("Flag toggled: b true").await;
        let told_b = script.heard.iter().filter(|line| line.starts_with("Flag updated: b")).count();
        assert_eq!(told_b, 1, "only what changed was told: {:#?}", script.heard);
        for name in ["a", "b"] {
            toggle(&other, name, false).await;
        }
    }
}

#[tokio::test]
async fn a_daemon_with_another_key_takes_a_returning_client_as_a_new_one() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), |_| {}).await;
    let address = first.address;
    let mut script = Script::snippet(address, WEBSOCKET);
    script.hears("subscribed").await;
    drop(first);
    script.hears("disconnect").await;
    free(address).await;
    let _second = TestApp::start_on(url, |config| config.http.listen = Some(address)).await;
    script.hears("connect websocket new").await;
}

#[tokio::test]
async fn subscriptions_are_answered_and_wrong_ones_are_explained() {
    let app = TestApp::start().await;
    let mut script = Script::plain(app.address, &json!({}));
    script.hears("connect ").await;
    script.say(r#"ack ["subscribe", "staging"]"#).await;
    let answer = script.told("ack").await;
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["environment"], "staging");
    assert!(answer["revision"].as_i64().unwrap() > 0);
    script.say(r#"ack ["subscribe", "nowhere"]"#).await;
    let answer = script.told("ack").await;
    assert_eq!(answer["ok"], false);
    assert!(answer["error"].as_str().unwrap().contains("nowhere"));
    assert!(script.told("subscribe_error").await["error"].as_str().unwrap().contains("nowhere"));
    for wrong in ["[\"subscribe\"]", "[\"subscribe\", 7]", "[\"subscribe\", {\"project\": \"default\"}]"] {
        script.say(&format!("ack {wrong}")).await;
        assert_eq!(script.told("ack").await["ok"], false, "{wrong}");
    }
    script.say(r#"ack ["subscribe", "production"]"#).await;
    let both = script.told("subscribed").await;
    assert_eq!(both["environments"].as_array().unwrap().len(), 2);
    script.say(r#"ack ["unsubscribe", "staging"]"#).await;
    let left = script.told("subscribed").await;
    assert_eq!(left["environments"], json!([{"environment": "production"}]));
    // What is in staging alone is heard no more.
    create(&app, "f").await;
    assert_eq!(script.told("created").await["environment"], "production");
    toggle(&app, "f", true).await;
    let on = json!({"environment": "production", "enabled": true});
    assert_eq!(app.post("/api/flags/f/toggle", &on).await.status(), 200);
    assert_eq!(script.told("toggled").await["environment"], "production");
}

#[tokio::test]
async fn without_a_credential_only_the_demo_lets_anybody_in() {
    let adjust = |config: &mut Config| config.access.mode = flagstaffd::config::model::AccessMode::Normal;
    let app = TestApp::start_on(cluster::fresh_database().await, adjust).await;
    for options in [json!({}), json!({"auth": {"token": "wrong"}}), json!({"query": {"token": "wrong"}})] {
        let mut script = Script::plain(app.address, &options);
        assert_eq!(script.hears("connect").await, "connect_error unauthorized unauthenticated", "{options}");
    }
}

/// Puts SDK credentials of staging into the database, keyed `sdk-server` and `client-side`.
async fn credentials(app: &TestApp) {
    let staging = EnvironmentKey::new("staging").unwrap();
    for (secret, kind) in
        [("sdk-server", CredentialKind::Server), ("client-side", CredentialKind::ClientSideId)]
    {
        let hash = {
            use sha2::{Digest, Sha256};
            shared::audit::hex(&Sha256::digest(secret))
        };
        let credential = SdkCredential {
            id: app.state.clock.uuid(),
            project: ProjectKey::default(),
            environment: staging.clone(),
            kind,
            hash,
            sealed: None,
            public: None,
            masked: "***".to_owned(),
            expires_at: None,
            revoked: false,
        };
        let put = shared::change::Mutation::Put(Box::new(shared::change::Entity::SdkCredential(credential)));
        app.commit(&[flagstaffd::service::commit::Item::whole(put)]).await;
    }
}

#[tokio::test]
async fn an_sdk_credential_opens_its_environment_without_asking_and_no_other() {
    let adjust = |config: &mut Config| config.access.mode = flagstaffd::config::model::AccessMode::Normal;
    let app = TestApp::start_on(cluster::fresh_database().await, adjust).await;
    credentials(&app).await;
    for options in [
        json!({"auth": {"token": "sdk-server"}}),
        json!({"query": {"token": "sdk-server"}}),
        json!({"extraHeaders": {"authorization": "Bearer sdk-server"}}),
        json!({"extraHeaders": {"authorization": "sdk-server"}, "transports": ["polling"]}),
    ] {
        let mut script = Script::plain(app.address, &options);
        let subscribed = script.told("subscribed").await;
        assert_eq!(subscribed["environments"], json!([{"environment": "staging"}]), "{options}");
        script.say(r#"ack ["subscribe", "production"]"#).await;
        assert_eq!(script.told("ack").await["ok"], false);
    }
}
