//! Draws the editor: title, text, what is known of the place, what is wrong.

use super::{Editor, Pane, Stage};
use crate::canvas::Canvas;
use crate::edit::hints::{Hint, elsewhere};
use crate::route::Document;
use crate::text;
use crate::theme::Token;
use crate::widgets::code_view::{Under, View, gutter};
use crate::widgets::places::{line_of, line_start};
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::{Change, Op, diff};
use std::collections::BTreeMap;

/// From how many columns on the hints stand beside the text.
const BESIDE: u16 = 96;
/// How many columns they have there.
const ASIDE: u16 = 34;

impl Editor {
    /// The first row of the text in the body.
    pub(super) fn top_row(&self) -> usize {
        1 + usize::from(self.news.is_some()) + usize::from(self.note.is_some())
    }

    /// How many rows below the text are taken.
    fn below(&self) -> usize {
        match &self.pane {
            Pane::Choose(items, _) => 3 + items.len().min(super::complete::ROWS),
            _ => 2,
        }
    }

    /// How many rows the text has.
    pub(super) fn rows(&self, world: &World) -> usize {
        usize::from(world.body().1).saturating_sub(self.top_row() + self.below()).max(1)
    }

    /// What is said under lines: one fault for each line.
    pub(super) fn under(&self) -> Vec<Under> {
        let mut under: BTreeMap<usize, Under> = BTreeMap::new();
        for fault in self.faults() {
            let line = line_of(self.code.text(), fault.range.start);
            under.entry(line).or_insert_with(|| Under {
                line,
                range: fault.range.clone(),
                said: fault.detail.clone(),
            });
        }
        under.into_values().collect()
    }

    /// Keeps the cursor in sight.
    pub(super) fn settle(&mut self, world: &World) {
        let mut window = self.window;
        self.settled(&mut window, self.rows(world), world.size.0);
        self.window = window;
    }

    fn settled(&self, window: &mut crate::widgets::code_view::Window, rows: usize, width: u16) {
        let lines = self.code.text().matches('\n').count() + 1;
        let aside = if width >= BESIDE { ASIDE + 2 } else { 0 };
        let columns = usize::from(width.saturating_sub(gutter(lines) + aside + 1));
        window.settle(self.code.place(), lines, rows, columns, &self.under());
    }

    pub(super) fn draw(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.title(world, canvas);
        let (width, height) = (canvas.width(), canvas.height());
        match &self.stage {
            Stage::Loading => {
                canvas.put(3, 2, "reading the document ..", Token::Dim);
                return;
            }
            Stage::Failed(why) => {
                canvas.put_fit(3, 2, width.saturating_sub(4), why, Token::Error);
                canvas.put(3, 3, "esc leaves; it is tried again when the connection is back", Token::Dim);
                return;
            }
            Stage::Large(why) => {
                self.large(canvas, why);
                return;
            }
            Stage::Ready => {}
        }
        let mut y = 1;
        for (said, token) in self.notices(world) {
            canvas.put_fit(1, y, width.saturating_sub(2), &said, token);
            y += 1;
        }
        if let Pane::Diff(top) = &self.pane {
            self.differences(canvas, y, *top);
            return;
        }
        let hint = self.hint();
        let below = u16::try_from(self.below()).unwrap_or(2);
        let rows = height.saturating_sub(y + below);
        let aside = if width >= BESIDE { ASIDE } else { 0 };
        let mut window = self.window;
        self.settled(&mut window, usize::from(rows), width);
        let under = self.under();
        let lit = match (&self.pane, self.code.find(&self.found, self.code.at())) {
            (Pane::Find(_), Some(range)) => vec![(range, Token::Match)],
            _ => Vec::new(),
        };
        let view = View {
            text: self.code.text(),
            tokens: &self.tokens,
            window,
            under: &under,
            marks: &BTreeMap::new(),
            lit: &lit,
            cursor: Some(self.code.at()),
        };
        let room = if aside > 0 { width - aside - 2 } else { width };
        view.draw(&mut canvas.sub(Rect::new(0, y, room, rows)));
        if aside > 0 {
            for row in y..y + rows {
                canvas.put(width - aside - 1, row, "|", Token::Rule);
            }
            let mut part = canvas.sub(Rect::new(width - aside + 1, y, aside - 1, rows));
            self.beside(world, &mut part, &hint);
        }
        if let Pane::Choose(..) = &self.pane {
            self.choices(canvas, y + rows);
        }
        self.place_row(world, canvas, height.saturating_sub(2), &hint, aside > 0);
        self.last_row(canvas, height.saturating_sub(1));
    }

