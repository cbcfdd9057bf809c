//! Puts a member into an object of a text, and leaves the rest of the text as it is.

use shared::json::{Json, Pointer, TokenKind, locate, pretty, tokens};
use std::ops::Range;

/// An edit, and what to select after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// What is replaced, in bytes.
    pub range: Range<usize>,
    /// What comes there.
    pub with: String,
    /// Where the cursor goes: the beginning of the new value.
    pub cursor: usize,
}

/// The names of the members of the object at `pointer`, as far as the text has them.
#[must_use]
pub fn members(text: &str, pointer: &Pointer) -> Vec<String> {
    let Some(range) = locate(text, pointer) else { return Vec::new() };
    let inner = text.get(range).unwrap_or_default();
    let mut depth = 0_usize;
    let mut names = Vec::new();
    for token in tokens(inner) {
        let word = inner.get(token.range).unwrap_or_default();
        match (token.kind, word) {
            (TokenKind::Brace | TokenKind::Bracket, "{" | "[") => depth += 1,
            (TokenKind::Brace | TokenKind::Bracket, _) => depth = depth.saturating_sub(1),
            (TokenKind::Key, _) if depth == 1 => {
                if let Ok(Json::String(name)) = shared::json::parse(word) {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    names
}

/// The edit that puts `key` with `value` at the end of the object at `pointer`; none when there is no whole
/// object in the text.
#[must_use]
pub fn member(text: &str, pointer: &Pointer, key: &str, value: &Json) -> Option<Insert> {
    let range = locate(text, pointer)?;
    let inner = text.get(range.clone())?;
    let body = inner.strip_prefix('{')?.strip_suffix('}')?;
    let mut name = String::new();
    Json::from(key).write(&mut name);
    let indent = indent_at(text, range.start);
    let last = tokens(body).into_iter().rfind(|token| token.kind != TokenKind::Whitespace);
    let Some(last) = last else {
        let value = deeper(&pretty(value), &format!("{indent}  "));
        let head = format!("\n{indent}  {name}: ");
        let with = format!("{head}{value}\n{indent}");
        let start = range.start + 1;
        return Some(Insert { range: start..range.end - 1, cursor: start + head.len(), with });
    };
    let end = range.start + 1 + last.range.end;
    let comma = if last.kind == TokenKind::Comma { "" } else { "," };
    let head = if body.contains('\n') {
        let first = tokens(body).into_iter().find(|token| token.kind != TokenKind::Whitespace)?;
        let column = indent_at(text, range.start + 1 + first.range.start);
        format!("{comma}\n{column}{name}: ")
    } else {
        format!("{comma} {name}: ")
    };
    let value = deeper(&pretty(value), head.rsplit('\n').next().map_or("", |line| blanks(line)));
    Some(Insert { range: end..end, cursor: end + head.len(), with: format!("{head}{value}") })
}

fn deeper(value: &str, indent: &str) -> String {
    value.replace('\n', &format!("\n{indent}"))
}

fn blanks(line: &str) -> &str {
    line.get(..line.len() - line.trim_start_matches(' ').len()).unwrap_or_default()
}

fn indent_at(text: &str, at: usize) -> String {
    let start = text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1);
    blanks(text.get(start..at).unwrap_or_default()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    fn with(text: &str, pointer: &str, key: &str, value: &str) -> Option<String> {
        let insert = member(text, &Pointer::parse(pointer).unwrap(), key, &parse(value).unwrap())?;
        let mut out = text.to_owned();
        out.replace_range(insert.range, &insert.with);
        assert!(out.is_char_boundary(insert.cursor));
        Some(out)
    }

    #[test]
    fn a_member_comes_last_and_looks_like_the_others() {
        assert_eq!(with("{}", "", "a", "1").unwrap(), "{\n  \"a\": 1\n}");
        assert_eq!(with("{\"b\": 2}", "", "a", "1").unwrap(), "{\"b\": 2, \"a\": 1}");
        assert_eq!(
            with("{\n  \"b\": {\n    \"c\": 1\n  }\n}", "/b", "a", r#"{"x":[1]}"#).unwrap(),
            "{\n  \"b\": {\n    \"c\": 1,\n    \"a\": {\n      \"x\": [1]\n    }\n  }\n}"
        );
        assert_eq!(with("{\n  \"b\": 2,\n}", "", "a", "1").unwrap(), "{\n  \"b\": 2,\n  \"a\": 1\n}");
        assert_eq!(with("{\n  \"b\": {}\n}", "/b", "a", "1").unwrap(), "{\n  \"b\": {\n    \"a\": 1\n  }\n}");
        assert_eq!(with("[1]", "", "a", "1"), None);
        assert_eq!(with("{\"a\": ", "", "b", "1"), None);
    }

    #[test]
    fn the_members_of_one_object_are_named_even_in_a_broken_text() {
        let text = "{\"a\": {\"x\": 1, \"y\": tru}, \"b\": [ ";
        assert_eq!(members(text, &Pointer::parse("/a").unwrap()), ["x", "y"]);
        assert_eq!(members(text, &Pointer::root()), ["a", "b"]);
    }
}
