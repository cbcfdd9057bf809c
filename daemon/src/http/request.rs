//! What a handler gets: the caller's context, path and query as types, and a write's options.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use shared::access::{Permission, Scope};
use shared::api::problem::ProblemKind;
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::Revision;

use super::AppState;
use super::error::ApiError;
use super::identity;
use crate::live::catalog::Catalog;
use crate::net::request::RequestId;
use crate::service::commit::Answer;
use crate::service::{Cx, WriteOptions};

/// How long a read waits for what this daemon itself committed.
const OWN_WRITES: Duration = Duration::from_secs(1);

/// A request that has a caller.
pub struct Asked {
    /// The state that handlers share.
    pub state: AppState,
    /// The context of use cases.
    pub cx: Cx,
    /// The catalog this request sees: one revision, from beginning to end.
    pub catalog: Arc<Catalog>,
    /// The request's headers.
    pub headers: HeaderMap,
    path: HashMap<String, String>,
    query: HashMap<String, String>,
}

impl FromRequestParts<AppState> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Self::arrive(parts, state, state.gate.last_committed()).await
    }
}

impl Asked {
    /// The request, once the catalog holds `own`, a revision that this daemon committed.
    async fn arrive(parts: &mut Parts, state: &AppState, own: i64) -> Result<Self, ApiError> {
        if !state.live.ready() {
            let mut error =
                ApiError::new(ProblemKind::DatabaseUnavailable, "the daemon has no catalog to serve yet");
            error.retry_after = Some(1);
            return Err(error);
        }
        let query = axum::extract::Query::<HashMap<String, String>>::try_from_uri(&parts.uri)
            .map_err(|e| ApiError::new(ProblemKind::Malformed, format!("the query cannot be read: {e}")))?
            .0;
        let wanted = match query.get("min_revision") {
            Some(text) => number(text)
                .ok_or_else(|| ApiError::parameter("min_revision", "must be a revision, like 4812"))?,
            None => 0,
        };
        // While the follower cannot follow, waiting for it is in vain: what is there serves.
        let follows = !state.live.stale() && !state.gate.regressed();
        let own = if follows { own } else { 0 };
        let mut catalog = state.live.catalog();
        let mut caller = identity::caller(state, &catalog, parts);
        let behind = catalog.position.revision.0;
        // What was made here a moment ago is known, a credential too; nobody unknown waits for more.
        let due = if caller.is_ok() { own.max(wanted) } else { own };
        if due > behind {
            if !state.live.wait_for(due, OWN_WRITES).await && wanted > own {
                let mut error = ApiError::new(
                    ProblemKind::DatabaseUnavailable,
                    format!("revision {wanted} has not arrived here yet"),
                );
                error.retry_after = Some(1);
                return Err(error);
            }
            // What arrived meanwhile may be about the caller.
            catalog = state.live.catalog();
            caller = identity::caller(state, &catalog, parts);
        }
        let caller = caller?;
        let path = axum::extract::Path::<HashMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_or_else(|_| HashMap::new(), |p| p.0);
        let cx = Cx {
            gate: Arc::clone(&state.gate),
            clock: Arc::clone(&state.clock),
            caller,
            source: "api",
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.to_string()),
        };
        let mut asked =
            Self { state: state.clone(), cx, catalog, headers: parts.headers.clone(), path, query };
        if parts.method == http::Method::GET
            && let Some(at) = asked.text("at").map(str::to_owned)
        {
            asked.look_back(&at).await?;
        }
        Ok(asked)
    }
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('r').unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// A revision, `4812` or `r4812`, or with its epoch, `1.4812`.
fn position(text: &str) -> Option<(Revision, Option<i64>)> {
    match text.split_once('.') {
        Some((epoch, revision)) => Some((Revision(number(revision)?), Some(number(epoch)?))),
        None => Some((Revision(number(text)?), None)),
    }
}

impl Asked {
    /// A parameter of the path; a text that cannot be one names nothing, so it is 404.
    ///
    /// # Errors
    /// 404 with the reason.
    pub fn path<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, ApiError> {
        let text = self.path.get(name).map_or("", String::as_str);
        text.parse()
            .map_err(|e| ApiError::new(ProblemKind::NotFound, format!("there is no such {name}: {e}")))
    }

