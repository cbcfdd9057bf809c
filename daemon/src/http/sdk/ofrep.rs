//! OpenFeature's remote evaluation protocol: one flag, or all of them, for a context.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use shared::access::CredentialKind;
use shared::context::Context;
use shared::eval;
use shared::json::Json;
use shared::key::FlagKey;
use shared::project::ClientSideAvailability;
use shared::revision::Position;

use super::asked::{self, SdkAsked};
use super::etag::{self, Known};
use super::ofrep_stream;
use super::refused::Refused;
use super::reported;
use crate::http::AppState;
use crate::http::accounted::Denied;
use crate::live::named::{NamedFlag, NamedFlags};
use crate::net::guard;
use crate::protocol::ofrep::{self, Code, Failure, Names, OffReason};
use crate::usage::Source;

/// How long an answer waits for the change that a stream told its client of.
const ANNOUNCED: Duration = Duration::from_secs(2);
/// From here on evaluating takes longer than a task may hold its thread.
const MANY: usize = 1_000;
/// The most bytes of a refusal that are read to tell it again.
const REFUSAL: usize = 64 * 1024;
/// What an answer depends on beside the path.
const VARY: &str = "authorization, x-api-key, origin";

const ONE: &str = "/ofrep/v1/evaluate/flags/{*key}";
const ALL: &str = "/ofrep/v1/evaluate/flags";

/// The routes that answer at once. Whatever refuses a request here, the answer is one that providers read.
pub fn quick(state: &AppState) -> Router<AppState> {
    let router = Router::new()
        .route(ONE, post(one).fallback(method))
        .route(ALL, post(all).fallback(method))
        .route(&format!("{ALL}/"), post(all).fallback(method))
        // Providers put their base URL before the path, and base URLs end in a slash at times.
        .route(&format!("/{ONE}"), post(one).fallback(method))
        .route(&format!("/{ALL}"), post(all).fallback(method))
        .route(&format!("/{ALL}/"), post(all).fallback(method))
        .route("/ofrep/{*rest}", axum::routing::any(nowhere))
        .route("//ofrep/{*rest}", axum::routing::any(nowhere));
    router
        .layer(DefaultBodyLimit::max(state.config.http.body_bytes))
        .layer(from_fn_with_state(state.config.http.handler_timeout, guard::handler_timeout))
        .layer(from_fn(guard::caught))
        .layer(from_fn(told))
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    ofrep_stream::routes()
}

async fn nowhere() -> Response {
    refusal(&Refused::NotFound("there is no such path".to_owned()), None)
}

async fn method() -> Response {
    refusal(&Refused::Method("POST"), None)
}

/// One flag.
async fn one(
    State(state): State<AppState>,
    key: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let key = key.map(|Path(key)| key).unwrap_or_default();
    let told = |error: Answered| error.response(Some(&key));
    match one_of(&state, &key, &headers, request).await {
        Ok(body) => body_of(StatusCode::OK, body),
        Err(error) => told(error),
    }
}

async fn one_of(
    state: &AppState,
    key: &str,
    headers: &HeaderMap,
    request: Request,
) -> Result<String, Answered> {
    let asked = asked::by_any_key(state, headers).await?;
    let context = context_of(request).await?;
    let catalog = state.live.catalog();
    let place = &asked.served.place;
    let unknown = || Failure::unknown_flag(key);
    let flag_key = FlagKey::new(key).map_err(|_| unknown())?;
    let environment = catalog.environments.get(place).ok_or_else(unknown)?;
    let served = environment.configs.get(&flag_key).ok_or_else(unknown)?;
    let flag = catalog.flag(&place.0, &flag_key).ok_or_else(unknown)?;
    if !exposed(asked.credential.kind, flag.row.client_side_availability) {
        return Err(unknown().into());
    }
    let prepared = served.prepared.as_deref().ok_or_else(Failure::malformed_flag)?;
    let evaluation = eval::evaluate(&**environment, prepared, &context);
    reported::saw(&asked, &context, Source::Ofrep);
    if !evaluation.missed_key {
        reported::evaluated(&asked, &served.stored.row, &evaluation);
    }
    let reason = ofrep::reason(&evaluation, OffReason::default())?;
    let named = NamedFlag::new(&flag_key, served, flag);
    let metadata = ofrep::metadata(&flag.row.metadata, false);
    let mut body = String::with_capacity(128);
    let names = Names { key: &named.quoted_key, variants: &named.quoted_names };
    ofrep::write(&mut body, names, &evaluation, reason, metadata.as_deref());
    Ok(body)
}

/// All flags, or word that nothing of the answer is new.
async fn all(State(state): State<AppState>, uri: Uri, headers: HeaderMap, request: Request) -> Response {
    all_of(&state, &uri, &headers, request).await.unwrap_or_else(|error| error.response(None))
}

