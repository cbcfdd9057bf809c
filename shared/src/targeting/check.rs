//! What must be true of a document before it is stored, so that every SDK evaluates it alike.

use std::collections::{HashMap, HashSet};

use super::algorithm::Algorithm;
use super::check_clause::{attribute, clauses, kind};
use super::document::{FlagDocument, Rollout, SegmentTarget, Serve, Target, WHOLE};
use super::parse;
use super::read::{Place, Reader};
use crate::context::DEFAULT_KIND;
use crate::fault::Fault;
use crate::json::Json;
use crate::key::FlagKey;

const MAX_RULES: usize = 500;
const MAX_TARGETS: usize = 10_000;
const ROOT: Place<'static> = Place::ROOT;

/// Which variations a configuration may name.
struct Variations<'s> {
    count: usize,
    selectable: &'s dyn Fn(usize) -> bool,
}

/// Everything that is wrong with a flag's configuration: wrong types, limits, variations that don't
/// exist or can't be selected, rollouts that don't sum to 100,000, operands that can never match, and
/// whatever official SDKs would evaluate differently. Empty = it may be stored. Unknown members pass.
///
/// `selectable` says whether the variation at an index has a value (a placeholder has none).
pub fn check_flag(document: &Json, variation_count: usize, selectable: &dyn Fn(usize) -> bool) -> Vec<Fault> {
    let reader = &mut Reader::new(true);
    let flag = parse::flag(reader, document);
    extras(reader, document);
    if !reader.faults.is_empty() {
        return std::mem::take(&mut reader.faults);
    }
    let variations = Variations { count: variation_count, selectable };
    if flag.on && variation_count == 0 {
        reader.fault(&ROOT.member("on"), "a flag without variations has nothing to serve and must be off");
    }
    if let Some(off) = flag.off_variation {
        variations.check(reader, &ROOT.member("offVariation"), off);
    }
    if flag.debug_events_until_date.is_some_and(i64::is_negative) {
        reader.fault(&ROOT.member("debugEventsUntilDate"), "must not be negative");
    }
    prerequisites(reader, &flag);
    targets(reader, &flag, &variations);
    let place = ROOT.member("rules");
    if rule_count(reader, flag.rules.len()) {
        rule_ids(reader, flag.rules.iter().map(|rule| rule.id.as_str()));
        let mut patterns = 0;
        for (i, rule) in flag.rules.iter().enumerate() {
            let place = place.index(i);
            clauses(reader, &place, &rule.clauses, &mut patterns);
            serve(reader, &place, &rule.serve, &variations, true);
        }
    }
    serve(reader, &ROOT.member("fallthrough"), &flag.fallthrough, &variations, flag.on);
    std::mem::take(&mut reader.faults)
}

/// Everything that is wrong with a segment's document; empty = it may be stored.
pub fn check_segment(document: &Json) -> Vec<Fault> {
    let reader = &mut Reader::new(true);
    let segment = parse::segment(reader, document);
    if !reader.faults.is_empty() {
        return std::mem::take(&mut reader.faults);
    }
    keys(reader, &ROOT.member("included"), &segment.included);
    keys(reader, &ROOT.member("excluded"), &segment.excluded);
    segment_targets(reader, "includedContexts", "included", &segment.included_contexts);
    segment_targets(reader, "excludedContexts", "excluded", &segment.excluded_contexts);
    kind(reader, &ROOT.member("unboundedContextKind"), segment.unbounded_context_kind.as_deref());
    match segment.generation {
        None if segment.unbounded => {
            reader.fault(&ROOT.member("generation"), "is missing, and an unbounded segment needs it");
        }
        Some(generation) if generation < 1 => reader.fault(&ROOT.member("generation"), "must be 1 or more"),
        _ => {}
    }
    let place = ROOT.member("rules");
    if rule_count(reader, segment.rules.len()) {
        rule_ids(reader, segment.rules.iter().map(|rule| rule.id.as_str()));
        let mut patterns = 0;
        for (i, rule) in segment.rules.iter().enumerate() {
            let place = place.index(i);
            clauses(reader, &place, &rule.clauses, &mut patterns);
            let rollout_kind = rule.rollout_context_kind.as_deref();
            kind(reader, &place.member("rolloutContextKind"), rollout_kind);
            if let Some(bucket_by) = rule.bucket_by.as_deref().filter(|text| !text.is_empty()) {
                attribute(reader, &place.member("bucketBy"), bucket_by, rollout_kind);
            }
            if let Some(weight) = rule.weight {
                check_weight(reader, &place, weight);
            }
        }
    }
    std::mem::take(&mut reader.faults)
}

