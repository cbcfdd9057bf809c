//! The two ends of the terminal that the program runs in.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

fn terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Where keys come from: standard input when it is a terminal, else the controlling terminal.
///
/// # Errors
/// When there is no terminal.
pub fn keyboard() -> io::Result<File> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned().map(File::from);
    }
    terminal()
}

/// Where frames go, unbuffered: standard output when it is a terminal, else the controlling one.
///
/// # Errors
/// When there is no terminal.
pub fn display() -> io::Result<File> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return stdout.as_fd().try_clone_to_owned().map(File::from);
    }
    terminal()
}

/// Why the full screen cannot be shown here, as a sentence; none when it can.
#[must_use]
pub fn refusal(term: Option<&str>) -> Option<&'static str> {
    match term {
        None | Some("") => return Some("TERM is not set, so this is no terminal that can be drawn on"),
        Some("dumb") => return Some("TERM is dumb: this terminal cannot be drawn on"),
        Some(_) => {}
    }
    let found = io::stdout().is_terminal() && io::stdin().is_terminal();
    (!found && terminal().is_err()).then_some("there is no terminal here")
}
