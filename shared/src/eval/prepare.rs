//! Documents made quick: patterns compiled, keys in sets, operands parsed, values encoded, once.

use std::collections::HashSet;
use std::sync::Arc;

use super::bucket::Prefix;
use super::clause::PreparedClause;
use crate::context::{DEFAULT_KIND, Reference, ReferenceError};
use crate::fault::Fault;
use crate::json::Json;
use crate::project::ClientSideAvailability;
use crate::targeting::{
    Algorithm, FlagDocument, Prerequisite, SegmentDocument, SegmentTarget, Serve, Target,
};

/// A flag in one environment, ready to be evaluated.
#[derive(Debug)]
pub struct PreparedFlag {
    pub(super) key: Box<str>,
    pub(super) version: i64,
    pub(super) on: bool,
    pub(super) deleted: bool,
    pub(super) off_variation: Option<i64>,
    pub(super) variations: Vec<Variation>,
    pub(super) prerequisites: Vec<Prerequisite>,
    // In the order in which they are tried; place holders are resolved.
    pub(super) targets: Vec<PreparedTarget>,
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
pub(super) struct PreparedTarget {
    pub(super) kind: Box<str>,
    pub(super) keys: HashSet<Box<str>>,
    pub(super) variation: i64,
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
    pub(super) key: Box<str>,
    version: i64,
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
    Ok(PreparedFlag {
        key: flag.key.into(),
        version: flag.version,
        on: flag.on,
        deleted: flag.deleted,
        off_variation: flag.off_variation,
        variations: flag.variations.into_iter().map(Variation::new).collect(),
        prerequisites: flag.prerequisites,
        targets: targets(&flag.targets, &flag.context_targets),
        rules: flag
            .rules
            .into_iter()
            .map(|rule| PreparedRule {
                id: rule.id.into(),
                clauses: rule.clauses.into_iter().map(PreparedClause::new).collect(),
                serve: serve(rule.serve, flag.algorithm),
                track_events: rule.track_events,
            })
            .collect(),
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
    Ok(PreparedSegment {
        key: segment.key.into(),
        version: segment.version,
        deleted: segment.deleted,
        salt: segment.salt.into(),
        included: set(segment.included),
        excluded: set(segment.excluded),
        included_contexts: segment.included_contexts.into_iter().map(PreparedKeys::new).collect(),
        excluded_contexts: segment.excluded_contexts.into_iter().map(PreparedKeys::new).collect(),
        rules: segment
            .rules
            .into_iter()
            .map(|rule| PreparedSegmentRule {
                id: rule.id.into(),
                clauses: rule.clauses.into_iter().map(PreparedClause::new).collect(),
                share: rule.weight.map(share),
                by: By::new(rule.bucket_by.as_deref(), rule.rollout_context_kind.as_deref()),
            })
            .collect(),
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
        self.prerequisites.iter().map(|prerequisite| prerequisite.key.as_str())
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

/// Entries of users without keys in `contextTargets` stand for the first entry of that variation in
/// `targets`; if there are none at all, `targets` is all there is.
fn targets(of_users: &[Target], of_any: &[Target]) -> Vec<PreparedTarget> {
    let prepared = |target: &Target| PreparedTarget {
        kind: kind(target.context_kind.as_deref()),
        keys: target.values.iter().map(|key| key.as_str().into()).collect(),
        variation: target.variation,
    };
    if of_any.is_empty() {
        return of_users.iter().map(prepared).collect();
    }
    // A second place holder of a variation could only repeat the first.
    let mut held = HashSet::new();
    of_any
        .iter()
        .filter_map(|target| {
            let kind = target.context_kind.as_deref().unwrap_or_default();
            if target.values.is_empty() && (kind.is_empty() || kind == DEFAULT_KIND) {
                if !held.insert(target.variation) {
                    return None;
                }
                of_users.iter().find(|other| other.variation == target.variation).map(prepared)
            } else {
                Some(prepared(target))
            }
        })
        .collect()
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

fn kind(given: Option<&str>) -> Box<str> {
    given.filter(|kind| !kind.is_empty()).unwrap_or(DEFAULT_KIND).into()
}

fn set(keys: Vec<String>) -> HashSet<Box<str>> {
    keys.into_iter().map(String::into_boxed_str).collect()
}
