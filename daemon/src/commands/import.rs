//! `flagstaffd import`: an export of LaunchDarkly, into an environment.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flagstaffd::config::Config;
use flagstaffd::import;
use flagstaffd::secrets::Secrets;
use flagstaffd::service::WriteOptions;
use flagstaffd::service::commit::Answer;
use flagstaffd::store::StoreError;
use shared::import::Format;
use shared::key::{EnvironmentKey, ProjectKey};

use super::CommandError;
use super::session::Session;

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
    let format = import::format_of(&wanted.format).map_err(CommandError::Usage)?;
    let environment = EnvironmentKey::new(wanted.environment)
        .map_err(|error| CommandError::Usage(format!("--environment: {error}")))?;
    let session = Session::migrated(&config).await?;
    let options = WriteOptions {
        dry_run: wanted.dry_run,
        confirm: wanted.confirm,
        comment: wanted.comment,
        ..WriteOptions::default()
    };
    let done = take_in(&config, &session, &options, format, environment, &text).await;
    session.close().await;
    println!("{}", done?.body);
    Ok(ExitCode::SUCCESS)
}

async fn take_in(
    config: &Config,
    session: &Session,
    options: &WriteOptions,
    format: Option<Format>,
    environment: EnvironmentKey,
    text: &str,
) -> Result<Answer, CommandError> {
    // SDK keys in an export are sealed; without a key they are left out, and the report says so.
    let secrets = Secrets::load(&config.secrets.key_file);
    let mut conn = session.pool.acquire().await.map_err(StoreError::from)?;
    secrets.confirm(&mut conn).await?;
    drop(conn);
    let place = (ProjectKey::default(), Some(environment));
    Ok(import::run_text(&session.cx("import"), options, format, place, &secrets, text).await?)
}
