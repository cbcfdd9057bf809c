//! Where a view draws: an area of the screen, text by meaning, and where the cursor is.

use crate::text;
use crate::theme::{Theme, Token};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

/// Rows that moved as a whole since the last frame. Only a hint: the terminal may then move them
/// by itself; a wrong one costs bytes, not cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scroll {
    /// The first row, of the whole screen.
    pub top: u16,
    /// How many rows.
    pub rows: u16,
    /// By how many rows the content went up; below zero: down.
    pub by: i16,
}

/// Which rows of a list are seen, and where on the canvas of their screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The row of the canvas that the first of them is on.
    pub top: u16,
    /// How many rows of the canvas they have.
    pub rows: u16,
    /// The place of the first of them in the whole list.
    pub first: usize,
}

impl Window {
    /// By how many rows the content went up since `before`; nothing where it did not move, or moved as something else.
    #[must_use]
    pub fn moved(&self, before: Self) -> Option<i16> {
        let by = i64::try_from(self.first).ok()? - i64::try_from(before.first).ok()?;
        let same = (self.top, self.rows) == (before.top, before.rows);
        i16::try_from(by).ok().filter(|by| same && *by != 0 && by.unsigned_abs() < self.rows)
    }
}

/// What a frame has besides its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    /// Where the cursor is, on the whole screen; none hides it.
    pub cursor: Option<Position>,
    /// Rows that moved.
    pub scroll: Option<Scroll>,
}

#[derive(Debug)]
enum Marks<'a> {
    Own(Finish),
    Lent(&'a mut Finish),
}

/// An area to draw on. Places are counted from its upper left corner; what does not fit is cut.
#[derive(Debug)]
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    area: Rect,
    marks: Marks<'a>,
}

