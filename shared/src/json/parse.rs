//! Strict parsing: what PostgreSQL or a client could not hold is refused with a pointer.

use super::value::Json;

/// The deepest nesting a document may have (docs: decisions on documents).
pub const MAX_DEPTH: usize = 64;
const MAX_INTEGER: u64 = 9_007_199_254_740_992; // 2^53

/// Why a text is not a document that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at {pointer:?}, line {line}, column {column})")]
pub struct ParseError {
    /// RFC 6901 pointer to the place, as far as it was understood.
    pub pointer: String,
    /// What is wrong, as a sentence.
    pub detail: String,
    /// 1-based line in the text.
    pub line: usize,
    /// 1-based column in characters.
    pub column: usize,
    /// Byte offset in the text.
    pub offset: usize,
    /// True when the text is not JSON at all (a 400), false when it is JSON that is refused (a 422).
    pub syntax: bool,
}

/// Parses a document: RFC 8259, and no duplicate members, no NUL, no lone surrogate, no number
/// outside `f64`, no integer beyond 2^53, no nesting beyond 64.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse(text: &str) -> Result<Json, ParseError> {
    parse_within(text, MAX_DEPTH)
}

/// [`parse`] with another limit of depth.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse_within(text: &str, max_depth: usize) -> Result<Json, ParseError> {
    let mut parser = Parser { text, at: 0, path: Vec::new(), max_depth };
    parser.space();
    let value = parser.value()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.syntax("there is text after the end of the value"));
    }
    Ok(value)
}

enum Step {
    Member(String),
    Index(usize),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step>,
    max_depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, detail: impl Into<String>, syntax: bool) -> ParseError {
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            match step {
                Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(i) => pointer.push_str(&i.to_string()),
            }
        }
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        ParseError { pointer, detail: detail.into(), line, column, offset: self.at, syntax }
    }

    fn syntax(&self, detail: impl Into<String>) -> ParseError {
        self.error(detail, true)
    }

    fn value(&mut self) -> Result<Json, ParseError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.syntax("a JSON value is expected here")),
            None => Err(self.syntax("the text ends where a JSON value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, ParseError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.syntax(format!("a JSON value is expected here; did you mean {word:?}?")))
        }
    }

    fn enter(&self) -> Result<(), ParseError> {
        if self.path.len() >= self.max_depth {
            return Err(self.error(format!("is nested deeper than {} levels", self.max_depth), false));
        }
        Ok(())
    }

    fn object(&mut self) -> Result<Json, ParseError> {
        self.enter()?;
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a member's name in double quotes is expected here"));
            }
            let key = self.string()?;
            self.path.push(Step::Member(key.clone()));
            if !seen.insert(key.clone()) {
                return Err(self.error(format!("the member {key:?} stands twice in the same object"), false));
            }
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.syntax("a colon is expected after a member's name"));
            }
            self.at += 1;
            self.space();
            let value = self.value()?;
            self.path.pop();
            members.push((key, value));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members));
                }
                _ => return Err(self.syntax("a comma or the end of the object is expected here")),
            }
        }
    }

    fn array(&mut self) -> Result<Json, ParseError> {
        self.enter()?;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            self.space();
            self.path.push(Step::Index(items.len()));
            let item = self.value()?;
            self.path.pop();
            items.push(item);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err(self.syntax("a comma or the end of the array is expected here")),
            }
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let plain = rest.find(|c: char| c == '"' || c == '\\' || (c as u32) < 0x20).unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or(""));
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.syntax("a control character must be escaped in a string")),
                None => return Err(self.syntax("the string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        self.at += 1;
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.syntax("this escape is not one of JSON's"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, ParseError> {
        let lone = "is a lone surrogate, which is not text and cannot be stored";
        let first = self.hex4()?;
        let code = match first {
            0 => return Err(self.error("\\u0000 (NUL) cannot be stored", false)),
            0xD800..=0xDBFF => {
                if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
                    return Err(self.error(format!("\\u{first:04x} {lone}"), false));
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.error(format!("\\u{first:04x} {lone}"), false));
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.error(format!("\\u{code:04x} {lone}"), false))
    }

    fn hex4(&mut self) -> Result<u32, ParseError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|d| u32::from_str_radix(d, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.syntax("four hexadecimal digits are expected after \\u")),
        }
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax("a digit is expected here")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.syntax("a number must not begin with a zero"));
            }
        } else {
            self.digits()?;
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or("0");
        if !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(self.error(format!("{} is outside what a 64-bit float can hold", brief(text)), false));
        }
        if whole && !text.trim_start_matches('-').parse::<u64>().is_ok_and(|n| n <= MAX_INTEGER) {
            return Err(self.error(
                format!("{} is beyond 2^53, so clients would not read it back exactly", brief(text)),
                false,
            ));
        }
        Ok(Json::Number(text.to_owned()))
    }
}

fn brief(text: &str) -> String {
    if text.len() <= 24 { text.to_owned() } else { format!("{}...", text.get(..20).unwrap_or(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_number_text_and_member_order() {
        let text = r#"{"b":1.0,"a":[1,1e3,-0.50,"\u00e9"],"c":{"z":null,"y":true}}"#;
        assert_eq!(parse(text).unwrap().to_text(), text.replace("\\u00e9", "é"));
    }

    #[test]
    fn refuses_with_a_pointer() {
        for (text, pointer, word) in [
            (r#"{"a":{"b/c":"\u0000"}}"#, "/a/b~1c", "NUL"),
            (r#"{"a":["x","\ud800"]}"#, "/a/1", "surrogate"),
            (r#"{"a":1e999999}"#, "/a", "64-bit"),
            (r#"{"a":9007199254740993}"#, "/a", "2^53"),
            (r#"{"a":1,"a":2}"#, "/a", "twice"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.pointer, pointer, "{text}");
            assert!(error.detail.contains(word), "{}", error.detail);
            assert!(!error.syntax);
        }
    }

    #[test]
    fn says_where_the_syntax_breaks() {
        let error = parse("{\n  \"a\": tru\n}").unwrap_err();
        assert_eq!((error.line, error.column, error.syntax), (2, 8, true));
    }

    #[test]
    fn depth_is_bounded_not_the_stack() {
        let deep = "[".repeat(10_000);
        assert!(parse(&deep).unwrap_err().detail.contains("64"));
        let fine = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(parse(&fine).is_ok());
    }

    #[test]
    fn equality_of_values() {
        let a = parse(r#"{"a":1,"b":[1.0]}"#).unwrap();
        let b = parse(r#"{"b":[1],"a":1.0}"#).unwrap();
        assert!(a.same_value(&b));
        assert_ne!(a, b);
    }
}
