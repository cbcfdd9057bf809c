//! Makes a configuration of its sources, and checks what only the whole can tell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{ConfigError, Origin};
use super::layers::Layers;
use super::model::{AccessMode, Config};
use super::places::Places;
use super::sources::Sources;

/// The configuration in effect, and where each value came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the daemon runs with.
    pub config: Config,
    /// Key, value as TOML, origin; secrets hidden. Empty paths show what they were filled with.
    pub effective: Vec<(String, String, Origin)>,
}

impl Config {
    /// Lays the sources over the defaults and checks the result.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place, its key and what would be right.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Loaded::from(sources).map(|loaded| loaded.config)
    }

    /// The configuration as a demo runs it: data of its own, and the demo's rules of access.
    ///
    /// # Errors
    /// What [`Config::load`] finds; an address that isn't loopback.
    pub fn load_demo(sources: &Sources) -> Result<Self, ConfigError> {
        Loaded::with(sources, true).map(|loaded| loaded.config)
    }
}

impl Loaded {
    /// Lays the sources over the defaults, keeping the origins.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from(sources: &Sources) -> Result<Self, ConfigError> {
        Self::with(sources, false)
    }

    fn with(sources: &Sources, demo: bool) -> Result<Self, ConfigError> {
        let mut layers = Layers::defaults()?;
        if let Some((path, text)) = &sources.file {
            layers.file(path, text)?;
        }
        layers.variables(&sources.dotenv, Origin::DotEnv)?;
        layers.variables(&sources.env, Origin::Env)?;
        let mut config = layers.config().clone();
        if demo {
            config.access.mode = AccessMode::Demo;
        }
        let places = if demo { demo_places(&sources.places) } else { sources.places.clone() };
        fill(&mut config, &places);
        check(&config, &layers)?;
        let mut effective = layers.effective();
        for (key, value, _) in &mut effective {
            if let Some(path) = path_of(&config, key).filter(|path| !path.as_os_str().is_empty()) {
                *value = format!("{:?}", path.display().to_string());
            }
        }
        Ok(Self { config, effective })
    }
}

/// The demo's data lie beside the real ones, and its socket among them.
fn demo_places(places: &Places) -> Places {
    let mut name = places.data.file_name().unwrap_or_default().to_owned();
    name.push("-demo");
    Places { data: places.data.with_file_name(name), runtime: None, ..places.clone() }
}

fn fill(config: &mut Config, places: &Places) {
    let or = |path: &mut PathBuf, otherwise: &dyn Fn() -> PathBuf| {
        if path.as_os_str().is_empty() {
            *path = otherwise();
        }
    };
    or(&mut config.data.directory, &|| places.data.clone());
    let data = config.data.directory.clone();
    or(&mut config.postgres.data, &|| data.join("postgres"));
    or(&mut config.secrets.key_file, &|| data.join("secrets.key"));
    or(&mut config.backup.directory, &|| data.join("backups"));
    or(&mut config.socket.path, &|| match &places.runtime {
        // The runtime directory of XDG is the user's; the one of root is already ours.
        Some(runtime) if runtime.ends_with("flagstaff") => runtime.join("flagstaffd.sock"),
        Some(runtime) => runtime.join("flagstaff/flagstaffd.sock"),
        None => data.join("flagstaffd.sock"),
    });
}

fn path_of<'a>(config: &'a Config, key: &str) -> Option<&'a Path> {
    match key {
        "data.directory" => Some(&config.data.directory),
        "postgres.data" => Some(&config.postgres.data),
        "secrets.key_file" => Some(&config.secrets.key_file),
        "backup.directory" => Some(&config.backup.directory),
        "socket.path" => Some(&config.socket.path),
        _ => None,
    }
}

