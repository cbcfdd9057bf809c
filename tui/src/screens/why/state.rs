//! What the question why knows (GROUND of its files).

use crate::cache::rows::FlagRow;
use crate::widgets::field::Field;
use crate::widgets::imagined::{Ground, Wanted};
use crate::widgets::lines::Pane;
use crate::widgets::verdict::Verdict;
use crate::world::World;
use shared::json::Json;
use std::collections::{BTreeMap, BTreeSet};

/// The steps.
pub const STEPS: usize = 0;
/// The environments.
pub const ELSEWHERE: usize = 1;
/// What is changed.
pub const WHAT_IF: usize = 2;
/// The contexts.
pub const RECENT: usize = 3;
/// How many tags one round of questions has; the first round begins behind those that are always the same.
pub const ROOM: u32 = 10_000;

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// A context.
    Context,
    /// A time.
    At,
    /// What is different about the context.
    Vary,
    /// A part of a key.
    Find,
}

/// What an answer was, or why there is none.
pub type Told = Result<Verdict, String>;

/// The context with something changed.
#[derive(Debug)]
pub struct Varied {
    /// Its number among those of the screen: answers find it wherever it stands by then.
    pub id: u32,
    /// What was typed.
    pub typed: String,
    /// The context that it makes.
    pub context: Json,
    /// What that is served.
    pub told: Option<Told>,
}

/// The configuration as it is not.
#[derive(Debug)]
pub struct Otherwise {
    /// How it is different, in a word or two.
    pub title: &'static str,
    /// The configuration.
    pub document: Json,
    /// What it would serve.
    pub told: Option<Told>,
}

/// The contexts that applications showed to the daemon.
#[derive(Debug, Default)]
pub enum Seen {
    /// They were not asked for.
    #[default]
    NotAsked,
    /// They are being read.
    Reading,
    /// They are these, of so many.
    Listed(Vec<Json>, u64),
    /// They cannot be told, and why.
    Not(String),
}

/// Why a context gets what it gets.
#[derive(Debug)]
pub struct Why {
    /// The flag's key.
    pub flag: String,
    /// The environment's key.
    pub environment: String,
    /// A revision or a time; none is the present.
    pub at: Option<String>,
    /// Who is asked about; none at first.
    pub context: Option<Json>,
    /// The tab that is open.
    pub tab: usize,
    /// What is selected in each tab.
    pub panes: [Pane; 4],
    /// What is being typed, and what is wrong with it.
    pub typing: Option<(Typing, Field, String)>,
    /// What is served, and why.
    pub told: Option<Told>,
    /// The first tag of what is asked beside the steps: answers to an older question are of no use.
    pub base: u32,
    /// Whether the steps that are told are old: a newer answer is on its way.
    pub asking: bool,
    /// The configuration of the time that is asked about.
    pub past: Option<Json>,
    /// The prerequisites that are folded the other way round.
    pub turned: BTreeSet<Vec<usize>>,
    /// The answers of the environments.
    pub elsewhere: BTreeMap<String, Told>,
    /// The environments that were asked, in the order of their tags.
    pub asked_elsewhere: Vec<String>,
    /// The configuration as it is not.
    pub otherwise: Vec<Otherwise>,
    /// The context with something changed.
    pub varied: Vec<Varied>,
    /// The number of the next one.
    pub next_varied: u32,
    /// What an evaluation here rests on.
    pub ground: Ground,
    /// What was asked for that, in the order of the tags.
    pub asked_ground: Vec<Wanted>,
    /// The contexts that were seen.
    pub seen: Seen,
    /// A part of the key that they have.
    pub find: String,
    /// The one of `otherwise` whose steps are shown in place of what is.
    pub imagined: Option<usize>,
}

impl Why {
    /// The question about a flag in an environment; the last context of the session is taken up.
    #[must_use]
    pub fn new(flag: String, environment: String, at: String, world: &World) -> Self {
        Self {
            flag,
            environment,
            at: Some(at).filter(|at| !at.is_empty()),
            context: world.contexts.front().cloned(),
            tab: STEPS,
            panes: Default::default(),
            typing: None,
            told: None,
            base: ROOM,
            asking: false,
            past: None,
            turned: BTreeSet::new(),
            elsewhere: BTreeMap::new(),
            asked_elsewhere: Vec::new(),
            otherwise: Vec::new(),
            varied: Vec::new(),
            next_varied: 0,
            ground: Ground::new(),
            asked_ground: Vec::new(),
            seen: Seen::NotAsked,
            find: String::new(),
            imagined: None,
        }
    }

    /// The flag's row in the list.
    #[must_use]
    pub fn row<'w>(&self, world: &'w World) -> Option<&'w FlagRow> {
        world.cache.flags.get(&self.flag).map(AsRef::as_ref)
    }
}
