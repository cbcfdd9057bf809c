//! Where the key that seals recovery comes from: the installation's secrets, or a file of this daemon.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::config::Config;
use crate::protocol::recovery::RecoveryKey;

/// The key of this daemon: out of `secrets.key_file` where there is one, so that all daemons share it; else
/// out of `socketio.key` in the data directory, made at the first start. `None`, and clients recover
/// nothing, where neither can be had.
pub fn recovery_key(config: &Config) -> Option<RecoveryKey> {
    if let Ok(secret) = fs::read(&config.secrets.key_file)
        && !secret.is_empty()
    {
        return Some(RecoveryKey::derive(&secret));
    }
    match own(&config.data.directory.join("socketio.key")) {
        Ok(secret) => Some(RecoveryKey::derive(&secret)),
        Err(error) => {
            tracing::warn!(%error, "no key for Socket.IO: its clients will not recover after a break");
            None
        }
    }
}

/// Reads the file, or makes it: 32 random bytes that only this user can read.
fn own(path: &Path) -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            rand::fill(&mut secret);
            file.write_all(&secret)?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::File::open(path)?.read_exact(&mut secret)?;
        }
        Err(error) => return Err(error),
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::own;

    #[test]
    fn a_key_is_made_once_and_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socketio.key");
        let first = own(&path).unwrap();
        assert_ne!(first, [0; 32]);
        assert_eq!(own(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_too_short_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socketio.key");
        std::fs::write(&path, b"short").unwrap();
        assert!(own(&path).is_err());
        assert!(own(&folder.path().join("nowhere/socketio.key")).is_err());
    }
}
