//! The theme that the settings name: a built-in one, or a file that is read again when it changes.

use super::RunError;
use crate::theme::{Depth, Theme};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A theme, and where it comes from.
#[derive(Debug)]
pub struct ThemeFile {
    theme: Theme,
    file: Option<(PathBuf, Option<SystemTime>)>,
    depth: Depth,
}

impl ThemeFile {
    /// Finds the theme `name`: in `folder` as `NAME.toml`, or built in.
    ///
    /// # Errors
    /// The file is wrong; each fault is named with its line.
    pub fn find(name: &str, folder: &Path, depth: Depth) -> Result<Self, RunError> {
        let path = folder.join(format!("{name}.toml"));
        if let Ok(text) = std::fs::read_to_string(&path) {
            let theme = Theme::from_toml(&text, depth).map_err(|faults| RunError::Theme {
                path: path.clone(),
                faults: faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            })?;
            let at = modified(&path);
            return Ok(Self { theme, file: Some((path, at)), depth });
        }
        match Theme::builtin(name, depth) {
            Some(theme) => Ok(Self { theme, file: None, depth }),
            None => Err(RunError::Theme {
                path,
                faults: format!("there is no theme {name}; built in are {}", Theme::names().join(", ")),
            }),
        }
    }

    /// The theme.
    #[must_use]
    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Whether it may change while it is shown.
    #[must_use]
    pub fn watched(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file again if it changed. Answers what to say: nothing when nothing changed.
    pub fn look(&mut self) -> Option<String> {
        let (path, seen) = self.file.as_mut()?;
        let now = modified(path);
        if now == *seen {
            return None;
        }
        *seen = now;
        let text = std::fs::read_to_string(path.as_path()).ok()?;
        match Theme::from_toml(&text, self.depth) {
            Ok(theme) => {
                self.theme = theme;
                Some("the theme was read again".to_owned())
            }
            Err(faults) => {
                Some(faults.first().map_or_else(|| "the theme is wrong".to_owned(), ToString::to_string))
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}
