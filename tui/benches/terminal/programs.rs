//! The programs that are measured, and what they look at: ours a daemon with 10,000 flags, `tig` a repository.

use super::daemon::{Daemon, beside, block_on, directory, until};
use super::pty::Pty;
use flagstaff::request::{Method, Request};
use portable_pty::CommandBuilder;
use shared::json::{Json, parse};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many flags there are.
pub const FLAGS: usize = 10_000;
const COMMITS: usize = 2_000;

/// Keys of a program for the same things.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    pub down: &'static str,
    pub page: &'static str,
    /// To the end of the first page, where the next `down` scrolls.
    pub filter: Option<(&'static str, &'static str)>,
}

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: &'static str,
    path: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    /// What is on the screen when it is ready.
    pub ready: String,
    pub keys: Keys,
}

/// What is there for all measures.
pub struct Bench {
    pub daemon: Daemon,
    home: PathBuf,
    pub ours: Program,
    pub others: Vec<Program>,
}

/// A program of `scripts/tools`, or of the machine.
fn found(name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin").join(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools).chain(std::env::split_paths(&path).map(|p| p.join(name))).find(|p| p.is_file())
}

impl Bench {
    /// Starts the daemon, fills it, makes a repository.
    pub fn begin() -> Self {
        let home = directory("bench");
        let daemon = Daemon::start();
        for part in 0..FLAGS / 2_500 {
            let mut flags = String::from("{");
            for n in part * 2_500..(part + 1) * 2_500 {
                let comma = if n % 2_500 > 0 { "," } else { "" };
                let value = match n % 5 {
                    0 | 1 => (n % 3 == 0).to_string(),
                    2 => format!("\"value {}\"", n % 70),
                    3 => (n * 37 % 9_000).to_string(),
                    _ => format!("{{\"limit\":{}}}", n % 900),
                };
                let _ = write!(
                    flags,
                    r#"{comma}"{}":{{"flagVersion":3,"trackEvents":false,"value":{value},"variation":{},"version":7}}"#,
                    key(n),
                    n % 2
                );
            }
            flags.push('}');
            let mut request = Request::new(Method::Post, "/api/import?environment=staging");
            request = request.with_body(parse(&flags).unwrap());
            request.timeout = std::time::Duration::from_secs(120);
            let client = daemon.owner();
            block_on(async move { client.send(request).await }).expect("the import");
        }
        let repository = home.join("repository");
        make_repository(&repository);
        let peer = |name: &'static str, arguments: &[&str], ready: &str, keys: Keys| {
            let found = found(if name == "bottom" { "btm" } else { name });
            if found.is_none() {
                println!("{name} is not here: scripts/tools {name}");
            }
            found.map(|path| Program {
                name,
                path,
                arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
                folder: repository.clone(),
                ready: ready.to_owned(),
                keys,
            })
        };
        let arrows = Keys { down: "\x1b[B", page: "\x1b[6~", filter: None };
        let others: Vec<Program> = [
            peer("tig", &[], "commit 1999", Keys { down: "j", page: "\x1b[6~", filter: None }),
            peer("htop", &[], "PID", arrows),
            peer(
                "bottom",
                &["--default_widget_type", "process", "-e"],
                "PID",
                Keys { page: "\x04", ..arrows },
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        assert!(others.len() >= 2, "two programs to compare with are wanted: scripts/tools tig htop bottom");
        let ours = Program {
            name: "flagstaff",
            path: beside("flagstaff"),
            arguments: vec![
                "-H".to_owned(),
                format!("unix://{}", daemon.socket.display()),
                "--env".to_owned(),
                "staging".to_owned(),
            ],
            folder: home.clone(),
            ready: "of 10,0".to_owned(),
            keys: Keys { down: "j", page: "\x1b[6~", filter: Some(("/", "flag")) },
        };
        Self { daemon, home, ours, others }
    }

    /// The command of a program, in a home without settings of anybody.
    pub fn command(&self, program: &Program) -> CommandBuilder {
        let mut command = CommandBuilder::new(&program.path);
        command.args(&program.arguments);
        self.surround(&mut command, program);
        command
    }

    /// The same under `strace`, which notes its writes.
    pub fn traced(&self, program: &Program, notes: &Path) -> CommandBuilder {
        let mut command = CommandBuilder::new("strace");
        command.args(["-f", "-qq", "-y", "-e", "trace=write,writev", "-o"]);
        command.arg(notes);
        command.arg(&program.path);
        command.args(&program.arguments);
        self.surround(&mut command, program);
        command
    }

    fn surround(&self, command: &mut CommandBuilder, program: &Program) {
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home);
        command.env("LANG", "C.UTF-8");
        command.cwd(&program.folder);
    }

    /// A file of this run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A program that is ready.
    pub fn open(&self, program: &Program, size: (u16, u16)) -> Pty {
        let pty = Pty::start(self.command(program), size);
        pty.shows(&program.ready);
        if program.name == "flagstaff" {
            pty.shows("LIVE");
        }
        pty.quiet();
        pty
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        let status = self.daemon.must(Method::Get, "/api/status", "");
        status.get("revision").and_then(Json::as_i64).and_then(|n| n.try_into().ok()).unwrap()
    }

    /// Turns flags of `staging` on or off, as one revision.
    pub fn turn(&self, flags: std::ops::Range<usize>, on: bool) {
        self.daemon.must(Method::Post, "/api/change-sets", &change(flags, on));
    }
}

/// The key of a flag; neighbours in the list have little in common.
fn key(n: usize) -> String {
    let area = ["checkout", "growth", "infra", "pay"][n * 4 / FLAGS];
    let thing =
        ["new-flow", "retry-limit", "dark-mode", "cache", "fast-path", "banner", "limits-of-api"][n * 5 % 7];
    format!("{area}.{n:05}-{thing}")
}

/// A change set that turns flags on or off.
pub fn change(flags: std::ops::Range<usize>, on: bool) -> String {
    let mutations: Vec<String> = flags
        .map(|n| format!(r#"{{"op":"setOn","flag":"{}","environment":"staging","enabled":{on}}}"#, key(n)))
        .collect();
    format!(r#"{{"mutations":[{}]}}"#, mutations.join(","))
}

fn make_repository(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    let mut stream = String::new();
    for n in 0..COMMITS {
        let who = ["alice", "bob", "carol"][n % 3];
        let said = format!("commit {n}: what was changed, and why");
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter {who} <{who}@acme.test> {} +0000\ndata {}\n{said}\nM 644 inline file-{}\ndata 3\n{:03}\n",
            1_700_000_000 + n * 600,
            said.len(),
            n % 50,
            n % 1_000
        );
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(path).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().expect("git");
        let mut input = child.stdin.take().unwrap();
        if arguments[0] == "fast-import" {
            std::io::Write::write_all(&mut input, stream.as_bytes()).unwrap();
        }
        drop(input);
        assert!(child.wait().unwrap().success(), "git {arguments:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["fast-import", "--quiet"]);
    git(&["reset", "-q", "--hard"]);
    until("the repository", || path.join("file-0").exists());
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.home));
    }
}
