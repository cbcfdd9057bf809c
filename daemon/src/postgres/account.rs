//! Which operating system user the server runs as: ourselves, or whom root steps down to.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User};

use super::PostgresError;

/// Whom root steps down to, in this order; PostgreSQL itself refuses to run as root.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The user that owns the cluster's files and runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Name, for messages.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether we are root and step down to this user, instead of being it.
    pub stepped_down: bool,
}

impl Account {
    /// The user to run the cluster `pgdata` as: its owner when it exists, else ourselves, else for root the
    /// first of `postgres` and `nobody`.
    ///
    /// # Errors
    /// When the cluster is somebody else's, or root finds nobody to step down to.
    pub fn choose(pgdata: &Path) -> Result<Self, PostgresError> {
        let owner = fs::metadata(pgdata).ok().map(|data| data.uid());
        let me = nix::unistd::geteuid();
        if !me.is_root() {
            return match owner {
                Some(owner) if owner != me.as_raw() => Err(PostgresError::Foreign {
                    path: pgdata.to_path_buf(),
                    owner: name_of(owner),
                    me: name_of(me.as_raw()),
                }),
                _ => Ok(Self {
                    name: name_of(me.as_raw()),
                    uid: me.as_raw(),
                    gid: nix::unistd::getegid().as_raw(),
                    stepped_down: false,
                }),
            };
        }
        let user = match owner {
            Some(owner) if owner != 0 => User::from_uid(Uid::from_raw(owner)).ok().flatten(),
            _ => UNPRIVILEGED.iter().find_map(|name| User::from_name(name).ok().flatten()),
        };
        let user = user.filter(|user| !user.uid.is_root()).ok_or(PostgresError::NobodyToRunAs)?;
        Ok(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), stepped_down: true })
    }

    /// Makes `path` belong to this user; nothing to do where we are that user.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn own(&self, path: &Path) -> Result<(), PostgresError> {
        if !self.stepped_down {
            return Ok(());
        }
        nix::unistd::chown(path, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
            .map_err(|errno| PostgresError::files("give away", path)(errno.into()))
    }

    /// Proves that this user gets to `dir` and can run `program` from there, by doing it.
    ///
    /// # Errors
    /// Names the directory that keeps the user out.
    pub fn prove_reach(&self, program: &Path, dir: &Path) -> Result<(), PostgresError> {
        let tried = self
            .command(program)
            .arg("--version")
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let Err(source) = tried else { return Ok(()) };
        for path in [dir, program] {
            if let Some(blocked) = self.blocked_on_the_way(path).filter(|_| self.stepped_down) {
                return Err(PostgresError::Unreachable {
                    user: self.name.clone(),
                    blocked,
                    path: path.to_path_buf(),
                });
            }
        }
        Err(PostgresError::Unrunnable { program: program.to_path_buf(), source })
    }

    /// A command that runs as this user, with nothing of our environment but what finds programs and libraries:
    /// tokens and passwords in it are not this user's business, and a stray `PGDATA` must not steer the server.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C");
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.stepped_down {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The first directory above `path` that this user may not enter, by its mode bits.
    fn blocked_on_the_way(&self, path: &Path) -> Option<PathBuf> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        above
            .into_iter()
            .find(|dir| fs::metadata(dir).is_ok_and(|data| !self.may_enter(&data)))
            .map(Path::to_path_buf)
    }

    fn may_enter(&self, dir: &fs::Metadata) -> bool {
        let bit = if dir.uid() == self.uid {
            0o100
        } else if dir.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        dir.mode() & bit != 0
    }
}

/// The user's name, or its number where it has none.
fn name_of(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| format!("user {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_server_never_runs_as_root() {
        let account = Account::choose(Path::new("/nowhere/pgdata")).unwrap();
        assert_ne!(account.uid, 0);
        assert_eq!(account.stepped_down, nix::unistd::geteuid().is_root());
    }

    #[test]
    fn a_directory_that_keeps_the_user_out_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger =
            Account { name: "stranger".into(), uid: 4_000_001, gid: 4_000_001, stepped_down: true };
        let target = dir.path().join("data");
        assert_eq!(stranger.blocked_on_the_way(&target), Some(dir.path().to_path_buf()));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(stranger.blocked_on_the_way(&target), None);
    }

    #[test]
    fn the_environment_does_not_reach_the_server() {
        let account = Account { name: "me".into(), uid: 1, gid: 1, stepped_down: false };
        let output = account.command("/usr/bin/env").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("LC_ALL=C"), "{text}");
        assert!(!text.contains("CARGO"), "{text}");
    }
}
