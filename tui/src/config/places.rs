//! Where files lie, ours and those of a daemon on this host.

use std::path::{Path, PathBuf};

/// What reads a variable of the environment; an empty one is none.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// The directories of the user who runs the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `config.toml`, `keys.toml` and `themes/`.
    pub config: PathBuf,
    /// Tokens, drafts, logs of panics.
    pub state: PathBuf,
    /// What may be thrown away.
    pub cache: PathBuf,
    /// The sockets where daemons of this host listen, the likeliest first.
    pub sockets: Vec<PathBuf>,
}

impl Places {
    /// The places of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let root = nix::unistd::Uid::effective().is_root();
        let Some(own) = directories::ProjectDirs::from("", "", "flagstaff") else {
            // No home directory: beside the working directory, rather than nowhere.
            let here = PathBuf::from("flagstaff");
            return Self {
                config: here.clone(),
                state: here.join("state"),
                cache: here.join("cache"),
                sockets: system_sockets(),
            };
        };
        let mut sockets = Vec::new();
        if !root {
            let data = own.data_dir();
            sockets.extend(own.runtime_dir().map(socket));
            sockets.push(socket(data));
            sockets.push(socket(&demo(data)));
        }
        sockets.extend(system_sockets());
        Self {
            config: own.config_dir().to_owned(),
            state: own.state_dir().unwrap_or_else(|| own.data_local_dir()).to_owned(),
            cache: own.cache_dir().to_owned(),
            sockets,
        }
    }

    /// The file with profiles and settings.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("flagstaffd.sock")
}

/// The demo's data lie beside those of a real daemon, and its socket among them.
fn demo(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push("-demo");
    data.with_file_name(name)
}

/// The sockets of root's daemon, which others on the host may be let to use.
fn system_sockets() -> Vec<PathBuf> {
    let data = Path::new("/var/lib/flagstaff");
    vec![socket(Path::new("/run/flagstaff")), socket(data), socket(&demo(data))]
}
