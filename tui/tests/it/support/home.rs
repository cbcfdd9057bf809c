//! A person's home: directories of their own, and the programs started in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use portable_pty::CommandBuilder;

use super::daemon::{Daemon, beside, directory};
use super::terminal::Terminal;

/// A home directory with a profile that leads to a daemon; gone with the value.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
}

/// How a program is started in a home.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Columns and rows.
    pub size: (u16, u16),
    /// Another program than ours, which starts it.
    pub program: Option<PathBuf>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Variables, in place of those of the same name.
    pub variables: Vec<(String, OsString)>,
    /// Whether a shell with job control starts it.
    pub by_shell: bool,
}

impl Default for Launch {
    fn default() -> Self {
        Self { size: (100, 30), program: None, arguments: Vec::new(), variables: Vec::new(), by_shell: false }
    }
}

impl Launch {
    /// On a terminal of another size.
    pub fn sized(columns: u16, rows: u16) -> Self {
        Self { size: (columns, rows), ..Self::default() }
    }

    /// With a variable.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }
}

impl Home {
    /// The home of `user`, whom the demo believes by name, with `daemon` as the only profile.
    pub fn of(user: &str, daemon: &Daemon) -> Self {
        Self::leading_to(user, &daemon.url)
    }

    /// The same with any address.
    pub fn leading_to(user: &str, url: &str) -> Self {
        let home = Self { path: directory("home") };
        let config = home.path.join("config/flagstaff");
        fs::create_dir_all(&config).unwrap();
        for folder in ["state", "cache", "data", "run"] {
            fs::create_dir_all(home.path.join(folder)).unwrap();
        }
        let text = format!(
            "default_profile = \"test\"\n\n[profile.test]\nurl = \"{url}\"\nuser = \"{user}\"\nenvironment = \"staging\"\n"
        );
        fs::write(config.join("config.toml"), text).unwrap();
        home
    }

    /// Adds lines to the end of `config.toml`.
    pub fn configure(&self, lines: &str) {
        let path = self.path.join("config/flagstaff/config.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}\n{lines}\n")).unwrap();
    }

    /// A file of this home.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The program, live, on a terminal of 100 columns and 30 rows.
    pub fn open(&self) -> Terminal {
        self.open_as(&Launch::default())
    }

    /// The program, live.
    pub fn open_as(&self, launch: &Launch) -> Terminal {
        let mut terminal = self.start(launch);
        terminal.wait_for("LIVE");
        terminal.wait_idle();
        terminal
    }

    /// The program, as soon as it runs.
    pub fn start(&self, launch: &Launch) -> Terminal {
        let program = launch.program.clone().unwrap_or_else(|| beside("flagstaff"));
        let command = if launch.by_shell {
            // No prompt of the user's own, and nothing that their files set.
            let mut shell = CommandBuilder::new("sh");
            shell.arg("-i");
            shell
        } else {
            let mut command = CommandBuilder::new(&program);
            command.args(&launch.arguments);
            command
        };
        let (command, idle) = (self.surround(command, launch), self.path.join("idle"));
        Terminal::start(command, launch.size, &idle)
    }

    /// The variables of this home, and none of those of whoever runs the tests.
    fn surround(&self, mut command: CommandBuilder, launch: &Launch) -> CommandBuilder {
        command.env_clear();
        command.cwd(&self.path);
        for (name, value) in self.variables(launch) {
            command.env(name, value);
        }
        command
    }

    /// The variables that programs of this home are started with.
    pub fn variables(&self, launch: &Launch) -> Vec<(String, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folder = |name: &str| -> OsString { self.path.join(name).into() };
        let mut all: Vec<(String, OsString)> = [
            ("PATH", path),
            ("HOME", self.path.clone().into()),
            ("XDG_CONFIG_HOME", folder("config")),
            ("XDG_STATE_HOME", folder("state")),
            ("XDG_CACHE_HOME", folder("cache")),
            ("XDG_DATA_HOME", folder("data")),
            ("XDG_RUNTIME_DIR", folder("run")),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
            ("PS1", "ready> ".into()),
            ("SHELL", "/bin/sh".into()),
            ("EDITOR", "true".into()),
            ("RUST_BACKTRACE", "0".into()),
            ("FLAGSTAFF_TEST_IDLE", folder("idle")),
            ("FLAGSTAFF_TEST_CLOCK", folder("clock")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        all.extend(launch.variables.iter().cloned());
        all
    }

    /// Lets the clock of this home's programs be so many seconds ahead.
    pub fn clock_ahead(&self, seconds: u64) {
        let (path, new) = (self.file("clock"), self.file("clock.new"));
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// All files below a folder of this home.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        fn below(path: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { below(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        below(&self.path.join(folder), &mut files);
        files
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}
