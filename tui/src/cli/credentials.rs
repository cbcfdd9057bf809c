//! `flagstaff env credentials`: the keys that applications connect with.

use clap::{Args, Subcommand};
use shared::json::Json;

use super::ask;
use super::global::{Format, duration};
use super::plan::{Writing, agreed};
use super::session::Session;
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Method, Request, encoded};

const KINDS: [(&str, &str); 3] =
    [("server", "serverKeys"), ("mobile", "mobileKeys"), ("client-side-id", "clientSideIds")];

/// SDK credentials of an environment: list, make, rotate, revoke
#[derive(Subcommand, Debug)]
pub enum Credentials {
    /// List the keys that work, with their middle hidden
    #[command(visible_alias = "ls")]
    List {
        /// The environment's key
        env: String,
    },
    /// Make another key beside those that there are; a secret one is shown once
    Create(Create),
    /// Make a new key and give the old ones of its kind an end; until then both work
    Rotate(Rotate),
    /// Revoke a key: whoever uses it is cut off at once
    Revoke(Revoke),
}

/// What to make.
#[derive(Args, Debug)]
pub struct Create {
    /// The environment's key
    env: String,
    /// Which SDKs connect with it
    #[arg(long, default_value = "server", value_parser = KINDS.map(|(kind, _)| kind))]
    kind: String,
    /// Take the key that applications have already, out of FILE; - is standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// What to rotate.
#[derive(Args, Debug)]
pub struct Rotate {
    /// The environment's key
    env: String,
    /// Which SDKs connect with it
    #[arg(long, default_value = "server", value_parser = KINDS.map(|(kind, _)| kind))]
    kind: String,
    /// When the old keys end: 30m, 24h, 7d; 0 is at once
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    grace: std::time::Duration,
    #[command(flatten)]
    writing: Writing,
}

/// What to revoke.
#[derive(Args, Debug)]
pub struct Revoke {
    /// The environment's key
    env: String,
    /// The key's id, or how it ends
    id: String,
    #[command(flatten)]
    writing: Writing,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Credentials, session: &Session) -> Result<(), Trouble> {
    match command {
        Credentials::List { env } => {
            let items = all(session, &env).await?;
            Sheet::list("flagstaff.credentials/1", columns(), items).print(&session.global)
        }
        Credentials::Create(wanted) => {
            let mut body: Json = [("kind", Json::from(wanted.kind.as_str()))].into_iter().collect();
            if let Some(name) = &wanted.key_file {
                // On the command line itself every user of the host could read it.
                body.set("key", Json::from(ask::file(name)?.trim()));
            }
            let told = match (&wanted.key_file, wanted.kind.as_str()) {
                (Some(_), _) => Told::Given,
                (None, kind) => Told::of(kind),
            };
            let request = Request::new(Method::Post, path(session, &wanted.env)).with_body(body);
            made(session, request, told, &wanted.writing).await
        }
        Credentials::Rotate(wanted) => {
            let seconds = i64::try_from(wanted.grace.as_secs())
                .map_err(|_| Trouble::usage("--grace is too long".to_owned()))?;
            let body = [("kind", Json::from(wanted.kind.as_str())), ("expireOldAfter", Json::from(seconds))];
            let path = format!("{}/rotate", path(session, &wanted.env));
            let request = Request::new(Method::Post, path).with_body(body.into_iter().collect());
            made(session, request, Told::of(&wanted.kind), &wanted.writing).await
        }
        Credentials::Revoke(wanted) => {
            let id = found(&all(session, &wanted.env).await?, &wanted.id)?;
            let path = format!("{}/{}", path(session, &wanted.env), encoded(&id));
            let request = Request::new(Method::Delete, path);
            let Some(answer) = agreed(session, request, None, &wanted.writing).await? else { return Ok(()) };
            Sheet::one("flagstaff.credential/1", columns(), answer.body).print(&session.global)
        }
    }
}

fn path(session: &Session, env: &str) -> String {
    session.path(&format!("/environments/{}/credentials", encoded(env)))
}

fn columns() -> Columns {
    Columns::new().member("id", "id").member("kind", "kind").member("key", "masked").read("works", |key| {
        match text(key.get("expiresAt")) {
            _ if text(key.get("revoked")) == "true" => "revoked".to_owned(),
            end if end.is_empty() => "until revoked".to_owned(),
            end => format!("until {end}"),
        }
    })
}

/// The keys that work, each with its kind.
async fn all(session: &Session, env: &str) -> Result<Vec<Json>, Trouble> {
    let view = session.get(path(session, env)).await?;
    let mut items = Vec::new();
    for (kind, member) in KINDS {
        for key in view.get(member).and_then(Json::as_array).unwrap_or_default() {
            let mut item: Json = [("kind", Json::from(kind))].into_iter().collect();
            for (name, value) in key.as_object().unwrap_or_default() {
                item.set(name, value.clone());
            }
            items.push(item);
        }
    }
    // A client-side id is public: the newest one is shown whole.
    if let Some(public) = view.get("clientSideId").filter(|id| !id.is_null())
        && let Some(newest) = items.iter_mut().find(|item| text(item.get("kind")) == "client-side-id")
    {
        newest.set("masked", public.clone());
    }
    Ok(items)
}

/// The id of the one key that is meant.
fn found(items: &[Json], wanted: &str) -> Result<String, Trouble> {
    let id = |item: &&Json| text(item.get("id")) == wanted;
    let ends = |item: &&Json| wanted.len() >= 4 && text(item.get("masked")).ends_with(wanted);
    let mut named = items.iter().filter(id).chain(items.iter().filter(ends)).map(|item| text(item.get("id")));
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(Trouble::usage(format!("several keys end with {wanted}: name it by its id")))
        }
        (None, _) => Err(Trouble::new(Exit::NotFound, "not-found", format!("no key that works is {wanted}"))
            .hint("flagstaff env credentials list shows them")),
    }
}

