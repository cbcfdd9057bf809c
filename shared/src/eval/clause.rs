//! One condition, prepared: how a value of the context is compared with the clause's values.

use std::collections::HashSet;

use regex::Regex;

use crate::context::{DEFAULT_KIND, Reference, ReferenceError};
use crate::json::Json;
use crate::targeting::{Clause, Instant, Op, Version, compile_pattern};

/// A clause whose operands are parsed.
#[derive(Debug)]
pub(super) struct PreparedClause {
    /// The kind whose attribute is meant.
    pub(super) kind: Box<str>,
    /// The attribute; an error makes the evaluation malformed, except for segments.
    pub(super) attribute: Result<Reference, ReferenceError>,
    /// The attribute as it was written.
    pub(super) written: Box<str>,
    pub(super) op: Op,
    pub(super) test: Test,
    pub(super) negate: bool,
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
#[derive(Debug, Default)]
pub(super) struct Set {
    strings: HashSet<Box<str>>,
    numbers: Vec<f64>,
    others: Vec<Json>,
}

impl PreparedClause {
    /// Prepares a clause; `links` counts the links of the flag or segment that it belongs to.
    pub(super) fn new(clause: Clause, links: &mut usize) -> Self {
        let kind = clause.context_kind.as_deref();
        Self {
            attribute: Reference::beside_kind(&clause.attribute, kind),
            kind: kind.filter(|kind| !kind.is_empty()).unwrap_or(DEFAULT_KIND).into(),
            written: clause.attribute.into(),
            test: Test::new(&clause.op, clause.values, links),
            op: clause.op,
            negate: clause.negate,
        }
    }

    /// Whether it asks for the kinds in the context, whatever kind stands beside it.
    pub(super) fn asks_for_kind(&self) -> bool {
        self.attribute.as_ref().is_ok_and(|reference| reference.as_str() == "kind")
    }
}

impl Test {
    fn new(op: &Op, values: Vec<Json>, links: &mut usize) -> Self {
        match op {
            Op::In => Self::In(Set::new(values)),
            Op::StartsWith => Self::StartsWith(texts(values)),
            Op::EndsWith => Self::EndsWith(texts(values)),
            Op::Contains => Self::Contains(texts(values)),
            Op::Matches => {
                Self::Matches(texts(values).iter().filter_map(|p| compile_pattern(p).ok()).collect())
            }
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
            Op::Unknown(_) => Self::Never,
        }
    }

    /// Whether the value, or any element of it if it is an array, matches any operand.
    pub(super) fn matches(&self, value: &Json) -> bool {
        match value {
            Json::Array(items) => items.iter().any(|item| self.matches_one(item)),
            one => self.matches_one(one),
        }
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
        let mut set = Self::default();
        for value in values {
            match value {
                Json::String(text) => {
                    set.strings.insert(text.into());
                }
                Json::Number(_) => set.numbers.extend(value.as_f64()),
                other => set.others.push(other),
            }
        }
        set
    }

    fn contains(&self, value: &Json) -> bool {
        match value {
            Json::String(text) => self.strings.contains(text.as_str()),
            #[allow(clippy::float_cmp)] // equality of values is what `in` asks
            Json::Number(_) => any(value.as_f64(), &self.numbers, |v, o| v == *o),
            other => self.others.iter().any(|operand| other.same_value(operand)),
        }
    }
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
