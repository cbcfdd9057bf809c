//! `flagstaff audit tail`: changes as they come, none twice and none left out in silence.

use clap::Args;
use shared::json::{Json, diff};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::entries::{Which, entry_columns, read};
use super::global::Format;
use super::session::Session;
use super::sheet::{Sheet, line, say, text};
use super::trouble::{Exit, Trouble};
use crate::request::{FeedEvent, Request};
use crate::text::shown;

/// What to follow.
#[derive(Args, Debug)]
pub struct Tail {
    #[command(flatten)]
    which: Which,
    /// How many of the last changes to show first
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    lines: usize,
    /// Wait for more
    #[arg(short = 'f', long)]
    follow: bool,
    /// Start after this revision instead of with the last changes
    #[arg(long, value_name = "REVISION")]
    since: Option<u64>,
}

/// Runs it.
///
/// # Errors
/// Whatever went wrong; with `-f` only what no other try can mend.
pub async fn run(tail: Tail, session: &Session) -> Result<(), Trouble> {
    let mut printer = Printer { session, header: !session.global.no_header };
    let since = match tail.since {
        Some(since) => {
            if !tail.follow {
                let request = read(&tail.which, session).with_query("from", &(since + 1).to_string());
                let mut items = session.all(request, None).await?;
                items.reverse();
                return printer.print(items);
            }
            since.to_string()
        }
        None => {
            // The head is asked for first, so that nothing falls between the list and the feed.
            let answer = session.send(Request::get("/health")).await?;
            let member = |name: &str| text(answer.body.get(name));
            let (epoch, head) = (member("epoch"), member("revision"));
            if tail.lines > 0 {
                let request = read(&tail.which, session).with_query("to", &head);
                let mut items = session.all(request, Some(tail.lines)).await?;
                items.reverse();
                printer.print(items)?;
            }
            format!("{epoch}.{head}")
        }
    };
    if !tail.follow {
        return Ok(());
    }
    follow(&tail.which, since, &mut printer).await
}

async fn follow(which: &Which, since: String, printer: &mut Printer<'_>) -> Result<(), Trouble> {
    let session = printer.session;
    let (out, mut events) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let _ended = cancel.clone().drop_guard();
    let _feed = session.client.feed(vec!["audit".to_owned()], Some(since), out, cancel);
    let mut away = false;
    while let Some(event) = events.recv().await {
        match event {
            FeedEvent::Message(message) => match text(message.get("type")).as_str() {
                "revision" if message.get("snapshot").and_then(Json::as_bool) == Some(true) => {
                    let revision = text(message.get("revision"));
                    let request =
                        read(which, session).with_query("from", &revision).with_query("to", &revision);
                    let mut items = session.all(request, None).await?;
                    items.reverse();
                    printer.print(items)?;
                }
                "revision" => {
                    let mut items = entries(&message);
                    items.retain(|item| wanted(item, which, session));
                    printer.print(items)?;
                }
                "snapshot" => {
                    let position = shown(&text(message.get("position"))).into_owned();
                    eprintln!(
                        "flagstaff: changes before {position} came too late to be told one by one; \
                         `flagstaff audit ls` has them"
                    );
                }
                "error" => {
                    let problem = message.get("problem").cloned().unwrap_or_default();
                    let detail = text(problem.get("detail"));
                    return Err(Trouble::new(Exit::NotAllowed, "forbidden", detail));
                }
                _ => {}
            },
            FeedEvent::Up if away => {
                away = false;
                eprintln!("flagstaff: connected again");
            }
            FeedEvent::Down { reason, .. } if !away => {
                away = true;
                eprintln!("flagstaff: {}; trying again", shown(&reason));
            }
            FeedEvent::Shut(why) => return Err(Trouble::new(Exit::NotAllowed, "unauthenticated", why)),
            _ => {}
        }
    }
    Ok(())
}

/// The changes of a revision, as `GET /api/audit` shows them.
fn entries(message: &Json) -> Vec<Json> {
    let changes = message.get("changes").and_then(Json::as_array).unwrap_or_default();
    changes
        .iter()
        .map(|change| {
            let mut item: Json = ["revision", "position", "at", "kind", "actor", "source", "comment"]
                .into_iter()
                .map(|name| (name, message.get(name).cloned().unwrap_or_default()))
                .collect();
            for (name, value) in change.as_object().unwrap_or_default() {
                item.set(name, value.clone());
            }
            let side = |name: &str| change.get(name).cloned().unwrap_or_default();
            item.set("diff", Json::from_serialize(&diff(&side("before"), &side("after"))));
            item
        })
        .collect()
}

fn wanted(item: &Json, which: &Which, session: &Session) -> bool {
    let entity = item.get("entity").cloned().unwrap_or_default();
    let is = |wanted: &Option<String>, json: &Json, name: &str| {
        wanted.as_ref().is_none_or(|wanted| json.get(name).and_then(Json::as_str) == Some(wanted))
    };
    let of_flag = matches!(text(entity.get("kind")).as_str(), "flag" | "config");
    let project = session.global.project.clone();
    is(&which.env, &entity, "environment")
        && is(&which.actor, item, "actor")
        && is(&project, &entity, "project")
        && (which.flag.is_none() || (of_flag && is(&which.flag, &entity, "key")))
        && text(item.get("action")) != "version-raised"
}

/// Writes items as they come; the header once.
struct Printer<'s> {
    session: &'s Session,
    header: bool,
}

impl Printer<'_> {
    fn print(&mut self, items: Vec<Json>) -> Result<(), Trouble> {
        let global = &self.session.global;
        if items.is_empty() {
            return Ok(());
        }
        match global.format() {
            // A list without an end is no document: its items are.
            Format::Json | Format::Jsonl | Format::Yaml => {
                let mut out = String::new();
                for item in items {
                    if global.format() == Format::Yaml {
                        out.push_str("---\n");
                        out.push_str(&super::yaml::yaml(&item));
                    } else {
                        line("flagstaff.entry/1", item, global, &mut out);
                    }
                }
                say(&out)
            }
            _ => {
                let mut shown = global.clone();
                shown.no_header = !std::mem::take(&mut self.header);
                Sheet::list("flagstaff.audit/1", entry_columns(), items).print(&shown)
            }
        }
    }
}