    /// Whether the path has a part of that name.
    pub fn path_has(&self, name: &str) -> bool {
        self.path.contains_key(name)
    }

    /// The key of the project that the path names, or the default one's.
    ///
    /// # Errors
    /// 404 where it cannot be a key.
    pub fn project_key(&self) -> Result<ProjectKey, ApiError> {
        if self.path.contains_key("project") { self.path("project") } else { Ok(ProjectKey::default()) }
    }

    /// The project: that of the path, or the default one.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn project(&self) -> Result<ProjectKey, ApiError> {
        let key = self.project_key()?;
        match self.catalog.projects.get(&key) {
            Some(project) if !project.row.archived => Ok(key),
            _ => Err(ApiError::unknown(format!("project {key}"))),
        }
    }

    /// The environment of the path.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn environment(&self, project: &ProjectKey) -> Result<EnvironmentKey, ApiError> {
        let key: EnvironmentKey = self.path("environment")?;
        self.known_environment(project, &key)?;
        Ok(key)
    }

    /// That an environment exists.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn known_environment(&self, project: &ProjectKey, key: &EnvironmentKey) -> Result<(), ApiError> {
        match self.catalog.environment(project, key) {
            Some(state) if !state.stored.row.archived => Ok(()),
            _ => Err(ApiError::unknown(format!("environment {key}"))),
        }
    }

    /// A parameter of the query as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    ///
    /// # Errors
    /// 400 naming it.
    pub fn query<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.text(name).map(|t| t.parse().map_err(|e| ApiError::parameter(name, e))).transpose()
    }

    /// A yes or no of the query: `true`, `1` or nothing but the name; `false`, `0`.
    ///
    /// # Errors
    /// 400 naming it.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "1" | "") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(ApiError::parameter(name, "must be true or false")),
        }
    }

    /// `limit` of a list: 1 to `most`.
    ///
    /// # Errors
    /// 400 naming it.
    pub fn limit(&self, usual: usize, most: usize) -> Result<usize, ApiError> {
        match self.query::<usize>("limit")? {
            None => Ok(usual),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(ApiError::parameter("limit", format!("must be 1 to {most}"))),
        }
    }

    /// That the caller may do something somewhere.
    ///
    /// # Errors
    /// 403 with the reason.
    pub fn allow(&self, permission: Permission, scope: Scope<'_>) -> Result<(), ApiError> {
        let decision = self.cx.caller.may(permission, &scope);
        if decision.allowed { Ok(()) } else { Err(ApiError::new(ProblemKind::Forbidden, decision.because)) }
    }

    /// Who is calling, for the access log.
    pub fn who(&self) -> crate::access_log::Who {
        crate::access_log::Who {
            principal: self.cx.caller.principal.clone(),
            credential: self.cx.caller.credential.clone(),
            request_id: self.cx.request_id.clone(),
        }
    }

    /// An answer that tells the revision it reflects; 304 where the caller has it already.
    pub fn reply(&self, etag: Option<String>, body: &Json) -> Response {
        self.reply_with(etag, || body.to_text())
    }

    /// The same with a text that is made only where the caller does not have it.
    pub fn reply_with(&self, etag: Option<String>, body: impl FnOnce() -> String) -> Response {
        let known = etag.as_ref().is_some_and(|etag| {
            self.headers
                .get(header::IF_NONE_MATCH)
                .and_then(|v| v.to_str().ok())
                .is_some_and(|v| v.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag))
        });
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { json(StatusCode::OK, body()) };
        let headers = response.headers_mut();
        if let Some(etag) = etag.and_then(|e| HeaderValue::from_str(&e).ok()) {
            headers.insert(header::ETAG, etag);
        }
        // What a caller may see is theirs alone: the same ETag is another answer for somebody else.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("authorization, x-user-id, x-user-email"));
        tell_revision(headers, self.catalog.position.revision);
        if self.state.live.stale() {
            headers.insert(HeaderName::from_static("flagstaff-stale"), HeaderValue::from_static("true"));
        }
        response
    }

    /// The ETag of lists: the head.
    pub fn head_etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.catalog.position))
    }
}

