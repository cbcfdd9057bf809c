//! Reads `config.toml`; whatever is wrong is named with its file, line and key.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{Profile, ReadOnly, Settings, Ui, Way};
use crate::theme::Theme;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that is there cannot be read, or one cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in a file is wrong.
    #[error("{} line {line}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What, with the key and, where there is one, the nearest right one.
        reason: String,
    },
    /// There is no profile of that name.
    #[error("there is no profile {name:?}{}", hint(known))]
    NoProfile {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An option or a variable is wrong.
    #[error("{0}")]
    Option(String),
    /// A token's file can be read by others.
    #[error("{} can be read by others, so its token is not used: chmod 600 it", .0.display())]
    Open(PathBuf),
}

fn hint(known: &[String]) -> String {
    match known {
        [] => "; `flagstaff profile add NAME URL` makes one".to_owned(),
        known => format!("; there are {}", known.join(", ")),
    }
}

/// Reads the file; one that is missing says nothing.
///
/// # Errors
/// It cannot be read, or the first thing that is wrong in it.
pub fn settings(path: &Path) -> Result<Settings, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => from_text(path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(source) => Err(ConfigError::File { path: path.to_owned(), source }),
    }
}

/// Reads the text of a file.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn from_text(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    let file = File { path, text };
    let table = DeTable::parse(text).map_err(|error| {
        // Not the parser's own text, which quotes the line.
        file.wrong(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    let mut settings = Settings::default();
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "default_profile" => settings.default_profile = Some(file.string("default_profile", value)?),
            "profile" => {
                for (name, profile) in file.table("profile", value)? {
                    let profile = file.profile(name.get_ref().as_ref(), name.span().start, profile)?;
                    settings.profiles.push(profile);
                }
            }
            "ui" => settings.ui = file.ui(value)?,
            other => {
                return Err(file.unknown(key.span().start, "", other, &["default_profile", "profile", "ui"]));
            }
        }
    }
    if let Some(name) = &settings.default_profile
        && settings.profile(name).is_none()
    {
        let known: Vec<&str> = settings.profiles.iter().map(|p| p.name.as_str()).collect();
        let hint = nearest(name, &known).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        let reason = format!("default_profile: there is no [profile.{name}]{hint}");
        let at = text.find("default_profile").unwrap_or(0);
        return Err(file.wrong(at, reason));
    }
    Ok(settings)
}

const PROFILE: [&str; 11] = [
    "url",
    "socket",
    "ssh",
    "ca_file",
    "insecure",
    "project",
    "environment",
    "read_only",
    "banner",
    "user",
    "token",
];
const UI: [&str; 13] = [
    "theme",
    "color",
    "glyphs",
    "editor_keys",
    "editor",
    "writes_minutes",
    "lite",
    "a11y",
    "mouse",
    "sync",
    "scroll",
    "motion",
    "drafts",
];

type Value<'t> = Spanned<DeValue<'t>>;

struct File<'f> {
    path: &'f Path,
    text: &'f str,
}