impl<'a> Canvas<'a> {
    /// An area of a buffer.
    #[must_use]
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, area: Rect) -> Self {
        let area = area.intersection(*buffer.area());
        Self { buffer, theme, area, marks: Marks::Own(Finish::default()) }
    }

    /// The cursor and the rows that moved, as the views said.
    #[must_use]
    pub fn finish(&self) -> Finish {
        match &self.marks {
            Marks::Own(finish) => *finish,
            Marks::Lent(finish) => **finish,
        }
    }

    /// Its place on the whole screen.
    #[must_use]
    pub fn area(&self) -> Rect {
        self.area
    }

    /// Its columns.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.area.width
    }

    /// Its rows.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.area.height
    }

    /// The area of it that a `Rect` with places of its own means: `Rect::new(0, 0, ..)` is its
    /// upper left corner.
    #[must_use]
    pub fn inside(&self, rect: Rect) -> Rect {
        let x = self.area.x.saturating_add(rect.x);
        let y = self.area.y.saturating_add(rect.y);
        let found = Rect { x, y, ..rect }.intersection(self.area);
        if found.is_empty() {
            Rect { x: x.min(self.area.right()), y: y.min(self.area.bottom()), width: 0, height: 0 }
        } else {
            found
        }
    }

    /// The theme that it draws with.
    #[must_use]
    pub fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// The cells of the whole screen, for a widget that is drawn by `Widget::render`.
    pub fn buffer_mut(&mut self) -> &mut Buffer {
        self.buffer
    }

    fn marks(&mut self) -> &mut Finish {
        match &mut self.marks {
            Marks::Own(finish) => finish,
            Marks::Lent(finish) => finish,
        }
    }

    /// A part of it, with places counted from the part's own corner.
    #[must_use]
    pub fn sub(&mut self, rect: Rect) -> Canvas<'_> {
        let area = self.inside(rect);
        let marks = match &mut self.marks {
            Marks::Own(finish) => finish,
            Marks::Lent(finish) => finish,
        };
        Canvas { buffer: self.buffer, theme: self.theme, area, marks: Marks::Lent(marks) }
    }

    fn cell(&mut self, x: u16, y: u16) -> Option<&mut Cell> {
        if x >= self.area.width || y >= self.area.height {
            return None;
        }
        self.buffer.cell_mut((self.area.x + x, self.area.y + y))
    }

    /// Draws text in one look; returns the column after it. Text from outside needs no care: it is
    /// drawn as [`text::shown`] makes it. Where the look has no background, that below it stays.
    pub fn put(&mut self, x: u16, y: u16, text: &str, token: Token) -> u16 {
        let style = self.theme.style(token);
        self.draw(x, y, text, style)
    }

    /// As [`put`](Self::put), in no more than `columns`; `..` shows that text was cut.
    pub fn put_fit(&mut self, x: u16, y: u16, columns: u16, text: &str, token: Token) -> u16 {
        let columns = columns.min(self.area.width.saturating_sub(x));
        let text = text::fit(text, usize::from(columns));
        self.put(x, y, &text, token)
    }

    fn draw(&mut self, mut x: u16, y: u16, text: &str, style: Style) -> u16 {
        let width = self.area.width;
        if y >= self.area.height || x >= width {
            return x;
        }
        self.halve(x, y);
        for part in text::graphemes(&text::shown(text)) {
            let columns = u16::try_from(text::columns(part)).unwrap_or(1).max(1);
            let fits = x.saturating_add(columns) <= width;
            if let Some(cell) = self.cell(x, y) {
                write(cell, if fits { part } else { " " }, style);
            }
            if !fits {
                return width;
            }
            for behind in 1..columns {
                if let Some(cell) = self.cell(x + behind, y) {
                    write(cell, " ", style);
                }
            }
            x += columns;
            if x >= width {
                break;
            }
        }
        x
    }

    /// A wide character whose second half is about to be drawn over is taken away.
    fn halve(&mut self, x: u16, y: u16) {
        let (column, row) = (self.area.x + x, self.area.y + y);
        let Some(before) = column.checked_sub(1).and_then(|left| self.buffer.cell_mut((left, row))) else {
            return;
        };
        if text::columns(before.symbol()) > 1 {
            before.set_symbol(" ");
        }
    }

    /// Draws text that ends at the right edge; returns the column where it begins.
    pub fn put_right(&mut self, y: u16, text: &str, token: Token) -> u16 {
        let text = text::fit(text, usize::from(self.area.width));
        let wide = u16::try_from(text::width(&text)).unwrap_or(self.area.width);
        let x = self.area.width.saturating_sub(wide);
        self.put(x, y, &text, token);
        x
    }

    /// Draws a line across: `-- label ------ right --`; either text may be empty.
    pub fn rule(&mut self, y: u16, label: &str, right: &str) {
        let width = self.area.width;
        self.put(0, y, &"-".repeat(usize::from(width)), Token::Rule);
        if !right.is_empty() {
            let text = format!(" {} ", text::fit(right, usize::from(width.saturating_sub(6))));
            let wide = u16::try_from(text::width(&text)).unwrap_or(width);
            self.put(width.saturating_sub(wide.saturating_add(2)), y, &text, Token::Dim);
        }
        if !label.is_empty() {
            let text = format!(" {} ", text::fit(label, usize::from(width.saturating_sub(6))));
            self.put(2, y, &text, Token::Title);
        }
    }

    /// Empties a part of it and gives it a look.
    pub fn fill(&mut self, rect: Rect, token: Token) {
        let style = self.theme.style(token);
        let area = self.inside(rect);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    write(cell, " ", style);
                }
            }
        }
    }

    /// Empties all of it.
    pub fn clear(&mut self) {
        let (width, height) = (self.area.width, self.area.height);
        self.fill(Rect::new(0, 0, width, height), Token::Plain);
    }

    /// Gives cells another look and leaves their text.
    pub fn paint(&mut self, rect: Rect, token: Token) {
        let style = self.theme.style(token);
        let area = self.inside(rect);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    dress(cell, style);
                }
            }
        }
    }

    /// Draws a bar: `#####.....`. A part that is more than nothing, and one that is less than all,
    /// is seen as such.
    pub fn bar(&mut self, x: u16, y: u16, width: u16, percent: f64) {
        let width = width.min(self.area.width.saturating_sub(x));
        let exact = (percent.clamp(0.0, 100.0) / 100.0 * f64::from(width)).round();
        let mut full = (0..=width).find(|n| f64::from(*n) >= exact).unwrap_or(width);
        if width > 1 && percent > 0.0 {
            full = full.max(1);
        }
        if width > 1 && percent < 100.0 {
            full = full.min(width - 1);
        }
        let at = self.put(x, y, &"#".repeat(usize::from(full)), Token::BarFull);
        self.put(at, y, &".".repeat(usize::from(width - full)), Token::BarEmpty);
    }

    /// Says where the cursor is; the last one to say so counts.
    pub fn cursor(&mut self, x: u16, y: u16) {
        if x < self.area.width && y < self.area.height {
            let place = Position { x: self.area.x + x, y: self.area.y + y };
            self.marks().cursor = Some(place);
        }
    }

    /// Says that rows moved since the last frame: by how many rows they went up, or down below
    /// zero. Counts only for rows from edge to edge of the screen.
    pub fn scrolled(&mut self, top: u16, rows: u16, by: i16) {
        let area = self.inside(Rect::new(0, top, self.area.width, rows));
        if by != 0 && area.height > by.unsigned_abs() {
            self.marks().scroll = Some(Scroll { top: area.y, rows: area.height, by });
        }
    }
}

