//! The history over HTTP: entries, revisions, and their export.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{once, try_unfold};
use http::{HeaderValue, header};
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::audit::hex;
use shared::change::{Action, EntityKind};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::revision::Revision;

use super::audit_shapes::{self as shapes, AuditPage, RevisionPage, RevisionView};
use crate::http::Verified;
use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::service::audit::{self, Cursor};
use crate::service::findings::Report;
use crate::service::history::Moment;
use crate::service::{Cx, Refusal};
use crate::store::audit_query::{Filter, Visible};

/// What the caller may see of the history.
fn visible(asked: &Asked) -> Result<Visible, ApiError> {
    if asked.text("at").is_some() {
        return Err(ApiError::parameter("at", "is not taken here; from and to choose a part of the history"));
    }
    let known: Vec<(ProjectKey, Vec<EnvironmentKey>)> = asked
        .catalog
        .projects
        .keys()
        .map(|project| {
            let of_project = asked.catalog.environments.keys().filter(|(p, _)| p == project);
            (project.clone(), of_project.map(|(_, environment)| environment.clone()).collect())
        })
        .collect();
    let visible = audit::visible(&asked.cx.caller, &known);
    if visible.is_empty() {
        // The decision for the installation says why.
        asked.allow(Permission::ReadAudit, Scope::INSTALLATION)?;
    }
    Ok(visible)
}

async fn filter(asked: &Asked) -> Result<Option<Filter>, ApiError> {
    let mut filter = Filter {
        actor: asked.text("actor").map(str::to_owned),
        project: asked.query("project")?,
        environment: asked.query("environment")?,
        flag: asked.query("flag")?,
        action: asked.query::<Action>("action")?,
        kind: asked.query::<EntityKind>("kind")?,
        from: None,
        to: None,
        text: asked.text("q").filter(|q| !q.is_empty()).map(str::to_owned),
        raised: asked.flag("raised")?.unwrap_or(false),
        visible: visible(asked)?,
    };
    if [&filter.actor, &filter.text].into_iter().flatten().any(|t| t.contains('\0')) {
        return Err(ApiError::parameter("q", "holds the character U+0000"));
    }
    if asked.path_has("project") {
        filter.project = Some(asked.project_key()?);
    }
    if let Some(moment) = asked.query::<Moment>("from")? {
        filter.from = audit::first(&asked.cx, moment).await?;
        if filter.from.is_none() {
            return Ok(None);
        }
    }
    if let Some(moment) = asked.query::<Moment>("to")? {
        filter.to = audit::last(&asked.cx, moment).await?;
        if filter.to.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(filter))
}

