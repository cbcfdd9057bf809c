//! The shortest bytes found that turn what the terminal shows into what it is to show.

use crate::canvas::Scroll;
use crate::terminal::grid::{Grid, Spot};
use crate::terminal::pen::{Pen, number_into};

/// Where the terminal's cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Nobody knows: only an absolute move is safe.
    Unknown,
    /// In this column and row.
    Cell(u16, u16),
    /// At the end of this row, where terminals differ about the column.
    End(u16),
}

/// Bytes for the terminal, and the state that it is in behind them.
#[derive(Clone, Debug)]
pub(super) struct Pencil {
    pub out: Vec<u8>,
    pen: Pen,
    at: At,
    height: u16,
}

impl Pencil {
    /// A terminal in an unknown state.
    pub(super) fn new() -> Self {
        Self { out: Vec::new(), pen: Pen::CLEAR, at: At::Unknown, height: 0 }
    }

    /// The same terminal, nothing written yet.
    pub(super) fn fresh(&self) -> Self {
        Self { out: Vec::with_capacity(1024), ..*self }
    }

    /// Empties the terminal, whatever its state is.
    pub(super) fn wipe(&mut self) {
        self.out.extend_from_slice(b"\x1b[m\x1b[r\x1b[H\x1b[2J");
        self.pen = Pen::CLEAR;
        self.at = At::Cell(0, 0);
    }

    fn sequence(&mut self, number: u16, kind: u8) {
        sequence(number, kind, &mut self.out);
    }

    fn ink(&mut self, pen: Pen) {
        self.pen.change(pen, &mut self.out);
        self.pen = pen;
    }

    /// A pen with which erasing leaves the default background.
    fn ink_to_erase(&mut self) {
        if !self.pen.erases() {
            self.ink(Pen::CLEAR);
        }
    }

    /// Moves the cursor by the shortest of the ways there are.
    pub(super) fn go(&mut self, x: u16, y: u16) {
        if self.at == At::Cell(x, y) {
            return;
        }
        let way = self.way(x, y);
        self.out.extend_from_slice(&way);
        self.at = At::Cell(x, y);
    }

    fn way(&self, x: u16, y: u16) -> Vec<u8> {
        let mut best = absolute(x, y);
        let mut offer = |way: Vec<u8>| {
            if way.len() < best.len() {
                best = way;
            }
        };
        let from = match self.at {
            At::Unknown => return best,
            At::Cell(_, row) | At::End(row) => row,
        };
        if y >= from && y < self.height.max(1) && y - from < 8 {
            // Down to the beginning of a row that is there: nothing scrolls.
            let mut way = vec![b'\r'];
            way.extend(std::iter::repeat_n(b'\n', usize::from(y - from)));
            if x > 0 {
                sequence(x, b'C', &mut way);
            }
            offer(way);
        }
        if let At::Cell(column, _) = self.at {
            let mut way = Vec::with_capacity(8);
            if y > from {
                sequence(y - from, b'B', &mut way);
            } else if y < from {
                sequence(from - y, b'A', &mut way);
            }
            if x > column {
                sequence(x - column, b'C', &mut way);
            } else if x < column {
                let back = column - x;
                if back < 4 {
                    way.extend(std::iter::repeat_n(b'\x08', usize::from(back)));
                } else {
                    sequence(back, b'D', &mut way);
                }
            }
            offer(way);
        }
        best
    }

