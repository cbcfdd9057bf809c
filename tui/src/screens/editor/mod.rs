//! The editor of one document, as JSON: its state and what it hears (GROUND: its files add to it).

mod acts;
mod changes;
mod complete;
#[cfg(test)]
mod tests;
mod view;
mod vim;

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::edit::document::{self, Opened};
use crate::edit::faults::Fault;
use crate::edit::insert::Insert;
use crate::effect::Read;
use crate::plan::Touch;
use crate::route::{Document, Route};
use crate::widgets::code::Code;
use crate::widgets::code_view::Window;
use crate::widgets::field::Field;
use crate::widgets::list::List;
use crate::world::World;
use shared::json::{Json, Token as Piece};
use std::time::Duration;
use time::OffsetDateTime;

/// What can be done while a document is edited. All keys are such that they type nothing.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "editor.review",
        &["ctrl-x", "ctrl-s"],
        "review..",
        "Review the change and save it; with an error in the text, to the first one.",
    )
    .cli("flagstaff flag set KEY --env ENVIRONMENT --file FILE"),
    Action::reads("editor.diff", &["ctrl-o"], "diff", "What differs from the document as it was."),
    Action::reads(
        "editor.complete",
        &["ctrl-n"],
        "insert",
        "Put a member that is missing here, or choose among the values there can be.",
    ),
    Action::reads("editor.fix", &["ctrl-t"], "fix", "Accept the correction that is proposed."),
    Action::reads("editor.external", &["ctrl-g"], "$EDITOR", "Edit the text in the editor of the variable."),
    Action::reads("editor.undo", &["ctrl-u"], "undo", "Take the last edit back."),
    Action::reads("editor.redo", &["ctrl-r"], "redo", "Do again what was taken back."),
    Action::reads("editor.find", &["ctrl-f"], "find", "Find words in the text; enter finds the next place."),
    Action::reads("editor.format", &["f2"], "format", "Lay the text out anew; no value changes."),
    Action::reads(
        "editor.discard",
        &["ctrl-d"],
        "discard",
        "Throw the draft away and begin from the document again; asks for the key once more.",
    ),
    Action::reads("editor.close", &["esc"], "leave", "Leave the editor; what was typed is kept as a draft."),
];

/// How often a draft is written, at most.
const DRAFTS: Duration = Duration::from_millis(250);
/// How long after the last change the daemon is asked.
const PAUSE: Duration = Duration::from_millis(600);
/// How long a second press of a key is the answer to a question.
const AGAIN: time::Duration = time::Duration::seconds(4);
/// Larger texts are for other editors: bytes, lines, bytes of one line.
const LARGEST: (usize, usize, usize) = (256 * 1024, 5_000, 32 * 1024);

/// The tags of what is asked.
const DOCUMENT: u32 = 1;
const PLAN: u32 = 2;
const ELSEWHERE: u32 = 100;

/// How far the document is.
#[derive(Debug)]
enum Stage {
    Loading,
    Failed(String),
    Ready,
    /// Too large to be edited here, and why.
    Large(String),
}

/// What the daemon says about the text.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// There is nothing to ask: nothing changed, or the text is no JSON.
    Idle,
    /// To be asked after a pause.
    Due,
    /// Asked about the text of that generation.
    Asked(u64),
    /// It would take it, with these warnings.
    Fine(Vec<String>),
    /// It refuses it.
    Wrong(Vec<Fault>),
    /// It could not be asked, or had something else to say.
    Unknown(String),
}

/// Something that can be put into the text.
#[derive(Clone, Debug)]
struct Item {
    label: String,
    about: String,
    insert: Insert,
}

/// What lies over the text, or takes the keys.
#[derive(Debug)]
enum Pane {
    None,
    Find(Field),
    Choose(Vec<Item>, List),
    Diff(usize),
}

/// What a key is while vi's keys are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Vim {
    /// A command.
    #[default]
    Normal,
    /// The second key of a command: `d` or `g` came first.
    After(char),
    /// Text.
    Insert,
    /// A command line, begun with a colon.
    Line(String),
}

impl Vim {
    /// The word for the title.
    fn badge(&self) -> String {
        match self {
            Self::Normal => "NORMAL".to_owned(),
            Self::After(c) => format!("NORMAL {c}"),
            Self::Insert => "INSERT".to_owned(),
            Self::Line(line) => format!(":{line}"),
        }
    }

    /// Back to commands. Answers whether it was elsewhere.
    fn escape(&mut self) -> bool {
        std::mem::take(self) != Self::Normal
    }
}

/// Somebody else changed the document.
#[derive(Debug)]
struct News {
    actor: String,
    at: OffsetDateTime,
    revision: u64,
}

/// The editor of one document, as JSON.
#[derive(Debug)]
pub struct Editor {
    document: Document,
    stage: Stage,
    code: Code,
    window: Window,
    /// What the edit began from, its text, and the revision.
    base: Json,
    base_text: String,
    base_revision: u64,
    opened: Option<Opened>,
    schema: Json,
    value: Result<Json, Box<Fault>>,
    tokens: Vec<Piece>,
    verdict: Verdict,
    generation: u64,
    changed_at: OffsetDateTime,
    drafted_at: OffsetDateTime,
    /// Whether the text has changes that no draft has yet.
    undrafted: bool,
    pane: Pane,
    found: String,
    news: Option<News>,
    note: Option<String>,
    discard_at: Option<OffsetDateTime>,
    /// Whether `$EDITOR` is wanted as soon as the text is there.
    external_due: bool,
    vim: Option<Vim>,
}

