//! A client library in a process of its own: commands in, one answer each out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::Side;
use super::table::Context;
use crate::support::cluster;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose words a client has for what it is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Words {
    /// LaunchDarkly's own.
    LaunchDarkly,
    /// OpenFeature's.
    OpenFeature,
    /// Unleash's, which has toggles of users.
    Unleash,
}

/// A client library and how it is run.
pub struct Client {
    /// What it is called when it fails.
    pub name: String,
    /// Whose key it has.
    pub side: Side,
    /// What the library is set to beside where the daemon is.
    pub options: Value,
    /// Whether it tells the index of what it was served.
    pub variations: bool,
    /// Whether it tells reasons.
    pub reasons: bool,
    /// In whose words.
    pub words: Words,
    /// Whether it still has its flags while there is no daemon.
    pub remembers: bool,
    /// Whom it can be asked for.
    pub contexts: &'static [Context],
    /// Flags of the table whose values it cannot hold.
    pub without: &'static [&'static str],
    /// Whether it takes an answer without a value for an error.
    pub wants_values: bool,
    /// What is run.
    pub program: PathBuf,
    /// With what, before the configuration.
    pub arguments: Vec<String>,
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn tool(name: &str, how: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin").join(name);
    assert!(path.exists(), "{name} is missing: run `{how}`");
    path
}

impl Client {
    fn new(name: &str, side: Side, program: PathBuf, arguments: Vec<String>) -> Self {
        let name = name.to_owned();
        Self {
            name,
            side,
            options: json!({}),
            variations: true,
            reasons: true,
            words: Words::LaunchDarkly,
            remembers: true,
            contexts: &Context::ALL,
            without: &[],
            wants_values: false,
            program,
            arguments,
        }
    }

    fn script(host: &str, file: &str, side: Side) -> Self {
        let run = clients().join("run.mjs").display().to_string();
        let script = clients().join(file).display().to_string();
        let name = format!("{file} in {host}");
        Self::new(&name, side, tool("node", "scripts/tools node"), vec![run, host.to_owned(), script])
    }

    /// A library in Node.
    pub fn node(file: &str, side: Side) -> Self {
        Self::script("node", file, side)
    }

    /// A library for browsers, in a page of Chromium.
    pub fn chromium(file: &str, side: Side) -> Self {
        tool("chromium", "scripts/tools chromium");
        Self::script("chromium", file, side)
    }

    /// A library for browsers, in a page of jsdom.
    pub fn jsdom(file: &str, side: Side) -> Self {
        Self::script("jsdom", file, side)
    }

    /// A library in Python.
    pub fn python(file: &str, side: Side) -> Self {
        let script = clients().join(file).display().to_string();
        Self::new(file, side, tool("python", "scripts/tools python"), vec![script])
    }

    /// A library in Rust: a program of the package `rust`.
    pub fn rust(program: &str, side: Side) -> Self {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/rust-clients/debug").join(program);
        assert!(built.exists(), "{program} is missing: run `scripts/test-rust-clients`");
        Self::new(program, side, built, vec![])
    }

    /// The same with options for the library.
    pub fn with(mut self, options: Value) -> Self {
        self.name = format!("{} with {options}", self.name);
        self.options = options;
        self
    }

    /// The same, of another tool: what it is served is said in that tool's words.
    pub fn saying(mut self, words: Words) -> Self {
        self.words = words;
        self
    }

    /// The same, with every evaluation a request.
    pub fn that_asks_each_time(mut self) -> Self {
        self.remembers = false;
        self
    }

    /// Starts it for a daemon and waits until it has its flags.
    pub async fn start(self, url: &str, credential: &str) -> Driver {
        self.try_to_start(url, credential).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// [`Client::start`], or why it does not connect.
    pub async fn try_to_start(self, url: &str, credential: &str) -> Result<Driver, String> {
        let config = json!({"url": url, "credential": credential, "context": Context::Anna.json(), "options": self.options});
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(config.to_string())
            // Profiles and the like: gone with the rest of this run.
            .env("TMPDIR", cluster::directory("client"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said = Said::of(child.stderr.take().expect("a pipe"));
        let mut driver = Driver { client: self, _child: child, input, output, said };
        let first = driver.line(PATIENCE).await;
        if first == json!({"ready": true}) {
            return Ok(driver);
        }
        Err(format!("{} does not connect: {first}\n{}", driver.client.name, driver.said.text()))
    }
}

/// A client that has its flags.
pub struct Driver {
    /// What it is.
    pub client: Client,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    said: Said,
}

impl Driver {
    /// Gives a command.
    pub async fn say(&mut self, command: &Value) {
        let sent = self.input.write_all(format!("{command}\n").as_bytes()).await;
        assert!(sent.is_ok(), "{} has ended ({sent:?}):\n{}", self.client.name, self.said.text());
    }

    /// The answer to the next command that has none yet.
    pub async fn answer(&mut self, within: Duration) -> Value {
        let mut line = self.line(within).await;
        match line.get_mut("answer") {
            Some(answer) => answer.take(),
            None => panic!("{}: {line:#}\n{}", self.client.name, self.said.text()),
        }
    }

    /// Gives a command and waits for the answer.
    pub async fn ask(&mut self, command: Value) -> Value {
        self.say(&command).await;
        self.answer(PATIENCE).await
    }

    /// What it has said beside its answers, for messages.
    pub fn said(&self) -> String {
        self.said.text()
    }

    async fn line(&mut self, within: Duration) -> Value {
        match tokio::time::timeout(within, self.output.next_line()).await {
            Ok(Ok(Some(line))) => {
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
            }
            other => panic!("{}: no answer ({other:?}):\n{}", self.client.name, self.said.text()),
        }
    }
}

/// What it has said beside its answers, for messages.
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn of(pipe: ChildStderr) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&said);
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().expect("the lines").push(line);
            }
        });
        Self(said)
    }

    fn text(&self) -> String {
        self.0.lock().expect("the lines").join("\n")
    }
}
