//! Where LaunchDarkly's Rust engine answers otherwise, each difference by its name.
//!
//! Ours does as the Go engine. A difference that none of these excuses fails the test; each is shown
//! on its own in `disagreements`.

use std::collections::{HashMap, HashSet};

use crate::peer::Answer;
use shared::context::{Context, DEFAULT_KIND, Reference};
use shared::json::Json;
use shared::targeting::{Clause, FlagDocument, Op, SegmentDocument, SegmentTarget};

/// A pair of a flag and a context that the engines answer differently.
pub struct Case<'c> {
    pub flags: &'c HashMap<String, FlagDocument>,
    pub segments: &'c HashMap<String, SegmentDocument>,
    pub key: &'c str,
    pub context: &'c Context,
    pub ours: &'c Answer,
    pub theirs: &'c Answer,
    /// What ours answers for another flag.
    pub asked: &'c dyn Fn(&str) -> Answer,
}

/// Whether it excuses a case.
type Excuse = fn(&Case<'_>) -> bool;

/// Every exception by its name.
pub const ALL: [(&str, Excuse); 9] = [
    ("index_out_of_range", index_out_of_range),
    ("past_the_end_without_the_kind", past_the_end_without_the_kind),
    ("prerequisite_in_error", prerequisite_in_error),
    ("prerequisite_left_on_the_path", prerequisite_left_on_the_path),
    ("place_holder_of_several_targets", place_holder_of_several_targets),
    ("segment_weight_without_the_kind", segment_weight_without_the_kind),
    ("context_lists_for_a_plain_user", context_lists_for_a_plain_user),
    ("reference_to_kind", reference_to_kind),
    ("instant_beyond_the_calendar", instant_beyond_the_calendar),
];

/// It keeps the index of a variation that the flag doesn't have.
fn index_out_of_range(case: &Case<'_>) -> bool {
    let without = Answer { index: None, ..case.theirs.clone() };
    case.theirs.is_malformed() && case.theirs.index.is_some() && without.agrees(case.ours)
}

/// Past the last weight it takes the context for missing, where Go doesn't ask any more.
fn past_the_end_without_the_kind(case: &Case<'_>) -> bool {
    let mut without = case.ours.clone();
    let members = without.reason.as_object_mut();
    members.is_some_and(|members| members.remove("inExperiment").is_some()) && without.agrees(case.theirs)
}

/// A prerequisite without a result makes the whole evaluation malformed; in Go it has just failed.
fn prerequisite_in_error(case: &Case<'_>) -> bool {
    case.theirs.is_malformed() && case.others().iter().any(|flag| (case.asked)(&flag.key).is_malformed())
}

/// A flag with a failed prerequisite stays on its path, so that the next one that needs it goes round: the next
/// one to name it, or the next to name a flag that leads to it.
fn prerequisite_left_on_the_path(case: &Case<'_>) -> bool {
    let all = case.reached();
    let failed = |key: &str| (case.asked)(key).kind() == "PREREQUISITE_FAILED";
    case.theirs.is_malformed()
        && case.others().iter().any(|flag| met_twice(&all, &flag.key, &mut Vec::new()) && failed(&flag.key))
}

/// Whether more than one way leads to a flag.
fn met_twice<'f>(all: &[&'f FlagDocument], key: &'f str, seen: &mut Vec<&'f str>) -> bool {
    if seen.contains(&key) {
        return false;
    }
    seen.push(key);
    let needs: Vec<&&FlagDocument> =
        all.iter().filter(|flag| flag.prerequisites.iter().any(|needed| needed.key == key)).collect();
    let times = all.iter().flat_map(|flag| &flag.prerequisites).filter(|needed| needed.key == key).count();
    times > 1 || needs.into_iter().any(|flag| met_twice(all, &flag.key, seen))
}

/// A place holder stands for all targets of its variation; in Go for the first.
fn place_holder_of_several_targets(case: &Case<'_>) -> bool {
    case.reached().iter().any(|flag| {
        flag.context_targets.iter().any(|holder| {
            let targets = flag.targets.iter().filter(|target| target.variation == holder.variation);
            is_user(holder.context_kind.as_deref()) && holder.values.is_empty() && targets.count() > 1
        })
    })
}

