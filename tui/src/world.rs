//! What all screens look at: the cache, the connection, the guard, the session.

use crate::cache::Cache;
use crate::cache::rows::EnvironmentRow;
use crate::effect::Draft;
use crate::guard::{Closed, Guard};
use crate::message::{ConnectStep, ProfileLine};
use crate::plan::Touch;
use crate::route::Document;
use crate::secret::Secret;
use shared::json::Json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use time::OffsetDateTime;

/// The connection to the daemon, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Not connected yet: the first attempt, or a new profile.
    Connecting {
        /// How often it was tried.
        attempt: u32,
    },
    /// The feed is open.
    Live,
    /// The feed broke; what is shown may be old.
    Down {
        /// Since when.
        since: OffsetDateTime,
        /// When it is tried again.
        retry_at: OffsetDateTime,
        /// Why.
        reason: String,
    },
    /// The daemon does not let us in.
    Shut(String),
}

/// How the program looks and behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For screen readers: no boxes, no columns that need to be seen, the cursor on what is selected.
    pub a11y: bool,
    /// For slow lines: fewer frames, no ages, a marker instead of a reversed row.
    pub lite: bool,
    /// No spinner, and a countdown that moves every ten seconds only.
    pub calm: bool,
    /// Whether rules and bars may use characters beyond ASCII.
    pub unicode: bool,
    /// The editor's keys: `plain` or `vim`.
    pub editor_keys: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { a11y: false, lite: false, calm: false, unicode: false, editor_keys: "plain".to_owned() }
    }
}

/// The longest that an applied write is still shown as on its way.
const TELLING: time::Duration = time::Duration::seconds(5);

/// How many contexts are remembered.
const CONTEXTS: usize = 30;

/// A write on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// What it does.
    pub title: String,
    /// What it touches.
    pub touches: Vec<Touch>,
    /// Whether its answer was lost, and is being asked for.
    pub unknown: bool,
    /// The revision that it was applied as, and since when that is known: the feed has not told of it yet.
    pub applied: Option<(u64, OffsetDateTime)>,
}

/// A change of mine that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Its revision.
    pub revision: u64,
    /// What it did.
    pub title: String,
    /// When the answer came.
    pub at: OffsetDateTime,
}

/// One request, for the command log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When it was sent.
    pub at: OffsetDateTime,
    /// The number of the request.
    pub id: u64,
    /// Method and path.
    pub what: String,
    /// The same on the command line; empty for reads.
    pub cli: String,
    /// The answer in a few words; empty while it runs.
    pub result: String,
    /// How long it took.
    pub took: Option<Duration>,
}

/// Numbers about this client, for the health screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The last round trips, oldest first.
    pub trips: VecDeque<Duration>,
    /// When the feed was opened.
    pub up_since: Option<OffsetDateTime>,
    /// When the last message of the feed came.
    pub last_message: Option<OffsetDateTime>,
    /// Messages of the feed.
    pub messages: u64,
    /// How often the connection was lost.
    pub losses: u64,
    /// Frames painted.
    pub frames: u64,
    /// Bytes sent to the terminal.
    pub bytes: u64,
}

/// What all screens look at.
#[derive(Clone, Debug)]
pub struct World {
    /// What the daemon told.
    pub cache: Cache,
    /// The time of the last tick.
    pub now: OffsetDateTime,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The connection.
    pub link: Link,
    /// Whether writes are open.
    pub guard: Guard,
    /// The selected environment's key; empty until the environments are known.
    pub environment: String,
    /// The profile's name.
    pub profile: String,
    /// Where it leads.
    pub server: String,
    /// How the program looks and behaves.
    pub settings: Settings,
    /// Writes on their way, by the number of their request.
    pub pending: BTreeMap<u64, Pending>,
    /// My changes, newest last.
    pub done: Vec<Done>,
    /// The command log.
    pub log: VecDeque<LogLine>,
    /// The drafts, by what they edit.
    pub drafts: BTreeMap<Document, Draft>,
    /// Drafts that are not on disk yet (then the text is empty), or could not be written and why.
    pub unsaved: BTreeMap<Document, String>,
    /// Staged configurations: the document that a review would send, by flag and environment, with its base revision.
    pub staged: BTreeMap<(String, String), Staged>,
    /// The profiles.
    pub profiles: Vec<ProfileLine>,
    /// The steps of the connection that is being made.
    pub steps: Vec<ConnectStep>,
    /// Marked flags.
    pub marks: BTreeSet<String>,
    /// Numbers about this client.
    pub stats: Stats,
    /// Paths that a comparison of environments passes over, with all below them.
    pub ignored: BTreeSet<String>,
    /// Contexts that were asked about, the newest first.
    pub contexts: VecDeque<Json>,
    /// What an answer shows only once, such as the keys of a new environment; there while `Event::Written` is told.
    pub once: Option<Secret<Json>>,
}

