//! What a screen is: it hears events, answers what it wants done, draws itself (GROUND).

pub mod audit;
pub mod compare;
pub mod conflict;
pub mod connect;
pub mod credentials;
pub mod drafts;
pub mod editor;
pub mod environments;
pub mod flag;
pub mod flags;
pub mod health;
pub mod help;
pub mod history;
pub mod log;
pub mod members;
pub mod new_flag;
pub mod new_segment;
pub mod profile;
pub mod promote;
pub mod review;
pub mod rollout;
pub mod rule;
pub mod segments;
pub mod undo;
pub mod why;

use crate::action::Action;
use crate::cache::Heard;
use crate::canvas::{Canvas, Window};
use crate::effect::{Draft, Effect, Read};
use crate::key::Press;
use crate::message::Edited;
use crate::plan::{Plan, Touch, Wish};
use crate::request::{Answer, Failure};
use crate::route::{Document, Route};
use crate::theme::Token;
use crate::world::{Staged, World};
use shared::json::Json;
use std::fmt::Debug;
use time::OffsetDateTime;

/// How serious a toast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Info,
    /// Something was refused, or should be known.
    Warn,
    /// Something failed.
    Error,
}

impl Tone {
    /// The token that it is drawn with.
    #[must_use]
    pub fn token(self) -> Token {
        match self {
            Self::Info => Token::Info,
            Self::Warn => Token::Warn,
            Self::Error => Token::Error,
        }
    }

    /// The word before it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "ok",
            Self::Warn => "note",
            Self::Error => "error",
        }
    }
}

/// What a form tells the screen below it.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A targeting rule, for the place it was opened with.
    Rule {
        /// Its place among the rules; none for a new one.
        index: Option<usize>,
        /// The rule.
        rule: Json,
    },
    /// One of several choices, by what the screen called it.
    Choice(String),
}

