//! The algorithm: off, prerequisites, targets, rules, fallthrough. Written once, told on demand.

use std::collections::HashMap;

use super::bucket::{Bucket, bucket};
use super::clause::{PreparedClause, Test};
use super::decision::{Outcome, Why};
use super::graph::Graph;
use super::prepare::{By, PreparedFlag, PreparedRollout, PreparedServe};
use super::reason::{BigSegmentsStatus, ErrorKind, Reason};
use super::trace::{
    BucketStep, ClauseStep, Explanation, Listener, Node, PrerequisiteStep, RolloutStep, RuleStep, ServeStep,
    TargetStep, shortened,
};
use crate::context::Context;
use crate::json::Json;

/// How many steps a chain of prerequisites, or of segments in segments, may have: what is deeper is malformed, as
/// circles are, for the stack is finite.
pub const MAX_DEPTH: usize = 64;

/// What is told about a path that is refused.
pub(super) const ROUND: &str = "it leads back to itself, or too deep";

/// The whole evaluation is malformed, whatever flag or segment it was that is; or it may not go on.
pub(super) struct Malformed;

/// The keys that lead here, so that circles are seen.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    key: &'p str,
    depth: usize,
    parent: Option<&'p Path<'p>>,
}

impl<'p> Path<'p> {
    /// One step further.
    ///
    /// # Errors
    /// The key is on the path already, or the path is too long.
    pub(super) fn step(key: &'p str, parent: Option<&'p Path<'p>>) -> Result<Path<'p>, Malformed> {
        let mut before = parent;
        while let Some(path) = before {
            if path.key == key {
                return Err(Malformed);
            }
            before = path.parent;
        }
        let depth = parent.map_or(0, |path| path.depth + 1);
        if depth > MAX_DEPTH { Err(Malformed) } else { Ok(Path { key, depth, parent }) }
    }
}

/// One evaluation under way, in a graph of flags and segments, for one context, told to a listener.
pub(super) struct Walk<'f, 'c, G, L> {
    pub(super) graph: G,
    pub(super) context: &'c Context,
    pub(super) big_segments: Option<BigSegmentsStatus>,
    /// Whether somebody without a key was to be divided by it.
    pub(super) missed_key: bool,
    /// How many of the direct prerequisites were evaluated.
    pub(super) evaluated: usize,
    visits: usize,
    memory: Option<Box<Memory<'f>>>,
    listener: L,
}

/// What is known already.
#[derive(Default)]
struct Memory<'f> {
    flags: HashMap<&'f str, Outcome>,
    segments: HashMap<&'f str, bool>,
}

