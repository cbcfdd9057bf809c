//! Where a daemon is, and by what it knows us.

use std::fmt;
use std::path::PathBuf;

/// Where a daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Unix socket on this host: the kernel says who we are.
    Unix(PathBuf),
    /// An address.
    Tcp {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// How TLS is done; `None` is plain HTTP.
        tls: Option<Tls>,
        /// What stands before `/api` in each path: empty, or `/flags` where a proxy puts it there.
        prefix: String,
    },
    /// A daemon's Unix socket on another host, through the system's `ssh`.
    Ssh {
        /// What `ssh` is told: `alice@host`, or a name of `~/.ssh/config`.
        destination: String,
        /// The port, where it is another than `ssh` would take.
        port: Option<u16>,
        /// The socket over there; `None` looks at the usual places.
        socket: Option<String>,
    },
}

/// How TLS is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities in PEM, beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Take any certificate. For a first look at a new daemon, and for nothing else.
    pub insecure: bool,
}

/// By what the daemon knows us.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: the socket's peer, or whoever comes without.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Token(String),
    /// `x-user-id`, which a demo believes.
    User(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Token(_) => f.write_str("Token(..)"),
            Self::User(user) => write!(f, "User({user:?})"),
        }
    }
}

/// Why an address cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the address of a daemon: {why}")]
pub struct TargetError {
    text: String,
    why: String,
}

impl Target {
    /// Reads `https://host[:port][/prefix]`, `http://...`, `ssh://[user@]host[:port][/socket]`, `unix:/path`, or a
    /// path that begins with `/` or `~/` (which is left to the caller to resolve).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let wrong = |why: &str| TargetError { text: text.to_owned(), why: why.to_owned() };
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) && !text.starts_with('/') {
            return Err(wrong("it holds white space"));
        }
        if let Some(path) = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")) {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(wrong("a socket's path begins with /"))
            };
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("write https://host, http://host:port, ssh://host or unix:/path"));
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                if authority.contains('@') {
                    return Err(wrong(
                        "a name or password does not belong there; `flagstaff login` takes a token",
                    ));
                }
                if path.contains(['?', '#']) {
                    return Err(wrong("it has a query"));
                }
                let secure = scheme.eq_ignore_ascii_case("https");
                let (host, port) = host_and_port(authority).map_err(&wrong)?;
                let prefix = path.trim_end_matches('/');
                // What web applications call the address often ends with /api, which our paths begin with.
                let prefix = prefix.strip_suffix("/api").unwrap_or(prefix);
                Ok(Self::Tcp {
                    host,
                    port: port.unwrap_or(if secure { 443 } else { 80 }),
                    tls: secure.then(Tls::default),
                    prefix: prefix.to_owned(),
                })
            }
            "ssh" => {
                let (user, place) = match authority.rsplit_once('@') {
                    Some((user, place)) => (Some(user), place),
                    None => (None, authority),
                };
                let (host, port) = host_and_port(place).map_err(&wrong)?;
                // `ssh` would read such a name as an option.
                if host.starts_with('-') || user.is_some_and(|u| u.is_empty() || u.starts_with('-')) {
                    return Err(wrong("a name does not begin with -"));
                }
                let destination = user.map_or_else(|| host.clone(), |user| format!("{user}@{host}"));
                let socket = (path.len() > 1).then(|| path.to_owned());
                Ok(Self::Ssh { destination, port, socket })
            }
            other => Err(wrong(&format!("{other} is not a way there: http, https, ssh, unix"))),
        }
    }

    /// Whether what is sent stays on this machine or is encrypted.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Tcp { host, tls: None, .. } => is_loopback(host),
            Self::Unix(_) | Self::Tcp { .. } | Self::Ssh { .. } => true,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port, tls, prefix } => {
                let (scheme, usual) = if tls.is_some() { ("https", 443) } else { ("http", 80) };
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                if *port == usual {
                    write!(f, "{scheme}://{host}{prefix}")
                } else {
                    write!(f, "{scheme}://{host}:{port}{prefix}")
                }
            }
            Self::Ssh { destination, port, socket } => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "ssh://{destination}{port}{}", socket.as_deref().unwrap_or_default())
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("a bracket is open")?;
        (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) }))
    } else {
        match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("write an IPv6 address in brackets"),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if host.contains(['@', '\\', '"', '\'', '%', '<', '>']) {
        return Err("no host is called that");
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok().filter(|p| *p > 0).ok_or("its port is not one")?),
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16, secure: bool, prefix: &str) -> Target {
        Target::Tcp { host: host.into(), port, tls: secure.then(Tls::default), prefix: prefix.into() }
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, target) in [
            ("http://localhost:3001", tcp("localhost", 3001, false, "")),
            ("https://flags.acme.internal/", tcp("flags.acme.internal", 443, true, "")),
            ("http://[::1]:3001/flags/", tcp("::1", 3001, false, "/flags")),
            ("http://localhost:3001/api", tcp("localhost", 3001, false, "")),
            ("unix:/run/f.sock", Target::Unix("/run/f.sock".into())),
            ("/run/with space.sock", Target::Unix("/run/with space.sock".into())),
        ] {
            assert_eq!(Target::parse(text), Ok(target), "{text}");
        }
        let ssh = |d: &str, port, socket: Option<&str>| Target::Ssh {
            destination: d.into(),
            port,
            socket: socket.map(Into::into),
        };
        assert_eq!(Target::parse("ssh://alice@bastion:2222"), Ok(ssh("alice@bastion", Some(2222), None)));
        assert_eq!(Target::parse("ssh://prod/run/f.sock"), Ok(ssh("prod", None, Some("/run/f.sock"))));
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_a_reason() {
        for (text, why) in [
            ("localhost:3001", "write https://"),
            ("http://alice:secret@host", "flagstaff login"),
            ("ftp://host", "ftp is not a way there"),
            ("http://host:99999", "port"),
            ("http://::1", "brackets"),
            ("ssh://-oProxyCommand=evil", "does not begin with -"),
            ("ssh://-l@host", "does not begin with -"),
            ("unix:relative", "begins with /"),
            ("http:///path", "names no host"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_is_shown_as_it_can_be_typed_again() {
        for text in
            ["http://localhost:3001", "https://a.b/x", "http://[::1]:80/x", "ssh://a@b:22/s", "unix:/s"]
        {
            let target = Target::parse(text).unwrap();
            assert_eq!(Target::parse(&target.to_string()), Ok(target));
        }
    }
}
