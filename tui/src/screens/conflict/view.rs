//! Draws a conflict: the paths with their values, and the merged text.

use super::{Conflict, Stage};
use crate::canvas::Canvas;
use crate::edit::document::Opened;
use crate::edit::three::{From, Row, Three};
use crate::text;
use crate::theme::Token;
use crate::widgets::code_view::{View, Window};
use crate::widgets::places::line_of;
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::{Json, Pointer, locate, pretty, tokens};
use std::collections::BTreeMap;

/// From how many columns on the paths are a table.
const TABLE: u16 = 96;
/// How long a value may be to stand beside the other in the merged text.
const SHORT: usize = 30;

fn token(from: From) -> Token {
    match from {
        From::Ours => Token::DiffAdd,
        From::Theirs => Token::DiffChange,
        From::Both | From::Base => Token::Dim,
        From::Open => Token::Error,
    }
}

fn said(value: Option<&Json>) -> String {
    value.map_or("(absent)".to_owned(), Json::to_text)
}

impl Conflict {
    /// How many rows the paths have, all together.
    fn list_height(&self, height: u16) -> u16 {
        let most = height.saturating_sub(4) / 2;
        let rows = u16::try_from(self.rows().len()).unwrap_or(u16::MAX);
        let heading = 1;
        // The values of the selected path take three more, in a narrow window or when they are shown whole.
        rows.saturating_add(heading + 3).min(most).max(4)
    }

    pub(super) fn table_rows(&self, world: &World) -> usize {
        usize::from(self.list_height(world.body().1).saturating_sub(4)).max(1)
    }

    pub(super) fn merged_rows(&self, world: &World) -> usize {
        let height = world.body().1;
        usize::from(height.saturating_sub(self.list_height(height) + 4)).max(1)
    }

    pub(super) fn draw(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let (three, theirs) = match &self.stage {
            Stage::Ready(three, theirs) => (three, theirs),
            Stage::Loading => {
                canvas.put_fit(
                    1,
                    0,
                    width - 2,
                    &format!("Conflict: {}", self.document.title()),
                    Token::Title,
                );
                canvas.put(3, 2, "reading what the other one saved ..", Token::Dim);
                return;
            }
            Stage::Failed(why) => {
                canvas.put_fit(
                    1,
                    0,
                    width - 2,
                    &format!("Conflict: {}", self.document.title()),
                    Token::Title,
                );
                canvas.put_fit(3, 2, width.saturating_sub(4), why, Token::Error);
                canvas.put(3, 3, "your draft is kept; esc leaves", Token::Dim);
                return;
            }
        };
        self.heads(world, canvas, three, theirs);
        let list = self.list_height(height);
        let mut part = canvas.sub(Rect::new(0, 2, width, list));
        if width >= TABLE && !self.whole {
            self.table(&mut part, three, theirs);
        } else {
            self.stack(&mut part, three);
        }
        let y = 2 + list;
        let open = three.open();
        let right =
            if open == 0 { "all decided: ctrl-x saves".to_owned() } else { format!("{open} unresolved") };
        let label = if self.merged { "merged result (moving scrolls it)" } else { "merged result" };
        canvas.rule(y, label, &right);
        let mut part = canvas.sub(Rect::new(0, y + 1, width, height.saturating_sub(y + 2)));
        self.merged_text(&mut part, three);
        let kept = match world.unsaved.get(&self.document) {
            Some(why) if !why.is_empty() => (format!("your draft is NOT on disk: {why}"), Token::Error),
            _ => ("your draft is kept until this is saved; esc: later".to_owned(), Token::Dim),
        };
        canvas.put_fit(3, height.saturating_sub(1), width.saturating_sub(4), &kept.0, kept.1);
    }

