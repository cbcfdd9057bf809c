//! `flagstaff login`, `logout` and `whoami`.

use std::io::{BufRead, IsTerminal};

use shared::json::Json;

use super::ask;
use super::global::Global;
use super::session::{Session, Setup};
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::Trouble;
use crate::client::{Client, Credential};
use crate::config::token;
use crate::request::Request;
use crate::text::shown;

/// Keeps a token for a profile, once the daemon has taken it.
///
/// # Errors
/// No profile is meant, the daemon does not know the token, the file cannot be written.
pub async fn login(global: &Global) -> Result<(), Trouble> {
    let setup = Setup::load()?;
    let mut session = Session::open(global)?;
    let Some(profile) = session.chosen.profile.clone() else {
        return Err(Trouble::usage("a token is kept for a profile, and none is meant")
            .hint("flagstaff profile add NAME https://HOST, then flagstaff login --profile NAME"));
    };
    let secret = if std::io::stdin().is_terminal() {
        if global.no_input {
            return Err(Trouble::usage("a token is needed on standard input"));
        }
        ask::secret(&format!("token for {profile} ({}):", session.chosen.target)).await?
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line
    };
    let secret = secret.trim().to_owned();
    if secret.is_empty() {
        return Err(Trouble::usage("no token was given"));
    }
    let target = session.chosen.target.clone();
    if !target.is_private() && !setup.settings.profile(&profile).is_some_and(|profile| profile.insecure) {
        return Err(Trouble::usage(format!(
            "{target} is plain http: others could read the token on its way"
        ))
        .hint("use https or ssh, or say insecure = true in the profile"));
    }
    session.client = Client::new(target, Credential::Token(secret.clone()));
    let me = session.get("/api/me").await?;
    let path = token::save(&setup.places, &profile, &secret)?;
    let who = text(me.get("principal"));
    say(&format!("{profile}: signed in as {}; the token is in {}\n", shown(&who), path.display()))
}

/// Forgets the token of a profile.
///
/// # Errors
/// No profile is meant; the file system's.
pub fn logout(global: &Global) -> Result<(), Trouble> {
    let setup = Setup::load()?;
    let named = global.profile.clone().or_else(|| super::session::variable("FLAGSTAFF_PROFILE"));
    let Some(profile) = named.or(setup.settings.default_profile) else {
        return Err(Trouble::usage("which profile?").hint("--profile NAME"));
    };
    let there = token::forget(&setup.places, &profile)?;
    let said = if there {
        "the token is forgotten here; `token revoke` ends it everywhere"
    } else {
        "there was no token"
    };
    say(&format!("{profile}: {said}\n"))
}

/// Shows who the daemon takes us for.
///
/// # Errors
/// Whatever went wrong.
pub async fn whoami(session: &Session) -> Result<(), Trouble> {
    let me = session.send(Request::get("/api/me")).await?.body;
    let columns = Columns::new()
        .member("principal", "principal")
        .member("credential", "credential")
        .member("role", "role")
        .member("limit", "limit")
        .read("roles", |me| {
            let roles = me.get("roles").and_then(Json::as_array).unwrap_or_default();
            let told = roles.iter().map(|role| {
                let word = |name: &str| text(role.get(name));
                let writes = if word("mayWrite") == "true" { "" } else { " (reads)" };
                format!("{}/{} {}{writes}", word("project"), word("environment"), word("role"))
            });
            told.collect::<Vec<_>>().join("\n")
        });
    Sheet::one("flagstaff.me/1", columns, me).print(&session.global)
}