/// What is to be said about a key that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It is a secret that was drawn.
    Secret,
    /// It is no secret.
    Public,
    /// Whoever made it had it already.
    Given,
}

impl Told {
    fn of(kind: &str) -> Self {
        if kind == "client-side-id" { Self::Public } else { Self::Secret }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Secret => "this is the only time that the key is shown",
            Self::Public => "it is public: flagstaff env credentials list shows it at any time",
            Self::Given => "the key is kept as it was given",
        }
    }

    /// Where the answer was lost, and this is a second one.
    fn lost(self) -> &'static str {
        match self {
            Self::Secret => "the key was shown by the answer that made it: rotate it if nobody has it",
            Self::Public | Self::Given => self.shown(),
        }
    }
}

/// Sends what makes a key, and shows the key: whole, this once.
async fn made(session: &Session, request: Request, told: Told, writing: &Writing) -> Result<(), Trouble> {
    let Some(answer) = agreed(session, request, None, writing).await? else { return Ok(()) };
    let secret = answer.body.get("key").and_then(Json::as_str);
    match (secret, session.global.format()) {
        (Some(secret), Format::Table) => {
            eprintln!("{}", told.shown());
            say(&format!("{secret}\n"))
        }
        (None, _) => {
            eprintln!("{}", told.lost());
            Sheet::one("flagstaff.credential/1", columns(), answer.body).print(&session.global)
        }
        _ => Sheet::one("flagstaff.credential/1", columns().member("secret", "key"), answer.body)
            .print(&session.global),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn a_key_is_meant_by_its_id_or_by_how_it_ends_where_that_is_one() {
        let items: Vec<Json> = [("a1", "sdk-…HUXS"), ("b2", "sdk-…1u1Q"), ("c3", "mob-…HUXS")]
            .iter()
            .map(|(id, masked)| parse(&format!(r#"{{"id":"{id}","masked":"{masked}"}}"#)).unwrap())
            .collect();
        assert_eq!(found(&items, "a1").unwrap(), "a1");
        assert_eq!(found(&items, "1u1Q").unwrap(), "b2");
        assert_eq!(found(&items, "HUXS").unwrap_err().exit, Exit::Usage);
        assert_eq!(found(&items, "Q").unwrap_err().exit, Exit::NotFound);
    }
}