    fn heads(&self, world: &World, canvas: &mut Canvas<'_>, three: &Three, theirs: &Opened) {
        let width = canvas.width();
        let age = theirs.at.map_or(String::new(), |at| format!(", {} ago", text::age(at, world.now)));
        let by =
            if theirs.by.is_empty() { String::new() } else { format!(" by {}", text::fit(&theirs.by, 20)) };
        let right = if width >= TABLE {
            format!("yours on {}   theirs {}{by}{age} ", self.base_revision, theirs.changed)
        } else {
            format!("theirs {}{by}{age} ", theirs.changed)
        };
        let end = canvas.put_right(0, &right, Token::Warn);
        let head = if width >= TABLE { "Someone else saved" } else { "Conflict" };
        let room = end.saturating_sub(2);
        canvas.put_fit(1, 0, room, &format!("{head}: {}", self.document.title()), Token::Title);
        let easy = three.easy();
        let hard = three.rows().len() - easy;
        let merged = if easy == 1 { "1 path merged".to_owned() } else { format!("{easy} paths merged") };
        let choice = match (hard, three.open()) {
            (0, _) => "nothing collides".to_owned(),
            (_, 0) => "all choices made".to_owned(),
            (_, 1) => "1 needs a choice".to_owned(),
            (_, open) => format!("{open} need a choice"),
        };
        let end = canvas.put_right(1, &format!("{merged}, {choice} "), Token::Plain);
        let line = world.cache.events.iter().rev().find(|line| line.revision == theirs.changed);
        if let Some(line) = line.filter(|line| !line.comment.is_empty()) {
            let said = format!("{}: '{}'", line.actor, line.comment);
            canvas.put_fit(3, 1, end.saturating_sub(5), &said, Token::Dim);
        }
    }

    /// A row for each path, with all three values.
    fn table(&self, canvas: &mut Canvas<'_>, three: &Three, theirs: &Opened) {
        let width = canvas.width();
        let side = (width - 12) / 6;
        let path = width.saturating_sub(4 * side + 16);
        let columns = [3, 4 + path, 5 + path + side, 6 + path + 2 * side, 7 + path + 3 * side];
        let heads = [
            "PATH".to_owned(),
            format!("BASE {}", self.base_revision),
            "YOURS".to_owned(),
            format!("THEIRS {}", theirs.changed),
            "RESULT".to_owned(),
        ];
        for (x, head) in columns.iter().zip(&heads) {
            canvas.put_fit(*x, 0, side, head, Token::Heading);
        }
        let rows = usize::from(canvas.height() - 1);
        let mut list = self.list.clone();
        list.settle(three.rows().len(), rows);
        let window = list.window(three.rows().len(), rows);
        for (n, row) in three.rows().iter().enumerate().take(window.end).skip(window.start) {
            let y = 1 + u16::try_from(n - window.start).unwrap_or(0);
            let chosen = n == list.at;
            if chosen {
                canvas.put(1, y, ">", Token::Key);
                canvas.cursor(3, y);
            }
            let shown = if row.path.is_empty() { "/" } else { &row.path };
            let look = if chosen { Token::Selected } else { Token::Plain };
            canvas.put_fit(3, y, path, shown, look);
            let values = [row.base.as_ref(), row.ours.as_ref(), row.theirs.as_ref()];
            for (x, value) in columns.iter().skip(1).zip(values) {
                let look = if value.is_none() { Token::Dim } else { Token::Plain };
                canvas.put_fit(*x, y, side, &said(value), look);
            }
            let [.., x] = columns;
            if row.from == From::Open {
                canvas.put_fit(x, y, width.saturating_sub(x), "? choose", Token::Error);
            } else {
                canvas.put_fit(x, y, side, &said(row.result()), Token::Strong);
                canvas.put_fit(
                    x + side + 1,
                    y,
                    width.saturating_sub(x + side + 1),
                    row.from.word(),
                    token(row.from),
                );
            }
        }
    }

