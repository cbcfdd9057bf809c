//! `flagstaffd seed`: the example flags, into an installation that has none.

use std::process::ExitCode;

use flagstaffd::config::Config;
use flagstaffd::service::Cx;
use flagstaffd::store;

use super::session::Session;
use super::{CommandError, stand_in};

/// Fills an empty installation.
///
/// # Errors
/// It is not empty; the database's.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    let session = Session::migrated(&config).await?;
    let seeded = once(&session.cx("cli")).await;
    session.close().await;
    if seeded? {
        println!("the example flags are there");
        return Ok(ExitCode::SUCCESS);
    }
    Err(CommandError::Usage("the installation has a history already; seeding is for an empty one".to_owned()))
}

/// Fills an installation without a history; true where it was one.
///
/// # Errors
/// The database's.
pub async fn once(cx: &Cx) -> Result<bool, CommandError> {
    let mut conn = cx.gate.read().await?;
    let head = store::head::get(&mut conn).await?;
    let founded = store::audit::since(&mut conn, shared::revision::Revision(0), 2).await?;
    drop(conn);
    // `serve` founds an installation with its first revision and nothing else.
    let only_founded =
        founded.iter().all(|revision| revision.header.kind == shared::audit::RevisionKind::Install);
    if head.position.revision.0 > 1 || !only_founded {
        return Ok(false);
    }
    stand_in::seed(cx).await.map_err(CommandError::from)?;
    Ok(true)
}