    fn title(&self, world: &World, canvas: &mut Canvas<'_>) {
        let mut right = Vec::new();
        if self.ready() {
            let count = self.faults().len();
            if count > 0 {
                right.push((format!("{count} error{}", if count == 1 { "" } else { "s" }), Token::Error));
            }
            if self.modified() {
                right.push(("modified".to_owned(), Token::Pending));
            }
        }
        let wide = canvas.width() >= BESIDE;
        if let Some((said, token)) = self.draft_words(world) {
            right.push((said, token));
        }
        if let Some(vim) = &self.vim {
            right.push((vim.badge(), Token::Strong));
        }
        let mut x = canvas.width().saturating_sub(1);
        let mut placed = Vec::new();
        for (said, token) in right.into_iter().rev() {
            let columns = u16::try_from(text::width(&said)).unwrap_or(u16::MAX);
            x = x.saturating_sub(columns);
            placed.push((x, said, token));
            x = x.saturating_sub(2);
        }
        let base = match (self.base_revision, wide) {
            (0, _) => String::new(),
            (revision, true) => format!("   base rev {revision}"),
            (revision, false) => format!("  base {revision}"),
        };
        let room = x.saturating_sub(1);
        let name = format!("Edit {}", self.document.title());
        let with_base = text::width(&name) + text::width(&base) <= usize::from(room);
        let end = canvas.put_fit(1, 0, room, &name, Token::Title);
        if with_base {
            canvas.put(end, 0, &base, Token::Dim);
        }
        for (x, said, token) in placed {
            canvas.put(x, 0, &said, token);
        }
    }

    /// Whether what was typed is on disk.
    fn draft_words(&self, world: &World) -> Option<(String, Token)> {
        if let Some(why) = world.unsaved.get(&self.document).filter(|why| !why.is_empty()) {
            return Some((format!("draft NOT on disk: {}", text::fit(why, 28)), Token::Error));
        }
        let draft = world.drafts.get(&self.document)?;
        if self.undrafted || world.unsaved.contains_key(&self.document) {
            return Some(("saving draft".to_owned(), Token::Dim));
        }
        let at = draft.saved_at;
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        Some((format!("draft saved {hour:02}:{minute:02}:{second:02}"), Token::Dim))
    }

    /// What has to be known before typing on.
    fn notices(&self, world: &World) -> Vec<(String, Token)> {
        let mut notices = Vec::new();
        if let Some(news) = &self.news {
            let age = text::age(news.at, world.now);
            let (who, revision) = (&news.actor, news.revision);
            let said = format!("! {who} changed this {age} ago (rev {revision}): review will merge");
            notices.push((said, Token::Warn));
        }
        if let Some(note) = &self.note {
            notices.push((note.clone(), Token::Info));
        }
        notices
    }

    fn large(&self, canvas: &mut Canvas<'_>, why: &str) {
        let width = canvas.width().saturating_sub(4);
        canvas.put_fit(3, 2, width, &format!("too large to be edited here: {why}"), Token::Warn);
        canvas.put_fit(
            3,
            3,
            width,
            "ctrl-g opens it in $EDITOR, ctrl-x reviews what came back",
            Token::Plain,
        );
        let said = match &self.value {
            Err(fault) => format!("line {}: {}", self.line(fault.range.start) + 1, fault.detail),
            Ok(value) if *value == self.base => "no value change".to_owned(),
            Ok(_) => "changed, and readable".to_owned(),
        };
        canvas.put_fit(3, 5, width, &said, Token::Dim);
    }

    fn line(&self, at: usize) -> usize {
        line_of(self.code.text(), at)
    }

