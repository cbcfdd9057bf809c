//! What a view drew, as text: for tests that read a screen as a person does.

use crate::canvas::Canvas;
use crate::theme::{Depth, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The rows that `view` drew on a canvas of this size, without the spaces at their ends.
pub fn text(columns: u16, rows: u16, view: impl FnOnce(&mut Canvas<'_>)) -> String {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    let theme = Theme::builtin("default", Depth::Mono).unwrap();
    view(&mut Canvas::new(&mut buffer, &theme, area));
    let mut lines = Vec::new();
    for y in 0..rows {
        let line: String = (0..columns).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
