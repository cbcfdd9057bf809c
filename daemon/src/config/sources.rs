//! Gathers what a configuration is made of: the file's text and the variables.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::places::Places;

/// Everything [`super::Config::load`] looks at; it reads nothing else but files named by `file:`.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The configuration file and its text.
    pub file: Option<(PathBuf, String)>,
    /// Variables of `.env`.
    pub dotenv: Vec<(String, String)>,
    /// Variables of the environment; they win over `.env`.
    pub env: Vec<(String, String)>,
    /// The default directories.
    pub places: Places,
}

impl Sources {
    /// The sources of this process: `explicit`, else `flagstaffd.toml` in the user's configuration
    /// directory if it exists; `.env` in the working directory; the environment.
    ///
    /// # Errors
    /// A file that can't be read, or a `.env` that is not a list of variables.
    pub fn of_process(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let mut places = Places::of_process();
        let env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        // A directory named by XDG_CONFIG_HOME holds for root, too.
        let xdg = env.iter().find(|(name, value)| name == "XDG_CONFIG_HOME" && value.starts_with('/'));
        if let Some((_, home)) = xdg {
            places.config = Path::new(home).join("flagstaff");
        }
        let file = match explicit {
            Some(path) => Some((path.to_owned(), read(path)?)),
            None => {
                let path = places.config.join("flagstaffd.toml");
                match std::fs::read_to_string(&path) {
                    Ok(text) => Some((path, text)),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
                    Err(source) => return Err(ConfigError::Unreadable { path, source }),
                }
            }
        };
        Ok(Self { file, dotenv: dotenv(Path::new(".env"))?, env, places })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn dotenv(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let wrong = |e: dotenvy::Error| ConfigError::Syntax { path: path.to_owned(), reason: e.to_string() };
    dotenvy::from_path_iter(path).map_err(wrong)?.map(|pair| pair.map_err(wrong)).collect()
}