    /// The path of the cursor, and where that is.
    fn place_row(&self, world: &World, canvas: &mut Canvas<'_>, y: u16, hint: &Hint, beside: bool) {
        let path = if hint.pointer.is_root() { "/" } else { hint.pointer.as_str() };
        let (line, _) = self.code.place();
        let start = line_start(self.code.text(), self.code.at());
        let column = self.code.text().get(start..self.code.at()).map_or(0, |head| head.chars().count());
        if beside {
            let lines = self.code.text().matches('\n').count() + 1;
            let size = text::count(self.code.text().len() as u64);
            let right = format!("Ln {}, Col {}   {lines} lines, {size} bytes ", line + 1, column + 1);
            let end = canvas.put_right(y, &right, Token::Dim);
            let x = canvas.put(1, y, "path  ", Token::Dim);
            canvas.put_fit(x, y, end.saturating_sub(x + 2), path, Token::Strong);
            return;
        }
        let mut said = path.to_owned();
        if !hint.kind.is_empty() {
            said.push_str(&format!(" : {}", hint.kind));
        }
        let others = self.others(world, hint);
        if !others.is_empty() {
            let others: Vec<String> =
                others.iter().map(|(name, value)| format!("{name} {}", text::fit(value, 14))).collect();
            said.push_str(&format!(" -- {}", others.join(", ")));
        } else if !hint.about.is_empty() {
            said.push_str(&format!(" -- {}", hint.about));
        }
        canvas.rule(y, &said, "");
        let right = format!(" {}:{} ", line + 1, column + 1);
        let wide = u16::try_from(right.len()).unwrap_or(8);
        canvas.put(canvas.width().saturating_sub(wide), y, &right, Token::Dim);
    }

    /// The value at the cursor's path in the other environments.
    fn others(&self, world: &World, hint: &Hint) -> Vec<(String, String)> {
        let Document::Config { flag, environment } = &self.document else { return Vec::new() };
        world
            .cache
            .environments
            .iter()
            .filter(|other| other.key != *environment)
            .filter_map(|other| {
                let row = world.cache.configs.get(&(flag.clone(), other.key.clone()))?;
                let value = elsewhere(row.get("config")?, &hint.pointer);
                Some((other.key.clone(), value))
            })
            .collect()
    }

    /// The first fault and its correction; what the daemon says; what is looked for.
    fn last_row(&self, canvas: &mut Canvas<'_>, y: u16) {
        let width = canvas.width();
        if let Pane::Find(field) = &self.pane {
            let x = canvas.put(1, y, "find  ", Token::Key);
            let missing = !field.text().is_empty() && self.code.find(field.text(), 0).is_none();
            let said = if missing { "not found" } else { "enter: next   esc: close" };
            let end =
                canvas.put_right(y, &format!("{said} "), if missing { Token::Warn } else { Token::Dim });
            field.view(canvas, x, y, end.saturating_sub(x + 1), true);
            return;
        }
        let Some(fault) = self.faults().first() else {
            let said = self.verdict_words();
            let warns = said.contains("warns") || said.contains("not connected");
            canvas.put_fit(1, y, width - 2, &said, if warns { Token::Warn } else { Token::Dim });
            return;
        };
        let right = match (&fault.fix, self.faults().len()) {
            (Some(fix), _) => format!("ctrl-t: {} ", text::fit(&fix.title, 24)),
            (None, 1) => String::new(),
            (None, more) => format!("{} more ", more - 1),
        };
        let end = if right.is_empty() { width } else { canvas.put_right(y, &right, Token::Key) };
        let said = format!("! line {}: {}", self.line(fault.range.start) + 1, fault.detail);
        canvas.put_fit(1, y, end.saturating_sub(2), &said, Token::Error);
    }