fn check(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let wrong = |key: &str, reason: String| {
        Err(ConfigError::Together { origin: layers.origin(key), key: key.to_owned(), reason })
    };
    let tls = &config.http.tls;
    if tls.certificate.as_os_str().is_empty() != tls.key.as_os_str().is_empty() {
        let missing = if tls.key.as_os_str().is_empty() { "http.tls.key" } else { "http.tls.certificate" };
        return wrong(missing, "TLS needs both http.tls.certificate and http.tls.key".into());
    }
    if let Some(address) = config.http.listen.filter(|address| !address.ip().to_canonical().is_loopback()) {
        if config.access.mode == AccessMode::Demo {
            return wrong("http.listen", format!("a demo listens on loopback only, not on {address}"));
        }
        if !tls.configured() && !config.http.insecure_http {
            let reason = format!(
                "{address} is reachable from other machines and tokens would cross the network in the clear: \
                 set http.tls.certificate and http.tls.key, or say http.insecure_http = true"
            );
            return wrong("http.listen", reason);
        }
    }
    if config.http.listen.is_none() && !config.socket.enabled {
        return wrong("socket.enabled", "nothing to listen on: http.listen is \"off\" as well".into());
    }
    for origin in &config.http.cors_origin {
        let bare = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/')
        });
        if origin != "*" && !bare {
            let reason = format!(
                "an origin is \"*\" or like \"http://localhost:3000\", without a path, not {origin:?}"
            );
            return wrong("http.cors_origin", reason);
        }
    }
    let prefix = &config.http.sdk_prefix;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let part = |part: &str| !part.is_empty() && part.chars().all(plain) && !matches!(part, "." | "..");
    let whole = prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part));
    let ours = ["/api", "/docs", "/health", "/metrics", "/socket.io", "/sdk"];
    if !prefix.is_empty()
        && (!whole || ours.iter().any(|own| format!("{prefix}/").starts_with(&format!("{own}/"))))
    {
        let reason = format!("{prefix:?} is no path to have to itself; write one like \"/ld\", or \"\"");
        return wrong("http.sdk_prefix", reason);
    }
    if config.log.level.trim().is_empty() || crate::telemetry::filter(&config.log.level).is_err() {
        let reason = format!(
            "{:?} is no level and no list of directives; write \"info\" or \"info,flagstaffd=debug\"",
            config.log.level
        );
        return wrong("log.level", reason);
    }
    least(config, layers)
}

/// Numbers that must not be nothing.
fn least(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let http = &config.http;
    let second = Duration::from_secs(1);
    let durations = [
        ("http.head_timeout", http.head_timeout, Duration::from_millis(100)),
        ("http.body_timeout", http.body_timeout, Duration::from_millis(100)),
        ("http.handler_timeout", http.handler_timeout, Duration::from_millis(100)),
        ("http.idle_timeout", http.idle_timeout, Duration::from_millis(100)),
        ("http.write_timeout", http.write_timeout, Duration::from_millis(100)),
        ("http.tls.handshake_timeout", http.tls.handshake_timeout, Duration::from_millis(100)),
        ("database.acquire_timeout", config.database.acquire_timeout, Duration::from_millis(10)),
        ("live.poll_interval", config.live.poll_interval, Duration::from_millis(10)),
        ("live.websocket_ping", config.live.websocket_ping, second),
        ("live.stream_heartbeat", config.live.stream_heartbeat, second),
        ("live.stream_age", config.live.stream_age, second),
        ("live.socketio_ping_interval", config.live.socketio_ping_interval, second),
        ("live.socketio_ping_timeout", config.live.socketio_ping_timeout, second),
        ("drain.deadline", config.drain.deadline, second),
        ("backup.interval", config.backup.interval, second * 60),
        ("usage.flush_interval", config.usage.flush_interval, Duration::from_millis(100)),
        ("usage.minutes", config.usage.minutes, second * 7_200),
        ("usage.hours", config.usage.hours, second * 7_200),
    ];
    let numbers = [
        ("http.head_bytes", http.head_bytes, 8192),
        ("http.headers", http.headers, 16),
        ("http.uri_bytes", http.uri_bytes, 256),
        ("http.body_bytes", http.body_bytes, 1024),
        ("http.import_body_bytes", http.import_body_bytes, 1024),
        ("http.max_connections", http.max_connections, 1),
        ("http.max_connections_per_ip", http.max_connections_per_ip, 1),
        ("database.pool_max", config.database.pool_max as usize, 2),
        ("live.ring_frames", config.live.ring_frames, 1),
        ("live.deliveries", config.live.deliveries, 1),
        ("live.delivery_queue", config.live.delivery_queue, 1),
        ("live.ring_bytes", config.live.ring_bytes, 1024),
        ("usage.most_contexts", config.usage.most_contexts, 1),
        ("usage.most_counters", config.usage.most_counters, 1),
        ("usage.body_bytes", config.usage.body_bytes, 1024),
        ("limits.websocket_message_bytes", config.limits.websocket_message_bytes, 1024),
    ];
    let short = durations.iter().find(|(_, value, least)| value < least);
    let small = numbers.iter().find(|(_, value, least)| value < least);
    let (key, reason) = match (short, small) {
        (Some((key, value, least)), _) => (key, format!("{value:?} is too short, the least is {least:?}")),
        (None, Some((key, value, least))) => (key, format!("{value} is too small, the least is {least}")),
        (None, None) => return Ok(()),
    };
    Err(ConfigError::Together { origin: layers.origin(key), key: (*key).to_owned(), reason })
}
