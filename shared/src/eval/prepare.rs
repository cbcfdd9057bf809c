//! Documents made quick: patterns compiled, keys in sets, operands parsed, values encoded, once.

use std::collections::HashSet;
use std::sync::Arc;

use super::bucket::Prefix;
use super::clause::PreparedClause;
use super::targets::Targets;
use crate::context::{DEFAULT_KIND, Reference, ReferenceError};
use crate::fault::Fault;
use crate::json::Json;
use crate::project::ClientSideAvailability;
use crate::targeting::{Algorithm, Clause, FlagDocument, SegmentDocument, SegmentTarget, Serve};

/// A flag in one environment, ready to be evaluated.
#[derive(Debug)]
pub struct PreparedFlag {
    pub(super) key: Arc<str>,
    quoted_key: Box<str>,
    pub(super) version: i64,
    pub(super) on: bool,
    pub(super) deleted: bool,
    pub(super) off_variation: Option<i64>,
    pub(super) variations: Vec<Variation>,
    // Keys, and at the same places what those flags must serve.
    pub(super) prerequisites: Vec<Box<str>>,
    pub(super) required: Vec<i64>,
    // How many other flags and segments it names: prerequisites, then clause by clause.
    pub(super) links: usize,
    pub(super) targets: Targets,
    pub(super) rules: Vec<PreparedRule>,
    pub(super) fallthrough: PreparedServe,
    pub(super) salt: Box<str>,
    availability: ClientSideAvailability,
    track_events: bool,
    pub(super) track_events_fallthrough: bool,
    debug_events_until_date: Option<i64>,
}

/// A value that a flag can serve, and its compact text.
#[derive(Clone, Debug)]
pub struct Variation {
    value: Json,
    text: Arc<str>,
}

#[derive(Debug)]
pub(super) struct PreparedRule {
    pub(super) id: Box<str>,
    pub(super) clauses: Vec<PreparedClause>,
    pub(super) serve: PreparedServe,
    pub(super) track_events: bool,
}

#[derive(Debug)]
pub(super) enum PreparedServe {
    Variation(i64),
    Rollout(PreparedRollout),
    /// No value, on purpose.
    CodeDefault,
    Nothing,
}

#[derive(Debug)]
pub(super) struct PreparedRollout {
    pub(super) experiment: bool,
    pub(super) parts: Vec<PreparedPart>,
    pub(super) seed: Option<i64>,
    pub(super) by: By,
    pub(super) algorithm: Algorithm,
    group: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PreparedPart {
    pub(super) variation: i64,
    pub(super) share: f32,
    /// Where it ends, of 100,000.
    pub(super) end: i64,
    pub(super) untracked: bool,
}

/// What a rollout divides.
#[derive(Debug)]
pub(super) struct By {
    pub(super) kind: Box<str>,
    /// `None` = key.
    pub(super) attribute: Result<Option<Reference>, ReferenceError>,
}

/// A segment, ready to be asked.
#[derive(Debug)]
pub struct PreparedSegment {
    pub(super) key: Arc<str>,
    version: i64,
    // How many other segments it names, clause by clause.
    pub(super) links: usize,
    pub(super) deleted: bool,
    pub(super) salt: Box<str>,
    pub(super) included: HashSet<Box<str>>,
    pub(super) excluded: HashSet<Box<str>>,
    pub(super) included_contexts: Vec<PreparedKeys>,
    pub(super) excluded_contexts: Vec<PreparedKeys>,
    pub(super) rules: Vec<PreparedSegmentRule>,
    pub(super) unbounded: bool,
    pub(super) unbounded_kind: Box<str>,
    pub(super) generation: Option<i64>,
}

#[derive(Debug)]
pub(super) struct PreparedKeys {
    pub(super) kind: Box<str>,
    pub(super) keys: HashSet<Box<str>>,
}

#[derive(Debug)]
pub(super) struct PreparedSegmentRule {
    pub(super) id: Box<str>,
    pub(super) clauses: Vec<PreparedClause>,
    pub(super) share: Option<f32>,
    pub(super) by: By,
}

/// Prepares a flag from its composed document.
///
/// # Errors
/// Members of a wrong type. What is merely strange prepares, and evaluates as SDKs evaluate it.
pub fn prepare_flag(document: &Json) -> Result<PreparedFlag, Vec<Fault>> {
    let flag = FlagDocument::parse(document)?;
    let mut links = flag.prerequisites.len();
    let rules = flag
        .rules
        .into_iter()
        .map(|rule| PreparedRule {
            id: rule.id.into(),
            clauses: clauses(rule.clauses, &mut links),
            serve: serve(rule.serve, flag.algorithm),
            track_events: rule.track_events,
        })
        .collect();
    Ok(PreparedFlag {
        quoted_key: Json::from(flag.key.as_str()).to_text().into(),
        key: flag.key.into(),
        version: flag.version,
        on: flag.on,
        deleted: flag.deleted,
        off_variation: flag.off_variation,
        variations: flag.variations.into_iter().map(Variation::new).collect(),
        required: flag.prerequisites.iter().map(|prerequisite| prerequisite.variation).collect(),
        prerequisites: flag.prerequisites.into_iter().map(|prerequisite| prerequisite.key.into()).collect(),
        links,
        targets: Targets::new(&flag.targets, &flag.context_targets),
        rules,
        fallthrough: serve(flag.fallthrough, flag.algorithm),
        salt: flag.salt.into(),
        availability: flag.availability,
        track_events: flag.track_events,
        track_events_fallthrough: flag.track_events_fallthrough,
        debug_events_until_date: flag.debug_events_until_date,
    })
}

/// Prepares a segment from its composed document.
///
/// # Errors
/// Members of a wrong type.
pub fn prepare_segment(document: &Json) -> Result<PreparedSegment, Vec<Fault>> {
    let segment = SegmentDocument::parse(document)?;
    let mut links = 0;
    let rules = segment
        .rules
        .into_iter()
        .map(|rule| PreparedSegmentRule {
            id: rule.id.into(),
            clauses: clauses(rule.clauses, &mut links),
            share: rule.weight.map(share),
            by: By::new(rule.bucket_by.as_deref(), rule.rollout_context_kind.as_deref()),
        })
        .collect();
    Ok(PreparedSegment {
        key: segment.key.into(),
        version: segment.version,
        deleted: segment.deleted,
        salt: segment.salt.into(),
        included: set(segment.included),
        excluded: set(segment.excluded),
        included_contexts: segment.included_contexts.into_iter().map(PreparedKeys::new).collect(),
        excluded_contexts: segment.excluded_contexts.into_iter().map(PreparedKeys::new).collect(),
        links,
        rules,
        unbounded: segment.unbounded,
        unbounded_kind: kind(segment.unbounded_context_kind.as_deref()),
        generation: segment.generation,
    })
}

impl PreparedFlag {
    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its key as a JSON string, quotes included.
    pub fn quoted_key(&self) -> &str {
        &self.quoted_key
    }