impl Variations<'_> {
    fn check(&self, reader: &mut Reader, place: &Place<'_>, variation: i64) {
        match usize::try_from(variation) {
            Err(_) => reader.fault(place, "must not be negative"),
            Ok(index) if index >= self.count => {
                let detail = match self.count {
                    0 => "the flag has no variations yet".to_owned(),
                    1 => format!("there is no variation {index}; the only one is 0"),
                    n => format!("there is no variation {index}; the flag has 0 to {}", n - 1),
                };
                reader.fault(place, detail);
            }
            Ok(index) if !(self.selectable)(index) => {
                let detail =
                    format!("variation {index} is a placeholder whose value nobody knows; give it one first");
                reader.fault(place, detail);
            }
            Ok(_) => {}
        }
    }
}

/// Members that only SDKs read.
fn extras(reader: &mut Reader, document: &Json) {
    reader.truth(document, "excludeFromSummaries", &ROOT);
    if reader.integer(document, "samplingRatio", &ROOT).is_some_and(i64::is_negative) {
        reader.fault(&ROOT.member("samplingRatio"), "must not be negative");
    }
    if let Some(migration) = reader.object(document, "migration", &ROOT) {
        let place = ROOT.member("migration");
        if reader.integer(migration, "checkRatio", &place).is_some_and(i64::is_negative) {
            reader.fault(&place.member("checkRatio"), "must not be negative");
        }
    }
}

fn prerequisites(reader: &mut Reader, flag: &FlagDocument) {
    let place = ROOT.member("prerequisites");
    let mut seen = HashSet::new();
    for (i, prerequisite) in flag.prerequisites.iter().enumerate() {
        let place = place.index(i);
        if let Err(error) = FlagKey::new(&*prerequisite.key) {
            reader.fault(&place.member("key"), error.to_string());
        } else if !seen.insert(&prerequisite.key) {
            reader.fault(&place.member("key"), format!("{:?} is listed twice", prerequisite.key));
        }
        if prerequisite.variation < 0 {
            reader.fault(&place.member("variation"), "must not be negative");
        }
    }
}

fn targets(reader: &mut Reader, flag: &FlagDocument, variations: &Variations<'_>) {
    let total: usize =
        flag.targets.iter().chain(&flag.context_targets).map(|target| target.values.len()).sum();
    if total > MAX_TARGETS || flag.targets.len() + flag.context_targets.len() > MAX_TARGETS {
        let detail =
            format!("a flag has at most {MAX_TARGETS} targets, this one has {total}; a segment has no limit");
        return reader.fault(&ROOT.member("targets"), detail);
    }
    let mut taken: HashMap<(&str, &str), i64> = HashMap::new();
    let place = ROOT.member("targets");
    let mut seen = HashSet::new();
    for (i, target) in flag.targets.iter().enumerate() {
        let place = place.index(i);
        if target.context_kind.as_deref().is_some_and(|kind| kind != DEFAULT_KIND) {
            let detail = "only keys of users stand here; those of other kinds stand in \"contextTargets\"";
            reader.fault(&place.member("contextKind"), detail);
        }
        if !flag.context_targets.is_empty() && !seen.insert(target.variation) {
            let detail =
                format!("variation {} has an entry already; put all its keys there", target.variation);
            reader.fault(&place.member("variation"), detail);
        }
        target_entry(reader, &place, target, variations, &mut taken);
    }
    let place = ROOT.member("contextTargets");
    for (i, target) in flag.context_targets.iter().enumerate() {
        let place = place.index(i);
        let of_users = target.context_kind.as_deref().is_none_or(|kind| kind == DEFAULT_KIND);
        if of_users && !target.values.is_empty() {
            let detail = "keys of users stand in \"targets\"; some SDKs ignore them here";
            reader.fault(&place.member("values"), detail);
        }
        target_entry(reader, &place, target, variations, &mut taken);
    }
}

fn target_entry<'t>(
    reader: &mut Reader,
    place: &Place<'_>,
    target: &'t Target,
    variations: &Variations<'_>,
    taken: &mut HashMap<(&'t str, &'t str), i64>,
) {
    kind(reader, &place.member("contextKind"), target.context_kind.as_deref());
    variations.check(reader, &place.member("variation"), target.variation);
    let values = place.member("values");
    keys(reader, &values, &target.values);
    let kind = target.context_kind.as_deref().unwrap_or(DEFAULT_KIND);
    for (i, key) in target.values.iter().enumerate() {
        let first = *taken.entry((kind, key)).or_insert(target.variation);
        if first != target.variation {
            let detail = format!("this key is already a target of variation {first}, which would win");
            reader.fault(&values.index(i), detail);
        }
    }
}

