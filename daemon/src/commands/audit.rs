//! `flagstaffd audit`: the history's own tools.

use std::process::ExitCode;

use clap::Subcommand;
use flagstaffd::config::Config;

use super::session::Session;
use super::{CommandError, stand_in};

/// What can be done with the history.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Recompute the hash chain and compare it with what is stored: 0 valid, 1 findings, 2 could not run.
    Verify,
}

/// Runs one of them.
///
/// # Errors
/// It could not be run.
pub async fn run(config: Config, command: Command) -> Result<ExitCode, CommandError> {
    let Command::Verify = command;
    let session = Session::open(&config).await?;
    let found = stand_in::verify(&session.pool).await;
    session.close().await;
    let found = found?;
    for line in &found {
        println!("{line}");
    }
    if found.is_empty() {
        println!("the history is valid");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
