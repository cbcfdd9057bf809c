//! Puts a copy back in place of what the database holds, in one transaction.

use std::ffi::OsStr;
use std::path::Path;

use super::BackupError;
use super::tools::Tools;

/// Replaces our tables with those of the copy: all of it, or nothing.
///
/// # Errors
/// Why not; then the database holds what it held.
pub async fn put_back(tools: &Tools, copy: &Path) -> Result<(), BackupError> {
    let fixed = [
        "--single-transaction",
        "--exit-on-error",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--no-password",
    ];
    // Spelled out: a bare name with an equals sign in it would be read as something else.
    let name = tools.database().replace('\\', "\\\\").replace('\'', "\\'");
    let target = format!("--dbname=dbname='{name}'");
    let mut arguments: Vec<&OsStr> = fixed.iter().map(OsStr::new).collect();
    arguments.extend([OsStr::new(&target), copy.as_os_str()]);
    tools.run("pg_restore", &arguments).await.map(|_| ())
}
