//! What must be true of a clause before it is stored: it means something, and the same everywhere.

use super::document::{Clause, Op};
use super::instant::Instant;
use super::pattern::{self, PatternBounds};
use super::read::{Place, Reader, describe};
use super::version::Version;
use crate::context::{Reference, kind_problem};
use crate::json::Json;
use crate::key::SegmentKey;

/// The most clauses in a rule.
pub(super) const MAX_CLAUSES: usize = 50;
/// The most values in a clause.
pub(super) const MAX_VALUES: usize = 100;
/// The most patterns in a document: each may take 256 KiB once compiled.
pub(super) const MAX_PATTERNS: usize = 200;

/// Checks the clauses of one rule; `patterns` counts the patterns of the document so far.
pub(super) fn clauses(reader: &mut Reader, rule: &Place<'_>, clauses: &[Clause], patterns: &mut usize) {
    let place = rule.member("clauses");
    if clauses.len() > MAX_CLAUSES {
        let detail = format!("a rule has at most {MAX_CLAUSES} clauses, this one has {}", clauses.len());
        return reader.fault(&place, detail);
    }
    for (i, one) in clauses.iter().enumerate() {
        clause(reader, &place.index(i), one, patterns);
    }
}

/// Checks the kind that stands in a clause, a rollout or a target.
pub(super) fn kind(reader: &mut Reader, place: &Place<'_>, kind: Option<&str>) {
    if let Some(problem) = kind.and_then(kind_problem) {
        reader.fault(place, problem);
    }
}

/// Checks an attribute that stands beside a kind.
pub(super) fn attribute(reader: &mut Reader, place: &Place<'_>, text: &str, kind: Option<&str>) {
    if let Err(error) = Reference::beside_kind(text, kind) {
        reader.fault(place, error.to_string());
    }
}

fn clause(reader: &mut Reader, place: &Place<'_>, clause: &Clause, patterns: &mut usize) {
    kind(reader, &place.member("contextKind"), clause.context_kind.as_deref());
    if let Op::Unknown(op) = &clause.op {
        let detail = format!("{op:?} is not an operator; there are {}", Op::NAMES.join(", "));
        return reader.fault(&place.member("op"), detail);
    }
    if clause.op != Op::SegmentMatch {
        let kind = clause.context_kind.as_deref();
        attribute(reader, &place.member("attribute"), &clause.attribute, kind);
    }
    let values = place.member("values");
    if clause.values.len() > MAX_VALUES {
        let found = clause.values.len();
        return reader
            .fault(&values, format!("a clause has at most {MAX_VALUES} values, this one has {found}"));
    }
    for (i, value) in clause.values.iter().enumerate() {
        if let Some(problem) = value_problem(&clause.op, value, patterns) {
            reader.fault(&values.index(i), problem);
        }
    }
}

fn value_problem(op: &Op, value: &Json, patterns: &mut usize) -> Option<String> {
    let found = || describe(value);
    let name = op.as_str();
    match op {
        Op::In => match value {
            Json::Null | Json::Array(_) | Json::Object(_) => Some(format!(
                "with \"in\" a value is a string, a number or a boolean, not {}: SDKs do not agree on anything else",
                found()
            )),
            _ => None,
        },
        Op::LessThan | Op::LessThanOrEqual | Op::GreaterThan | Op::GreaterThanOrEqual => {
            value.as_f64().is_none().then(|| format!("{name:?} compares numbers, so {} never matches", found()))
        }
        Op::Before | Op::After => Instant::from_json(value).is_none().then(|| {
            format!(
                "{} never matches: {name:?} wants milliseconds since 1970, or RFC 3339 with date, time and zone \
                 such as \"2026-01-31T09:00:00Z\"",
                found()
            )
        }),
        Op::StartsWith | Op::EndsWith | Op::Contains => {
            value.as_str().is_none().then(|| format!("{name:?} compares strings, so {} never matches", found()))
        }
        Op::Matches => {
            let Some(text) = value.as_str() else {
                return Some(format!("\"matches\" wants a pattern, as a string, not {}", found()));
            };
            *patterns += 1;
            if *patterns > MAX_PATTERNS {
                return Some(format!("there are at most {MAX_PATTERNS} patterns in all rules together"));
            }
            pattern::compile(text, PatternBounds::NARROW).err().map(|error| error.to_string())
        }
        Op::SegmentMatch => match value.as_str() {
            None => Some(format!("\"segmentMatch\" wants the key of a segment, as a string, not {}", found())),
            Some(key) => SegmentKey::new(key).err().map(|error| error.to_string()),
        },
        Op::SemVerEqual | Op::SemVerLessThan | Op::SemVerGreaterThan => {
            value.as_str().and_then(Version::parse).is_none().then(|| {
                format!(
                    "{} never matches: {name:?} wants a semantic version such as \"2.1\" or \"2.1.0-rc.1\", \
                     without \"v\" and without leading zeros",
                    found()
                )
            })
        }
        Op::Unknown(_) => None,
    }
}
