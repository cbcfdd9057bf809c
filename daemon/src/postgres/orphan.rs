//! Clears away what an earlier life of the server left running or lying.

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::PostgresError;
use super::place::Place;

/// How long a server left behind gets for a clean shutdown before it is told to drop everything.
const CLEAN: Duration = Duration::from_secs(30);

/// How long it gets for each harder way.
const HARD: Duration = Duration::from_secs(10);

/// How often we look whether it is gone.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the cluster in `pgdata` free to be started: stops a server that still runs on it, waits for processes that
/// are about to end, and removes a `postmaster.pid` that names somebody else's process. Only for who holds the lock
/// of the data directory.
///
/// # Errors
/// When a process on this cluster does not go away.
pub fn clear(place: &Place) -> Result<(), PostgresError> {
    let pgdata = place.pgdata.as_path();
    let pid_file = pgdata.join("postmaster.pid");
    let Some(pid) =
        fs::read_to_string(&pid_file).ok().and_then(|text| text.lines().next()?.trim().parse().ok())
    else {
        return Ok(());
    };
    // A zombie can't touch the data, but kill(pid, 0) finds it, and the next server would believe that it runs.
    // Whoever has to reap it may never do so: after the wait we go on without.
    wait_until(HARD, || !is_zombie(pid));
    if !is_zombie(pid) && works_on(pid, place) {
        tracing::warn!(pid, pgdata = %pgdata.display(), "a PostgreSQL of an earlier life still runs: stopping it");
        stop(pid, place)?;
    }
    // Backends of a postmaster that was killed notice it and end by themselves.
    if !wait_until(HARD, || workers(place).is_empty()) {
        for worker in workers(place) {
            signal(worker, Signal::SIGQUIT);
        }
        if !wait_until(HARD, || workers(place).is_empty()) {
            let pid = workers(place).first().copied().unwrap_or(pid);
            return Err(PostgresError::OrphanStays { pid, path: pgdata.to_path_buf() });
        }
    }
    // A clean shutdown has removed it. A killed server has not, and its number may belong to anybody by now.
    match fs::remove_file(&pid_file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PostgresError::files("remove", &pid_file)(error))
        }
        _ => Ok(()),
    }
}

fn stop(pid: i32, place: &Place) -> Result<(), PostgresError> {
    for (how, patience) in [(Signal::SIGINT, CLEAN), (Signal::SIGQUIT, HARD), (Signal::SIGKILL, HARD)] {
        signal(pid, how);
        if wait_until(patience, || is_zombie(pid) || !works_on(pid, place)) {
            return Ok(());
        }
    }
    Err(PostgresError::OrphanStays { pid, path: place.pgdata.clone() })
}

fn signal(pid: i32, signal: Signal) {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => tracing::warn!(pid, %signal, %errno, "cannot signal a PostgreSQL of an earlier life"),
    }
}

fn wait_until(patience: Duration, done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether the process has ended and only waits for its parent to notice.
#[cfg(target_os = "linux")]
fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the state is the first word after the last of them.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Whether the process runs on this cluster: a server's working directory is its data directory.
#[cfg(target_os = "linux")]
fn works_on(pid: i32, place: &Place) -> bool {
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => cwd == place.pgdata && is_postgres(pid),
        // Root in a container may not look into processes of the user it stepped down to, but all may read titles.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|title| is_titled(&title, place))
        }
        Err(_) => false,
    }
}

/// Whether this is the command line of our postmaster, or the title that one of its backends has given itself.
#[cfg(target_os = "linux")]
fn is_titled(title: &[u8], place: &Place) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let mut words = title.split(|&byte| byte == 0);
    let program = words.next().unwrap_or_default();
    let backend = format!("postgres: {}: ", place.cluster_name);
    program.starts_with(backend.as_bytes())
        || (program.ends_with(b"/postgres") && words.any(|word| word == place.pgdata.as_os_str().as_bytes()))
}

