//! One look written in words, such as `white on red bold`, and what fewer colours make of it.

use crate::theme::token::Depth;
use ratatui::style::{Color, Modifier, Style};

/// Colours and weight. A colour that is missing is the terminal's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub fg: Option<Color>,
    pub bg: Option<Color>,
    pub weight: Modifier,
}

/// The sixteen, as written, as ratatui has them, and as xterm shows them.
const SIXTEEN: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 0, 0)),
    ("bright-green", Color::LightGreen, (0, 255, 0)),
    ("bright-yellow", Color::LightYellow, (255, 255, 0)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 0, 255)),
    ("bright-cyan", Color::LightCyan, (0, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

const WEIGHTS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

fn colour(word: &str) -> Option<Option<Color>> {
    if word == "default" {
        return Some(None);
    }
    if let Some((_, colour, _)) = SIXTEEN.iter().find(|(name, ..)| *name == word) {
        return Some(Some(*colour));
    }
    if let Some(hex) = word.strip_prefix('#') {
        let number = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6)?;
        let [_, r, g, b] = number.to_be_bytes();
        return Some(Some(Color::Rgb(r, g, b)));
    }
    word.parse().ok().map(|index| Some(Color::Indexed(index)))
}

/// What cube and greys of the 256 show.
fn indexed(index: u8) -> (u8, u8, u8) {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..16 => SIXTEEN.get(usize::from(index)).map_or((0, 0, 0), |(.., rgb)| *rgb),
        16..232 => {
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// What a colour shows, as far as that is known.
fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index) => Some(indexed(index)),
        named => SIXTEEN.iter().find(|(_, colour, _)| *colour == named).map(|(.., rgb)| *rgb),
    }
}

fn apart(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |a: u8, b: u8, weight: u32| u32::from(a.abs_diff(b)).pow(2) * weight;
    // The eye tells greens apart best, and blues worst.
    part(a.0, b.0, 3) + part(a.1, b.1, 6) + part(a.2, b.2, 1)
}

fn fewer(colour: Color, depth: Depth) -> Option<Color> {
    let wanted = rgb(colour);
    match (depth, colour) {
        (Depth::Mono, _) => None,
        (Depth::Ansi256, Color::Rgb(..)) => {
            let wanted = wanted?;
            (16..=255_u8).min_by_key(|index| apart(indexed(*index), wanted)).map(Color::Indexed)
        }
        (Depth::Ansi16, Color::Rgb(..) | Color::Indexed(_)) => {
            let wanted = wanted?;
            SIXTEEN.iter().min_by_key(|(.., rgb)| apart(*rgb, wanted)).map(|(_, colour, _)| *colour)
        }
        _ => Some(colour),
    }
}

fn brightness((r, g, b): (u8, u8, u8)) -> f64 {
    let part = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
}

/// How well text of one colour is read on another, from 1 to 21.
fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (brightness(a) + 0.05, brightness(b) + 0.05);
    if a > b { a / b } else { b / a }
}

impl Look {
    /// Reads `[colour] [on colour] [bold] [dim] [italic] [underline] [reverse]`.
    ///
    /// # Errors
    /// The word that is no part of a look.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut look = Self::default();
        let mut words = text.split_whitespace();
        let mut first = true;
        while let Some(word) = words.next() {
            if let Some((_, weight)) = WEIGHTS.iter().find(|(name, _)| *name == word) {
                look.weight |= *weight;
            } else if word == "on" {
                let word = words.next().ok_or("\"on\" without a colour")?;
                look.bg = colour(word).ok_or_else(|| no_colour(word))?;
            } else if first {
                look.fg = colour(word).ok_or_else(|| no_colour(word))?;
            } else {
                return Err(no_colour(word));
            }
            first = false;
        }
        Ok(look)
    }

    /// The look with the colours of a depth.
    pub(super) fn at(self, depth: Depth) -> Self {
        Self { fg: self.fg.and_then(|c| fewer(c, depth)), bg: self.bg.and_then(|c| fewer(c, depth)), ..self }
    }

    /// The look on the screen.
    pub(super) fn style(self) -> Style {
        Style { fg: self.fg, bg: self.bg, ..Style::default() }.add_modifier(self.weight)
    }

    /// The lowest contrast of the look on the backgrounds it may meet, with the name of that one.
    pub(super) fn contrast(self, dark: bool, light: bool) -> Option<(f64, &'static str)> {
        let fg = self.fg.and_then(rgb);
        if let Some(bg) = self.bg.and_then(rgb) {
            let texts = fg.map_or([(255, 255, 255), (0, 0, 0)], |fg| [fg, fg]);
            return texts
                .map(|fg| (contrast(fg, bg), "its own background"))
                .into_iter()
                .min_by(|a, b| a.0.total_cmp(&b.0));
        }
        let fg = fg?;
        [(dark, (0, 0, 0), "a black background"), (light, (255, 255, 255), "a white background")]
            .into_iter()
            .filter(|(may, ..)| *may)
            .map(|(_, bg, name)| (contrast(fg, bg), name))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }
}

fn no_colour(word: &str) -> String {
    let known = SIXTEEN.iter().map(|(name, ..)| *name).chain(WEIGHTS.iter().map(|(name, _)| *name));
    let like =
        super::token::nearest(word, known).map_or_else(String::new, |name| format!("; did you mean {name}?"));
    format!("{word:?} is no colour or weight{like}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_read_from_words() {
        let look = Look::parse("white on red bold").unwrap();
        assert_eq!((look.fg, look.bg, look.weight), (Some(Color::Gray), Some(Color::Red), Modifier::BOLD));
        assert_eq!(Look::parse("#ff8000").unwrap().fg, Some(Color::Rgb(255, 128, 0)));
        assert_eq!(Look::parse("on 208 underline").unwrap().bg, Some(Color::Indexed(208)));
        assert_eq!(Look::parse("").unwrap(), Look::default());
        assert_eq!(
            Look::parse("grene").unwrap_err(),
            "\"grene\" is no colour or weight; did you mean green?"
        );
        assert!(Look::parse("red blue").is_err());
        assert!(Look::parse("red on").is_err());
        assert!(Look::parse("#12345").is_err());
    }

    #[test]
    fn fewer_colours_keep_what_is_nearest_and_the_weight() {
        let look = Look::parse("#fe0101 on 255 bold").unwrap();
        assert_eq!(look.at(Depth::Ansi256).fg, Some(Color::Indexed(196)));
        assert_eq!(look.at(Depth::Ansi16).fg, Some(Color::LightRed));
        assert_eq!(look.at(Depth::Ansi16).bg, Some(Color::Gray));
        assert_eq!(look.at(Depth::Mono), Look { weight: Modifier::BOLD, ..Look::default() });
    }

    #[test]
    fn contrast_is_the_worst_of_what_may_lie_behind() {
        let (ratio, on) = Look::parse("#ffff00").unwrap().contrast(true, true).unwrap();
        assert!(ratio < 1.2 && on == "a white background");
        assert!(Look::parse("#ffff00").unwrap().contrast(true, false).unwrap().0 > 18.0);
        assert!(
            (Look::parse("#000000 on #ffffff").unwrap().contrast(true, true).unwrap().0 - 21.0).abs() < 0.01
        );
        assert!(Look::parse("bold").unwrap().contrast(true, true).is_none());
    }
}
