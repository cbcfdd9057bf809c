//! One condition, prepared: how a value of the context is compared with the clause's values.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use regex::Regex;

use super::keys::Keys;
use super::kind::{Kind, kind};
use crate::context::{Reference, ReferenceError};
use crate::json::Json;
use crate::targeting::{Clause, Instant, Op, PatternBounds, PatternError, Version, compile_pattern};

/// A clause whose operands are parsed.
#[derive(Debug)]
pub(super) struct PreparedClause {
    /// The kind whose attribute is meant.
    pub(super) kind: Kind,
    /// The attribute; an error makes the evaluation malformed, except for segments.
    pub(super) attribute: Result<Reference, ReferenceError>,
    /// The attribute as it was written.
    pub(super) written: Box<str>,
    pub(super) op: Op,
    pub(super) test: Test,
    pub(super) negate: bool,
    /// Whether it asks for the kinds in the context, whatever kind stands beside it.
    pub(super) asks_for_kind: bool,
    /// What of it never matches here, though it may elsewhere.
    pub(super) unusable: Box<[Unusable]>,
}

/// An operand, or an operator, that never matches.
#[derive(Debug)]
pub(super) struct Unusable {
    /// Where it stands in the clause.
    pub(super) pointer: Box<str>,
    /// Why, as a sentence.
    pub(super) detail: Box<str>,
}

/// What is compared. Operands that can never match are left out.
#[derive(Debug)]
pub(super) enum Test {
    In(Set),
    StartsWith(Vec<Box<str>>),
    EndsWith(Vec<Box<str>>),
    Contains(Vec<Box<str>>),
    Matches(Vec<Regex>),
    Number(fn(&f64, &f64) -> bool, Vec<f64>),
    Date(fn(&Instant, &Instant) -> bool, Vec<Instant>),
    Version(std::cmp::Ordering, Vec<Version<'static>>),
    /// Keys of segments, and which of the links of the flag or segment the first one is.
    Segments {
        keys: Vec<Box<str>>,
        link: usize,
    },
    Never,
}

/// The values of an `in`.
#[derive(Debug)]
pub(super) struct Set {
    strings: Keys,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    // By their bits, with one zero.
    numbers: HashSet<u64, RandomState>,
    others: Vec<Json>,
}

impl PreparedClause {
    /// Prepares a clause; `links` counts the links of the flag or segment that it belongs to.
    pub(super) fn new(clause: Clause, patterns: PatternBounds, links: &mut usize) -> Self {
        let mut unusable = Vec::new();
        let given = clause.context_kind.as_deref();
        let attribute = Reference::beside_kind(&clause.attribute, given);
        Self {
            asks_for_kind: attribute.as_ref().is_ok_and(|reference| reference.as_str() == "kind"),
            attribute,
            kind: kind(given),
            written: clause.attribute.into(),
            test: Test::new(&clause.op, clause.values, patterns, links, &mut unusable),
            op: clause.op,
            negate: clause.negate,
            unusable: unusable.into(),
        }
    }
}

impl Unusable {
    fn pattern(index: usize, error: &PatternError) -> Self {
        let detail = match error {
            PatternError::Long { most, found } => {
                format!("the pattern is too long, {found} bytes where {most} are read: it never matches")
            }
            PatternError::Big => "the pattern is too big once compiled: it never matches".to_owned(),
            PatternError::Syntax(why) => format!("the pattern cannot be read, so it never matches: {why}"),
        };
        Self { pointer: format!("/values/{index}").into(), detail: detail.into() }
    }
}

impl Test {
    fn new(
        op: &Op,
        values: Vec<Json>,
        patterns: PatternBounds,
        links: &mut usize,
        unusable: &mut Vec<Unusable>,
    ) -> Self {
        match op {
            Op::In => Self::In(Set::new(values)),
            Op::StartsWith => Self::StartsWith(texts(values)),
            Op::EndsWith => Self::EndsWith(texts(values)),
            Op::Contains => Self::Contains(texts(values)),
            Op::Matches => Self::Matches(
                values
                    .iter()
                    .enumerate()
                    .filter_map(|(i, value)| {
                        let compiled = compile_pattern(value.as_str()?, patterns);
                        compiled.map_err(|error| unusable.push(Unusable::pattern(i, &error))).ok()
                    })
                    .collect(),
            ),
            Op::LessThan => Self::Number(f64::lt, numbers(&values)),
            Op::LessThanOrEqual => Self::Number(f64::le, numbers(&values)),
            Op::GreaterThan => Self::Number(f64::gt, numbers(&values)),
            Op::GreaterThanOrEqual => Self::Number(f64::ge, numbers(&values)),
            Op::Before => Self::Date(Instant::lt, values.iter().filter_map(Instant::from_json).collect()),
            Op::After => Self::Date(Instant::gt, values.iter().filter_map(Instant::from_json).collect()),
            Op::SemVerEqual => Self::Version(std::cmp::Ordering::Equal, versions(&values)),
            Op::SemVerLessThan => Self::Version(std::cmp::Ordering::Less, versions(&values)),
            Op::SemVerGreaterThan => Self::Version(std::cmp::Ordering::Greater, versions(&values)),
            Op::SegmentMatch => {
                let keys = texts(values);
                let link = *links;
                *links += keys.len();
                Self::Segments { keys, link }
            }
            Op::Unknown(name) => {
                let detail = format!("unknown operator {name:?}: it never matches").into();
                unusable.push(Unusable { pointer: "/op".into(), detail });
                Self::Never
            }
        }
    }

