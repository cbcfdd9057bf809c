//! The event loop: keys, answers, the feed and time; updates, effects, frames (GROUND).

pub mod connection;
pub mod crash;
pub mod draft_writer;
pub mod editor;
pub mod full_screen;
pub mod theme_file;

use crate::message::Message;
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

/// Where messages go.
pub type Post = UnboundedSender<Message>;

/// How the full screen is wanted, beside what the settings say.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The environment to begin with.
    pub environment: Option<String>,
    /// The screen to begin with: `flags`, `audit`, `health`, ...
    pub screen: Option<String>,
    /// The filter of the first screen.
    pub filter: String,
    /// Nothing opens writes.
    pub read_only: bool,
    /// For slow lines.
    pub lite: bool,
    /// For screen readers.
    pub a11y: bool,
    /// `auto`, `never`, `16`, `256` or `rgb`; none for what the settings say.
    pub color: Option<String>,
    /// The connect screen comes first.
    pub pick: bool,
    /// What is said on the way out, such as how the demo was stopped.
    pub farewell: Option<String>,
}

/// Why the full screen cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no terminal, or none that can be drawn on.
    #[error("{0}; use the command line: flagstaff --help")]
    NoTerminal(String),
    /// The terminal does not do what it should.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
    /// Nothing listens where a daemon usually does.
    #[error(
        "no daemon is reached at {at}: {why}\n\nstart one with `flagstaffd serve`, or try the demo: `./scripts/demo`; another one: flagstaff -H https://flags.example.com"
    )]
    NoDaemon {
        /// Where it was looked for.
        at: String,
        /// What came.
        why: String,
    },
    /// A theme file is wrong.
    #[error("{path}: {faults}", path = .path.display())]
    Theme {
        /// The file.
        path: PathBuf,
        /// What is wrong, with lines.
        faults: String,
    },
}
