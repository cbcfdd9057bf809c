//! `flagstaff draft`: edits that were begun and not applied, as they lie on disk.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use shared::json::Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::global::Global;
use super::session::Setup;
use super::sheet::{Columns, Sheet, say};
use super::trouble::{Exit, Trouble};

/// Drafts: edits that were begun in the full screen and not applied
#[derive(Subcommand, Debug)]
pub enum Draft {
    /// List drafts of all profiles
    Ls,
    /// Write a draft to standard output
    Show {
        /// Its name, as `draft ls` shows it
        name: String,
    },
    /// Throw a draft away
    Rm {
        /// Its name, as `draft ls` shows it
        name: String,
    },
}

/// Runs one.
///
/// # Errors
/// There is no such draft; the file system's.
pub fn run(command: Draft, global: &Global) -> Result<(), Trouble> {
    let root = Setup::load()?.places.state.join("drafts");
    match command {
        Draft::Ls => ls(&root, global),
        Draft::Show { name } => {
            let text = std::fs::read_to_string(named(&root, &name)?)?;
            say(&text)?;
            if text.ends_with('\n') { Ok(()) } else { say("\n") }
        }
        Draft::Rm { name } => {
            let path = named(&root, &name)?;
            std::fs::remove_file(&path)?;
            for beside in ["meta", "lock"] {
                drop(std::fs::remove_file(path.with_extension(beside)));
            }
            say(&format!("{name} is thrown away\n"))
        }
    }
}

/// The draft of a name, which cannot lead out of their directory.
fn named(root: &Path, name: &str) -> Result<PathBuf, Trouble> {
    let found = all(root)?.into_iter().find(|path| name_of(root, path) == name);
    found.ok_or_else(|| {
        Trouble::new(Exit::NotFound, "not-found", format!("there is no draft {name}"))
            .hint("flagstaff draft ls")
    })
}

fn name_of(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).with_extension("").display().to_string()
}

fn all(root: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn ls(root: &Path, global: &Global) -> Result<(), Trouble> {
    let mut items = Vec::new();
    for path in all(root)? {
        let about = std::fs::metadata(&path)?;
        let saved = about.modified().ok().and_then(|at| OffsetDateTime::from(at).format(&Rfc3339).ok());
        let item: Json = [
            ("name", Json::from(name_of(root, &path))),
            ("saved", saved.map_or(Json::Null, Json::from)),
            ("bytes", Json::from(about.len())),
            ("path", Json::from(path.display().to_string())),
        ]
        .into_iter()
        .collect();
        items.push(item);
    }
    let columns = Columns::new()
        .member("name", "name")
        .member("saved", "saved")
        .member("bytes", "bytes")
        .member("path", "path")
        .wide();
    Sheet::list("flagstaff.drafts/1", columns, items).print(global)
}