impl File<'_> {
    fn wrong(&self, at: usize, reason: String) -> ConfigError {
        let line = self.text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        ConfigError::Wrong { path: self.path.to_owned(), line, reason }
    }

    fn unknown(&self, at: usize, before: &str, key: &str, known: &[&str]) -> ConfigError {
        let near = nearest(key, known).map(|near| format!("; did you mean `{before}{near}`?"));
        let hint = near.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
        self.wrong(at, format!("there is no key `{before}{key}`{hint}"))
    }

    fn must(&self, key: &str, value: &Value<'_>, what: &str) -> ConfigError {
        self.wrong(value.span().start, format!("{key} must be {what}"))
    }

    fn string(&self, key: &str, value: &Value<'_>) -> Result<String, ConfigError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.must(key, value, "a text in quotes")),
        }
    }

    fn boolean(&self, key: &str, value: &Value<'_>) -> Result<bool, ConfigError> {
        match value.get_ref() {
            DeValue::Boolean(truth) => Ok(*truth),
            _ => Err(self.must(key, value, "true or false")),
        }
    }

    fn table<'t, 'v>(&self, key: &str, value: &'v Value<'t>) -> Result<&'v DeTable<'t>, ConfigError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.must(key, value, "a table")),
        }
    }

    fn one_of(&self, key: &str, value: &Value<'_>, words: &[&str]) -> Result<String, ConfigError> {
        let text = self.string(key, value)?;
        if words.contains(&text.as_str()) {
            return Ok(text);
        }
        let hint = nearest(&text, words).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        Err(self.must(key, value, &format!("one of {}{hint}", words.join(", "))))
    }

    fn path(&self, key: &str, value: &Value<'_>) -> Result<PathBuf, ConfigError> {
        let text = self.string(key, value)?;
        let home = || directories::BaseDirs::new().map(|base| base.home_dir().to_owned());
        match text.strip_prefix("~/") {
            Some(rest) => Ok(home().unwrap_or_default().join(rest)),
            None if text.starts_with('/') => Ok(text.into()),
            None => Err(self.must(key, value, "a path that begins with / or ~/")),
        }
    }

    fn profile(&self, name: &str, at: usize, value: &Value<'_>) -> Result<Profile, ConfigError> {
        if let Err(reason) = name_of_profile(name) {
            return Err(self.wrong(at, reason));
        }
        let before = format!("profile.{name}.");
        let mut way = Way::default();
        let (mut project, mut environment, mut banner, mut user) = (None, None, None, None);
        let mut read_only = ReadOnly::default();
        for (key, value) in self.table(&format!("profile.{name}"), value)? {
            let short = key.get_ref().as_ref();
            let full = format!("{before}{short}");
            match short {
                "url" => way.url = Some(self.string(&full, value)?),
                "socket" => way.socket = Some(self.path(&full, value)?),
                "ssh" => way.ssh = Some(self.string(&full, value)?),
                "ca_file" => way.ca_file = Some(self.path(&full, value)?),
                "insecure" => way.insecure = self.boolean(&full, value)?,
                "project" => project = Some(self.string(&full, value)?),
                "environment" => environment = Some(self.string(&full, value)?),
                "banner" => banner = Some(self.string(&full, value)?),
                "user" => user = Some(self.string(&full, value)?),
                "read_only" => {
                    read_only = match self.one_of(&full, value, &["protected", "always", "never"])?.as_str() {
                        "always" => ReadOnly::Always,
                        "never" => ReadOnly::Never,
                        _ => ReadOnly::Protected,
                    }
                }
                "token" => {
                    let reason =
                        format!("{full}: tokens do not belong into this file; `flagstaff login` keeps one");
                    return Err(self.wrong(key.span().start, reason));
                }
                _ => return Err(self.unknown(key.span().start, &before, short, &PROFILE)),
            }
        }
        let insecure = way.insecure;
        let target = way.target().map_err(|(key, why)| self.wrong(at, format!("{before}{key} {why}")))?;
        Ok(Profile { name: name.to_owned(), target, project, environment, read_only, banner, user, insecure })
    }

    fn ui(&self, value: &Value<'_>) -> Result<Ui, ConfigError> {
        let mut ui = Ui::default();
        for (key, value) in self.table("ui", value)? {
            let short = key.get_ref().as_ref();
            let full = format!("ui.{short}");
            match short {
                "theme" => ui.theme = self.theme(&full, value)?,
                "color" => ui.color = self.one_of(&full, value, &["auto", "never", "16", "256", "rgb"])?,
                "glyphs" => ui.glyphs = self.one_of(&full, value, &["auto", "ascii", "unicode"])?,
                "editor_keys" => ui.editor_keys = self.one_of(&full, value, &["plain", "vim"])?,
                "editor" => ui.editor = Some(self.string(&full, value)?),
                "writes_minutes" => ui.writes_minutes = self.minutes(&full, value)?,
                "lite" => ui.lite = self.boolean(&full, value)?,
                "a11y" => ui.a11y = self.boolean(&full, value)?,
                "mouse" => ui.mouse = self.boolean(&full, value)?,
                "sync" => ui.sync = self.boolean(&full, value)?,
                "scroll" => ui.scroll = self.boolean(&full, value)?,
                "motion" => ui.motion = self.boolean(&full, value)?,
                "drafts" => ui.drafts = self.boolean(&full, value)?,
                _ => return Err(self.unknown(key.span().start, "ui.", short, &UI)),
            }
        }
        Ok(ui)
    }

    /// A built-in theme, or a file of that name in `themes/` beside this one.
    fn theme(&self, key: &str, value: &Value<'_>) -> Result<String, ConfigError> {
        let name = self.string(key, value)?;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let beside = self.path.parent().map(|folder| folder.join("themes").join(format!("{name}.toml")));
        if Theme::names().contains(&name.as_str()) || (plain && beside.is_some_and(|file| file.is_file())) {
            return Ok(name);
        }
        let hint =
            nearest(&name, Theme::names()).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
        let words = format!("{}, or a file in themes/{hint}", Theme::names().join(", "));
        Err(self.must(key, value, &format!("one of {words}")))
    }

    fn minutes(&self, key: &str, value: &Value<'_>) -> Result<u8, ConfigError> {
        let read = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse::<u8>().ok(),
            _ => None,
        };
        read.filter(|minutes| (1..=60).contains(minutes))
            .ok_or_else(|| self.must(key, value, "a number from 1 to 60"))
    }
}

