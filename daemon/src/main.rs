//! `flagstaffd`: reads the arguments and starts what they name.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use flagstaffd::config::Config;
use flagstaffd::config::sources::Sources;

use commands::CommandError;

/// Requests make many small things at once, which this allocator gives out for less than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    Demo(commands::demo::Arguments),
    /// Bring the database to this program's version.
    Migrate,
    /// Fill an empty installation with the example flags.
    Seed,
    /// Import an export of LaunchDarkly.
    Import(commands::import::Arguments),
    /// Check the configuration and show what is in effect, and where each value came from.
    CheckConfig,
    /// Compare what the database derives with what it holds.
    Check,
    /// Write a copy of the database; the secrets key is not in it.
    Backup(commands::backup::Arguments),
    /// Put a copy back, and begin a new epoch.
    Restore(commands::restore::Arguments),
    /// Go on from a database that went back without a restore: begin a new epoch.
    AcceptRollback(commands::accept_rollback::Arguments),
    /// The audit's own tools.
    Audit {
        #[command(subcommand)]
        command: commands::audit::Command,
    },
}

/// How long work that nobody waits for any more may take to end: it holds up no exit, whatever it does.
const LEFT_OVER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A second provider in the process would be a mistake, not a reason to stop.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let audit = matches!(arguments.command, Command::Audit { .. });
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("flagstaffd: {error}");
            // `audit verify` keeps 1 for what it finds.
            ExitCode::from(if audit { 2 } else { error.code() })
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let sources = Sources::of_process(arguments.config.as_deref())?;
    if let Command::CheckConfig = arguments.command {
        return commands::check_config::run(&sources);
    }
    let config = match &arguments.command {
        Command::Demo(_) => Config::load_demo(&sources)?,
        _ => Config::load(&sources)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| CommandError::System("start the runtime".to_owned(), source))?;
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Serve => commands::serve::run(config).await,
            Command::Demo(wanted) => commands::demo::run(config, wanted).await,
            Command::Migrate => commands::migrate::run(config).await,
            Command::Seed => commands::seed::run(config).await,
            Command::Import(wanted) => commands::import::run(config, wanted).await,
            Command::Check => commands::check::run(config).await,
            Command::Backup(wanted) => commands::backup::run(config, wanted).await,
            Command::Restore(wanted) => commands::restore::run(config, wanted).await,
            Command::AcceptRollback(wanted) => commands::accept_rollback::run(config, wanted).await,
            Command::Audit { command } => commands::audit::run(config, command).await,
            // Answered above, before there was a configuration to rely on.
            Command::CheckConfig => Ok(ExitCode::SUCCESS),
        }
    });
    runtime.shutdown_timeout(LEFT_OVER);
    ended
}
