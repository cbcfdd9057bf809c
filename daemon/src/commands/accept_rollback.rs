//! `flagstaffd accept-rollback`: goes on from a database that went back.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use flagstaffd::config::Config;
use flagstaffd::live::disk::Disk;
use flagstaffd::secrets::Secrets;
use flagstaffd::service::rollback::{self, Accepted, Rollback};
use shared::revision::Position;

use super::CommandError;
use super::session::{self, Session};

/// What the operator says about it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The name of the database, as a confirmation.
    #[arg(long, value_name = "DATABASE")]
    confirm: String,
    /// The newest position that anybody has seen, EPOCH.REVISION; else what daemons and this host remember.
    #[arg(long, value_name = "POSITION")]
    lost_head: Option<Position>,
    /// Why the database went back, for the history.
    #[arg(long)]
    comment: Option<String>,
}

/// Begins a new epoch.
///
/// # Errors
/// Another database than the operator means; the database's.
pub async fn run(config: Config, wanted: Arguments) -> Result<ExitCode, CommandError> {
    let session = Session::migrated(&config).await?;
    let accepted = accept(&config, &session, wanted).await;
    session.close().await;
    told(&accepted?);
    Ok(ExitCode::SUCCESS)
}

async fn accept(config: &Config, session: &Session, wanted: Arguments) -> Result<Accepted, CommandError> {
    session::confirm(&session.pool, &wanted.confirm).await?;
    let reason = wanted.comment.unwrap_or_else(|| "the database went back and was accepted".to_owned());
    let seen = wanted.lost_head.into_iter().chain(remembered(config)).collect();
    Ok(rollback::accept(&session.cx("cli"), &Rollback { reason, seen }).await?)
}

/// What the catalog that this host kept on disk says.
pub fn remembered(config: &Config) -> Option<Position> {
    let secrets = Secrets::load(&config.secrets.key_file);
    let key = Arc::new(move || secrets.catalog_mac());
    Disk::below(&config.data.directory, key).read().map(|remembered| remembered.catalog.position)
}

/// Says what was begun.
pub fn told(accepted: &Accepted) {
    let Accepted { position, restored, seen } = accepted;
    println!("the database stood at {restored}, the newest position that was seen is {seen}");
    println!("a new epoch begins at {position}: every client gets the whole state, and writes go on");
}
