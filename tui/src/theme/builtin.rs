//! The themes that come with the program.

use crate::theme::look::Look;
use crate::theme::token::{Depth, Token};

/// The looks of all tokens.
pub(super) type Looks = [Look; Token::COUNT];

/// The names, the default one first.
pub(super) const NAMES: [&str; 6] = ["default", "dark", "light", "contrast", "colorblind", "mono"];

type Table = &'static [(Token, &'static str)];

/// No colours at all. The words on the screen carry the meaning; this only finds them faster.
const MONO: Table = &[
    (Token::Strong, "bold"),
    (Token::Key, "bold"),
    (Token::Title, "bold"),
    (Token::Heading, "underline"),
    (Token::Match, "underline"),
    (Token::Protected, "reverse bold"),
    (Token::Staging, "reverse"),
    (Token::Development, "bold underline"),
    (Token::Neutral, "reverse underline"),
    (Token::LockOpen, "reverse bold"),
    (Token::Stale, "reverse bold"),
    (Token::Bad, "bold"),
    (Token::Selected, "reverse"),
    (Token::Mark, "bold"),
    (Token::Field, "underline"),
    (Token::Typed, "bold underline"),
    (Token::DiffAdd, "bold"),
    (Token::DiffChange, "bold"),
    (Token::JsonKey, "bold"),
    (Token::JsonError, "underline"),
    (Token::Warn, "bold"),
    (Token::Error, "reverse"),
    (Token::BarFull, "bold"),
];

/// The terminal's own sixteen colours on its own background.
const SIXTEEN: Table = &[
    (Token::Dim, "bright-black"),
    (Token::Strong, "bold"),
    (Token::Key, "cyan bold"),
    (Token::Title, "bold"),
    (Token::Heading, "bright-black"),
    (Token::Rule, "bright-black"),
    (Token::Disabled, "bright-black"),
    (Token::Match, "magenta bold"),
    (Token::Protected, "bright-white on red bold"),
    (Token::Staging, "black on yellow"),
    (Token::Development, "black on green"),
    (Token::Neutral, "reverse"),
    (Token::LockOpen, "black on yellow"),
    (Token::LockClosed, "bold"),
    (Token::Live, "green"),
    (Token::Stale, "black on yellow bold"),
    (Token::On, "green"),
    (Token::Off, "bright-black"),
    (Token::Part, "yellow"),
    (Token::Pending, "cyan"),
    (Token::Bad, "red bold"),
    (Token::Selected, "reverse"),
    (Token::Mark, "magenta"),
    (Token::Field, "underline"),
    (Token::Typed, "bold underline"),
    (Token::DiffAdd, "green"),
    (Token::DiffDel, "red"),
    (Token::DiffChange, "yellow"),
    (Token::JsonKey, "cyan"),
    (Token::JsonString, "green"),
    (Token::JsonNumber, "yellow"),
    (Token::JsonLiteral, "magenta"),
    (Token::JsonError, "red underline"),
    (Token::Warn, "yellow"),
    (Token::Error, "red bold"),
    (Token::BarFull, "green"),
    (Token::BarEmpty, "bright-black"),
];

/// For a dark background, where there are more than sixteen colours.
const DARK: Table = &[
    (Token::Dim, "#8a8f98"),
    (Token::Key, "#7fdbff bold"),
    (Token::Heading, "#8a8f98"),
    (Token::Rule, "#7c818a"),
    (Token::Disabled, "#7c818a"),
    (Token::Match, "#ff9ff3 bold"),
    (Token::Protected, "#ffffff on #b3001b bold"),
    (Token::Staging, "#1c1400 on #f2c14e"),
    (Token::Development, "#04170a on #63c37e"),
    (Token::LockOpen, "#1c1400 on #f2c14e"),
    (Token::Live, "#7bd88f"),
    (Token::Stale, "#1c1400 on #f2c14e bold"),
    (Token::On, "#7bd88f"),
    (Token::Off, "#8a8f98"),
    (Token::Part, "#f2c14e"),
    (Token::Pending, "#7fdbff"),
    (Token::Bad, "#ff7b85 bold"),
    (Token::Mark, "#d6a2ff"),
    (Token::DiffAdd, "#7bd88f"),
    (Token::DiffDel, "#ff7b85"),
    (Token::DiffChange, "#f2c14e"),
    (Token::JsonKey, "#7fdbff"),
    (Token::JsonString, "#a5d6a7"),
    (Token::JsonNumber, "#f2c14e"),
    (Token::JsonLiteral, "#d6a2ff"),
    (Token::JsonError, "#ff7b85 underline"),
    (Token::Warn, "#f2c14e"),
    (Token::Error, "#ff7b85 bold"),
    (Token::BarFull, "#7bd88f"),
    (Token::BarEmpty, "#7c818a"),
];

