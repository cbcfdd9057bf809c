//! A terminal to paint on: what vt100 shows, cell by cell.

use flagstaff::canvas::Finish;
use flagstaff::terminal::screen::{Painted, Screen, ScreenOptions};
use ratatui::buffer::Buffer;
use std::io::{self, Write};
use std::num::NonZeroU16;

/// All bytes, and how many calls brought them.
#[derive(Debug, Default)]
pub struct Wire {
    pub bytes: Vec<u8>,
    pub calls: usize,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        self.calls += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Terminal {
    pub screen: Screen<Wire>,
    pub parser: vt100::Parser,
}

/// What is seen of a cell: its text, its colours and its weight.
pub type Seen = (String, String);

impl Terminal {
    pub fn new(width: u16, height: u16, options: ScreenOptions) -> Self {
        let size = |n| NonZeroU16::new(n).unwrap();
        Self {
            screen: Screen::new(Wire::default(), width, height, options),
            parser: vt100::Parser::new(size(height), size(width), 0),
        }
    }

    /// Paints a frame and shows it; the cost is what the wire says it was.
    pub fn paint(&mut self, draw: impl FnOnce(&mut Buffer) -> Finish) -> Painted {
        let before = (self.screen.out_mut().bytes.len(), self.screen.out_mut().calls);
        let painted = self.screen.paint(draw).unwrap();
        let wire = self.screen.out_mut();
        assert_eq!((wire.bytes.len() - before.0, wire.calls - before.1), (painted.bytes, painted.writes));
        let sent = wire.bytes[before.0..].to_vec();
        self.parser.process(&sent);
        painted
    }

    pub fn last(&mut self, bytes: usize) -> String {
        let all = &self.screen.out_mut().bytes;
        String::from_utf8_lossy(&all[all.len() - bytes..]).replace('\u{1b}', "E")
    }

    pub fn rows(&self) -> Vec<String> {
        let (_, width) = self.parser.screen().size();
        self.parser.screen().rows(0, width.get()).collect()
    }

    pub fn seen(&self) -> Vec<Vec<Seen>> {
        let screen = self.parser.screen();
        let (height, width) = screen.size();
        let cell = |y, x| {
            let Some(cell) = screen.cell(y, x) else { return Seen::default() };
            let text = if cell.contents().is_empty() && !cell.is_wide_continuation() {
                " "
            } else {
                cell.contents()
            };
            let decorated = cell.inverse() || cell.underline();
            let look = if cell.is_wide_continuation() {
                String::new()
            } else if text == " " && !decorated {
                format!("{:?}", cell.bgcolor())
            } else if text == " " {
                format!("{:?} {:?} {} {}", cell.fgcolor(), cell.bgcolor(), cell.inverse(), cell.underline())
            } else {
                format!(
                    "{:?} {:?} {} {} {} {} {}",
                    cell.fgcolor(),
                    cell.bgcolor(),
                    cell.bold(),
                    cell.dim(),
                    cell.italic(),
                    cell.underline(),
                    cell.inverse()
                )
            };
            (text.to_owned(), look)
        };
        (0..height.get()).map(|y| (0..width.get()).map(|x| cell(y, x)).collect()).collect()
    }

    /// The column and the row of the cursor, when it is seen.
    pub fn cursor(&self) -> Option<(u16, u16)> {
        let screen = self.parser.screen();
        let (y, x) = screen.cursor_position();
        (!screen.hide_cursor()).then_some((x, y))
    }
}
