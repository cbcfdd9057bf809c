//! What would mend a simple mistake in JSON: a word, a comma, a quote, a bracket.

use shared::json::{ParseError, Token, TokenKind, parse, tokens};
use std::ops::Range;

/// A small edit that brings the text further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced, in bytes.
    pub range: Range<usize>,
    /// What comes there.
    pub with: String,
    /// What it does, in a few words.
    pub title: String,
}

/// What would mend what `error` says, when that is simple. It is tried first: with it the text can be
/// read, or is wrong further down only.
#[must_use]
pub fn fix(text: &str, error: &ParseError) -> Option<Fix> {
    let all: Vec<Token> =
        tokens(text).into_iter().filter(|token| token.kind != TokenKind::Whitespace).collect();
    let at = all.iter().position(|token| token.range.end > error.offset).unwrap_or(all.len());
    candidates(text, &all, at).into_iter().find(|fix| helps(text, fix, error))
}

fn helps(text: &str, fix: &Fix, error: &ParseError) -> bool {
    let (Some(head), Some(tail)) = (text.get(..fix.range.start), text.get(fix.range.end..)) else {
        return false;
    };
    let mended = format!("{head}{}{tail}", fix.with);
    match parse(&mended) {
        Ok(_) => true,
        Err(next) => {
            // Counted from the end, so that what was put in does not count as progress.
            next.syntax
                && mended.len() - next.offset.min(mended.len()) < text.len() - error.offset.min(text.len())
        }
    }
}

fn candidates(text: &str, all: &[Token], at: usize) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let word = |token: &Token| text.get(token.range.clone()).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|before| all.get(before));
    match (all.get(at), before) {
        (Some(here), before) => {
            if here.kind == TokenKind::Invalid {
                fixes.extend(word_fix(here, word(here)));
            }
            if let Some(before) = before {
                if before.kind == TokenKind::Comma
                    && (matches!(word(here), "}" | "]") || here.kind == TokenKind::Comma)
                {
                    fixes.push(put(before.range.clone(), "", "take the comma out"));
                }
                let end = before.range.end;
                if before.kind == TokenKind::Key && here.kind != TokenKind::Colon {
                    fixes.push(put(end..end, ":", "put a colon"));
                }
                if before.kind != TokenKind::Comma {
                    fixes.push(put(end..end, ",", "put a comma"));
                }
                if before.kind == TokenKind::Invalid {
                    fixes.extend(word_fix(before, word(before)));
                }
            }
        }
        (None, Some(before)) => {
            if before.kind == TokenKind::Comma {
                fixes.push(put(before.range.clone(), "", "take the comma out"));
            }
            if before.kind == TokenKind::Invalid {
                fixes.extend(word_fix(before, word(before)));
            }
            fixes.extend(closing(text, all));
        }
        (None, None) => {}
    }
    fixes
}

fn put(range: Range<usize>, with: &str, title: &str) -> Fix {
    Fix { range, with: with.to_owned(), title: title.to_owned() }
}

/// What was meant by a word that JSON does not know.
fn word_fix(token: &Token, word: &str) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let mut with = |with: String| {
        let title = format!("write {with}");
        fixes.push(Fix { range: token.range.clone(), with, title });
    };
    if let Some(open) = word.strip_prefix('"') {
        // A string without end: the comma or bracket at the end of the line is not meant to be in it.
        let body = open.trim_end();
        let inner = body.trim_end_matches([',', '}', ']', ' ']);
        let rest = body.get(inner.len()..).unwrap_or_default();
        with(format!("\"{inner}\"{rest}"));
        with(format!("\"{open}\""));
        return fixes;
    }
    let lower = word.to_ascii_lowercase();
    for (literal, also) in [("true", "yes"), ("false", "no"), ("null", "none nil undefined")] {
        let alike = strsim::damerau_levenshtein(&lower, literal) <= 1 && lower.len() >= 3;
        let begun = lower.len() >= 2 && literal.starts_with(&lower);
        if alike || begun || also.split(' ').any(|other| other == lower) {
            with(literal.to_owned());
        }
    }
    if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        let (sign, digits) = match word.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", word.trim_start_matches('+')),
        };
        let whole = digits.trim_start_matches('0');
        let lead = if whole.is_empty() || whole.starts_with(['.', 'e', 'E']) { "0" } else { "" };
        with(format!("{sign}{lead}{}", whole.trim_end_matches('.')));
        with(digits.replace(['_', '\''], ""));
    }
    let bare = word.trim_matches(['\'', '`', '\u{201c}', '\u{201d}']);
    let mut quoted = String::new();
    shared::json::Json::from(bare).write(&mut quoted);
    with(quoted);
    fixes
}

/// The brackets that are still open at the end.
fn closing(text: &str, all: &[Token]) -> Option<Fix> {
    let mut open = Vec::new();
    for token in all {
        match text.get(token.range.clone()) {
            Some("{") => open.push('}'),
            Some("[") => open.push(']'),
            Some("}" | "]") => {
                open.pop();
            }
            _ => {}
        }
    }
    let with: String = open.into_iter().rev().collect();
    (!with.is_empty()).then(|| Fix {
        range: text.len()..text.len(),
        title: format!("close with {with}"),
        with,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mended(text: &str) -> String {
        let error = parse(text).unwrap_err();
        match fix(text, &error) {
            Some(fix) => format!("{}{}{}", &text[..fix.range.start], fix.with, &text[fix.range.end..]),
            None => "(none)".to_owned(),
        }
    }

    #[test]
    fn simple_mistakes_are_mended() {
        for (wrong, right) in [
            (r#"{"a": tru}"#, r#"{"a": true}"#),
            (r#"{"a": flase}"#, r#"{"a": false}"#),
            (r#"{"a": None}"#, r#"{"a": null}"#),
            (r#"{"a": True}"#, r#"{"a": true}"#),
            (r#"{"a": 1,}"#, r#"{"a": 1}"#),
            ("[1,\n 2,\n]", "[1,\n 2\n]"),
            ("{\"a\": 1\n \"b\": 2}", "{\"a\": 1,\n \"b\": 2}"),
            ("[1 2]", "[1, 2]"),
            (r#"{"a" 1}"#, r#"{"a": 1}"#),
            ("{\"a\": \"x,\n\"b\": 1}", "{\"a\": \"x\",\n\"b\": 1}"),
            (r#"{a: 1}"#, r#"{"a": 1}"#),
            (r#"{"a": 'x'}"#, r#"{"a": "x"}"#),
            (r#"{"a": 007}"#, r#"{"a": 7}"#),
            (r#"{"a": .5}"#, r#"{"a": 0.5}"#),
            (r#"{"a": [1, 2"#, r#"{"a": [1, 2]}"#),
            (r#"{"a": 1,,"b":2}"#, r#"{"a": 1,"b":2}"#),
        ] {
            assert_eq!(mended(wrong), right, "{wrong}");
        }
    }

    #[test]
    fn what_is_not_simple_is_left_to_its_author() {
        for wrong in ["", "{} {}", r#"{"a":1,"a":2}"#, "}"] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(fix(wrong, &error), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_a_fix_that_can_be_applied_or_none(text in "[\\[\\]{}:,\"a1é \\n'.-]{0,40}") {
            if let Err(error) = parse(&text)
                && let Some(fix) = fix(&text, &error) {
                    prop_assert!(text.get(fix.range.clone()).is_some());
                    prop_assert!(helps(&text, &fix, &error));
                }
        }
    }
}
