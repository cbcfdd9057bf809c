//! Many lines of text that are edited: cursor, undo in groups, cut and paste, find.

use super::places::{beyond, boundary, line_end, line_of, line_start, nth_line, plain};
use crate::key::{Code as Key, Press};
use crate::text;
use std::ops::Range;
use tui_textarea::{CursorMove, TextArea};

/// How many single edits can be undone.
const HISTORY: usize = 10_000;

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Nothing: the key is not for text.
    Nothing,
    /// The cursor moved.
    Moved,
    /// The text changed.
    Changed,
}

/// Edits of one sort are undone together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Typing,
    Deleting,
}

/// A text of lines, and a cursor in it.
///
/// The text area keeps lines and history. It moves by code points and undoes by single edits; here
/// the cursor stays between characters as a reader sees them, and a run of typing is one undo.
#[derive(Debug)]
pub struct Code {
    area: TextArea<'static>,
    /// The lines joined; always what the area holds.
    text: String,
    /// The cursor, in bytes of `text`.
    at: usize,
    /// Single edits in each group that can be undone, with the cursor before and after.
    done: Vec<(usize, usize, usize)>,
    undone: Vec<(usize, usize, usize)>,
    run: Option<Run>,
    cut: String,
    /// The column that moving up and down keeps to.
    goal: Option<usize>,
}

impl Code {
    /// A text with the cursor at its beginning.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = plain(text);
        let mut area: TextArea<'static> = text.split('\n').map(str::to_owned).collect();
        area.set_max_histories(HISTORY);
        Self {
            area,
            text,
            at: 0,
            done: Vec::new(),
            undone: Vec::new(),
            run: None,
            cut: String::new(),
            goal: None,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, in bytes.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The line of the cursor, and the columns before it, as they are shown.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        let from = line_start(&self.text, self.at);
        (line_of(&self.text, self.at), text::width(self.text.get(from..self.at).unwrap_or_default()))
    }

    /// Puts the cursor at a byte, or before the character that the byte is in.
    pub fn go(&mut self, at: usize) {
        self.at = boundary(&self.text, at);
        self.run = None;
        self.goal = None;
    }