/// Puts `Flagstaff-Revision`.
pub fn tell_revision(headers: &mut HeaderMap, revision: Revision) {
    headers.insert(HeaderName::from_static("flagstaff-revision"), HeaderValue::from(revision.0));
}

/// A JSON answer.
pub fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// A write: the request with its body and options.
///
/// Its catalog knows the caller, the projects and the environments as this daemon last wrote them. Flags and
/// segments may be older there, since the write reads them under the head's lock: a handler that looks at them
/// calls [`Writing::caught_up`] first.
pub struct Writing {
    /// The request.
    pub asked: Asked,
    /// How the write wants to be done.
    pub options: WriteOptions,
    /// The body; `None` where there is none.
    pub body: Option<Json>,
    /// The content type without its parameters, lower case.
    pub content_type: String,
}

impl std::ops::Deref for Writing {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl FromRequest<AppState> for Writing {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let asked = Asked::arrive(&mut parts, state, state.gate.last_ground()).await?;
        let method = parts.method.clone();
        let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let content_type = content_type(&parts.headers)?;
        let bytes = Bytes::from_request(Request::from_parts(parts, body), state).await.map_err(|e| {
            let status = e.into_response().status();
            match status {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::new(ProblemKind::TooLarge, "the body is larger than this endpoint takes")
                }
                StatusCode::REQUEST_TIMEOUT => {
                    ApiError::new(ProblemKind::RequestTimeout, "the body did not arrive in time")
                }
                _ => ApiError::new(ProblemKind::Malformed, "the body could not be read"),
            }
        })?;
        let body = read_body(&bytes)?;
        let mut options = options(&asked)?;
        if let Some(key) = asked.headers.get("idempotency-key")
            && !options.dry_run
        {
            let key = key.to_str().ok().filter(|k| (1..=255).contains(&k.len())).ok_or_else(|| {
                ApiError::parameter("Idempotency-Key", "must be 1 to 255 printable characters")
            })?;
            let mut hasher = Sha256::new();
            hasher.update(method.as_str());
            hasher.update([0]);
            hasher.update(target.as_bytes());
            hasher.update([0]);
            hasher.update(&bytes);
            options.idempotency = Some((key.to_owned(), hasher.finalize().to_vec()));
        }
        Ok(Self { asked, options, body, content_type })
    }
}

fn content_type(headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(String::new()) };
    let text = value.to_str().unwrap_or("?").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let known = text.is_empty()
        || text == "application/json"
        || text == "application/x-www-form-urlencoded" // what curl -d says when nobody told it otherwise
        || (text.starts_with("application/") && text.ends_with("+json"));
    if known {
        Ok(text)
    } else {
        Err(ApiError::new(ProblemKind::UnsupportedMediaType, format!("send application/json, not {text}")))
    }
}

/// Reads a body: JSON, and such that PostgreSQL can hold it.
///
/// # Errors
/// 400 where it is not JSON, 422 where it is refused.
pub fn read_body(bytes: &[u8]) -> Result<Option<Json>, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        ApiError::new(ProblemKind::Malformed, format!("the body is not UTF-8 after byte {}", e.valid_up_to()))
    })?;
    shared::json::parse(text).map(Some).map_err(|error| {
        let kind = if error.syntax { ProblemKind::Malformed } else { ProblemKind::Invalid };
        let at = if error.syntax {
            format!("{} (line {}, column {})", error.detail, error.line, error.column)
        } else {
            error.detail
        };
        ApiError::faults(kind, vec![Fault::new(error.pointer, at)])
    })
}

fn options(asked: &Asked) -> Result<WriteOptions, ApiError> {
    let if_match = match asked.headers.get(header::IF_MATCH) {
        Some(value) => {
            Some(value.to_str().map_err(|_| ApiError::parameter("If-Match", "is not an ETag"))?.to_owned())
        }
        None => None,
    };
    let (base_revision, base_epoch) = match asked.text("baseRevision") {
        Some(text) => {
            let base = position(text)
                .ok_or_else(|| ApiError::parameter("baseRevision", "must be a revision, like 4812"))?;
            (Some(base.0), base.1)
        }
        None => (None, None),
    };
    let text = |name: &str| asked.text(name).map(str::to_owned);
    let comment = text("comment");
    if comment.as_ref().is_some_and(|c| c.len() > 4096 || c.chars().any(shared::read::hostile)) {
        return Err(ApiError::parameter("comment", "holds control characters or is longer than 4096 bytes"));
    }
    Ok(WriteOptions {
        dry_run: asked.flag("dryRun")?.unwrap_or(false),
        plan_hash: text("planHash"),
        confirm: text("confirm"),
        comment,
        base_revision,
        base_epoch,
        if_match,
        ..WriteOptions::default()
    })
}