/// For a light background, where there are more than sixteen colours.
const LIGHT: Table = &[
    (Token::Dim, "#5c6370"),
    (Token::Key, "#005f87 bold"),
    (Token::Heading, "#5c6370"),
    (Token::Rule, "#6b7280"),
    (Token::Disabled, "#6b7280"),
    (Token::Match, "#a1007a bold"),
    (Token::Protected, "#ffffff on #b3001b bold"),
    (Token::Staging, "#1c1400 on #f2c14e"),
    (Token::Development, "#04170a on #63c37e"),
    (Token::LockOpen, "#1c1400 on #f2c14e"),
    (Token::Live, "#1b6e2e"),
    (Token::Stale, "#1c1400 on #f2c14e bold"),
    (Token::On, "#1b6e2e"),
    (Token::Off, "#5c6370"),
    (Token::Part, "#7a5000"),
    (Token::Pending, "#005f87"),
    (Token::Bad, "#b3001b bold"),
    (Token::Mark, "#7a1fa2"),
    (Token::DiffAdd, "#1b6e2e"),
    (Token::DiffDel, "#b3001b"),
    (Token::DiffChange, "#7a5000"),
    (Token::JsonKey, "#005f87"),
    (Token::JsonString, "#1b6e2e"),
    (Token::JsonNumber, "#7a5000"),
    (Token::JsonLiteral, "#7a1fa2"),
    (Token::JsonError, "#b3001b underline"),
    (Token::Warn, "#7a5000"),
    (Token::Error, "#b3001b bold"),
    (Token::BarFull, "#1b6e2e"),
    (Token::BarEmpty, "#6b7280"),
];

/// Nothing faint, nothing that only a hue tells.
const CONTRAST: Table = &[
    (Token::Dim, "default"),
    (Token::Heading, "bold underline"),
    (Token::Rule, "default"),
    (Token::Disabled, "default"),
    (Token::Off, "default"),
    (Token::On, "bold"),
    (Token::Part, "bold underline"),
    (Token::Pending, "underline"),
    (Token::Bad, "bright-white on red bold"),
    (Token::Warn, "black on yellow bold"),
    (Token::Error, "bright-white on red bold"),
    (Token::DiffAdd, "bold"),
    (Token::DiffDel, "underline"),
    (Token::DiffChange, "bold underline"),
    (Token::BarFull, "bold"),
    (Token::BarEmpty, "default"),
];

/// Blue and yellow where others have green and red.
const COLORBLIND: Table = &[
    (Token::Development, "bright-white on blue"),
    (Token::Live, "cyan"),
    (Token::On, "cyan bold"),
    (Token::DiffAdd, "cyan"),
    (Token::DiffDel, "yellow"),
    (Token::DiffChange, "magenta"),
    (Token::Bad, "yellow bold underline"),
    (Token::JsonString, "blue"),
    (Token::BarFull, "cyan"),
];

fn lay(looks: &mut Looks, table: Table) {
    for (token, text) in table {
        if let (Some(place), Ok(look)) = (looks.get_mut(token.index()), Look::parse(text)) {
            *place = look;
        }
    }
}

/// The looks of a theme at a depth; none when there is no theme of that name.
pub(super) fn looks(name: &str, depth: Depth) -> Option<Looks> {
    let tables: &[Table] = match (name, depth) {
        ("mono", _) => &[MONO],
        (name, Depth::Mono) if NAMES.contains(&name) => &[MONO],
        ("default", _) | ("dark" | "light", Depth::Ansi16) => &[SIXTEEN],
        ("dark", _) => &[SIXTEEN, DARK],
        ("light", _) => &[SIXTEEN, LIGHT],
        ("contrast", _) => &[SIXTEEN, CONTRAST],
        ("colorblind", _) => &[SIXTEEN, COLORBLIND],
        _ => return None,
    };
    let mut looks = [Look::default(); Token::COUNT];
    for table in tables {
        lay(&mut looks, table);
    }
    Some(looks.map(|look| look.at(depth)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_is_written_right_and_no_token_is_there_twice() {
        for table in [MONO, SIXTEEN, DARK, LIGHT, CONTRAST, COLORBLIND] {
            let mut seen = std::collections::BTreeSet::new();
            for (token, text) in table {
                assert!(Look::parse(text).is_ok(), "{token:?} {text}");
                assert!(seen.insert(token), "{token:?}");
            }
        }
    }

    #[test]
    fn what_has_a_background_or_a_known_one_is_read_well() {
        for (table, dark, light) in [(DARK, true, false), (LIGHT, false, true)] {
            for (token, text) in table {
                if let Some((ratio, on)) = Look::parse(text).unwrap().contrast(dark, light) {
                    assert!(ratio >= 4.5, "{token:?} has {ratio:.1} on {on}");
                }
            }
        }
        for token in [Token::Protected, Token::Staging, Token::Development, Token::LockOpen, Token::Stale] {
            let (_, text) = SIXTEEN.iter().find(|(other, _)| *other == token).unwrap();
            assert!(Look::parse(text).unwrap().contrast(true, true).unwrap().0 >= 4.5, "{token:?}");
        }
    }
}
