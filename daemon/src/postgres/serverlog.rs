//! The server's log file: kept from growing for ever, and its last lines for a message.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::PostgresError;

/// A log above this size, in bytes, is put aside at the next start.
const LARGEST: u64 = 8 * 1024 * 1024;

/// As much of the log's end, in bytes, as goes into a message.
const TAIL: u64 = 1500;

/// Opens `path` to append to it; one that has grown large becomes `postgres.log.1`, whose old content is dropped.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: &Path) -> Result<File, PostgresError> {
    if fs::metadata(path).is_ok_and(|data| data.len() > LARGEST) {
        let aside = path.with_extension("log.1");
        fs::rename(path, &aside).map_err(PostgresError::files("put aside", path))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(PostgresError::files("open", path))
}

/// The last lines of the log, for a person; empty where there is none.
pub fn tail(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_that_has_grown_large_is_put_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.log");
        open(&path).unwrap().set_len(LARGEST + 1).unwrap();
        write!(open(&path).unwrap(), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(dir.path().join("postgres.log.1")).unwrap().len(), LARGEST + 1);
        write!(open(&path).unwrap(), "er").unwrap();
        assert_eq!(tail(&path), "newer");
    }

    #[test]
    fn the_tail_of_a_long_log_is_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.log");
        writeln!(open(&path).unwrap(), "{}end", "x".repeat(10_000)).unwrap();
        let tail = tail(&path);
        assert!(tail.ends_with("xend") && tail.len() < 2_000);
        assert_eq!(super::tail(&dir.path().join("none")), "");
    }
}
