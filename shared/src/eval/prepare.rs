//! Documents made quick: patterns compiled, keys in sets, operands parsed, values encoded, once.

use std::sync::Arc;

use super::bucket::Prefix;
use super::clause::PreparedClause;
use super::keys::Keys;
use super::kind::{Kind, kind};
use super::salt::Salt;
use super::targets::Targets;
use crate::context::{Reference, ReferenceError};
use crate::fault::Fault;
use crate::json::Json;
use crate::project::ClientSideAvailability;
use crate::targeting::{
    Algorithm, Clause, FlagDocument, PatternBounds, SegmentDocument, SegmentTarget, Serve,
};

/// A flag in one environment, ready to be evaluated.
#[derive(Debug)]
pub struct PreparedFlag {
    pub(super) key: Arc<str>,
    quoted_key: Box<str>,
    pub(super) version: i64,
    pub(super) on: bool,
    pub(super) deleted: bool,
    // Why it has no result, if its document could not be read; it is off then.
    pub(super) unread: Option<Box<str>>,
    pub(super) off_variation: Option<i64>,
    pub(super) variations: Box<[Variation]>,
    // Keys, and at the same places what those flags must serve.
    pub(super) prerequisites: Box<[Box<str>]>,
    pub(super) required: Box<[i64]>,
    // How many other flags and segments it names: prerequisites, then clause by clause.
    pub(super) links: usize,
    pub(super) targets: Targets,
    pub(super) rules: Box<[PreparedRule]>,
    pub(super) fallthrough: PreparedServe,
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
    // The beginning of a result that serves it, from the flag's key on; empty for a long text.
    beginning: Box<str>,
}

#[derive(Debug)]
pub(super) struct PreparedRule {
    pub(super) id: Box<str>,
    pub(super) clauses: Box<[PreparedClause]>,
    pub(super) serve: PreparedServe,
    pub(super) track_events: bool,
}

#[derive(Debug)]
pub(super) enum PreparedServe {
    Variation(i64),
    Rollout(Box<PreparedRollout>),
    /// No value, on purpose.
    CodeDefault,
    Nothing,
}

#[derive(Debug)]
pub(super) struct PreparedRollout {
    pub(super) experiment: bool,
    pub(super) parts: Box<[PreparedPart]>,
    pub(super) seed: Option<i64>,
    pub(super) by: By,
    pub(super) algorithm: Algorithm,
    group: Option<Box<str>>,
    salt: Salt,
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
    pub(super) kind: Kind,
    /// `None` = key.
    pub(super) attribute: Result<Option<Reference>, ReferenceError>,
}

/// What a rollout takes from its flag.
struct Own<'f> {
    key: &'f str,
    salt: &'f str,
    algorithm: Option<Algorithm>,
}

/// A segment, ready to be asked.
#[derive(Debug)]
pub struct PreparedSegment {
    pub(super) key: Arc<str>,
    version: i64,
    // How many other segments it names, clause by clause.
    pub(super) links: usize,
    pub(super) deleted: bool,
    // Why nobody knows who is in it, if its document could not be read; it is unbounded then.
    pub(super) unread: Option<Box<str>>,
    pub(super) included: Keys,
    pub(super) excluded: Keys,
    pub(super) included_contexts: Box<[PreparedKeys]>,
    pub(super) excluded_contexts: Box<[PreparedKeys]>,
    pub(super) rules: Box<[PreparedSegmentRule]>,
    pub(super) unbounded: bool,
    pub(super) unbounded_kind: Kind,
    pub(super) generation: Option<i64>,
}

#[derive(Debug)]
pub(super) struct PreparedKeys {
    pub(super) kind: Kind,
    pub(super) keys: Keys,
}

#[derive(Debug)]
pub(super) struct PreparedSegmentRule {
    pub(super) id: Box<str>,
    pub(super) clauses: Box<[PreparedClause]>,
    /// How much of everybody, and the salt of the segment.
    pub(super) share: Option<(f32, Box<Salt>)>,
    pub(super) by: By,
}

// From here on a text is kept once.
const LONG: usize = 256;

/// Prepares a flag from its composed document.
///
/// # Errors
/// Members of a wrong type. What is merely strange prepares, and evaluates as SDKs evaluate it.
pub fn prepare_flag(document: &Json) -> Result<PreparedFlag, Vec<Fault>> {
    prepare_flag_within(document, PatternBounds::NARROW)
}

