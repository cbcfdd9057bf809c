//! What `update` asks the edges to do.

use crate::plan::{Apply, DryRun};
use crate::request::{Method, Request};
use crate::route::Document;
use shared::json::Json;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A read: it writes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Read(Request);

impl Read {
    /// A GET of `path`.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self(Request::get(path))
    }

    /// A GET that may take long, such as all flags over a slow line.
    #[must_use]
    pub fn long(path: impl Into<String>) -> Self {
        let mut request = Request::get(path);
        request.timeout = Duration::from_secs(120);
        Self(request)
    }

    /// A POST that only computes: an evaluation, or a question about an idempotency key.
    #[must_use]
    pub fn ask(path: Question<'_>, body: Option<Json>) -> Self {
        let path = match path {
            Question::Evaluate => "/api/evaluate".to_owned(),
            Question::Resolve(key) => format!("/api/idempotency-keys/{key}/resolve"),
            Question::Compute(path) => path.to_owned(),
        };
        let mut request = Request::new(Method::Post, path);
        request.body = body;
        Self(request)
    }

    /// The same for an answer that may take an hour, such as the verification of a long history.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.0.timeout = Duration::from_secs(3600);
        self
    }

    /// The plan of a change.
    #[must_use]
    pub fn plan(dry_run: &DryRun) -> Self {
        Self(dry_run.request().clone())
    }

    /// The request, to send.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.0
    }
}

/// A POST that writes no flag.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// `POST /api/evaluate`.
    Evaluate,
    /// `POST /api/idempotency-keys/{key}/resolve`.
    Resolve(Uuid),
    /// Another route that only computes.
    Compute(&'a str),
}

/// An edit that was not applied yet, as it lies on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What is edited.
    pub document: Document,
    /// The text as typed.
    pub text: String,
    /// The text that the edit began from.
    pub base: String,
    /// The revision that it began from.
    pub base_revision: u64,
    /// When it was last changed.
    pub saved_at: OffsetDateTime,
}

/// Why the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Somebody left.
    Left,
    /// A signal; the status is 128 and its number.
    Signal(u8),
}

/// Something for the edges to do. Each answer comes back as a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Sends a read; answered by `Message::Answered` with the same number.
    Read {
        /// The number of the request.
        id: u64,
        /// What is asked.
        read: Read,
    },
    /// Sends a planned and confirmed write; answered by `Message::Answered`.
    Write {
        /// The number of the request.
        id: u64,
        /// What is written.
        apply: Box<Apply>,
    },
    /// Gives up on a request.
    Cancel(u64),
    /// Sets the topics of the feed, and where to go on from; connects it when it is not there.
    Subscribe {
        /// The topics.
        topics: Vec<String>,
        /// The position to go on from.
        since: Option<String>,
    },
    /// Tries to connect now instead of waiting.
    Reconnect,
    /// Connects to the daemon of a profile.
    Connect {
        /// The profile's name.
        profile: String,
        /// Whether the session is read-only whatever the profile says.
        read_only: bool,
    },
    /// Writes the settings of a profile; answered by `Message::Profiles`.
    SaveProfile {
        /// Its name.
        name: String,
        /// Its members, as text: `url`, `environment`, `read_only`, `token`.
        members: Vec<(String, String)>,
    },
    /// Writes a draft to disk; answered by `Message::DraftSaved`.
    SaveDraft(Box<Draft>),
    /// Takes a draft away.
    DropDraft(Document),
    /// Puts text on the clipboard; answered by `Message::Copied`, which tells the truth about it.
    Copy {
        /// The text.
        text: String,
        /// What it is, for the toast: `key`, `JSON`.
        what: String,
    },
    /// Opens `$EDITOR` on a file with this text; answered by `Message::Edited`.
    Edit {
        /// What is edited.
        document: Document,
        /// The text.
        text: String,
    },
    /// Opens `$EDITOR` on a file with a text that is no document; answered by `Message::EditedText`.
    EditText {
        /// What it is, for the file's name.
        name: String,
        /// The text.
        text: String,
    },
    /// Lets the program have the mouse, or not.
    Mouse(bool),
    /// Gives the terminal back and stops until `fg`.
    Suspend,
    /// Draws everything again.
    Redraw,
    /// Ends the program.
    Quit(Exit),
}
