//! A theme file: some looks in place of those of another theme, checked line by line.

use crate::theme::builtin::{self, Looks};
use crate::theme::look::Look;
use crate::theme::token::{Depth, Token, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Contrast under which text is hard to read.
const READABLE: f64 = 4.5;

/// Something wrong, or unwise, in a theme file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {name}: {detail}")]
pub struct ThemeFault {
    /// The line, from 1.
    pub line: usize,
    /// The name it is about: a token, a table, or `theme` for the file.
    pub name: String,
    /// What is wrong, as a sentence.
    pub detail: String,
}

/// What a file says: the looks at a depth, and what is unwise in it.
pub(super) struct Read {
    pub looks: Looks,
    pub warnings: Vec<ThemeFault>,
}

struct Entry<'a> {
    table: &'a str,
    token: Token,
    look: Look,
    line: usize,
}

struct Reader<'a> {
    text: &'a str,
    faults: Vec<ThemeFault>,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn fault(&mut self, at: usize, name: &str, detail: impl Into<String>) {
        let line = self.line(at);
        self.faults.push(ThemeFault { line, name: name.to_owned(), detail: detail.into() });
    }

    /// A word of the top of the file, when it is one of `words`.
    fn word(&mut self, top: &DeTable<'_>, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let value = top.get(name)?;
        let found = value.get_ref().as_str().and_then(|text| words.iter().find(|word| **word == text));
        if found.is_none() {
            self.fault(value.span().start, name, format!("is one of {}", words.join(", ")));
        }
        found.copied()
    }

    fn looks<'t>(&mut self, table: &'t str, members: &DeTable<'_>, into: &mut Vec<Entry<'t>>) {
        for (key, value) in members {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            // A bare env.protected is a member of a member.
            if let DeValue::Table(inner) = value.get_ref() {
                for (last, value) in inner {
                    self.entry(table, &format!("{name}.{}", last.get_ref()), last.span().start, value, into);
                }
                continue;
            }
            self.entry(table, name, at, value, into);
        }
    }

    fn entry<'t>(
        &mut self,
        table: &'t str,
        name: &str,
        at: usize,
        value: &Spanned<DeValue<'_>>,
        into: &mut Vec<Entry<'t>>,
    ) {
        let Some(token) = Token::named(name) else {
            let like =
                Token::nearest(name).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            return self.fault(at, name, format!("is no part of the screen{like}"));
        };
        let Some(text) = value.get_ref().as_str() else {
            return self.fault(value.span().start, name, "is text, such as \"white on red bold\"");
        };
        match Look::parse(text) {
            Ok(look) => into.push(Entry { table, token, look, line: self.line(at) }),
            Err(detail) => self.fault(value.span().start, name, detail),
        }
    }
}

/// Lays what the file says for a depth over the looks of its base.
fn laid(base: &str, depth: Depth, entries: &[Entry<'_>]) -> Option<Looks> {
    let mut looks = builtin::looks(base, depth)?;
    for table in ["tokens", depth.name()] {
        // Colours that are taken away would leave nothing of a look; mono is said by itself.
        if table == "tokens" && depth == Depth::Mono {
            continue;
        }
        for entry in entries.iter().filter(|entry| entry.table == table) {
            if let Some(look) = looks.get_mut(entry.token.index()) {
                *look = entry.look.at(depth);
            }
        }
    }
    Some(looks)
}

/// Reads a theme file for a depth.
///
/// # Errors
/// All that is wrong, in the order of the lines.
pub(super) fn read(text: &str, depth: Depth) -> Result<Read, Vec<ThemeFault>> {
    let mut reader = Reader { text, faults: Vec::new() };
    let top = match DeTable::parse(text) {
        Ok(top) => top.into_inner(),
        Err(error) => {
            reader.fault(error.span().map_or(0, |span| span.start), "theme", error.message());
            return Err(reader.faults);
        }
    };
    let tables = ["tokens", "mono", "ansi16", "ansi256", "rgb"];
    let mut entries = Vec::new();
    for (key, value) in &top {
        let name = key.get_ref().as_ref();
        match (tables.iter().find(|table| **table == name), value.get_ref()) {
            (Some(table), DeValue::Table(members)) => reader.looks(table, members, &mut entries),
            (Some(table), _) => reader.fault(key.span().start, table, "is a table of looks"),
            (None, _) if ["base", "background"].contains(&name) => {}
            (None, _) => {
                let like = nearest(name, tables.into_iter().chain(["base", "background"]));
                let like = like.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                reader.fault(key.span().start, name, format!("is no part of a theme{like}"));
            }
        }
    }
    let base = reader.word(&top, "base", &builtin::NAMES).unwrap_or("default");
    let background = reader.word(&top, "background", &["dark", "light", "any"]);
    for depth in Depth::ALL {
        let Some(looks) = laid(base, depth, &entries) else { continue };
        let look = |token: Token| looks.get(token.index()).copied().map(Look::style);
        for other in [Token::Development, Token::Staging] {
            if look(Token::Protected) == look(other) {
                let line = entries
                    .iter()
                    .filter(|e| e.token == Token::Protected || e.token == other)
                    .map(|e| e.line)
                    .max();
                let name = Token::Protected.name().to_owned();
                let detail =
                    format!("looks like {} at {}; production must stand out", other.name(), depth.name());
                reader.faults.push(ThemeFault { line: line.unwrap_or(1), name, detail });
            }
        }
    }
    if !reader.faults.is_empty() {
        reader.faults.sort_by_key(|fault| fault.line);
        return Err(reader.faults);
    }
    let (dark, light) = (background != Some("light"), background != Some("dark"));
    let mut warnings: Vec<_> = entries.iter().filter_map(|entry| faint(entry, dark, light)).collect();
    warnings.sort_by_key(|fault| fault.line);
    let looks = laid(base, depth, &entries).ok_or_else(Vec::new)?;
    Ok(Read { looks, warnings })
}

fn faint(entry: &Entry<'_>, dark: bool, light: bool) -> Option<ThemeFault> {
    let (ratio, on) = entry.look.contrast(dark, light).filter(|(ratio, _)| *ratio < READABLE)?;
    let mut detail = format!("has a contrast of {ratio:.1}:1 on {on}; under {READABLE}:1 is hard to read");
    if dark && light && entry.look.bg.is_none() {
        detail.push_str(" (say background = \"dark\" or \"light\" if the theme is for one of them)");
    }
    Some(ThemeFault { line: entry.line, name: entry.token.name().to_owned(), detail })
}