fn segment_targets(reader: &mut Reader, name: &str, for_users: &str, entries: &[SegmentTarget]) {
    let place = ROOT.member(name);
    for (i, entry) in entries.iter().enumerate() {
        let place = place.index(i);
        let given = entry.context_kind.as_deref();
        kind(reader, &place.member("contextKind"), given);
        if given == Some(DEFAULT_KIND) {
            let detail = format!("keys of users stand in {for_users:?}; some SDKs ignore them here");
            reader.fault(&place.member("contextKind"), detail);
        }
        keys(reader, &place.member("values"), &entry.values);
    }
}

fn keys(reader: &mut Reader, place: &Place<'_>, keys: &[String]) {
    for (i, _) in keys.iter().enumerate().filter(|(_, key)| key.is_empty()) {
        reader.fault(&place.index(i), "a key is never empty, so this never matches");
    }
}

fn serve(reader: &mut Reader, place: &Place<'_>, serve: &Serve, variations: &Variations<'_>, needed: bool) {
    if serve.code_default && (serve.variation.is_some() || serve.rollout.is_some()) {
        let detail = "leaves the value to the caller, so neither a variation nor a rollout stands beside it";
        reader.fault(&place.member("codeDefault"), detail);
    }
    match (serve.variation, &serve.rollout) {
        (Some(_), Some(_)) => reader.fault(place, "must have either a variation or a rollout, not both"),
        (Some(variation), None) => variations.check(reader, &place.member("variation"), variation),
        (None, Some(given)) => rollout(reader, &place.member("rollout"), given, variations),
        (None, None) if needed && !serve.code_default => {
            reader.fault(place, "has nothing to serve: a \"variation\" or a \"rollout\" is missing");
        }
        (None, None) => {}
    }
}

fn rollout(reader: &mut Reader, place: &Place<'_>, rollout: &Rollout, variations: &Variations<'_>) {
    let given_kind = rollout.context_kind.as_deref();
    kind(reader, &place.member("contextKind"), given_kind);
    if let Some(bucket_by) = rollout.bucket_by.as_deref().filter(|text| !text.is_empty()) {
        attribute(reader, &place.member("bucketBy"), bucket_by, given_kind);
    }
    let foreign = rollout.algorithm.is_some_and(Algorithm::is_foreign);
    if foreign && rollout.seed.is_some() {
        reader
            .fault(&place.member("seed"), "has no meaning to this algorithm; its \"group\" takes that place");
    } else if rollout.seed == Some(0) {
        reader.fault(&place.member("seed"), "must not be 0, which some SDKs take for no seed at all");
    }
    let parts = place.member("variations");
    let mut sum: i64 = 0;
    for (i, part) in rollout.variations.iter().enumerate() {
        let place = parts.index(i);
        variations.check(reader, &place.member("variation"), part.variation);
        check_weight(reader, &place, part.weight);
        sum = sum.saturating_add(part.weight);
    }
    if rollout.variations.is_empty() {
        reader.fault(&parts, "must have at least one entry");
    } else if sum != WHOLE {
        reader.fault(&parts, format!("the weights must sum to exactly {WHOLE}, not {sum}"));
    }
}

fn check_weight(reader: &mut Reader, place: &Place<'_>, weight: i64) {
    if !(0..=WHOLE).contains(&weight) {
        reader.fault(&place.member("weight"), format!("must be from 0 to {WHOLE}"));
    }
}

fn rule_count(reader: &mut Reader, count: usize) -> bool {
    if count > MAX_RULES {
        let detail = format!("there are at most {MAX_RULES} rules, this document has {count}");
        reader.fault(&ROOT.member("rules"), detail);
    }
    count <= MAX_RULES
}

fn rule_ids<'r>(reader: &mut Reader, ids: impl Iterator<Item = &'r str>) {
    let place = ROOT.member("rules");
    let mut seen = HashSet::new();
    for (i, id) in ids.enumerate() {
        if !id.is_empty() && !seen.insert(id) {
            reader.fault(&place.index(i).member("id"), format!("{id:?} is the id of an earlier rule too"));
        }
    }
}