/// Something that a screen hears.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// It was just opened.
    Opened,
    /// It is the topmost one again.
    Returned,
    /// Another one comes on top, or the program ends or stops: what is not kept yet is kept now.
    Covered,
    /// An action of its contexts, of movement, or one of `filter.*`.
    Action(&'static str),
    /// A key that is no action, while it takes text.
    Key(Press),
    /// A paste, while it takes text.
    Paste(&'a str),
    /// The answer of what it asked with `Do::Ask`.
    Answer {
        /// The tag it was asked with.
        tag: u32,
        /// What came.
        outcome: &'a Result<Answer, Failure>,
    },
    /// The feed told of changes, and the cache has them.
    Heard(&'a Heard),
    /// Flags were evaluated since, and the cache has when.
    Evaluated,
    /// Everything was read again, or the connection is back.
    Resynced,
    /// Time passed; only where `Screen::ticks` says so.
    Tick,
    /// A form above has an answer.
    Told(&'a Told),
    /// `$EDITOR` ended.
    Edited(&'a Document, &'a Edited),
    /// `$EDITOR` ended, on a text that is no document.
    EditedText(&'a Edited),
    /// A wish of this screen, or of one above it, was applied.
    Written {
        /// What it touched.
        touches: &'a [Touch],
        /// The revision.
        revision: u64,
    },
    /// The daemon refused a wish of this screen, or of one above it.
    Refused(&'a crate::request::Problem),
    /// A click: column and row of the body. Or a wheel: rows.
    Mouse(u16, u16, i16),
}

/// Something that a screen wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Another screen on top.
    Open(Route),
    /// Another screen on top, which does one of its actions as soon as it can.
    OpenTo(Route, &'static str),
    /// Another screen in place of this one.
    Replace(Route),
    /// Back to the screen below.
    Back,
    /// Back, with an answer for the screen below.
    Answer(Told),
    /// A read; its answer comes as `Event::Answer` with the tag. A newer one with the same tag cancels it.
    Ask(u32, Read),
    /// A change: it is planned, reviewed where it has to be, applied.
    Wish(Box<Wish>),
    /// Applies a plan with what was typed and why. Only the review does this.
    Apply {
        /// The plan.
        plan: Box<Plan>,
        /// What was typed.
        typed: String,
        /// Why.
        comment: String,
    },
    /// A short message.
    Toast(Tone, String),
    /// Selects an environment.
    Select(String),
    /// Marks these flags, and no others.
    Marks(std::collections::BTreeSet<String>),
    /// Keeps a context for the questions of this session, as the newest; it is never written to disk.
    Remember(Json),
    /// Passes over these paths in comparisons, and over no others.
    Ignore(std::collections::BTreeSet<String>),
    /// Keeps an edit on disk.
    Draft(Box<Draft>),
    /// Takes the draft of an edit away.
    DropDraft(Document),
    /// Stages edits of a configuration, or takes them back.
    Stage(String, String, Option<Staged>),
    /// Puts a configuration's row into the cache.
    KeepConfig(String, String, Json),
    /// Puts an environment's segments into the cache.
    KeepSegments(String, Vec<Json>),
    /// Puts into the cache when a flag was last evaluated in an environment.
    KeepEvaluated(String, String, OffsetDateTime),
    /// Reads anew when flags were last evaluated, in all environments; `Event::Evaluated` tells where that was newer.
    Evaluations,
    /// Puts older lines before the feed's, newest first.
    KeepLines(Vec<crate::cache::events::Line>),
    /// Runs another action, as if its key had been pressed: the palette does.
    Run(&'static str),
    /// Something for the edges.
    Effect(Effect),
}

impl Do {
    /// Settles which environment a screen that opens is about: its own, which is then selected everywhere, or the
    /// selected one where it has none.
    pub fn settle(own: &mut String, world: &World) -> Option<Self> {
        if own.is_empty() {
            own.clone_from(&world.environment);
        }
        (*own != world.environment).then(|| Self::Select(own.clone()))
    }
}

/// What the screen does with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Keys are actions.
    Commands,
    /// Keys are text; those of its own actions that type nothing come first, and those of `text`.
    Text,
    /// Keys are for one field of a screen that else takes commands; only actions of `text` come first.
    Field,
}

/// A screen, or a dialog over one.
pub trait Screen: Debug {
    /// Where this is: for links, for going back, for finding it in the stack.
    fn route(&self) -> Route;

    /// What it can do, beside moving and what works everywhere.
    fn actions(&self) -> &'static [Action];

    /// Hears an event.
    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do>;

    /// Draws itself: row 0 is the title row, the last one is right above toasts and footer.
    fn view(&self, world: &World, canvas: &mut Canvas<'_>);

    /// The actions that the footer shows, the most wanted first.
    fn footer(&self, world: &World) -> Vec<&'static str>;

    /// What keys are.
    fn mode(&self) -> Mode {
        Mode::Commands
    }

    /// Whether it is the review of a plan, which closes when the plan is applied.
    fn is_review(&self) -> bool {
        false
    }

    /// Whether it is drawn over the screen below it.
    fn overlay(&self) -> bool {
        false
    }

    /// Whether an action can be done now.
    ///
    /// # Errors
    /// Why not, as a sentence.
    fn available(&self, _world: &World, _action: &str) -> Result<(), String> {
        Ok(())
    }

    /// The environment that its writes touch; `Some(None)` for all of them, `None` when it shows no environment.
    fn environment(&self, world: &World) -> Option<Option<String>> {
        Some(Some(world.environment.clone()).filter(|e| !e.is_empty()))
    }

    /// The flag that is selected or shown, for `g h`, `d`, and links.
    fn flag(&self, _world: &World) -> Option<String> {
        None
    }

    /// The text that `y` and a letter copies: `row key value json cli link report table`.
    fn copy(&self, _world: &World, _what: &str) -> Option<String> {
        None
    }

    /// The rows of its list that are seen now, for the terminal to move them by itself. Only a list from edge to
    /// edge is worth saying.
    fn window(&self, _world: &World) -> Option<Window> {
        None
    }

    /// How often it wants to be drawn when nothing happens; none for never.
    fn ticks(&self, _world: &World) -> Option<std::time::Duration> {
        None
    }
}
