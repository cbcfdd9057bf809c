//! The terminal program beside the demo: it gets the screen, and leaving it ends the demo.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// The file in the demo's directory that has the log while the terminal has the screen.
pub const LOG: &str = "demo.log";

/// The terminal program, where there is one beside this program and a person to use it.
pub fn program(headless: bool) -> Option<PathBuf> {
    let person =
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if headless || !person || matches!(std::env::var("TERM").as_deref(), Err(_) | Ok("" | "dumb")) {
        return None;
    }
    let program = std::env::current_exe().ok()?.with_file_name("flagstaff");
    program.is_file().then_some(program)
}

/// Starts it on the demo's socket, or on its address where there is no socket.
///
/// # Errors
/// The system's.
pub fn start(program: &Path, socket: Option<&Path>, base: &str) -> std::io::Result<Child> {
    let place = socket.map_or_else(|| base.to_owned(), |socket| format!("unix:{}", socket.display()));
    Command::new(program)
        .args(["--host", &place])
        // The shell waits for this program, not for that one: nobody could wake it from a stop.
        .env("FLAGSTAFF_NO_SUSPEND", "1")
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
}

/// Asks it to end, which gives the screen back, and waits.
pub async fn end(child: &mut Child) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may have ended just now; then there is nothing to ask.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    let _ = child.wait().await;
}
