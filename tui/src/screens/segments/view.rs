//! Draws the segments: the title with the filter, the list, what the selected one holds.

use super::{Segments, Typing};
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use crate::widgets::matrix::short_name;
use crate::widgets::membership::Membership;
use crate::widgets::segment_text;
use crate::world::World;

impl Segments {
    pub(super) fn view_title(&self, canvas: &mut Canvas<'_>) {
        let mut right = format!("{} of {} ", self.shown.len(), self.live.len() + self.archived.len());
        if self.loading {
            right = format!(".. {right}");
        }
        let end = canvas.put_right(0, &right, Token::Dim);
        let x = canvas.put(1, 0, "Segments", Token::Title) + 1;
        let x = canvas.put(x, 0, &format!("in {}", self.environment), Token::Plain) + 2;
        if self.typing == Typing::Filter || !self.filter.text().is_empty() {
            let x = canvas.put(x, 0, "/ ", Token::Key);
            self.filter.view(canvas, x, 0, end.saturating_sub(x + 1), self.typing == Typing::Filter);
        } else if let Some(fault) = &self.fault {
            canvas.put_fit(x, 0, end.saturating_sub(x + 1), fault, Token::Error);
        }
    }

    pub(super) fn view_list(&self, world: &World, canvas: &mut Canvas<'_>, rows: usize) {
        let width = canvas.width();
        let key = width.saturating_sub(3 + 10 + 9 + 9 + 16).clamp(14, 60);
        let [kind, size, used, changed] = [3 + key, 13 + key, 22 + key, 31 + key];
        for (x, name) in [(3, "KEY"), (kind, "KIND"), (used, "USED BY"), (changed, "CHANGED")] {
            canvas.put(x, 1, name, Token::Heading);
        }
        canvas.put(size, 1, "   SIZE", Token::Heading);
        let mut list = self.list.clone();
        list.settle(self.shown.len(), rows);
        let window = list.window(self.shown.len(), rows);
        for (n, line) in self.shown.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            let at = n == list.at;
            canvas.put(1, y, if at { ">" } else { " " }, Token::Strong);
            let token = match (at, line.archived) {
                (true, _) => Token::Selected,
                (_, true) => Token::Dim,
                _ => Token::Plain,
            };
            canvas.put_fit(3, y, key - 1, &line.key, token);
            if at && self.typing == Typing::No {
                canvas.cursor(3, y);
            }
            let pending = world.is_pending(&line.key, &self.environment);
            let state = if pending { format!("{}..", line.kind()) } else { line.kind().to_owned() };
            canvas.put_fit(kind, y, 9, &state, if pending { Token::Pending } else { Token::Dim });
            let counted = if line.included > 0 { text::count(line.included) } else { "-".to_owned() };
            canvas.put(size, y, &text::pad_left(&counted, 7), Token::Plain);
            let flags = segment_text::users(world, &self.environment, &line.key).len();
            let said = match flags {
                0 => "-".to_owned(),
                1 => "1 flag".to_owned(),
                n => format!("{n} flags"),
            };
            canvas.put_fit(used, y, 8, &said, Token::Plain);
            if let Some(at) = line.changed {
                let said = format!("{:<4} {}", text::age(at, world.now), short_name(&line.by));
                canvas.put_fit(changed, y, width.saturating_sub(changed + 1), &said, Token::Dim);
            }
        }
        if self.shown.is_empty() {
            let said = match (self.loading, &self.fault, self.live.is_empty()) {
                (true, ..) => "reading the segments ..",
                (_, Some(_), _) => "could not be read: ctrl-r tries again",
                (_, None, true) => "no segments in this environment yet: A adds one",
                _ => "nothing matches; esc clears the filter",
            };
            canvas.put(3, 3, said, Token::Dim);
        }
    }

    pub(super) fn view_details(&self, world: &World, canvas: &mut Canvas<'_>, top: u16, whole: bool) {
        let (width, height) = (canvas.width(), canvas.height());
        let Some(line) = self.selected() else { return };
        canvas.rule(top, &line.key, if whole { "enter closes" } else { "enter whole" });
        let last = height.saturating_sub(1);
        let mut y = top + 1;
        match self.row(world) {
            Some(row) => {
                let lines = segment_text::lines(world, &self.environment, row, whole, usize::from(width));
                let room = usize::from(last.saturating_sub(y));
                let from = if whole { self.top.min(lines.len().saturating_sub(room)) } else { 0 };
                for (label, said, token) in lines.iter().skip(from).take(room) {
                    canvas.put(3, y, label, Token::Dim);
                    let x = if label.is_empty() && y == top + 1 && from == 0 { 3 } else { 12 };
                    canvas.put_fit(x, y, width.saturating_sub(x + 1), said, *token);
                    y += 1;
                }
            }
            None => {
                canvas.put(3, y, "reading ..", Token::Dim);
            }
        }
        self.view_check(canvas, last);
    }

    fn view_check(&self, canvas: &mut Canvas<'_>, y: u16) {
        let width = canvas.width();
        let typing = self.typing == Typing::Check;
        if !typing && self.answer.is_none() {
            canvas.put(3, y, "Is X in it?  c asks", Token::Dim);
            return;
        }
        let x = canvas.put(3, y, "Is X in it?", if typing { Token::Strong } else { Token::Dim }) + 1;
        let x = canvas.put(x, y, "> ", Token::Key);
        let room = (width.saturating_sub(x) / 2).min(40);
        self.check.view(canvas, x, y, room, typing);
        let (said, token) = match &self.answer {
            None => ("a key, kind:key or {..}; enter asks".to_owned(), Token::Dim),
            Some(Membership::Decided(true, why)) => (format!("yes: {why}"), Token::On),
            Some(Membership::Decided(false, why)) => (format!("no: {why}"), Token::Strong),
            Some(Membership::Missing(keys)) => (format!("reading {} ..", keys.join(", ")), Token::Dim),
            Some(Membership::Fault(detail)) => (detail.clone(), Token::Error),
        };
        let used = u16::try_from(text::width(self.check.text()) + 2).unwrap_or(room).min(room);
        let from = x + used + 1;
        canvas.put_fit(from, y, width.saturating_sub(from + 1), &said, token);
    }
}
