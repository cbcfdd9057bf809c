//! `flagstaff profile`: the daemons that have a name.

use clap::{Args, Subcommand};
use shared::json::Json;

use super::global::Global;
use super::session::Setup;
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::Trouble;
use crate::client::Target;
use crate::config::{ReadOnly, edit, token};

/// Profiles: daemons with a name, in config.toml
#[derive(Subcommand, Debug)]
pub enum Profile {
    /// List profiles
    Ls,
    /// Add a profile
    Add(Add),
    /// Make a profile the default one
    Use {
        /// Its name
        name: String,
    },
    /// Remove a profile, and its token
    Rm {
        /// Its name
        name: String,
    },
}

/// What to add.
#[derive(Args, Debug)]
pub struct Add {
    /// Its name
    name: String,
    /// https://HOST, http://HOST:PORT, ssh://[USER@]HOST[/SOCKET], or unix:/SOCKET
    address: String,
    /// The environment that reads are about when none is named
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// Whether a session starts without writes
    #[arg(long, value_parser = ["protected", "always", "never"])]
    read_only: Option<String>,
    /// What the banner says
    #[arg(long, value_name = "TEXT")]
    banner: Option<String>,
    /// Authorities in PEM, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca_file: Option<std::path::PathBuf>,
    /// Take any certificate, and send a token in the clear
    #[arg(long)]
    insecure: bool,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub fn run(command: Profile, global: &Global) -> Result<(), Trouble> {
    let setup = Setup::load()?;
    let file = setup.places.config_file();
    match command {
        Profile::Ls => ls(&setup, global),
        Profile::Add(add) => {
            let members = members(&add, global)?;
            edit::add_profile(&file, &add.name, &members)?;
            if setup.settings.profiles.is_empty() {
                edit::use_profile(&file, &add.name)?;
            }
            say(&format!(
                "{}: in {}; `flagstaff login --profile {}` keeps a token\n",
                add.name,
                file.display(),
                add.name
            ))
        }
        Profile::Use { name } => {
            edit::use_profile(&file, &name)?;
            say(&format!("{name} is the default profile\n"))
        }
        Profile::Rm { name } => {
            edit::remove_profile(&file, &name)?;
            token::forget(&setup.places, &name)?;
            say(&format!("{name} is removed\n"))
        }
    }
}

fn members(add: &Add, global: &Global) -> Result<Vec<(&'static str, toml::Value)>, Trouble> {
    let target = Target::parse(&add.address).map_err(|error| Trouble::usage(error.to_string()))?;
    let mut members: Vec<(&'static str, toml::Value)> = vec![match &target {
        Target::Unix(path) => ("socket", path.display().to_string().into()),
        Target::Tcp { .. } => ("url", target.to_string().into()),
        Target::Ssh { .. } => ("ssh", target.to_string().trim_start_matches("ssh://").to_owned().into()),
    }];
    let ca_file = match &add.ca_file {
        Some(file) => Some(std::fs::canonicalize(file)?.display().to_string()),
        None => None,
    };
    for (name, value) in [
        ("project", &global.project),
        ("environment", &add.env),
        ("read_only", &add.read_only),
        ("banner", &add.banner),
        ("user", &global.user),
        ("ca_file", &ca_file),
    ] {
        if let Some(value) = value {
            members.push((name, value.clone().into()));
        }
    }
    if add.insecure {
        members.push(("insecure", true.into()));
    }
    Ok(members)
}

fn ls(setup: &Setup, global: &Global) -> Result<(), Trouble> {
    let chosen = setup.choose(global).ok().and_then(|chosen| chosen.profile);
    let items = setup.settings.profiles.iter().map(|profile| {
        let token = match token::load(&setup.places, &profile.name) {
            Ok(Some(_)) => "kept",
            Ok(None) => "none",
            Err(_) => "refused",
        };
        let optional = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
        let read_only = match profile.read_only {
            ReadOnly::Protected => "protected",
            ReadOnly::Always => "always",
            ReadOnly::Never => "never",
        };
        [
            ("name", Json::from(profile.name.as_str())),
            ("default", Json::Bool(setup.settings.default_profile.as_deref() == Some(profile.name.as_str()))),
            ("chosen", Json::Bool(chosen.as_deref() == Some(profile.name.as_str()))),
            ("address", Json::from(profile.target.to_string())),
            ("project", optional(&profile.project)),
            ("environment", optional(&profile.environment)),
            ("readOnly", Json::from(read_only)),
            ("token", Json::from(token)),
        ]
        .into_iter()
        .collect()
    });
    let columns = Columns::new()
        .member("name", "name")
        .read("default", |p| if text(p.get("default")) == "true" { "default" } else { "" }.to_owned())
        .member("address", "address")
        .member("project", "project")
        .member("environment", "environment")
        .member("token", "token")
        .member("read only", "readOnly")
        .wide();
    Sheet::list("flagstaff.profiles/1", columns, items.collect()).print(global)
}