/// Lists the history, one item for each entity that a revision touched, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(
    ("actor" = Option<String>, Query, description = "who: user:alice, os:alice, token:<id>"),
    ("project" = Option<String>, Query, description = "of this project"),
    ("environment" = Option<String>, Query, description = "of this environment"),
    ("flag" = Option<String>, Query, description = "this flag and its configurations"),
    ("action" = Option<Action>, Query, description = "what was done"),
    ("kind" = Option<EntityKind>, Query, description = "what was touched"),
    ("from" = Option<String>, Query, description = "a revision or an RFC 3339 time, included"),
    ("to" = Option<String>, Query, description = "a revision or an RFC 3339 time, included"),
    ("q" = Option<String>, Query, description = "comment, key or actor contains"),
    ("raised" = Option<bool>, Query, description = "versions that a change of the flag raised, too"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 100; exports have no limit unless one is given",
     minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page; as text/csv or application/x-ndjson by Accept, everything that matches",
     content((AuditPage = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"))),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let filter = filter(&asked).await?;
    answer(&asked, filter).await
}

/// Lists the history of a flag and its configurations, newest first.
#[utoipa::path(get, path = "/flags/{key}/audit", tag = "audit", params(
    ("key" = String, Path, description = "the flag"),
    ("actor" = Option<String>, Query, description = "who: user:alice, os:alice, token:<id>"),
    ("environment" = Option<String>, Query, description = "of this environment"),
    ("action" = Option<Action>, Query, description = "what was done"),
    ("kind" = Option<EntityKind>, Query, description = "what was touched"),
    ("from" = Option<String>, Query, description = "a revision or an RFC 3339 time, included"),
    ("to" = Option<String>, Query, description = "a revision or an RFC 3339 time, included"),
    ("q" = Option<String>, Query, description = "comment, key or actor contains"),
    ("raised" = Option<bool>, Query, description = "versions that a change of the flag raised, too"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 100; exports have no limit unless one is given",
     minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page; as text/csv or application/x-ndjson by Accept, everything that matches",
     content((AuditPage = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"))),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn of_flag(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project_key()?;
    let key: FlagKey = asked.path("key")?;
    let mut filter = filter(&asked).await?;
    if asked.catalog.flag(&project, &key).is_none() {
        return Err(ApiError::unknown(format!("flag {key}")));
    }
    if let Some(filter) = &mut filter {
        filter.project = Some(project);
        filter.flag = Some(key);
    }
    answer(&asked, filter).await
}

/// How a listing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Page,
    Csv,
    Lines,
}

fn form(asked: &Asked) -> Form {
    let accept = asked.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    for wanted in accept.split(',').map(|part| part.split(';').next().unwrap_or("").trim()) {
        match wanted.to_ascii_lowercase().as_str() {
            "text/csv" => return Form::Csv,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => return Form::Lines,
            "application/json" | "*/*" => return Form::Page,
            _ => {}
        }
    }
    Form::Page
}

/// `filter` is `None` where the bounds admit nothing.
async fn answer(asked: &Asked, filter: Option<Filter>) -> Result<Response, ApiError> {
    let cursor = asked.query::<Cursor>("cursor")?;
    match form(asked) {
        Form::Page => {
            let limit = asked.limit(100, 1000)?;
            let page = match &filter {
                Some(filter) => audit::page(&asked.cx, filter, cursor, limit).await?,
                None => audit::Page { items: Vec::new(), next: None },
            };
            let items = page.items.iter().map(shapes::item).collect();
            let next = page.next.map_or(Json::Null, |c| Json::from(c.to_string()));
            let body: Json = [("items", Json::Array(items)), ("nextCursor", next)].into_iter().collect();
            let mut response = asked.reply(None, &body);
            response
                .headers_mut()
                .insert(header::VARY, HeaderValue::from_static("accept, authorization, x-user-id"));
            Ok(response)
        }
        form => {
            let limit = asked.query::<usize>("limit")?.unwrap_or(usize::MAX);
            export(asked, filter, cursor, limit, form).await
        }
    }
}

/// Where an export stands between two pieces.
struct Export {
    cx: Cx,
    filter: Option<Filter>,
    cursor: Option<Cursor>,
    left: usize,
    form: Form,
}

impl Export {
    /// The next piece; empty at the end.
    async fn piece(&mut self) -> Result<String, Refusal> {
        const ROWS: usize = 100;
        let mut out = String::new();
        let Some(filter) = &self.filter else { return Ok(out) };
        let page = audit::page(&self.cx, filter, self.cursor, self.left.min(ROWS)).await?;
        self.left = self.left.saturating_sub(page.items.len());
        for found in &page.items {
            match self.form {
                Form::Csv => shapes::row(found, &mut out),
                _ => {
                    shapes::item(found).write(&mut out);
                    out.push('\n');
                }
            }
        }
        self.cursor = page.next;
        if self.cursor.is_none() || self.left == 0 {
            self.filter = None;
        }
        Ok(out)
    }
}

/// Everything that matches, piece by piece: memory holds one piece, and no connection is kept between
/// two, however slowly it is read. The history only grows at its new end, so the pieces fit together.
async fn export(
    asked: &Asked,
    filter: Option<Filter>,
    cursor: Option<Cursor>,
    limit: usize,
    form: Form,
) -> Result<Response, ApiError> {
    let mut export = Export { cx: asked.cx.clone(), filter, cursor, left: limit, form };
    // The first piece decides on the status.
    let mut first = if form == Form::Csv { shapes::COLUMNS.to_owned() } else { String::new() };
    first.push_str(&export.piece().await?);
    let pieces = try_unfold((Some(first), export), async |(first, mut export)| {
        let piece = match first {
            Some(first) if !first.is_empty() => first,
            _ => export.piece().await.map_err(|error| {
                tracing::warn!(%error, "an export of the audit broke off");
                std::io::Error::other("the export broke off")
            })?,
        };
        let next = (!piece.is_empty()).then(|| (Bytes::from(piece), (None, export)));
        Ok::<_, std::io::Error>(next)
    });
    let mut response = Body::from_stream(pieces).into_response();
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"audit.csv\""),
        _ => ("application/x-ndjson", "attachment; filename=\"audit.ndjson\""),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, x-user-id"));
    crate::http::request::tell_revision(headers, asked.catalog.position.revision);
    Ok(response)
}

/// Lists revisions, oldest first.
#[utoipa::path(get, path = "/revisions", tag = "audit", params(
    ("since" = Option<i64>, Query, description = "only those after this revision"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 100", minimum = 1, maximum = 1000),
), responses(
    (status = 200, description = "a page of revisions", body = RevisionPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revisions(asked: Asked) -> Result<Response, ApiError> {
    const SUMMARY: usize = 20;
    let since = match asked.query::<Moment>("since")? {
        None => Revision(0),
        Some(Moment::Revision(number)) => number,
        Some(Moment::Position(position)) => position.revision,
        Some(Moment::Time(_)) => return Err(ApiError::parameter("since", "must be a revision, like 4810")),
    };
    let limit = i64::try_from(asked.limit(100, 1000)?).unwrap_or(1000);
    let visible = visible(&asked)?;
    let (shown, next) = audit::revisions(&asked.cx, since, limit, &visible).await?;
    let items = shown
        .iter()
        .map(|(committed, entries)| {
            let told = || entries.iter().filter(|e| e.action != Action::VersionRaised);
            let mut view = shapes::header(committed);
            view.set("hash", Json::from(hex(&committed.hash)));
            view.set("changes", Json::Array(told().take(SUMMARY).map(shapes::touched).collect()));
            view.set("changed", Json::from(told().count()));
            view
        })
        .collect();
    let next = next.map_or(Json::Null, |r| Json::from(r.0));
    let body: Json = [("items", Json::Array(items)), ("nextSince", next)].into_iter().collect();
    Ok(asked.reply(None, &body))
}

/// Shows a revision with what it touched.
#[utoipa::path(get, path = "/revisions/{revision}", tag = "audit", params(
    ("revision" = String, Path, description = "4810, r4810 or 1.4810"),
), responses(
    (status = 200, description = "the revision", body = RevisionView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revision(asked: Asked) -> Result<Response, ApiError> {
    let moment: Moment = asked.path("revision")?;
    let visible = visible(&asked)?;
    let number = number(moment)?;
    let shown = audit::revision(&asked.cx, number, &visible).await?;
    if let Moment::Position(position) = moment
        && position != shown.committed.position
    {
        return Err(ApiError::unknown(format!("revision {position}")));
    }
    let mut view = shapes::header(&shown.committed);
    view.set("previousHash", Json::from(hex(&shown.committed.previous_hash)));
    view.set("hash", Json::from(hex(&shown.committed.hash)));
    let changes = shown.entries.iter().map(|entry| {
        let mut view = shapes::entry(entry);
        view.set("digest", Json::from(hex(&entry.digest)));
        view
    });
    view.set("changes", Json::Array(changes.collect()));
    view.set("more", Json::Bool(shown.more));
    Ok(asked.reply(None, &view))
}

/// The number of a revision in a path.
pub fn number(moment: Moment) -> Result<Revision, ApiError> {
    match moment {
        Moment::Revision(number) => Ok(number),
        Moment::Position(position) => Ok(position.revision),
        Moment::Time(_) => Err(ApiError::unknown("revision of that name; a revision is a number")),
    }
}

/// Verifies the history: every hash, every link, and every row against its last entry.
#[utoipa::path(post, path = "/audit/verify", tag = "audit", responses(
    (status = 200, description = "what was looked at and what is wrong", body = Report),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn verify(asked: Asked) -> Result<Response, ApiError> {
    asked.allow(Permission::ReadAudit, Scope::INSTALLATION)?;
    let report = audit::verify(&asked.cx).await?;
    // The head of the answer goes out at once: a long history takes longer than a handler may.
    let state = asked.state.clone();
    let body = Body::from_stream(once(async move {
        match report.await {
            Ok(report) => {
                let told = Bytes::from(Json::from_serialize(&report).to_text());
                state.verified.store(Some(Arc::new(Verified { at: state.clock.now(), report })));
                Ok(told)
            }
            Err(error) => {
                tracing::warn!(%error, "the verification of the history broke off");
                Err(std::io::Error::other("the verification broke off"))
            }
        }
    }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
