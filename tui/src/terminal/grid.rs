//! A buffer as the terminal shows it: what is seen in each column, and what wide characters hide.

use crate::canvas::Scroll;
use crate::terminal::pen::Pen;
use crate::text;
use ratatui::buffer::{Buffer, Cell};
use unicode_width::UnicodeWidthChar;

/// One column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot<'a> {
    pub symbol: &'a str,
    pub pen: Pen,
    /// The columns that the symbol takes; 0 where a wide one to the left hides the column.
    pub columns: u8,
}

impl Spot<'_> {
    pub(super) const BLANK: Self = Self { symbol: " ", pen: Pen::CLEAR, columns: 1 };
    const BEHIND: Self = Self { symbol: "", pen: Pen::CLEAR, columns: 0 };

    /// Whether erasing draws it.
    pub(super) fn is_clear(&self) -> bool {
        self.symbol == " " && self.pen == Pen::CLEAR
    }

    /// Whether every terminal goes on exactly behind it.
    pub(super) fn is_firm(&self) -> bool {
        let mut chars = self.symbol.chars();
        match (chars.next(), chars.next()) {
            (Some(' '..='~'), None) => true,
            // Lines and blocks are narrow wherever they are drawn at all; of the rest, those
            // whose width is the same in all locales.
            (Some('\u{2500}'..='\u{259f}'), None) => true,
            (Some(c), None) => c < '\u{1f000}' && c.width() == c.width_cjk(),
            _ => false,
        }
    }

    /// Whether a pen draws it as it is.
    pub(super) fn suits(&self, pen: Pen) -> bool {
        if self.symbol == " " { pen.on_blank() == self.pen } else { pen == self.pen }
    }
}

/// All columns of a screen, row by row.
#[derive(Clone, Debug)]
pub(super) struct Grid<'a> {
    pub width: u16,
    pub height: u16,
    spots: Vec<Spot<'a>>,
}

impl<'a> Grid<'a> {
    /// A screen with nothing on it.
    pub(super) fn blank(width: u16, height: u16) -> Self {
        Self { width, height, spots: vec![Spot::BLANK; usize::from(width) * usize::from(height)] }
    }

    /// A buffer as the terminal shows it.
    pub(super) fn of(buffer: &'a Buffer) -> Self {
        let (width, height) = (buffer.area().width, buffer.area().height);
        let mut spots = Vec::with_capacity(buffer.content().len());
        for row in buffer.content().chunks(usize::from(width.max(1))) {
            let mut hidden = 0;
            for (x, cell) in row.iter().enumerate() {
                if hidden > 0 {
                    hidden -= 1;
                    spots.push(Spot::BEHIND);
                    continue;
                }
                let spot = seen(cell, row.len() - x);
                hidden = spot.columns.saturating_sub(1);
                spots.push(spot);
            }
        }
        Self { width, height, spots }
    }

    /// One row; nothing below the last.
    pub(super) fn row(&self, y: u16) -> &[Spot<'a>] {
        let width = usize::from(self.width);
        let start = usize::from(y) * width;
        self.spots.get(start..start + width).unwrap_or_default()
    }

    /// The screen after the terminal moved rows; none when there is nothing to move.
    pub(super) fn scrolled(&self, scroll: Scroll) -> Option<Self> {
        let (top, rows) = (scroll.top, scroll.rows);
        let bottom = top.checked_add(rows).filter(|bottom| *bottom <= self.height)?;
        if scroll.by == 0 || scroll.by.unsigned_abs() >= rows {
            return None;
        }
        let mut spots = Vec::with_capacity(self.spots.len());
        for y in 0..self.height {
            let from = if (top..bottom).contains(&y) {
                y.checked_add_signed(scroll.by).filter(|from| (top..bottom).contains(from))
            } else {
                Some(y)
            };
            match from {
                Some(from) => spots.extend_from_slice(self.row(from)),
                None => spots.extend(std::iter::repeat_n(Spot::BLANK, usize::from(self.width))),
            }
        }
        Some(Self { spots, ..*self })
    }
}

/// What is seen of a cell that has `room` columns up to the edge.
fn seen(cell: &Cell, room: usize) -> Spot<'_> {
    let symbol = cell.symbol();
    let (symbol, columns) = match symbol.as_bytes() {
        [b' '..=b'~'] => (symbol, 1),
        // The last line of defence: whatever drew it, nothing of a cell acts on the terminal.
        _ if symbol.chars().any(char::is_control) => ("?", 1),
        _ => match u8::try_from(text::columns(symbol)) {
            Ok(0) => (" ", 1),
            Ok(columns) if usize::from(columns) <= room => (symbol, columns),
            _ => (" ", 1),
        },
    };
    let pen = Pen::of(cell);
    Spot { symbol, pen: if symbol == " " { pen.on_blank() } else { pen }, columns }
}
