//! The limits of connections and requests, in one table.

use std::time::Duration;

use crate::config::model::Config;
use crate::config::readable::Cidr;

/// What a connection and a request may cost; the keys are explained in `config.example.toml`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the keys of [http] and [drain]")]
pub struct Limits {
    pub head_timeout: Duration,
    pub body_timeout: Duration,
    pub handler_timeout: Duration,
    pub idle_timeout: Duration,
    pub write_timeout: Duration,
    pub handshake_timeout: Duration,
    pub head_bytes: usize,
    pub headers: usize,
    pub uri_bytes: usize,
    pub body_bytes: usize,
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    /// Networks that are not counted by address.
    pub uncounted: Vec<Cidr>,
    /// How long requests under way get once the daemon is going.
    pub drain_requests: Duration,
    /// After this the daemon is gone, whatever is still open.
    pub drain_deadline: Duration,
}

impl Limits {
    /// The limits of a configuration.
    pub fn of(config: &Config) -> Self {
        let http = &config.http;
        let loopback = ["127.0.0.0/8", "::1"].into_iter().filter_map(|network| network.parse().ok());
        Self {
            head_timeout: http.head_timeout,
            body_timeout: http.body_timeout,
            handler_timeout: http.handler_timeout,
            idle_timeout: http.idle_timeout,
            write_timeout: http.write_timeout,
            handshake_timeout: http.tls.handshake_timeout,
            head_bytes: http.head_bytes,
            headers: http.headers,
            uri_bytes: http.uri_bytes,
            body_bytes: http.body_bytes,
            max_connections: http.max_connections,
            max_connections_per_ip: http.max_connections_per_ip,
            uncounted: loopback.chain(config.access.trusted_proxies.iter().copied()).collect(),
            drain_requests: config.drain.requests,
            drain_deadline: config.drain.deadline,
        }
    }
}
