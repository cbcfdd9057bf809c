//! Logs to standard error and metrics for `/metrics`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::model::{Log, LogFormat};

/// Upper bounds of the histograms of durations, in seconds.
const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Why there are no logs or no metrics.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` or `log.level` is no list of directives.
    #[error("{name} is no level and no list of directives: {source}")]
    Filter {
        /// Which of the two.
        name: &'static str,
        /// What the parser says.
        source: ParseError,
    },
    /// Somebody installed a subscriber before.
    #[error("the log is already set up: {0}")]
    Subscriber(#[from] TryInitError),
    /// The file of the log.
    #[error("the log can't be written: {0}")]
    File(#[from] std::io::Error),
    /// Somebody installed a recorder before, or the buckets are wrong.
    #[error("the metrics can't be set up: {0}")]
    Metrics(#[from] BuildError),
}

/// Reads a level or a list of directives.
///
/// # Errors
/// Where the parser stumbled.
pub fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(text)
}

/// Starts the log, once in a process. `RUST_LOG` wins over `log.level`.
///
/// # Errors
/// A filter that can't be read; a second call.
pub fn start_log(log: &Log) -> Result<(), TelemetryError> {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    start(log, BoxMakeWriter::new(std::io::stderr), colours)
}

/// The same, at the end of a file.
///
/// # Errors
/// As [`start_log`]; a file that cannot be written.
pub fn start_log_in(log: &Log, path: &Path) -> Result<(), TelemetryError> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    start(log, BoxMakeWriter::new(std::sync::Mutex::new(file)), false)
}

// Colours are for people; a file or a journal gets none.
fn start(log: &Log, writer: BoxMakeWriter, colours: bool) -> Result<(), TelemetryError> {
    let wrong = |name| move |source| TelemetryError::Filter { name, source };
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => filter(&text).map_err(wrong("RUST_LOG"))?,
        _ => filter(&log.level).map_err(wrong("log.level"))?,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours);
    match log.format {
        LogFormat::Text => registry.with(lines).try_init()?,
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

/// The metrics of this process; the first call installs the recorder. `render()` is the text of `/metrics`.
///
/// # Errors
/// A recorder that isn't ours is installed.
pub fn metrics() -> Result<PrometheusHandle, TelemetryError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static FIRST: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = FIRST.lock();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .install_recorder()?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}
