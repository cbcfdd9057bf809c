//! `flagstaffd audit`: the history's own tools.

use std::process::ExitCode;

use clap::Subcommand;
use flagstaffd::config::Config;
use flagstaffd::service::findings::{Finding, Report};
use flagstaffd::service::verify;
use flagstaffd::store::StoreError;

use super::CommandError;
use super::session::Session;

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
    let report = look(&session).await;
    session.close().await;
    let report = report?;
    for finding in &report.findings {
        println!("{}", line(finding));
    }
    if report.untold > 0 {
        println!("and {} more", report.untold);
    }
    println!(
        "{} revisions, {} entries and {} rows at {}, hash {}",
        report.revisions, report.entries, report.rows, report.position, report.hash
    );
    if report.intact {
        println!("the history is valid");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

async fn look(session: &Session) -> Result<Report, CommandError> {
    let mut conn = session.pool.acquire().await.map_err(StoreError::from)?;
    Ok(verify::verify(&mut conn).await?)
}

/// A finding as a line: where, and what.
pub fn line(finding: &Finding) -> String {
    let place = match (finding.revision, finding.ordinal) {
        (Some(revision), Some(ordinal)) => format!("{revision}.{ordinal}: "),
        (Some(revision), None) => format!("{revision}: "),
        _ => String::new(),
    };
    format!("{place}{}", finding.detail)
}
