//! Finds the programs of a PostgreSQL server on this machine; installs nothing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::OLDEST_MAJOR;

/// Names a folder of server programs; the configuration outranks it.
pub const BIN_VARIABLE: &str = "FLAGSTAFF_POSTGRES_BIN";

/// Folders that packages install to: `parent/prefix*/suffix`.
const KNOWN: [(&str, &str, &str); 9] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/lib", "postgresql", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/local", "pgsql", "bin"),
];

/// A folder that holds `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub dir: PathBuf,
    /// The server's major version.
    pub major: u32,
}

impl Binaries {
    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Why no server programs can be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The folder that was named is no use.
    #[error("{dir}, named as the folder of PostgreSQL's server programs, {why}")]
    Configured {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There are programs, of other versions than the data.
    #[error(
        "the data in {pgdata} needs PostgreSQL {wanted}, and this machine has only {found}: \
         install PostgreSQL {wanted} ({install}), or name its folder in {BIN_VARIABLE}"
    )]
    OtherMajor {
        /// The cluster.
        pgdata: PathBuf,
        /// Its major version.
        wanted: u32,
        /// What is installed.
        found: String,
        /// The command that installs PostgreSQL here.
        install: &'static str,
    },
    /// There are none.
    #[error(
        "no PostgreSQL server programs (version {OLDEST_MAJOR} or newer) found. Looked in: {tried}. \
         Install them ({install}), run scripts/postgres, name their folder in {BIN_VARIABLE}, \
         or set DATABASE_URL to use a PostgreSQL that runs already"
    )]
    Nothing {
        /// Where we looked and what was there.
        tried: String,
        /// The command that installs PostgreSQL here.
        install: &'static str,
    },
}

/// The server programs to use: the `configured` folder (else the one in `FLAGSTAFF_POSTGRES_BIN`) and no other;
/// else the first found of `PATH`, `pg_config`, the folders that packages install to and a bundle in `pg-bin` below
/// `data_dir` or the default data directory, where one that matches the cluster in `data_dir` wins.
///
/// Runs a program or two to ask for versions: some milliseconds, blocking.
///
/// # Errors
/// When nothing usable is found; the message says what was tried and what to install.
pub fn binaries(configured: Option<&Path>, data_dir: Option<&Path>) -> Result<Binaries, FindError> {
    let named = std::env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let wanted = data_dir.and_then(|dir| Some((dir.join("pgdata"), cluster_major(&dir.join("pgdata"))?)));
    if let Some(dir) = configured.map(Path::to_path_buf).or(named) {
        return usable(&dir, &ask_version).map_err(|why| FindError::Configured { dir, why });
    }
    search(&candidates(data_dir, std::env::var_os("PATH").as_deref()), wanted, &ask_version)
}

/// The major version that made the cluster in `pgdata`; `None` where there is no cluster.
pub fn cluster_major(pgdata: &Path) -> Option<u32> {
    fs::read_to_string(pgdata.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// How to install PostgreSQL on the platform this runs on.
pub fn install_line() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is = |name: &str| {
        release
            .lines()
            .any(|line| (line.starts_with("ID=") || line.starts_with("ID_LIKE=")) && line.contains(name))
    };
    if is("debian") || is("ubuntu") {
        "apt-get install -y postgresql"
    } else if is("fedora") || is("rhel") {
        "dnf install -y postgresql-server"
    } else if is("alpine") {
        "apk add postgresql"
    } else if is("arch") {
        "pacman -S postgresql"
    } else if is("suse") {
        "zypper install postgresql-server"
    } else {
        "the package is usually called postgresql or postgresql-server"
    }
}

/// Every folder worth a look, best first.
fn candidates(data_dir: Option<&Path>, path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let on_path: Vec<PathBuf> =
        path.into_iter().flat_map(std::env::split_paths).filter(|dir| dir.is_absolute()).collect();
    for dir in &on_path {
        // A link such as /usr/local/bin/postgres leads to the folder where initdb is too.
        if let Ok(program) = fs::canonicalize(dir.join("postgres")) {
            found.extend(program.parent().map(Path::to_path_buf));
        }
    }
    if on_path.iter().any(|dir| dir.join("pg_config").exists()) {
        found.extend(ask(Command::new("pg_config").arg("--bindir")).map(|line| PathBuf::from(line.trim())));
    }
    for (parent, prefix, suffix) in KNOWN {
        found.extend(matching(Path::new(parent), prefix, suffix));
    }
    // The bundle that scripts/postgres fetched; last, since what is installed gets the system's updates.
    for dir in [data_dir.map(Path::to_path_buf), super::place::default_data_dir()].into_iter().flatten() {
        found.extend(matching(&dir.join("pg-bin"), "", "bin"));
    }
    let mut seen = Vec::new();
    for dir in found {
        let dir = fs::canonicalize(&dir).unwrap_or(dir);
        if !seen.contains(&dir) {
            seen.push(dir);
        }
    }
    seen
}

/// `parent/prefix*/suffix`, the highest version first.
fn matching(parent: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut named: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let numbers = name.strip_prefix(prefix)?.split(|c: char| !c.is_ascii_digit());
            let version = numbers.filter_map(|number| number.parse().ok()).collect();
            let dir = entry.path();
            Some((version, if suffix.is_empty() { dir } else { dir.join(suffix) }))
        })
        .filter(|(_, dir)| dir.is_dir())
        .collect();
    named.sort_by(|a, b| b.cmp(a));
    named.into_iter().map(|(_, dir)| dir).collect()
}

/// Asks a program for its version, as `--version` prints it.
type AskVersion<'a> = &'a dyn Fn(&Path) -> Option<String>;

