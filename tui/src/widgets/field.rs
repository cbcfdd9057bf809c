//! One line of text that is typed.

use crate::canvas::Canvas;
use crate::key::{Code, Press};
use crate::text;
use crate::theme::Token;

/// A line of text, with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// Where the cursor is, in bytes; always between two graphemes.
    at: usize,
    /// Whether a paste is refused.
    typed_only: bool,
    /// What was cut.
    cut: String,
}

impl Field {
    /// A field with a text, the cursor at its end.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at: text.len(), text, typed_only: false, cut: String::new() }
    }

    /// A field that has to be typed: pastes are refused.
    #[must_use]
    pub fn typed_only() -> Self {
        Self { typed_only: true, ..Self::default() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sets the text, with the cursor at its end.
    pub fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
        self.at = self.text.len();
    }

    /// Takes a key. Answers whether the key was for it.
    pub fn key(&mut self, press: Press) -> bool {
        match (press.code, press.ctrl, press.alt) {
            (Code::Char(c), false, false) => {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
            }
            (Code::Backspace, ..) => {
                let from = self.before();
                self.text.replace_range(from..self.at, "");
                self.at = from;
            }
            (Code::Delete, ..) | (Code::Char('d'), true, _) => {
                let to = self.after();
                self.text.replace_range(self.at..to, "");
            }
            (Code::Left, ..) | (Code::Char('b'), true, _) => self.at = self.before(),
            (Code::Right, ..) | (Code::Char('f'), true, _) => self.at = self.after(),
            (Code::Home, ..) | (Code::Char('a'), true, _) => self.at = 0,
            (Code::End, ..) | (Code::Char('e'), true, _) => self.at = self.text.len(),
            (Code::Char('u'), true, _) => {
                self.cut = self.text.drain(..self.at).collect();
                self.at = 0;
            }
            (Code::Char('k'), true, _) => self.cut = self.text.split_off(self.at),
            (Code::Char('y'), true, _) if !self.typed_only => {
                let cut = self.cut.clone();
                self.text.insert_str(self.at, &cut);
                self.at += cut.len();
            }
            (Code::Char('w'), true, _) => {
                let head = self.text.get(..self.at).unwrap_or_default();
                let word = head.trim_end().rfind(char::is_whitespace).map_or(0, |space| {
                    space + head.get(space..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8)
                });
                self.cut = self.text.drain(word..self.at).collect();
                self.at = word;
            }
            _ => return false,
        }
        true
    }

    /// Takes a paste: its first line. Answers whether it was taken.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.typed_only {
            return false;
        }
        let line: String = text
            .trim_end_matches(['\r', '\n'])
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.text.insert_str(self.at, &line);
        self.at += line.len();
        true
    }

    /// Draws the text in `width` columns from `x`, `y`; the end that the cursor is at stays in sight.
    pub fn view(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, focus: bool) {
        let room = usize::from(width.max(2)) - 1;
        let head = self.text.get(..self.at).unwrap_or_default();
        let mut from = 0;
        while text::width(head.get(from..).unwrap_or_default()) > room {
            let step = text::graphemes(head.get(from..).unwrap_or_default()).next().map_or(1, str::len);
            from += step;
        }
        let mut end = from;
        for part in text::graphemes(self.text.get(from..).unwrap_or_default()) {
            if text::width(self.text.get(from..end + part.len()).unwrap_or_default()) > room {
                break;
            }
            end += part.len();
        }
        canvas.put(x, y, self.text.get(from..end).unwrap_or_default(), Token::Typed);
        if focus {
            let column = text::width(head.get(from..).unwrap_or_default());
            canvas.cursor(x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)), y);
        }
    }

    fn before(&self) -> usize {
        let head = self.text.get(..self.at).unwrap_or_default();
        self.at - text::graphemes(head).next_back().map_or(0, str::len)
    }

    fn after(&self) -> usize {
        let tail = self.text.get(self.at..).unwrap_or_default();
        self.at + text::graphemes(tail).next().map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(code: Code, ctrl: bool) -> Press {
        Press { code, ctrl, alt: false, shift: false, burst: false }
    }

    #[test]
    fn a_family_is_deleted_as_one_person_would_expect() {
        let mut field = Field::new("a👩‍👩‍👧b");
        field.key(press(Code::Left, false));
        field.key(press(Code::Backspace, false));
        assert_eq!(field.text(), "ab");
    }

    #[test]
    fn a_field_that_must_be_typed_refuses_a_paste_and_the_cut_buffer() {
        let mut field = Field::typed_only();
        assert!(!field.paste("checkout"));
        for c in "abc".chars() {
            field.key(press(Code::Char(c), false));
        }
        field.key(press(Code::Char('u'), true));
        field.key(press(Code::Char('y'), true));
        assert_eq!(field.text(), "");
    }

    #[test]
    fn a_word_is_cut_back_to_the_space_before_it() {
        let mut field = Field::new("tag:checkout owner:pay");
        field.key(press(Code::Char('w'), true));
        assert_eq!(field.text(), "tag:checkout ");
    }

    proptest! {
        #[test]
        fn any_keys_leave_the_cursor_between_characters(
            start in "\\PC{0,12}",
            keys in prop::collection::vec((0usize..14, any::<char>()), 0..40)
        ) {
            let mut field = Field::new(start);
            for (kind, c) in keys {
                let (code, ctrl) = match kind {
                    0 => (Code::Backspace, false),
                    1 => (Code::Delete, false),
                    2 => (Code::Left, false),
                    3 => (Code::Right, false),
                    4 => (Code::Home, false),
                    5 => (Code::End, false),
                    6 => (Code::Char('u'), true),
                    7 => (Code::Char('k'), true),
                    8 => (Code::Char('y'), true),
                    9 => (Code::Char('w'), true),
                    _ => (Code::Char(c), false),
                };
                field.key(press(code, ctrl));
                prop_assert!(field.text.is_char_boundary(field.at));
            }
        }
    }
}