impl Writing {
    /// Waits, as reads do, until the catalog holds everything that this daemon committed.
    pub async fn caught_up(&mut self) {
        let asked = &mut self.asked;
        let own = asked.state.gate.last_committed();
        let follows = !asked.state.live.stale() && !asked.state.gate.regressed();
        if follows && own > asked.catalog.position.revision.0 {
            asked.state.live.wait_for(own, OWN_WRITES).await;
            asked.catalog = asked.state.live.catalog();
        }
    }

    /// The body, which must be there.
    ///
    /// # Errors
    /// 400 where it is missing.
    pub fn json(&self) -> Result<&Json, ApiError> {
        self.body.as_ref().ok_or_else(|| ApiError::new(ProblemKind::Malformed, "a JSON body is needed"))
    }

    /// Takes the write options out of a body whose shape is ours; both given and different is 400.
    ///
    /// # Errors
    /// 400 naming the member.
    pub fn take_options(&mut self) -> Result<(), ApiError> {
        let Some(body) = self.body.as_mut().filter(|b| b.as_object().is_some()) else { return Ok(()) };
        let mut differing = Vec::new();
        let mut take = |name: &str, slot: &mut Option<String>| {
            let Some(value) = body.remove(name).filter(|v| !v.is_null()) else { return };
            match (value.as_str(), slot.as_deref()) {
                (Some(text), None) => *slot = Some(text.to_owned()),
                (Some(text), Some(given)) if text == given => {}
                (Some(_), Some(_)) => {
                    differing.push(Fault::new(format!("/{name}"), "differs from the query parameter"));
                }
                (None, _) => differing.push(Fault::new(format!("/{name}"), "must be a string")),
            }
        };
        take("planHash", &mut self.options.plan_hash);
        take("confirm", &mut self.options.confirm);
        take("comment", &mut self.options.comment);
        if let Some(comment) = &self.options.comment
            && (comment.len() > 4096 || comment.chars().any(shared::read::hostile))
        {
            differing.push(Fault::new("/comment", "holds control characters or is longer than 4096 bytes"));
        }
        match body.remove("dryRun").filter(|v| !v.is_null()) {
            None => {}
            Some(Json::Bool(dry)) => {
                if self.asked.text("dryRun").is_some() && dry != self.options.dry_run {
                    differing.push(Fault::new("/dryRun", "differs from the query parameter"));
                }
                self.options.dry_run = dry;
            }
            Some(_) => differing.push(Fault::new("/dryRun", "must be true or false")),
        }
        match body.remove("baseRevision").filter(|v| !v.is_null()) {
            None => {}
            Some(value) => match value
                .as_i64()
                .filter(|base| *base >= 0)
                .map(|base| (Revision(base), None))
                .or_else(|| position(value.as_str()?))
            {
                Some((base, epoch)) => match self.options.base_revision {
                    Some(given) if given != base => {
                        differing.push(Fault::new("/baseRevision", "differs from the query parameter"));
                    }
                    _ => {
                        self.options.base_revision = Some(base);
                        self.options.base_epoch = epoch.or(self.options.base_epoch);
                    }
                },
                _ => differing.push(Fault::new("/baseRevision", "must be a revision, like 4812")),
            },
        }
        if self.options.dry_run {
            self.options.idempotency = None;
        }
        if differing.is_empty() { Ok(()) } else { Err(ApiError::faults(ProblemKind::Malformed, differing)) }
    }
}

/// The answer of a write as a response.
pub fn answered(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response =
        if status == StatusCode::NO_CONTENT { status.into_response() } else { json(status, answer.body) };
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if let Some(revision) = answer.revision {
        tell_revision(headers, revision);
    }
    if answer.replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    response
}
