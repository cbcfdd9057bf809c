//! Changes `config.toml` line by line, so that comments and order stay.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::read::{ConfigError, from_text, name_of_profile};
use super::settings::Settings;

/// Adds a profile at the end of the file: `members` are keys and their values, as TOML writes them.
///
/// # Errors
/// There is one of that name, or what would stand there is wrong: nothing is written then.
pub fn add_profile(path: &Path, name: &str, members: &[(&str, toml::Value)]) -> Result<(), ConfigError> {
    name_of_profile(name).map_err(ConfigError::Option)?;
    let mut text = text(path)?;
    if from_text(path, &text)?.profile(name).is_some() {
        return Err(ConfigError::Option(format!(
            "there is a profile {name:?} already; `flagstaff profile rm {name}` removes it"
        )));
    }
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    }
    let name = if name.contains('.') { format!("{name:?}") } else { name.to_owned() };
    text.push_str(&format!("[profile.{name}]\n"));
    for (key, value) in members {
        text.push_str(&format!("{key} = {value}\n"));
    }
    write(path, &text)
}

/// Changes members of a profile, or adds it: what `members` do not name stays, comments included.
///
/// # Errors
/// What would stand there is wrong: nothing is written then.
pub fn set_profile(path: &Path, name: &str, members: &[(&str, toml::Value)]) -> Result<(), ConfigError> {
    const WAYS: [&str; 3] = ["url", "socket", "ssh"];
    let text = text(path)?;
    if from_text(path, &text)?.profile(name).is_none() {
        return add_profile(path, name, members);
    }
    let moved = members.iter().any(|(key, _)| WAYS.contains(key));
    let mut within = false;
    let mut out = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with('[') {
            within = heads(bare, name);
            out.push_str(line);
            out.push('\n');
            if within {
                for (key, value) in members {
                    out.push_str(&format!("{key} = {value}\n"));
                }
            }
            continue;
        }
        let key = bare.split('=').next().unwrap_or_default().trim();
        let replaced = members.iter().any(|(member, _)| *member == key) || (moved && WAYS.contains(&key));
        if !(within && replaced) {
            out.push_str(line);
            out.push('\n');
        }
    }
    write(path, &out)
}

/// Whether a line begins the section of a profile.
fn heads(bare: &str, name: &str) -> bool {
    [format!("[profile.{name}]"), format!("[profile.{name:?}]")]
        .iter()
        .any(|header| bare.split('#').next().unwrap_or_default().trim() == header)
}

/// Removes a profile, and that it is the default one.
///
/// # Errors
/// There is none of that name; the file is wrong.
pub fn remove_profile(path: &Path, name: &str) -> Result<(), ConfigError> {
    let text = text(path)?;
    let settings = from_text(path, &text)?;
    known(&settings, name)?;
    let mut within = false;
    let mut kept = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with('[') {
            within = heads(bare, name);
        }
        let is_default = settings.default_profile.as_deref() == Some(name) && names_default(bare);
        if !within && !is_default {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    write(path, &kept)
}

/// Makes a profile the default one.
///
/// # Errors
/// There is none of that name; the file is wrong.
pub fn use_profile(path: &Path, name: &str) -> Result<(), ConfigError> {
    let text = text(path)?;
    let settings = from_text(path, &text)?;
    known(&settings, name)?;
    let line = format!("default_profile = {name:?}");
    let mut out = String::new();
    if settings.default_profile.is_none() {
        out.push_str(&line);
        out.push_str(if text.is_empty() { "\n" } else { "\n\n" });
    }
    for old in text.lines() {
        let replaced = settings.default_profile.is_some() && names_default(old.trim());
        out.push_str(if replaced { &line } else { old });
        out.push('\n');
    }
    write(path, &out)
}

fn names_default(line: &str) -> bool {
    line.strip_prefix("default_profile").is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn known(settings: &Settings, name: &str) -> Result<(), ConfigError> {
    if settings.profile(name).is_some() {
        return Ok(());
    }
    let known = settings.profiles.iter().map(|profile| profile.name.clone()).collect();
    Err(ConfigError::NoProfile { name: name.to_owned(), known })
}

fn text(path: &Path) -> Result<String, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(ConfigError::File { path: path.to_owned(), source }),
    }
}

/// Writes what can be read again, and leaves the old file where it cannot.
fn write(path: &Path, text: &str) -> Result<(), ConfigError> {
    from_text(path, text)?;
    let failed = |source| ConfigError::File { path: path.to_owned(), source };
    // A link, as people keep their settings elsewhere, stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let fresh = path.with_extension(format!("toml.{}", std::process::id()));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    written.map_err(|source| {
        drop(fs::remove_file(&fresh));
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::settings;

    #[test]
    fn a_profile_is_changed_in_its_place_and_what_is_not_named_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(
            &path,
            "[profile.acme]\n# ours\nurl = \"https://a.b\"\nbanner = \"ACME\"\n\n[profile.other]\nurl = \"https://c.d\"\n",
        )
        .unwrap();
        set_profile(&path, "acme", &[("socket", "/run/f.sock".into()), ("environment", "staging".into())])
            .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("# ours\nbanner = \"ACME\"\n\n[profile.other]\nurl = \"https://c.d\""),
            "{text}"
        );
        let read = settings(&path).unwrap();
        let acme = read.profile("acme").unwrap();
        assert_eq!(
            (acme.target.to_string(), acme.environment.as_deref()),
            ("unix:/run/f.sock".into(), Some("staging"))
        );
        set_profile(&path, "third", &[("url", "https://e.f".into())]).unwrap();
        assert_eq!(settings(&path).unwrap().profiles.len(), 3);
        assert!(set_profile(&path, "acme", &[("url", "nonsense".into())]).is_err());
    }

    #[test]
    fn profiles_come_and_go_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.toml");
        add_profile(&path, "acme", &[("url", "https://a.b".into()), ("insecure", true.into())]).unwrap();
        use_profile(&path, "acme").unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("# keep me\n[ui]\nlite = true # and me\n");
        fs::write(&path, &text).unwrap();
        add_profile(&path, "v1.2", &[("socket", "/s".into())]).unwrap();
        assert!(add_profile(&path, "acme", &[]).is_err());
        assert!(add_profile(&path, "bad", &[("url", "nonsense".into())]).is_err());
        use_profile(&path, "v1.2").unwrap();
        let read = settings(&path).unwrap();
        assert_eq!((read.default_profile.as_deref(), read.profiles.len()), (Some("v1.2"), 2));
        remove_profile(&path, "v1.2").unwrap();
        let read = settings(&path).unwrap();
        assert_eq!((read.default_profile, read.profiles.len(), read.ui.lite), (None, 1, true));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# keep me\n[ui]\nlite = true # and me"), "{text}");
    }
}
