//! `flagstaffd serve`: the daemon.

use std::process::ExitCode;
use std::sync::Arc;

use flagstaffd::clock::SystemClock;
use flagstaffd::config::Config;
use flagstaffd::telemetry;

use super::CommandError;
use super::daemon::Daemon;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Why it did not start.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    telemetry::start_log(&config.log)?;
    let daemon = Daemon::prepare(config, Arc::new(SystemClock::new())).await?;
    daemon
        .serve(|places| {
            for place in places {
                tracing::info!("listening on {place}");
            }
        })
        .await?;
    Ok(ExitCode::SUCCESS)
}
