//! What a piece of the screen means: the only names of colours that a view may use.

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Token {
    /// Ordinary text.
    Plain,
    /// Text of less weight: labels, ages, hints.
    Dim,
    /// Text of more weight.
    Strong,
    /// The name of a key on the keyboard.
    Key,
    /// The title of a screen or dialog.
    Title,
    /// A heading of columns.
    Heading,
    /// The line that divides.
    Rule,
    /// What cannot be done now.
    Disabled,
    /// The letters that matched what was looked for.
    Match,
    /// A banner in a protected environment.
    Protected,
    /// A banner in a staging environment.
    Staging,
    /// A banner in a development environment.
    Development,
    /// A banner over all environments, or over none.
    Neutral,
    /// Writes are open.
    LockOpen,
    /// Writes are held.
    LockClosed,
    /// The connection is fresh.
    Live,
    /// What is seen may be old.
    Stale,
    /// A flag that is on.
    On,
    /// A flag that is off.
    Off,
    /// A flag that is on for some.
    Part,
    /// A change that is not answered yet.
    Pending,
    /// Something is wrong with it.
    Bad,
    /// The key cell of the selected row.
    Selected,
    /// A marked row.
    Mark,
    /// A text field.
    Field,
    /// What was typed to confirm.
    Typed,
    /// Something added.
    DiffAdd,
    /// Something taken away.
    DiffDel,
    /// Something changed.
    DiffChange,
    /// The key of a JSON member.
    JsonKey,
    /// A JSON string.
    JsonString,
    /// A JSON number.
    JsonNumber,
    /// `true`, `false`, `null`.
    JsonLiteral,
    /// Where JSON is wrong.
    JsonError,
    /// News.
    Info,
    /// A warning.
    Warn,
    /// An error.
    Error,
    /// The filled part of a bar.
    BarFull,
    /// The rest of a bar.
    BarEmpty,
}

/// All tokens with their names in theme files, in the order of the enum.
const NAMES: [(Token, &str); Token::COUNT] = [
    (Token::Plain, "text"),
    (Token::Dim, "text.dim"),
    (Token::Strong, "text.strong"),
    (Token::Key, "text.key"),
    (Token::Title, "text.title"),
    (Token::Heading, "text.heading"),
    (Token::Rule, "text.rule"),
    (Token::Disabled, "text.disabled"),
    (Token::Match, "text.match"),
    (Token::Protected, "env.protected"),
    (Token::Staging, "env.staging"),
    (Token::Development, "env.development"),
    (Token::Neutral, "env.all"),
    (Token::LockOpen, "lock.open"),
    (Token::LockClosed, "lock.closed"),
    (Token::Live, "connection.live"),
    (Token::Stale, "connection.stale"),
    (Token::On, "state.on"),
    (Token::Off, "state.off"),
    (Token::Part, "state.part"),
    (Token::Pending, "state.pending"),
    (Token::Bad, "state.bad"),
    (Token::Selected, "row.selected"),
    (Token::Mark, "row.mark"),
    (Token::Field, "field.text"),
    (Token::Typed, "field.typed"),
    (Token::DiffAdd, "diff.add"),
    (Token::DiffDel, "diff.delete"),
    (Token::DiffChange, "diff.change"),
    (Token::JsonKey, "json.key"),
    (Token::JsonString, "json.string"),
    (Token::JsonNumber, "json.number"),
    (Token::JsonLiteral, "json.literal"),
    (Token::JsonError, "json.error"),
    (Token::Info, "toast.info"),
    (Token::Warn, "toast.warn"),
    (Token::Error, "toast.error"),
    (Token::BarFull, "bar.full"),
    (Token::BarEmpty, "bar.empty"),
];

impl Token {
    /// How many tokens there are.
    pub const COUNT: usize = 39;

    /// All tokens.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(token, _)| *token)
    }

    /// Its name in theme files, such as `env.protected`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self.index()).map_or("", |(_, name)| name)
    }

    /// The token of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, other)| *other == name).map(|(token, _)| *token)
    }

    /// The name most like `wrong`, when there is one alike.
    #[must_use]
    pub fn nearest(wrong: &str) -> Option<&'static str> {
        nearest(wrong, NAMES.iter().map(|(_, name)| *name))
    }

    /// Its place among all tokens.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// The word most like `wrong`, when there is one alike.
pub(super) fn nearest<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words
        .map(|word| (strsim::jaro_winkler(wrong, word), word))
        .filter(|(alike, _)| *alike > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, underline and reverse only.
    Mono,
    /// The terminal's own sixteen.
    Ansi16,
    /// 256.
    Ansi256,
    /// 16 million.
    Rgb,
}

impl Depth {
    /// All of them, from the poorest.
    pub const ALL: [Self; 4] = [Self::Mono, Self::Ansi16, Self::Ansi256, Self::Rgb];

    /// Its table in theme files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mono => "mono",
            Self::Ansi16 => "ansi16",
            Self::Ansi256 => "ansi256",
            Self::Rgb => "rgb",
        }
    }

    /// What to use, by `--color` (`auto`, `never`, `16`, `256`, `rgb`) and the environment's
    /// `NO_COLOR` and `TERM`; none for a word that is no choice.
    ///
    /// `COLORTERM` is not asked: sixteen colours follow the reader's own palette, and over SSH
    /// the variable says nothing.
    #[must_use]
    pub fn choose(color: &str, no_color: Option<&str>, term: Option<&str>) -> Option<Self> {
        match color {
            "never" | "mono" => Some(Self::Mono),
            "16" => Some(Self::Ansi16),
            "256" => Some(Self::Ansi256),
            "rgb" => Some(Self::Rgb),
            "auto" => {
                let colourless = term
                    .is_some_and(|term| matches!(term, "dumb" | "vt100" | "vt102" | "vt220"))
                    || term.is_some_and(|term| term.ends_with("-mono") || term.ends_with("-m"));
                let refused = no_color.is_some_and(|value| !value.is_empty());
                Some(if refused || colourless { Self::Mono } else { Self::Ansi16 })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_named_once_and_at_its_own_place() {
        for (place, token) in Token::all().enumerate() {
            assert_eq!(token.index(), place, "{token:?}");
            assert_eq!(Token::named(token.name()), Some(token));
        }
        assert_eq!(Token::nearest("env.protcted"), Some("env.protected"));
        assert_eq!(Token::nearest("zzz"), None);
    }

    #[test]
    fn colours_are_refused_by_the_variable_and_chosen_by_the_flag() {
        assert_eq!(Depth::choose("auto", None, Some("xterm-256color")), Some(Depth::Ansi16));
        assert_eq!(Depth::choose("auto", Some("1"), Some("xterm")), Some(Depth::Mono));
        assert_eq!(Depth::choose("auto", Some(""), None), Some(Depth::Ansi16));
        assert_eq!(Depth::choose("256", Some("1"), None), Some(Depth::Ansi256));
        assert_eq!(Depth::choose("auto", None, Some("vt100")), Some(Depth::Mono));
        assert_eq!(Depth::choose("pink", None, None), None);
    }
}
