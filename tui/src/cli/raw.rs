//! `flagstaff api`: any request, with the credential and the time-outs of the other commands.

use clap::Args;
use shared::json::{Json, pretty};

use super::ask::{json, json_file};
use super::global::Format;
use super::session::Session;
use super::sheet::{line, say};
use super::trouble::Trouble;
use super::yaml::yaml;
use crate::clock::Clock;
use crate::request::{Method, Request};

/// What to send.
#[derive(Args, Debug)]
pub struct Api {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = method)]
    method: Method,
    /// The path with its query: /api/flags?limit=5; without a slash it is one of the project: flags?limit=5
    path: String,
    /// The body: JSON, @FILE, or @- for standard input
    #[arg(short = 'd', long, value_name = "JSON")]
    data: Option<String>,
    /// The body's type
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = ["json", "merge-patch", "json-patch"])]
    kind: Option<String>,
    /// If-Match, such as "1.4812"
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// Idempotency-Key; a new one where none is given
    #[arg(long, value_name = "UUID")]
    key: Option<uuid::Uuid>,
    /// Write status and headers to standard error
    #[arg(short = 'i', long)]
    include: bool,
    /// Accept, such as text/csv
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    accept: String,
}

fn method(text: &str) -> Result<Method, String> {
    let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
    all.into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| "must be GET, POST, PUT, PATCH or DELETE".to_owned())
}

/// Sends it.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(wanted: Api, session: &Session) -> Result<(), Trouble> {
    let path = if wanted.path.starts_with('/') {
        wanted.path.clone()
    } else {
        session.path(&format!("/{}", wanted.path))
    };
    if path.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Trouble::usage("a path has no white space; write %20"));
    }
    let mut request = session.timed(Request::new(wanted.method, path));
    request.body = match &wanted.data {
        None => None,
        Some(data) => Some(match data.strip_prefix('@') {
            Some(file) => json_file(file)?,
            None => json(data, "--data")?,
        }),
    };
    request.content_type = match wanted.kind.as_deref() {
        Some("merge-patch") => Some("application/merge-patch+json"),
        Some("json-patch") => Some("application/json-patch+json"),
        _ => None,
    };
    request.if_match =
        wanted.if_match.map(|tag| if tag.starts_with('"') { tag } else { format!("\"{tag}\"") });
    if wanted.method != Method::Get {
        request.idempotency_key = Some(wanted.key.unwrap_or_else(|| session.clock.uuid()));
    }
    let sent = session.client.send_accepting(request, &wanted.accept).await;
    let (answer, headers) = sent.map_err(|failure| session.trouble(failure))?;
    if wanted.include {
        eprintln!("HTTP {}", answer.status);
        for (name, value) in &headers {
            eprintln!("{name}: {}", crate::text::shown(&String::from_utf8_lossy(value.as_bytes())));
        }
    }
    say(&match (&answer.body, session.global.format()) {
        (Json::Null, _) => String::new(),
        // A body that is no JSON comes as it is.
        (Json::String(text), _) => text.clone(),
        (body, Format::Yaml) => yaml(body),
        (body, Format::Jsonl) => match body.get("items").and_then(Json::as_array) {
            Some(items) => items.iter().fold(String::new(), |mut out, item| {
                line("flagstaff.item/1", item.clone(), &session.global, &mut out);
                out
            }),
            None => body.to_text() + "\n",
        },
        (body, _) => pretty(body) + "\n",
    })
}
