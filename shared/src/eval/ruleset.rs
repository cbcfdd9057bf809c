//! The flags and segments of an environment, linked, so that none is looked up by key.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::budget::{Budget, Metered, Spent};
use super::clause::{PreparedClause, Test};
use super::decision::Outcome;
use super::explain::explain_in;
use super::graph::Graph;
use super::outcome::{Evaluation, evaluate_in, told};
use super::prepare::{PreparedFlag, PreparedSegment};
use super::store::Store;
use super::trace::{Explanation, Nobody};
use super::walk::Walk;
use crate::context::Context;

type Places = HashMap<Arc<str>, u32, RandomState>;

/// Everything that evaluation needs of one environment at one revision: flags and segments in order of
/// their keys, with prerequisites and segments resolved. Evaluating takes no lock, and allocates nothing
/// unless a flag rests on more than 64 others.
#[derive(Debug, Default)]
pub struct Ruleset {
    flags: Box<[Linked<PreparedFlag>]>,
    segments: Box<[Linked<PreparedSegment>]>,
    flags_by_key: Places,
    segments_by_key: Places,
    // What each flag, then each segment names, in order; `NOWHERE` where there is no such thing.
    links: Box<[u32]>,
}

#[derive(Debug)]
struct Linked<T> {
    prepared: Arc<T>,
    // Where its links begin.
    links: usize,
    // What it comes to where that depends on nothing.
    known: Option<Outcome>,
}

const NOWHERE: u32 = u32::MAX;

impl Ruleset {
    /// Links the flags and segments of an environment. Of several with one key the last counts. Takes
    /// time in proportion to their number, not to their size.
    pub fn new(
        flags: impl IntoIterator<Item = Arc<PreparedFlag>>,
        segments: impl IntoIterator<Item = Arc<PreparedSegment>>,
    ) -> Self {
        let (flags, flags_by_key) = in_order(flags, |flag| &flag.key);
        let (segments, segments_by_key) = in_order(segments, |segment| &segment.key);
        let mut links = Vec::new();
        let flags = flags
            .into_iter()
            .map(|flag| {
                let begin = links.len();
                links.extend(flag.prerequisites.iter().map(|key| place(&flags_by_key, key)));
                if flag.links > flag.prerequisites.len() {
                    for rule in &flag.rules {
                        link_clauses(&mut links, &rule.clauses, &segments_by_key);
                    }
                }
                Linked { prepared: flag, links: begin, known: None }
            })
            .collect();
        let segments = segments
            .into_iter()
            .map(|segment| {
                let begin = links.len();
                if segment.links > 0 {
                    for rule in &segment.rules {
                        link_clauses(&mut links, &rule.clauses, &segments_by_key);
                    }
                }
                Linked { prepared: segment, links: begin, known: None }
            })
            .collect();
        let mut all = Self { flags, segments, flags_by_key, segments_by_key, links: links.into() };
        all.decide_at_once();
        all
    }

    /// Evaluates what is the same for everybody, for anybody.
    fn decide_at_once(&mut self) {
        let anybody = Context::anonymous();
        let nothing = Self::default();
        for flag in &mut self.flags {
            if flag.prepared.serves_all_alike() {
                let mut walk = Walk::new(&nothing, &anybody, Nobody);
                flag.known = Some(walk.run(&flag.prepared, 0));
            }
        }
    }