async fn all_of(
    state: &AppState,
    uri: &Uri,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, Answered> {
    let asked = asked::by_any_key(state, headers).await?;
    let context = context_of(request).await?;
    if let Some(announced) = announced(uri) {
        caught_up(&asked, announced).await;
    }
    reported::saw(&asked, &context, Source::Ofrep);
    let catalog = state.live.catalog();
    let flags = state
        .named
        .flags(&catalog, &asked.served.place)
        .ok_or_else(|| Refused::NotFound("the environment of this key is archived".to_owned()))?;
    let kind = asked.credential.kind;
    let stream = ofrep_stream::uri(state, &asked.credential);
    let question = etag::part([
        b"ofrep/1".as_slice(),
        flags.position.to_string().as_bytes(),
        flags.flags_revision.to_string().as_bytes(),
        format!("{kind:?}").as_bytes(),
        stream.as_deref().unwrap_or_default().as_bytes(),
        context.to_canonical_text().as_bytes(),
    ]);
    let known = Known::of(headers);
    if let Some(tag) = known.asked(&question) {
        return Ok(unchanged(tag));
    }
    let body = if flags.flags.len() > MANY {
        tokio::task::spawn_blocking(move || bulk(&flags, kind, &context, stream.as_deref()))
            .await
            .map_err(|_| Failure::new(Code::General, "the evaluation did not end"))?
    } else {
        bulk(&flags, kind, &context, stream.as_deref())
    };
    let answer = etag::part([body.as_bytes()]);
    let tag = etag::tag(&question, &answer);
    if known.has(&answer) {
        return Ok(unchanged(tag));
    }
    let mut response = body_of(StatusCode::OK, body);
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The body of all flags: in order of their keys, each with its result or its own failure.
fn bulk(flags: &NamedFlags, kind: CredentialKind, context: &Context, stream: Option<&str>) -> String {
    let mut out = String::with_capacity(64 + flags.flags.len() * 96);
    out.push_str("{\"flags\":[");
    let first = out.len();
    for named in &flags.flags {
        let row = &named.flag.row;
        if !exposed(kind, row.client_side_availability) {
            continue;
        }
        if out.len() > first {
            out.push(',');
        }
        let evaluation =
            named.served.prepared.as_deref().map(|flag| eval::evaluate(&*flags.state, flag, context));
        let told = evaluation
            .as_ref()
            .ok_or_else(Failure::malformed_flag)
            .and_then(|evaluation| Ok((evaluation, ofrep::reason(evaluation, OffReason::default())?)));
        match told {
            Ok((evaluation, reason)) => {
                let names = Names { key: &named.quoted_key, variants: &named.quoted_names };
                let metadata = ofrep::metadata(&row.metadata, true);
                ofrep::write(&mut out, names, evaluation, reason, metadata.as_deref());
            }
            Err(failure) => failure.write(Some(named.key.as_str()), &mut out),
        }
    }
    out.push(']');
    if let Some(stream) = stream {
        out.push_str(",\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":");
        Json::from(stream).write(&mut out);
        out.push_str("}}]");
    }
    out.push('}');
    out
}

/// Whether a credential of that kind may see a flag.
pub fn exposed(kind: CredentialKind, availability: ClientSideAvailability) -> bool {
    match kind {
        CredentialKind::Server => true,
        CredentialKind::Mobile => availability.using_mobile_key,
        CredentialKind::ClientSideId => availability.using_environment_id,
    }
}

/// The position that a stream told the client of.
fn announced(uri: &Uri) -> Option<Position> {
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let (_, text) = query.iter().find(|(name, _)| name == "flagConfigEtag")?;
    text.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// Waits for a change that another daemon told of; what is served else is older than what the client knows of.
async fn caught_up(asked: &SdkAsked, announced: Position) {
    let now = asked.served.position;
    if announced.epoch == now.epoch && announced > now {
        asked.state.live.wait_for(announced.revision.0, ANNOUNCED).await;
    }
}

async fn context_of(request: Request) -> Result<Context, Answered> {
    let body = Bytes::from_request(request, &()).await.map_err(|rejection: BytesRejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Refused::TooLarge("the body is larger than this daemon takes".to_owned())
        } else {
            Refused::Malformed("the body did not arrive".to_owned())
        }
    })?;
    Ok(ofrep::request(&body)?)
}

/// What is answered instead of a result.
enum Answered {
    Refused(Refused),
    Failed(Failure),
}

impl From<Refused> for Answered {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Failure> for Answered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Answered {
    fn response(&self, key: Option<&str>) -> Response {
        match self {
            Self::Refused(refused) => refusal(refused, key),
            Self::Failed(failure) => {
                let status = StatusCode::from_u16(failure.code.status()).unwrap_or_default();
                failed(status, failure, key)
            }
        }
    }
}

fn failed(status: StatusCode, failure: &Failure, key: Option<&str>) -> Response {
    let mut body = String::new();
    failure.write(key, &mut body);
    body_of(status, body)
}

/// A refusal as providers read it.
pub fn refusal(refused: &Refused, key: Option<&str>) -> Response {
    let code = match refused {
        Refused::Malformed(_) => Code::InvalidContext,
        _ => Code::General,
    };
    let text = refused.to_string();
    let mut response = failed(refused.status(), &Failure::new(code, text.clone()), key);
    let headers = response.headers_mut();
    if let Some(seconds) = refused.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Refused::Method(allowed) = refused {
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    if matches!(refused, Refused::UnknownKey) {
        response.extensions_mut().insert(Denied(text));
    }
    response
}

fn body_of(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    cached(headers);
    response
}

fn unchanged(tag: HeaderValue) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::ETAG, tag);
    cached(response.headers_mut());
    response
}

fn cached(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
}

/// Tells a refusal that was made around the handlers (time, size, a panic) again, as providers read it.
async fn told(request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let key = path.strip_prefix("ofrep/v1/evaluate/flags/").filter(|key| !key.is_empty()).map(str::to_owned);
    let response = next.run(request).await;
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(Body::new(body), REFUSAL).await.unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let detail =
        problem.as_ref().and_then(|problem| problem.get("detail")).and_then(|detail| detail.as_str());
    let details = detail.or(status.canonical_reason()).unwrap_or("the request was refused");
    let mut answer = failed(status, &Failure::new(Code::General, details), key.as_deref());
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer.extensions_mut().extend(parts.extensions);
    answer
}