    /// What is known of the place, beside the text.
    fn beside(&self, world: &World, canvas: &mut Canvas<'_>, hint: &Hint) {
        let (width, height) = (canvas.width(), canvas.height());
        let mut y = 0;
        let mut line = |canvas: &mut Canvas<'_>, x: u16, said: &str, token: Token| {
            if y < height {
                canvas.put_fit(x, y, width.saturating_sub(x), said, token);
            }
            y += 1;
        };
        let name = hint.pointer.tokens().next_back().map_or("/".to_owned(), std::borrow::Cow::into_owned);
        line(canvas, 0, &format!("{name}  {}", hint.kind), Token::Strong);
        if let Some(default) = &hint.default {
            line(canvas, 2, &format!("default {}", default.to_text()), Token::Plain);
        }
        for part in text::wrap(&hint.about, usize::from(width.saturating_sub(2))).iter().take(3) {
            if !part.is_empty() {
                line(canvas, 2, part, Token::Plain);
            }
        }
        for choice in hint.choices.iter().take(5) {
            line(canvas, 2, &format!("{}  {}", choice.value.to_text(), choice.means), Token::Dim);
        }
        if hint.choices.len() > 5 {
            line(canvas, 2, &format!("and {} more: ctrl-n", hint.choices.len() - 5), Token::Dim);
        }
        if !hint.allowed.is_empty() {
            line(canvas, 0, "", Token::Plain);
            line(canvas, 0, "ALLOWED HERE", Token::Heading);
        }
        let longest = hint.allowed.iter().map(|a| text::width(&a.key)).max().unwrap_or_default().min(22);
        for allowed in hint.allowed.iter().take(12) {
            let state = match (allowed.set, allowed.required) {
                (true, _) => "set",
                (false, true) => "MISSING",
                (false, false) => "",
            };
            let state = if state.is_empty() && longest > 20 { &allowed.kind } else { state };
            let kind = text::pad(&allowed.kind, 31_usize.saturating_sub(longest + 9));
            let said = format!("{} {kind} {}", text::pad(&allowed.key, longest), text::fit(state, 8));
            let token = match (allowed.set, allowed.required) {
                (true, _) => Token::Plain,
                (false, true) => Token::Warn,
                (false, false) => Token::Dim,
            };
            line(canvas, 2, &said, token);
        }
        if hint.allowed.iter().any(|allowed| !allowed.set) {
            line(canvas, 2, "ctrl-n inserts one", Token::Dim);
        }
        let others = self.others(world, hint);
        if !others.is_empty() {
            line(canvas, 0, "", Token::Plain);
            line(canvas, 0, "OTHER ENVIRONMENTS (this path)", Token::Heading);
        }
        let longest = others.iter().map(|(name, _)| text::width(name)).max().unwrap_or_default().min(14);
        for (name, value) in others {
            line(canvas, 2, &format!("{}  {value}", text::pad(&name, longest)), Token::Plain);
        }
    }

    /// What can be put at the cursor.
    fn choices(&self, canvas: &mut Canvas<'_>, y: u16) {
        let Pane::Choose(items, list) = &self.pane else { return };
        canvas.rule(y, "insert", "up, down: choose   enter: insert   esc: close");
        let mut list = list.clone();
        list.settle(items.len(), super::complete::ROWS);
        let window = list.window(items.len(), super::complete::ROWS);
        let longest = items.iter().map(|item| text::width(&item.label)).max().unwrap_or_default().min(32);
        for (row, (n, item)) in items.iter().enumerate().take(window.end).skip(window.start).enumerate() {
            let y = y + 1 + u16::try_from(row).unwrap_or(0);
            let chosen = n == list.at;
            canvas.put(1, y, if chosen { ">" } else { " " }, Token::Key);
            let label = text::pad(&item.label, longest);
            let x = canvas.put(3, y, &label, if chosen { Token::Selected } else { Token::Plain });
            canvas.put_fit(x + 2, y, canvas.width().saturating_sub(x + 3), &item.about, Token::Dim);
        }
    }

    /// What differs from the document that the edit began from.
    fn differences(&self, canvas: &mut Canvas<'_>, y: u16, top: usize) {
        let (width, height) = (canvas.width(), canvas.height());
        let changes = match &self.value {
            Ok(value) => diff(&self.base, value),
            Err(fault) => {
                canvas.rule(y, "diff", "");
                let said =
                    format!("not readable yet: line {}: {}", self.line(fault.range.start) + 1, fault.detail);
                canvas.put_fit(3, y + 1, width.saturating_sub(4), &said, Token::Error);
                return;
            }
        };
        let paths = if changes.len() == 1 { "path" } else { "paths" };
        let label = format!("{} changed {paths} since rev {}", changes.len(), self.base_revision);
        canvas.rule(y, &label, "esc or ctrl-o: back to the text");
        if changes.is_empty() {
            let said = if self.modified() { "no value change: only the layout differs" } else { "no change" };
            canvas.put(3, y + 1, said, Token::Dim);
            return;
        }
        let rows = usize::from(height.saturating_sub(y + 1));
        let top = top.min(changes.len().saturating_sub(rows));
        for (row, change) in changes.iter().skip(top).take(rows).enumerate() {
            let y = y + 1 + u16::try_from(row).unwrap_or(0);
            let (mark, token) = match change.op {
                Op::Add => ("+", Token::DiffAdd),
                Op::Remove => ("-", Token::DiffDel),
                Op::Replace | Op::Reorder => ("~", Token::DiffChange),
            };
            canvas.put(2, y, mark, token);
            canvas.put_fit(4, y, width.saturating_sub(5), &words(change), token);
        }
    }
}

/// A change in one line.
fn words(change: &Change) -> String {
    let path = if change.path.is_empty() { "/" } else { &change.path };
    let side = |value: &Option<shared::json::Json>| {
        value.as_ref().map_or("(absent)".to_owned(), shared::json::Json::to_text)
    };
    let order = if change.op == Op::Reorder { "order " } else { "" };
    format!("{path}  {order}{} -> {}", text::fit(&side(&change.before), 60), side(&change.after))
}