fn search(
    candidates: &[PathBuf],
    wanted: Option<(PathBuf, u32)>,
    version: AskVersion<'_>,
) -> Result<Binaries, FindError> {
    let mut usable_ones = Vec::new();
    let mut tried = Vec::new();
    for dir in candidates {
        match usable(dir, version) {
            Ok(binaries) if wanted.as_ref().is_none_or(|(_, major)| *major == binaries.major) => {
                return Ok(binaries);
            }
            Ok(binaries) => usable_ones.push(binaries),
            Err(why) => tried.push(format!("{} ({why})", dir.display())),
        }
    }
    if let (Some((pgdata, wanted)), false) = (wanted, usable_ones.is_empty()) {
        let found: Vec<String> =
            usable_ones.iter().map(|one| format!("{} ({})", one.major, one.dir.display())).collect();
        return Err(FindError::OtherMajor {
            pgdata,
            wanted,
            found: found.join(", "),
            install: install_line(),
        });
    }
    tried.push("pg-bin in the data directory, PATH, pg_config".to_owned());
    tried.extend(KNOWN.iter().map(|(parent, prefix, suffix)| {
        format!("{parent}/{prefix}*{}{suffix}", if suffix.is_empty() { "" } else { "/" })
    }));
    Err(FindError::Nothing { tried: tried.join(", "), install: install_line() })
}

/// What is in `dir`, or what is wrong with it, as the end of a sentence about it.
fn usable(dir: &Path, version: AskVersion<'_>) -> Result<Binaries, String> {
    for name in ["postgres", "initdb"] {
        if !dir.join(name).is_file() {
            return Err(format!("has no {name}"));
        }
    }
    let text = version(&dir.join("postgres")).ok_or("has a postgres that does not run")?;
    let major =
        major_of(&text).ok_or_else(|| format!("has a postgres of an unknown version: {}", text.trim()))?;
    if major < OLDEST_MAJOR {
        return Err(format!("has PostgreSQL {major}, older than {OLDEST_MAJOR}"));
    }
    Ok(Binaries { dir: dir.to_path_buf(), major })
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian ...)`; also of `19beta1`.
fn major_of(text: &str) -> Option<u32> {
    let after = text.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn ask_version(program: &Path) -> Option<String> {
    ask(Command::new(program).arg("--version"))
}

fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two empty files of the right names.
    fn folder(parent: &Path, name: &str) -> PathBuf {
        let dir = parent.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("postgres"), "").unwrap();
        fs::write(dir.join("initdb"), "").unwrap();
        dir
    }

    /// Takes the version from the folder's name: `.../17/bin/postgres` is 17.
    fn from_folder(program: &Path) -> Option<String> {
        let number = program.ancestors().nth(2)?.file_name()?.to_str()?;
        Some(format!("postgres (PostgreSQL) {number}.4 (Somewhere 1.2)\n"))
    }

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("postgres 3"), None);
        assert_eq!(major_of(""), None);
    }

    #[test]
    fn the_newest_comes_first_by_number() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["pg-9", "pg-16", "pg-15", "other-99"] {
            folder(dir.path(), &format!("{name}/bin"));
        }
        let found = matching(dir.path(), "pg-", "bin");
        assert_eq!(found, ["pg-16/bin", "pg-15/bin", "pg-9/bin"].map(|name| dir.path().join(name)));
    }

    #[test]
    fn a_version_that_matches_the_data_wins_over_an_earlier_folder() {
        let dir = tempfile::tempdir().unwrap();
        let all = [folder(dir.path(), "17/bin"), folder(dir.path(), "15/bin")];
        assert_eq!(search(&all, None, &from_folder).unwrap().major, 17);
        let wanted = Some((PathBuf::from("/d/pgdata"), 15));
        assert_eq!(search(&all, wanted, &from_folder).unwrap(), Binaries { dir: all[1].clone(), major: 15 });
        let wanted = Some((PathBuf::from("/d/pgdata"), 16));
        let error = search(&all, wanted, &from_folder).unwrap_err().to_string();
        assert!(error.contains("/d/pgdata needs PostgreSQL 16") && error.contains("17 ("), "{error}");
    }

    #[test]
    fn what_was_tried_is_listed_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let old = folder(dir.path(), "12/bin");
        let empty = dir.path().join("empty");
        let error = search(&[old, empty], None, &from_folder).unwrap_err().to_string();
        assert!(error.contains("12/bin (has PostgreSQL 12, older than 15)"), "{error}");
        assert!(
            error.contains("empty (has no postgres)") && error.contains("/usr/lib/postgresql/*/bin"),
            "{error}"
        );
        assert!(error.contains(install_line()), "{error}");
    }

    #[test]
    fn a_link_on_the_path_leads_to_the_folder_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(folder(dir.path(), "17/bin")).unwrap();
        let on_path = dir.path().join("local");
        fs::create_dir(&on_path).unwrap();
        std::os::unix::fs::symlink(real.join("postgres"), on_path.join("postgres")).unwrap();
        let bundled = folder(dir.path(), "data/pg-bin/18.6/bin");
        let found = candidates(Some(&dir.path().join("data")), Some(on_path.as_os_str()));
        let place = |wanted: &Path| found.iter().position(|dir| dir == wanted);
        assert!(place(&real).is_some(), "{found:?}");
        assert!(place(&fs::canonicalize(bundled).unwrap()) > place(&real), "{found:?}");
    }

    #[test]
    fn a_configured_folder_is_used_or_refused_but_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let error = binaries(Some(dir.path()), None).unwrap_err();
        assert!(matches!(error, FindError::Configured { .. }), "{error}");
        assert!(error.to_string().ends_with("has no postgres"), "{error}");
    }
}
