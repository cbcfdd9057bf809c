//! Draws the comparison: the list, the paths of the selected one, the diff with both sides.

use super::Compare;
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use crate::widgets::drift::{Kind, Pair, PathChange, Standing};
use crate::widgets::list::List;
use crate::widgets::matrix::short_name;
use crate::world::World;

impl Compare {
    pub(super) fn draw(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.title(world, canvas);
        let height = canvas.height();
        if let (Some(list), Some(pair)) = (&self.diff, self.pair()) {
            self.whole(world, canvas, pair, list);
            return;
        }
        let rows = self.rows(height);
        self.table(world, canvas, rows);
        self.paths(world, canvas, height.saturating_sub(self.pane(height)));
    }

    fn title(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (differ, all) = self.counts(world);
        let mut right = format!("{} of {} differ ", text::count(differ as u64), text::count(all as u64));
        if self.loading {
            right = format!(".. {right}");
        }
        if !world.ignored.is_empty() {
            let paths: Vec<&str> = world.ignored.iter().map(String::as_str).collect();
            let paths = text::fit(&paths.join(", "), usize::from(canvas.width() / 4));
            right = format!("ignored: {paths}   {right}");
        }
        let end = canvas.put_right(0, &right, Token::Dim);
        let x = canvas.put(1, 0, "Compare", Token::Title) + 2;
        let room = end.saturating_sub(x + 1);
        let x = canvas.put_fit(x, 0, room, &format!("{} -> {}", self.left, self.right), Token::Strong) + 2;
        if self.typing || !self.filter.text().is_empty() {
            let x = canvas.put(x, 0, "/ ", Token::Key);
            self.filter.view(canvas, x, 0, end.saturating_sub(x + 1), self.typing);
        }
    }

