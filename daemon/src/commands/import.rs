//! `flagstaffd import`: an export of LaunchDarkly, into an environment.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flagstaffd::config::Config;
use flagstaffd::service::WriteOptions;

use super::session::Session;
use super::{CommandError, stand_in};

/// What to take in, and where.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The export; - is standard input.
    file: PathBuf,
    /// Where the flags go.
    #[arg(long, short)]
    environment: String,
    /// The export's format.
    #[arg(long, default_value = "auto", value_parser = ["auto", "launchdarkly-client", "launchdarkly-server", "launchdarkly-rest"])]
    format: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The environment's key, where it is protected.
    #[arg(long, value_name = "TEXT")]
    confirm: Option<String>,
    /// Why, for the history.
    #[arg(long)]
    comment: Option<String>,
}

/// Imports, and prints the report.
///
/// # Errors
/// A file that cannot be read; whatever the import refuses.
pub async fn run(config: Config, wanted: Arguments) -> Result<ExitCode, CommandError> {
    let text = if wanted.file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(&wanted.file)
    };
    let text = text.map_err(|error| CommandError::Usage(format!("{}: {error}", wanted.file.display())))?;
    let session = Session::migrated(&config).await?;
    let options = WriteOptions {
        dry_run: wanted.dry_run,
        confirm: wanted.confirm,
        comment: wanted.comment,
        ..WriteOptions::default()
    };
    let done =
        stand_in::import(&session.cx("import"), &options, &wanted.format, &wanted.environment, &text).await;
    session.close().await;
    println!("{}", done?.body);
    Ok(ExitCode::SUCCESS)
}