    /// How many flags there are.
    pub const fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are no flags.
    pub const fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// The flags, in order of their keys.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = &Arc<PreparedFlag>> {
        self.flags.iter().map(|flag| &flag.prepared)
    }

    /// The segments, in order of their keys.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<PreparedSegment>> {
        self.segments.iter().map(|segment| &segment.prepared)
    }

    /// Where the flag of that key stands in the order of keys.
    pub fn index_of(&self, key: &str) -> Option<usize> {
        self.flags_by_key.get(key).map(|index| *index as usize)
    }

    /// The flag at a place in the order of keys.
    pub fn get(&self, index: usize) -> Option<&Arc<PreparedFlag>> {
        self.flags.get(index).map(|flag| &flag.prepared)
    }

    /// Evaluates the flag at a place in the order of keys; `None` beyond the last.
    pub fn evaluate(&self, index: usize, context: &Context) -> Option<Evaluation<'_>> {
        self.flags.get(index).map(|flag| self.evaluated(flag, context))
    }

    /// Evaluates the flag of that key; `None` if there is none.
    pub fn evaluate_key(&self, key: &str, context: &Context) -> Option<Evaluation<'_>> {
        self.evaluate(self.index_of(key)?, context)
    }

    /// Evaluates the flag of that key within a budget; `None` if there is none.
    ///
    /// # Errors
    /// The budget was used up.
    pub fn evaluate_key_within(
        &self,
        key: &str,
        context: &Context,
        mut budget: Budget,
    ) -> Result<Option<Evaluation<'_>>, Spent> {
        let Some(flag) = self.index_of(key).and_then(|index| self.flags.get(index)) else { return Ok(None) };
        let found = match flag.known {
            Some(outcome) => Evaluation::of_all(&flag.prepared, outcome),
            None => {
                let listener = Metered { budget: &mut budget, inner: Nobody };
                told(self, &flag.prepared, flag.links, context, listener).0
            }
        };
        budget.kept(Some(found))
    }

    /// Evaluates every flag, in order of their keys.
    pub fn evaluate_all<'r, 'c>(
        &'r self,
        context: &'c Context,
    ) -> impl ExactSizeIterator<Item = Evaluation<'r>> + use<'r, 'c> {
        self.flags.iter().map(|flag| self.evaluated(flag, context))
    }

    /// Tells how the flag at a place in the order of keys came to serve what it serves.
    pub fn explain(&self, index: usize, context: &Context) -> Option<Explanation> {
        let flag = self.flags.get(index)?;
        Some(explain_in(self, &flag.prepared, flag.links, context))
    }

    fn evaluated<'r>(&'r self, flag: &'r Linked<PreparedFlag>, context: &Context) -> Evaluation<'r> {
        match flag.known {
            Some(outcome) => Evaluation::of_all(&flag.prepared, outcome),
            None => evaluate_in(self, &flag.prepared, flag.links, context),
        }
    }

    fn link(&self, from: usize, link: usize) -> Option<usize> {
        // Beyond the last place there is nothing, so `NOWHERE` needs no test of its own.
        self.links.get(from + link).map(|index| *index as usize)
    }
}

impl<'f> Graph<'f> for &'f Ruleset {
    /// Where the links of a flag or segment begin.
    type Place = usize;

    fn flag(self, from: usize, link: usize, _key: &str) -> Option<(&'f PreparedFlag, usize)> {
        let flag = self.flags.get(self.link(from, link)?)?;
        Some((&flag.prepared, flag.links))
    }

    fn segment(self, from: usize, link: usize, _key: &str) -> Option<(&'f PreparedSegment, usize)> {
        let segment = self.segments.get(self.link(from, link)?)?;
        Some((&segment.prepared, segment.links))
    }
}

impl Store for Ruleset {
    fn flag(&self, key: &str) -> Option<&PreparedFlag> {
        self.get(self.index_of(key)?).map(|flag| &**flag)
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        let index = self.segments_by_key.get(key)?;
        self.segments.get(*index as usize).map(|segment| &*segment.prepared)
    }
}

/// Sorts by key, and tells where each key came to stand.
fn in_order<T>(
    all: impl IntoIterator<Item = Arc<T>>,
    key: impl Fn(&T) -> &Arc<str>,
) -> (Vec<Arc<T>>, Places) {
    let mut all: Vec<Arc<T>> = all.into_iter().collect();
    all.sort_by(|a, b| key(a).cmp(key(b)));
    all.dedup_by(|later, earlier| {
        let same = key(later) == key(earlier);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    let places = all.iter().zip(0..NOWHERE).map(|(one, place)| (Arc::clone(key(one)), place)).collect();
    (all, places)
}

fn place(places: &Places, key: &str) -> u32 {
    places.get(key).copied().unwrap_or(NOWHERE)
}

fn link_clauses(links: &mut Vec<u32>, clauses: &[PreparedClause], places: &Places) {
    for clause in clauses {
        if let Test::Segments { keys, .. } = &clause.test {
            links.extend(keys.iter().map(|key| place(places, key)));
        }
    }
}
