//! The terms of a query: their names, what each may say, and how it is read.

use regex::{Regex, RegexBuilder};
use time::Duration;

use super::age::{Age, span};
use super::chars::{Chars, Piece};
use super::fault::QueryFault;
use super::pattern::Pattern;
use crate::flag::FlagKind;
use crate::json::{self, Json, Pointer};

/// The most memory that a regular expression may take, in bytes.
const EXPRESSION: usize = 1 << 18;

/// A term as help shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name, without the colon.
    pub name: &'static str,
    /// How it is written.
    pub example: &'static str,
    /// What fits it.
    pub help: &'static str,
    /// The values it may have, where they are few.
    pub values: &'static [&'static str],
}

const fn term(
    name: &'static str,
    example: &'static str,
    help: &'static str,
    values: &'static [&'static str],
) -> Described {
    Described { name, example, help, values }
}

/// Every term, in the order of help.
pub const TERMS: &[Described] = &[
    term("tag", "tag:checkout,q4", "has one of these tags; tag:* has any", &[]),
    term("owner", "owner:payments", "is owned by", &[]),
    term("type", "type:json", "is of this kind", &["bool", "string", "number", "json"]),
    term("env", "env:prod*", "exists there, and the terms beside it are about there", &[]),
    term("on", "on:production", "is on there", &[]),
    term("off", "off:production", "is off there", &[]),
    term("rollout", "rollout:partial", "is on and divides by weights, or does not", &["partial", "full"]),
    term("differs", "differs:staging", "differs between there and another environment", &[]),
    term("changed", "changed:<1h", "was changed within (<) or not since (>)", &["<1h", "<1d", ">7d", ">90d"]),
    term("stale", "stale:90d", "was not changed for so long", &["30d", "90d", "180d"]),
    term(
        "evaluated",
        "evaluated:<7d",
        "was evaluated within (<), or not since or never (>)",
        &["<7d", ">30d", "never"],
    ),
    term("by", "by:alice", "was last changed by", &[]),
    term("prereq", "prereq:pay.base", "waits for this flag", &[]),
    term("segment", "segment:beta", "has a rule with this segment", &[]),
    term("key", "key:^pay\\.", "has a key that this regular expression finds", &[]),
    term("name", "name:checkout$", "has a name that this regular expression finds", &[]),
    term("value", "value:half*", "serves this value by default", &[]),
    term(
        "json",
        "json:/maxAttempts=5",
        "has this in its document, or in the value it serves by default",
        &[],
    ),
    term("has", "has:rules", "has something of that sort", HAS),
    term(
        "archived",
        "archived:yes",
        "is archived (yes), is not (no), or either (any)",
        &["yes", "no", "any"],
    ),
];

/// What `has:` knows of every flag.
pub const HAS: &[&str] = &["description", "owner", "prereq", "rollout", "rules", "segment", "tag", "targets"];

/// What `archived:` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// Archived ones.
    Yes,
    /// Live ones.
    No,
    /// Both.
    Any,
}

/// What `rollout:` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// On, and more than one variation by weights.
    Partial,
    /// On, and one for everybody else.
    Full,
}

/// What `evaluated:` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lately {
    /// Never yet, as far as is known.
    Never,
    /// So long ago; what was never evaluated was not for any time.
    Age(Age),
}

/// A value by pointer.
#[derive(Clone, Debug)]
pub struct Inside {
    /// Where.
    pub pointer: Pointer,
    /// What stands there; `None` = anything.
    pub wanted: Option<(Json, String)>,
}

/// A term.
#[derive(Clone, Debug)]
pub enum Term {
    /// `tag:`
    Tag(Vec<Pattern>),
    /// `owner:`
    Owner(Vec<Pattern>),
    /// `type:`
    Kind(Vec<FlagKind>),
    /// `env:`
    Env(Vec<Pattern>),
    /// `on:`
    On(Vec<Pattern>),
    /// `off:`
    Off(Vec<Pattern>),
    /// `rollout:`
    Rollout(Vec<Division>),
    /// `differs:`
    Differs(Vec<Pattern>),
    /// `changed:`
    Changed(Age),
    /// `stale:`
    Stale(Duration),
    /// `evaluated:`
    Evaluated(Lately),
    /// `by:`
    By(Vec<Pattern>),
    /// `prereq:`
    Prereq(Vec<Pattern>),
    /// `segment:`
    Segment(Vec<Pattern>),
    /// `key:`
    Key(Regex),
    /// `name:`
    Name(Regex),
    /// `value:`
    Value(Vec<Pattern>),
    /// `json:`
    Json(Inside),
    /// `has:`
    Has(Vec<String>),
    /// `archived:`
    Archived(Archived),
}

