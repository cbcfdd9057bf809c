//! Draws lines of JSON with their numbers, their colours, and what is said under a line.

use super::places::line_of;
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use shared::json::{Token as Piece, TokenKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// Which part of a text is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first line.
    pub top: usize,
    /// The first column.
    pub left: usize,
}

/// Something said under a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// The line, from 0.
    pub line: usize,
    /// The part of the text that it is about, in bytes; may be empty.
    pub range: Range<usize>,
    /// What is said.
    pub said: String,
}

impl Window {
    /// Moves no further than it has to, so that the cursor's line, what is said under it, and the cursor's column
    /// are seen in `rows` and `columns`. `place` is the cursor's line and column, `lines` how many lines there are.
    pub fn settle(
        &mut self,
        place: (usize, usize),
        lines: usize,
        rows: usize,
        columns: usize,
        under: &[Under],
    ) {
        let (line, column) = place;
        let rows = rows.max(1);
        self.top = self.top.min(line);
        let extra = |top: usize| under.iter().filter(|u| (top..=line).contains(&u.line)).count();
        while self.top < line && line - self.top + 1 + extra(self.top) > rows {
            self.top += 1;
        }
        if lines <= rows && extra(0) + lines <= rows {
            self.top = 0;
        }
        let columns = columns.max(8);
        if column < self.left {
            self.left = column.saturating_sub(columns / 4);
        }
        if column >= self.left + columns {
            self.left = column + columns / 4 + 1 - columns;
        }
    }
}

/// What is drawn.
#[derive(Debug)]
pub struct View<'a> {
    /// The text.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Piece],
    /// Which part is seen.
    pub window: Window,
    /// What is said under lines, in their order.
    pub under: &'a [Under],
    /// Signs before lines.
    pub marks: &'a BTreeMap<usize, (&'static str, Token)>,
    /// Parts that look otherwise.
    pub lit: &'a [(Range<usize>, Token)],
    /// The cursor, in bytes; none for a text that is only shown.
    pub cursor: Option<usize>,
}

/// How many columns the numbers of so many lines take, with the sign before them.
#[must_use]
pub fn gutter(lines: usize) -> u16 {
    let digits = lines.max(1).ilog10() + 1;
    u16::try_from(digits.max(3)).unwrap_or(8) + 3
}

impl View<'_> {
    /// Draws as many lines as there is room for.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        let lines = self.text.matches('\n').count() + 1;
        let gutter = gutter(lines);
        let cursor_line = self.cursor.map(|at| line_of(self.text, at));
        let mut y = 0;
        let mut start = 0;
        for (n, line) in self.text.split('\n').enumerate() {
            let range = start..start + line.len();
            start = range.end + 1;
            if n < self.window.top {
                continue;
            }
            if y >= canvas.height() {
                break;
            }
            let token = if cursor_line == Some(n) { Token::Strong } else { Token::Dim };
            let number = text::pad_left(&(n + 1).to_string(), usize::from(gutter) - 3);
            canvas.put(2, y, &number, token);
            if let Some((sign, token)) = self.marks.get(&n) {
                canvas.put(0, y, sign, *token);
            }
            self.line(canvas, gutter, y, range.clone());
            if let (Some(at), true) = (self.cursor, cursor_line == Some(n)) {
                let column = text::width(self.text.get(range.start..at).unwrap_or_default());
                if let Some(x) = column.checked_sub(self.window.left) {
                    canvas.cursor(gutter.saturating_add(u16::try_from(x).unwrap_or(u16::MAX)), y);
                }
            }
            y += 1;
            for under in self.under.iter().filter(|under| under.line == n) {
                if y < canvas.height() {
                    self.say(canvas, gutter, y, range.start, under);
                    y += 1;
                }
            }
        }
    }

    /// Draws one line, from the window's first column on.
    fn line(&self, canvas: &mut Canvas<'_>, gutter: u16, y: u16, range: Range<usize>) {
        let room = usize::from(canvas.width().saturating_sub(gutter));
        let first = self.tokens.partition_point(|token| token.range.end <= range.start);
        let mut column = 0;
        for piece in self.tokens.get(first..).unwrap_or_default() {
            if piece.range.start >= range.end {
                break;
            }
            let part = piece.range.start.max(range.start)..piece.range.end.min(range.end);
            let look = look(piece.kind);
            let mut at = part.start;
            for grapheme in text::graphemes(self.text.get(part).unwrap_or_default()) {
                let here = at;
                at += grapheme.len();
                let wide = text::width(grapheme);
                let from = column;
                column += wide;
                if from < self.window.left {
                    continue;
                }
                if from - self.window.left >= room {
                    return;
                }
                let lit = self.lit.iter().find(|(range, _)| range.contains(&here)).map(|(_, token)| *token);
                let x = u16::try_from(from - self.window.left).unwrap_or(u16::MAX);
                let escaped = text::shown(grapheme) != grapheme;
                let look = lit.unwrap_or(if escaped { Token::JsonError } else { look });
                canvas.put(gutter.saturating_add(x), y, grapheme, look);
            }
        }
    }

    /// Draws what is said under a line: carets below the place, or before the words when there is no room.
    fn say(&self, canvas: &mut Canvas<'_>, gutter: u16, y: u16, start: usize, under: &Under) {
        canvas.put(0, y, "!", Token::Error);
        let range = under.range.clone();
        let head = self.text.get(start..range.start).unwrap_or_default();
        let part = self.text.get(range).unwrap_or_default();
        let part = part.split('\n').next().unwrap_or_default();
        let column = text::width(head).saturating_sub(self.window.left);
        let carets = "^".repeat(text::width(part).clamp(1, 40));
        let width = usize::from(canvas.width().saturating_sub(gutter));
        let said = text::width(&under.said);
        let x = if column + carets.len() + 1 + said <= width || column + carets.len() + 24 <= width {
            column
        } else {
            width.saturating_sub(said + carets.len() + 1).min(column)
        };
        let x = gutter.saturating_add(u16::try_from(x).unwrap_or(u16::MAX));
        let end = canvas.put(x, y, &carets, Token::Error);
        canvas.put_fit(end + 1, y, canvas.width().saturating_sub(end + 1), &under.said, Token::Error);
    }
}

