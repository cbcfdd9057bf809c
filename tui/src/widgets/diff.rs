//! What differs between two documents: path by path, as one text with hunks, or side by side.

use crate::canvas::Canvas;
use crate::text::{fit, pad, shown, width, wrap};
use crate::theme::Token;
use ratatui::layout::Rect;
use shared::json::{Change, Json, Op, diff, pretty};
use similar::{ChangeTag, DiffOp, TextDiff};

/// Lines that stay around a change.
const AROUND: usize = 3;
/// Beyond so many bytes a text is not compared line by line.
const MOST_TEXT: usize = 600_000;
/// The widest column of paths.
const PATHS: usize = 34;

/// How a diff is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// A line for each path that differs.
    Paths,
    /// The text with what went and what came.
    #[default]
    Text,
    /// The two texts beside each other.
    Side,
}

impl Style {
    /// The next style; side by side only where there is room for it.
    #[must_use]
    pub fn next(self, columns: u16) -> Self {
        match self {
            Self::Paths => Self::Text,
            Self::Text if columns >= 96 => Self::Side,
            Self::Text | Self::Side => Self::Paths,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Paths => "paths",
            Self::Text => "text",
            Self::Side => "side by side",
        }
    }
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Same,
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Its value is another one.
    Changed,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::Same => ' ',
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }

    fn token(self) -> Token {
        match self {
            Self::Same => Token::Dim,
            Self::Added => Token::DiffAdd,
            Self::Removed => Token::DiffDel,
            Self::Changed => Token::DiffChange,
        }
    }
}

/// One line of a document, or of a list of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What happened to it.
    pub mark: Mark,
    /// Its line in its own text, from 1; 0 where the line before goes on; none for paths, which have no lines.
    pub number: Option<usize>,
    /// What it says.
    pub text: String,
}

/// One row of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A line.
    One(Piece),
    /// A line before and after, each of which may be missing.
    Two(Option<Piece>, Option<Piece>),
    /// Lines that are the same on both sides and left out, or something to say.
    Gap(String),
}

/// The rows of a diff for `columns`. Where nothing was before or is after, all lines came or went.
#[must_use]
pub fn rows(style: Style, before: Option<&Json>, after: Option<&Json>, columns: usize) -> Vec<Row> {
    let null = Json::Null;
    let (old, new) = (before.unwrap_or(&null), after.unwrap_or(&null));
    let by_path = || paths(&diff(old, new), columns);
    if style == Style::Paths && before.is_some() && after.is_some() {
        return by_path();
    }
    let text = |json: Option<&Json>| json.map(pretty).unwrap_or_default();
    let (old_text, new_text) = (text(before), text(after));
    if old_text.len() + new_text.len() > MOST_TEXT {
        let mut out = vec![Row::Gap("too long to be compared line by line; these are the paths".to_owned())];
        out.extend(by_path());
        return out;
    }
    texts(style, &old_text, &new_text, columns)
}

/// The rows of two texts: one text with hunks, or side by side.
#[must_use]
pub fn texts(style: Style, before: &str, after: &str, columns: usize) -> Vec<Row> {
    let compared = TextDiff::from_lines(before, after);
    let groups = compared.grouped_ops(AROUND);
    if groups.is_empty() {
        return vec![Row::Gap("no difference".to_owned())];
    }
    let mut out = Vec::new();
    let mut told = 0;
    for group in &groups {
        let start = group.first().map_or(0, |op| op.new_range().start);
        gap(start.saturating_sub(told), &mut out);
        for op in group {
            if style == Style::Side {
                side(&compared, op, columns, &mut out);
            } else {
                for change in compared.iter_changes(op) {
                    let (mark, number) = match change.tag() {
                        ChangeTag::Equal => (Mark::Same, change.new_index()),
                        ChangeTag::Delete => (Mark::Removed, change.old_index()),
                        ChangeTag::Insert => (Mark::Added, change.new_index()),
                    };
                    let pieces = pieces(mark, number, change.value(), columns.saturating_sub(8));
                    out.extend(pieces.into_iter().map(Row::One));
                }
            }
            told = op.new_range().end;
        }
    }
    gap(after.lines().count().saturating_sub(told), &mut out);
    out
}

fn gap(lines: usize, out: &mut Vec<Row>) {
    match lines {
        0 => {}
        1 => out.push(Row::Gap("... 1 line".to_owned())),
        n => out.push(Row::Gap(format!("... {n} lines"))),
    }
}

fn pieces(mark: Mark, index: Option<usize>, text: &str, columns: usize) -> Vec<Piece> {
    let text = text.trim_end_matches(['\n', '\r']);
    let indent = text.len() - text.trim_start_matches(' ').len();
    let lines = if width(text) <= columns {
        vec![shown(text).into_owned()]
    } else {
        // What goes on on the next row begins below its own beginning.
        let hang = (indent + 2).min(columns / 3);
        let mut lines = wrap(text.trim_start(), columns.saturating_sub(hang).max(2));
        for (n, line) in lines.iter_mut().enumerate() {
            line.insert_str(0, &" ".repeat(if n == 0 { indent.min(hang) } else { hang }));
        }
        lines
    };
    lines
        .into_iter()
        .enumerate()
        .map(|(n, text)| Piece { mark, number: index.map(|i| if n == 0 { i + 1 } else { 0 }), text })
        .collect()
}

