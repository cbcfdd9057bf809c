//! A key as it was pressed, and its name in key files.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A key that types; a capital is its own character, so `G` needs no `shift`.
    Char(char),
    /// Enter, or Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, from 1.
    F(u8),
    /// Insert.
    Insert,
}

/// One key press.
///
/// Two presses of the same key are equal whether or not one of them came in a burst, so that a
/// press can be looked up in a table of bindings.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    /// Which key.
    pub code: Code,
    /// Ctrl was held.
    pub ctrl: bool,
    /// Alt (Meta, Option) was held.
    pub alt: bool,
    /// Shift was held; never set with a character, whose case says it.
    pub shift: bool,
    /// The press arrived together with at least three other typing keys: pasted, or typed ahead.
    pub burst: bool,
}

impl Press {
    /// A key by itself.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false, burst: false }
    }

    /// A typed character.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::new(Code::Char(c))
    }

    /// Ctrl and a character.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { ctrl: true, ..Self::char(c) }
    }

    /// The character that this press types into a text field, if it types one.
    #[must_use]
    pub const fn typed(&self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    const fn parts(&self) -> (Code, bool, bool, bool) {
        (self.code, self.ctrl, self.alt, self.shift)
    }
}

impl PartialEq for Press {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Press {}

impl Hash for Press {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialOrd for Press {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Press {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl From<Code> for Press {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// The names of keys; the first of a key is the one that is written.
const NAMES: [(&str, Code); 27] = [
    ("enter", Code::Enter),
    ("return", Code::Enter),
    ("esc", Code::Esc),
    ("escape", Code::Esc),
    ("tab", Code::Tab),
    ("shift-tab", Code::BackTab),
    ("backtab", Code::BackTab),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("del", Code::Delete),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("home", Code::Home),
    ("end", Code::End),
    ("pgup", Code::PageUp),
    ("pageup", Code::PageUp),
    ("page-up", Code::PageUp),
    ("pgdn", Code::PageDown),
    ("pagedown", Code::PageDown),
    ("page-down", Code::PageDown),
    ("insert", Code::Insert),
    ("ins", Code::Insert),
    ("space", Code::Char(' ')),
    ("minus", Code::Char('-')),
    ("comma", Code::Char(',')),
];

/// A key's name that says no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key; keys are written like x, G, space, enter, pgdn, f1, ctrl-x, alt-left")]
pub struct NoSuchKey(
    /// What was written.
    pub String,
);

fn modifier(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once('-')?;
    (!rest.is_empty()).then_some((word, rest))
}

fn code(text: &str) -> Option<Code> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(if c == ' ' { Code::Char(' ') } else { Code::Char(c) });
    }
    let lower = text.to_ascii_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*code);
    }
    let number = lower.strip_prefix('f')?.parse().ok()?;
    (1..=35).contains(&number).then_some(Code::F(number))
}

impl FromStr for Press {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
        let wrong = || NoSuchKey(text.to_owned());
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        while code(rest).is_none() {
            let (word, after) = modifier(rest).ok_or_else(wrong)?;
            let held = match word.to_ascii_lowercase().as_str() {
                "ctrl" | "control" | "c" => &mut ctrl,
                "alt" | "meta" | "a" | "m" => &mut alt,
                "shift" | "s" => &mut shift,
                _ => return Err(wrong()),
            };
            if *held {
                return Err(wrong());
            }
            *held = true;
            rest = after;
        }
        let mut key = code(rest).ok_or_else(wrong)?;
        if shift {
            match key {
                Code::Tab => (key, shift) = (Code::BackTab, false),
                Code::Char(c) if c.is_alphabetic() => {
                    (key, shift) = (Code::Char(c.to_uppercase().next().unwrap_or(c)), false);
                }
                // Which character shift makes of a digit or a sign depends on the keyboard.
                Code::Char(_) => return Err(wrong()),
                _ => {}
            }
        }
        // A terminal sends the same byte for Ctrl with either case.
        if let (true, Code::Char(c)) = (ctrl, key) {
            key = Code::Char(c.to_ascii_lowercase());
        }
        Ok(Self { code: key, ctrl, alt, shift, burst: false })
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, word) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(word)?;
            }
        }
        match self.code {
            // These two are names only where the sign itself would be hard to read.
            Code::Char(c) if c != ' ' => write!(f, "{c}"),
            Code::F(number) => write!(f, "f{number}"),
            code => {
                let name = NAMES.iter().find(|(_, other)| *other == code);
                f.write_str(name.map_or("?", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(text: &str) -> Press {
        text.parse().unwrap_or_else(|fault| panic!("{fault}"))
    }

    #[test]
    fn a_name_is_read_as_the_key_it_says_and_written_the_same() {
        for name in [
            "a",
            "G",
            "space",
            "enter",
            "esc",
            "tab",
            "shift-tab",
            "pgup",
            "pgdn",
            "f1",
            "f12",
            "ctrl-x",
            "alt-left",
            "ctrl-alt-delete",
            "shift-up",
            "-",
            ",",
            "ctrl--",
            "?",
            "é",
            "backspace",
            "insert",
            "home",
            "end",
        ] {
            assert_eq!(press(name).to_string(), name);
        }
    }

    #[test]
    fn other_spellings_mean_the_same_keys() {
        for (other, name) in [
            ("Return", "enter"),
            ("ESCAPE", "esc"),
            ("PageDown", "pgdn"),
            ("backtab", "shift-tab"),
            ("S-Tab", "shift-tab"),
            ("C-x", "ctrl-x"),
            ("ctrl-X", "ctrl-x"),
            ("shift-g", "G"),
            ("F5", "f5"),
            (" ", "space"),
            ("minus", "-"),
        ] {
            assert_eq!(press(other), press(name), "{other}");
        }
    }

    #[test]
    fn what_names_no_key_is_refused() {
        for wrong in ["", "ctrl-", "hyper-x", "f0", "f99", "shift-1", "ctrl-ctrl-x", "word", "g f", "\u{1b}"]
        {
            assert!(wrong.parse::<Press>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_press_of_a_burst_is_still_the_same_key() {
        let ahead = Press { burst: true, ..Press::char('d') };
        assert_eq!(ahead, Press::char('d'));
        assert_ne!(ahead, Press::char('D'));
        assert_eq!(Press::ctrl('d').typed(), None);
        assert_eq!(ahead.typed(), Some('d'));
    }
}