    /// A line for each path, and the values of the selected one below it.
    fn stack(&self, canvas: &mut Canvas<'_>, three: &Three) {
        let (width, height) = (canvas.width(), canvas.height());
        let total = three.rows().len();
        let open = if self.whole { usize::from(height) } else { 3 };
        let rows = usize::from(height).saturating_sub(open.min(usize::from(height) - 1)).max(1);
        let mut list = self.list.clone();
        list.settle(total, rows);
        let window = list.window(total, rows);
        let mut y = 0;
        for (n, row) in three.rows().iter().enumerate().take(window.end).skip(window.start) {
            let chosen = n == list.at;
            let number = format!("{}/{total}", n + 1);
            canvas.put(1, y, if chosen { ">" } else { " " }, Token::Key);
            let x = canvas.put(3, y, &number, Token::Dim) + 2;
            if chosen {
                canvas.cursor(x, y);
            }
            let word = if row.from == From::Open { "UNRESOLVED" } else { row.from.word() };
            let end = width.saturating_sub(12);
            canvas.put_fit(end, y, 11, word, token(row.from));
            let shown = if row.path.is_empty() { "/" } else { &row.path };
            let look = if chosen { Token::Selected } else { Token::Plain };
            let x = canvas.put_fit(x, y, end.saturating_sub(x + 1), shown, look) + 2;
            if !(chosen && (row.collides || self.whole)) && row.from != From::Open {
                let change = format!("{} -> {}", said(row.base.as_ref()), said(row.result()));
                canvas.put_fit(x, y, end.saturating_sub(x + 1), &change, Token::Dim);
            }
            y += 1;
            if chosen && (row.collides || self.whole) {
                y = self.sides(canvas, y, row);
            }
        }
    }

    /// The three values of a path; whole ones over several lines.
    fn sides(&self, canvas: &mut Canvas<'_>, mut y: u16, row: &Row) -> u16 {
        let sides = [
            (" ", "base  ", &row.base, From::Base),
            ("o", "yours ", &row.ours, From::Ours),
            ("t", "theirs", &row.theirs, From::Theirs),
        ];
        for (key, word, value, side) in sides {
            let key = if key == " " && row.collides { "b" } else { key };
            if row.collides {
                canvas.put(6, y, key, Token::Key);
            }
            canvas.put(8, y, word, if row.from == side { Token::Strong } else { Token::Dim });
            let lines = match value {
                Some(value) if self.whole => pretty(value).lines().map(str::to_owned).collect(),
                value => vec![said(value.as_ref())],
            };
            for line in lines.iter().take(6) {
                canvas.put_fit(16, y, canvas.width().saturating_sub(17), line, Token::Plain);
                y += 1;
            }
        }
        y
    }

    /// The merged text with a sign before each line that a side changed.
    fn merged_text(&self, canvas: &mut Canvas<'_>, three: &Three) {
        let text = pretty(three.merged());
        let marks: BTreeMap<usize, (&'static str, Token)> =
            three.marks(&text).into_iter().map(|(line, from)| (line, (from.mark(), token(from)))).collect();
        let chosen = three.rows().get(self.list.at);
        let line = chosen
            .and_then(|row| Pointer::parse(&row.path).ok())
            .and_then(|pointer| locate(&text, &pointer))
            .map_or(0, |range| line_of(&text, range.start));
        let shown = beside(&text, three);
        let rows = usize::from(canvas.height()).max(1);
        let lines = shown.matches('\n').count() + 1;
        let top = self.top.unwrap_or_else(|| line.saturating_sub(rows / 2)).min(lines.saturating_sub(rows));
        let view = View {
            text: &shown,
            tokens: &tokens(&shown),
            window: Window { top, left: 0 },
            under: &[],
            marks: &marks,
            lit: &[],
            cursor: None,
        };
        view.draw(canvas);
    }
}

/// The text with both values where nothing is decided: `<5 yours | 2 theirs>`.
fn beside(text: &str, three: &Three) -> String {
    let mut open: Vec<(std::ops::Range<usize>, String)> = three
        .rows()
        .iter()
        .filter(|row| row.from == From::Open)
        .filter_map(|row| {
            let range = locate(text, &Pointer::parse(&row.path).ok()?)?;
            let here = text.get(range.clone())?;
            let (ours, theirs) = (said(row.ours.as_ref()), said(row.theirs.as_ref()));
            let fits = !here.contains('\n') && ours.len() <= SHORT && theirs.len() <= SHORT;
            fits.then(|| (range, format!("<{ours} yours | {theirs} theirs>")))
        })
        .collect();
    open.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    let mut from = out.len();
    for (range, with) in open {
        if range.end <= from {
            from = range.start;
            out.replace_range(range, &with);
        }
    }
    out
}
