//! The look that the terminal writes with, and the shortest way from one to the next.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Colours and weight of what is written next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pen {
    fg: Color,
    bg: Color,
    weight: Modifier,
}

/// What a blank shows of a pen besides its background.
const SEEN_ON_BLANKS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// What is turned on by one number and off by another. Blinking is never written.
const WEIGHTS: [(Modifier, u8, u8); 6] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Pen {
    /// The pen after a reset.
    pub const CLEAR: Self = Self { fg: Color::Reset, bg: Color::Reset, weight: Modifier::empty() };

    /// The pen that a cell is written with.
    pub(super) fn of(cell: &Cell) -> Self {
        let known = WEIGHTS.iter().fold(Modifier::empty(), |all, (weight, ..)| all | *weight);
        let mut weight = cell.modifier & known;
        // Terminals do not agree on what both at once look like.
        if weight.contains(Modifier::BOLD) {
            weight -= Modifier::DIM;
        }
        Self { fg: cell.fg, bg: cell.bg, weight }
    }

    /// The same pen, as far as a blank shows it.
    pub(super) fn on_blank(self) -> Self {
        let weight = self.weight & SEEN_ON_BLANKS;
        if weight.is_empty() { Self { bg: self.bg, ..Self::CLEAR } } else { Self { weight, ..self } }
    }

    /// Whether what is erased with this pen is a blank of the default background on every
    /// terminal, also on those that erase with the pen's.
    pub(super) fn erases(self) -> bool {
        self.on_blank() == Self::CLEAR
    }

    /// Writes what changes this pen into `next`.
    pub(super) fn change(self, next: Self, out: &mut Vec<u8>) {
        if self == next {
            return;
        }
        let mut anew = Numbers::default();
        anew.weight(next.weight, false);
        anew.colours(Color::Reset, next.fg, Color::Reset, next.bg);
        let mut on = Numbers::default();
        let gone = self.weight - next.weight;
        let mut kept = self.weight & next.weight;
        on.weight(gone, true);
        // One number takes bold and dim away together.
        if gone.intersects(Modifier::BOLD | Modifier::DIM) {
            kept -= Modifier::BOLD | Modifier::DIM;
        }
        on.weight(next.weight - kept, false);
        on.colours(self.fg, next.fg, self.bg, next.bg);
        // Without a first number, that number is 0: everything off.
        let reset = !anew.0.is_empty();
        let anew_length = anew.0.len() + usize::from(reset);
        out.extend_from_slice(b"\x1b[");
        if anew_length < on.0.len() {
            if reset {
                out.push(b';');
            }
            out.extend_from_slice(&anew.0);
        } else {
            out.extend_from_slice(&on.0);
        }
        out.push(b'm');
    }
}

/// The numbers of one sequence.
#[derive(Default)]
struct Numbers(Vec<u8>);

impl Numbers {
    fn push(&mut self, number: u8) {
        if !self.0.is_empty() {
            self.0.push(b';');
        }
        number_into(u16::from(number), &mut self.0);
    }

    fn weight(&mut self, weight: Modifier, off: bool) {
        let mut last = 0;
        for (_, on_number, off_number) in WEIGHTS.iter().filter(|(one, ..)| weight.contains(*one)) {
            let number = if off { *off_number } else { *on_number };
            if number != last {
                self.push(number);
            }
            last = number;
        }
    }

    fn colours(&mut self, fg: Color, next_fg: Color, bg: Color, next_bg: Color) {
        if fg != next_fg {
            self.colour(next_fg, 30);
        }
        if bg != next_bg {
            self.colour(next_bg, 40);
        }
    }

    fn colour(&mut self, colour: Color, base: u8) {
        let named = |index: u8| if index < 8 { base + index } else { base + 60 + (index - 8) };
        let index = match colour {
            Color::Reset => return self.push(base + 9),
            Color::Rgb(r, g, b) => {
                for number in [base + 8, 2, r, g, b] {
                    self.push(number);
                }
                return;
            }
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        if index < 16 {
            return self.push(named(index));
        }
        for number in [base + 8, 5, index] {
            self.push(number);
        }
    }
}

/// Writes a number in decimal.
pub(super) fn number_into(number: u16, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 5];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        // The remainder of a division by ten is one digit.
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - used));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pen(fg: Color, bg: Color, weight: Modifier) -> Pen {
        Pen { fg, bg, weight }
    }

    fn change(from: Pen, to: Pen) -> String {
        let mut out = Vec::new();
        from.change(to, &mut out);
        String::from_utf8(out).unwrap().replace('\x1b', "E")
    }

    #[test]
    fn sixteen_colours_take_two_digits_and_a_reset_takes_none() {
        let red = pen(Color::Red, Color::Reset, Modifier::empty());
        assert_eq!(change(Pen::CLEAR, red), "E[31m");
        assert_eq!(change(red, Pen::CLEAR), "E[m");
        assert_eq!(
            change(Pen::CLEAR, pen(Color::DarkGray, Color::LightBlue, Modifier::empty())),
            "E[90;104m"
        );
        assert_eq!(change(red, red), "");
    }

    #[test]
    fn the_shorter_of_changing_and_beginning_anew_is_taken() {
        let loud = pen(Color::Gray, Color::Red, Modifier::BOLD);
        assert_eq!(change(loud, pen(Color::Green, Color::Reset, Modifier::empty())), "E[;32m");
        assert_eq!(change(loud, pen(Color::Gray, Color::Red, Modifier::empty())), "E[22m");
        let both = pen(Color::Reset, Color::Reset, Modifier::BOLD | Modifier::DIM);
        assert_eq!(change(both, pen(Color::Reset, Color::Reset, Modifier::DIM)), "E[;2m");
        let cold = pen(Color::Rgb(1, 2, 3), Color::Indexed(200), Modifier::empty());
        assert_eq!(change(Pen::CLEAR, cold), "E[38;2;1;2;3;48;5;200m");
    }

    #[test]
    fn only_what_a_blank_shows_counts_on_blanks() {
        let bold_red = pen(Color::Red, Color::Reset, Modifier::BOLD);
        assert!(bold_red.erases());
        assert!(!pen(Color::Reset, Color::Blue, Modifier::empty()).erases());
        assert!(!pen(Color::Reset, Color::Reset, Modifier::UNDERLINED).erases());
        assert_eq!(
            pen(Color::Red, Color::Reset, Modifier::REVERSED | Modifier::BOLD).on_blank(),
            pen(Color::Red, Color::Reset, Modifier::REVERSED)
        );
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 255, 1_000, 65_535] {
            let mut out = Vec::new();
            number_into(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
