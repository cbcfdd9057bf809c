//! JSON laid out for reading and editing.

use super::identity::is_scalar;
use super::value::{Json, write_string};

const COLUMNS: usize = 80;

/// The value on lines with two spaces of indentation; arrays of scalars on one line where they fit into
/// 80 columns. Numbers stay as they were written; no line end at the end.
pub fn pretty(value: &Json) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out
}

/// `column` is where the value begins.
fn write(value: &Json, depth: usize, column: usize, out: &mut String) {
    match value {
        Json::Array(items) if !items.is_empty() => {
            if one_line(items, column, out) {
                return;
            }
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                line(at, depth + 1, out);
                write(item, depth + 1, 2 * (depth + 1), out);
            }
            close(']', depth, out);
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                line(at, depth + 1, out);
                let start = out.len();
                write_string(name, out);
                out.push_str(": ");
                let name_width = out.get(start..).map_or(0, |written| written.chars().count());
                write(value, depth + 1, 2 * (depth + 1) + name_width, out);
            }
            close('}', depth, out);
        }
        _ => value.write(out),
    }
}

fn line(at: usize, depth: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn close(bracket: char, depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
    out.push(bracket);
}

/// Writes scalars as `[1, 2, 3]` if that, and a comma behind it, fits; else leaves `out` as it was.
fn one_line(items: &[Json], column: usize, out: &mut String) -> bool {
    let start = out.len();
    let mut width = column + 2;
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        let from = out.len();
        if at > 0 {
            out.push_str(", ");
        }
        if is_scalar(item) {
            item.write(out);
            width += out.get(from..).map_or(0, |written| written.chars().count());
        }
        if !is_scalar(item) || width >= COLUMNS {
            out.truncate(start);
            return false;
        }
    }
    out.push(']');
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_document_is_laid_out_as_a_person_would() {
        let text = r#"{"on":true,"values":["a","b",1.0],"rules":[{"id":1,"clauses":[]},{}],"long":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}"#;
        let expected = r#"{
  "on": true,
  "values": ["a", "b", 1.0],
  "rules": [
    {
      "id": 1,
      "clauses": []
    },
    {}
  ],
  "long": [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  ]
}"#;
        assert_eq!(pretty(&parse(text).unwrap()), expected);
    }

    #[test]
    fn a_line_with_its_comma_ends_at_column_80() {
        // Column 9 after `  "key": `, 4 for brackets and quotes, 66 letters, a comma: 80.
        for (letters, one_line) in [(66, true), (67, false)] {
            let word = "é".repeat(letters);
            let text = pretty(&parse(&format!(r#"{{"key":["{word}"],"b":1}}"#)).unwrap());
            assert_eq!(text.contains(&format!("\"key\": [\"{word}\"],\n")), one_line, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80));
        }
    }
}
