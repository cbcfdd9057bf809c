//! Lines of text that scroll, some of which can be selected.

use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;

/// A line: a label, pieces of text, something at its right end, and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<T> {
    /// The heading of a block, in the column before the text.
    pub label: &'static str,
    /// One character before the label: `+`, `~`, `-`.
    pub mark: char,
    /// The text, piece by piece.
    pub pieces: Vec<(String, Token)>,
    /// What stands at the right end.
    pub right: Option<(String, Token)>,
    /// A bar after the text: percent.
    pub bar: Option<f64>,
    /// What it stands for; such a line can be selected.
    pub item: Option<T>,
}

impl<T> Line<T> {
    /// A line of text in one look.
    #[must_use]
    pub fn new(text: impl Into<String>, token: Token) -> Self {
        Self { label: "", mark: ' ', pieces: vec![(text.into(), token)], right: None, bar: None, item: None }
    }

    /// An empty line.
    #[must_use]
    pub fn gap() -> Self {
        Self::new("", Token::Plain)
    }

    /// The same with a label before it.
    #[must_use]
    pub fn labelled(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    /// The same with more text.
    #[must_use]
    pub fn then(mut self, text: impl Into<String>, token: Token) -> Self {
        self.pieces.push((text.into(), token));
        self
    }

    /// The same with something at its right end.
    #[must_use]
    pub fn ending(mut self, text: impl Into<String>, token: Token) -> Self {
        self.right = Some((text.into(), token));
        self
    }

    /// The same, standing for something.
    #[must_use]
    pub fn of(mut self, item: T) -> Self {
        self.item = Some(item);
        self
    }

    /// The same with a mark.
    #[must_use]
    pub fn marked(mut self, mark: char) -> Self {
        self.mark = mark;
        self
    }

    /// Its text without looks.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// Which line is selected, and which is the first that is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pane {
    /// The selected one among those that can be selected.
    pub at: usize,
    /// The first line that is seen.
    pub top: usize,
}

impl Pane {
    fn places<T>(lines: &[Line<T>]) -> Vec<usize> {
        lines.iter().enumerate().filter(|(_, line)| line.item.is_some()).map(|(n, _)| n).collect()
    }

