//! `flagstaffd check-config`: what is in effect, and where each value came from.

use std::io::Write as _;
use std::process::ExitCode;

use flagstaffd::config::load::Loaded;
use flagstaffd::config::sources::Sources;

use super::CommandError;

/// Prints key, value and origin, a line each.
///
/// # Errors
/// The first thing that is wrong with the configuration.
pub fn run(sources: &Sources) -> Result<ExitCode, CommandError> {
    let loaded = Loaded::from(sources)?;
    let key = loaded.effective.iter().map(|(key, ..)| key.len()).max().unwrap_or_default();
    let value = loaded.effective.iter().map(|(_, value, _)| value.len().min(40)).max().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for (name, shown, origin) in &loaded.effective {
        match writeln!(out, "{name:key$} = {shown:value$}  # {origin}") {
            // `| head` has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(CommandError::System("write to standard output".to_owned(), error)),
            Ok(()) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}