    /// Whether the value, or any element of it if it is an array, matches any operand.
    pub(super) fn matches(&self, value: &Json) -> bool {
        match value {
            Json::Array(items) => items.iter().any(|item| self.matches_one(item)),
            one => self.matches_one(one),
        }
    }

    /// The same, asking before whatever may take long; `None` once the answer is no.
    pub(super) fn matches_while(&self, value: &Json, spend: &mut impl FnMut(u64) -> bool) -> Option<bool> {
        let items = match value {
            Json::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        for item in items {
            let size = size(item);
            let found = match (self, item.as_str()) {
                (Self::Matches(patterns), Some(text)) => {
                    let mut found = false;
                    for pattern in patterns {
                        // Each byte may take as many steps as the pattern has states.
                        found = spend(size.saturating_mul(64)).then(|| pattern.is_match(text))?;
                        if found {
                            break;
                        }
                    }
                    found
                }
                _ => spend(size.saturating_mul(self.comparisons())).then(|| self.matches_one(item))?,
            };
            if found {
                return Some(true);
            }
        }
        Some(false)
    }

    /// How many comparisons one value takes.
    fn comparisons(&self) -> u64 {
        let operands = match self {
            Self::In(set) => set.rest.as_ref().map_or(0, |rest| rest.others.len()),
            Self::StartsWith(operands) | Self::EndsWith(operands) | Self::Contains(operands) => {
                operands.len()
            }
            Self::Matches(operands) => operands.len(),
            Self::Number(_, operands) => operands.len(),
            Self::Date(_, operands) => operands.len(),
            Self::Version(_, operands) => operands.len(),
            Self::Segments { .. } | Self::Never => 0,
        };
        operands as u64 + 1
    }

    fn matches_one(&self, value: &Json) -> bool {
        match self {
            Self::In(set) => set.contains(value),
            Self::StartsWith(operands) => any(value.as_str(), operands, |v, o| v.starts_with(&**o)),
            Self::EndsWith(operands) => any(value.as_str(), operands, |v, o| v.ends_with(&**o)),
            Self::Contains(operands) => any(value.as_str(), operands, |v, o| v.contains(&**o)),
            Self::Matches(operands) => any(value.as_str(), operands, |v, o| o.is_match(v)),
            Self::Number(test, operands) => any(value.as_f64(), operands, |v, o| test(&v, o)),
            Self::Date(test, operands) => any(Instant::from_json(value), operands, |v, o| test(&v, o)),
            Self::Version(order, operands) => {
                let version = value.as_str().and_then(Version::parse);
                any(version.as_ref(), operands, |v, o| v.precedence(o) == *order)
            }
            Self::Segments { .. } | Self::Never => false,
        }
    }
}

impl Set {
    fn new(values: Vec<Json>) -> Self {
        let mut strings = Vec::new();
        let mut rest = Rest::default();
        for value in values {
            match value {
                Json::String(text) => strings.push(text),
                Json::Number(_) => rest.numbers.extend(value.as_f64().map(bits)),
                other => rest.others.push(other),
            }
        }
        let any = !rest.numbers.is_empty() || !rest.others.is_empty();
        Self { strings: Keys::new(strings), rest: any.then(|| Box::new(rest)) }
    }

    fn contains(&self, value: &Json) -> bool {
        match value {
            Json::String(text) => self.strings.contains(text),
            Json::Number(_) => {
                let numbers = self.rest.as_ref().map(|rest| &rest.numbers);
                numbers.zip(value.as_f64()).is_some_and(|(numbers, value)| numbers.contains(&bits(value)))
            }
            other => self.rest.as_ref().is_some_and(|rest| rest.others.iter().any(|o| other.same_value(o))),
        }
    }
}

/// How much there is to be compared of a value.
fn size(value: &Json) -> u64 {
    match value {
        Json::String(text) => text.len() as u64 / 16 + 1,
        Json::Array(items) => items.iter().map(size).sum::<u64>() + 1,
        Json::Object(members) => members.iter().map(|(_, value)| size(value) + 1).sum::<u64>() + 1,
        _ => 1,
    }
}

fn bits(number: f64) -> u64 {
    // Both zeros are equal.
    if number == 0.0 { 0 } else { number.to_bits() }
}

fn any<V: Copy, O>(value: Option<V>, operands: &[O], test: impl Fn(V, &O) -> bool) -> bool {
    value.is_some_and(|value| operands.iter().any(|operand| test(value, operand)))
}

fn texts(values: Vec<Json>) -> Vec<Box<str>> {
    let text = |value| match value {
        Json::String(text) => Some(text.into()),
        _ => None,
    };
    values.into_iter().filter_map(text).collect()
}

fn numbers(values: &[Json]) -> Vec<f64> {
    values.iter().filter_map(Json::as_f64).collect()
}

fn versions(values: &[Json]) -> Vec<Version<'static>> {
    values.iter().filter_map(|v| v.as_str().and_then(Version::parse).map(Version::into_owned)).collect()
}
