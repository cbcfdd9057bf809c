//! Copying: by the desktop's own tool where there is one, else through the terminal, and the truth about it.

use crate::terminal::screen::{CopyFault, Screen};
use std::io::Write;
use std::process::{Command, Stdio};

/// Which tools take text on standard input, by the variable that says that their desktop is here.
const TOOLS: [(&str, &str, &[&str]); 3] = [
    ("WAYLAND_DISPLAY", "wl-copy", &[]),
    ("DISPLAY", "xclip", &["-selection", "clipboard"]),
    ("DISPLAY", "xsel", &["--clipboard", "--input"]),
];

/// Copies `text` and says what was really done.
pub fn copy<W: Write>(
    screen: &mut Screen<W>,
    text: &str,
    what: &str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> String {
    let remote = variables("SSH_CONNECTION").is_some() || variables("SSH_TTY").is_some();
    if !remote {
        for (variable, tool, arguments) in TOOLS {
            if variables(variable).is_some() && given_to(tool, arguments, text) {
                return format!("{what} copied by {tool}");
            }
        }
        if cfg!(target_os = "macos") && given_to("pbcopy", &[], text) {
            return format!("{what} copied by pbcopy");
        }
    }
    match screen.copy_osc52(text.as_bytes()) {
        Ok(()) if variables("TMUX").is_some() => match tmux_clipboard().as_deref() {
            Some("on") | None => format!("{what} sent to tmux and the terminal (OSC 52)"),
            Some(other) => {
                format!(
                    "{what} sent (OSC 52), but tmux has set-clipboard {other}: `tmux set -s set-clipboard on`"
                )
            }
        },
        Ok(()) => format!("{what} sent to the terminal (OSC 52); it may not take it"),
        Err(fault @ CopyFault::TooLong { .. }) => format!("{what} not copied: {fault}"),
        Err(fault) => format!("{what} not copied: {fault}"),
    }
}

fn given_to(tool: &str, arguments: &[&str], text: &str) -> bool {
    let child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let sent = child.stdin.take().is_some_and(|mut pipe| pipe.write_all(text.as_bytes()).is_ok());
    // These tools stay in the background and keep the text; only those that fail at once are known to have failed.
    sent && !matches!(child.try_wait(), Ok(Some(status)) if !status.success())
}

fn tmux_clipboard() -> Option<String> {
    let answer =
        Command::new("tmux").args(["show", "-sv", "set-clipboard"]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
