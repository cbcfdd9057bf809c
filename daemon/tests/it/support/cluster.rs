//! One throw-away PostgreSQL a test run, with a fresh database for each test that asks.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use flagstaffd::postgres::account::Account;
use flagstaffd::postgres::cluster::{self, Options, Running};
use flagstaffd::postgres::find::{self, Binaries};
use flagstaffd::postgres::orphan;
use flagstaffd::postgres::place::Place;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// Every directory of ours starts with this; the process id follows.
const PREFIX: &str = "flagstaff-it-";

static SHARED: OnceLock<Running> = OnceLock::new();
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The server that all tests of this run share: started by the first that asks, and stopped by the kernel when the
/// run ends, however it ends. Nothing is fsynced.
pub fn shared() -> &'static Running {
    SHARED.get_or_init(|| {
        remove_what_earlier_runs_left();
        let options =
            Options { fsync: false, max_connections: 200, ..Options::new(directory("shared"), binaries()) };
        cluster::start_blocking(options).expect("a throw-away PostgreSQL starts")
    })
}

/// The address of an empty database that nobody else uses.
pub async fn fresh_database() -> String {
    let name = format!("test_{}", COUNTER.fetch_add(1, Ordering::Relaxed));
    let mut connection =
        PgConnection::connect(&shared().url_of("postgres")).await.expect("the server answers");
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .expect("a database is made");
    connection.close().await.expect("the connection closes");
    shared().url_of(&name)
}

/// Cuts a revision and everything after it off a history, as an older database has none of it; rows stay.
pub async fn take_back(database: &mut PgConnection, number: i64) {
    let cut = format!(
        "begin;
        alter table revision disable trigger revision_append_only;
        alter table feature_flag_audit_log disable trigger feature_flag_audit_log_append_only;
        delete from feature_flag_audit_log where revision >= {number};
        update head set revision = {number} - 1, hash = (select hash from revision where number = {number} - 1);
        delete from revision where number >= {number};
        alter table revision enable always trigger revision_append_only;
        alter table feature_flag_audit_log enable always trigger feature_flag_audit_log_append_only;
        commit"
    );
    sqlx::raw_sql(AssertSqlSafe(cut)).execute(database).await.expect("the history is cut");
}

/// The server programs of this machine; `scripts/test` sees to it that there are some.
pub fn binaries() -> Binaries {
    find::binaries(None, None).unwrap_or_else(|error| panic!("{error}"))
}

/// A new directory below one that is this run's, for the data of a server. It lies in the system's temporary
/// directory and not in `target`, since the user that root steps down to may not be let into a home.
pub fn directory(name: &str) -> PathBuf {
    let run = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    make(&run);
    let dir = run.join(format!("{name}-{}", COUNTER.fetch_add(1, Ordering::Relaxed)));
    make(&dir);
    dir
}

fn make(dir: &Path) {
    match DirBuilder::new().mode(0o755).create(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            panic!("{}: {error}", dir.display())
        }
        _ => fs::set_permissions(dir, Permissions::from_mode(0o755)).expect("the directory is ours"),
    }
}

/// A run cannot remove its directories when its end kills the server, so the next one does.
fn remove_what_earlier_runs_left() {
    let me = nix::unistd::geteuid().as_raw();
    for entry in fs::read_dir(std::env::temp_dir()).expect("a temporary directory").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok())
        else {
            continue;
        };
        let ours = entry.metadata().is_ok_and(|data| data.is_dir() && data.uid() == me);
        if !ours || kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH) {
            continue;
        }
        for cluster in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            // Where the kernel does not stop it, its server still runs.
            if let Ok(place) = Place::below(&cluster.path()) {
                drop(orphan::clear(&place));
            }
        }
        drop(fs::remove_dir_all(entry.path()));
    }
}

/// The user that servers run as here; another than ours when we are root.
pub fn account() -> Account {
    Account::choose(Path::new("/nowhere")).expect("there is a user to run as")
}
