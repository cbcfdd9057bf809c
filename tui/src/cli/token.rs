//! `flagstaff token`: tokens of people and of programs.

use clap::{Args, Subcommand};
use shared::json::Json;
use time::format_description::well_known::Rfc3339;

use super::global::{Format, duration};
use super::plan::{Writing, agreed};
use super::session::Session;
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::request::{Method, Request, encoded};

/// Tokens: made, listed, revoked
#[derive(Subcommand, Debug)]
pub enum Token {
    /// List tokens: yours, or everybody's if you may
    Ls {
        /// Of this principal
        #[arg(long, value_name = "WHO")]
        principal: Option<String>,
    },
    /// Make a token; the secret is shown once
    Create(Create),
    /// Revoke a token: it stops working at once
    Revoke {
        /// The token's id
        id: String,
        #[command(flatten)]
        writing: Writing,
    },
}

/// What to make.
#[derive(Args, Debug)]
pub struct Create {
    /// What it is for
    name: String,
    /// For a program, with a role of its own, instead of for you
    #[arg(long, requires = "role")]
    service: bool,
    /// The most it may do
    #[arg(long, value_parser = ["viewer", "editor", "admin", "owner", "auditor"])]
    role: Option<String>,
    /// Only there; for programs
    #[arg(short = 'e', long, value_name = "KEY", requires = "service")]
    env: Option<String>,
    /// When it stops working: 30d, or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Token, session: &Session) -> Result<(), Trouble> {
    match command {
        Token::Ls { principal } => {
            let mut request = Request::get("/api/tokens");
            if let Some(principal) = &principal {
                request = request.with_query("principal", principal);
            }
            let items = session.all(request, None).await?;
            Sheet::list("flagstaff.tokens/1", columns(), items).print(&session.global)
        }
        Token::Create(wanted) => create(wanted, session).await,
        Token::Revoke { id, writing } => {
            let request = Request::new(Method::Delete, format!("/api/tokens/{}", encoded(&id)));
            let Some(answer) = agreed(session, request, None, &writing).await? else { return Ok(()) };
            Sheet::one("flagstaff.token/1", columns(), answer.body).print(&session.global)
        }
    }
}

fn columns() -> Columns {
    Columns::new()
        .member("id", "id")
        .member("name", "name")
        .member("kind", "kind")
        .member("principal", "principal")
        .member("role", "role")
        .read("token", |t| {
            let whole = text(t.get("token"));
            if whole.is_empty() {
                format!("{}..{}", text(t.get("prefix")), text(t.get("lastFour")))
            } else {
                whole
            }
        })
        .member("expires", "expiresAt")
        .read("revoked", |t| if text(t.get("revoked")) == "true" { "revoked" } else { "" }.to_owned())
}

async fn create(wanted: Create, session: &Session) -> Result<(), Trouble> {
    let mut body: Json = [("name", Json::from(wanted.name.as_str()))].into_iter().collect();
    if wanted.service {
        body.set("kind", Json::from("service"));
        // A program acts in the project that is meant, unless it was not named.
        if let Some(project) = &session.global.project {
            body.set("project", Json::from(project.as_str()));
        }
    }
    for (name, value) in [("role", &wanted.role), ("environment", &wanted.env)] {
        if let Some(value) = value {
            body.set(name, Json::from(value.as_str()));
        }
    }
    if let Some(expires) = &wanted.expires {
        body.set("expiresAt", Json::from(end(expires, session)?));
    }
    let request = Request::new(Method::Post, "/api/tokens").with_body(body);
    let Some(answer) = agreed(session, request, None, &wanted.writing).await? else { return Ok(()) };
    let secret = answer.body.get("token").and_then(Json::as_str);
    if let (Some(secret), Format::Table) = (secret, session.global.format()) {
        eprintln!("this is the only time that the token is shown");
        return say(&format!("{secret}\n"));
    }
    Sheet::one("flagstaff.token/1", columns(), answer.body).print(&session.global)
}

fn end(text: &str, session: &Session) -> Result<String, Trouble> {
    let Ok(span) = duration(text) else { return Ok(text.to_owned()) };
    let end = span.try_into().ok().and_then(|span: time::Duration| session.clock.now().checked_add(span));
    end.and_then(|end| end.format(&Rfc3339).ok()).ok_or_else(|| Trouble::usage(format!("{text} is too long")))
}
