//! Drafts on disk: one file for each edit that was not applied yet, written whole or not at all.

use crate::effect::Draft;
use crate::route::Document;
use serde::{Deserialize, Serialize};
use shared::json::{Json, digest};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The version of the files' format.
const FORMAT: u32 = 1;
/// The longest part of a file name that is made of a key, in bytes.
const LONGEST: usize = 80;

/// Why a draft is not on disk, or cannot be read from it.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The folder cannot be made or read.
    #[error("the folder {0} of the drafts: {1}")]
    Folder(PathBuf, io::Error),
    /// A file cannot be written or taken away.
    #[error("{0}: {1}")]
    Write(PathBuf, io::Error),
    /// A file cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// A file is no draft of this program.
    #[error("{0} is no draft: {1}")]
    Format(PathBuf, String),
}

/// A draft as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    format: u32,
    document: Name,
    base_revision: u64,
    saved_at: String,
    text: String,
    base: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Name {
    Config { flag: String, environment: String },
    Flag { flag: String },
    Variation { flag: String, index: usize },
    Segment { segment: String, environment: String },
}

impl Name {
    fn of(document: &Document) -> Self {
        match document.clone() {
            Document::Config { flag, environment } => Self::Config { flag, environment },
            Document::Flag { flag } => Self::Flag { flag },
            Document::Variation { flag, index } => Self::Variation { flag, index },
            Document::Segment { segment, environment } => Self::Segment { segment, environment },
        }
    }

    fn document(self) -> Document {
        match self {
            Self::Config { flag, environment } => Document::Config { flag, environment },
            Self::Flag { flag } => Document::Flag { flag },
            Self::Variation { flag, index } => Document::Variation { flag, index },
            Self::Segment { segment, environment } => Document::Segment { segment, environment },
        }
    }
}

/// The folder of the drafts of a project, by the profile that leads there, in the state folder of the program.
#[must_use]
pub fn folder(state: &Path, profile: &str, project: &str) -> PathBuf {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name = |name: &str| {
        let simple = (1..=64).contains(&name.len()) && name.chars().all(plain);
        if simple { name.to_owned() } else { file_name(&[name]) }
    };
    state.join("drafts").join(name(profile)).join(name(project))
}

/// The file of a document's draft in its folder. No two documents share one, whatever their keys are, and
/// also where capitals do not count.
#[must_use]
pub fn file(folder: &Path, document: &Document) -> PathBuf {
    let name = match document {
        Document::Config { flag, environment } => file_name(&["config", environment, flag]),
        Document::Flag { flag } => file_name(&["flag", flag]),
        Document::Variation { flag, index } => file_name(&["variation", &index.to_string(), flag]),
        Document::Segment { segment, environment } => file_name(&["segment", environment, segment]),
    };
    folder.join(format!("{name}.json"))
}

/// Parts as one name that each file system takes, with a digest of what they really are.
fn file_name(parts: &[&str]) -> String {
    let exact: Json = parts.iter().map(|part| Json::from(*part)).collect::<Vec<_>>().into();
    let mut name = String::new();
    for part in parts {
        let from = name.len();
        for c in part.chars() {
            let plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if name.len() - from < LONGEST {
                name.push(if plain { c } else { '_' });
            }
        }
        name.push('.');
    }
    format!("{name}{:016x}", digest(&exact))
}

/// Writes a draft: to another file first, flushed to the disk, then in place of the old one. Only its owner
/// can read it.
///
/// # Errors
/// The draft is not on disk; what was there before still is.
pub fn save(folder: &Path, draft: &Draft) -> Result<(), DraftError> {
    make(folder).map_err(|error| DraftError::Folder(folder.to_owned(), error))?;
    let path = file(folder, &draft.document);
    write(folder, &path, &encode(draft)).map_err(|error| DraftError::Write(path, error))
}

fn encode(draft: &Draft) -> Vec<u8> {
    let kept = Kept {
        format: FORMAT,
        document: Name::of(&draft.document),
        base_revision: draft.base_revision,
        saved_at: draft.saved_at.format(&Rfc3339).unwrap_or_default(),
        text: draft.text.clone(),
        base: draft.base.clone(),
    };
    let mut bytes = serde_json::to_vec_pretty(&kept).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = folder.join(name);
    let done = fill(&fresh, bytes).and_then(|()| fs::rename(&fresh, path));
    if done.is_err() {
        // What could not become the draft is of no use; the error above is the one to tell.
        let _ = fs::remove_file(&fresh);
    }
    done?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Takes a draft away; it may be gone already.
///
/// # Errors
/// It is still there.
pub fn drop(folder: &Path, document: &Document) -> Result<(), DraftError> {
    let path = file(folder, document);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DraftError::Write(path, error)),
        _ => Ok(()),
    }
}

/// Reads all drafts of a folder, the newest first, and what is wrong with the files that are none. No folder:
/// no drafts. Nothing is taken away.
///
/// # Errors
/// The folder cannot be read.
pub fn load_all(folder: &Path) -> Result<(Vec<Draft>, Vec<DraftError>), DraftError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(DraftError::Folder(folder.to_owned(), error)),
    };
    let (mut drafts, mut faults) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(|error| DraftError::Folder(folder.to_owned(), error))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match load(&path) {
            Ok(draft) => drafts.push(draft),
            Err(error) => faults.push(error),
        }
    }
    drafts.sort_by(|a: &Draft, b| b.saved_at.cmp(&a.saved_at).then_with(|| a.document.cmp(&b.document)));
    Ok((drafts, faults))
}