    /// Moves to a column of the row to draw there; over a short gap it draws again what stands there.
    fn reach(&mut self, x: usize, y: u16, row: &[Spot<'_>]) {
        let target = column(x);
        if let At::Cell(from, on) = self.at
            && on == y
            && from < target
        {
            let gap = row.get(usize::from(from)..x).unwrap_or_default();
            let plain = |spot: &Spot<'_>| spot.columns == 1 && spot.symbol.len() == 1 && spot.suits(self.pen);
            if gap.len() <= self.way(target, y).len() && gap.iter().all(plain) {
                for spot in gap {
                    self.out.extend_from_slice(spot.symbol.as_bytes());
                }
                self.at = At::Cell(target, y);
                return;
            }
        }
        self.go(target, y);
    }

    fn print(&mut self, spot: &Spot<'_>, x: usize, y: u16, width: u16) {
        if !spot.suits(self.pen) {
            self.ink(spot.pen);
        }
        self.out.extend_from_slice(spot.symbol.as_bytes());
        let after = column(x).saturating_add(u16::from(spot.columns));
        self.at = if !spot.is_firm() {
            At::Unknown
        } else if after >= width {
            At::End(y)
        } else {
            At::Cell(after, y)
        };
    }

    /// Turns what the terminal shows into `next`.
    pub(super) fn draw(&mut self, shows: &Grid<'_>, next: &Grid<'_>) {
        self.height = next.height;
        for y in 0..next.height {
            self.draw_row(shows.row(y), next.row(y), y, next.width);
        }
    }

    fn draw_row(&mut self, old: &[Spot<'_>], new: &[Spot<'_>], y: u16, width: u16) {
        let changed = |x: usize| old.get(x) != new.get(x);
        let Some(first) = (0..new.len()).find(|x| changed(*x)) else { return };
        let last = (first..new.len()).rfind(|x| changed(*x)).unwrap_or(first);
        let tail = new.iter().rposition(|spot| !spot.is_clear()).map_or(0, |x| x + 1);
        // The first changed blank of those up to the edge; erasing them takes three bytes.
        let blank = (tail.max(first)..=last).find(|x| changed(*x));
        let erase = blank.filter(|x| last + 1 - x > if self.pen.erases() { 3 } else { 6 });
        let end = erase.unwrap_or(last + 1);
        let mut x = first;
        while x < end {
            let Some(spot) = new.get(x).filter(|spot| spot.columns > 0 && changed(x)) else {
                x += 1;
                continue;
            };
            let run = blanks(new, x, end, changed);
            if run > 12 {
                self.reach(x, y, new);
                self.ink_to_erase();
                self.sequence(column(run), b'X');
                x += run;
                continue;
            }
            self.reach(x, y, new);
            self.print(spot, x, y, width);
            x += 1;
        }
        if let Some(blank) = erase {
            // Anywhere among the blanks will do.
            let here =
                matches!(self.at, At::Cell(x, row) if row == y && (tail..=blank).contains(&usize::from(x)));
            if !here {
                let from = if matches!(self.at, At::Unknown | At::End(_)) || blank == tail {
                    blank
                } else {
                    self.nearest(tail, blank, y)
                };
                self.go(column(from), y);
            }
            self.ink_to_erase();
            self.out.extend_from_slice(b"\x1b[K");
        }
    }

    /// The column between two that is cheaper to get to.
    fn nearest(&self, a: usize, b: usize, y: u16) -> usize {
        if self.way(column(a), y).len() < self.way(column(b), y).len() { a } else { b }
    }

    /// Lets the terminal move rows; what it shows is then [`Grid::scrolled`].
    pub(super) fn scroll(&mut self, scroll: Scroll, height: u16) {
        self.ink_to_erase();
        let bottom = scroll.top.saturating_add(scroll.rows);
        let part = scroll.top > 0 || bottom < height;
        if part {
            self.out.extend_from_slice(b"\x1b[");
            if scroll.top > 0 {
                number_into(scroll.top + 1, &mut self.out);
            }
            if bottom < height {
                self.out.push(b';');
                number_into(bottom, &mut self.out);
            }
            self.out.push(b'r');
        }
        self.sequence(scroll.by.unsigned_abs(), if scroll.by > 0 { b'S' } else { b'T' });
        if part {
            self.out.extend_from_slice(b"\x1b[r");
            self.at = At::Cell(0, 0);
        }
    }
}

/// How many columns from `x` on erasing would draw, when the last of them changed.
fn blanks(row: &[Spot<'_>], x: usize, end: usize, changed: impl Fn(usize) -> bool) -> usize {
    let mut run = 0;
    for at in x..end {
        if !row.get(at).is_some_and(Spot::is_clear) {
            break;
        }
        if changed(at) {
            run = at + 1 - x;
        }
    }
    run
}

fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}

/// A sequence of one number, which is left out when it is 1.
fn sequence(number: u16, kind: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[");
    if number != 1 {
        number_into(number, out);
    }
    out.push(kind);
}

fn absolute(x: u16, y: u16) -> Vec<u8> {
    let mut way = Vec::with_capacity(8);
    way.extend_from_slice(b"\x1b[");
    if y > 0 {
        number_into(y.saturating_add(1), &mut way);
    }
    if x > 0 {
        way.push(b';');
        number_into(x.saturating_add(1), &mut way);
    }
    way.push(b'H');
    way
}
