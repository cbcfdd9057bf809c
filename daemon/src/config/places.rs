//! Where files lie when the configuration doesn't say.

use std::path::{Path, PathBuf};

/// The default directories of the user who runs the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `flagstaffd.toml` is looked for here.
    pub config: PathBuf,
    /// The daemon's files.
    pub data: PathBuf,
    /// The socket; none where the system has no runtime directory.
    pub runtime: Option<PathBuf>,
}

impl Places {
    /// The places of this process: root's are the system's, anyone else's are XDG's.
    pub fn of_process() -> Self {
        if nix::unistd::Uid::effective().is_root() {
            return Self {
                config: "/etc/flagstaff".into(),
                data: "/var/lib/flagstaff".into(),
                runtime: Some("/run/flagstaff".into()),
            };
        }
        match directories::ProjectDirs::from("", "", "flagstaff") {
            Some(own) => Self {
                config: own.config_dir().into(),
                data: own.data_dir().into(),
                runtime: own.runtime_dir().map(Path::to_owned),
            },
            // No home directory: everything beside the working directory, rather than nowhere.
            None => Self { config: ".".into(), data: "flagstaff".into(), runtime: None },
        }
    }
}
