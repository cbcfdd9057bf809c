//! The whole program as one value: messages in, effects out (GROUND: its files add to it).

mod evaluations;
pub mod frame;
mod heard;
mod keys;
pub mod manual;
pub mod registry;
mod requests;
mod wanted;
mod writes;

use crate::canvas::Window;
use crate::effect::{Effect, Exit, Read};
use crate::guard::Guard;
use crate::key::Press;
use crate::keymap::Keymap;
use crate::message::Message;
use crate::plan::{Apply, Wish};
use crate::route::Route;
use crate::screens::{Event, Screen, Tone};
use crate::world::{Settings, World};
use std::collections::{BTreeMap, HashMap, VecDeque};
use time::{Duration, OffsetDateTime};

/// How long a toast stays.
const TOAST: Duration = Duration::seconds(10);
/// How long after a dialog opened keys that were already on their way are dropped.
pub(crate) const DEAD: Duration = Duration::milliseconds(250);

/// A screen in the stack.
#[derive(Debug)]
pub(crate) struct Layer {
    pub screen: Box<dyn Screen>,
    pub number: u64,
    pub opened: OffsetDateTime,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A screen.
    Screen { layer: u64, tag: u32 },
    /// Who I am.
    Me,
    /// The environments.
    Environments,
    /// A page of flags.
    Flags { first: bool },
    /// The plan of a wish.
    Plan { layer: u64, wish: Box<Wish> },
    /// A write.
    Write { layer: u64, apply: Box<Apply> },
    /// Whether a write whose answer was lost was applied.
    Resolve { layer: u64, apply: Box<Apply>, write: u64 },
    /// When flags were last evaluated.
    Evaluations(Reading),
}

/// What was asked about when flags were last evaluated, and up to when all is known.
#[derive(Debug, Default)]
pub(crate) struct Evaluations {
    /// When the flags were read, and with them when each was evaluated.
    pub listed: Option<OffsetDateTime>,
    /// When each environment was last asked about.
    pub asked: BTreeMap<String, OffsetDateTime>,
    /// Since when what happened in each environment is not known.
    pub known: BTreeMap<String, OffsetDateTime>,
}

/// A reading of when flags were last evaluated, on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The environment; none for all of them.
    pub environment: Option<String>,
    /// When it was begun.
    pub begun: OffsetDateTime,
    /// The request, without its cursor.
    pub path: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Toast {
    pub tone: Tone,
    pub text: String,
    pub until: OffsetDateTime,
}

/// The whole program.
#[derive(Debug)]
pub struct App {
    /// What all screens look at.
    pub world: World,
    pub(crate) stack: Vec<Layer>,
    pub(crate) keymap: Keymap,
    pub(crate) before: Option<Press>,
    pub(crate) waiting: HashMap<u64, Waiting>,
    pub(crate) next: u64,
    pub(crate) seed: u128,
    pub(crate) toasts: VecDeque<Toast>,
    pub(crate) cancelled_at: Option<OffsetDateTime>,
    /// Writes whose answers were lost and could not be asked for yet.
    pub(crate) unresolved: Vec<(u64, Box<Apply>, u64)>,
    /// The body's size as it was last drawn, for screens that move by pages.
    pub(crate) mouse: bool,
    pub(crate) loading: bool,
    /// The position of the first page of flags, while the others are read.
    pub(crate) first_page: Option<String>,
    pub(crate) start: Route,
    pub(crate) evaluations: Evaluations,
    /// The list of the topmost screen as the last frame showed it.
    pub(crate) seen: Option<Seen>,
    /// The key that is being done came in a burst.
    pub(crate) burst: bool,
}

/// Which rows of which screen a frame showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub layer: u64,
    pub window: Window,
}

/// How a session begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// The time.
    pub now: OffsetDateTime,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Whether writes are open.
    pub guard: Guard,
    /// How the program looks and behaves.
    pub settings: Settings,
    /// The keys.
    pub keymap: Keymap,
    /// Chance, for idempotency keys.
    pub seed: u128,
    /// The first screen.
    pub route: Route,
    /// The environment to begin with; empty for the first one.
    pub environment: String,
}

