//! `flagstaffd migrate`: the database at this program's version.

use std::process::ExitCode;

use flagstaffd::app;
use flagstaffd::config::Config;

use super::CommandError;
use super::session::Session;

/// Migrates, and says what the newest migration is.
///
/// # Errors
/// The database's.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    let session = Session::migrated(&config).await?;
    session.close().await;
    let newest = app::MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    println!("the database is at migration {newest}");
    Ok(ExitCode::SUCCESS)
}
