//! The keys of vi, for those who have them in their fingers.

use super::{Editor, Vim};
use crate::key::{Code as Key, Press};
use crate::screens::{Do, Tone};
use crate::widgets::places::{line_end, line_start, nth_line};
use crate::world::World;

impl Editor {
    /// A key while vi's keys are on; none when it is an ordinary one.
    pub(super) fn vim_key(&mut self, world: &World, press: Press) -> Option<Vec<Do>> {
        let mode = self.vim.clone()?;
        match mode {
            Vim::Insert => return None,
            Vim::Line(line) => return Some(self.vim_line(world, line, press)),
            Vim::Normal | Vim::After(_) => {}
        }
        let Key::Char(c) = press.code else { return None };
        if press.ctrl || press.alt {
            return None;
        }
        self.vim = Some(Vim::Normal);
        match mode {
            Vim::After('g') if c == 'g' => self.code.go(0),
            Vim::After('d') if c == 'd' => {
                let (text, at) = (self.code.text(), self.code.at());
                let start = line_start(text, at);
                let end = (line_end(text, at) + 1).min(text.len());
                self.code.go(start);
                self.code.replace(start..end, "");
                self.changed(world);
            }
            Vim::After(_) => {}
            _ => self.vim_command(world, c),
        }
        Some(Vec::new())
    }

    fn vim_command(&mut self, world: &World, c: char) {
        let plain = |key: Key| Press::new(key);
        match c {
            'h' if self.code.place().1 > 0 => self.plain_key(world, plain(Key::Left)),
            'l' if self.code.at() < line_end(self.code.text(), self.code.at()) => {
                self.plain_key(world, plain(Key::Right));
            }
            'j' => self.plain_key(world, plain(Key::Down)),
            'k' => self.plain_key(world, plain(Key::Up)),
            'w' => self.code.go(self.code.word_after()),
            'b' => self.code.go(self.code.word_before()),
            '0' => self.code.go(line_start(self.code.text(), self.code.at())),
            '$' => self.code.go(line_end(self.code.text(), self.code.at())),
            'G' => self.code.go(nth_line(self.code.text(), usize::MAX)),
            'g' | 'd' => self.vim = Some(Vim::After(c)),
            'i' => self.vim = Some(Vim::Insert),
            'a' => {
                if self.code.at() < line_end(self.code.text(), self.code.at()) {
                    self.code.go(self.code.after());
                }
                self.vim = Some(Vim::Insert);
            }
            'o' => {
                self.code.go(line_end(self.code.text(), self.code.at()));
                self.plain_key(world, plain(Key::Enter));
                self.vim = Some(Vim::Insert);
            }
            'x' if self.code.at() < line_end(self.code.text(), self.code.at()) => {
                self.plain_key(world, plain(Key::Delete));
            }
            'u' if self.code.undo() => {
                self.changed(world);
            }
            ':' => self.vim = Some(Vim::Line(String::new())),
            _ => {}
        }
    }

    fn vim_line(&mut self, world: &World, mut line: String, press: Press) -> Vec<Do> {
        match press.code {
            Key::Enter => {
                self.vim = Some(Vim::Normal);
                return match line.as_str() {
                    "w" | "wq" | "x" => self.review(world),
                    "q" | "q!" => self.leave(world),
                    other => match other.parse::<usize>() {
                        Ok(n) => {
                            self.code.go(nth_line(self.code.text(), n.saturating_sub(1)));
                            Vec::new()
                        }
                        Err(_) => {
                            vec![Do::Toast(Tone::Info, ":w reviews, :q leaves, :12 goes there".to_owned())]
                        }
                    },
                };
            }
            Key::Backspace => {
                let empty = line.pop().is_none();
                self.vim = Some(if empty { Vim::Normal } else { Vim::Line(line) });
            }
            _ => {
                line.extend(press.typed());
                self.vim = Some(Vim::Line(line));
            }
        }
        Vec::new()
    }
}