/// Without the kind a weight counts the bucket as 0; in Go the rule doesn't match.
fn segment_weight_without_the_kind(case: &Case<'_>) -> bool {
    case.reached_segments().iter().flat_map(|segment| &segment.rules).any(|rule| {
        let kind = rule.rollout_context_kind.as_deref().unwrap_or(DEFAULT_KIND);
        rule.weight.is_some_and(|weight| weight > 0) && case.context.of_kind(kind).is_none()
    })
}

/// Lists of contexts count for a plain user too; Go skips them.
fn context_lists_for_a_plain_user(case: &Case<'_>) -> bool {
    let key = case.context.canonical_key();
    let holds = |list: &SegmentTarget| is_user(list.context_kind.as_deref()) && list.values.contains(&key);
    case.context.is_plain_user()
        && case
            .reached_segments()
            .iter()
            .any(|segment| segment.included_contexts.iter().chain(&segment.excluded_contexts).any(holds))
}

/// `/kind` asks for every kind, as `kind` does; in Go for the kind of the clause's own kind.
fn reference_to_kind(case: &Case<'_>) -> bool {
    case.clauses().iter().any(|clause| clause.attribute == "/kind")
}

/// Milliseconds beyond the year 262142 are no instant to its calendar, or beyond 2^53 to its reader.
fn instant_beyond_the_calendar(case: &Case<'_>) -> bool {
    let beyond = |value: &Json| value.as_f64().is_some_and(|millis| millis.abs() > 8_210_266_876_799_999.0);
    case.clauses().iter().any(|clause| {
        let kind = clause.context_kind.as_deref();
        let at = Reference::beside_kind(&clause.attribute, kind).ok();
        let who = case.context.of_kind(kind.unwrap_or(DEFAULT_KIND));
        let saw = who.zip(at).and_then(|(who, at)| who.value(&at));
        matches!(clause.op, Op::Before | Op::After)
            && (clause.values.iter().any(beyond)
                || saw.is_some_and(|saw| {
                    beyond(saw) || saw.as_array().is_some_and(|all| all.iter().any(beyond))
                }))
    })
}

fn is_user(kind: Option<&str>) -> bool {
    kind.is_none_or(|kind| kind == DEFAULT_KIND)
}

impl<'c> Case<'c> {
    /// The flag and what it needs, directly or not.
    fn reached(&self) -> Vec<&'c FlagDocument> {
        let (mut keys, mut at) = (vec![self.key.to_owned()], 0);
        let mut out: Vec<&FlagDocument> = Vec::new();
        while let Some(key) = keys.get(at).cloned() {
            at += 1;
            let Some(flag) = self.flags.get(&key) else { continue };
            out.push(flag);
            for needed in &flag.prerequisites {
                if !keys.contains(&needed.key) {
                    keys.push(needed.key.clone());
                }
            }
        }
        out
    }

    /// What the flag needs.
    fn others(&self) -> Vec<&'c FlagDocument> {
        self.reached().into_iter().filter(|flag| flag.key != self.key).collect()
    }

    fn reached_segments(&self) -> Vec<&'c SegmentDocument> {
        let mut seen = HashSet::new();
        let mut open: Vec<&Clause> =
            self.reached().into_iter().flat_map(|flag| &flag.rules).flat_map(|rule| &rule.clauses).collect();
        let mut out = Vec::new();
        while let Some(clause) = open.pop() {
            for key in clause.values.iter().filter(|_| clause.op == Op::SegmentMatch).filter_map(Json::as_str)
            {
                if let Some(segment) = self.segments.get(key).filter(|_| seen.insert(key.to_owned())) {
                    out.push(segment);
                    open.extend(segment.rules.iter().flat_map(|rule| &rule.clauses));
                }
            }
        }
        out
    }

    fn clauses(&self) -> Vec<&'c Clause> {
        let of_flags = self.reached().into_iter().flat_map(|flag| &flag.rules).flat_map(|rule| &rule.clauses);
        let segments = self.reached_segments();
        of_flags.chain(segments.into_iter().flat_map(|s| &s.rules).flat_map(|rule| &rule.clauses)).collect()
    }
}