fn look(kind: TokenKind) -> Token {
    match kind {
        TokenKind::Key => Token::JsonKey,
        TokenKind::String => Token::JsonString,
        TokenKind::Number => Token::JsonNumber,
        TokenKind::True | TokenKind::False | TokenKind::Null => Token::JsonLiteral,
        TokenKind::Invalid => Token::JsonError,
        _ => Token::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use shared::json::tokens;

    fn drawn(
        text: &str,
        window: Window,
        under: &[Under],
        cursor: usize,
    ) -> (Vec<String>, Option<(u16, u16)>) {
        let theme = Theme::builtin("default", Depth::Mono).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 6));
        let area = buffer.area;
        let mut canvas = Canvas::new(&mut buffer, &theme, area);
        let (tokens, marks) = (tokens(text), BTreeMap::new());
        let view =
            View { text, tokens: &tokens, window, under, marks: &marks, lit: &[], cursor: Some(cursor) };
        view.draw(&mut canvas);
        let finish = canvas.finish();
        let rows = (0..6)
            .map(|y| (0..40).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect();
        (rows, finish.cursor.map(|p| (p.x, p.y)))
    }

    #[test]
    fn a_fault_is_said_under_its_line_and_the_cursor_is_the_terminals() {
        let text = "{\n  \"a\": tru,\n  \"b\": 1\n}";
        let under = Under { line: 1, range: 9..12, said: "a value is expected".to_owned() };
        let (rows, cursor) = drawn(text, Window::default(), &[under], 20);
        assert_eq!(
            rows,
            [
                "    1 {",
                "    2   \"a\": tru,",
                "!            ^^^ a value is expected",
                "    3   \"b\": 1",
                "    4 }",
                ""
            ]
        );
        assert_eq!(cursor, Some((12, 3)));
    }

    #[test]
    fn what_hides_is_shown_escaped_and_wide_characters_keep_their_columns() {
        let text = "\"a\u{202e}漢b\"";
        let (rows, cursor) = drawn(text, Window::default(), &[], text.len());
        // The buffer holds an empty cell behind a wide character.
        assert_eq!(rows[0], "    1 \"a\\u{202e}漢 b\"");
        assert_eq!(cursor, Some((6 + 14, 0)));
    }

    #[test]
    fn the_window_follows_the_cursor_and_leaves_room_for_what_is_said() {
        let mut window = Window::default();
        let under = [Under { line: 9, range: 0..0, said: String::new() }];
        window.settle((9, 0), 20, 5, 20, &under);
        assert_eq!(window.top, 6);
        window.settle((7, 0), 20, 5, 20, &under);
        assert_eq!(window.top, 6, "nothing moves that need not");
        window.settle((3, 30), 20, 5, 20, &under);
        assert_eq!((window.top, window.left), (3, 16));
        window.settle((0, 0), 4, 5, 20, &[]);
        assert_eq!((window.top, window.left), (0, 0));
    }
}
