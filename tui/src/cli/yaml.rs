//! JSON as YAML: plain words where nobody can misread them, numbers as they were written.

use shared::json::Json;

/// The value as a YAML document, with a line end.
#[must_use]
pub fn yaml(value: &Json) -> String {
    let mut out = String::new();
    match value {
        Json::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        Json::Object(members) if !members.is_empty() => mapping(members, 0, &mut out),
        scalar => {
            inline(scalar, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn mapping(members: &[(String, Json)], depth: usize, out: &mut String) {
    for (at, (key, value)) in members.iter().enumerate() {
        // The first member after `- ` stands on its line.
        if at > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        word(key, out);
        out.push(':');
        below(value, depth, out);
    }
}

fn sequence(items: &[Json], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push('-');
        match item {
            Json::Object(members) if !members.is_empty() => {
                out.push(' ');
                mapping(members, depth + 1, out);
            }
            other => below(other, depth, out),
        }
    }
}

/// What follows a `:` or a `-`.
fn below(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(items, depth + 1, out);
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('\n');
            mapping(members, depth + 1, out);
        }
        scalar => {
            out.push(' ');
            inline(scalar, out);
            out.push('\n');
        }
    }
}

fn inline(value: &Json, out: &mut String) {
    match value {
        Json::String(text) => word(text, out),
        other => other.write(out),
    }
}

/// A text, in quotes unless every YAML reader takes it for itself. JSON's quoted form is YAML's, too.
fn word(text: &str, out: &mut String) {
    const TAKEN: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@".contains(c))
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        out.push_str(text);
        return;
    }
    let quoted = Json::from(text).to_text();
    // What JSON lets stand and YAML may not: DEL, the C1 controls, and the two line separators.
    for c in quoted.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn documents_are_written_so_that_a_reader_gets_the_same_back() {
        let value = parse(
            r#"{"key":"pay.retry","on":true,"no":"no","n":1.0,"list":[{"a":1,"b":[2,[3]]},"x y",[]],"none":{},"s":"a\nb"}"#,
        );
        let expected = "key: pay.retry\n\"on\": true\n\"no\": \"no\"\n\"n\": 1.0\nlist:\n  - a: 1\n    b:\n      - 2\n      -\n        - 3\n  - \"x y\"\n  - []\nnone: {}\ns: \"a\\nb\"\n";
        assert_eq!(yaml(&value.unwrap()), expected);
        assert_eq!(yaml(&Json::from("1.5")), "\"1.5\"\n");
    }
}