impl Editor {
    /// Makes the screen.
    #[must_use]
    pub fn new(document: Document, world: &World) -> Self {
        Self {
            document,
            stage: Stage::Loading,
            code: Code::new(""),
            window: Window::default(),
            base: Json::Null,
            base_text: String::new(),
            base_revision: 0,
            opened: None,
            schema: Json::object(),
            value: Ok(Json::Null),
            tokens: Vec::new(),
            verdict: Verdict::Idle,
            generation: 0,
            changed_at: world.now,
            drafted_at: OffsetDateTime::UNIX_EPOCH,
            undrafted: false,
            pane: Pane::None,
            found: String::new(),
            news: None,
            note: None,
            discard_at: None,
            external_due: false,
            vim: (world.settings.editor_keys == "vim").then(Vim::default),
        }
    }

    fn ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// Whether the text differs from the one that the edit began from.
    fn modified(&self) -> bool {
        self.code.text() != self.base_text
    }

    /// The faults of the text: that of reading it, else those that the daemon found.
    fn faults(&self) -> &[Fault] {
        match (&self.value, &self.verdict) {
            (Err(fault), _) => std::slice::from_ref(&**fault),
            (Ok(_), Verdict::Wrong(faults)) => faults,
            _ => &[],
        }
    }

    /// Whether a change touches this document.
    fn touched(&self, touches: &[Touch]) -> bool {
        touches.iter().any(|touch| {
            let place = self.document.environment();
            touch.key == self.document.key()
                && (touch.environment.as_deref() == place || touch.environment.is_none())
        })
    }

    fn open(&self, world: &World) -> Vec<Do> {
        let mut wanted = vec![Do::Ask(DOCUMENT, Read::get(document::path(&self.document)))];
        let Document::Config { flag, environment } = &self.document else { return wanted };
        for (tag, other) in (ELSEWHERE..).zip(&world.cache.environments) {
            let known = world.cache.configs.contains_key(&(flag.clone(), other.key.clone()));
            if other.key != *environment && !known {
                let there = Document::Config { flag: flag.clone(), environment: other.key.clone() };
                wanted.push(Do::Ask(tag, Read::get(document::path(&there))));
            }
        }
        wanted
    }

    fn time_left(from: OffsetDateTime, whole: Duration, now: OffsetDateTime) -> Duration {
        let gone = Duration::try_from(now - from).unwrap_or_default();
        whole.saturating_sub(gone).max(Duration::from_millis(5))
    }
}

impl Screen for Editor {
    fn route(&self) -> Route {
        Route::Editor(self.document.clone())
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(self.document.environment().map(str::to_owned))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        self.document.flag().map(str::to_owned)
    }

    fn copy(&self, _world: &World, what: &str) -> Option<String> {
        match what {
            "json" => Some(self.code.text().to_owned()),
            "key" => Some(self.document.key().to_owned()),
            _ => None,
        }
    }

    fn ticks(&self, world: &World) -> Option<Duration> {
        let draft = self.undrafted.then(|| Self::time_left(self.drafted_at, DRAFTS, world.now));
        let ask = (self.verdict == Verdict::Due).then(|| Self::time_left(self.changed_at, PAUSE, world.now));
        draft.into_iter().chain(ask).min()
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        let mut wanted = match event {
            Event::Opened => self.open(world),
            Event::Answer { tag, outcome } => self.answered(world, *tag, outcome),
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => self.press(world, *press),
            Event::Paste(text) => self.pasted(world, text),
            Event::Tick => self.tick(world),
            Event::Covered => self.draft(world),
            Event::Heard(heard) => {
                self.heard(world, heard);
                Vec::new()
            }
            Event::Returned => self.returned(world),
            Event::Resynced if !self.ready() => self.open(world),
            Event::Resynced => self.reread(),
            Event::Edited(document, edited) if **document == self.document => self.edited(world, edited),
            Event::Written { touches, .. } if self.touched(touches) => return vec![Do::Back],
            Event::Mouse(column, row, wheel) => {
                self.mouse(world, *column, *row, *wheel);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if matches!(event, Event::Key(_) | Event::Paste(_) | Event::Action(_)) {
            wanted.extend(self.tick(world));
        }
        self.settle(world);
        wanted
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.draw(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        match (&self.stage, &self.pane) {
            (Stage::Ready, Pane::None) => vec![
                "editor.review",
                "editor.close",
                "editor.diff",
                "editor.complete",
                "editor.fix",
                "editor.external",
                "editor.undo",
                "editor.find",
                "editor.redo",
                "editor.format",
            ],
            (Stage::Ready, Pane::Diff(_)) => vec!["editor.review", "editor.diff", "editor.close"],
            (Stage::Large(_), _) => {
                vec!["editor.external", "editor.review", "editor.discard", "editor.close"]
            }
            _ => vec!["editor.close"],
        }
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        if !matches!(self.stage, Stage::Ready | Stage::Large(_)) && action != "editor.close" {
            return Err("the document is not there yet".to_owned());
        }
        match action {
            "editor.review" if self.faults().is_empty() => {
                world.writable(self.document.environment()).map_err(|closed| match closed {
                    crate::guard::Closed::Locked => "needs writes: f3 opens them".to_owned(),
                    other => other.to_string(),
                })
            }
            "editor.fix" if self.faults().iter().all(|fault| fault.fix.is_none()) => {
                Err("there is no correction to accept".to_owned())
            }
            "editor.format" if self.value.is_err() => Err("the text has an error".to_owned()),
            "editor.discard" if !self.modified() => Err("there is no change to throw away".to_owned()),
            _ => Ok(()),
        }
    }
}
