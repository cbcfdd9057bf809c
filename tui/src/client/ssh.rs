//! A daemon's Unix socket on another host, brought here by the system's `ssh`.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// How long `ssh` may take to open its tunnel.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints the first socket of a daemon among the usual places of the other host: the user's, root's, and that of a
/// daemon without a runtime directory, or of a demo.
const LOOK: &str = r#"exec sh -c 'for s in "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/flagstaff/flagstaffd.sock" /run/flagstaff/flagstaffd.sock "${XDG_DATA_HOME:-$HOME/.local/share}/flagstaff/flagstaffd.sock" /var/lib/flagstaff/flagstaffd.sock "${XDG_DATA_HOME:-$HOME/.local/share}/flagstaff-demo/flagstaffd.sock" /var/lib/flagstaff-demo/flagstaffd.sock; do if [ -S "$s" ]; then printf "%s\n" "$s"; exit 0; fi; done; echo "no flagstaffd listens on a socket there" >&2; exit 1'"#;

/// The last lines that `ssh` wrote, for whoever asks why.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn hear(&self, from: impl AsyncRead + Unpin + Send + 'static) -> tokio::task::JoinHandle<()> {
        let kept = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(line.trim().chars().take(300).collect());
                let many = kept.len().saturating_sub(8);
                kept.drain(..many);
            }
        })
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rfind(|line| !line.is_empty()).cloned()
    }
}

/// An open tunnel; dropped, `ssh` is killed and the local socket removed.
#[derive(Debug)]
pub struct Tunnel {
    child: Child,
    directory: PathBuf,
    said: Said,
}

impl Tunnel {
    /// Opens one; the socket over there is looked for where `socket` is `None`.
    ///
    /// # Errors
    /// What `ssh` said, as a sentence.
    pub async fn open(destination: &str, port: Option<u16>, socket: Option<&str>) -> Result<Self, String> {
        match tokio::time::timeout(PATIENCE, Self::opened(destination, port, socket)).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("ssh {destination} took longer than {} s", PATIENCE.as_secs())),
        }
    }

    async fn opened(destination: &str, port: Option<u16>, socket: Option<&str>) -> Result<Self, String> {
        let remote = match socket {
            Some(socket) => socket.to_owned(),
            None => look(destination, port).await?,
        };
        if remote.contains(':') {
            return Err(format!("ssh cannot forward {remote}: there is a colon in it"));
        }
        let directory = directory().map_err(|error| format!("no directory for the tunnel: {error}"))?;
        let local = directory.join("s");
        let mut command = ssh(port);
        command.arg("-N").arg("-o").arg("ExitOnForwardFailure=yes").arg("-o").arg("StreamLocalBindMask=0177");
        command.arg("-L").arg(format!("{}:{remote}", local.display())).arg("--").arg(destination);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let said = Said::default();
        let spawned = command.spawn().map_err(|error| format!("ssh cannot be started: {error}"));
        let child = match spawned {
            Ok(child) => child,
            Err(error) => {
                drop(std::fs::remove_dir(&directory));
                return Err(error);
            }
        };
        let mut tunnel = Self { child, directory, said };
        let heard = tunnel.child.stderr.take().map(|stderr| tunnel.said.hear(stderr));
        loop {
            if UnixStream::connect(tunnel.path()).await.is_ok() {
                return Ok(tunnel);
            }
            if let Ok(Some(status)) = tunnel.child.try_wait() {
                if let Some(heard) = heard {
                    drop(heard.await);
                }
                let why = tunnel.said.last().unwrap_or_else(|| format!("it ended with {status}"));
                return Err(format!("ssh {destination}: {why}"));
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// The socket on this side.
    pub fn path(&self) -> PathBuf {
        self.directory.join("s")
    }

    /// Whether `ssh` still runs.
    pub fn stands(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last that `ssh` said.
    pub fn last_words(&self) -> Option<String> {
        self.said.last()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        drop(self.child.start_kill());
        drop(std::fs::remove_file(self.path()));
        drop(std::fs::remove_dir(&self.directory));
    }
}

/// `ssh` that never asks and shares nothing.
fn ssh(port: Option<u16>) -> Command {
    let mut command = Command::new("ssh");
    for option in [
        "BatchMode=yes",
        "ControlMaster=no",
        "ControlPath=none",
        "ConnectTimeout=15",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
    ] {
        command.arg("-o").arg(option);
    }
    command.arg("-T");
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    command
}

async fn look(destination: &str, port: Option<u16>) -> Result<String, String> {
    let mut command = ssh(port);
    command.arg("--").arg(destination).arg(LOOK).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| format!("ssh cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // A talkative login script may write before it.
    let found = text.lines().rev().map(str::trim).find(|line| line.starts_with('/'));
    match found {
        Some(found) if output.status.success() => Ok(found.to_owned()),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let why =
                said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no daemon was found");
            Err(format!("ssh {destination}: {why}"))
        }
    }
}

/// A directory that only we may enter, short enough for a socket's path.
fn directory() -> std::io::Result<PathBuf> {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|d| d.is_dir());
    let base = base.unwrap_or_else(std::env::temp_dir);
    let name = format!("flagstaff-{}-{:08x}", std::process::id(), rand::random::<u32>());
    let directory = Path::new(&base).join(name);
    DirBuilder::new().mode(0o700).create(&directory)?;
    Ok(directory)
}
