//! `flagstaff draft`: edits that were begun and not applied, as they lie on disk.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use shared::json::Json;
use time::format_description::well_known::Rfc3339;

use super::global::Global;
use super::session::Setup;
use super::sheet::{Columns, Sheet, say};
use super::trouble::{Exit, Trouble};
use crate::drafts;
use crate::effect::Draft as Kept;
use crate::route::Document;
use crate::text::shown;

/// Drafts: edits that were begun in the full screen and not applied
#[derive(Subcommand, Debug)]
pub enum Draft {
    /// List drafts of all profiles
    Ls,
    /// Write the text of a draft to standard output
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
        Draft::Ls => ls(all(&root)?, global),
        Draft::Show { name } => {
            let (_, draft) = named(&root, &name)?;
            say(&draft.text)?;
            if draft.text.ends_with('\n') { Ok(()) } else { say("\n") }
        }
        Draft::Rm { name } => {
            let (folder, draft) = named(&root, &name)?;
            drafts::drop(&folder, &draft.document).map_err(|error| Trouble::usage(error.to_string()))?;
            say(&format!("{} is thrown away\n", shown(&name)))
        }
    }
}

/// The draft of a name, with its folder.
fn named(root: &Path, name: &str) -> Result<(PathBuf, Kept), Trouble> {
    let mut found: Vec<_> =
        all(root)?.into_iter().filter(|(folder, draft)| name_of(folder, draft) == name).collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Trouble::usage(format!("several drafts are called {name}"))
            .hint("`draft ls -o wide` shows their files")),
        (None, _) => Err(Trouble::new(Exit::NotFound, "not-found", format!("there is no draft {name}"))
            .hint("flagstaff draft ls")),
    }
}

/// `acme/production/pay`: the profile, the project where it is not the default one, the environment, the key.
fn name_of(folder: &Path, draft: &Kept) -> String {
    let plain = |folder: Option<&Path>| {
        let name = folder.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        // A name that is no file name ends with a digest, so that no two share a folder.
        name.rsplit_once('.').map_or(name.clone(), |(name, _)| name.to_owned())
    };
    let place = match (plain(folder.parent()), plain(Some(folder))) {
        (profile, project) if project == "default" => profile,
        (profile, project) => format!("{profile}/{project}"),
    };
    match &draft.document {
        Document::Config { flag, environment } => format!("{place}/{environment}/{flag}"),
        Document::Flag { flag } => format!("{place}/{flag}"),
        Document::Variation { flag, index } => format!("{place}/{flag}/{index}"),
        Document::Segment { segment, environment } => format!("{place}/{environment}/segment/{segment}"),
    }
}

fn kind(document: &Document) -> &'static str {
    match document {
        Document::Config { .. } => "configuration",
        Document::Flag { .. } => "flag",
        Document::Variation { .. } => "variation",
        Document::Segment { .. } => "segment",
    }
}

/// Every draft with its folder, the newest of each project first; what cannot be read is told and left alone.
fn all(root: &Path) -> Result<Vec<(PathBuf, Kept)>, Trouble> {
    let mut found = Vec::new();
    for profile in folders(root)? {
        for folder in folders(&profile)? {
            let (drafts, faults) =
                drafts::load_all(&folder).map_err(|error| Trouble::usage(error.to_string()))?;
            for fault in faults {
                eprintln!("flagstaff: {}", shown(&fault.to_string()));
            }
            found.extend(drafts.into_iter().map(|draft| (folder.clone(), draft)));
        }
    }
    Ok(found)
}

/// The folders in a folder, by name; none in one that is not there.
fn folders(of: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let mut found = match std::fs::read_dir(of) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

fn ls(found: Vec<(PathBuf, Kept)>, global: &Global) -> Result<(), Trouble> {
    let items = found.into_iter().map(|(folder, draft)| {
        let saved = draft.saved_at.format(&Rfc3339).ok();
        [
            ("name", Json::from(name_of(&folder, &draft))),
            ("kind", Json::from(kind(&draft.document))),
            ("baseRevision", Json::from(draft.base_revision)),
            ("savedAt", saved.map_or(Json::Null, Json::from)),
            ("changed", Json::Bool(draft.text != draft.base)),
            ("path", Json::from(drafts::file(&folder, &draft.document).display().to_string())),
        ]
        .into_iter()
        .collect()
    });
    let columns = Columns::new()
        .member("name", "name")
        .member("kind", "kind")
        .member("base", "baseRevision")
        .member("saved", "savedAt")
        .member("path", "path")
        .wide();
    Sheet::list("flagstaff.drafts/1", columns, items.collect()).print(global)
}