impl App {
    /// A program that has just started, and what it wants done first.
    #[must_use]
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let mut world = World::new(start.now, start.size, start.guard, start.settings);
        world.environment = start.environment;
        let mut app = Self {
            world,
            stack: Vec::new(),
            keymap: start.keymap,
            before: None,
            waiting: HashMap::new(),
            next: 1,
            seed: start.seed,
            toasts: VecDeque::new(),
            cancelled_at: None,
            unresolved: Vec::new(),
            mouse: false,
            loading: false,
            first_page: None,
            start: start.route.clone(),
            evaluations: Default::default(),
            seen: None,
            burst: false,
        };
        let effects = app.open(start.route);
        (app, effects)
    }

    /// Takes a message.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Tick(now) => self.tick(now),
            Message::Key(press) => self.key(press),
            Message::Paste(text) => self.paste(&text),
            Message::Resize(columns, rows) => {
                self.world.size = (columns, rows);
                Vec::new()
            }
            Message::Focus(false) | Message::Leaving => self.tell_all(&Event::Covered),
            Message::Focus(true) => Vec::new(),
            Message::Trouble(said) => {
                self.toast(Tone::Error, said);
                Vec::new()
            }
            Message::Mouse(column, row, wheel) => {
                self.tell_top(&Event::Mouse(column, row.saturating_sub(1), wheel))
            }
            Message::Closed => vec![Effect::Quit(Exit::Signal(1))],
            Message::Resumed => {
                self.world.guard.close();
                vec![Effect::Redraw]
            }
            Message::Answered { id, outcome, took } => self.answered(id, outcome, took),
            Message::Feed(event) => self.heard(event),
            Message::Profiles(lines) => {
                self.world.profiles = lines;
                self.tell_all(&Event::Resynced)
            }
            Message::Connected { profile, project, server, environment, read_only, held } => {
                self.world.profile = profile;
                self.world.server = server;
                self.connected(project, environment, read_only, held)
            }
            Message::Step(step) => {
                match self.world.steps.iter_mut().find(|s| s.what == step.what) {
                    Some(old) => *old = step,
                    None => self.world.steps.push(step),
                }
                Vec::new()
            }
            Message::Drafts(drafts) => {
                let drafts = drafts.into_iter().map(|draft| (draft.document.clone(), draft));
                self.world.drafts = drafts.collect();
                let key = self.keymap.key("go.drafts");
                match self.world.drafts.len() {
                    0 => {}
                    1 => self.toast(Tone::Info, format!("1 unsent draft is kept: {key} shows it")),
                    n => self.toast(Tone::Info, format!("{n} unsent drafts are kept: {key} shows them")),
                }
                Vec::new()
            }
            Message::DraftSaved(document, at) => {
                self.world.unsaved.remove(&document);
                if let Some(draft) = self.world.drafts.get_mut(&document) {
                    draft.saved_at = at;
                }
                Vec::new()
            }
            Message::DraftFailed(document, why) => {
                if self.world.unsaved.insert(document, why.clone()).as_ref() != Some(&why) {
                    self.toast(Tone::Error, format!("the draft is not on disk: {why}"));
                }
                Vec::new()
            }
            Message::Copied(said) => {
                self.toast(Tone::Info, said);
                Vec::new()
            }
            Message::EditedText(edited) => self.tell_top(&Event::EditedText(&edited)),
            Message::Edited(document, edited) => self.tell_top(&Event::Edited(&document, &edited)),
            Message::Painted { bytes, .. } => {
                self.world.stats.frames += 1;
                self.world.stats.bytes += bytes as u64;
                self.seen = self.window();
                Vec::new()
            }
        }
    }

    /// When something changes by itself: a toast ends, a countdown moves, ages grow. None for never.
    #[must_use]
    pub fn next_wake(&self) -> Option<OffsetDateTime> {
        let now = self.world.now;
        let toast = self.toasts.iter().map(|t| t.until).min();
        let countdown = self.world.guard.next(now, self.world.settings.calm);
        let retry = match &self.world.link {
            // The banner counts the seconds until the next attempt.
            crate::world::Link::Down { .. } => Some(now + Duration::seconds(1)),
            _ => None,
        };
        let own = self.stack.last().and_then(|l| l.screen.ticks(&self.world)).map(|d| now + d);
        // Ages are shown to the minute beyond the first one.
        let ages = (!self.world.settings.lite).then(|| now + Duration::seconds(60));
        let told = self.world.told_at_last();
        [toast, countdown, retry, own, ages, told].into_iter().flatten().min().map(|at| at.max(now))
    }

    /// The route of the topmost screen.
    #[must_use]
    pub fn route(&self) -> Route {
        self.stack.last().map_or_else(|| self.start.clone(), |layer| layer.screen.route())
    }

    /// Whether nothing is on its way: no request waits for its answer, no draft for the disk.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.waiting.is_empty()
            && !self.loading
            && (self.world.pending.is_empty() || !self.world.live())
            && self.world.unsaved.values().all(|why| !why.is_empty())
    }

    /// The title of the terminal's window.
    #[must_use]
    pub fn title(&self) -> String {
        let place =
            if self.world.environment.is_empty() { "flagstaff" } else { self.world.environment.as_str() };
        let lock = if self.world.writable(Some(place)).is_ok() { "" } else { " (READ-ONLY)" };
        format!("flagstaff: {place}{lock}")
    }

    fn tick(&mut self, now: OffsetDateTime) -> Vec<Effect> {
        self.world.now = self.world.now.max(now);
        let now = self.world.now;
        self.toasts.retain(|toast| toast.until > now);
        self.world.settle_pending();
        if let Some(said) = self.world.guard.tick(now) {
            self.toast(Tone::Warn, said.to_owned());
        }
        let wants = self.stack.last().is_some_and(|layer| layer.screen.ticks(&self.world).is_some());
        let mut effects = if wants { self.tell_top(&Event::Tick) } else { Vec::new() };
        effects.extend(self.evaluations_due());
        effects
    }

    /// Says something, as a toast.
    pub fn say(&mut self, tone: Tone, text: String) {
        self.toast(tone, text);
    }

    pub(crate) fn toast(&mut self, tone: Tone, text: String) {
        let until = self.world.now + TOAST;
        self.toasts.clear();
        self.toasts.push_back(Toast { tone, text, until });
    }

    /// A new number for a request or a layer.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A new idempotency key.
    pub(crate) fn key_of_write(&mut self) -> uuid::Uuid {
        // Splitmix over a seed that the edge drew: keys of one session differ, and a replay makes the same ones.
        let mut word = || {
            self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let mut z = self.seed;
            z = (z ^ (z >> 67)).wrapping_mul(0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb);
            z ^ (z >> 59)
        };
        uuid::Builder::from_random_bytes(word().to_be_bytes()).into_uuid()
    }

    /// Sends a read for somebody.
    pub(crate) fn ask(&mut self, waiting: Waiting, read: Read) -> Effect {
        let id = self.number();
        self.note(id, read.request(), "");
        self.waiting.insert(id, waiting);
        Effect::Read { id, read }
    }

    /// The effect that ends the program.
    pub(crate) fn quit() -> Vec<Effect> {
        vec![Effect::Quit(Exit::Left)]
    }
}
