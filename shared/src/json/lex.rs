//! The tokens of a text that may or may not be JSON, for editors.

use std::ops::Range;

use super::parse::parse;
use super::value::Json;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `{` or `}`
    Brace,
    /// `[` or `]`
    Bracket,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// A string that names a member: it is where a name belongs, or a colon follows.
    Key,
    /// Another string.
    String,
    /// A number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
    /// Spaces, tabs and line ends.
    Whitespace,
    /// What JSON does not know: a wrong word or number, a string without end or with a wrong escape.
    Invalid,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it is: bytes, always at the borders of characters.
    pub range: Range<usize>,
}

/// Cuts any text into tokens that cover each of its bytes, in order. Never fails: what is not JSON is
/// [`TokenKind::Invalid`]. A string without end stops at the end of its line.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut scope = Scope::default();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = next(rest, &scope);
        let token = Token { kind, range: at..at + length };
        at = token.range.end;
        scope.pass(kind, rest.as_bytes().first().copied());
        tokens.push(token);
    }
    tokens
}

/// Where in the structure the next token stands.
#[derive(Default)]
struct Scope {
    /// For each open container whether it is an object.
    objects: Vec<bool>,
    /// Whether the last token that counts opened a container or was a comma.
    fresh: bool,
}

impl Scope {
    fn name_expected(&self) -> bool {
        self.fresh && self.objects.last() == Some(&true)
    }

    fn pass(&mut self, kind: TokenKind, first: Option<u8>) {
        match (kind, first) {
            (TokenKind::Whitespace, _) => return,
            (_, Some(b'{')) => self.objects.push(true),
            (_, Some(b'[')) => self.objects.push(false),
            (_, Some(b'}' | b']')) => {
                self.objects.pop();
            }
            _ => {}
        }
        self.fresh = matches!(first, Some(b'{' | b'[' | b','));
    }
}

fn next(rest: &str, scope: &Scope) -> (TokenKind, usize) {
    match rest.as_bytes().first() {
        Some(b'{' | b'}') => (TokenKind::Brace, 1),
        Some(b'[' | b']') => (TokenKind::Bracket, 1),
        Some(b':') => (TokenKind::Colon, 1),
        Some(b',') => (TokenKind::Comma, 1),
        Some(b'"') => string(rest, scope),
        Some(b' ' | b'\t' | b'\n' | b'\r') => (TokenKind::Whitespace, rest.len() - trimmed(rest).len()),
        _ => word(rest),
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

fn string(rest: &str, scope: &Scope) -> (TokenKind, usize) {
    let length = string_length(rest);
    let (literal, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
    let kind = if !is_literal(literal) {
        TokenKind::Invalid
    } else if scope.name_expected() || trimmed(after).starts_with(':') {
        TokenKind::Key
    } else {
        TokenKind::String
    };
    (kind, length)
}

/// How far a string goes that begins with a quote: behind the closing one, or to the end of the line.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' | '\r' => return at,
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

fn word(rest: &str) -> (TokenKind, usize) {
    let length = rest.find([' ', '\t', '\n', '\r', '{', '}', '[', ']', ':', ',', '"']).unwrap_or(rest.len());
    let kind = match rest.get(..length) {
        Some("true") => TokenKind::True,
        Some("false") => TokenKind::False,
        Some("null") => TokenKind::Null,
        Some(word) if word.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
            if is_literal(word) {
                TokenKind::Number
            } else {
                TokenKind::Invalid
            }
        }
        _ => TokenKind::Invalid,
    };
    (kind, length)
}

/// Whether RFC 8259 allows this string or number, even if its value cannot be kept.
fn is_literal(literal: &str) -> bool {
    match parse(literal) {
        Ok(_) => true,
        Err(error) => !error.syntax,
    }
}

/// The text that a string literal means; of one that cannot be kept, what stands between its quotes.
pub(super) fn unquoted(literal: &str) -> String {
    match parse(literal) {
        Ok(Json::String(text)) => text,
        _ => literal.trim_matches('"').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::TokenKind::{
        Brace, Bracket, Colon, Comma, False, Invalid, Key, Null, Number, String, True, Whitespace,
    };
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn a_document_is_cut_into_its_tokens() {
        let text = r#"{"a": [1.50, true,false,null,"x"]}"#;
        assert_eq!(
            kinds(text),
            [
                Brace, Key, Colon, Whitespace, Bracket, Number, Comma, Whitespace, True, Comma, False, Comma,
                Null, Comma, String, Bracket, Brace
            ]
        );
    }

    #[test]
    fn what_json_does_not_know_is_invalid_and_ends_where_json_begins_again() {
        for (text, expected) in [
            ("tru", vec![Invalid]),
            ("01", vec![Invalid]),
            ("-", vec![Invalid]),
            ("1e5é,2", vec![Invalid, Comma, Number]),
            ("\"abc\n1", vec![Invalid, Whitespace, Number]),
            (r#""\x""#, vec![Invalid]),
            (r#""\""#, vec![Invalid]),
            (r#"// note"#, vec![Invalid, Whitespace, Invalid]),
            ("\u{feff}{}", vec![Invalid, Brace, Brace]),
        ] {
            assert_eq!(kinds(text), expected, "{text}");
        }
        // Numbers and texts that cannot be kept are still numbers and strings to an editor.
        assert_eq!(kinds(r#"[9007199254740993,"\u0000"]"#), [Bracket, Number, Comma, String, Bracket]);
    }

    #[test]
    fn names_are_known_while_they_are_typed() {
        assert_eq!(kinds(r#"{"a""#), [Brace, Key]);
        assert_eq!(kinds(r#"{"a":1 "b" :2}"#)[5], Key);
        assert_eq!(kinds(r#"{"a":"b"}"#)[3], String);
        assert_eq!(kinds(r#"[{},"b"]"#)[4], String);
    }
}
