//! `flagstaffd check`: what the database derives, compared with what it holds.

use std::process::ExitCode;

use flagstaffd::config::Config;

use super::session::Session;
use super::{CommandError, stand_in};

/// Prints what is wrong, a line each; exit code 1 where anything is.
///
/// # Errors
/// The database's.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    let session = Session::open(&config).await?;
    let found = stand_in::check(&session.pool).await;
    session.close().await;
    let found = found?;
    for line in &found {
        println!("{line}");
    }
    if found.is_empty() {
        println!("nothing is wrong");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