/// The same, with patterns up to those bounds.
pub(super) fn prepare_flag_within(
    document: &Json,
    patterns: PatternBounds,
) -> Result<PreparedFlag, Vec<Fault>> {
    let flag = FlagDocument::parse(document)?;
    let own = Own { key: &flag.key, salt: &flag.salt, algorithm: flag.algorithm };
    let mut links = flag.prerequisites.len();
    let rules = flag
        .rules
        .into_iter()
        .map(|rule| PreparedRule {
            id: rule.id.into(),
            clauses: clauses(rule.clauses, patterns, &mut links),
            serve: serve(rule.serve, &own),
            track_events: rule.track_events,
        })
        .collect();
    let fallthrough = serve(flag.fallthrough, &own);
    let quoted_key: Box<str> = Json::from(flag.key.as_str()).to_text().into();
    let mut variations: Box<[Variation]> = flag.variations.into_iter().map(Variation::new).collect();
    for (index, variation) in variations.iter_mut().enumerate() {
        variation.begin(&quoted_key, index, flag.version);
    }
    Ok(PreparedFlag {
        quoted_key,
        key: flag.key.into(),
        version: flag.version,
        on: flag.on,
        deleted: flag.deleted,
        unread: None,
        off_variation: flag.off_variation,
        variations,
        required: flag.prerequisites.iter().map(|prerequisite| prerequisite.variation).collect(),
        prerequisites: flag.prerequisites.into_iter().map(|prerequisite| prerequisite.key.into()).collect(),
        links,
        targets: Targets::new(&flag.targets, &flag.context_targets),
        rules,
        fallthrough,
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
    prepare_segment_within(document, PatternBounds::NARROW)
}

/// The same, with patterns up to those bounds.
pub(super) fn prepare_segment_within(
    document: &Json,
    patterns: PatternBounds,
) -> Result<PreparedSegment, Vec<Fault>> {
    let segment = SegmentDocument::parse(document)?;
    let mut links = 0;
    let rules = segment
        .rules
        .into_iter()
        .map(|rule| PreparedSegmentRule {
            id: rule.id.into(),
            clauses: clauses(rule.clauses, patterns, &mut links),
            share: rule
                .weight
                .map(|weight| (share(weight), Box::new(Salt::new(&segment.key, &segment.salt)))),
            by: By::new(rule.bucket_by.as_deref(), rule.rollout_context_kind.as_deref()),
        })
        .collect();
    Ok(PreparedSegment {
        key: segment.key.into(),
        version: segment.version,
        deleted: segment.deleted,
        unread: None,
        included: Keys::new(segment.included),
        excluded: Keys::new(segment.excluded),
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

    /// What of its clauses never matches here, though it may elsewhere, with pointers into the document.
    pub(super) fn unusable(&self) -> Vec<Fault> {
        unusable(self.rules.iter().map(|rule| &*rule.clauses))
    }

    /// Whether it serves the same to everybody, whatever other flags do.
    pub(super) fn serves_all_alike(&self) -> bool {
        let undivided = !matches!(self.fallthrough, PreparedServe::Rollout(_));
        let untargeted = self.prerequisites.is_empty() && self.targets.is_empty() && self.rules.is_empty();
        self.deleted || !self.on || (untargeted && undivided)
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

impl PreparedSegment {
    /// What of its clauses never matches here, though it may elsewhere, with pointers into the document.
    pub(super) fn unusable(&self) -> Vec<Fault> {
        unusable(self.rules.iter().map(|rule| &*rule.clauses))
    }
}

impl Variation {
    fn new(value: Json) -> Self {
        Self { text: value.to_text().into(), value, beginning: Box::default() }
    }

    /// The beginning of a result, `"KEY":{"value":...,"variation":...,"flagVersion":...`, so that most
    /// results are one piece; nothing where that would keep a long text twice.
    pub(super) const fn beginning(&self) -> &str {
        &self.beginning
    }

    fn begin(&mut self, key: &str, index: usize, version: i64) {
        if self.text.len() <= LONG {
            let text = &self.text;
            self.beginning =
                format!("{key}:{{\"value\":{text},\"variation\":{index},\"flagVersion\":{version}").into();
        }
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
        match self.algorithm.is_foreign() {
            true => Prefix::Foreign(self.algorithm, self.group.as_deref().unwrap_or(&flag.key)),
            false => Prefix::Own(&self.salt),
        }
    }
}

impl PreparedKeys {
    fn new(target: SegmentTarget) -> Self {
        Self { kind: kind(target.context_kind.as_deref()), keys: Keys::new(target.values) }
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

fn serve(serve: Serve, own: &Own<'_>) -> PreparedServe {
    match (serve.variation, serve.rollout) {
        (Some(variation), _) => PreparedServe::Variation(variation),
        (None, Some(rollout)) if !rollout.variations.is_empty() => {
            PreparedServe::Rollout(Box::new(PreparedRollout {
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
                algorithm: rollout.algorithm.or(own.algorithm).unwrap_or_default(),
                group: rollout.group.map(String::into_boxed_str),
                salt: rollout.seed.map_or_else(|| Salt::new(own.key, own.salt), Salt::seed),
            }))
        }
        (None, None) if serve.code_default => PreparedServe::CodeDefault,
        _ => PreparedServe::Nothing,
    }
}

#[allow(clippy::cast_precision_loss)] // as Go and Rust SDKs do it
fn share(weight: i64) -> f32 {
    weight as f32 / 100_000.0
}

fn clauses(clauses: Vec<Clause>, patterns: PatternBounds, links: &mut usize) -> Box<[PreparedClause]> {
    clauses.into_iter().map(|clause| PreparedClause::new(clause, patterns, links)).collect()
}

fn unusable<'c>(rules: impl Iterator<Item = &'c [PreparedClause]>) -> Vec<Fault> {
    let clauses = rules.enumerate().flat_map(|(r, clauses)| clauses.iter().enumerate().map(move |c| (r, c)));
    clauses
        .flat_map(|(r, (c, clause))| clause.unusable.iter().map(move |one| (r, c, one)))
        .map(|(r, c, one)| Fault::new(format!("/rules/{r}/clauses/{c}{}", one.pointer), &*one.detail))
        .collect()
}