impl Term {
    /// How many values it has, of which one is enough.
    pub fn values(&self) -> usize {
        match self {
            Self::Tag(patterns)
            | Self::Owner(patterns)
            | Self::Env(patterns)
            | Self::On(patterns)
            | Self::Off(patterns)
            | Self::Differs(patterns)
            | Self::By(patterns)
            | Self::Prereq(patterns)
            | Self::Segment(patterns)
            | Self::Value(patterns) => patterns.len(),
            Self::Kind(kinds) => kinds.len(),
            Self::Rollout(divisions) => divisions.len(),
            Self::Has(words) => words.len(),
            Self::Changed(_)
            | Self::Stale(_)
            | Self::Evaluated(_)
            | Self::Key(_)
            | Self::Name(_)
            | Self::Json(_)
            | Self::Archived(_) => 1,
        }
    }
}

/// What reading a term finds beside it.
#[derive(Debug)]
pub struct Read {
    /// The term.
    pub term: Term,
    /// The environments it names, each with its place.
    pub environments: Vec<(usize, Pattern)>,
}

/// Reads a term's value; `name` is lower case and began at `at`.
///
/// # Errors
/// What is wrong with it.
pub fn read(name: &str, at: usize, chars: &mut Chars, has: &[&str]) -> Result<Read, QueryFault> {
    let value_at = chars.at();
    let mut environments = Vec::new();
    let mut places = |chars: &mut Chars| {
        let pieces = list(name, chars)?;
        let found: Vec<_> = pieces.iter().map(|p| (p.at, Pattern::new(&p.text, p.quoted))).collect();
        environments.clone_from(&found);
        Ok(found.into_iter().map(|(_, pattern)| pattern).collect::<Vec<_>>())
    };
    let term = match name {
        "tag" => Term::Tag(patterns(name, chars)?),
        "owner" => Term::Owner(patterns(name, chars)?),
        "type" | "kind" => Term::Kind(each(name, chars, kind)?),
        "env" => Term::Env(places(chars)?),
        "on" => Term::On(places(chars)?),
        "off" => Term::Off(places(chars)?),
        "differs" => Term::Differs(places(chars)?),
        "rollout" => Term::Rollout(each(name, chars, |text| match text {
            "partial" => Ok(Division::Partial),
            "full" => Ok(Division::Full),
            _ => Err("rollout: is partial or full".to_owned()),
        })?),
        "changed" => {
            let piece = one(name, chars)?;
            Term::Changed(
                Age::read(&piece.text).map_err(|(skip, detail)| QueryFault::new(piece.at + skip, detail))?,
            )
        }
        "stale" => {
            let piece = one(name, chars)?;
            Term::Stale(span(&piece.text).map_err(|detail| QueryFault::new(piece.at, detail))?)
        }
        "evaluated" => {
            let piece = one(name, chars)?;
            Term::Evaluated(match piece.text.as_str() {
                "never" => Lately::Never,
                text => Lately::Age(
                    Age::read(text).map_err(|(skip, detail)| QueryFault::new(piece.at + skip, detail))?,
                ),
            })
        }
        "by" => Term::By(patterns(name, chars)?),
        "prereq" => Term::Prereq(patterns(name, chars)?),
        "segment" => Term::Segment(patterns(name, chars)?),
        "key" => Term::Key(expression(name, chars)?),
        "name" => Term::Name(expression(name, chars)?),
        "value" => Term::Value(patterns(name, chars)?),
        "json" => Term::Json(inside(chars)?),
        "has" => Term::Has(each(name, chars, |text| {
            let known = HAS.iter().chain(has).any(|word| *word == text);
            let words = || HAS.iter().chain(has).copied().collect::<Vec<_>>().join(", ");
            if known { Ok(text.to_owned()) } else { Err(format!("has: knows {}", words())) }
        })?),
        "archived" => {
            let piece = one(name, chars)?;
            Term::Archived(match piece.text.as_str() {
                "yes" | "true" | "only" => Archived::Yes,
                "no" | "false" => Archived::No,
                "any" | "all" => Archived::Any,
                _ => return Err(QueryFault::new(piece.at, "archived: is yes, no or any")),
            })
        }
        _ => return Err(QueryFault::new(at, unknown(name))),
    };
    debug_assert!(chars.at() > value_at, "a term took no value");
    Ok(Read { term, environments })
}

