//! Tokens: one file a profile, for its owner's eyes only.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::places::Places;
use super::read::ConfigError;

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ConfigError + '_ {
    |source| ConfigError::File { path: path.to_owned(), source }
}

/// Where the token of a profile lies.
#[must_use]
pub fn file(places: &Places, profile: &str) -> PathBuf {
    places.state.join("tokens").join(profile)
}

/// The token of a profile, if there is one.
///
/// # Errors
/// The file can be read by others, or not by us.
pub fn load(places: &Places, profile: &str) -> Result<Option<String>, ConfigError> {
    let path = file(places, profile);
    let found = match fs::metadata(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(&path)(source)),
    };
    if found.mode() & 0o077 != 0 {
        return Err(ConfigError::Open(path));
    }
    let text = fs::read_to_string(&path).map_err(failed(&path))?;
    Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty()))
}

/// Keeps a token, for its owner's eyes only.
///
/// # Errors
/// The file system's.
pub fn save(places: &Places, profile: &str, token: &str) -> Result<PathBuf, ConfigError> {
    let path = file(places, profile);
    let folder = places.state.join("tokens");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(failed(&folder))?;
    let fresh = folder.join(format!(".{}.{}", profile, std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(token.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    })();
    if let Err(source) = written {
        drop(fs::remove_file(&fresh));
        return Err(failed(&path)(source));
    }
    Ok(path)
}

/// Forgets a token; whether there was one.
///
/// # Errors
/// The file system's.
pub fn forget(places: &Places, profile: &str) -> Result<bool, ConfigError> {
    let path = file(places, profile);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(failed(&path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &Path) -> Places {
        Places {
            config: folder.join("c"),
            state: folder.join("s"),
            cache: folder.join("x"),
            sockets: Vec::new(),
        }
    }

    #[test]
    fn a_token_is_kept_for_its_owner_alone_and_refused_where_others_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        assert_eq!(load(&places, "acme").unwrap(), None);
        let path = save(&places, "acme", "fsp_secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(load(&places, "acme").unwrap().as_deref(), Some("fsp_secret"));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = load(&places, "acme").unwrap_err().to_string();
        assert!(error.contains("chmod 600") && !error.contains("fsp_secret"), "{error}");
        assert!(forget(&places, "acme").unwrap());
        assert!(!forget(&places, "acme").unwrap());
    }
}