/// That a profile may be called so: its name is also that of files.
///
/// # Errors
/// Why not, as a sentence.
pub fn name_of_profile(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with(['.', '-']) {
        Ok(())
    } else {
        Err(format!("{name:?} cannot be a profile's name: letters, digits, `-`, `_` and `.`, at most 64"))
    }
}

/// The word that looks most like another, where one does.
#[must_use]
pub fn nearest<'w>(wrong: &str, words: &[&'w str]) -> Option<&'w str> {
    let (word, likeness) = words
        .iter()
        .map(|word| (*word, strsim::jaro_winkler(wrong, word)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (likeness > 0.8).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Target, Tls};

    fn read(text: &str) -> Result<Settings, String> {
        from_text(Path::new("config.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn profiles_and_settings_are_read() {
        let settings = read(
            "default_profile = \"acme\"\n\
             [profile.acme]\nurl = \"https://flags.acme.internal\"\nca_file = \"/etc/acme.pem\"\n\
             environment = \"prod-eu\"\nread_only = \"always\"\nbanner = \"ACME\"\n\
             [profile.far]\nssh = \"alice@bastion:2222\"\n\
             [profile.here]\nsocket = \"/run/f.sock\"\n\
             [ui]\nwrites_minutes = 5\ncolor = \"16\"\nlite = true\n",
        )
        .unwrap();
        let acme = settings.profile("acme").unwrap();
        let tls = Some(Tls { ca_file: Some("/etc/acme.pem".into()), insecure: false });
        let target =
            Target::Tcp { host: "flags.acme.internal".into(), port: 443, tls, prefix: String::new() };
        assert_eq!((&acme.target, acme.read_only), (&target, ReadOnly::Always));
        assert_eq!(settings.profile("far").unwrap().target.to_string(), "ssh://alice@bastion:2222");
        assert_eq!(settings.profile("here").unwrap().target, Target::Unix("/run/f.sock".into()));
        assert_eq!((settings.ui.writes_minutes, settings.ui.lite), (5, true));
        assert_eq!(read("").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_line_key_and_the_nearest_right_one() {
        for (text, said) in [
            (
                "[ui]\n\nwrites_minuts = 5",
                "config.toml line 3: there is no key `ui.writes_minuts`; did you mean `ui.writes_minutes`?",
            ),
            (
                "[profile.a]\nurl = \"http://a\"\nenviroment = \"x\"",
                "line 3: there is no key `profile.a.enviroment`; did you mean `profile.a.environment`?",
            ),
            ("[profiles.a]\n", "line 1: there is no key `profiles`; did you mean `profile`?"),
            ("[ui]\nwrites_minutes = 61", "line 2: ui.writes_minutes must be a number from 1 to 60"),
            (
                "[ui]\ncolor = \"nevr\"",
                "line 2: ui.color must be one of auto, never, 16, 256, rgb; did you mean \"never\"?",
            ),
            ("[ui]\nlite = \"yes\"", "line 2: ui.lite must be true or false"),
            (
                "[profile.a]\nurl = \"http://a\"\ntoken = \"x\"",
                "line 3: profile.a.token: tokens do not belong",
            ),
            ("[profile.a]\n", "line 1: profile.a.url is missing: set url, socket or ssh"),
            ("[profile.a]\nurl = \"ftp://a\"\n", "profile.a.url"),
            ("[profile.a]\nurl = \"http://a\"\nssh = \"b\"\n", "only one"),
            ("[profile.\"a/b\"]\nurl = \"http://a\"\n", "cannot be a profile's name"),
            (
                "default_profile = \"acm\"\n[profile.acme]\nurl = \"http://a\"",
                "line 1: default_profile: there is no [profile.acm]; did you mean \"acme\"?",
            ),
            ("x = = 1", "line 1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
