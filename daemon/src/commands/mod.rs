//! GROUND: how a command fails, and with which exit code. One file a command.
//!
//! The children import this file; it imports none of them. `session` and `daemon` stand under several.

pub mod accept_rollback;
pub mod audit;
pub mod backup;
pub mod check;
pub mod check_config;
pub mod daemon;
pub mod demo;
pub mod import;
pub mod migrate;
pub mod restore;
pub mod seed;
pub mod serve;
pub mod session;

use std::path::PathBuf;

use flagstaffd::app::StartError;
use flagstaffd::backup::BackupError;
use flagstaffd::config::ConfigError;
use flagstaffd::net::listen::ListenError;
use flagstaffd::postgres::PostgresError;
use flagstaffd::postgres::find::FindError;
use flagstaffd::service::Refusal;
use flagstaffd::store::StoreError;
use flagstaffd::telemetry::TelemetryError;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What was asked for cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// No server programs for a private PostgreSQL.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The private PostgreSQL does not start.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// No logs or no metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The daemon does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The database refuses.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    /// A use case refuses.
    #[error("{}", told(.0))]
    Refused(#[from] Refusal),
    /// A copy was not made, not proven or not put back.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A copy was restored beside the database, and its history is not valid.
    #[error("{path}: its history is not valid:\n  {findings}", path = .0.display(), findings = .1)]
    Unproven(PathBuf, String),
    /// The system refuses.
    #[error("cannot {0}: {1}")]
    System(String, std::io::Error),
    /// It was told to stop before it was done.
    #[error("stopped")]
    Stopped,
}

impl CommandError {
    /// 2 for what the operator has to put right in the command or the configuration, else 1.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Listen(_) | Self::Usage(_) => 2,
            Self::Start(StartError::Address(_) | StartError::Listen(_)) => 2,
            _ => 1,
        }
    }
}

/// A refusal with its faults, a line each.
fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(faults) | Refusal::Malformed(faults) => {
            let lines = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail));
            lines.collect::<Vec<_>>().join("\n  ")
        }
        Refusal::Plan(_, plan) => match &plan.confirmation {
            Some(wanted) => {
                let comment = if wanted.comment_required { " and a comment" } else { "" };
                format!("this changes a protected environment: say --confirm '{}'{comment}", wanted.text)
            }
            None => refusal.to_string(),
        },
        other => other.to_string(),
    }
}
