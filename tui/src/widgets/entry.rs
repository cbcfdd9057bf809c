//! The lines of a form: labels, fields, choices, shares, and what is wrong with them.

use super::field::Field;
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;

/// What is filled in.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Text that is typed.
    Field(&'a Field),
    /// One of several, changed by left and right.
    Choice(String),
    /// A share in percent, with its bar.
    Share(&'a str, f64),
    /// Only told.
    Text(String, Token),
}

/// One piece, in so many columns; 0 for the rest of the line.
#[derive(Debug)]
pub struct Cell<'a> {
    /// What stands there.
    pub piece: Piece<'a>,
    /// Its columns.
    pub columns: u16,
    /// Whether it is the one that keys go to.
    pub focus: bool,
}

/// One line of a form.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What it is.
    pub label: String,
    /// What is filled in.
    pub cells: Vec<Cell<'a>>,
    /// What is wrong with it; told on a line of its own below.
    pub fault: Option<String>,
}

impl<'a> Entry<'a> {
    /// A line with one piece.
    #[must_use]
    pub fn new(label: impl Into<String>, piece: Piece<'a>, focus: bool) -> Self {
        Self { label: label.into(), cells: vec![Cell { piece, columns: 0, focus }], fault: None }
    }

    /// A line that only tells something.
    #[must_use]
    pub fn told(label: impl Into<String>, said: impl Into<String>, token: Token) -> Self {
        Self::new(label, Piece::Text(said.into(), token), false)
    }

    /// The same with what is wrong.
    #[must_use]
    pub fn wrong(mut self, fault: Option<String>) -> Self {
        self.fault = fault;
        self
    }

    fn focus(&self) -> bool {
        self.cells.iter().any(|cell| cell.focus)
    }
}

/// Draws the lines of a form from row `top` on; that with the focus is always seen, and what is wrong with it.
pub fn view(canvas: &mut Canvas<'_>, top: u16, bottom: u16, entries: &[Entry<'_>], gutter: u16) {
    let height = usize::from(bottom.saturating_sub(top)).max(1);
    let rows_of = |entry: &Entry<'_>| 1 + usize::from(entry.fault.is_some());
    let total: usize = entries.iter().map(rows_of).sum();
    let mut before = 0;
    let mut end = 0;
    for entry in entries {
        if entry.focus() {
            end = before + rows_of(entry);
        }
        before += rows_of(entry);
    }
    let first = end.saturating_sub(height).min(total.saturating_sub(height));
    let mut at = 0;
    for entry in entries {
        for part in 0..rows_of(entry) {
            if at >= first && at < first + height {
                let y = top + u16::try_from(at - first).unwrap_or(0);
                if part == 0 {
                    line(canvas, y, entry, gutter);
                } else if let Some(fault) = &entry.fault {
                    let room = canvas.width().saturating_sub(gutter + 1);
                    canvas.put_fit(gutter, y, room, &format!("^ {fault}"), Token::Error);
                }
            }
            at += 1;
        }
    }
    let below = total.saturating_sub(first + height);
    if below > 0 {
        let said = format!(" {below} more ");
        let x = canvas.width().saturating_sub(u16::try_from(said.len()).unwrap_or(0) + 1);
        canvas.put(x, bottom.saturating_sub(1), &said, Token::Dim);
    }
}

fn line(canvas: &mut Canvas<'_>, y: u16, entry: &Entry<'_>, gutter: u16) {
    let width = canvas.width();
    if entry.focus() {
        canvas.put(1, y, ">", Token::Strong);
    }
    let token = if entry.focus() { Token::Strong } else { Token::Heading };
    canvas.put_fit(3, y, gutter.saturating_sub(4), &entry.label, token);
    let mut x = gutter;
    for cell in &entry.cells {
        let room = width.saturating_sub(x + 1);
        let columns = if cell.columns == 0 { room } else { cell.columns.min(room) };
        match &cell.piece {
            Piece::Field(field) => {
                canvas.put(x, y, "[", Token::Field);
                canvas.put(x + columns.saturating_sub(1), y, "]", Token::Field);
                field.view(canvas, x + 1, y, columns.saturating_sub(2), cell.focus);
            }
            Piece::Choice(word) => {
                let word = text::fit(word, usize::from(columns.saturating_sub(4)));
                if cell.focus {
                    let end = canvas.put(x, y, "< ", Token::Key);
                    let end = canvas.put(end, y, &word, Token::Selected);
                    canvas.put(end, y, " >", Token::Key);
                    canvas.cursor(x + 2, y);
                } else {
                    canvas.put(x + 2, y, &word, Token::Typed);
                }
            }
            Piece::Share(typed, percent) => {
                let end = canvas.put(x, y, &text::pad_left(typed, 7), Token::Typed);
                canvas.put(end, y, "%", Token::Plain);
                canvas.bar(end + 3, y, columns.saturating_sub(12).min(40), *percent);
                if cell.focus {
                    canvas.cursor(end, y);
                }
            }
            Piece::Text(said, token) => {
                canvas.put_fit(x, y, columns, said, *token);
            }
        }
        x = x.saturating_add(columns);
        if cell.columns != 0 {
            x += 1;
        }
    }
}
