//! Which row of a list is selected, and which rows are seen.

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
        let last = len.saturating_sub(1);
        self.at = match action {
            "move.down" => self.at.saturating_add(1).min(last),
            "move.up" => self.at.saturating_sub(1),
            "move.first" => 0,
            "move.last" => last,
            "move.half-down" => self.at.saturating_add(height / 2).min(last),
            "move.half-up" => self.at.saturating_sub(height / 2),
            "move.page-down" => {
                self.top = self.top.saturating_add(height).min(len.saturating_sub(height));
                self.at.saturating_add(height).min(last)
            }
            "move.page-up" => {
                self.top = self.top.saturating_sub(height);
                self.at.saturating_sub(height)
            }
            _ => return false,
        };
        self.settle(len, height);
        true
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
    fn a_page_moves_the_window_with_the_selection() {
        let mut list = List::default();
        list.act("move.page-down", 100, 10);
        assert_eq!((list.at, list.top), (10, 10));
        list.act("move.page-up", 100, 10);
        assert_eq!((list.at, list.top), (0, 0));
    }
}