    /// The version of its configuration.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// Whether targeting is on.
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// Whether it is a tombstone, which evaluates as if it were not there.
    pub const fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Its values.
    pub fn variations(&self) -> &[Variation] {
        &self.variations
    }

    /// Which client-side SDKs may see it.
    pub const fn availability(&self) -> ClientSideAvailability {
        self.availability
    }

    /// Whether every evaluation is to be reported.
    pub const fn track_events(&self) -> bool {
        self.track_events
    }

    /// Until when debug events are wanted, in milliseconds since 1970.
    pub const fn debug_events_until_date(&self) -> Option<i64> {
        self.debug_events_until_date
    }

    /// The keys of its direct prerequisites, in order.
    pub fn prerequisite_keys(&self) -> impl Iterator<Item = &str> {
        self.prerequisites.iter().map(|key| &**key)
    }
}

impl PreparedSegment {
    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its version.
    pub const fn version(&self) -> i64 {
        self.version
    }
}

impl Variation {
    fn new(value: Json) -> Self {
        Self { text: value.to_text().into(), value }
    }

    /// The value.
    pub const fn value(&self) -> &Json {
        &self.value
    }

    /// Its compact text, with numbers as they were written.
    pub const fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl PreparedRollout {
    /// What makes its buckets its own.
    pub(super) fn prefix<'p>(&'p self, flag: &'p PreparedFlag) -> Prefix<'p> {
        match (self.algorithm.is_foreign(), self.seed) {
            (true, _) => Prefix::Foreign(self.algorithm, self.group.as_deref().unwrap_or(&flag.key)),
            (false, Some(seed)) => Prefix::Seed(seed),
            (false, None) => Prefix::KeyAndSalt(&flag.key, &flag.salt),
        }
    }
}

impl PreparedKeys {
    fn new(target: SegmentTarget) -> Self {
        Self { kind: kind(target.context_kind.as_deref()), keys: set(target.values) }
    }
}

impl By {
    fn new(bucket_by: Option<&str>, given_kind: Option<&str>) -> Self {
        let attribute = match bucket_by {
            None | Some("") => Ok(None),
            Some(text) => Reference::beside_kind(text, given_kind).map(Some),
        };
        Self { kind: kind(given_kind), attribute }
    }
}

fn serve(serve: Serve, algorithm: Option<Algorithm>) -> PreparedServe {
    match (serve.variation, serve.rollout) {
        (Some(variation), _) => PreparedServe::Variation(variation),
        (None, Some(rollout)) if !rollout.variations.is_empty() => PreparedServe::Rollout(PreparedRollout {
            experiment: rollout.experiment,
            parts: rollout
                .variations
                .iter()
                .scan(0_i64, |end, part| {
                    *end = end.saturating_add(part.weight);
                    Some(PreparedPart {
                        variation: part.variation,
                        share: share(part.weight),
                        end: *end,
                        untracked: part.untracked,
                    })
                })
                .collect(),
            seed: rollout.seed,
            // An experiment divides by key, whatever it says.
            by: By::new(
                rollout.bucket_by.as_deref().filter(|_| !rollout.experiment),
                rollout.context_kind.as_deref(),
            ),
            algorithm: rollout.algorithm.or(algorithm).unwrap_or_default(),
            group: rollout.group.map(String::into_boxed_str),
        }),
        (None, None) if serve.code_default => PreparedServe::CodeDefault,
        _ => PreparedServe::Nothing,
    }
}

#[allow(clippy::cast_precision_loss)] // as Go and Rust SDKs do it
fn share(weight: i64) -> f32 {
    weight as f32 / 100_000.0
}

fn clauses(clauses: Vec<Clause>, links: &mut usize) -> Vec<PreparedClause> {
    clauses.into_iter().map(|clause| PreparedClause::new(clause, links)).collect()
}

pub(super) fn kind(given: Option<&str>) -> Box<str> {
    given.filter(|kind| !kind.is_empty()).unwrap_or(DEFAULT_KIND).into()
}

fn set(keys: Vec<String>) -> HashSet<Box<str>> {
    keys.into_iter().map(String::into_boxed_str).collect()
}
