//! `flagstaffd seed`: the example flags, into an installation that has none.

use std::process::ExitCode;

use flagstaffd::config::Config;
use flagstaffd::seed;

use super::CommandError;
use super::session::Session;

/// Fills an empty installation.
///
/// # Errors
/// It is not empty; the database's.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    let session = Session::migrated(&config).await?;
    let seeded = seed::run(&session.cx("cli")).await;
    session.close().await;
    if seeded? {
        println!("the example flags are there");
        return Ok(ExitCode::SUCCESS);
    }
    Err(CommandError::Usage("the installation has a history already; seeding is for an empty one".to_owned()))
}
