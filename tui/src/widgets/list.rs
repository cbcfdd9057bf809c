//! Which row of a list is selected, and which rows are seen.

/// Where a movement leads from `at`, of places 0 to `last`, with `height` of them seen at a time; none for an action
/// that is no movement up or down.
#[must_use]
pub fn moved(action: &str, at: usize, last: usize, height: usize) -> Option<usize> {
    let half = (height / 2).max(1);
    let to = match action {
        "move.down" => at.saturating_add(1),
        "move.up" => at.saturating_sub(1),
        "move.first" => 0,
        "move.last" => last,
        "move.half-down" => at.saturating_add(half),
        "move.half-up" => at.saturating_sub(half),
        "move.page-down" => at.saturating_add(height),
        "move.page-up" => at.saturating_sub(height),
        _ => return None,
    };
    Some(to.min(last))
}

/// The selection in a list, and its window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The selected row.
    pub at: usize,
    /// The first row that is seen.
    pub top: usize,
}

impl List {
    /// Keeps the selection inside of `len` rows, and inside of a window of `height`.
    pub fn settle(&mut self, len: usize, height: usize) {
        self.at = self.at.min(len.saturating_sub(1));
        let height = height.max(1);
        if self.at < self.top {
            self.top = self.at;
        }
        if self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
        // No empty rows below the last one while there are rows above the window.
        self.top = self.top.min(len.saturating_sub(height));
    }

    /// Does a movement. Answers whether `action` was one.
    pub fn act(&mut self, action: &str, len: usize, height: usize) -> bool {
        let height = height.max(1);
        let Some(at) = moved(action, self.at, len.saturating_sub(1), height) else { return false };
        // The window goes with a page, so that the selection stays where it is on the screen.
        match action {
            "move.page-down" => self.top = self.top.saturating_add(height).min(len.saturating_sub(height)),
            "move.page-up" => self.top = self.top.saturating_sub(height),
            _ => {}
        }
        self.at = at;
        self.settle(len, height);
        true
    }

    /// Selects the row that is seen `y` rows below the first one, as drawn with `height`. Answers whether there is one.
    pub fn click(&mut self, y: Option<u16>, len: usize, height: usize) -> bool {
        self.settle(len, height);
        let Some(n) = y.map(|y| self.top + usize::from(y)) else { return false };
        let seen = self.window(len, height.max(1)).contains(&n);
        if seen {
            self.at = n;
        }
        seen
    }

    /// The rows that are seen, of `len`.
    #[must_use]
    pub fn window(&self, len: usize, height: usize) -> std::ops::Range<usize> {
        let top = self.top.min(len);
        top..len.min(top.saturating_add(height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOVES: [&str; 8] = [
        "move.down",
        "move.up",
        "move.first",
        "move.last",
        "move.half-down",
        "move.half-up",
        "move.page-down",
        "move.page-up",
    ];

    proptest! {
        #[test]
        fn the_selection_is_always_a_row_that_is_seen(
            moves in prop::collection::vec((0usize..8, 0usize..50, 0usize..20), 0..60)
        ) {
            let mut list = List::default();
            for (kind, len, height) in moves {
                list.settle(len, height);
                list.act(MOVES[kind], len, height);
                prop_assert!(list.at < len.max(1));
                prop_assert!(len == 0 || list.window(len, height.max(1)).contains(&list.at));
            }
        }
    }

    #[test]
    fn a_click_selects_the_row_that_is_seen_there_and_nothing_beside_the_list() {
        let mut list = List { at: 15, top: 10 };
        assert!(list.click(Some(2), 30, 10));
        assert_eq!(list, List { at: 12, top: 10 });
        for (y, len, height) in [(None, 30, 10), (Some(10), 30, 10), (Some(2), 2, 10), (Some(0), 0, 10)] {
            let mut list = List { at: 1, top: 0 };
            assert!(!list.click(y, len, height), "{y:?} {len}");
        }
    }

    #[test]
    fn a_page_moves_the_window_with_the_selection() {
        let mut list = List::default();
        list.act("move.page-down", 100, 10);
        assert_eq!((list.at, list.top), (10, 10));
        list.act("move.page-up", 100, 10);
        assert_eq!((list.at, list.top), (0, 0));
    }
}
