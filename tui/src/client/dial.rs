//! One byte stream to the daemon, step by step.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Mutex, OnceCell};
use tokio_rustls::TlsConnector;

use super::ssh::Tunnel;
use super::step::{Step, Watch};
use super::target::{Credential, Target, Tls};
use super::tls;

/// How long one address may take to answer, and TLS to greet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// A connection of any kind.
pub type Stream = Pin<Box<dyn Io>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// A socket of this host.
    #[error("the socket {path}: {source}")]
    Socket {
        /// Where.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name without an address.
    #[error("no address is known of {host}: {source}")]
    Name {
        /// Which.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// No address took the connection.
    #[error("{place}: {source}")]
    Refused {
        /// Host and port.
        place: String,
        /// What the last one said.
        source: std::io::Error,
    },
    /// TLS did not come about.
    #[error("TLS with {host}: {why}")]
    Tls {
        /// With whom.
        host: String,
        /// Why.
        why: String,
    },
    /// `ssh` did not open a tunnel.
    #[error("{0}")]
    Ssh(String),
    /// The daemon, or what stands there, does not speak HTTP.
    #[error("{0}")]
    Speech(String),
    /// The credential holds what no header may.
    #[error("the credential holds characters that cannot be sent")]
    Credential,
}

/// Opens connections to one target.
pub struct Dialler {
    target: Target,
    credential: Credential,
    tls: OnceCell<Arc<ClientConfig>>,
    tunnel: Mutex<Option<Tunnel>>,
}

impl Dialler {
    pub fn new(target: Target, credential: Credential) -> Self {
        Self { target, credential, tls: OnceCell::new(), tunnel: Mutex::new(None) }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What stands before each path.
    pub fn prefix(&self) -> &str {
        match &self.target {
            Target::Tcp { prefix, .. } => prefix,
            Target::Unix(_) | Target::Ssh { .. } => "",
        }
    }

    /// The `Host` of requests.
    pub fn host(&self) -> String {
        match &self.target {
            Target::Tcp { host, port, tls, .. } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let usual = if tls.is_some() { 443 } else { 80 };
                if *port == usual { host } else { format!("{host}:{port}") }
            }
            Target::Unix(_) | Target::Ssh { .. } => "localhost".to_owned(),
        }
    }

    /// The headers of every request: where to, who is asking, and with which program.
    ///
    /// # Errors
    /// The credential cannot be a header.
    pub fn headers(&self) -> Result<HeaderMap, DialError> {
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(&self.host()).map_err(|e| DialError::Speech(e.to_string()))?;
        headers.insert(HOST, host);
        let agent = HeaderValue::from_static(concat!("flagstaff/", env!("CARGO_PKG_VERSION")));
        headers.insert(USER_AGENT, agent);
        let header = match &self.credential {
            Credential::None => None,
            Credential::Token(token) => Some((AUTHORIZATION, format!("Bearer {token}"))),
            Credential::User(user) => Some((HeaderName::from_static("x-user-id"), user.clone())),
        };
        if let Some((name, value)) = header {
            let mut value = HeaderValue::from_str(&value).map_err(|_| DialError::Credential)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// The step that failed, which was told to `watch`, too.
    pub async fn dial(&self, watch: &Watch) -> Result<Stream, DialError> {
        match &self.target {
            Target::Unix(path) => self.unix(path, watch).await,
            Target::Tcp { host, port, tls, .. } => {
                let stream = tcp(host, *port, watch).await?;
                match tls {
                    None => Ok(Box::pin(stream)),
                    Some(tls) => self.secured(stream, host, tls, watch).await,
                }
            }
            Target::Ssh { destination, port, socket } => {
                let path = self.tunnelled(destination, *port, socket.as_deref(), watch).await?;
                self.unix(&path, watch).await
            }
        }
    }

    /// What `ssh` said last, where it is the way.
    pub async fn last_words(&self) -> Option<String> {
        self.tunnel.lock().await.as_ref().and_then(Tunnel::last_words)
    }

    async fn unix(&self, path: &std::path::Path, watch: &Watch) -> Result<Stream, DialError> {
        let shown = path.display().to_string();
        let mut step = watch.begin(Step::Connecting, &shown);
        match UnixStream::connect(path).await {
            Ok(stream) => {
                step.done(&shown);
                Ok(Box::pin(stream))
            }
            Err(source) => {
                let error = DialError::Socket { path: shown, source };
                step.failed(&error.to_string());
                Err(error)
            }
        }
    }

    async fn secured(
        &self,
        stream: TcpStream,
        host: &str,
        tls: &Tls,
        watch: &Watch,
    ) -> Result<Stream, DialError> {
        let mut step = watch.begin(Step::Tls, host);
        let shaken = async {
            let configuration = self.tls.get_or_try_init(async || tls::configuration(tls)).await?;
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            let connector = TlsConnector::from(Arc::clone(configuration));
            match tokio::time::timeout(PATIENCE, connector.connect(name, stream)).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(advised(&error.to_string())),
                Err(_) => Err(format!("no greeting within {} s", PATIENCE.as_secs())),
            }
        };
        match shaken.await {
            Ok(stream) => {
                let version = match stream.get_ref().1.protocol_version() {
                    Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                    Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                    _ => "TLS",
                };
                let trust = if tls.insecure { ", NOT VERIFIED" } else { "" };
                step.done(&format!("{version}, {host}{trust}"));
                Ok(Box::pin(stream))
            }
            Err(why) => {
                let error = DialError::Tls { host: host.to_owned(), why };
                step.failed(&error.to_string());
                Err(error)
            }
        }
    }

    async fn tunnelled(
        &self,
        destination: &str,
        port: Option<u16>,
        socket: Option<&str>,
        watch: &Watch,
    ) -> Result<std::path::PathBuf, DialError> {
        let mut kept = self.tunnel.lock().await;
        if let Some(tunnel) = kept.as_mut()
            && tunnel.stands()
        {
            return Ok(tunnel.path());
        }
        *kept = None;
        let mut step = watch.begin(Step::Ssh, destination);
        match Tunnel::open(destination, port, socket).await {
            Ok(tunnel) => {
                step.done(destination);
                let path = tunnel.path();
                *kept = Some(tunnel);
                Ok(path)
            }
            Err(why) => {
                step.failed(&why);
                Err(DialError::Ssh(why))
            }
        }
    }
}

/// What rustls says, and what can be done about it.
fn advised(said: &str) -> String {
    let of_itself =
        ["expired", "not valid yet", "not valid for name", "NotValidForName", "Expired", "revoked"];
    let by_others =
        said.contains("invalid peer certificate") && !of_itself.iter().any(|why| said.contains(why));
    let advice = if by_others {
        "; name its authority as ca_file in the profile"
    } else if said.contains("corrupt message") || said.contains("InvalidContentType") {
        "; is it plain http?"
    } else {
        ""
    };
    format!("{said}{advice}")
}

async fn tcp(host: &str, port: u16, watch: &Watch) -> Result<TcpStream, DialError> {
    let mut step = watch.begin(Step::Resolving, host);
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(found) => found.collect(),
        Err(source) => {
            let error = DialError::Name { host: host.to_owned(), source };
            step.failed(&error.to_string());
            return Err(error);
        }
    };
    step.done(&match addresses.as_slice() {
        [one] => one.ip().to_string(),
        several => format!("{host}, {} addresses", several.len()),
    });
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in addresses {
        let mut step = watch.begin(Step::Connecting, &address.to_string());
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
        match connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                drop(stream.set_nodelay(true));
                let alive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
                drop(socket2::SockRef::from(&stream).set_tcp_keepalive(&alive));
                step.done(&address.to_string());
                return Ok(stream);
            }
            Err(error) => {
                step.failed(&format!("{address}: {error}"));
                last = error;
            }
        }
    }
    Err(DialError::Refused { place: format!("{host}:{port}"), source: last })
}
