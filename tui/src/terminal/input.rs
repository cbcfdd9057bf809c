//! Keys, pastes, clicks and the focus, from the bytes of a terminal.
//!
//! Terminals also send answers (colours, modes, names), sometimes seconds late. None of them
//! becomes a key, wherever a read cuts it in two.

use crate::key::{Code, Press};
use crate::terminal::frames::{Frame, Frames, LONE_ESC_MS};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use termina::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// How many other typing keys at once make a key one of a burst.
const BURST: usize = 3;
/// Keys that come within this time of each other come at once.
pub const AT_ONCE: Duration = Duration::from_millis(LONE_ESC_MS);

/// What came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A key; [`Press::burst`] tells of keys that came all at once.
    Key(Press),
    /// What was pasted, with `\n` between lines.
    Paste(String),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// The window got the focus.
    FocusGained,
    /// The window lost the focus.
    FocusLost,
    /// A click, or a turn of the wheel.
    Mouse(Mouse),
    /// Nothing will come any more: the terminal is gone.
    Closed,
}

/// Something the mouse did, in a column and row from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// The column.
    pub column: u16,
    /// The row.
    pub row: u16,
    /// What it did.
    pub did: MouseDid,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseDid {
    /// The left button went down.
    Click,
    /// The wheel turned by so many notches; below zero: up.
    Wheel(i16),
}

/// Reads the bytes of one terminal.
#[derive(Debug, Default)]
pub struct Input {
    frames: Frames,
    last: Option<Instant>,
    typed: VecDeque<Instant>,
}

impl Input {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When to call [`feed`](Self::feed) with no bytes, if none come before.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        Some(self.last? + Duration::from_millis(self.frames.patience()?))
    }

    /// Takes what one read brought, or nothing when time is [`due`](Self::due).
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<InputEvent> {
        if self.due().is_some_and(|due| due <= now) {
            self.frames.quiet();
        }
        if !bytes.is_empty() {
            self.last = Some(now);
        }
        self.frames.feed(bytes);
        let mut events: Vec<_> = self.frames.take().into_iter().filter_map(event).collect();
        self.mark(&mut events, now);
        events
    }

    /// Marks the keys that came all at once, with those of the reads just before.
    fn mark(&mut self, events: &mut [InputEvent], now: Instant) {
        self.typed.retain(|then| now.duration_since(*then) <= AT_ONCE);
        let types = |event: &InputEvent| matches!(event, InputEvent::Key(press) if press.typed().is_some());
        let here = events.iter().filter(|event| types(event)).count();
        let before = self.typed.len();
        for event in events {
            let others = before + here - usize::from(types(event));
            if let InputEvent::Key(press) = event {
                press.burst = others >= BURST;
            }
        }
        self.typed.extend(std::iter::repeat_n(now, here.min(BURST + 1)));
    }
}

fn event(frame: Frame) -> Option<InputEvent> {
    let bytes = match frame {
        Frame::Paste(bytes) => {
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
            return Some(InputEvent::Paste(text));
        }
        Frame::Sequence(bytes) => bytes,
    };
    if is_answer(&bytes) {
        return None;
    }
    if bytes == b"\x08" {
        return Some(InputEvent::Key(Press::new(Code::Backspace)));
    }
    let mut parser = termina::Parser::default();
    parser.parse(&bytes, false);
    let event = parser.pop()?;
    // One sequence is one event; the rest of a stranger one is none.
    if parser.pop().is_some() {
        return None;
    }
    match event {
        Event::Key(key) => press(key).map(InputEvent::Key),
        Event::Mouse(mouse) => clicked(mouse).map(InputEvent::Mouse),
        Event::FocusIn => Some(InputEvent::FocusGained),
        Event::FocusOut => Some(InputEvent::FocusLost),
        _ => None,
    }
}

/// Answers have a private mark or an intermediate byte, or end in what no key ends in.
fn is_answer(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"\x1b[") else { return false };
    let private = rest.first().is_some_and(|first| b"?>=".contains(first));
    let intermediate = !rest.starts_with(b"M") && rest.iter().any(|byte| (b' '..=b'/').contains(byte));
    private || intermediate || rest.ends_with(b"c") || rest.ends_with(b"n") || rest.ends_with(b"R")
}

fn press(key: KeyEvent) -> Option<Press> {
    if key.kind == KeyEventKind::Release || key.modifiers.intersects(Modifiers::SUPER | Modifiers::HYPER) {
        return None;
    }
    let mut shift = key.modifiers.contains(Modifiers::SHIFT);
    let ctrl = key.modifiers.contains(Modifiers::CONTROL);
    let code = match key.code {
        KeyCode::Char(c) if c.is_control() => return None,
        KeyCode::Char(c) => {
            let c = match (ctrl, shift) {
                (true, _) => c.to_ascii_lowercase(),
                (false, true) => {
                    c.to_uppercase().next().filter(|_| c.to_uppercase().count() == 1).unwrap_or(c)
                }
                _ => c,
            };
            shift = false;
            Code::Char(c)
        }
        KeyCode::Tab if shift => {
            shift = false;
            Code::BackTab
        }
        KeyCode::BackTab => {
            shift = false;
            Code::BackTab
        }
        KeyCode::Enter => Code::Enter,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Tab => Code::Tab,
        KeyCode::Escape => Code::Esc,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Insert => Code::Insert,
        KeyCode::Delete => Code::Delete,
        KeyCode::Function(number) => Code::F(number),
        _ => return None,
    };
    let alt = key.modifiers.intersects(Modifiers::ALT | Modifiers::META);
    Some(Press { code, ctrl, alt, shift, burst: false })
}

fn clicked(mouse: MouseEvent) -> Option<Mouse> {
    let did = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseDid::Click,
        MouseEventKind::ScrollUp => MouseDid::Wheel(-1),
        MouseEventKind::ScrollDown => MouseDid::Wheel(1),
        _ => return None,
    };
    Some(Mouse { column: mouse.column, row: mouse.row, did })
}
