//! What keys and actions do.

use super::{Editor, Pane, Stage, Verdict};
use crate::key::{Code as Key, Press};
use crate::screens::{Do, Tone};
use crate::widgets::code::Took;
use crate::widgets::code_view::gutter;
use crate::widgets::field::Field;
use crate::widgets::places::nth_line;
use crate::world::World;
use shared::json::pretty;

impl Editor {
    pub(super) fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        if id == "editor.close" || id == "global.escape" {
            return self.escape(world);
        }
        if let Stage::Large(_) = self.stage {
            return match id {
                "editor.external" => self.external(),
                "editor.review" => self.review(world),
                "editor.discard" => self.discard(world),
                _ => Vec::new(),
            };
        }
        if !self.ready() {
            return Vec::new();
        }
        match id {
            "editor.review" => return self.review(world),
            "editor.diff" => {
                self.pane = if matches!(self.pane, Pane::Diff(_)) { Pane::None } else { Pane::Diff(0) };
            }
            "editor.complete" => return self.complete(world),
            "editor.fix" => {
                if let Some(fix) = self.faults().iter().find_map(|fault| fault.fix.clone()) {
                    self.code.replace(fix.range, &fix.with);
                    self.changed(world);
                }
            }
            "editor.external" => {
                let mut wanted = self.draft(world);
                wanted.extend(self.external());
                return wanted;
            }
            "editor.undo" if self.code.undo() => {
                self.changed(world);
            }
            "editor.redo" if self.code.redo() => {
                self.changed(world);
            }
            "editor.find" => self.pane = Pane::Find(Field::new(self.found.clone())),
            "editor.format" => {
                if let Ok(value) = &self.value {
                    let text = pretty(value);
                    if text != self.code.text() {
                        self.code.set(&text);
                        self.changed(world);
                    }
                }
            }
            "editor.discard" => return self.discard(world),
            _ => {}
        }
        Vec::new()
    }

    /// One step out: what lies over the text, the mode of vim, then the screen. The draft is kept.
    fn escape(&mut self, world: &World) -> Vec<Do> {
        if !matches!(self.pane, Pane::None) {
            self.pane = Pane::None;
            return Vec::new();
        }
        if self.vim.as_mut().is_some_and(super::Vim::escape) {
            let at = self.code.before();
            if self.code.place().1 > 0 {
                self.code.go(at);
            }
            return Vec::new();
        }
        self.leave(world)
    }

    /// Leaves with what was typed as a draft.
    pub(super) fn leave(&mut self, world: &World) -> Vec<Do> {
        let mut wanted = self.draft(world);
        wanted.push(Do::Back);
        wanted
    }

    /// Asks for the review of the change; with a fault, goes to it instead.
    pub(super) fn review(&mut self, world: &World) -> Vec<Do> {
        self.pane = Pane::None;
        if let Some(fault) = self.faults().first() {
            let (at, said) = (fault.range.start, fault.detail.clone());
            self.code.go(at);
            return vec![Do::Toast(Tone::Warn, format!("not yet: {said}"))];
        }
        let Ok(value) = self.value.clone() else { return Vec::new() };
        if value == self.base {
            let said = if self.modified() {
                "no value change: only the layout differs, nothing is saved"
            } else {
                "no value change: nothing to save"
            };
            return vec![Do::Toast(Tone::Info, said.to_owned())];
        }
        let mut wanted = self.draft(world);
        wanted.push(Do::Wish(Box::new(self.wish(value))));
        wanted
    }

    pub(super) fn press(&mut self, world: &World, press: Press) -> Vec<Do> {
        if !self.ready() {
            return Vec::new();
        }
        match &mut self.pane {
            Pane::Find(_) => {
                self.find_key(press);
                return Vec::new();
            }
            Pane::Choose(items, list) => {
                let id = match press.code {
                    Key::Up => "move.up",
                    Key::Down | Key::Tab => "move.down",
                    Key::Enter => {
                        let item = items.get(list.at).cloned();
                        self.pane = Pane::None;
                        if let Some(item) = item {
                            self.put(world, &item);
                        }
                        return Vec::new();
                    }
                    _ => {
                        self.pane = Pane::None;
                        return self.press(world, press);
                    }
                };
                let len = items.len();
                list.act(id, len, super::complete::ROWS);
                return Vec::new();
            }
            Pane::Diff(top) => {
                let page = usize::from(world.size.1 / 2);
                *top = match press.code {
                    Key::Up | Key::Char('k') => top.saturating_sub(1),
                    Key::Down | Key::Char('j') => *top + 1,
                    Key::PageUp => top.saturating_sub(page),
                    Key::PageDown => *top + page,
                    _ => *top,
                };
                return Vec::new();
            }
            Pane::None => {}
        }
        if self.vim.is_some()
            && let Some(wanted) = self.vim_key(world, press)
        {
            return wanted;
        }
        self.plain_key(world, press);
        Vec::new()
    }

    /// A key that types or moves.
    pub(super) fn plain_key(&mut self, world: &World, press: Press) {
        let page = self.rows(world).saturating_sub(1).max(1);
        match self.code.key(press, page) {
            Took::Changed => self.changed(world),
            Took::Moved | Took::Nothing => {}
        }
    }

    fn find_key(&mut self, press: Press) {
        let Pane::Find(field) = &mut self.pane else { return };
        let from = match press.code {
            Key::Enter | Key::Down => self.code.after(),
            _ if field.key(press) => self.code.at(),
            _ => return,
        };
        self.found = field.text().to_owned();
        if let Some(range) = self.code.find(&self.found, from) {
            self.code.go(range.start);
        }
    }

    /// A click puts the cursor; the wheel moves it.
    pub(super) fn mouse(&mut self, world: &World, column: u16, row: u16, wheel: i16) {
        if !self.ready() {
            return;
        }
        if wheel != 0 {
            self.code.vertical(i64::from(wheel) * 3);
            return;
        }
        let top = self.top_row();
        let Some(row) = usize::from(row).checked_sub(top).filter(|row| *row < self.rows(world)) else {
            return;
        };
        let under = self.under();
        let (mut line, mut used) = (self.window.top, 0);
        while used < row {
            used += 1 + under.iter().filter(|u| u.line == line).count();
            line += usize::from(used <= row);
        }
        let lines = self.code.text().matches('\n').count() + 1;
        let wanted = usize::from(column.saturating_sub(gutter(lines))) + self.window.left;
        self.code.go(nth_line(self.code.text(), line.min(lines - 1)));
        while self.code.place().1 < wanted {
            let before = (self.code.at(), self.code.place().0);
            self.code.go(self.code.after());
            if self.code.at() == before.0 || self.code.place().0 != before.1 {
                self.code.go(before.0);
                break;
            }
        }
    }

    /// What the daemon says, in a few words.
    pub(super) fn verdict_words(&self) -> String {
        match &self.verdict {
            Verdict::Idle if self.value.is_ok() && self.modified() => "no value change".to_owned(),
            Verdict::Idle => String::new(),
            Verdict::Due | Verdict::Asked(_) => "asking the daemon ..".to_owned(),
            Verdict::Fine(warnings) => match warnings.first() {
                Some(warning) => format!("the daemon warns: {warning}"),
                None => "the daemon would take it".to_owned(),
            },
            Verdict::Wrong(faults) => format!("the daemon refuses it: {}", faults.len()),
            Verdict::Unknown(why) => why.clone(),
        }
    }
}
