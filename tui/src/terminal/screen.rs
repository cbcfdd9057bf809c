//! What the terminal shows, and the one write per frame that changes it.

use crate::canvas::Finish;
use crate::terminal::encode::Pencil;
use crate::terminal::grid::Grid;
use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

/// How a screen is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenOptions {
    /// Marks the beginning and the end of a frame, so that none is seen half painted.
    pub sync: bool,
    /// Lets the terminal move rows by itself.
    pub scroll: bool,
    /// The line is slow; views ask for it with [`Screen::lite`].
    pub lite: bool,
}

impl Default for ScreenOptions {
    fn default() -> Self {
        Self { sync: true, scroll: true, lite: false }
    }
}

/// What a frame cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Painted {
    /// Bytes written.
    pub bytes: usize,
    /// Calls to write them.
    pub writes: usize,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// Terminals drop longer ones silently.
    #[error("{bytes} bytes are too many to copy through the terminal; {LONGEST_COPY} is the most")]
    TooLong {
        /// The length of the text, in bytes.
        bytes: usize,
    },
    /// The terminal is gone.
    #[error("the terminal takes nothing: {0}")]
    Gone(#[from] io::Error),
}

/// The longest text for the clipboard, in bytes: 74,994 in base 64, tmux's and hterm's limit.
pub const LONGEST_COPY: usize = 56_244;

/// How long to wait for a terminal that would not let us wait.
const IMPATIENT: Duration = Duration::from_millis(1);

/// From how many bytes on a frame may be shorter when it begins with an empty screen.
const WORTH_WIPING: usize = 1_000;

/// Begins a frame that is shown as a whole.
const BEGIN: &[u8] = b"\x1b[?2026h";
/// Ends it.
const END: &[u8] = b"\x1b[?2026l";

/// The screen: two buffers, of which one is what the terminal shows.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: W,
    options: ScreenOptions,
    shows: Buffer,
    next: Buffer,
    pencil: Pencil,
    cursor: Shape,
    known: bool,
    title: Title,
    sent: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Unknown,
    Hidden,
    Shown,
}

#[derive(Debug, Default)]
struct Title {
    set: String,
    wanted: String,
}

impl<W: Write> Screen<W> {
    /// A screen of a size; nothing is written before the first [`paint`](Self::paint).
    ///
    /// `out` should not buffer: each frame is one `write`.
    pub fn new(out: W, width: u16, height: u16, options: ScreenOptions) -> Self {
        let area = Rect::new(0, 0, width, height);
        Self {
            out,
            options,
            shows: Buffer::empty(area),
            next: Buffer::empty(area),
            pencil: Pencil::new(),
            cursor: Shape::Unknown,
            known: false,
            title: Title::default(),
            sent: 0,
        }
    }

