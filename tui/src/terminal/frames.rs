//! Bytes from the keyboard's side, cut into whole sequences; no part of one ever passes for a key.

/// Silence after which a lone Esc was the key.
pub(super) const LONE_ESC_MS: u64 = 30;
/// Silence after which the rest of a sequence will not come any more.
const LOST_MS: u64 = 1_000;
/// Silence after which the end of a paste will not come any more.
const PASTE_LOST_MS: u64 = 10_000;
/// What is kept of a sequence; a longer one is swallowed whole.
const LONGEST: usize = 256;
/// What is kept of a paste, in bytes.
const LONGEST_PASTE: usize = 1 << 20;

/// Something whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The bytes of a key, a mouse report or a report of the focus.
    Sequence(Vec<u8>),
    /// What was pasted.
    Paste(Vec<u8>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// So many bytes of a character are missing.
    Utf8(u8),
    Escape,
    /// `ESC [`, up to the final byte.
    Csi,
    /// `ESC O` or `ESC [ [`: one byte is missing.
    Last,
    /// `ESC [ M`: so many bytes are missing.
    Mouse(u8),
    /// `ESC ]`, `ESC P` and the like: swallowed up to their end.
    Text,
    /// An Esc within one of those.
    TextEscape,
    Paste,
}

/// Cuts bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
    bytes: Vec<u8>,
    paste: Vec<u8>,
    out: Vec<Frame>,
    /// A lone Esc was taken for the key, and nothing came since.
    orphan: bool,
}

impl Frames {
    /// After how much silence, in milliseconds, [`quiet`](Self::quiet) has something to say.
    pub(super) fn patience(&self) -> Option<u64> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(LONE_ESC_MS),
            State::Paste => Some(PASTE_LOST_MS),
            _ => Some(LOST_MS),
        }
    }

    /// Nothing came for that long: an Esc was the key, and other beginnings are dropped.
    pub(super) fn quiet(&mut self) {
        match self.state {
            State::Escape => {
                self.emit();
                self.orphan = true;
            }
            State::Paste => self.pasted(),
            _ => {}
        }
        self.begin(State::Ground);
    }

    /// Takes what one read brought.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.orphan) && self.state == State::Ground && continues(bytes) {
            // The Esc was the beginning of this after all, over a slow line.
            self.bytes.push(b'\x1b');
            self.state = State::Escape;
        }
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// What is whole by now.
    pub(super) fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.out)
    }

    fn begin(&mut self, state: State) {
        self.bytes.clear();
        self.state = state;
    }

    fn emit(&mut self) {
        if self.bytes.len() <= LONGEST {
            self.out.push(Frame::Sequence(std::mem::take(&mut self.bytes)));
        }
        self.begin(State::Ground);
    }

    fn pasted(&mut self) {
        self.out.push(Frame::Paste(std::mem::take(&mut self.paste)));
        self.begin(State::Ground);
    }

    fn keep(&mut self, byte: u8) {
        if self.bytes.len() <= LONGEST {
            self.bytes.push(byte);
        }
    }

    fn escape(&mut self) {
        self.begin(State::Escape);
        self.keep(b'\x1b');
    }

    /// What came is no part of the sequence: that one is dropped.
    fn abandon(&mut self, byte: u8) {
        self.begin(State::Ground);
        if byte < 0x20 {
            self.byte(byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Ground => self.ground(byte),
            State::Utf8(missing) => {
                if byte & 0xc0 != 0x80 {
                    self.begin(State::Ground);
                    return self.ground(byte);
                }
                self.keep(byte);
                match missing {
                    0..=1 => self.emit(),
                    more => self.state = State::Utf8(more - 1),
                }
            }
            State::Escape => self.after_escape(byte),
            State::Csi => self.csi(byte),
            State::Last | State::Mouse(0..=1) => {
                if byte == b'\x1b' {
                    return self.escape();
                }
                self.keep(byte);
                self.emit();
            }
            State::Mouse(missing) => {
                self.keep(byte);
                self.state = State::Mouse(missing - 1);
            }
            State::Text => match byte {
                b'\x1b' => self.state = State::TextEscape,
                b'\x07' => self.begin(State::Ground),
                // No reply has these; a person who is waiting for an answer to a key sends them.
                0..0x20 => self.abandon(byte),
                _ => {}
            },
            State::TextEscape => match byte {
                b'\\' => self.begin(State::Ground),
                _ => {
                    self.escape();
                    self.after_escape(byte);
                }
            },
            State::Paste => self.in_paste(byte),
        }
    }

    fn ground(&mut self, byte: u8) {
        let missing = match byte {
            b'\x1b' => return self.escape(),
            0..0x80 => 0,
            0xc2..0xe0 => 1,
            0xe0..0xf0 => 2,
            0xf0..0xf5 => 3,
            _ => return,
        };
        self.keep(byte);
        match missing {
            0 => self.emit(),
            missing => self.state = State::Utf8(missing),
        }
    }

    fn after_escape(&mut self, byte: u8) {
        match byte {
            b'[' | b'O' => {
                self.keep(byte);
                self.state = if byte == b'[' { State::Csi } else { State::Last };
            }
            b']' | b'P' | b'X' | b'^' | b'_' => self.begin(State::Text),
            b'\x1b' => {
                self.emit();
                self.escape();
            }
            // The end of something that was given up.
            b'\\' => self.begin(State::Ground),
            _ => self.ground(byte),
        }
    }

    fn csi(&mut self, byte: u8) {
        match byte {
            b'[' if self.bytes == b"\x1b[" => {
                self.keep(byte);
                self.state = State::Last;
            }
            b' '..=b'?' => self.keep(byte),
            b'@'..=b'~' => {
                self.keep(byte);
                match self.bytes.as_slice() {
                    b"\x1b[M" => self.state = State::Mouse(3),
                    b"\x1b[200~" => self.begin(State::Paste),
                    _ => self.emit(),
                }
            }
            _ => self.abandon(byte),
        }
    }

    /// The end of a paste is looked for in all of it, so that what is too long does not hide it.
    fn in_paste(&mut self, byte: u8) {
        const END: &[u8] = b"\x1b[201~";
        self.bytes.push(byte);
        if self.bytes == END {
            return self.pasted();
        }
        while !END.starts_with(&self.bytes) {
            let first = self.bytes.remove(0);
            if self.paste.len() < LONGEST_PASTE {
                self.paste.push(first);
            }
        }
    }
}

/// Whether a read begins with what follows the Esc of a sequence, and nobody typed that at once.
fn continues(bytes: &[u8]) -> bool {
    match bytes {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| !(b' '..=b'?').contains(byte));
            end.map_or(rest.len() >= 2, |end| rest.get(end).is_some_and(|last| (b'@'..=b'~').contains(last)))
        }
        [b']' | b'P' | b'_', next, _, ..] => next.is_ascii_digit() || b">!?=".contains(next),
        _ => false,
    }
}
