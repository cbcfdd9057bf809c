//! The program itself as a child process, with a log that tests wait on.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flagstaffd::postgres::find::BIN_VARIABLE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// `flagstaffd` with these arguments and variables, and none of ours but what finds programs.
pub fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flagstaffd"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder);
    for name in ["PATH", "LD_LIBRARY_PATH", BIN_VARIABLE] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(variables.iter().copied());
    command
}

/// Runs a command to its end.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    command(folder, arguments, variables).stdin(Stdio::null()).output().expect("flagstaffd runs")
}

/// What a command printed, both ways, for messages.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A daemon that runs until it is told to stop, or dropped.
pub struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub base: String,
}

impl Program {
    /// Starts `flagstaffd serve` (or what the arguments say) on any port with data in `folder`, and waits until it
    /// says where it listens.
    pub fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let socket = folder.join("s.sock").display().to_string();
        let data = folder.display().to_string();
        let mut all = HashMap::from([
            ("FLAGSTAFF_HTTP_LISTEN", "127.0.0.1:0"),
            ("FLAGSTAFF_DATA_DIRECTORY", data.as_str()),
            ("FLAGSTAFF_SOCKET_PATH", socket.as_str()),
            ("FLAGSTAFF_ACCESS_MODE", "demo"),
            ("FLAGSTAFF_DRAIN_STREAM_SPREAD", "0s"),
        ]);
        all.extend(variables.iter().copied());
        let all: Vec<(&str, &str)> = all.into_iter().collect();
        let mut child = command(folder, arguments, &all)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("flagstaffd starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().expect("the log").push(line);
            }
        });
        let mut program = Self { child, log, base: String::new() };
        let line = program.line("listening on http");
        let at = line.find("http").expect("an address");
        program.base = line[at..].trim().replace("localhost", "127.0.0.1");
        program
    }

    /// Waits for a line that contains something.
    pub fn line(&mut self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.log.lock().expect("the log").iter().find(|line| line.contains(what)).cloned();
            if let Some(line) = found {
                return line;
            }
            let ended = self.child.try_wait().expect("a child");
            let late = Instant::now() > end;
            assert!(!late && ended.is_none(), "no line with {what:?} ({ended:?}):\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything it has said.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").join("\n")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < end, "it did not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it in order and tells how that ended.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(self.at(path)).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// POST as the demo's editor `admin`: status and body.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> (u16, String) {
        let client = reqwest::Client::new();
        let asked = client.post(self.at(path)).header("x-user-id", "admin").json(body);
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Waits until a GET answers this status.
    pub async fn until(&self, path: &str, status: u16) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let (found, body) = self.get(path).await;
            if found == status {
                return body;
            }
            assert!(Instant::now() < end, "{path} is {found} and not {status}: {body}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
