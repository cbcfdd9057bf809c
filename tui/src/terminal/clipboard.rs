//! Text for the clipboard: by a tool of the desktop, by tmux, or through the terminal.

use crate::terminal::screen::LONGEST_COPY;
use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A tool that takes longer than this waits for something that is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the program runs, as far as a clipboard is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// A Wayland desktop.
    pub wayland: bool,
    /// An X11 desktop.
    pub x11: bool,
    /// Somebody else's machine: its desktop is not the reader's.
    pub ssh: bool,
    /// Within tmux.
    pub tmux: bool,
    /// A Mac.
    pub mac: bool,
}

/// One way to the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A program that takes the text on its standard input.
    Tool(&'static [&'static str]),
    /// tmux's buffer, and from there the outer terminal.
    Tmux,
    /// A sequence for the terminal, by [`Screen::copy_osc52`](crate::terminal::screen::Screen::copy_osc52).
    Terminal,
}

/// How a copy went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// That program took it.
    Tool(&'static str),
    /// tmux took it; whether the clipboard has it too depends on what tmux knows of the outer terminal.
    Tmux {
        /// tmux hands it to the outer terminal.
        handed_on: bool,
    },
    /// Nothing here takes it: it is for the terminal, which never says whether it did.
    ForTerminal,
    /// It is too long for the terminal, and nothing else takes it.
    TooLong,
}

impl Place {
    /// What the variables of the environment say; `lookup` is `std::env::var_os`.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| lookup(name).is_some_and(|value| !value.is_empty());
        Self {
            wayland: set("WAYLAND_DISPLAY"),
            x11: set("DISPLAY"),
            ssh: set("SSH_CONNECTION") || set("SSH_TTY"),
            tmux: set("TMUX"),
            mac: cfg!(target_os = "macos"),
        }
    }

    /// What to try, best first.
    #[must_use]
    pub fn ways(self) -> Vec<Way> {
        let mut ways = Vec::new();
        if !self.ssh {
            if self.mac {
                ways.push(Way::Tool(&["pbcopy"]));
            }
            if self.wayland {
                ways.push(Way::Tool(&["wl-copy"]));
            }
            if self.x11 {
                ways.push(Way::Tool(&["xclip", "-selection", "clipboard"]));
                ways.push(Way::Tool(&["xsel", "--clipboard", "--input"]));
            }
        }
        if self.tmux {
            ways.push(Way::Tmux);
        }
        ways.push(Way::Terminal);
        ways
    }
}

impl Copied {
    /// What to tell the reader; `what` was copied, such as `key`.
    #[must_use]
    pub fn sentence(&self, what: &str) -> String {
        match self {
            Self::Tool(name) => format!("{what} copied ({name})"),
            Self::Tmux { handed_on: true } => format!("{what} copied (tmux)"),
            Self::Tmux { handed_on: false } => {
                format!("{what} is in tmux's buffer only; set -as terminal-features ',*:clipboard' shares it")
            }
            Self::ForTerminal => format!("{what} sent to the terminal's clipboard"),
            Self::TooLong => format!("{what} not copied: longer than {LONGEST_COPY} bytes"),
        }
    }
}

/// Tries all ways but the terminal itself; [`Copied::ForTerminal`] leaves that to the caller.
pub async fn copy(text: &[u8], place: Place) -> Copied {
    for way in place.ways() {
        match way {
            Way::Tool(tool) => {
                if let (Ok(()), Some(name)) = (hand_to(tool, text).await, tool.first()) {
                    return Copied::Tool(name);
                }
            }
            Way::Tmux => {
                let taken = hand_to(&["tmux", "load-buffer", "-w", "-"], text).await;
                if taken.is_ok() {
                    return Copied::Tmux { handed_on: tmux_hands_on().await };
                }
            }
            Way::Terminal if text.len() > LONGEST_COPY => return Copied::TooLong,
            Way::Terminal => {}
        }
    }
    Copied::ForTerminal
}

fn command(words: &[&str]) -> Option<Command> {
    let (program, rest) = words.split_first()?;
    let mut command = Command::new(program);
    // Such tools stay in the background to serve the text; they must not hold the terminal.
    command.args(rest).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Some(command)
}

async fn hand_to(words: &[&str], text: &[u8]) -> io::Result<()> {
    let mut command = command(words).ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let taken = async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(text).await?;
            stdin.shutdown().await?;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, taken).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(io::Error::other(status.to_string())),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn tmux_hands_on() -> bool {
    let Some(mut command) = command(&["tmux", "display", "-p", "#{client_termfeatures}"]) else {
        return false;
    };
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).output();
    match tokio::time::timeout(PATIENCE, output).await {
        // A buffer that is loaded for the clipboard is handed on whatever `set-clipboard` says.
        Ok(Ok(output)) => {
            String::from_utf8_lossy(&output.stdout).trim().split(',').any(|feature| feature == "clipboard")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(names: &[&str]) -> Place {
        Place::from_env(|name| names.contains(&name).then(|| "1".into()))
    }

    #[test]
    fn the_desktop_of_another_machine_is_not_used() {
        let first = |names: &[&str]| place(names).ways().first().copied();
        if !cfg!(target_os = "macos") {
            assert_eq!(first(&["WAYLAND_DISPLAY", "DISPLAY"]), Some(Way::Tool(&["wl-copy"])));
            assert_eq!(first(&[]), Some(Way::Terminal));
        }
        assert_eq!(first(&["DISPLAY", "SSH_TTY"]), Some(Way::Terminal));
        assert_eq!(first(&["DISPLAY", "SSH_CONNECTION", "TMUX"]), Some(Way::Tmux));
        assert_eq!(place(&["TMUX", "DISPLAY"]).ways().last(), Some(&Way::Terminal));
    }

    #[tokio::test]
    async fn a_tool_gets_the_text_and_one_that_fails_or_is_missing_is_no_copy() {
        assert!(hand_to(&["sh", "-c", "test \"$(cat)\" = flag.key"], b"flag.key").await.is_ok());
        assert!(hand_to(&["sh", "-c", "exit 1"], b"").await.is_err());
        assert!(hand_to(&["flagstaff-no-such-tool"], b"x").await.is_err());
    }

    #[tokio::test]
    async fn what_only_the_terminal_could_take_is_left_to_it_or_refused() {
        let ssh = Place { ssh: true, ..Place::default() };
        assert_eq!(copy(b"key", ssh).await, Copied::ForTerminal);
        assert_eq!(copy(&vec![b'x'; LONGEST_COPY + 1], ssh).await, Copied::TooLong);
        assert!(Copied::Tmux { handed_on: false }.sentence("key").contains("terminal-features"));
    }
}
