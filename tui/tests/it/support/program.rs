//! The terminal's program as a child: its arguments in, its output and its number out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::json::{Json, parse_within};

use super::daemon::PATIENCE;

/// What a command did.
#[derive(Debug)]
pub struct Said {
    /// The number it ended with; of a signal, 128 and its number.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// That it ended with this number.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        parse_within(&self.out, 512).unwrap_or_else(|error| panic!("{}: {}", error.detail, self.out))
    }
}

/// A user's terminal: a home of its own, and how the daemon is named.
#[derive(Debug)]
pub struct Terminal {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Terminal {
    /// One with nothing configured and nothing in the environment.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a home"), variables: Vec::new() }
    }

    /// One whose daemon is at this address.
    pub fn at(address: &str) -> Self {
        Self::new().with("FLAGSTAFF_URL", address)
    }

    /// The same with a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where its settings lie.
    pub fn config(&self) -> PathBuf {
        self.home().join("config/flagstaff/config.toml")
    }

    /// Where its tokens and drafts lie.
    pub fn state(&self) -> PathBuf {
        self.home().join("state/flagstaff")
    }

    /// Its program, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flagstaff"));
        command.args(arguments).current_dir(self.home()).env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    /// Its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own =
            |name: &str, folder: &str| (name.to_owned(), self.home().join(folder).display().to_string());
        let mut all = vec![
            own("HOME", ""),
            own("XDG_CONFIG_HOME", "config"),
            own("XDG_STATE_HOME", "state"),
            own("XDG_DATA_HOME", "data"),
            own("XDG_CACHE_HOME", "cache"),
            ("TERM".to_owned(), "xterm-256color".to_owned()),
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
        ];
        all.extend(self.variables.iter().cloned());
        all
    }

    /// Runs it with nothing on its input.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.fed(arguments, "")
    }

    /// Runs it with this on its input.
    pub fn fed(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("flagstaff starts");
        // It may end without having read everything.
        drop(child.stdin.take().expect("a pipe").write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        Said {
            code: code(output.status),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Starts it, for commands that go on.
    pub fn start(&self, arguments: &[&str]) -> Going {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (tell, lines) = channel();
        let out = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Going { child, lines }
    }
}

/// A command that goes on.
pub struct Going {
    child: Child,
    lines: Receiver<String>,
}

impl Going {
    /// The next line of its output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no line came"),
            Err(RecvTimeoutError::Disconnected) => {
                let mut err = String::new();
                drop(self.child.stderr.take().expect("a pipe").read_to_string(&mut err));
                panic!("it ended: {err}")
            }
        }
    }

    /// Sends a signal and waits for its end: the number.
    pub fn end(mut self, signal: Signal) -> i32 {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).expect("it runs");
        code(self.child.wait().expect("it ends"))
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).expect("a number")
}