/// Edits of a configuration that wait for a review.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// The whole document as it would be.
    pub document: Json,
    /// The document that the edits began from.
    pub base: Json,
    /// The revision that the edits began from.
    pub base_revision: u64,
    /// What was done, a line each.
    pub edits: Vec<String>,
}

impl World {
    /// A world that knows nothing yet.
    #[must_use]
    pub fn new(now: OffsetDateTime, size: (u16, u16), guard: Guard, settings: Settings) -> Self {
        Self {
            cache: Cache::default(),
            now,
            size,
            link: Link::Connecting { attempt: 0 },
            guard,
            environment: String::new(),
            profile: String::new(),
            server: String::new(),
            settings,
            pending: BTreeMap::new(),
            done: Vec::new(),
            log: VecDeque::new(),
            drafts: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            staged: BTreeMap::new(),
            profiles: Vec::new(),
            steps: Vec::new(),
            marks: BTreeSet::new(),
            stats: Stats::default(),
            ignored: BTreeSet::new(),
            contexts: VecDeque::new(),
            once: None,
        }
    }

    /// Columns and rows of what a screen draws on: the terminal without banner, toasts and footer.
    #[must_use]
    pub fn body(&self) -> (u16, u16) {
        (self.size.0, self.size.1.saturating_sub(3))
    }

    /// The selected environment.
    #[must_use]
    pub fn selected(&self) -> Option<&EnvironmentRow> {
        self.cache.environment(&self.environment)
    }

    /// Whether what is shown is as the daemon has it.
    #[must_use]
    pub fn live(&self) -> bool {
        matches!(self.link, Link::Live)
    }

    /// Whether a change of `environment` (all of them for none) may be begun now.
    ///
    /// # Errors
    /// Why not, and what opens it.
    pub fn writable(&self, environment: Option<&str>) -> Result<(), Closed> {
        if !self.live() {
            return Err(Closed::Offline);
        }
        let strict = |e: &&EnvironmentRow| environment.is_none_or(|key| e.key == key);
        let touched: Vec<&EnvironmentRow> = self.cache.environments.iter().filter(strict).collect();
        if let Some(barred) = touched.iter().find(|e| !e.may_write) {
            // A change of all environments may still be one that this role can make: the daemon decides.
            if environment.is_some() || touched.iter().all(|e| !e.may_write) {
                return Err(Closed::Role(barred.key.clone()));
            }
        }
        self.guard.check(touched.iter().any(|e| e.protected), self.now)
    }

    /// Remembers a context as the newest.
    pub fn remember(&mut self, context: Json) {
        self.contexts.retain(|known| !known.same_value(&context));
        self.contexts.push_front(context);
        self.contexts.truncate(CONTEXTS);
    }

    /// Takes away the writes that the feed has told of, or should have.
    pub fn settle_pending(&mut self) {
        let (told, now) = (self.cache.revision, self.now);
        self.pending.retain(|_, write| {
            write.applied.is_none_or(|(revision, at)| revision > told && now - at < TELLING)
        });
    }

    /// When the first of the applied writes is no longer shown as on its way, whatever the feed tells.
    #[must_use]
    pub fn told_at_last(&self) -> Option<OffsetDateTime> {
        self.pending.values().filter_map(|write| write.applied).map(|(_, at)| at + TELLING).min()
    }

    /// Whether a write on this flag or segment is on its way.
    #[must_use]
    pub fn is_pending(&self, key: &str, environment: &str) -> bool {
        self.pending.values().any(|write| {
            write
                .touches
                .iter()
                .any(|t| t.key == key && t.environment.as_deref().is_none_or(|e| e == environment))
        })
    }
}