/// Whether the program is a postgres; a shell that somebody opened in the data directory is none.
#[cfg(target_os = "linux")]
fn is_postgres(pid: i32) -> bool {
    // The file may have been replaced by an upgrade: then " (deleted)" follows its name.
    let name = fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .and_then(|exe| Some(exe.file_name()?.to_string_lossy().into_owned()));
    name.is_some_and(|name| name.starts_with("postgres") || name.starts_with("postmaster"))
}

/// Every process that runs on this cluster.
#[cfg(target_os = "linux")]
fn workers(place: &Place) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| works_on(pid, place) && !is_zombie(pid))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn is_zombie(pid: i32) -> bool {
    ps(pid, "stat=").is_some_and(|state| state.starts_with('Z'))
}

/// Without /proc: our servers carry their data directory on their command line.
#[cfg(not(target_os = "linux"))]
fn works_on(pid: i32, place: &Place) -> bool {
    let pgdata = place.pgdata.to_string_lossy();
    ps(pid, "command=").is_some_and(|line| line.contains("postgres") && line.contains(&*pgdata))
}

#[cfg(not(target_os = "linux"))]
fn workers(_place: &Place) -> Vec<i32> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn ps(pid: i32, column: &str) -> Option<String> {
    let output =
        std::process::Command::new("ps").args(["-o", column, "-p", &pid.to_string()]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

    fn cluster() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below(dir.path()).unwrap();
        fs::create_dir(&place.pgdata).unwrap();
        (dir, place)
    }

    fn name_in_pid_file(place: &Place, pid: u32) {
        fs::write(place.pgdata.join("postmaster.pid"), format!("{pid}\n/somewhere\n")).unwrap();
    }

    #[test]
    fn a_pid_that_another_program_has_got_is_left_alone() {
        let (_dir, place) = cluster();
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        name_in_pid_file(&place, other.id());
        clear(&place).unwrap();
        assert!(!place.pgdata.join("postmaster.pid").exists());
        assert!(other.try_wait().unwrap().is_none(), "it still runs");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_program_in_the_data_directory_that_is_no_server_is_left_alone() {
        let (_dir, place) = cluster();
        let mut other = Command::new("sleep").arg("600").current_dir(&place.pgdata).spawn().unwrap();
        name_in_pid_file(&place, other.id());
        clear(&place).unwrap();
        assert!(other.try_wait().unwrap().is_none(), "it still runs");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_zombie_is_waited_for() {
        let (_dir, place) = cluster();
        let mut child = Command::new("true").spawn().unwrap();
        name_in_pid_file(&place, child.id());
        let pid = i32::try_from(child.id()).unwrap();
        assert!(wait_until(HARD, || is_zombie(pid)));
        let reaper = std::thread::spawn(move || child.wait().unwrap());
        clear(&place).unwrap();
        assert!(!is_zombie(pid) && !place.pgdata.join("postmaster.pid").exists());
        reaper.join().unwrap();
    }

    #[test]
    fn a_cluster_without_a_pid_file_or_with_garbage_in_it_is_free() {
        let (_dir, place) = cluster();
        clear(&place).unwrap();
        fs::write(place.pgdata.join("postmaster.pid"), "").unwrap();
        clear(&place).unwrap();
    }

    #[test]
    fn our_processes_are_told_from_others_by_their_titles() {
        let (_dir, place) = cluster();
        let pgdata = place.pgdata.display();
        let ours = [
            format!("/usr/bin/postgres\0-D\0{pgdata}\0"),
            format!("postgres: {}: checkpointer ", place.cluster_name),
        ];
        let others = [
            format!("/usr/bin/postgres\0-D\0{pgdata}x\0"),
            format!("/bin/vi\0{pgdata}\0"),
            "postgres: main: x".into(),
        ];
        assert!(ours.iter().all(|title| is_titled(title.as_bytes(), &place)));
        assert!(!others.iter().any(|title| is_titled(title.as_bytes(), &place)));
    }
}