impl<'f, 'c, G: Graph<'f>, L: Listener> Walk<'f, 'c, G, L> {
    #[inline]
    pub(super) fn new(graph: G, context: &'c Context, listener: L) -> Self {
        Self {
            graph,
            context,
            big_segments: None,
            missed_key: false,
            evaluated: 0,
            visits: 0,
            memory: None,
            listener,
        }
    }

    /// Evaluates a flag from the beginning.
    pub(super) fn run(&mut self, flag: &'f PreparedFlag, place: G::Place) -> Outcome {
        if flag.deleted {
            self.open(|| opened(flag));
            return Outcome::new(None, Why::Error(ErrorKind::FlagNotFound));
        }
        self.flag(flag, place, None).unwrap_or(Outcome::MALFORMED)
    }

    /// Ends the walk and hands out who was told.
    pub(super) fn into_listener(self) -> L {
        self.listener
    }

    pub(super) fn open(&mut self, make: impl FnOnce() -> Node) {
        self.listener.open(make);
    }

    pub(super) fn mark(&mut self, change: impl FnOnce(&mut Node)) {
        self.listener.mark(change);
    }

    pub(super) fn close(&mut self, change: impl FnOnce(&mut Node)) {
        self.listener.mark(change);
        self.listener.close();
    }

    /// Counts the visit of a flag or segment; true once results are to be remembered.
    pub(super) fn remembers(&mut self) -> bool {
        self.visits += 1;
        self.visits > L::REMEMBER_AFTER
    }

    /// Asks whether so much more may be done.
    #[inline]
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), Malformed> {
        if self.listener.spend(steps) { Ok(()) } else { Err(Malformed) }
    }

    /// Whether a segment contains the context, if that is known already.
    pub(super) fn known_segment(&self, key: &str) -> Option<bool> {
        self.memory.as_ref()?.segments.get(key).copied()
    }

    pub(super) fn remember_segment(&mut self, key: &'f str, contains: bool) {
        self.memory.get_or_insert_default().segments.insert(key, contains);
    }

    fn flag(
        &mut self,
        flag: &'f PreparedFlag,
        place: G::Place,
        path: Option<&Path<'_>>,
    ) -> Result<Outcome, Malformed> {
        self.open(|| opened(flag));
        let outcome = self.decide(flag, place, path)?;
        let big_segments_status = self.big_segments;
        // The first flag's own step stays open until the walk ends.
        self.close(|node| {
            if let Node::Flag(step) = node {
                step.variation = outcome.index();
                step.reason =
                    Json::from_serialize(&Reason { kind: outcome.reason.told(flag), big_segments_status });
            }
        });
        Ok(outcome)
    }

    fn decide(
        &mut self,
        flag: &'f PreparedFlag,
        place: G::Place,
        path: Option<&Path<'_>>,
    ) -> Result<Outcome, Malformed> {
        if !flag.on {
            if let Some(problem) = &flag.unread {
                self.mark(|node| served(node, "document", None, None, Some(problem.to_string())));
                return Err(Malformed);
            }
            return Ok(self.off(flag, Why::Off));
        }
        if !flag.prerequisites.is_empty()
            && let Some(position) = self.failed_prerequisite(flag, place, path)?
        {
            return Ok(self.off(flag, Why::prerequisite(position)));
        }
        if let Some(variation) = self.target(flag) {
            return Ok(self.variation(flag, "target", variation, Why::Target));
        }
        for (index, rule) in flag.rules.iter().enumerate() {
            self.open(|| Node::Rule(RuleStep { index, id: rule.id.to_string(), ..RuleStep::default() }));
            let matched = self.clauses(&rule.clauses, place, None)?;
            self.close(|node| {
                if let Node::Rule(step) = node {
                    step.matched = matched;
                }
            });
            if matched {
                return Ok(self.serve(flag, "rule", &rule.serve, Why::rule(index)));
            }
        }
        let reason = Why::Fallthrough { in_experiment: false };
        Ok(self.serve(flag, "fallthrough", &flag.fallthrough, reason))
    }

    /// The position of the first prerequisite that isn't met.
    fn failed_prerequisite(
        &mut self,
        flag: &'f PreparedFlag,
        place: G::Place,
        path: Option<&Path<'_>>,
    ) -> Result<Option<usize>, Malformed> {
        let here = Path::step(&flag.key, path)?;
        for (position, (key, required)) in flag.prerequisites.iter().zip(&*flag.required).enumerate() {
            let required_variation = *required;
            self.spend(1)?;
            self.open(|| {
                Node::Prerequisite(PrerequisiteStep {
                    key: key.to_string(),
                    required_variation,
                    ..PrerequisiteStep::default()
                })
            });
            let found = self.graph.flag(place, position, key);
            let Some((other, beyond)) = found.filter(|(other, _)| !other.deleted) else {
                self.close(|node| prerequisite_done(node, false, || "there is no such flag".to_owned()));
                return Ok(Some(position));
            };
            let index = self.other_flag(other, beyond, &here)?.index();
            let served = index.and_then(|index| i64::try_from(index).ok());
            let passed = other.on && served == Some(required_variation);
            if path.is_none() {
                self.evaluated = position + 1;
            }
            self.close(|node| {
                prerequisite_done(node, passed, || match (other.on, served) {
                    (false, _) => "it is off, and then it never passes".to_owned(),
                    (true, Some(served)) => format!("it serves variation {served}"),
                    (true, None) => "it serves no variation".to_owned(),
                });
            });
            if !passed {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    fn other_flag(
        &mut self,
        other: &'f PreparedFlag,
        place: G::Place,
        path: &Path<'_>,
    ) -> Result<Outcome, Malformed> {
        if let Err(malformed) = Path::step(&other.key, Some(path)) {
            self.mark(|node| prerequisite_done(node, false, || ROUND.to_owned()));
            return Err(malformed);
        }
        if let Some(known) = self.memory.as_ref().and_then(|memory| memory.flags.get(&*other.key)) {
            return Ok(*known);
        }
        let remembers = self.remembers();
        let outcome = self.flag(other, place, Some(path))?;
        if remembers {
            self.memory.get_or_insert_default().flags.insert(&other.key, outcome);
        }
        Ok(outcome)
    }

    fn target(&mut self, flag: &PreparedFlag) -> Option<i64> {
        if flag.targets.is_empty() {
            return None;
        }
        let hit = flag.targets.find(self.context);
        let context = self.context;
        self.mark(|node| {
            if let Node::Flag(step) = node {
                let told = flag.targets.lists().iter().enumerate();
                step.targets.extend(told.take(hit.map_or(usize::MAX, |hit| hit + 1)).map(
                    |(position, list)| {
                        let matched = hit == Some(position);
                        let detail = match (context.of_kind(&list.kind), matched) {
                            (None, _) => format!("the context has no kind {:?}", list.kind),
                            (Some(_), true) => "its key is listed".to_owned(),
                            (Some(_), false) => "its key is not listed".to_owned(),
                        };
                        let context_kind = list.kind.to_string();
                        TargetStep { context_kind, variation: list.variation, matched, detail }
                    },
                ));
            }
        });
        flag.targets.lists().get(hit?).map(|list| list.variation)
    }

    /// Whether all clauses of a rule match; `segment` is the path of segments that leads here.
    pub(super) fn clauses(
        &mut self,
        clauses: &'f [PreparedClause],
        place: G::Place,
        segment: Option<&Path<'_>>,
    ) -> Result<bool, Malformed> {
        for clause in clauses {
            self.spend(1)?;
            self.open(|| {
                Node::Clause(ClauseStep {
                    context_kind: clause.kind.to_string(),
                    attribute: clause.written.to_string(),
                    op: clause.op.as_str().to_owned(),
                    negate: clause.negate,
                    ..ClauseStep::default()
                })
            });
            let matched = match &clause.test {
                Test::Segments { keys, link } => {
                    self.in_any_segment(keys, place, *link, segment)? != clause.negate
                }
                test => self.attribute(clause, test)?,
            };
            self.close(|node| {
                if let Node::Clause(step) = node {
                    step.matched = matched;
                }
            });
            if !matched {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn attribute(&mut self, clause: &PreparedClause, test: &Test) -> Result<bool, Malformed> {
        let reference = match &clause.attribute {
            Ok(reference) => reference,
            Err(error) => {
                self.mark(|node| detail(node, || error.to_string()));
                return Err(Malformed);
            }
        };
        if clause.asks_for_kind {
            let mut found = false;
            for kind in self.context.individuals().iter().filter_map(|one| one.value(reference)) {
                found = self.listener.compare(test, kind).ok_or(Malformed)?;
                if found {
                    break;
                }
            }
            self.mark(|node| detail(node, || says("a kind in the context", clause, found)));
            return Ok(found != clause.negate);
        }
        let Some(individual) = self.context.of_kind(&clause.kind) else {
            self.mark(|node| detail(node, || format!("the context has no kind {:?}", clause.kind)));
            return Ok(false);
        };
        let Some(value) = individual.value(reference) else {
            self.mark(|node| detail(node, || format!("{:?} has no such attribute", clause.kind)));
            return Ok(false);
        };
        let found = self.listener.compare(test, value).ok_or(Malformed)?;
        self.mark(|node| {
            if let Node::Clause(step) = node {
                step.saw = Some(shortened(value));
            }
            detail(node, || says("the value", clause, found));
        });
        Ok(found != clause.negate)
    }

    fn off(&mut self, flag: &PreparedFlag, reason: Why) -> Outcome {
        match flag.off_variation {
            Some(variation) => self.variation(flag, "off", variation, reason),
            None => {
                self.mark(|node| served(node, "off", None, None, None));
                Outcome::new(None, reason)
            }
        }
    }

    fn variation(&mut self, flag: &PreparedFlag, by: &str, variation: i64, reason: Why) -> Outcome {
        self.mark(|node| served(node, by, Some(variation), None, None));
        self.index(flag, variation, reason)
    }

    fn index(&mut self, flag: &PreparedFlag, variation: i64, reason: Why) -> Outcome {
        let index = usize::try_from(variation).ok().filter(|index| *index < flag.variations.len());
        if index.is_none() {
            self.mark(|node| {
                if let Node::Flag(Explanation { serve: Some(step), .. }) = node {
                    step.problem = Some(format!("the flag has no variation {variation}"));
                }
            });
            return Outcome::MALFORMED;
        }
        Outcome::new(index, reason)
    }

    fn serve(&mut self, flag: &'f PreparedFlag, by: &str, serve: &PreparedServe, reason: Why) -> Outcome {
        match serve {
            PreparedServe::Variation(variation) => self.variation(flag, by, *variation, reason),
            PreparedServe::Rollout(rollout) => self.rollout(flag, by, rollout, reason),
            PreparedServe::CodeDefault => {
                self.mark(|node| served(node, by, None, None, None));
                Outcome::new(None, reason)
            }
            PreparedServe::Nothing => {
                let problem = "there is neither a variation nor a rollout";
                self.mark(|node| served(node, by, None, None, Some(problem.to_owned())));
                Outcome::MALFORMED
            }
        }
    }

    fn rollout(
        &mut self,
        flag: &'f PreparedFlag,
        served_by: &str,
        rollout: &PreparedRollout,
        reason: Why,
    ) -> Outcome {
        let attribute = match &rollout.by.attribute {
            Ok(attribute) => attribute.as_ref(),
            Err(error) => {
                self.mark(|node| served(node, served_by, None, None, Some(error.to_string())));
                return Outcome::MALFORMED;
            }
        };
        let fell = bucket(self.context, &rollout.by.kind, attribute, rollout.prefix(flag));
        self.missed_key |= fell == Bucket::NoKey;
        let mut from = 0.0;
        let mut chosen = None;
        for part in &*rollout.parts {
            let to = from + part.share;
            if fell.is_below(to, part.end) {
                chosen = Some((*part, from, to, fell != Bucket::NoKind));
                break;
            }
            from = to;
        }
        // Rounding, or weights that don't sum to the whole: the last part takes the rest, and there
        // the Go SDK doesn't ask whether the context had the kind.
        let last = || rollout.parts.last().map(|part| (*part, from, 1.0, true));
        let Some((part, from, to, counts)) = chosen.or_else(last) else {
            return Outcome::MALFORMED;
        };
        let in_experiment = rollout.experiment && !part.untracked && counts;
        self.mark(|node| {
            let bucket = bucket_step(&rollout.by, rollout.seed, fell, from, to);
            let foreign = rollout.algorithm.is_foreign();
            let algorithm = foreign.then(|| rollout.algorithm.as_str().to_owned());
            let step = RolloutStep { experiment: rollout.experiment, in_experiment, algorithm, bucket };
            served(node, served_by, Some(part.variation), Some(step), None);
        });
        let reason = if in_experiment { reason.in_experiment() } else { reason };
        self.index(flag, part.variation, reason)
    }
}

fn opened(flag: &PreparedFlag) -> Node {
    Node::Flag(Explanation {
        flag: flag.key.to_string(),
        version: flag.version,
        on: flag.on,
        reason: Json::from_serialize(&Reason::error(ErrorKind::MalformedFlag)),
        ..Explanation::default()
    })
}

pub(super) fn bucket_step(by: &By, seed: Option<i64>, fell: Bucket, from: f32, to: f32) -> BucketStep {
    let attribute = by.attribute.as_ref().ok().and_then(Option::as_ref);
    BucketStep {
        context_kind: by.kind.to_string(),
        attribute: attribute.map_or("key", |reference| reference.as_str()).to_owned(),
        seed,
        bucket: fell.place(),
        from,
        to,
        detail: match fell {
            Bucket::At(_) | Bucket::Of(_) => String::new(),
            Bucket::NoKind => format!("the context has no kind {:?}, which counts as 0", by.kind),
            Bucket::NoKey => "the context has no key, which counts as 0".to_owned(),
            Bucket::NoValue => {
                "the attribute is missing or neither a string nor a whole number, which counts as 0"
                    .to_owned()
            }
        },
    }
}

fn served(
    node: &mut Node,
    by: &str,
    variation: Option<i64>,
    rollout: Option<RolloutStep>,
    problem: Option<String>,
) {
    if let Node::Flag(flag) = node {
        flag.serve = Some(ServeStep { by: by.to_owned(), variation, rollout, problem });
    }
}

fn prerequisite_done(node: &mut Node, passed: bool, detail: impl FnOnce() -> String) {
    if let Node::Prerequisite(step) = node {
        step.passed = passed;
        step.detail = detail();
    }
}

fn detail(node: &mut Node, detail: impl FnOnce() -> String) {
    if let Node::Clause(step) = node {
        step.detail = detail();
    }
}

fn says(what: &str, clause: &PreparedClause, found: bool) -> String {
    match (found, clause.unusable.first()) {
        (true, _) => format!("{what} matches"),
        (false, None) => format!("{what} does not match"),
        (false, Some(unusable)) => format!("{what} does not match; {}", unusable.detail),
    }
}
