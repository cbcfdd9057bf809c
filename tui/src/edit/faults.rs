//! What is wrong with the text of a document, and where.

use super::fixes::{Fix, fix};
use crate::request::Problem;
use shared::json::{Json, ParseError, Pointer, TokenKind, locate, locate_nearest, parse, tokens};
use std::ops::Range;

/// Something wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where, in bytes; may be empty.
    pub range: Range<usize>,
    /// The place in the document.
    pub pointer: String,
    /// What, as a sentence.
    pub detail: String,
    /// What would mend it.
    pub fix: Option<Fix>,
}

/// Reads a text.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(text: &str) -> Result<Json, Box<Fault>> {
    parse(text).map_err(|error| Box::new(syntax(text, error)))
}

fn syntax(text: &str, error: ParseError) -> Fault {
    let fix = fix(text, &error);
    let range = match &fix {
        // A comma is missing behind what was there, not before what comes on another line.
        Some(fix) if fix.range.is_empty() => fix.range.clone(),
        _ => span(text, &error),
    };
    Fault { range, pointer: error.pointer, detail: error.detail, fix }
}

/// The token that the error stands at; of a doubled member its name.
fn span(text: &str, error: &ParseError) -> Range<usize> {
    let at = error.offset.min(text.len());
    let mut behind = at..at;
    for token in tokens(text) {
        if !error.syntax && token.range.end == at && token.kind == TokenKind::Key {
            return token.range;
        }
        if token.range.contains(&at) {
            return if token.kind == TokenKind::Whitespace { at..at } else { token.range };
        }
        if token.kind != TokenKind::Whitespace {
            behind = token.range.end..token.range.end;
        }
    }
    behind
}

/// What the daemon refused, at the places it names; `within` is where the document stands in the request.
#[must_use]
pub fn refused(text: &str, problem: &Problem, within: &str) -> Vec<Fault> {
    let errors = problem.body.get("errors").and_then(Json::as_array).unwrap_or_default();
    errors
        .iter()
        .map(|error| {
            let of = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
            let pointer = of("pointer").strip_prefix(within).unwrap_or_default();
            Fault {
                range: place(text, pointer),
                pointer: pointer.to_owned(),
                detail: of("detail").to_owned(),
                fix: None,
            }
        })
        .collect()
}

/// Where a pointer leads to, or the nearest place to it; only its beginning when it goes over lines.
fn place(text: &str, pointer: &str) -> Range<usize> {
    let Ok(pointer) = Pointer::parse(pointer) else { return 0..0 };
    let found = locate(text, &pointer).or_else(|| locate_nearest(text, &pointer)).unwrap_or(0..0);
    let line =
        text.get(found.clone()).and_then(|value| value.find('\n')).map_or(found.end, |n| found.start + n);
    found.start..line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> (String, String) {
        let fault = read(text).unwrap_err();
        (text[fault.range.clone()].to_owned(), fault.detail.clone())
    }

    #[test]
    fn a_fault_stands_under_the_word_it_is_about() {
        let (word, detail) = at("{\n \"a\": tru\n}");
        assert_eq!(word, "tru");
        assert!(detail.contains("did you mean \"true\""), "{detail}");
        assert_eq!(at("{\"a\":1,\"a\":2}").0, "\"a\"");
        assert_eq!(read("{\"a\":1,\"a\":2}").unwrap_err().range, 7..10);
        assert_eq!(read("{\"a\": 1\n\"b\": 2}").unwrap_err().range, 7..7);
    }

    #[test]
    fn what_the_daemon_refuses_is_shown_at_its_line() {
        let text = "{\n  \"rules\": [\n    {\n      \"clauses\": [{ \"op\": \"inn\" }]\n    }\n  ]\n}";
        let body = shared::json::parse(
            r#"{"errors":[{"pointer":"/mutations/0/config/rules/0/clauses/0/op","detail":"no operator"},
                {"pointer":"/mutations/0/config/fallthrough/variation","detail":"is missing"}]}"#,
        )
        .unwrap();
        let problem = Problem {
            status: 422,
            kind: "invalid".into(),
            detail: String::new(),
            instance: String::new(),
            retry_after: None,
            body,
        };
        let faults = refused(text, &problem, "/mutations/0/config");
        assert_eq!(&text[faults[0].range.clone()], "\"inn\"");
        assert_eq!(
            (faults[0].pointer.as_str(), faults[0].detail.as_str()),
            ("/rules/0/clauses/0/op", "no operator")
        );
        assert_eq!(&text[faults[1].range.clone()], "{");
    }
}