    /// Replaces a part of the text, as one undo; the cursor ends behind what was put there.
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        self.run = None;
        self.edit(range, with, None);
        self.run = None;
    }

    /// Replaces the whole text, as one undo; the cursor keeps to its line.
    pub fn set(&mut self, text: &str) {
        let line = line_of(&self.text, self.at);
        let text = plain(text);
        if text != self.text {
            self.replace(0..self.text.len(), &text);
            self.go(nth_line(&self.text, line));
        }
    }

    /// Takes what was pasted, as one undo. Answers whether anything changed.
    pub fn paste(&mut self, pasted: &str) -> bool {
        let pasted = plain(pasted);
        let changed = !pasted.is_empty();
        if changed {
            self.replace(self.at..self.at, &pasted);
        }
        changed
    }

    /// The same text area with another text at `range`; the area counts characters, not bytes.
    fn edit(&mut self, range: Range<usize>, with: &str, run: Option<Run>) {
        let range = boundary(&self.text, range.start)..boundary(&self.text, range.end.max(range.start));
        let Some(old) = self.text.get(range.clone()) else { return };
        if old == with {
            self.at = range.end;
            return;
        }
        let before = self.at;
        let count = old.chars().count();
        self.jump(range.start);
        let mut edits = 0;
        if count > 0 {
            edits += usize::from(self.area.delete_str(count));
        }
        if !with.is_empty() {
            edits += usize::from(self.area.insert_str(with));
        }
        self.text.replace_range(range.clone(), with);
        self.at = beyond(&self.text, range.start + with.len());
        self.undone.clear();
        match self.done.last_mut() {
            Some((more, _, after)) if run.is_some() && run == self.run => {
                *more += edits;
                *after = self.at;
            }
            _ => self.done.push((edits, before, self.at)),
        }
        self.run = run;
        self.goal = None;
    }

    fn jump(&mut self, at: usize) {
        let from = line_start(&self.text, at);
        let column = self.text.get(from..at).unwrap_or_default().chars().count();
        let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(small(line_of(&self.text, at)), small(column)));
        for _ in usize::from(u16::MAX)..column {
            self.area.move_cursor(CursorMove::Forward);
        }
    }

    /// Takes the last group of edits back. Answers whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some((edits, before, after)) = self.done.pop() else { return false };
        for _ in 0..edits {
            self.area.undo();
        }
        self.undone.push((edits, before, after));
        self.read_back(before);
        true
    }

    /// Does the last group again that was taken back. Answers whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some((edits, before, after)) = self.undone.pop() else { return false };
        for _ in 0..edits {
            self.area.redo();
        }
        self.done.push((edits, before, after));
        self.read_back(after);
        true
    }

    fn read_back(&mut self, at: usize) {
        self.text = self.area.lines().join("\n");
        self.go(at);
    }

    /// Takes a key that edits or moves.
    pub fn key(&mut self, press: Press, page: usize) -> Took {
        match (press.code, press.ctrl, press.alt) {
            (Key::Char(c), false, false) => self.type_char(c, press.burst),
            (Key::Enter, false, _) => self.enter(press.burst),
            (Key::Tab, ..) => {
                let wide = 2 - self.place().1 % 2;
                self.edit(self.at..self.at, &" ".repeat(wide), Some(Run::Typing));
                Took::Changed
            }
            (Key::BackTab, ..) => self.unindent(),
            (Key::Backspace, false, false) => {
                let from = self.blanks_before().unwrap_or_else(|| self.before());
                self.delete(from..self.at)
            }
            (Key::Delete, ..) | (Key::Char('d'), true, _) => self.delete(self.at..self.after()),
            (Key::Char('w'), true, _) | (Key::Backspace, ..) => {
                let from = self.word_before();
                self.cut = self.text.get(from..self.at).unwrap_or_default().to_owned();
                self.delete(from..self.at)
            }
            (Key::Char('k'), true, _) => {
                let end = line_end(&self.text, self.at);
                let end = if end == self.at { self.after() } else { end };
                self.cut = self.text.get(self.at..end).unwrap_or_default().to_owned();
                self.delete(self.at..end)
            }
            (Key::Char('y'), true, _) => {
                let cut = self.cut.clone();
                if self.paste(&cut) { Took::Changed } else { Took::Moved }
            }
            (code, ctrl, alt) => self.travel(code, ctrl || alt, page),
        }
    }

    fn travel(&mut self, code: Key, far: bool, page: usize) -> Took {
        let to = match (code, far) {
            (Key::Left, true) => self.word_before(),
            (Key::Right, true) => self.word_after(),
            (Key::Left, _) => self.before(),
            (Key::Right, _) => self.after(),
            (Key::Home, true) => 0,
            (Key::End, true) => self.text.len(),
            (Key::Home, _) | (Key::Char('a'), true) => self.home(),
            (Key::End, _) | (Key::Char('e'), true) => line_end(&self.text, self.at),
            (Key::Up, _) => return self.vertical(-1),
            (Key::Down, _) => return self.vertical(1),
            (Key::PageUp, _) => return self.vertical(-i64::try_from(page).unwrap_or(1)),
            (Key::PageDown, _) => return self.vertical(i64::try_from(page).unwrap_or(1)),
            _ => return Took::Nothing,
        };
        self.go(to);
        Took::Moved
    }

    /// Moves by lines, and keeps to the column where that began.
    pub fn vertical(&mut self, by: i64) -> Took {
        let (line, column) = self.place();
        let goal = self.goal.unwrap_or(column);
        let last = line_of(&self.text, self.text.len());
        let step = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if by < 0 { line.saturating_sub(step) } else { line.saturating_add(step).min(last) };
        let start = nth_line(&self.text, to);
        let whole = self.text.get(start..line_end(&self.text, start)).unwrap_or_default();
        let (mut used, mut at) = (0, start);
        for part in text::graphemes(whole) {
            used += text::width(part);
            if used > goal {
                break;
            }
            at += part.len();
        }
        self.go(at);
        self.goal = Some(goal);
        Took::Moved
    }

    fn type_char(&mut self, c: char, burst: bool) -> Took {
        let start = line_start(&self.text, self.at);
        let before = self.text.get(start..self.at).unwrap_or_default();
        let blank = before.len() >= 2 && before.chars().all(|c| c == ' ');
        // A closing bracket on a line of its own stands under its opening one.
        if matches!(c, '}' | ']') && blank && !burst {
            self.edit(self.at - 2..self.at, &c.to_string(), Some(Run::Typing));
        } else if matches!(c, '\n' | '\r') {
            return self.enter(burst);
        } else {
            self.edit(self.at..self.at, &c.to_string(), Some(Run::Typing));
        }
        Took::Changed
    }

    fn enter(&mut self, burst: bool) -> Took {
        // In a burst the lines bring their own indentation.
        if burst {
            self.edit(self.at..self.at, "\n", Some(Run::Typing));
            return Took::Changed;
        }
        let start = line_start(&self.text, self.at);
        let before = self.text.get(start..self.at).unwrap_or_default();
        let indent: String = before.chars().take_while(|c| *c == ' ').collect();
        let opened = before.trim_end().ends_with(['{', '[']);
        let closes = self.text.get(self.at..).unwrap_or_default().starts_with(['}', ']']);
        let deeper = if opened { "  " } else { "" };
        let added = format!("\n{indent}{deeper}");
        let stay = self.at + added.len();
        if opened && closes {
            self.edit(self.at..self.at, &format!("{added}\n{indent}"), Some(Run::Typing));
            self.at = boundary(&self.text, stay);
        } else {
            self.edit(self.at..self.at, &added, Some(Run::Typing));
        }
        Took::Changed
    }

    fn unindent(&mut self) -> Took {
        let start = line_start(&self.text, self.at);
        let line = self.text.get(start..).unwrap_or_default();
        let blanks = line.bytes().take(2).take_while(|b| *b == b' ').count();
        if blanks == 0 {
            return Took::Moved;
        }
        let at = self.at;
        self.replace(start..start + blanks, "");
        self.go(at.saturating_sub(blanks).max(start));
        Took::Changed
    }

    fn delete(&mut self, range: Range<usize>) -> Took {
        if range.is_empty() {
            return Took::Moved;
        }
        self.edit(range, "", Some(Run::Deleting));
        Took::Changed
    }

    /// Where two blanks of indentation begin, when there is nothing else before the cursor.
    fn blanks_before(&self) -> Option<usize> {
        let start = line_start(&self.text, self.at);
        let before = self.text.get(start..self.at)?;
        let even = before.len() >= 2 && before.len().is_multiple_of(2);
        (even && before.chars().all(|c| c == ' ')).then(|| self.at - 2)
    }

    /// The first character of the line that is no blank, or the line's beginning from there.
    fn home(&self) -> usize {
        let start = line_start(&self.text, self.at);
        let line = self.text.get(start..line_end(&self.text, start)).unwrap_or_default();
        let first = start + (line.len() - line.trim_start_matches(' ').len());
        if self.at == first { start } else { first }
    }

    /// Where the character before the cursor begins.
    #[must_use]
    pub fn before(&self) -> usize {
        let head = self.text.get(..self.at).unwrap_or_default();
        if head.ends_with('\n') {
            return self.at - 1;
        }
        let line = self.text.get(line_start(&self.text, self.at)..self.at).unwrap_or_default();
        self.at - text::graphemes(line).next_back().map_or(0, str::len)
    }

    /// Where the character after the cursor ends.
    #[must_use]
    pub fn after(&self) -> usize {
        let tail = self.text.get(self.at..line_end(&self.text, self.at)).unwrap_or_default();
        match text::graphemes(tail).next() {
            Some(part) => self.at + part.len(),
            None => self.text.len().min(self.at + 1),
        }
    }

    /// Where the word before the cursor begins.
    #[must_use]
    pub fn word_before(&self) -> usize {
        let head = self.text.get(..self.at).unwrap_or_default();
        let rest = head.trim_end_matches(|c: char| !word(c));
        let start = rest.trim_end_matches(word).len();
        if rest.is_empty() { 0 } else { start }
    }

    /// Where the next word begins.
    #[must_use]
    pub fn word_after(&self) -> usize {
        let tail = self.text.get(self.at..).unwrap_or_default();
        let rest = tail.trim_start_matches(word).trim_start_matches(|c: char| !word(c));
        self.text.len() - rest.len()
    }

    /// The next place of `wanted` from the byte `from` on, and around the end; capitals do not count unless
    /// there is one in it.
    #[must_use]
    pub fn find(&self, wanted: &str, from: usize) -> Option<Range<usize>> {
        if wanted.is_empty() {
            return None;
        }
        let exact = wanted.chars().any(char::is_uppercase);
        let (text, wanted) = (self.text.as_bytes(), wanted.as_bytes());
        let here = |at: usize| {
            let part = text.get(at..at + wanted.len())?;
            let same = if exact { part == wanted } else { part.eq_ignore_ascii_case(wanted) };
            same.then(|| at..at + wanted.len())
        };
        (from..text.len()).chain(0..from.min(text.len())).find_map(here)
    }
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(code: Key, ctrl: bool) -> Press {
        Press { code, ctrl, alt: false, shift: false, burst: false }
    }

    fn typed(code: &mut Code, text: &str) {
        for c in text.chars() {
            let key = if c == '\n' { Press::new(Key::Enter) } else { Press::char(c) };
            code.key(key, 10);
        }
    }

    #[test]
    fn a_run_of_typing_is_undone_at_once_and_comes_back() {
        let mut code = Code::new("{}");
        code.go(1);
        typed(&mut code, "abc");
        code.key(press(Key::Backspace, false), 10);
        assert_eq!(code.text(), "{ab}");
        assert!(code.undo());
        assert_eq!((code.text(), code.at()), ("{abc}", 4));
        assert!(code.undo());
        assert_eq!((code.text(), code.at()), ("{}", 1));
        assert!(!code.undo());
        assert!(code.redo() && code.redo());
        assert_eq!(code.text(), "{ab}");
        assert!(!code.redo());
    }

    #[test]
    fn enter_between_brackets_opens_a_line_and_a_closing_bracket_moves_out() {
        let mut code = Code::new("{}");
        code.go(1);
        typed(&mut code, "\n\"a\": [\n1");
        assert_eq!(code.text(), "{\n  \"a\": [\n    1\n}");
        typed(&mut code, "\n]");
        assert_eq!(code.text(), "{\n  \"a\": [\n    1\n  ]\n}");
    }

    #[test]
    fn a_family_is_one_character_for_the_cursor_and_for_deleting() {
        let mut code = Code::new("a👩‍👩‍👧e\u{301}b");
        code.key(press(Key::End, false), 10);
        code.key(press(Key::Left, false), 10);
        code.key(press(Key::Backspace, false), 10);
        assert_eq!(code.text(), "a👩‍👩‍👧b");
        code.key(press(Key::Backspace, false), 10);
        assert_eq!(code.text(), "ab");
        code.undo();
        assert_eq!(code.text(), "a👩‍👩‍👧e\u{301}b");
    }

    #[test]
    fn moving_over_a_short_line_keeps_the_column() {
        let mut code = Code::new("abcdef\nx\nabcdef");
        code.go(5);
        code.key(press(Key::Down, false), 10);
        assert_eq!(code.place(), (1, 1));
        code.key(press(Key::Down, false), 10);
        assert_eq!(code.place(), (2, 5));
    }

    #[test]
    fn what_is_cut_to_the_end_of_a_line_can_be_pasted() {
        let mut code = Code::new("one two\nthree");
        code.go(3);
        code.key(press(Key::Char('k'), true), 10);
        assert_eq!(code.text(), "one\nthree");
        code.key(press(Key::Char('y'), true), 10);
        assert_eq!(code.text(), "one two\nthree");
        code.key(press(Key::Char('w'), true), 10);
        assert_eq!(code.text(), "one \nthree");
    }

    #[test]
    fn finding_goes_around_and_minds_capitals_only_when_asked() {
        let code = Code::new("Jitter jitter");
        assert_eq!(code.find("jitter", 1), Some(7..13));
        assert_eq!(code.find("jitter", 8), Some(0..6));
        assert_eq!(code.find("Jitter", 1), Some(0..6));
        assert_eq!(code.find("none", 0), None);
    }

    fn keys() -> impl Strategy<Value = (Press, Option<String>)> {
        let code = prop_oneof![
            any::<char>().prop_map(Key::Char),
            prop::sample::select(vec!['{', '}', '"', ' ', '\n', '\u{200d}', '\u{301}', '👩'])
                .prop_map(Key::Char),
            prop::sample::select(vec![
                Key::Enter,
                Key::Tab,
                Key::BackTab,
                Key::Backspace,
                Key::Delete,
                Key::Left,
                Key::Right,
                Key::Up,
                Key::Down,
                Key::Home,
                Key::End,
                Key::PageUp,
                Key::PageDown,
                Key::Char('u'),
                Key::Char('r'),
                Key::Char('k'),
                Key::Char('y'),
                Key::Char('w'),
            ]),
        ];
        let paste = prop::option::weighted(0.1, any::<String>());
        (code, any::<bool>(), any::<bool>(), paste).prop_map(|(code, ctrl, burst, paste)| {
            (Press { code, ctrl, alt: false, shift: false, burst }, paste)
        })
    }

    proptest! {
        #[test]
        fn any_keys_and_pastes_leave_one_text_and_a_cursor_between_characters(
            start in any::<String>(),
            keys in prop::collection::vec(keys(), 0..60)
        ) {
            let mut code = Code::new(&start);
            let first = code.text().to_owned();
            for (press, paste) in keys {
                match (press.code, press.ctrl, paste) {
                    (_, _, Some(paste)) => { code.paste(&paste); }
                    (Key::Char('u'), true, _) => { code.undo(); }
                    (Key::Char('r'), true, _) => { code.redo(); }
                    _ => { code.key(press, 5); }
                }
                prop_assert_eq!(&code.area.lines().join("\n"), code.text());
                prop_assert_eq!(boundary(code.text(), code.at()), code.at());
            }
            while code.redo() {}
            let last = code.text().to_owned();
            while code.undo() {}
            prop_assert_eq!(code.text(), first);
            while code.redo() {}
            prop_assert_eq!(code.text(), last);
        }
    }
}
