//! ROOF: which look each meaning has, by theme and by how many colours the terminal shows.

mod builtin;
mod file;
mod look;
mod token;

pub use file::ThemeFault;
pub use token::{Depth, Token};

use ratatui::style::Style;

/// A look for each token.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    styles: [Style; Token::COUNT],
    depth: Depth,
    warnings: Vec<ThemeFault>,
}

impl Theme {
    /// A theme that comes with the program; none when there is no such name.
    #[must_use]
    pub fn builtin(name: &str, depth: Depth) -> Option<Self> {
        let looks = builtin::looks(name, depth)?;
        Some(Self { styles: looks.map(look::Look::style), depth, warnings: Vec::new() })
    }

    /// The theme of somebody who chose none.
    #[must_use]
    pub fn standard(depth: Depth) -> Self {
        // The name is among `names`; without looks the words on the screen still say everything.
        Self::builtin("default", depth).unwrap_or(Self {
            styles: [Style::new(); Token::COUNT],
            depth: Depth::Mono,
            warnings: Vec::new(),
        })
    }

    /// A theme from a file, which replaces some looks of another:
    ///
    /// ```toml
    /// base = "dark"         # default: "default"
    /// background = "dark"   # what its colours are meant for; else both are checked
    /// [tokens]
    /// env.protected = "white on #c00000 bold"
    /// [mono]
    /// env.protected = "reverse bold underline"
    /// ```
    ///
    /// `tokens` is for all depths with colours; `mono`, `ansi16`, `ansi256`, `rgb` for one.
    ///
    /// # Errors
    /// All that is wrong. What is only unwise is in [`Theme::warnings`].
    pub fn from_toml(text: &str, depth: Depth) -> Result<Self, Vec<ThemeFault>> {
        let read = file::read(text, depth)?;
        Ok(Self { styles: read.looks.map(look::Look::style), depth, warnings: read.warnings })
    }

    /// The names of the themes that come with the program, the default one first.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        &builtin::NAMES
    }

    /// The look of a token.
    #[must_use]
    pub fn style(&self, token: Token) -> Style {
        self.styles.get(token.index()).copied().unwrap_or_default()
    }

    /// How many colours it was made for.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// What is unwise in the file it came from, such as faint text.
    #[must_use]
    pub fn warnings(&self) -> &[ThemeFault] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::{Color, Modifier};

    fn faults(text: &str) -> Vec<String> {
        Theme::from_toml(text, Depth::Ansi16).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn production_stands_out_in_every_theme_at_every_depth() {
        for name in Theme::names() {
            for depth in Depth::ALL {
                let theme = Theme::builtin(name, depth).unwrap();
                let protected = theme.style(Token::Protected);
                assert_ne!(protected, theme.style(Token::Development), "{name} {depth:?}");
                assert_ne!(protected, theme.style(Token::Staging), "{name} {depth:?}");
                assert!(protected.bg.is_some() || protected.add_modifier.contains(Modifier::REVERSED));
            }
        }
        assert!(Theme::builtin("nobody", Depth::Rgb).is_none());
    }

    #[test]
    fn without_colours_no_look_has_one() {
        for name in Theme::names() {
            let theme = Theme::builtin(name, Depth::Mono).unwrap();
            for token in Token::all() {
                let style = theme.style(token);
                assert_eq!((style.fg, style.bg), (None, None), "{name} {token:?}");
            }
        }
    }

    #[test]
    fn sixteen_colours_are_not_exceeded() {
        for name in Theme::names() {
            let theme = Theme::builtin(name, Depth::Ansi16).unwrap();
            for token in Token::all() {
                let style = theme.style(token);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name} {token:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_replaces_what_it_names_and_keeps_the_rest() {
        let text = "base = \"default\"\n[tokens]\nstate.on = \"blue\"\n\"state.off\" = \"#ff0000\"\n[ansi256]\nstate.on = \"33\"\n";
        let theme = Theme::from_toml(text, Depth::Ansi16).unwrap();
        assert_eq!(theme.style(Token::On).fg, Some(Color::Blue));
        assert_eq!(theme.style(Token::Off).fg, Some(Color::LightRed));
        assert_eq!(theme.style(Token::Bad), Theme::standard(Depth::Ansi16).style(Token::Bad));
        let theme = Theme::from_toml(text, Depth::Ansi256).unwrap();
        assert_eq!(theme.style(Token::On).fg, Some(Color::Indexed(33)));
        let theme = Theme::from_toml(text, Depth::Mono).unwrap();
        assert_eq!(theme.style(Token::On).fg, None);
    }

    #[test]
    fn every_fault_is_named_with_its_line_and_what_was_meant() {
        let text = "base = \"drak\"\ncolour = 1\n[tokens]\nenv.protcted = \"red\"\nstate.on = \"gren\"\nstate.off = 3\n";
        assert_eq!(
            faults(text),
            [
                "line 1: base: is one of default, dark, light, contrast, colorblind, mono",
                "line 2: colour: is no part of a theme",
                "line 4: env.protcted: is no part of the screen; did you mean env.protected?",
                "line 5: state.on: \"gren\" is no colour or weight; did you mean green?",
                "line 6: state.off: is text, such as \"white on red bold\"",
            ]
        );
        assert!(faults("[tokens\n")[0].starts_with("line 1: theme: "));
    }

    #[test]
    fn production_cannot_be_made_to_look_like_development() {
        let same = faults("[tokens]\nenv.protected = \"black on green\"\n");
        assert!(
            same[0].starts_with("line 2: env.protected: looks like env.development at ansi16"),
            "{same:?}"
        );
        let at_fewer = faults(
            "[rgb]\nenv.protected = \"#000000 on #00cd01\"\n[tokens]\nenv.development = \"black on #00cd01\"\nenv.protected = \"black on #00ce00\"\n",
        );
        assert!(at_fewer.iter().any(|f| f.contains("at ansi16")), "{at_fewer:?}");
        assert!(faults("[mono]\nenv.protected = \"bold underline\"\n")[0].contains("at mono"));
    }

    #[test]
    fn faint_text_is_warned_of_where_it_would_be_faint() {
        let file = |head: &str| format!("{head}\n[tokens]\nstate.on = \"#ffff80\"\n");
        let theme = Theme::from_toml(&file(""), Depth::Rgb).unwrap();
        assert!(theme.warnings()[0].to_string().starts_with("line 3: state.on: has a contrast of 1."));
        assert!(Theme::from_toml(&file("background = \"dark\""), Depth::Rgb).unwrap().warnings().is_empty());
    }
}