    /// Its columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        (self.next.area().width, self.next.area().height)
    }

    /// Whether views should draw less, for a slow line.
    #[must_use]
    pub fn lite(&self) -> bool {
        self.options.lite
    }

    /// Takes the line for slow, or not.
    pub fn set_lite(&mut self, lite: bool) {
        self.options.lite = lite;
    }

    /// What was painted last, for tests and for a copy of the screen.
    #[must_use]
    pub fn shows(&self) -> &Buffer {
        &self.shows
    }

    /// How many bytes it has written.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Where it writes.
    pub fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Takes another size; the next frame is a whole one.
    pub fn resize(&mut self, width: u16, height: u16) {
        let area = Rect::new(0, 0, width, height);
        if area != *self.next.area() {
            self.shows.resize(area);
            self.next.resize(area);
            self.known = false;
        }
    }

    /// Forgets what the terminal shows, because something else wrote to it; the next frame is a
    /// whole one.
    pub fn forget(&mut self) {
        self.known = false;
        self.title.set.clear();
    }

    /// Names the window from the next frame on.
    pub fn set_title(&mut self, title: &str) {
        self.title.wanted.clear();
        self.title.wanted.push_str(&text::shown(title));
    }

    /// Paints a frame: `draw` gets an empty buffer. Nothing is written when nothing changed.
    ///
    /// # Errors
    /// What the terminal says; the next frame is then a whole one.
    pub fn paint(&mut self, draw: impl FnOnce(&mut Buffer) -> Finish) -> io::Result<Painted> {
        self.next.reset();
        let finish = draw(&mut self.next);
        let mut pencil = self.encode(finish);
        let painted = !pencil.out.is_empty();
        let cursor = place(&mut pencil, finish.cursor, self.cursor);
        let mut bytes = Vec::with_capacity(pencil.out.len() + 64);
        if self.title.wanted != self.title.set {
            bytes.extend_from_slice(b"\x1b]2;");
            bytes.extend_from_slice(self.title.wanted.as_bytes());
            bytes.push(b'\x07');
        }
        let sync = painted && self.options.sync;
        if sync {
            bytes.extend_from_slice(BEGIN);
        }
        bytes.append(&mut pencil.out);
        if sync {
            bytes.extend_from_slice(END);
        }
        let writes = match send(&mut self.out, &bytes) {
            Ok(writes) => writes,
            Err(error) => {
                self.forget();
                return Err(error);
            }
        };
        self.sent += bytes.len() as u64;
        self.title.set.clone_from(&self.title.wanted);
        self.pencil = pencil;
        self.cursor = cursor;
        self.known = true;
        std::mem::swap(&mut self.shows, &mut self.next);
        Ok(Painted { bytes: bytes.len(), writes })
    }

    /// The shortest of drawing all changes, of beginning with an empty screen, and of letting the terminal move rows.
    fn encode(&self, finish: Finish) -> Pencil {
        let next = Grid::of(&self.next);
        let mut plain = self.pencil.fresh();
        if !self.known {
            plain.wipe();
            plain.draw(&Grid::blank(next.width, next.height), &next);
            return plain;
        }
        let shows = Grid::of(&self.shows);
        plain.draw(&shows, &next);
        if self.options.sync && plain.out.len() > WORTH_WIPING {
            // Another screen shares little with this one. Nobody sees it empty: the frame is shown as a whole.
            let mut wiped = self.pencil.fresh();
            wiped.wipe();
            wiped.draw(&Grid::blank(next.width, next.height), &next);
            if wiped.out.len() < plain.out.len() {
                plain = wiped;
            }
        }
        let scroll = finish.scroll.filter(|_| self.options.scroll);
        let Some((scroll, moved)) = scroll.and_then(|scroll| Some((scroll, shows.scrolled(scroll)?))) else {
            return plain;
        };
        let mut other = self.pencil.fresh();
        other.scroll(scroll, next.height);
        other.draw(&moved, &next);
        if other.out.len() < plain.out.len() { other } else { plain }
    }

    /// Puts text on the clipboard of the terminal, which may refuse without a word.
    ///
    /// # Errors
    /// [`CopyFault::TooLong`] above [`LONGEST_COPY`], and what the terminal says.
    pub fn copy_osc52(&mut self, text: &[u8]) -> Result<(), CopyFault> {
        if text.len() > LONGEST_COPY {
            return Err(CopyFault::TooLong { bytes: text.len() });
        }
        let mut bytes = b"\x1b]52;c;".to_vec();
        bytes.extend_from_slice(STANDARD.encode(text).as_bytes());
        bytes.push(b'\x07');
        send(&mut self.out, &bytes)?;
        self.sent += bytes.len() as u64;
        Ok(())
    }
}

fn place(pencil: &mut Pencil, cursor: Option<Position>, shape: Shape) -> Shape {
    match (cursor, shape) {
        (Some(at), shape) => {
            pencil.go(at.x, at.y);
            if shape != Shape::Shown {
                pencil.out.extend_from_slice(b"\x1b[?25h");
            }
            Shape::Shown
        }
        (None, Shape::Hidden) => Shape::Hidden,
        (None, _) => {
            pencil.out.extend_from_slice(b"\x1b[?25l");
            Shape::Hidden
        }
    }
}

/// Writes all bytes, in one call where the terminal takes them; returns the number of calls.
fn send(out: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let mut rest = bytes;
    let mut writes = 0;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => {
                writes += 1;
                rest = rest.get(taken..).unwrap_or_default();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another program that shares the terminal made it impatient; ours waits all the same.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(IMPATIENT),
            Err(error) => return Err(error),
        }
    }
    if writes > 0 {
        out.flush()?;
    }
    Ok(writes)
}