fn side(compared: &TextDiff<'_, '_, str>, op: &DiffOp, columns: usize, out: &mut Vec<Row>) {
    let half = (columns / 2).saturating_sub(8);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for change in compared.iter_changes(op) {
        match change.tag() {
            ChangeTag::Equal => {
                // Kept in step: both sides wrap alike.
                let both = pieces(Mark::Same, change.new_index(), change.value(), half);
                for (n, piece) in both.into_iter().enumerate() {
                    let number = change.old_index().map(|i| if n == 0 { i + 1 } else { 0 });
                    left.push(Piece { number, ..piece.clone() });
                    right.push(piece);
                }
            }
            ChangeTag::Delete => {
                left.extend(pieces(Mark::Removed, change.old_index(), change.value(), half));
            }
            ChangeTag::Insert => {
                right.extend(pieces(Mark::Added, change.new_index(), change.value(), half));
            }
        }
    }
    let len = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    out.extend((0..len).map(|_| Row::Two(left.next(), right.next())));
}

/// The rows of a diff by path: `~ /maxAttempts  3 -> 2`. What does not fit on one row takes several.
#[must_use]
pub fn paths(changes: &[Change], columns: usize) -> Vec<Row> {
    if changes.is_empty() {
        return vec![Row::Gap("no difference".to_owned())];
    }
    let name =
        |change: &Change| if change.path.is_empty() { "(all)".to_owned() } else { change.path.clone() };
    let widest = changes.iter().map(|c| width(&name(c))).max().unwrap_or_default();
    let column = widest.min(PATHS).min(columns / 2);
    let mut out = Vec::new();
    for change in changes {
        let mark = match change.op {
            Op::Add => Mark::Added,
            Op::Remove => Mark::Removed,
            Op::Replace | Op::Reorder => Mark::Changed,
        };
        let word = |json: &Option<Json>| json.as_ref().map(Json::to_text).unwrap_or_default();
        let (old, new) = (word(&change.before), word(&change.after));
        let said = match change.op {
            Op::Add => new.clone(),
            Op::Remove => old.clone(),
            Op::Replace => format!("{old} -> {new}"),
            Op::Reorder => format!("order {old} -> {new}"),
        };
        let name = name(change);
        let room = columns.saturating_sub(2);
        let head = if width(&name) <= column { pad(&name, column) } else { name.clone() };
        if width(&head) + 2 + width(&said) <= room {
            out.push(Row::One(Piece { mark, number: None, text: format!("{head}  {said}") }));
            continue;
        }
        out.push(Row::One(Piece { mark, number: None, text: fit(&name, room) }));
        let parts = [(Mark::Removed, &change.before), (Mark::Added, &change.after)];
        for (mark, value) in parts.into_iter().filter_map(|(m, v)| v.as_ref().map(|v| (m, v))) {
            for line in pretty(value).lines() {
                let pieces = pieces(mark, None, line, room.saturating_sub(2));
                out.extend(
                    pieces.into_iter().map(|p| Row::One(Piece { text: format!("  {}", p.text), ..p })),
                );
            }
        }
    }
    out
}

/// Draws the rows from `top` on into all of `canvas`.
pub fn view(canvas: &mut Canvas<'_>, rows: &[Row], top: usize) {
    let (columns, height) = (canvas.width(), canvas.height());
    for (y, row) in (0..height).zip(rows.iter().skip(top)) {
        match row {
            Row::One(one) => piece(canvas, 0, y, columns, one),
            Row::Gap(said) => {
                canvas.put_fit(2, y, columns.saturating_sub(2), said, Token::Dim);
            }
            Row::Two(left, right) => {
                let half = columns / 2;
                if let Some(left) = left {
                    let mut part = canvas.sub(Rect::new(0, y, half.saturating_sub(1), 1));
                    piece(&mut part, 0, 0, half.saturating_sub(1), left);
                }
                canvas.put(half.saturating_sub(1), y, "|", Token::Rule);
                if let Some(right) = right {
                    let mut part = canvas.sub(Rect::new(half, y, columns - half, 1));
                    piece(&mut part, 0, 0, columns - half, right);
                }
            }
        }
    }
}

fn piece(canvas: &mut Canvas<'_>, x: u16, y: u16, columns: u16, piece: &Piece) {
    let x = canvas.put(x, y, &format!("{} ", piece.mark.sign()), piece.mark.token());
    let x = match piece.number {
        Some(0) => x + 6,
        Some(number) => canvas.put(x, y, &format!("{number:>4}  "), Token::Dim),
        None => x,
    };
    canvas.put_fit(x, y, columns.saturating_sub(x), &piece.text, piece.mark.token());
}