    /// What is selected.
    #[must_use]
    pub fn item<'l, T>(&self, lines: &'l [Line<T>]) -> Option<&'l T> {
        let last = Self::places(lines).len().saturating_sub(1);
        lines.iter().filter_map(|line| line.item.as_ref()).nth(self.at.min(last))
    }

    /// Keeps the selection on a line that is there, and the window over lines.
    pub fn settle<T>(&mut self, lines: &[Line<T>], height: usize) {
        self.at = self.at.min(Self::places(lines).len().saturating_sub(1));
        self.top = self.top.min(lines.len().saturating_sub(height.max(1)));
    }

    fn show<T>(&mut self, lines: &[Line<T>], height: usize) {
        let Some(line) = Self::places(lines).get(self.at).copied() else { return };
        // The first block is seen whole: its heading stands above what can be selected.
        let line_above = if self.at == 0 { 0 } else { line };
        if line_above < self.top {
            self.top = line_above;
        }
        if line >= self.top + height {
            self.top = line + 1 - height;
        }
    }

    /// Does a movement. Answers whether `action` was one.
    pub fn act<T>(&mut self, action: &str, lines: &[Line<T>], height: usize) -> bool {
        let height = height.max(1);
        let last = Self::places(lines).len().saturating_sub(1);
        let bottom = lines.len().saturating_sub(height);
        let leap = match action {
            "move.down" if self.at < last => {
                self.at += 1;
                self.show(lines, height);
                return true;
            }
            "move.up" if self.at > 0 && !self.scrolled_past(lines, height) => {
                self.at -= 1;
                self.show(lines, height);
                return true;
            }
            "move.down" => 1,
            "move.up" => -1,
            "move.half-down" => isize::try_from(height / 2).unwrap_or(1).max(1),
            "move.half-up" => -isize::try_from(height / 2).unwrap_or(1).max(1),
            "move.page-down" => isize::try_from(height).unwrap_or(1),
            "move.page-up" => -isize::try_from(height).unwrap_or(1),
            "move.first" => {
                (self.at, self.top) = (0, 0);
                return true;
            }
            "move.last" => {
                (self.at, self.top) = (last, bottom);
                return true;
            }
            _ => return false,
        };
        self.top = self.top.saturating_add_signed(leap).min(bottom);
        self.follow(lines, height);
        true
    }

    /// Whether the window was moved on below the selected line.
    fn scrolled_past<T>(&self, lines: &[Line<T>], height: usize) -> bool {
        let place = Self::places(lines).get(self.at).copied();
        place.is_some_and(|line| line + height <= self.top)
    }

    /// Takes the selection to a line in the window, where there is one.
    fn follow<T>(&mut self, lines: &[Line<T>], height: usize) {
        let places = Self::places(lines);
        let seen = |line: usize| line >= self.top && line < self.top + height;
        if places.get(self.at).copied().is_some_and(seen) {
            return;
        }
        let below = places.get(self.at).is_some_and(|line| *line < self.top);
        let mut near = places.iter().enumerate().filter(|(_, line)| seen(**line)).map(|(n, _)| n);
        let found = if below { near.next() } else { near.next_back() };
        self.at = found.unwrap_or(self.at);
    }

    /// Selects the line that is drawn in row `y` of the pane, where it can be.
    pub fn click<T>(&mut self, lines: &[Line<T>], y: usize) {
        if let Some(n) = Self::places(lines).iter().position(|line| *line == self.top + y) {
            self.at = n;
        }
    }

    /// Draws the lines that are seen; the text begins at column `gutter`.
    pub fn view<T>(&self, canvas: &mut Canvas<'_>, lines: &[Line<T>], gutter: u16) {
        let width = canvas.width();
        let height = usize::from(canvas.height());
        let mut pane = self.clone();
        pane.settle(lines, height);
        let selected = Self::places(lines).get(pane.at).copied();
        for (n, line) in lines.iter().enumerate().skip(pane.top).take(height) {
            let y = u16::try_from(n - pane.top).unwrap_or(u16::MAX);
            let here = selected == Some(n);
            if here {
                canvas.put(1, y, ">", Token::Strong);
            }
            let token = match line.mark {
                '+' => Token::DiffAdd,
                '-' => Token::DiffDel,
                _ => Token::DiffChange,
            };
            canvas.put(2, y, line.mark.encode_utf8(&mut [0; 4]), token);
            canvas.put_fit(3, y, gutter.saturating_sub(4), line.label, Token::Heading);
            let mut end = width.saturating_sub(1);
            if let Some((right, token)) = &line.right {
                let wide = u16::try_from(text::width(right)).unwrap_or(u16::MAX).min(width / 2);
                end = end.saturating_sub(wide);
                canvas.put_fit(end, y, wide, right, *token);
                end = end.saturating_sub(2);
            }
            let mut x = gutter;
            for (piece, token) in &line.pieces {
                let token = if here && *token == Token::Plain { Token::Selected } else { *token };
                x = canvas.put_fit(x, y, end.saturating_sub(x), piece, token);
            }
            if let Some(percent) = line.bar {
                canvas.bar(x, y, end.saturating_sub(x).min(40), percent);
            }
        }
        let more = lines.len().saturating_sub(pane.top + height);
        if more > 0 && height > 2 {
            let said = format!(" {more} more ");
            let y = canvas.height() - 1;
            let x = width.saturating_sub(u16::try_from(said.len()).unwrap_or(0) + 1);
            canvas.put(x, y, &said, Token::Dim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(items: &[bool]) -> Vec<Line<usize>> {
        let line = |(n, item): (usize, &bool)| {
            let line = Line::new(format!("line {n}"), Token::Plain);
            if *item { line.of(n) } else { line }
        };
        items.iter().enumerate().map(line).collect()
    }

    #[test]
    fn moving_down_goes_from_item_to_item_and_then_scrolls_to_the_end() {
        let lines = lines(&[false, true, false, true, false, false]);
        let mut pane = Pane::default();
        assert_eq!(pane.item(&lines), Some(&1));
        pane.act("move.down", &lines, 3);
        assert_eq!((pane.item(&lines), pane.top), (Some(&3), 1));
        pane.act("move.down", &lines, 3);
        pane.act("move.down", &lines, 3);
        pane.act("move.down", &lines, 3);
        assert_eq!(pane.top, 3);
        pane.act("move.first", &lines, 3);
        assert_eq!((pane.at, pane.top), (0, 0));
    }

    #[test]
    fn text_without_items_scrolls_by_lines() {
        let lines = lines(&[false; 10]);
        let mut pane = Pane::default();
        pane.act("move.down", &lines, 4);
        assert_eq!(pane.top, 1);
        pane.act("move.last", &lines, 4);
        assert_eq!(pane.top, 6);
        assert_eq!(pane.item(&lines), None);
    }

    proptest! {
        #[test]
        fn the_window_is_always_over_lines_and_the_selection_on_an_item(
            items in prop::collection::vec(any::<bool>(), 0..40),
            moves in prop::collection::vec((0usize..8, 1usize..12), 0..40)
        ) {
            let lines = lines(&items);
            let mut pane = Pane::default();
            for (which, height) in moves {
                let names = ["move.down", "move.up", "move.first", "move.last", "move.half-down",
                    "move.half-up", "move.page-down", "move.page-up"];
                pane.act(names[which], &lines, height);
                pane.settle(&lines, height);
                prop_assert!(pane.top <= lines.len().saturating_sub(height));
                prop_assert!(pane.item(&lines).is_some() == items.contains(&true));
            }
        }
    }
}