fn write(cell: &mut Cell, symbol: &str, style: Style) {
    cell.set_symbol(symbol);
    dress(cell, style);
}

fn dress(cell: &mut Cell, style: Style) {
    cell.fg = style.fg.unwrap_or(Color::Reset);
    if let Some(bg) = style.bg {
        cell.bg = bg;
    }
    cell.modifier = style.add_modifier & !(Modifier::SLOW_BLINK | Modifier::RAPID_BLINK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    fn drawn(width: u16, height: u16, draw: impl FnOnce(&mut Canvas<'_>)) -> (Vec<String>, Finish, Buffer) {
        let theme = Theme::standard(Depth::Ansi16);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = *buffer.area();
        let mut canvas = Canvas::new(&mut buffer, &theme, area);
        draw(&mut canvas);
        let finish = canvas.finish();
        let rows = (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect();
        (rows, finish, buffer)
    }

    #[test]
    fn text_is_cut_at_the_edge_and_never_acts() {
        let (rows, ..) = drawn(6, 3, |c| {
            assert_eq!(c.put(0, 0, "ab", Token::Plain), 2);
            assert_eq!(c.put(4, 0, "wxyz", Token::Plain), 6);
            c.put(0, 1, "\u{1b}[2J", Token::Plain);
            assert_eq!(c.put(0, 9, "below", Token::Plain), 0);
            c.put(5, 2, "漢", Token::Plain);
        });
        assert_eq!(rows, ["ab  wx", "\\u{1b}", "      "]);
    }

    #[test]
    fn half_of_a_wide_character_is_never_left() {
        let (rows, ..) = drawn(6, 1, |c| {
            c.put(0, 0, "漢字", Token::Plain);
            c.put(1, 0, "x", Token::Plain);
        });
        assert_eq!(rows, [" x字   "]);
    }

    #[test]
    fn a_part_counts_from_its_own_corner_and_its_cursor_is_the_screens() {
        let (rows, finish, _) = drawn(8, 3, |c| {
            let mut part = c.sub(Rect::new(2, 1, 3, 9));
            assert_eq!((part.width(), part.height()), (3, 2));
            part.put(0, 0, "abcdef", Token::Plain);
            part.cursor(1, 1);
            part.cursor(5, 0);
            part.scrolled(0, 2, 1);
        });
        assert_eq!(rows[1], "  abc   ");
        assert_eq!(finish.cursor, Some(Position { x: 3, y: 2 }));
        assert_eq!(finish.scroll, Some(Scroll { top: 1, rows: 2, by: 1 }));
    }

    #[test]
    fn rules_bars_and_right_ends_are_drawn() {
        let (rows, ..) = drawn(20, 4, |c| {
            c.rule(0, "Rules", "3");
            c.put_right(1, "end", Token::Dim);
            c.bar(0, 2, 10, 0.5);
            c.bar(10, 2, 10, 99.9);
            c.bar(0, 3, 4, 50.0);
        });
        assert_eq!(
            rows,
            ["-- Rules ------ 3 --", "                 end", "#.........#########.", "##..                "]
        );
    }

    #[test]
    fn a_look_without_a_background_keeps_the_one_below() {
        let (.., buffer) = drawn(4, 1, |c| {
            c.fill(Rect::new(0, 0, 4, 1), Token::Protected);
            c.put(1, 0, "x", Token::Strong);
        });
        assert_eq!(buffer[(1, 0)].bg, Color::Red);
        assert_eq!(buffer[(1, 0)].fg, Color::Reset);
    }
}