    fn table(&self, world: &World, canvas: &mut Canvas<'_>, rows: usize) {
        let width = canvas.width();
        // The columns left, right and age are as wide as they have to be; the rest is shared by the first two.
        let side = (width / 7).clamp(9, 24);
        let last = if width >= 76 { 14 } else { 6 };
        let rest = width.saturating_sub(3 + 2 * side + last);
        let key = rest * 11 / 20;
        let what = 3 + key;
        let left = 3 + rest;
        let (right, age) = (left + side, left + 2 * side);
        canvas.put(3, 1, "KEY", Token::Heading);
        canvas.put_fit(what, 1, rest - key - 1, "WHAT DIFFERS", Token::Heading);
        canvas.put_fit(left, 1, side - 1, &self.left, Token::Heading);
        canvas.put_fit(right, 1, side - 1, &self.right.to_uppercase(), Token::Strong);
        canvas.put_fit(age, 1, last, if width >= 76 { "AGE   BY" } else { "AGE" }, Token::Heading);
        let mut list = self.list.clone();
        list.settle(self.shown.len(), rows);
        let window = list.window(self.shown.len(), rows);
        for (n, pair) in self.shown.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            let at = n == list.at;
            canvas.put(1, y, if at { ">" } else { " " }, Token::Strong);
            if self.marked.contains(&pair.key) && pair.kind == Kind::Flag {
                canvas.put(2, y, "*", Token::Mark);
            }
            let name = match pair.kind {
                Kind::Flag => pair.key.clone(),
                Kind::Segment => format!("{} (segment)", pair.key),
            };
            canvas.put_fit(3, y, key - 1, &name, if at { Token::Selected } else { Token::Plain });
            if at && !self.typing {
                canvas.cursor(3, y);
            }
            let [said, ours, theirs] = pair.words(world, &world.ignored, (&self.left, &self.right));
            let token = match pair.standing {
                Standing::Same => Token::Dim,
                Standing::Differs => Token::DiffChange,
                Standing::OnlyLeft => Token::DiffDel,
                Standing::OnlyRight => Token::DiffAdd,
            };
            canvas.put_fit(what, y, rest - key - 1, &said, token);
            canvas.put_fit(left, y, side - 1, &ours, Token::Plain);
            let pending = world.is_pending(&pair.key, &self.right);
            let theirs = if pending { format!("{theirs}..") } else { theirs };
            canvas.put_fit(right, y, side - 1, &theirs, if pending { Token::Pending } else { Token::Plain });
            if let Some((at, by)) = pair.changed(world, &self.left, &self.right) {
                let age_said = text::pad(&text::age(at, world.now), 5);
                let said = if width >= 76 { format!("{age_said} {}", short_name(&by)) } else { age_said };
                canvas.put_fit(age, y, last.saturating_sub(1), &said, Token::Dim);
            }
        }
        if self.shown.is_empty() {
            let said = match (self.loading, &self.fault, self.filter.text().is_empty()) {
                (true, ..) => "comparing ..".to_owned(),
                (_, Some(fault), _) => fault.clone(),
                (_, None, false) => "nothing matches; esc clears the filter".to_owned(),
                _ => format!("{} and {} are the same; o shows everything", self.left, self.right),
            };
            canvas.put_fit(3, 3, width.saturating_sub(4), &said, Token::Dim);
        }
    }

    fn paths(&self, world: &World, canvas: &mut Canvas<'_>, top: u16) {
        let (width, height) = (canvas.width(), canvas.height());
        let Some(pair) = self.pair() else {
            canvas.rule(top, "", "");
            return;
        };
        let marks = match self.marked.len() {
            0 => "enter diff".to_owned(),
            n => format!("marked {n}: p promotes them as ONE change set"),
        };
        canvas.rule(top, &pair.key, &marks);
        let room = usize::from(height.saturating_sub(top + 1));
        let counted: Vec<&PathChange> = pair.counted(&world.ignored).collect();
        let missing = match pair.standing {
            Standing::OnlyLeft => Some(format!("{} has no configuration of it", self.right)),
            Standing::OnlyRight => Some(format!("{} has no configuration of it", self.left)),
            Standing::Same => Some("the same on both sides".to_owned()),
            Standing::Differs => None,
        };
        if let Some(said) = missing {
            canvas.put_fit(3, top + 1, width.saturating_sub(4), &said, Token::Dim);
            return;
        }
        let fits = if counted.len() > room { room.saturating_sub(1) } else { counted.len() };
        let mut y = top + 1;
        for change in counted.iter().take(fits) {
            let (mark, token) = change.mark();
            let x = canvas.put(3, y, &format!("{mark} "), token);
            let path = if change.path.is_empty() { "/" } else { &change.path };
            let x = canvas.put_fit(x, y, (width / 2).saturating_sub(x), path, token) + 2;
            let [ours, theirs] = pair.told(world, change);
            canvas.put_fit(x, y, width.saturating_sub(x + 1), &format!("{ours} -> {theirs}"), Token::Plain);
            y += 1;
        }
        if counted.len() > fits {
            canvas.put(3, y, &format!("and {} more: enter", counted.len() - fits), Token::Dim);
        }
    }

    /// The diff with both sides below each other, a path at a time.
    fn whole(&self, world: &World, canvas: &mut Canvas<'_>, pair: &Pair, list: &List) {
        let (width, height) = (canvas.width(), canvas.height());
        canvas.rule(1, &pair.key, "I ignores the path, esc closes");
        let counted: Vec<&PathChange> = pair.counted(&world.ignored).collect();
        let at = list.at.min(counted.len().saturating_sub(1));
        if counted.is_empty() {
            let [said, ..] = pair.words(world, &world.ignored, (&self.left, &self.right));
            canvas.put_fit(3, 3, width.saturating_sub(4), &said, Token::Dim);
            return;
        }
        let columns = usize::from(width.saturating_sub(16)).max(20);
        let label = text::width(&self.left).max(text::width(&self.right)).min(12);
        let mut lines: Vec<(bool, String, Token)> = Vec::new();
        let mut first = 0;
        for (n, change) in counted.iter().enumerate() {
            if n == at {
                first = lines.len();
            }
            let (mark, token) = change.mark();
            let path = if change.path.is_empty() { "/" } else { &change.path };
            lines.push((n == at, format!("{mark} {path}"), token));
            for (name, value) in [(&self.left, &change.left), (&self.right, &change.right)] {
                let value = value.as_ref().map_or_else(|| "(none)".to_owned(), shared::json::pretty);
                // A line that fits keeps its indentation.
                let broken = value.lines().flat_map(|line| {
                    if text::width(line) <= columns {
                        vec![line.to_owned()]
                    } else {
                        text::wrap(line, columns)
                    }
                });
                for (m, line) in broken.enumerate() {
                    let name = if m == 0 { text::pad(name, label) } else { " ".repeat(label) };
                    lines.push((false, format!("    {name}  {line}"), Token::Plain));
                }
            }
        }
        let room = usize::from(height.saturating_sub(2)).max(1);
        let from = first.min(lines.len().saturating_sub(room));
        for (y, (here, line, token)) in (2..).zip(lines.iter().skip(from).take(room)) {
            canvas.put(1, y, if *here { ">" } else { " " }, Token::Strong);
            canvas.put_fit(3, y, width.saturating_sub(4), line, *token);
            if *here {
                canvas.cursor(3, y);
            }
        }
    }
}
