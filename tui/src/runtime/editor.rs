//! Hands a text to `$EDITOR` and takes it back.

use crate::message::Edited;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command of the person's editor: of the settings, `VISUAL`, `EDITOR`, else `vi`.
#[must_use]
pub fn command(own: Option<&str>, variables: &dyn Fn(&str) -> Option<String>) -> String {
    own.map(str::to_owned)
        .or_else(|| variables("VISUAL"))
        .or_else(|| variables("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned())
}

/// Edits `text` in a file of `folder` that nobody else can read. The terminal must have been given back before.
#[must_use]
pub fn edit(command: &str, folder: &Path, name: &str, text: &str) -> Edited {
    match run(command, folder, name, text) {
        Ok(edited) => edited,
        Err(error) => Edited::Failed(format!("{command}: {error}")),
    }
}

fn run(command: &str, folder: &Path, name: &str, text: &str) -> std::io::Result<Edited> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = file(folder, name);
    let mut to = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    to.write_all(text.as_bytes())?;
    to.write_all(b"\n")?;
    to.sync_all()?;
    drop(to);
    // The variable may hold arguments, and people rely on their shell's quoting in it.
    let status =
        Command::new("sh").arg("-c").arg(format!("{command} \"$1\"")).arg("sh").arg(&path).status()?;
    if !status.success() {
        let _ = fs::remove_file(&path);
        return Ok(Edited::Failed(format!("{command} ended with {status}: nothing was taken over")));
    }
    let edited = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    let edited = edited.strip_suffix('\n').unwrap_or(&edited);
    Ok(if edited == text { Edited::Unchanged } else { Edited::Text(edited.to_owned()) })
}

fn file(folder: &Path, name: &str) -> PathBuf {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' })
        .take(80)
        .collect();
    folder.join(format!("{name}.{}.json", std::process::id()))
}
