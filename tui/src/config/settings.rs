//! What can be set, and what holds when nothing is.

use std::path::PathBuf;

use crate::client::Target;

/// Everything in `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The profile that is used when none is named.
    pub default_profile: Option<String>,
    /// The profiles, in the order of the alphabet.
    pub profiles: Vec<Profile>,
    /// How the screen looks and behaves.
    pub ui: Ui,
}

impl Settings {
    /// The profile of a name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }
}

/// One daemon, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name: the end of `[profile.NAME]`.
    pub name: String,
    /// Where it is (`url`, `socket` or `ssh`; TLS with `ca_file` and `insecure`).
    pub target: Target,
    /// The project, where it is not `default`.
    pub project: Option<String>,
    /// The environment that reads are about when none is named.
    pub environment: Option<String>,
    /// Whether a session starts without writes.
    pub read_only: ReadOnly,
    /// What the banner says instead of the profile's name.
    pub banner: Option<String>,
    /// The user that a demo is told (`x-user-id`).
    pub user: Option<String>,
    /// That a token may cross a network in the clear, or a certificate be anybody's.
    pub insecure: bool,
}

/// Whether a session starts without writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadOnly {
    /// In protected environments.
    #[default]
    Protected,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How the screen looks and behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// A built-in theme's name, or that of a file in `themes/`.
    pub theme: String,
    /// `auto`, `never`, `16`, `256` or `rgb`.
    pub color: String,
    /// `auto`, `ascii` or `unicode`.
    pub glyphs: String,
    /// The keys of the editor: `plain` or `vim`.
    pub editor_keys: String,
    /// The program that documents are edited with; without one `VISUAL`, then `EDITOR`.
    pub editor: Option<String>,
    /// For how many minutes `!` opens writes: 1 to 60.
    pub writes_minutes: u8,
    /// Fewer bytes: for slow lines.
    pub lite: bool,
    /// One item a line with labels, for screen readers.
    pub a11y: bool,
    /// Whether the mouse is taken at the start.
    pub mouse: bool,
    /// Whether frames are marked as such (mode 2026).
    pub sync: bool,
    /// Whether lines are scrolled by the terminal.
    pub scroll: bool,
    /// Whether anything on the screen may move by itself.
    pub motion: bool,
    /// Whether edits are kept on disk.
    pub drafts: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: "default".to_owned(),
            color: "auto".to_owned(),
            glyphs: "auto".to_owned(),
            editor_keys: "plain".to_owned(),
            editor: None,
            writes_minutes: 10,
            lite: false,
            a11y: false,
            mouse: false,
            sync: true,
            scroll: true,
            motion: true,
            drafts: true,
        }
    }
}

/// What a profile says of its way, before it is a [`Target`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// `url`: `https://...` or `http://...`.
    pub url: Option<String>,
    /// `socket`: a path.
    pub socket: Option<PathBuf>,
    /// `ssh`: `[user@]host[:port][/socket]`.
    pub ssh: Option<String>,
    /// `ca_file`: a path.
    pub ca_file: Option<PathBuf>,
    /// `insecure`.
    pub insecure: bool,
}

impl Way {
    /// The target.
    ///
    /// # Errors
    /// Which member is wrong, and why.
    pub fn target(self) -> Result<Target, (&'static str, String)> {
        let mut target = match (self.url, self.socket, self.ssh) {
            (Some(url), None, None) => {
                let target = Target::parse(&url).map_err(|error| ("url", error.to_string()))?;
                if !matches!(target, Target::Tcp { .. }) {
                    return Err(("url", "must begin with http:// or https://".to_owned()));
                }
                target
            }
            (None, Some(socket), None) => Target::Unix(socket),
            (None, None, Some(ssh)) => {
                let text = if ssh.starts_with("ssh://") { ssh } else { format!("ssh://{ssh}") };
                Target::parse(&text).map_err(|error| ("ssh", error.to_string()))?
            }
            (None, None, None) => return Err(("url", "is missing: set url, socket or ssh".to_owned())),
            _ => return Err(("url", "is one of three: set url, socket or ssh, and only one".to_owned())),
        };
        match &mut target {
            Target::Tcp { tls: Some(tls), .. } => {
                tls.ca_file = self.ca_file;
                tls.insecure = self.insecure;
            }
            _ if self.ca_file.is_some() => {
                return Err(("ca_file", "is for https only".to_owned()));
            }
            _ => {}
        }
        Ok(target)
    }
}
