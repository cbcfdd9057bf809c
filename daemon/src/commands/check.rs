//! `flagstaffd check`: what the database derives, compared with what it holds.

use std::process::ExitCode;

use flagstaffd::config::Config;
use flagstaffd::live::load::load;
use flagstaffd::service::verify;
use flagstaffd::store::StoreError;

use super::session::Session;
use super::{CommandError, audit};

/// Prints what is wrong, a line each; exit code 1 where anything is.
///
/// # Errors
/// The database's.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    let session = Session::open(&config).await?;
    let found = look(&session).await;
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

/// Rows that cannot be served as they stand, and what is stored twice and differs. The history is `audit verify`'s.
async fn look(session: &Session) -> Result<Vec<String>, CommandError> {
    let catalog = load(&session.pool).await?;
    let mut conn = session.pool.acquire().await.map_err(StoreError::from)?;
    let found = verify::check(&mut conn).await?;
    let degraded = catalog.degraded.iter().map(|(what, why)| format!("{what}: {why}"));
    Ok(degraded.chain(found.iter().map(audit::line)).collect())
}
