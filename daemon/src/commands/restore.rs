//! `flagstaffd restore`: a copy put back, and a new epoch begun.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flagstaffd::app;
use flagstaffd::backup::tools::Tools;
use flagstaffd::backup::{prove, replace};
use flagstaffd::config::Config;
use flagstaffd::service::rollback::{self, Accepted, Rollback};
use flagstaffd::store::{self, StoreError};
use shared::revision::Position;

use super::CommandError;
use super::accept_rollback::{remembered, told};
use super::session::{self, Session};

/// Which copy, and into which database.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The copy.
    file: PathBuf,
    /// The name of the database whose content is replaced, as a confirmation.
    #[arg(long, value_name = "DATABASE")]
    confirm: String,
    /// The newest position that anybody has seen, EPOCH.REVISION; else what the database, its daemons and this
    /// host remember.
    #[arg(long, value_name = "POSITION")]
    lost_head: Option<Position>,
}

/// Proves the copy, puts it back in one transaction, and begins a new epoch.
///
/// # Errors
/// Why not; before the copy is put back nothing has changed.
pub async fn run(config: Config, wanted: Arguments) -> Result<ExitCode, CommandError> {
    let session = Session::open(&config).await?;
    let done = put_back(&config, &session, wanted).await;
    session.close().await;
    told(&done?);
    println!("sealed secrets need the key they were sealed with: {}", config.secrets.key_file.display());
    Ok(ExitCode::SUCCESS)
}

async fn put_back(config: &Config, session: &Session, wanted: Arguments) -> Result<Accepted, CommandError> {
    session::confirm(&session.pool, &wanted.confirm).await?;
    let named = |error| CommandError::Usage(format!("{}: {error}", wanted.file.display()));
    // Whole, so that no name looks like an option.
    let copy = std::fs::canonicalize(&wanted.file).map_err(named)?;
    let tools = Tools::new(config, &session.pool.connect_options());
    let manifest = prove::file(&tools, &copy).await?;
    let mut seen: Vec<Position> = wanted.lost_head.into_iter().chain(remembered(config)).collect();
    seen.extend(before(session).await?);
    replace::put_back(&tools, &copy).await?;
    app::migrate(&session.pool, session.clock.as_ref()).await?;
    let name = copy.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let reason = match manifest {
        Some(manifest) => {
            format!("restored from {name} ({}, sha256 {})", manifest.position, manifest.sha256)
        }
        None => format!("restored from {name}"),
    };
    Ok(rollback::accept(&session.cx("cli"), &Rollback { reason, seen }).await?)
}

/// What the database and its daemons stand at before it is replaced.
async fn before(session: &Session) -> Result<Vec<Position>, CommandError> {
    let mut conn = session.pool.acquire().await.map_err(StoreError::from)?;
    let (_, installed) = store::backups::database(&mut conn).await?;
    if !installed {
        return Ok(Vec::new());
    }
    let mut seen = Vec::new();
    // What is replaced may be damaged: that must not keep anybody from replacing it.
    if let Ok(head) = store::head::get(&mut conn).await {
        seen.push(head.position);
    }
    if let Ok(beats) = store::daemons::list(&mut conn, 3600.0).await {
        seen.extend(beats.into_iter().map(|beat| beat.position));
    }
    Ok(seen)
}
