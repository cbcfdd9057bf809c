//! `flagstaffd`: reads the arguments and starts what they name.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use flagstaffd::config::ConfigError;
use flagstaffd::config::load::Loaded;
use flagstaffd::config::sources::Sources;
use flagstaffd::net::listen::ListenError;

/// The Flagstaff daemon: feature flags in your own PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "flagstaffd", version)]
struct Arguments {
    /// The configuration file; else flagstaffd.toml in the user's configuration directory.
    #[arg(long, global = true, env = "FLAGSTAFF_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API.
    Serve,
    /// Serve a demonstration: seeds, a PostgreSQL of its own, loopback only.
    Demo {
        /// Start over: remove what the demo has kept.
        #[arg(long)]
        reset: bool,
    },
    /// Bring the database to this program's version.
    Migrate,
    /// Fill an empty installation with the example flags.
    Seed,
    /// Import an export of LaunchDarkly.
    Import {
        /// The export.
        file: PathBuf,
        /// Where the flags go.
        #[arg(long)]
        environment: String,
        /// The export's format.
        #[arg(long, default_value = "auto", value_parser = ["auto", "launchdarkly-client", "launchdarkly-server", "launchdarkly-rest"])]
        format: String,
        /// Say what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check the configuration and show what is in effect, and where each value came from.
    CheckConfig,
    /// Compare what the database derives with what it holds.
    Check,
    /// Write a copy of the database.
    Backup {
        /// The copy; else one named by the time in backup.directory.
        file: Option<PathBuf>,
    },
    /// Put a copy back.
    Restore {
        /// The copy.
        file: PathBuf,
        /// The name of the database, as a confirmation.
        #[arg(long, value_name = "DATABASE")]
        confirm: String,
    },
    /// Go on from a database that went back without a restore.
    AcceptRollback {
        /// The name of the database, as a confirmation.
        #[arg(long, value_name = "DATABASE")]
        confirm: String,
    },
    /// The audit's own tools.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Recompute the hash chain and compare it with what is stored.
    Verify,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A second provider in the process would be a mistake, not a reason to stop.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // anyhow's own form adds a backtrace where RUST_BACKTRACE is set.
            eprintln!("flagstaffd: {error:#}");
            let ours = error.is::<ConfigError>() || error.is::<ListenError>();
            ExitCode::from(if ours { 2 } else { 1 })
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sources = Sources::of_process(arguments.config.as_deref())?;
    match &arguments.command {
        Command::CheckConfig => check_config(&sources),
        other => {
            Loaded::from(&sources)?;
            Err(anyhow!("not built yet: {other:?}"))
        }
    }
}

fn check_config(sources: &Sources) -> anyhow::Result<()> {
    use std::io::Write as _;

    let loaded = Loaded::from(sources)?;
    let key = loaded.effective.iter().map(|(key, ..)| key.len()).max().unwrap_or_default();
    let value = loaded.effective.iter().map(|(_, value, _)| value.len().min(40)).max().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for (name, shown, origin) in &loaded.effective {
        match writeln!(out, "{name:key$} = {shown:value$}  # {origin}") {
            // `| head` has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            written => written.context("standard output")?,
        }
    }
    Ok(())
}
