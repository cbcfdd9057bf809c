//! Which daemon is meant: options, then the environment, then the file, then whatever listens here.

use std::path::PathBuf;

use super::places::{Places, Variables};
use super::read::ConfigError;
use super::settings::{Profile, ReadOnly, Settings};
use super::token;
use crate::client::{Credential, Target, Tls};

/// Where a daemon listens when nothing says otherwise.
pub const USUAL: &str = "http://127.0.0.1:3001";

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `--host`: an address.
    pub host: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--user`, for a demo.
    pub user: Option<String>,
    /// `--project`.
    pub project: Option<String>,
}

/// What made us choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// `--host`.
    Option,
    /// A variable of the environment.
    Variable(&'static str),
    /// A profile of the file.
    Profile,
    /// Nothing: a socket of this host, or the usual port.
    Usual,
}

/// The daemon that is meant, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Where it is.
    pub target: Target,
    /// By what it knows us.
    pub credential: Credential,
    /// The profile, if there is one.
    pub profile: Option<String>,
    /// What made us choose.
    pub because: Where,
    /// The project.
    pub project: String,
    /// The environment that reads are about when none is named.
    pub environment: Option<String>,
    /// Whether a session starts without writes.
    pub read_only: ReadOnly,
    /// What the banner says instead of the profile's name.
    pub banner: Option<String>,
}

impl Chosen {
    /// What people call it: the banner, the profile's name, or the host.
    #[must_use]
    pub fn name(&self) -> String {
        let place = || match &self.target {
            Target::Unix(_) => "this host".to_owned(),
            Target::Tcp { host, .. } => host.clone(),
            Target::Ssh { destination, .. } => destination.clone(),
        };
        self.banner.clone().or_else(|| self.profile.clone()).unwrap_or_else(place)
    }
}

/// Chooses. Without anything set it tries the sockets of this host with `listens`.
///
/// # Errors
/// An address is wrong, there is no such profile, a token would cross a network in the clear.
pub fn choose(
    wanted: &Wanted,
    settings: &Settings,
    places: &Places,
    variables: Variables<'_>,
    listens: &dyn Fn(&PathBuf) -> bool,
) -> Result<Chosen, ConfigError> {
    let address = |text: &str, from: &str| {
        Target::parse(text).map_err(|error| ConfigError::Option(format!("{from}: {error}")))
    };
    let (target, profile, because) = if let Some(host) = &wanted.host {
        (address(host, "--host")?, None, Where::Option)
    } else if let Some(name) = &wanted.profile {
        let profile = known(settings, name)?;
        (profile.target.clone(), Some(profile), Where::Profile)
    } else if let Some(url) = variables("FLAGSTAFF_URL") {
        (address(&url, "FLAGSTAFF_URL")?, None, Where::Variable("FLAGSTAFF_URL"))
    } else if let Some(name) = variables("FLAGSTAFF_PROFILE") {
        let profile = known(settings, &name)?;
        (profile.target.clone(), Some(profile), Where::Variable("FLAGSTAFF_PROFILE"))
    } else if let Some(name) = &settings.default_profile {
        let profile = known(settings, name)?;
        (profile.target.clone(), Some(profile), Where::Profile)
    } else if let Some(url) = variables("REACT_APP_API_URL") {
        (address(&url, "REACT_APP_API_URL")?, None, Where::Variable("REACT_APP_API_URL"))
    } else {
        (usual(places, listens)?, None, Where::Usual)
    };
    let credential = credential(wanted, profile, &target, places, variables)?;
    Ok(Chosen {
        credential,
        target,
        because,
        project: wanted
            .project
            .clone()
            .or_else(|| variables("FLAGSTAFF_PROJECT"))
            .or_else(|| profile.and_then(|p| p.project.clone()))
            .unwrap_or_else(|| "default".to_owned()),
        environment: profile.and_then(|p| p.environment.clone()),
        read_only: profile.map(|p| p.read_only).unwrap_or_default(),
        banner: profile.and_then(|p| p.banner.clone()),
        profile: profile.map(|p| p.name.clone()),
    })
}

fn known<'s>(settings: &'s Settings, name: &str) -> Result<&'s Profile, ConfigError> {
    settings.profile(name).ok_or_else(|| ConfigError::NoProfile {
        name: name.to_owned(),
        known: settings.profiles.iter().map(|profile| profile.name.clone()).collect(),
    })
}

fn usual(places: &Places, listens: &dyn Fn(&PathBuf) -> bool) -> Result<Target, ConfigError> {
    if let Some(socket) = places.sockets.iter().find(|socket| listens(socket)) {
        return Ok(Target::Unix(socket.clone()));
    }
    Target::parse(USUAL).map_err(|error| ConfigError::Option(error.to_string()))
}

/// `--user`, `FLAGSTAFF_TOKEN`, the token that `login` kept, the profile's user: the first that there is.
fn credential(
    wanted: &Wanted,
    profile: Option<&Profile>,
    target: &Target,
    places: &Places,
    variables: Variables<'_>,
) -> Result<Credential, ConfigError> {
    if let Some(user) = &wanted.user {
        return Ok(Credential::User(user.clone()));
    }
    let kept = match profile {
        Some(profile) => token::load(places, &profile.name)?,
        None => None,
    };
    let Some(token) = variables("FLAGSTAFF_TOKEN").or(kept) else {
        let user = profile.and_then(|profile| profile.user.clone());
        return Ok(user.map_or(Credential::None, Credential::User));
    };
    let open = matches!(target, Target::Tcp { tls: Some(Tls { insecure: true, .. }), .. });
    if (open || !target.is_private()) && !profile.is_some_and(|profile| profile.insecure) {
        return Err(ConfigError::Option(format!(
            "a token is not sent to {target}, where others can read it on its way: use https or ssh, or say \
             insecure = true in a profile"
        )));
    }
    Ok(Credential::Token(token))
}

/// Whether a daemon takes connections on a socket.
#[must_use]
pub fn listens(socket: &PathBuf) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::from_text;
    use std::path::Path;

    fn places() -> Places {
        Places {
            config: "/nowhere/c".into(),
            state: "/nowhere/s".into(),
            cache: "/nowhere/x".into(),
            sockets: vec!["/run/a.sock".into(), "/run/b.sock".into()],
        }
    }

    fn chosen(wanted: &Wanted, file: &str, variables: &[(&str, &str)]) -> Result<Chosen, String> {
        let settings = from_text(Path::new("config.toml"), file).unwrap();
        let read = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let listens = |socket: &PathBuf| socket.ends_with("b.sock");
        choose(wanted, &settings, &places(), &read, &listens).map_err(|error| error.to_string())
    }

    const FILE: &str = "default_profile = \"acme\"\n[profile.acme]\nurl = \"https://acme\"\nproject = \"shop\"\n\
                        [profile.open]\nurl = \"http://open:3001\"\n[profile.lax]\nurl = \"http://lax\"\ninsecure = true\n\
                        [profile.demo]\nurl = \"http://localhost:3001\"\nuser = \"alice\"";

    #[test]
    fn options_win_over_variables_over_the_file_over_what_listens_here() {
        let nothing = Wanted::default();
        let profile = Wanted { profile: Some("open".into()), ..Wanted::default() };
        let host = Wanted { host: Some("http://h".into()), ..profile.clone() };
        let url = ("FLAGSTAFF_URL", "http://u");
        let named = ("FLAGSTAFF_PROFILE", "lax");
        let react = ("REACT_APP_API_URL", "http://localhost:3001/api");
        for (wanted, file, variables, target) in [
            (&host, FILE, &[url, named][..], "http://h"),
            (&profile, FILE, &[url, named], "http://open:3001"),
            (&nothing, FILE, &[url, named], "http://u"),
            (&nothing, FILE, &[named, react], "http://lax"),
            (&nothing, FILE, &[react], "https://acme"),
            (&nothing, "", &[react], "http://localhost:3001"),
            (&nothing, "", &[], "unix:/run/b.sock"),
        ] {
            assert_eq!(chosen(wanted, file, variables).unwrap().target.to_string(), target);
        }
        assert_eq!(chosen(&nothing, FILE, &[]).unwrap().project, "shop");
        let missing = Wanted { profile: Some("acm".into()), ..Wanted::default() };
        assert!(chosen(&missing, FILE, &[]).unwrap_err().contains("there are acme, demo, lax, open"));
    }

    #[test]
    fn a_token_never_crosses_a_network_in_the_clear_unless_somebody_said_so() {
        let token = [("FLAGSTAFF_TOKEN", "fsp_x")];
        let with = |name: &str| Wanted { profile: Some(name.into()), ..Wanted::default() };
        assert!(chosen(&with("open"), FILE, &token).unwrap_err().contains("not sent to http://open:3001"));
        for name in ["acme", "lax", "demo"] {
            let chosen = chosen(&with(name), FILE, &token).unwrap();
            assert_eq!(chosen.credential, Credential::Token("fsp_x".into()), "{name}");
        }
        assert_eq!(chosen(&with("demo"), FILE, &[]).unwrap().credential, Credential::User("alice".into()));
        assert_eq!(chosen(&with("open"), FILE, &[]).unwrap().credential, Credential::None);
    }
}
