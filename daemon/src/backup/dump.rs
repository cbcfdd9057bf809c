//! Makes a copy of the database as one file with its manifest, and prunes old ones.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use shared::audit::hex;
use shared::revision::Position;
use sqlx::PgPool;
use time::OffsetDateTime;
use time::macros::format_description;

use super::BackupError;
use super::manifest::{Manifest, sum};
use super::tools::Tools;
use crate::store::{self, StoreError};

/// Our files' names start and end like this; nobody else chooses a part of them.
const PREFIX: &str = "flagstaff-";
const SUFFIX: &str = ".dump";

/// What the tables hold that is about daemons and not about flags, and about people who were seen for a moment.
const LEFT_OUT: [&str; 4] = [
    "--exclude-table-data=public.daemon",
    "--exclude-table-data=public.backup_job",
    "--exclude-table-data=public.usage_batch",
    "--exclude-table-data=public.recent_context",
];

/// The name of a copy that is made now: `flagstaff-20261121T235345Z-1.4812.dump`.
pub fn name(at: OffsetDateTime, position: Position) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let stamp = at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
    format!("{PREFIX}{stamp}-{position}{SUFFIX}")
}

/// Where a copy goes.
#[derive(Clone, Debug)]
pub enum To {
    /// Into a directory, which is made where it is missing, under a name of ours.
    Directory(PathBuf),
    /// To a file that the operator named.
    File(PathBuf),
}

/// Makes a copy. Its file appears when it is whole and on the disk; until then it has another name.
///
/// # Errors
/// Why not; then nothing is left behind.
pub async fn make(
    pool: &PgPool,
    tools: &Tools,
    to: &To,
    at: OffsetDateTime,
) -> Result<(PathBuf, Manifest), BackupError> {
    // pg_dump sees what this transaction sees, so the manifest's position is that of the copy.
    let mut tx =
        pool.begin_with("begin isolation level repeatable read read only").await.map_err(StoreError::from)?;
    let head = store::head::get(&mut tx).await?;
    let (_, secrets_id) = store::head::installation(&mut tx).await?;
    let (database, _) = store::backups::database(&mut tx).await?;
    let snapshot = store::backups::export_snapshot(&mut tx).await?;
    let path = match to {
        To::File(path) => path.clone(),
        To::Directory(directory) => {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(BackupError::files("make the directory", directory))?;
            directory.join(name(at, head.position))
        }
    };
    let partial = Partial::create(&path)?;
    let (snapshot, file) = (format!("--snapshot={snapshot}"), argument("--file=", &partial.path));
    let fixed =
        ["--format=custom", "--no-password", "--no-owner", "--no-privileges", "--lock-wait-timeout=30s"];
    let mut arguments: Vec<&OsStr> = fixed.iter().chain(&LEFT_OUT).map(OsStr::new).collect();
    arguments.extend([OsStr::new(&snapshot), &file]);
    tools.run("pg_dump", &arguments).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    let place = partial.path.clone();
    let summed = tokio::task::spawn_blocking(move || {
        let flushed = File::open(&place).and_then(|file| file.sync_all());
        flushed.map_err(BackupError::files("write to disk", &place)).and_then(|()| sum(&place))
    });
    let (sha256, bytes) =
        summed.await.map_err(|error| BackupError::files("read", &path)(std::io::Error::other(error)))??;
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        position: head.position,
        hash: hex(&head.hash),
        sha256,
        bytes,
        at,
        secrets_id,
    };
    manifest.write(&path)?;
    partial.finish(&path)?;
    Ok((path, manifest))
}

pub(super) fn argument(name: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(name);
    argument.push(path);
    argument
}

/// A file that is removed unless it is finished.
struct Partial {
    path: PathBuf,
    finished: bool,
}

impl Partial {
    fn create(path: &Path) -> Result<Self, BackupError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        // Made by us first, since what it will hold is for nobody else's eyes.
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial);
        made.map_err(BackupError::files("create", &partial))?;
        Ok(Self { path: partial, finished: false })
    }

    fn finish(mut self, path: &Path) -> Result<(), BackupError> {
        std::fs::rename(&self.path, path).map_err(BackupError::files("put in place", path))?;
        self.finished = true;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flushed = File::open(folder).and_then(|folder| folder.sync_all());
        flushed.map_err(BackupError::files("write to disk", folder))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes all but the newest `keep` copies in a directory, with their manifests; answers how many went.
/// Only files with a name of ours are looked at.
///
/// # Errors
/// The file system's.
pub fn prune(directory: &Path, keep: usize) -> Result<usize, BackupError> {
    let entries = std::fs::read_dir(directory).map_err(BackupError::files("read", directory))?;
    let mut ours: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
        .collect();
    // The time stands first in the name.
    ours.sort_unstable_by(|a, b| b.cmp(a));
    let mut removed = 0;
    for name in ours.iter().skip(keep.max(1)) {
        let path = directory.join(name);
        let _ = std::fs::remove_file(Manifest::place(&path));
        std::fs::remove_file(&path).map_err(BackupError::files("remove", &path))?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_hold_nothing_that_anybody_else_chose() {
        let early = name(OffsetDateTime::UNIX_EPOCH, Position::new(1, 99));
        assert_eq!(early, "flagstaff-19700101T000000Z-1.99.dump");
        assert!(name(OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND, Position::new(1, 2)) > early);
    }

    #[test]
    fn pruning_keeps_the_newest_and_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (seconds, revision) in [(1, 9), (2, 10), (3, 11)] {
            let time = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
            let copy = name(time, Position::new(1, revision));
            std::fs::write(at(&copy), "x").unwrap();
            std::fs::write(Manifest::place(&at(&copy)), "{}").unwrap();
        }
        std::fs::write(at("flagstaff.toml"), "x").unwrap();
        std::fs::write(at("mine.dump"), "x").unwrap();
        assert_eq!(prune(folder.path(), 2).unwrap(), 1);
        let mut left: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let two = "flagstaff-19700101T000002Z-1.10.dump";
        let three = "flagstaff-19700101T000003Z-1.11.dump";
        let (two_json, three_json) = (format!("{two}.json"), format!("{three}.json"));
        assert_eq!(left, [two, &two_json, three, &three_json, "flagstaff.toml", "mine.dump"]);
        assert_eq!(prune(folder.path(), 0).unwrap(), 1, "the last one is never removed");
    }
}
