//! The filter of the audit feed: `env:prod* -actor:ci-bot action:turned-off since:2h "p99"`.

use crate::cache::events::Line;
use time::{Duration, OffsetDateTime};

/// What each term asks for, for the line below the field.
pub const TERMS: &str = "env: actor: flag: action: kind: rev: since:2h  words  - excludes  * any text";

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FilterFault {
    /// The character, from 0.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Environment(Vec<String>),
    Actor(Vec<String>),
    Target(Vec<String>),
    Action(Vec<String>),
    Kind(Vec<String>),
    Revision(u64, u64),
    Since(Duration),
    Word(String),
}

/// A filter of lines. All its terms have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Vec<(bool, Test)>);

impl Filter {
    /// Reads a filter. Words beside each other all count; `-` before one excludes; `,` separates alternatives.
    ///
    /// # Errors
    /// The first term that is none, with its place.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        let mut tests = Vec::new();
        for (at, word, literal) in words(text) {
            let fault = |detail: String| FilterFault { at, detail };
            let (wanted, rest) = match word.strip_prefix('-') {
                Some(rest) if !literal => (false, rest),
                _ => (true, word.as_str()),
            };
            if rest.is_empty() {
                continue;
            }
            let test = match rest.split_once(':') {
                Some((name, values)) if !literal && name.bytes().all(|b| b.is_ascii_alphabetic()) => {
                    term(name, values).map_err(fault)?
                }
                _ => Test::Word(rest.trim_matches('"').to_lowercase()),
            };
            tests.push((wanted, test));
        }
        Ok(Self(tests))
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a line is asked for, at `now`.
    #[must_use]
    pub fn lets(&self, line: &Line, now: OffsetDateTime) -> bool {
        self.0.iter().all(|(wanted, test)| test.holds(line, now) == *wanted)
    }

    /// The text of a filter with `term` in it: put there where it was not, taken away where it was.
    #[must_use]
    pub fn turned(text: &str, term: &str) -> String {
        let all: Vec<String> = words(text)
            .into_iter()
            .map(|(_, word, literal)| if literal { format!("\"{word}\"") } else { word })
            .collect();
        if all.iter().any(|word| word == term) {
            return all.into_iter().filter(|word| word != term).collect::<Vec<_>>().join(" ");
        }
        // Only one of a kind makes sense: another flag takes the place of the one before.
        let name = term.split_once(':').map_or("", |(name, _)| name);
        let kept = all.into_iter().filter(|w| w.split_once(':').is_none_or(|(other, _)| other != name));
        kept.chain([term.to_owned()]).collect::<Vec<_>>().join(" ")
    }
}

/// The words with their places; `true` for one in quotes.
fn words(text: &str) -> Vec<(usize, String, bool)> {
    let mut out = Vec::new();
    let mut word = String::new();
    let (mut start, mut quoted, mut literal) = (0, false, false);
    for (at, c) in text.chars().enumerate() {
        match c {
            '"' => {
                if word.is_empty() && !quoted {
                    (start, literal) = (at, true);
                }
                quoted = !quoted;
                if !literal {
                    word.push(c);
                }
            }
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    out.push((start, std::mem::take(&mut word), literal));
                }
                literal = false;
            }
            c => {
                if word.is_empty() && !quoted {
                    start = at;
                }
                word.push(c);
            }
        }
    }
    if !word.is_empty() {
        out.push((start, word, literal));
    }
    out
}

fn term(name: &str, values: &str) -> Result<Test, String> {
    if values.is_empty() {
        return Err(format!("{name}: needs a value, as in {}", example(name)));
    }
    let list = || -> Vec<String> {
        values.trim_matches('"').split(',').filter(|v| !v.is_empty()).map(str::to_lowercase).collect()
    };
    Ok(match name {
        "env" | "environment" => Test::Environment(list()),
        "actor" | "by" => Test::Actor(list()),
        "flag" | "segment" | "key" => Test::Target(list()),
        "action" => Test::Action(list()),
        "kind" => Test::Kind(list()),
        "rev" | "revision" => {
            let number =
                |text: &str| text.parse::<u64>().map_err(|_| "rev: takes 4812 or 4800..4812".to_owned());
            match values.split_once("..") {
                Some((from, "")) => Test::Revision(number(from)?, u64::MAX),
                Some((from, to)) => Test::Revision(number(from)?, number(to)?),
                None => Test::Revision(number(values)?, number(values)?),
            }
        }
        "since" => Test::Since(span(values).ok_or("since: takes 30m, 2h or 7d")?),
        other => {
            return Err(format!("there is no term {other}:; there are env actor flag action kind rev since"));
        }
    })
}

fn example(name: &str) -> &'static str {
    match name {
        "env" | "environment" => "env:prod*",
        "actor" | "by" => "actor:alice",
        "action" => "action:turned-off",
        "kind" => "kind:segment",
        "since" => "since:2h",
        "rev" | "revision" => "rev:4800..4812",
        _ => "flag:checkout-*",
    }
}

