//! The demo's directory: marked as its own, so that nothing else is ever taken for it or removed.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::commands::CommandError;

/// The file that marks a directory as a demo's.
const MARK: &str = "flagstaff-demo";

/// The file that tells that the example flags are all there.
const FILLED: &str = "flagstaff-demo-filled";

fn failed(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> CommandError {
    let doing = format!("{doing} {}", path.display());
    move |error| CommandError::System(doing, error)
}

/// That the directory is the demo's, or empty, or not there.
///
/// # Errors
/// It holds something else, such as the data of a real daemon.
pub fn check(directory: &Path) -> Result<(), CommandError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", directory)(error)),
    };
    if directory.join(MARK).is_file() || entries.flatten().next().is_none() {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "data.directory: {} is not empty and was not made by a demo; the demo needs a directory of its own",
        directory.display()
    )))
}

/// Makes the directory and marks it.
///
/// # Errors
/// The file system's.
pub fn claim(directory: &Path) -> Result<(), CommandError> {
    // The user that root steps down to for PostgreSQL has to get through.
    let mode = if nix::unistd::Uid::effective().is_root() { 0o755 } else { 0o700 };
    let made = DirBuilder::new().recursive(true).mode(mode).create(directory);
    made.map_err(failed("make the directory", directory))?;
    let mark = directory.join(MARK);
    if mark.is_file() {
        return Ok(());
    }
    let text = "This directory belongs to `flagstaffd demo`; `--reset` removes what is in it.\n";
    fs::write(&mark, text).map_err(failed("write", &mark))
}

/// Remembers that everything is there.
///
/// # Errors
/// The file system's.
pub fn filled(directory: &Path) -> Result<(), CommandError> {
    let mark = directory.join(FILLED);
    fs::write(&mark, "The example flags were loaded.\n").map_err(failed("write", &mark))
}

/// Whether an earlier start was cut short before everything was there.
pub fn is_half_filled(directory: &Path, postgres: &Path) -> bool {
    directory.join(MARK).is_file() && postgres.join("pgdata").exists() && !directory.join(FILLED).is_file()
}

/// Removes what is in a directory that is marked. The directory itself stays.
///
/// # Errors
/// A daemon uses it; the file system's.
pub fn reset(directory: &Path, postgres: &Path) -> Result<(), CommandError> {
    if !directory.join(MARK).is_file() {
        return Ok(());
    }
    // A server of a demo that was killed may still run on it; one of a demo that lives holds the lock.
    let cleared = flagstaffd::postgres::cluster::clear(postgres);
    cleared.map_err(CommandError::from)?;
    let entries = fs::read_dir(directory).map_err(failed("read", directory))?;
    for entry in entries {
        let entry = entry.map_err(failed("read", directory))?;
        let path = entry.path();
        // The mark goes last of all, by being kept: what is left of a half removed demo is still a demo's.
        if entry.file_name() == MARK {
            continue;
        }
        let kind = entry.file_type().map_err(failed("read", &path))?;
        // A link is removed, never followed.
        let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(failed("remove", &path))?;
    }
    Ok(())
}
