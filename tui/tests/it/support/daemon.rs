//! A real daemon: `flagstaffd demo` as a child, on data of its own, gone when the tests are.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use flagstaff::client::{Client, Credential, Target};
use flagstaff::request::{Answer, Failure, Method, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::json::{Json, parse};

/// The longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

static COUNTER: AtomicU32 = AtomicU32::new(0);
static SHARED: OnceLock<Daemon> = OnceLock::new();
static SEEDED: OnceLock<Seeded> = OnceLock::new();

/// Starts the daemon and holds on to it for as long as its own standard input is open. However the tests end, the
/// kernel closes that, and so nothing is left behind; a file named `keep` saves the data for another start.
const KEEPER: &str = r#"
    dir=$1; shift
    "$@" </dev/null >>"$dir/log" 2>&1 &
    child=$!
    echo "$child"
    cat >/dev/null
    kill -TERM "$child" 2>/dev/null
    exec 2>/dev/null
    wait "$child"
    [ -e "$dir/keep" ] || rm -rf "$dir"
"#;

/// A running daemon in demo access mode with the example flags: environments `staging`, and `production`, which is
/// protected. The user who runs the tests is its owner, by the socket.
#[derive(Debug)]
pub struct Daemon {
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
    /// Its Unix socket.
    pub socket: PathBuf,
    directory: PathBuf,
    variables: Vec<(String, String)>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    pid: Pid,
    keeper: Child,
    hold: Option<ChildStdin>,
}

impl Daemon {
    /// The one that all tests share, for tests that only read, or that make a project of their own
    /// ([`Daemon::project`]).
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start)
    }

    /// Another one, to be stopped, killed and written to, on a copy of the data that the first one of the run made.
    pub fn own() -> Self {
        let seeded = SEEDED.get_or_init(Seeded::new);
        let directory = directory("daemon");
        let copied = Command::new("cp").arg("-a").arg(seeded.directory.join("data")).arg(&directory).status();
        assert!(copied.expect("cp starts").success(), "the data of a daemon are copied");
        Self::in_directory(directory, &[])
    }

    /// Another one. It takes some seconds: it makes a PostgreSQL.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more variables in its environment.
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::in_directory(directory("daemon"), variables)
    }

    fn in_directory(directory: PathBuf, variables: &[(&str, &str)]) -> Self {
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().port();
        let mut daemon = Self {
            url: format!("http://127.0.0.1:{port}"),
            socket: directory.join("data/flagstaffd.sock"),
            directory,
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            running: None,
        };
        daemon.start_again();
        daemon
    }

    /// Starts it on the same data and the same port.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let program = beside("flagstaffd");
        let listen = self.url.trim_start_matches("http://");
        let mut keeper = Command::new("sh");
        keeper.arg("-c").arg(KEEPER).arg("sh").arg(&self.directory).arg(program).args(["demo", "--headless"]);
        keeper.current_dir(&self.directory).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "FLAGSTAFF_POSTGRES_BIN", "TMPDIR", "TZ"] {
            if let Some(value) = std::env::var_os(name) {
                keeper.env(name, value);
            }
        }
        keeper
            .env("HOME", &self.directory)
            .env("FLAGSTAFF_HTTP_LISTEN", listen)
            .env("FLAGSTAFF_DATA_DIRECTORY", self.directory.join("data"))
            .env("FLAGSTAFF_LIVE_WEBSOCKET_PING", "2s")
            .envs(self.variables.iter().cloned());
        // In a group of its own, so that Ctrl-C reaches it through us alone.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().expect("sh starts");
        let mut pid = String::new();
        BufReader::new(keeper.stdout.take().unwrap())
            .read_line(&mut pid)
            .expect("the keeper names the daemon");
        let pid = Pid::from_raw(pid.trim().parse().expect("a process id"));
        let hold = keeper.stdin.take();
        self.running = Some(Running { pid, keeper, hold });
        drop(std::fs::remove_file(self.directory.join("keep")));
        until("the daemon is ready", || {
            assert!(kill(pid, None).is_ok(), "the daemon ended: {}", self.log());
            self.send(Request::get("/health/ready")).is_ok()
        });
    }

    /// Kills it as `kill -9` does. The data stay.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Stops it in order. The data stay.
    pub fn stop(&mut self) {
        self.end(Signal::SIGTERM);
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut running) = self.running.take() else { return };
        std::fs::write(self.directory.join("keep"), "").unwrap();
        kill(running.pid, signal).unwrap();
        drop(running.hold.take());
        running.keeper.wait().unwrap();
    }

    /// What it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// A client by the socket: the owner.
    pub fn owner(&self) -> Client {
        Client::new(Target::Unix(self.socket.clone()), Credential::None)
    }

    /// A client by TCP, as a user that the demo believes in: an editor.
    pub fn user(&self, name: &str) -> Client {
        Client::new(Target::parse(&self.url).unwrap(), Credential::User(name.to_owned()))
    }

    /// One request as the owner, outside of a runtime.
    pub fn send(&self, request: Request) -> Result<Answer, Failure> {
        let client = self.owner();
        block_on(async move { client.send(request).await })
    }

    /// One request with a body, as the owner, which must be taken.
    pub fn must(&self, method: Method, path: &str, body: &str) -> Json {
        let mut request = Request::new(method, path);
        if !body.is_empty() {
            request = request.with_body(parse(body).expect("JSON"));
        }
        match self.send(request) {
            Ok(answer) => answer.body,
            Err(failure) => panic!("{} {path} {body}: {failure}", method.as_str()),
        }
    }

    /// What a read answers.
    pub fn get(&self, path: &str) -> Json {
        self.must(Method::Get, path, "")
    }

    /// A new project that nobody else uses, with `staging`, and `production`, which is protected. Its key.
    pub fn project(&self) -> String {
        let key = format!("p{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        self.must(Method::Post, "/api/projects", &format!(r#"{{"key":"{key}","name":"{key}"}}"#));
        let environments = format!("/api/projects/{key}/environments");
        self.must(Method::Post, &environments, r#"{"key":"staging","order":1}"#);
        self.must(Method::Post, &environments, r#"{"key":"production","order":2,"protected":true}"#);
        key
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        match self.running.take() {
            // Its keeper sees the end of its input, stops the daemon and removes the directory.
            Some(mut running) => {
                drop(running.hold.take());
                drop(running.keeper.wait());
            }
            None if self.directory.as_os_str().is_empty() => {}
            None => drop(std::fs::remove_dir_all(&self.directory)),
        }
    }
}

/// The data of a daemon that was stopped after it had loaded the example flags.
#[derive(Debug)]
struct Seeded {
    directory: PathBuf,
    /// Whoever removes them when the tests have ended, however they do.
    _keeper: Child,
}

impl Seeded {
    fn new() -> Self {
        let mut daemon = Daemon::start();
        daemon.stop();
        let directory = std::mem::take(&mut daemon.directory);
        let mut keeper = Command::new("sh");
        keeper.arg("-c").arg("cat >/dev/null; rm -rf \"$1\"").arg("sh").arg(&directory);
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
        Self { directory, _keeper: keeper.spawn().expect("sh starts") }
    }
}

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "waited {} s until {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A new directory in the system's temporary one; short, since sockets lie in it, and open to the user that root
/// steps down to for PostgreSQL.
pub fn directory(name: &str) -> PathBuf {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("flagstaff-tui-{}-{name}{number}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o755).create(&path).expect("a directory");
    path
}

/// A program of this workspace that was built beside the tests.
pub fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("where we are");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{} is missing: build it first, with `cargo build --bin {name}` and the profile of the tests",
        program.display()
    );
    program
}
