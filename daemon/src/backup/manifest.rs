//! What lies beside a copy: which database it is of, at which position, and its sum.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::audit::hex;
use shared::revision::Position;
use time::OffsetDateTime;

use super::BackupError;

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The program that made it.
    pub version: String,
    /// The database it is of.
    pub database: String,
    /// The head in it.
    pub position: Position,
    /// The head's hash, hexadecimal.
    pub hash: String,
    /// The file's SHA-256, hexadecimal.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Names the secrets key that opens the sealed secrets in it; the key itself is not in the copy.
    pub secrets_id: Option<String>,
}

impl Manifest {
    /// Where the manifest of a copy lies.
    pub fn place(copy: &Path) -> PathBuf {
        let mut name = copy.as_os_str().to_owned();
        name.push(".json");
        PathBuf::from(name)
    }

    /// Reads the manifest of a copy; none where there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn of(copy: &Path) -> Result<Option<Self>, BackupError> {
        let path = Self::place(copy);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::files("read", path)(error)),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| BackupError::Manifest { path, reason: error.to_string() })
    }

    /// Writes it beside the copy, to the disk.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, copy: &Path) -> Result<(), BackupError> {
        let path = Self::place(copy);
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        let beside = path.with_extension("json~");
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&beside, &path));
        written.map_err(BackupError::files("write", path))
    }
}

/// SHA-256 (hexadecimal) and size of a file.
///
/// # Errors
/// The file system's.
pub fn sum(path: &Path) -> Result<(String, u64), BackupError> {
    let mut file = File::open(path).map_err(BackupError::files("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(BackupError::files("read", path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        bytes += read as u64;
    }
    Ok((hex(&hasher.finalize()), bytes))
}
