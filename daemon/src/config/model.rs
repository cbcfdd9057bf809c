//! The configuration as types; what each key means stands in the example file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::readable::{Cidr, Secret, Ssl, bytes, duration, listen, mode};
use crate::protocol::ofrep::OffReason;

/// Everything that can be configured. Paths are filled in: none of them is empty after loading.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "one field a section of config.example.toml, explained there")]
pub struct Config {
    pub http: Http,
    pub socket: Socket,
    pub database: Database,
    pub postgres: Postgres,
    pub data: Data,
    pub access: Access,
    pub secrets: Secrets,
    pub system_config: SystemConfig,
    pub live: Live,
    pub drain: Drain,
    pub backup: Backup,
    pub ofrep: Ofrep,
    pub usage: Usage,
    pub log: Log,
    pub limits: Limits,
}

/// `[http]`: the TCP listener and its limits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Http {
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    pub cors_origin: Vec<String>,
    pub insecure_http: bool,
    pub sdk_prefix: String,
    #[serde(deserialize_with = "duration")]
    pub head_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub body_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub handler_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    #[serde(deserialize_with = "bytes")]
    pub head_bytes: usize,
    pub headers: usize,
    #[serde(deserialize_with = "bytes")]
    pub uri_bytes: usize,
    #[serde(deserialize_with = "bytes")]
    pub body_bytes: usize,
    #[serde(deserialize_with = "bytes")]
    pub import_body_bytes: usize,
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    pub tls: Tls,
}

/// `[http.tls]`: certificate and key, PEM files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    #[serde(deserialize_with = "duration")]
    pub handshake_timeout: Duration,
}

impl Tls {
    /// Whether the TCP listener speaks TLS.
    pub fn configured(&self) -> bool {
        !self.certificate.as_os_str().is_empty() && !self.key.as_os_str().is_empty()
    }
}

/// `[socket]`: the Unix socket.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Socket {
    pub enabled: bool,
    pub path: PathBuf,
    #[serde(deserialize_with = "mode")]
    pub mode: u32,
}

/// `[database]`: the PostgreSQL to connect to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Database {
    pub url: Secret,
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: Secret,
    pub ssl: Ssl,
    pub pool_max: u32,
    #[serde(deserialize_with = "duration")]
    pub acquire_timeout: Duration,
    pub listen: bool,
}

/// Which PostgreSQL the configuration means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// None was named: the daemon runs its own.
    Private,
    /// `database.url`, which wins over the parts.
    Url(&'a Secret),
    /// Host and database name; port, user, password and ssl stand beside them.
    Parts {
        /// A name, an address, or a socket's directory.
        host: &'a str,
        /// The database.
        name: &'a str,
    },
}

impl Database {
    /// Connect where any of url, host and name is set, else the private PostgreSQL.
    pub fn target(&self) -> Target<'_> {
        let or = |text, otherwise| if str::is_empty(text) { otherwise } else { text };
        if !self.url.is_empty() {
            Target::Url(&self.url)
        } else if self.host.is_empty() && self.name.is_empty() {
            Target::Private
        } else {
            Target::Parts { host: or(&self.host, "localhost"), name: or(&self.name, "feature_flags") }
        }
    }
}

/// `[postgres]`: the private PostgreSQL.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The folder of its programs; empty means: look for them.
    pub bin: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
}

/// `[data]`: the daemon's files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Data {
    pub directory: PathBuf,
}

/// Who is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// Every caller needs a credential.
    Normal,
    /// Anonymous callers read, `x-user-id` is believed; loopback only.
    Demo,
}

/// `[access]`: who may call.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Access {
    pub mode: AccessMode,
    pub trusted_proxies: Vec<Cidr>,
    pub bootstrap: bool,
    pub metrics_public: bool,
    pub local: Local,
}

/// What an OS user or group gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names of the roles")]
pub enum LocalRole {
    Deny,
    Auditor,
    Viewer,
    Editor,
    Admin,
    Owner,
}

/// `[access.local]`: what OS users get over the socket.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Local {
    pub owners: Vec<String>,
    pub groups: BTreeMap<String, LocalRole>,
    pub default: LocalRole,
}

/// `[secrets]`: the sealing key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Secrets {
    pub key_file: PathBuf,
}

/// `[system_config]`: the project and environment of the system-config view.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct SystemConfig {
    pub project: String,
    pub environment: String,
}

/// `[live]`: how changes reach clients.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Live {
    #[serde(deserialize_with = "duration")]
    pub poll_interval: Duration,
    pub ring_frames: usize,
    #[serde(deserialize_with = "bytes")]
    pub ring_bytes: usize,
    #[serde(deserialize_with = "duration")]
    pub websocket_ping: Duration,
    #[serde(deserialize_with = "duration")]
    pub stream_heartbeat: Duration,
    #[serde(deserialize_with = "duration")]
    pub stream_age: Duration,
    pub deliveries: usize,
    pub delivery_queue: usize,
    #[serde(deserialize_with = "duration")]
    pub socketio_ping_interval: Duration,
    #[serde(deserialize_with = "duration")]
    pub socketio_ping_timeout: Duration,
}

/// `[drain]`: how the daemon goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Drain {
    #[serde(deserialize_with = "duration")]
    pub requests: Duration,
    #[serde(deserialize_with = "duration")]
    pub stream_spread: Duration,
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
}

/// `[backup]`: copies of the database.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Backup {
    pub enabled: bool,
    pub directory: PathBuf,
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    pub keep: u32,
}

/// `[ofrep]`: OpenFeature's remote evaluation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Ofrep {
    pub off_reason: OffReason,
}

/// `[usage]`: what SDKs report.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Usage {
    pub enabled: bool,
    pub contexts: bool,
    pub most_contexts: usize,
    pub most_counters: usize,
    #[serde(deserialize_with = "duration")]
    pub flush_interval: Duration,
    #[serde(deserialize_with = "duration")]
    pub minutes: Duration,
    #[serde(deserialize_with = "duration")]
    pub hours: Duration,
    #[serde(deserialize_with = "bytes")]
    pub body_bytes: usize,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogFormat {
    Text,
    Json,
}

/// `[log]`: the log on standard error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// `[limits]`: how large things may be, where that is not the same everywhere.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are explained in config.example.toml")]
pub struct Limits {
    #[serde(deserialize_with = "bytes")]
    pub websocket_message_bytes: usize,
}