/// The part of an entity's row that people decide on: a configuration's document; the row without what
/// names the entity and what rises by itself.
#[must_use]
pub fn body(kind: &str, row: &Json) -> Json {
    if let Some(document) = row.get("document").filter(|_| kind == "config") {
        return document.clone();
    }
    let noise = ["id", "project", "environment", "flag", "version", "flagVersion", "salt"];
    let members = row.as_object().unwrap_or_default().iter();
    Json::Object(members.filter(|(name, _)| !noise.contains(&name.as_str())).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;

    fn json(text: &str) -> Json {
        shared::json::parse(text).unwrap()
    }

    fn drawn(rows: &[Row], width: u16, height: u16) -> Vec<String> {
        let theme = Theme::standard(Depth::Mono);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = *buffer.area();
        view(&mut Canvas::new(&mut buffer, &theme, area), rows, 0);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned()).collect()
    }

    const OLD: &str = r#"{"enabled":true,"maxAttempts":3,"backoff":{"base":1,"factor":2.0,"jitter":true,"cap":30},"retryOn":["timeout","5xx"]}"#;
    const NEW: &str = r#"{"enabled":true,"maxAttempts":2,"backoff":{"base":1,"factor":2.0,"jitter":true,"cap":30},"retryOn":["timeout","502"]}"#;

    #[test]
    fn a_text_shows_hunks_with_numbers_and_says_what_it_leaves_out() {
        let rows = rows(Style::Text, Some(&json(OLD)), Some(&json(NEW)), 60);
        let seen = drawn(&rows, 60, 12);
        assert_eq!(
            seen,
            [
                "     1  {",
                "     2    \"enabled\": true,",
                "-    3    \"maxAttempts\": 3,",
                "+    3    \"maxAttempts\": 2,",
                "     4    \"backoff\": {",
                "     5      \"base\": 1,",
                "     6      \"factor\": 2.0,",
                "     7      \"jitter\": true,",
                "     8      \"cap\": 30",
                "     9    },",
                "-   10    \"retryOn\": [\"timeout\", \"5xx\"]",
                "+   10    \"retryOn\": [\"timeout\", \"502\"]",
            ]
        );
    }

    #[test]
    fn paths_stand_on_a_row_each_with_before_and_after() {
        let rows = rows(Style::Paths, Some(&json(OLD)), Some(&json(NEW)), 60);
        assert_eq!(
            drawn(&rows, 60, 3),
            ["~ /maxAttempts  3 -> 2", "- /retryOn/1    \"5xx\"", "+ /retryOn/1    \"502\""]
        );
    }

    #[test]
    fn side_by_side_keeps_both_in_step() {
        let rows =
            rows(Style::Side, Some(&json(r#"{"a":1,"b":2}"#)), Some(&json(r#"{"a":1,"b":3,"c":4}"#)), 60);
        assert_eq!(
            drawn(&rows, 60, 5),
            [
                "     1  {                    |     1  {",
                "     2    \"a\": 1,            |     2    \"a\": 1,",
                "-    3    \"b\": 2             |+    3    \"b\": 3,",
                "                             |+    4    \"c\": 4",
                "     4  }                    |     5  }",
            ]
        );
    }

    #[test]
    fn a_long_value_goes_on_below_and_a_new_document_is_all_added() {
        let long = format!(r#"{{"note":"{}"}}"#, "word ".repeat(20));
        let seen = drawn(&rows(Style::Paths, Some(&json("{}")), Some(&json(&long)), 40), 40, 5);
        assert_eq!(seen[0], "+ /note");
        assert!(seen[1].starts_with("+   \"word word"), "{seen:?}");
        assert!(seen[2].starts_with("+     word"), "{seen:?}");
        let made = rows(Style::Paths, None, Some(&json(r#"{"a":1}"#)), 40);
        assert_eq!(drawn(&made, 40, 2), ["+    1  {", "+    2    \"a\": 1"]);
    }

    #[test]
    fn text_that_would_act_on_the_terminal_is_escaped() {
        let evil = json(r#"{"a":"\u001b[2J\u202e"}"#);
        for style in [Style::Paths, Style::Text, Style::Side] {
            let seen = drawn(&rows(style, Some(&json(r#"{"a":1}"#)), Some(&evil), 60), 60, 6).join("\n");
            assert!(!seen.contains(['\u{1b}', '\u{202e}']), "{seen}");
        }
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_it_may_be(old in "[ -~é漢]{0,60}", new in "[ -~é漢]{0,60}", columns in 24usize..70) {
            let document = |text: &str| Json::Object(vec![("value".to_owned(), Json::from(text))]);
            for style in [Style::Paths, Style::Text, Style::Side] {
                for row in rows(style, Some(&document(&old)), Some(&document(&new)), columns) {
                    match row {
                        Row::One(p) => {
                            let lead = if p.number.is_some() { 8 } else { 2 };
                            prop_assert!(width(&p.text) + lead <= columns.max(lead + 8), "{:?}", p);
                        }
                        Row::Two(a, b) => {
                            for p in [a, b].into_iter().flatten() {
                                prop_assert!(width(&p.text) <= (columns / 2).saturating_sub(8).max(10), "{:?}", p);
                            }
                        }
                        Row::Gap(_) => {}
                    }
                }
            }
        }
    }
}
