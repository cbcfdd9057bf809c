//! Where a private cluster keeps its files, and the short path of its socket.

use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::account::Account;
use super::{DATABASE, PostgresError, ROLE};

/// The smallest `sun_path` of the systems we run on (macOS), its closing NUL included.
const LONGEST_SOCKET: usize = 104;

/// The socket's name is made of the port, though nothing listens on it.
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The files of one private cluster, all below its data directory.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory that the operator named.
    pub data_dir: PathBuf,
    /// The cluster.
    pub pgdata: PathBuf,
    /// The cluster while it is being made.
    pub unfinished: PathBuf,
    /// What the server says.
    pub log: PathBuf,
    /// Held locked by the daemon that has this cluster.
    pub lock: PathBuf,
    /// The cluster's name in the titles of its processes; another data directory has another one.
    pub cluster_name: String,
}

impl Place {
    /// The places below `data_dir`, which is made if it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn below(data_dir: &Path) -> Result<Self, PostgresError> {
        fs::create_dir_all(data_dir).map_err(PostgresError::files("make the directory", data_dir))?;
        // Without links in it, as the kernel names the working directory of a server left behind.
        let data_dir = fs::canonicalize(data_dir).map_err(PostgresError::files("read", data_dir))?;
        let hash = Sha256::digest(data_dir.as_os_str().as_bytes());
        let tag = hash.iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        Ok(Self {
            cluster_name: format!("flagstaff-{tag}"),
            pgdata: data_dir.join("pgdata"),
            unfinished: data_dir.join("pgdata.init"),
            log: data_dir.join("postgres.log"),
            lock: data_dir.join("postgres.lock"),
            data_dir,
        })
    }

    /// The directory for the socket, made with mode 0700 and given to `account`: `run` below the data directory,
    /// or a short one elsewhere where that path is too long for a socket.
    ///
    /// # Errors
    /// When no place is short enough, or one that is was made by somebody else.
    pub fn socket_dir(&self, account: &Account) -> Result<PathBuf, PostgresError> {
        let dir = self.short_enough().ok_or_else(|| {
            PostgresError::NoSocketPlace(format!(
                "{} is too long a path for a socket, and so is the temporary directory",
                self.data_dir.display()
            ))
        })?;
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(PostgresError::files("make the directory", &dir)(error)),
        }
        // Not followed: in a directory that all may write to, a link could lead anywhere.
        let found = fs::symlink_metadata(&dir).map_err(PostgresError::files("read", &dir))?;
        let ours = found.uid() == account.uid || found.uid() == nix::unistd::geteuid().as_raw();
        if !found.is_dir() || !ours {
            return Err(PostgresError::NoSocketPlace(format!("{} was made by somebody else", dir.display())));
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
            .map_err(PostgresError::files("close to others", &dir))?;
        account.own(&dir)?;
        Ok(dir)
    }

    fn short_enough(&self) -> Option<PathBuf> {
        let name = format!("{}-{}", self.cluster_name, nix::unistd::geteuid());
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        // Root's runtime directory is closed to the user that root steps down to.
        let runtime = runtime.filter(|dir| dir.is_absolute() && !nix::unistd::geteuid().is_root());
        [Some(self.data_dir.join("run")), runtime.map(|dir| dir.join(&name))]
            .into_iter()
            .flatten()
            .chain([std::env::temp_dir().join(&name), Path::new("/tmp").join(&name)])
            .find(|dir| dir.join(SOCKET_NAME).as_os_str().len() < LONGEST_SOCKET)
    }
}

/// The data directory when none is named: `/var/lib/flagstaff` for root, since the server's user has to get to it
/// and root's home is closed; else the user's own, `~/.local/share/flagstaff` on Linux. `None` without a home.
pub fn default_data_dir() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/flagstaff"));
    }
    directories::BaseDirs::new().map(|dirs| dirs.data_dir().join("flagstaff"))
}

/// The address of `database` on the socket in `socket_dir`, as sqlx and psql take it.
pub fn url(socket_dir: &Path, database: &str) -> String {
    let mut host = String::new();
    for &byte in socket_dir.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            host.push(char::from(byte));
        } else {
            host.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("postgres://{ROLE}@localhost/{database}?host={host}&port=5432")
}

/// The address of our own database on the socket in `socket_dir`.
pub fn own_url(socket_dir: &Path) -> String {
    url(socket_dir, DATABASE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Account {
        Account {
            name: "me".into(),
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            stepped_down: false,
        }
    }

    #[test]
    fn the_socket_lies_in_the_data_directory_and_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below(dir.path()).unwrap();
        let socket = place.socket_dir(&me()).unwrap();
        assert_eq!(socket, place.data_dir.join("run"));
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_long_data_directory_gets_its_socket_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(120));
        let place = Place::below(&long).unwrap();
        let socket = place.socket_dir(&me()).unwrap();
        assert!(!socket.starts_with(&place.data_dir));
        assert!(socket.join(SOCKET_NAME).as_os_str().len() < LONGEST_SOCKET);
        assert_eq!(place.socket_dir(&me()).unwrap(), socket, "the same directory every time");
        fs::remove_dir(socket).unwrap();
    }

    #[test]
    fn a_link_in_place_of_the_socket_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below(dir.path()).unwrap();
        std::os::unix::fs::symlink("/tmp", place.data_dir.join("run")).unwrap();
        assert!(matches!(place.socket_dir(&me()), Err(PostgresError::NoSocketPlace(_))));
    }

    #[test]
    fn an_odd_path_survives_the_url() {
        let odd = Path::new("/tmp/a b&c=d%/ü");
        let options: sqlx::postgres::PgConnectOptions = own_url(odd).parse().unwrap();
        assert_eq!(options.get_socket().unwrap(), odd);
        assert_eq!(options.get_database(), Some(DATABASE));
        assert_eq!(options.get_username(), ROLE);
    }
}
