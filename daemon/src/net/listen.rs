//! Opens what the daemon listens on: TCP and the Unix socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::tls::{Tls, TlsError};
use crate::config::Config;

/// How many connections wait while nobody accepts.
const BACKLOG: i32 = 1024;

/// Why the daemon can't listen. The program ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("http.listen: {address} is in use{}; stop that program or set another port (PORT=...)", by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
    Busy {
        /// The address.
        address: SocketAddr,
        /// The program, where the system tells it.
        by: Option<String>,
    },
    /// A daemon answers on the socket.
    #[error("socket.path: another daemon answers on {}", .0.display())]
    Answered(PathBuf),
    /// Something that is no socket lies in the socket's place.
    #[error("socket.path: {} is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// The system refuses an address.
    #[error("http.listen: {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses the socket.
    #[error("socket.path: {}: {source}", path.display())]
    Unix {
        /// The socket or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What the daemon listens on.
#[derive(Debug)]
pub struct Listeners {
    /// TCP; two where `localhost` may mean either protocol.
    pub tcp: Vec<TcpListener>,
    /// TLS of all TCP listeners.
    pub tls: Option<Tls>,
    /// The Unix socket.
    pub unix: Option<SocketFile>,
}

impl Listeners {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// The first thing that can't be opened.
    pub async fn open(config: &Config) -> Result<Self, ListenError> {
        let tls = config.http.tls.configured();
        let tls = tls.then(|| Tls::new(&config.http.tls.certificate, &config.http.tls.key)).transpose()?;
        let tcp = match config.http.listen {
            Some(address) => open_tcp(address)?,
            None => Vec::new(),
        };
        let unix = match config.socket.enabled {
            true => Some(SocketFile::open(&config.socket.path, config.socket.mode).await?),
            false => None,
        };
        Ok(Self { tcp, tls, unix })
    }

    /// The first TCP address, with the port that the system chose where it was 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.first()?.local_addr().ok()
    }
}

/// Opens `address`; for 127.0.0.1 also `[::1]`, since `localhost` may mean either. That second one
/// may fail: there are machines without IPv6.
///
/// # Errors
/// The address is in use, or isn't ours.
pub fn open_tcp(address: SocketAddr) -> Result<Vec<TcpListener>, ListenError> {
    let first = bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Busy { address, by: holder(address.port()) },
        _ => ListenError::Tcp { address, source },
    })?;
    let port = first.local_addr().map_or(address.port(), |local| local.port());
    let mut listeners = vec![first];
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let twin = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match bind(twin) {
            Ok(listener) => listeners.push(listener),
            Err(error) => tracing::debug!("net.address" = %twin, "net.error" = %error, "only IPv4 is heard"),
        }
    }
    Ok(listeners)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The program that listens on `port`, where `/proc` tells it: `postgres (pid 4711)`.
fn holder(port: u16) -> Option<String> {
    let listening = |table: &str| -> Option<String> {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, hex) = fields.get(1)?.rsplit_once(':')?;
            let ours = u16::from_str_radix(hex, 16).ok()? == port && *fields.get(3)? == "0A";
            ours.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
        })
    };
    let socket = listening("/proc/net/tcp").or_else(|| listening("/proc/net/tcp6"))?;
    let holds = |process: &Path| {
        let files = std::fs::read_dir(process.join("fd")).ok()?;
        let mut targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        targets.any(|target| target.as_os_str() == socket.as_str()).then_some(())
    };
    std::fs::read_dir("/proc").ok()?.find_map(|entry| {
        let process = entry.ok()?.path();
        let pid: u32 = process.file_name()?.to_str()?.parse().ok()?;
        holds(&process)?;
        let name = std::fs::read_to_string(process.join("comm")).ok()?;
        Some(format!("{} (pid {pid})", name.trim()))
    })
}

/// The Unix socket; its file goes when this is dropped.
#[derive(Debug)]
pub struct SocketFile {
    /// Accepts connections.
    pub listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    /// Opens the socket. A file that a dead daemon left is replaced; a daemon that answers is not.
    ///
    /// # Errors
    /// Somebody answers there, something else lies there, or the system refuses.
    pub async fn open(path: &Path, mode: u32) -> Result<Self, ListenError> {
        let wrong = |source| ListenError::Unix { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            // Root's folder is everyone's way to the socket; the socket's own mode decides.
            let root = nix::unistd::Uid::effective().is_root();
            let mode = if root { 0o755 } else { 0o700 };
            std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(wrong)?;
        }
        match std::fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NoSocket(path.into())),
            Ok(_) if tokio::net::UnixStream::connect(path).await.is_ok() => {
                return Err(ListenError::Answered(path.into()));
            }
            _ => {}
        }
        // Made beside its place and moved there, so that it is never open to more than `mode` says.
        let mut beside = path.as_os_str().to_owned();
        beside.push("~");
        let beside = PathBuf::from(beside);
        let _ = std::fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside).map_err(wrong)?;
        let ready = std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))
            .and_then(|()| std::fs::rename(&beside, path))
            .and_then(|()| std::fs::symlink_metadata(path));
        let inode = ready.map_err(wrong)?.ino();
        Ok(Self { listener, path: path.into(), inode })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