/// `30m`, `2h`, `7d` as a length of time.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let number = i64::from(number);
    Some(match unit {
        's' => Duration::seconds(number),
        'm' => Duration::minutes(number),
        'h' => Duration::hours(number),
        'd' => Duration::days(number),
        'w' => Duration::weeks(number),
        _ => return None,
    })
}

impl Test {
    fn holds(&self, line: &Line, now: OffsetDateTime) -> bool {
        let any = |patterns: &[String], text: &str| {
            let text = text.to_lowercase();
            patterns.iter().any(|pattern| matches(pattern, &text))
        };
        match self {
            // A beginning names an environment, as in the filter of flags.
            Self::Environment(patterns) => {
                let place = if line.environment.is_empty() { "all" } else { line.environment.as_str() };
                any(patterns, place) || patterns.iter().any(|p| place.to_lowercase().starts_with(p.as_str()))
            }
            Self::Actor(patterns) => any(patterns, &line.actor) || any(patterns, short_actor(&line.actor)),
            Self::Target(patterns) => any(patterns, &line.key),
            Self::Action(patterns) => any(patterns, &line.action) || any(patterns, &line.cause),
            Self::Kind(patterns) => any(patterns, &line.kind),
            Self::Revision(from, to) => (*from..=*to).contains(&line.revision),
            Self::Since(span) => line.at.is_some_and(|at| at >= now - *span),
            Self::Word(word) => {
                [&line.key, &line.comment, &line.actor, &line.environment, &line.action, &line.cause]
                    .iter()
                    .any(|text| text.to_lowercase().contains(word.as_str()))
            }
        }
    }
}

/// `alice` of `user:alice`.
#[must_use]
pub fn short_actor(actor: &str) -> &str {
    actor.split_once(':').map_or(actor, |(_, name)| name)
}

/// Whether `text` is `pattern`, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            match rest.find(middle) {
                Some(at) => rest = rest.get(at + middle.len()..).unwrap_or_default(),
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end: &str| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn line() -> Line {
        let message = shared::json::parse(
            r#"{"revision":4812,"at":"2026-11-22T14:02:03Z","kind":"change","actor":"user:alice","comment":"p99 too high",
                "changes":[{"entity":{"kind":"config","key":"checkout-redesign","environment":"production"},"action":"turned-off"}]}"#,
        );
        Line::read(&message.unwrap()).remove(0)
    }

    fn lets(filter: &str) -> bool {
        Filter::parse(filter).unwrap().lets(&line(), datetime!(2026-11-22 15:00 UTC))
    }

    #[test]
    fn each_term_and_word_narrows() {
        for yes in [
            "",
            "env:prod*",
            "env:prod",
            "env:staging,production",
            "actor:alice",
            "actor:user:alice",
            "flag:checkout-*",
            "flag:*redesign",
            "flag:c*t-re*n",
            "action:turned-*",
            "kind:config",
            "since:1h",
            "rev:4812",
            "rev:4800..",
            "P99",
            "\"too high\"",
            "-actor:ci-bot",
            "-env:staging checkout alice",
        ] {
            assert!(lets(yes), "{yes}");
        }
        for no in [
            "env:staging",
            "-env:prod*",
            "actor:ali",
            "flag:checkout",
            "since:10m",
            "rev:1..4811",
            "checkout nothing",
            "-checkout",
            "\"high too\"",
            "action:created",
        ] {
            assert!(!lets(no), "{no}");
        }
    }

    #[test]
    fn a_term_that_is_none_is_named_with_its_place() {
        let fault = Filter::parse("checkout evn:prod").unwrap_err();
        assert_eq!(fault.at, 9);
        assert_eq!(fault.detail, "there is no term evn:; there are env actor flag action kind rev since");
        assert_eq!(Filter::parse("since:soon").unwrap_err().detail, "since: takes 30m, 2h or 7d");
        assert_eq!(
            Filter::parse("x flag:").unwrap_err().detail,
            "flag: needs a value, as in flag:checkout-*"
        );
    }

    #[test]
    fn a_term_is_put_in_replaced_and_taken_out() {
        let one = Filter::turned("env:prod* \"a b\"", "flag:checkout");
        assert_eq!(one, "env:prod* \"a b\" flag:checkout");
        let two = Filter::turned(&one, "flag:dark-mode");
        assert_eq!(two, "env:prod* \"a b\" flag:dark-mode");
        assert_eq!(Filter::turned(&two, "flag:dark-mode"), "env:prod* \"a b\"");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_at_a_place_in_it(text in "\\PC{0,40}") {
            if let Err(fault) = Filter::parse(&text) {
                prop_assert!(fault.at < text.chars().count());
            }
        }

        #[test]
        fn a_star_is_any_text(head in "[ab]{0,4}", middle in "[ab]{0,4}", tail in "[ab]{0,4}") {
            let text = format!("{head}{middle}{tail}");
            let wildcard = format!("{head}*{tail}");
            prop_assert!(matches(&wildcard, &text));
            let only_when_empty = matches(&head, &text) == (middle.len() + tail.len() == 0);
            prop_assert!(only_when_empty);
        }
    }
}