fn unknown(name: &str) -> String {
    let near = TERMS.iter().map(|t| t.name).find(|known| {
        let shared = known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
        shared >= 2 && known.len().abs_diff(name.len()) <= 3
    });
    match near {
        Some(near) => format!("there is no term {name}:, but {near}: (quote the word to look for its text)"),
        None => {
            let all = TERMS.iter().map(|t| t.name).collect::<Vec<_>>().join(", ");
            format!("there is no term {name}: (quote the word to look for its text); there are {all}")
        }
    }
}

fn missing(name: &str, at: usize) -> QueryFault {
    let example = TERMS.iter().find(|t| t.name == name).map_or("", |t| t.example);
    QueryFault::new(at, format!("{name}: needs a value, like {example}"))
}

fn one(name: &str, chars: &mut Chars) -> Result<Piece, QueryFault> {
    let piece = chars.word(false)?;
    if piece.text.is_empty() { Err(missing(name, piece.at)) } else { Ok(piece) }
}

fn list(name: &str, chars: &mut Chars) -> Result<Vec<Piece>, QueryFault> {
    let mut pieces = Vec::new();
    loop {
        let piece = chars.word(true)?;
        if piece.text.is_empty() {
            return Err(missing(name, piece.at));
        }
        pieces.push(piece);
        if !chars.takes(',') {
            return Ok(pieces);
        }
    }
}

fn patterns(name: &str, chars: &mut Chars) -> Result<Vec<Pattern>, QueryFault> {
    Ok(list(name, chars)?.iter().map(|piece| Pattern::new(&piece.text, piece.quoted)).collect())
}

fn each<T>(
    name: &str,
    chars: &mut Chars,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, QueryFault> {
    let pieces = list(name, chars)?;
    pieces.iter().map(|p| read(&p.text).map_err(|detail| QueryFault::new(p.at, detail))).collect()
}

fn kind(text: &str) -> Result<FlagKind, String> {
    match text {
        "bool" => Ok(FlagKind::Boolean),
        other => other.parse().map_err(|_| "type: is bool, string, number or json".to_owned()),
    }
}

fn expression(name: &str, chars: &mut Chars) -> Result<Regex, QueryFault> {
    let piece = chars.expression()?;
    if piece.text.is_empty() {
        return Err(missing(name, piece.at));
    }
    RegexBuilder::new(&piece.text)
        .case_insensitive(!piece.text.chars().any(char::is_uppercase))
        .size_limit(EXPRESSION)
        .dfa_size_limit(EXPRESSION)
        .build()
        .map_err(|error| {
            let why = match &error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or("").trim();
                    last.strip_prefix("error: ").unwrap_or(last).to_owned()
                }
            };
            QueryFault::new(piece.at, format!("this is no regular expression: {why}"))
        })
}

/// Reads `/path`, `/path=value`; the path may stand in quotes.
fn inside(chars: &mut Chars) -> Result<Inside, QueryFault> {
    let piece = chars.value()?;
    if piece.text.is_empty() {
        return Err(missing("json", piece.at));
    }
    let (path, value) = match piece.text.strip_prefix('"') {
        Some(rest) => {
            let (path, rest) = rest.split_once('"').unwrap_or((rest, ""));
            (path, rest.strip_prefix('='))
        }
        None => match piece.text.split_once('=') {
            Some((path, value)) => (path, Some(value)),
            None => (piece.text.as_str(), None),
        },
    };
    let pointer = Pointer::parse(path)
        .map_err(|error| QueryFault::new(piece.at, format!("this is no place in a document: {error}")))?;
    if pointer.is_root() {
        return Err(missing("json", piece.at));
    }
    let wanted = match value {
        Some("") => {
            let end = piece.at + piece.text.chars().count();
            return Err(QueryFault::new(end, "a value is missing after ="));
        }
        Some(text) => {
            let value = json::parse(text).unwrap_or_else(|_| Json::from(text));
            Some((value, text.to_owned()))
        }
        None => None,
    };
    Ok(Inside { pointer, wanted })
}
