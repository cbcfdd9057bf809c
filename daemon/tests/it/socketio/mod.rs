//! Socket.IO, heard by the stock npm client; both scripts of the first seed run as printed.
//!
//! GROUND: a script in Node; the children are the tests.

mod access;
mod hearing;
mod killed;
mod recovery;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flagstaffd::config::Config;
use serde_json::{Value, json};
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
    std::fs::write(&path, "9a".repeat(32)).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
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
