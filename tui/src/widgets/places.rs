//! Places in a text: its lines, and the borders between characters.

use crate::text;

/// Text with one sort of line end.
#[must_use]
pub fn plain(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// The nearest place before `at` (or at it) that is between two characters of a line.
#[must_use]
pub fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = line_start(text, at);
    let line = text.get(start..line_end(text, start)).unwrap_or_default();
    let mut end = start;
    for part in text::graphemes(line) {
        if end + part.len() > at {
            break;
        }
        end += part.len();
    }
    end
}

/// The nearest place after `at` (or at it) that is between two characters: a mark that was typed belongs to
/// the character before it.
#[must_use]
pub fn beyond(text: &str, at: usize) -> usize {
    let before = boundary(text, at);
    if before == at {
        return at;
    }
    let tail = text.get(before..).unwrap_or_default();
    before + text::graphemes(tail).next().map_or(0, str::len)
}

/// The line of a byte, from 0.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().get(..at.min(text.len())).unwrap_or_default().iter().filter(|b| **b == b'\n').count()
}

/// Where the line of a byte begins.
#[must_use]
pub fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1)
}

/// Where the line of a byte ends.
#[must_use]
pub fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|tail| tail.find('\n')).map_or(text.len(), |end| at + end)
}

/// Where a line begins, from 0; the last one's beginning beyond it.
#[must_use]
pub fn nth_line(text: &str, line: usize) -> usize {
    if line == 0 {
        return 0;
    }
    let mut last = 0;
    for (n, (at, _)) in text.match_indices('\n').enumerate() {
        last = at + 1;
        if n + 1 == line {
            break;
        }
    }
    last
}
