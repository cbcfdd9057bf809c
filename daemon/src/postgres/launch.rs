//! Starts a server program as our direct child that does not outlive us.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Spawns `command` in a process group of its own, so that Ctrl-C in a terminal reaches only the daemon, which then
/// stops the server in order. On Linux the child gets SIGINT, a clean and fast shutdown, when the calling *thread*
/// ends, however it ends: call it from a thread that lives as long as the child is wanted.
///
/// # Errors
/// When the program cannot be started.
pub fn tied_to_this_thread(command: &mut Command) -> io::Result<Child> {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    die_with_the_parent(command);
    command.spawn()
}

/// The only unsafe code of the project: the standard library has no other door between fork and exec.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn die_with_the_parent(command: &mut Command) {
    use nix::sys::prctl;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let parent = nix::unistd::getpid();
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe calls are allowed,
    // since another thread of the parent may have held any lock at the time of the fork. It makes three bare
    // system calls, sigaction(2), prctl(2) and getppid(2), and builds an `io::Error` out of a number; it neither allocates nor locks, and
    // what it captures is a plain integer. It runs after the change of user, which would clear the setting.
    unsafe {
        command.pre_exec(move || {
            // A shell that starts us in the background has SIGINT ignored, and a child would inherit that.
            let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
            sigaction(Signal::SIGINT, &default).map_err(io::Error::from)?;
            prctl::set_pdeathsig(Signal::SIGINT).map_err(io::Error::from)?;
            // The parent may have died before the line above; then no signal will come.
            if nix::unistd::getppid() != parent {
                return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
            }
            Ok(())
        });
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_child_gets_sigint_when_its_thread_ends() {
        let spawn = || tied_to_this_thread(Command::new("sleep").arg("600")).unwrap();
        let mut child = std::thread::spawn(spawn).join().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(nix::libc::SIGINT));
    }
}
