//! `flagstaff flag`: the commands, and those that only look.

use clap::{Args, Subcommand};
use shared::json::Json;

use super::flag_change::{self, Archive, Create, Promote, Rollout, Set, Switch};
use super::flag_past::{self, Diff, History, Revert};
use super::flag_shown::{config_columns, flag_columns, state};
use super::session::Session;
use super::sheet::{Columns, Sheet};
use super::trouble::Trouble;
use crate::request::{Request, encoded};

/// Flags: look at them, change them, undo changes
#[derive(Subcommand, Debug)]
pub enum Flag {
    /// List flags with their state in each environment
    Ls(List),
    /// Show a flag, or with --env its configuration there
    Get(Get),
    /// Make a flag; it is off everywhere
    Create(Create),
    /// Set the configuration in an environment, whole or by path
    Set(Set),
    /// Turn targeting on
    On(Switch),
    /// Turn targeting off
    Off(Switch),
    /// Flip targeting
    Toggle(Switch),
    /// Serve one variation to a percentage by default
    Rollout(Rollout),
    /// Take configurations from one environment into another
    Promote(Promote),
    /// Archive a flag: off everywhere, its key never used again
    Archive(Archive),
    /// Bring an archived flag back
    Restore(Archive),
    /// Who changed what, newest first
    History(History),
    /// What differs between two revisions
    Diff(Diff),
    /// Undo what a revision did, and keep what came later
    Revert(Revert),
}

/// What to list.
#[derive(Args, Debug)]
pub struct List {
    /// Which flags: words, and terms such as on:production tag:billing -has:archived
    #[arg(short = 'f', long, value_name = "QUERY")]
    filter: Option<String>,
    /// Only this environment's column, and what --on and --off are about
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// Only flags that are on in --env
    #[arg(long, requires = "env", conflicts_with = "off")]
    on: bool,
    /// Only flags that are off in --env
    #[arg(long, requires = "env")]
    off: bool,
    /// Only flags with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Archived flags instead of live ones
    #[arg(long)]
    archived: bool,
    /// As it was then: a revision, or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// What to show.
#[derive(Args, Debug)]
pub struct Get {
    /// The flag's key
    pub key: String,
    /// Its configuration there
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// As it was then: a revision, or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Flag, session: &Session) -> Result<(), Trouble> {
    match command {
        Flag::Ls(list) => ls(list, session).await,
        Flag::Get(get) => show(get, session).await,
        Flag::Create(create) => flag_change::create(create, session).await,
        Flag::Set(set) => flag_change::set(set, session).await,
        Flag::On(switch) => flag_change::switch(switch, Some(true), session).await,
        Flag::Off(switch) => flag_change::switch(switch, Some(false), session).await,
        Flag::Toggle(switch) => flag_change::switch(switch, None, session).await,
        Flag::Rollout(rollout) => flag_change::rollout(rollout, session).await,
        Flag::Promote(promote) => flag_change::promote(promote, session).await,
        Flag::Archive(archive) => flag_change::archive(archive, session).await,
        Flag::Restore(archive) => flag_change::restore(archive, session).await,
        Flag::History(history) => flag_past::history(history, session).await,
        Flag::Diff(diff) => flag_past::diff(diff, session).await,
        Flag::Revert(revert) => flag_past::revert(revert, session).await,
    }
}

async fn ls(list: List, session: &Session) -> Result<(), Trouble> {
    let mut request = Request::get(session.path("/flags"));
    for (name, value) in
        [("filter", &list.filter), ("tag", &list.tag), ("environment", &list.env), ("at", &list.at)]
    {
        if let Some(value) = value {
            request = request.with_query(name, value);
        }
    }
    if list.archived {
        request = request.with_query("archived", "true");
    }
    if list.on || list.off {
        request = request.with_query("enabled", if list.on { "true" } else { "false" });
    }
    let (items, environments) = tokio::try_join!(session.all(request, list.limit), async {
        match &list.env {
            Some(env) => Ok(vec![env.clone()]),
            None => environments(session).await,
        }
    })?;
    let mut columns = Columns::new().member("key", "key").member("type", "kind");
    for environment in environments {
        let path = environment.clone();
        columns = columns.read(&environment, move |flag| {
            state(flag, flag.get("environments").and_then(|all| all.get(&path)))
        });
    }
    let columns = columns
        .member("tags", "tags")
        .member("name", "name")
        .wide()
        .member("updated", "updatedAt")
        .wide()
        .member("by", "updatedBy")
        .wide();
    let total = Json::from(items.len());
    Sheet::list("flagstaff.flags/1", columns, items).with("total", total).print(&session.global)
}

/// The keys of the project's environments, in their order.
///
/// # Errors
/// A refusal, or no answer.
pub async fn environments(session: &Session) -> Result<Vec<String>, Trouble> {
    let all = session.all(Request::get(session.path("/environments")), None).await?;
    Ok(all.iter().filter_map(|e| e.get("key")?.as_str().map(ToOwned::to_owned)).collect())
}

async fn show(get: Get, session: &Session) -> Result<(), Trouble> {
    let key = encoded(&get.key);
    let path = match &get.env {
        Some(env) => session.path(&format!("/flags/{key}/config/{}", encoded(env))),
        None => session.path(&format!("/flags/{key}")),
    };
    let mut request = Request::get(path);
    if let Some(when) = &get.at {
        request = request.with_query("at", when);
    }
    let answer = session.send(request).await?;
    let (schema, columns) = if get.env.is_some() {
        ("flagstaff.config/1", config_columns())
    } else {
        ("flagstaff.flag/1", flag_columns())
    };
    Sheet::one(schema, columns, answer.body).print(&session.global)
}