/// Reads one draft.
///
/// # Errors
/// The file cannot be read, or is no draft.
pub fn load(path: &Path) -> Result<Draft, DraftError> {
    let bytes = fs::read(path).map_err(|error| DraftError::Read(path.to_owned(), error))?;
    let wrong = |detail: String| DraftError::Format(path.to_owned(), detail);
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if kept.format != FORMAT {
        return Err(wrong(format!("its format is {}, and this program knows {FORMAT}", kept.format)));
    }
    Ok(Draft {
        document: kept.document.document(),
        text: kept.text,
        base: kept.base,
        base_revision: kept.base_revision,
        saved_at: OffsetDateTime::parse(&kept.saved_at, &Rfc3339)
            .map_err(|error| wrong(error.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;

    fn draft(document: Document, text: &str) -> Draft {
        Draft {
            document,
            text: text.to_owned(),
            base: "{}".to_owned(),
            base_revision: 48,
            saved_at: OffsetDateTime::UNIX_EPOCH + time::Duration::nanoseconds(1_764_000_000_123_456_789),
        }
    }

    fn config(flag: &str) -> Document {
        Document::Config { flag: flag.to_owned(), environment: "prod".to_owned() }
    }

    #[test]
    fn a_draft_is_read_by_its_owner_only_and_leaves_no_other_file() {
        let state = tempfile::tempdir().unwrap();
        let folder = folder(state.path(), "acme", "default");
        save(&folder, &draft(config("a"), "{")).unwrap();
        save(&folder, &draft(config("a"), "{}")).unwrap();
        let files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files, [file(&folder, &config("a"))]);
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(load_all(&folder).unwrap().0, [draft(config("a"), "{}")]);
        drop(&folder, &config("a")).unwrap();
        drop(&folder, &config("a")).unwrap();
        assert!(load_all(&folder).unwrap().0.is_empty());
    }

    #[test]
    fn a_file_that_is_no_draft_is_named_and_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let folder = folder(state.path(), "acme", "default");
        assert!(load_all(&folder).unwrap().0.is_empty());
        save(&folder, &draft(config("a"), "{}")).unwrap();
        fs::write(folder.join("half.json"), "{\"format\": 1,").unwrap();
        fs::write(
            folder.join("later.json"),
            fs::read_to_string(file(&folder, &config("a")))
                .unwrap()
                .replace("\"format\": 1", "\"format\": 2"),
        )
        .unwrap();
        let (drafts, faults) = load_all(&folder).unwrap();
        assert_eq!(drafts.len(), 1);
        let said: BTreeSet<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2);
        assert!(said.iter().any(|s| s.contains("half.json is no draft")), "{said:?}");
        assert!(said.iter().any(|s| s.contains("its format is 2")), "{said:?}");
        assert!(folder.join("half.json").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("drafts"), "in the way").unwrap();
        let folder = folder(state.path(), "acme", "default");
        let error = save(&folder, &draft(config("a"), "{}")).unwrap_err();
        assert!(matches!(&error, DraftError::Folder(path, _) if *path == folder), "{error}");
    }

    fn document() -> impl Strategy<Value = Document> {
        let key =
            || prop_oneof!["[a-cA-C./]{0,3}", any::<String>(), "\\PC{100,200}", Just("../../x".to_owned())];
        prop_oneof![
            (key(), key()).prop_map(|(flag, environment)| Document::Config { flag, environment }),
            key().prop_map(|flag| Document::Flag { flag }),
            (key(), any::<usize>()).prop_map(|(flag, index)| Document::Variation { flag, index }),
            (key(), key()).prop_map(|(segment, environment)| Document::Segment { segment, environment }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn what_is_saved_is_loaded_whatever_the_keys_are(
            drafts in prop::collection::btree_map(document(), (any::<String>(), any::<String>(), any::<u64>()), 1..6)
        ) {
            let state = tempfile::tempdir().unwrap();
            let folder = folder(state.path(), "../\u{1b}", "..");
            let mut all = Vec::new();
            for (document, (text, base, base_revision)) in drafts {
                let draft = Draft { base, base_revision, ..draft(document, &text) };
                save(&folder, &draft).unwrap();
                let path = file(&folder, &draft.document);
                prop_assert_eq!(path.parent(), Some(folder.as_path()));
                all.push(draft);
            }
            prop_assert!(folder.starts_with(state.path().join("drafts")));
            prop_assert_eq!(load_all(&folder).unwrap().0, all.clone());
            for draft in &all {
                drop(&folder, &draft.document).unwrap();
            }
            prop_assert!(load_all(&folder).unwrap().0.is_empty());
        }

        #[test]
        fn no_two_documents_share_a_file(a in document(), b in document()) {
            let name = |document: &Document| file(Path::new("/"), document).to_string_lossy().to_lowercase();
            prop_assert_eq!(name(&a) == name(&b), a == b);
            prop_assert!(name(&a).len() <= 255);
        }
    }
}
