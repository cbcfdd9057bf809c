//! `flagstaff health` and `wait`: how the daemons are, and whether a change is everywhere.

use std::time::Duration;

use clap::Args;
use shared::json::Json;
use tokio::time::{Instant, sleep};

use super::global::duration;
use super::session::Session;
use super::sheet::{Columns, Sheet, at, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Failure, Request};

/// What to wait for.
#[derive(Args, Debug)]
pub struct Wait {
    /// Only clients that hear this environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// The revision; without it the newest
    #[arg(long, value_name = "REVISION")]
    rev: Option<u64>,
    /// How many percent of the clients that tell how far they are must have it
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = percent)]
    clients: u8,
    /// How long
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = duration)]
    patience: Duration,
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number.filter(|n| *n <= 100).ok_or_else(|| format!("{text:?} is not 0% to 100%"))
}

/// Shows how the daemon is.
///
/// # Errors
/// Whatever went wrong, and [`Trouble::no`] where something does not work.
pub async fn health(session: &Session) -> Result<(), Trouble> {
    let body = match session.client.send(session.timed(Request::get("/health"))).await {
        Ok(answer) => answer.body,
        // Not ready is an answer, too.
        Err(Failure::Refused(problem)) if problem.body.get("status").and_then(Json::as_str).is_some() => {
            problem.body
        }
        Err(failure) => return Err(session.trouble(failure)),
    };
    let well = body.get("status").and_then(Json::as_str) == Some("ok");
    let columns = Columns::new()
        .member("status", "status")
        .member("version", "version")
        .member("revision", "revision")
        .member("epoch", "epoch")
        .member("lag", "lag")
        .member("database", "database.connected")
        .member("latency ms", "database.latency")
        .member("regressed", "database.regressed")
        .member("degraded", "degraded")
        .member("uptime s", "uptime");
    Sheet::one("flagstaff.health/1", columns, body).print(&session.global)?;
    if well { Ok(()) } else { Err(Trouble::no()) }
}

/// Waits until every daemon, and enough clients, have a revision.
///
/// # Errors
/// Whatever went wrong, and [`Trouble::no`] where somebody lags when the time is over.
pub async fn wait(wanted: Wait, session: &Session) -> Result<(), Trouble> {
    let end = Instant::now() + wanted.patience;
    let mut revision = wanted.rev.and_then(|rev| i64::try_from(rev).ok());
    loop {
        let arrived = match session.get("/api/status").await {
            Ok(status) => {
                let revision = *revision.get_or_insert_with(|| number(&status, "revision"));
                Some(standing(&status, revision, &wanted, session))
            }
            // It may just be restarting; the time tells.
            Err(trouble) if trouble.exit == Exit::Unreachable && Instant::now() < end => None,
            Err(trouble) => return Err(trouble),
        };
        if let Some((done, view)) = arrived
            && (done || Instant::now() >= end)
        {
            let columns = Columns::new()
                .member("revision", "revision")
                .read("daemons", |v| {
                    format!("{}/{}", text(at(v, "daemons.current")), text(at(v, "daemons.total")))
                })
                .read("clients", |v| {
                    format!("{}/{}", text(at(v, "clients.current")), text(at(v, "clients.total")))
                })
                .read("behind", |v| {
                    let behind = v.get("behind").and_then(Json::as_array).unwrap_or_default();
                    behind.iter().map(|b| text(Some(b))).collect::<Vec<_>>().join(", ")
                });
            Sheet::one("flagstaff.arrival/1", columns, view).print(&session.global)?;
            return if done { Ok(()) } else { Err(Trouble::no()) };
        }
        sleep(Duration::from_millis(150)).await;
    }
}

fn number(json: &Json, name: &str) -> i64 {
    json.get(name).and_then(Json::as_i64).unwrap_or(0)
}

/// Who has the revision, and who lags.
fn standing(status: &Json, revision: i64, wanted: &Wait, session: &Session) -> (bool, Json) {
    let daemons = status.get("daemons").and_then(Json::as_array).unwrap_or_default();
    let mut behind = Vec::new();
    let mut current_daemons = 0;
    for daemon in daemons {
        if number(daemon, "revision") >= revision {
            current_daemons += 1;
        } else {
            behind.push(Json::from(format!("daemon {}", text(daemon.get("name")))));
        }
    }
    let clients = status.get("clients").cloned().unwrap_or_default();
    let (mut total, mut current) = (0_usize, 0_usize);
    match clients.get("list").and_then(Json::as_array) {
        Some(list) => {
            let topic = wanted.env.as_ref().map(|env| match env.contains('/') {
                true => format!("environment:{env}"),
                false => format!("environment:{}/{env}", session.chosen.project),
            });
            for client in list {
                let topics = client.get("topics").and_then(Json::as_array).unwrap_or_default();
                let hears = topic.as_ref().is_none_or(|t| topics.iter().any(|own| own.as_str() == Some(t)));
                let tells = client.get("applied").is_some_and(|a| !a.is_null());
                if !hears || !tells {
                    continue;
                }
                total += 1;
                // Who applied all that was written to them has it, also where it was not about them.
                let all = client.get("current").and_then(Json::as_bool) == Some(true);
                if all || number(client, "applied") >= revision {
                    current += 1;
                } else {
                    let who = format!("{} at {}", text(client.get("principal")), text(client.get("address")));
                    behind.push(Json::from(who));
                }
            }
        }
        None => {
            total = usize::try_from(number(&clients, "acknowledging")).unwrap_or(0);
            current = usize::try_from(number(&clients, "current")).unwrap_or(0);
        }
    }
    let served = number(status, "revision") >= revision;
    let done =
        served && current_daemons == daemons.len() && current * 100 >= total * usize::from(wanted.clients);
    let pair = |current: usize, total: usize| -> Json {
        [("current", Json::from(current)), ("total", Json::from(total))].into_iter().collect()
    };
    let view = [
        ("revision", Json::from(revision)),
        ("arrived", Json::Bool(done)),
        ("daemons", pair(current_daemons, daemons.len())),
        ("clients", pair(current, total)),
        ("behind", Json::Array(behind)),
    ];
    (done, view.into_iter().collect())
}
