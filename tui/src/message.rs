//! What happens to the program: keys, answers, the feed, time.

use crate::effect::Draft;
use crate::key::Press;
use crate::request::{Answer, Failure, FeedEvent};
use crate::route::Document;
use std::time::Duration;
use time::OffsetDateTime;

/// How `$EDITOR` ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It left this text.
    Text(String),
    /// It left the text as it was.
    Unchanged,
    /// It failed, or said no by its exit status; nothing happens.
    Failed(String),
}

/// A profile, as the connect screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileLine {
    /// Its name.
    pub name: String,
    /// Where it leads: a URL or a socket.
    pub server: String,
    /// The environment it opens.
    pub environment: Option<String>,
    /// `protected`, `always` or `never`.
    pub read_only: String,
    /// How it identifies itself: `token`, `peer`, `user alice`.
    pub credential: String,
    /// Whether it is the default one.
    pub default: bool,
}

/// One step of connecting, for the connect screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectStep {
    /// What it is, such as `TLS 1.3, flags.acme.internal`.
    pub what: String,
    /// How long it took; none while it runs.
    pub took: Option<Duration>,
    /// Why it failed.
    pub failed: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Time passed; sent before each other message too, when the clock has moved.
    Tick(OffsetDateTime),
    /// A key.
    Key(Press),
    /// A bracketed paste.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// The window got the focus, or lost it.
    Focus(bool),
    /// A click or a wheel: column, row, and by how many rows the wheel turned (0 for a click).
    Mouse(u16, u16, i16),
    /// The terminal is gone.
    Closed,
    /// The program goes on after a stop (`fg`, SIGCONT).
    Resumed,
    /// A request was answered, or not.
    Answered {
        /// The number of the request.
        id: u64,
        /// What came.
        outcome: Result<Answer, Failure>,
        /// How long it took.
        took: Duration,
    },
    /// The feed says something.
    Feed(FeedEvent),
    /// Which profiles there are.
    Profiles(Vec<ProfileLine>),
    /// A connection to a profile was begun; `read_only` holds the session.
    Connected {
        /// The profile's name.
        profile: String,
        /// The project's key.
        project: String,
        /// Where it leads.
        server: String,
        /// The environment it opens.
        environment: Option<String>,
        /// When a session starts read-only.
        read_only: crate::guard::Policy,
        /// Whether nothing opens writes.
        held: bool,
    },
    /// A step of connecting.
    Step(ConnectStep),
    /// The program is about to end or to stop: what is not kept yet is kept now.
    Leaving,
    /// Something beside the screen went wrong, as a sentence.
    Trouble(String),
    /// All drafts that lie on disk for this profile.
    Drafts(Vec<Draft>),
    /// A draft lies on disk.
    DraftSaved(Document, OffsetDateTime),
    /// A draft could not be written.
    DraftFailed(Document, String),
    /// What became of a copy, as a sentence.
    Copied(String),
    /// `$EDITOR` ended.
    Edited(Document, Edited),
    /// `$EDITOR` ended, on a text that is no document.
    EditedText(Edited),
    /// Bytes and writes of the last frame, for the health screen.
    Painted {
        /// Bytes.
        bytes: usize,
        /// How long the terminal took to take them.
        took: Duration,
    },
}
