//! OpenFeature's remote evaluation protocol: one flag, or all of them, for a context.

use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode, Uri};
use shared::access::CredentialKind;
use shared::context::Context;
use shared::eval;
use shared::json::Json;
use shared::revision::Position;

use super::asked::{self, SdkAsked};
use super::etag::{self, Known};
use super::refused::Refused;
use super::{ofrep_stream, remote, reported};
use crate::http::AppState;
use crate::live::named::{NamedFlag, NamedFlags};
use crate::net::guard;
use crate::protocol::ofrep::{self, Code, Failure, Names, OffReason};
use crate::usage::Source;

/// How long an answer waits for the change that a stream told its client of.
const ANNOUNCED: Duration = Duration::from_secs(2);

const ONE: &str = "/ofrep/v1/evaluate/flags/{*key}";
const ALL: &str = "/ofrep/v1/evaluate/flags";

/// The routes that answer at once. Whatever refuses a request here, the answer is one that providers read.
pub fn quick(state: &AppState) -> Router<AppState> {
    Router::new()
        .route(ONE, post(one).fallback(method))
        .route(ALL, post(all).fallback(method))
        .route(&format!("{ALL}/"), post(all).fallback(method))
        // Providers put their base URL before the path, and base URLs end in a slash at times.
        .route(&format!("/{ONE}"), post(one).fallback(method))
        .route(&format!("/{ALL}"), post(all).fallback(method))
        .route(&format!("/{ALL}/"), post(all).fallback(method))
        .route("/ofrep/{*rest}", axum::routing::any(nowhere))
        .route("//ofrep/{*rest}", axum::routing::any(nowhere))
        .layer(from_fn_with_state(state.config.http.handler_timeout, told_again))
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
        Ok(body) => remote::json(StatusCode::OK, body),
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
    let unknown = || Failure::unknown_flag(key);
    let flags = state.named.flags(&state.live.catalog(), &asked.served.place).ok_or_else(unknown)?;
    let exposed = |named: &&NamedFlag| named.is_exposed(asked.credential.kind);
    let named = flags.find(key).filter(exposed).ok_or_else(unknown)?;
    let prepared = named.served.prepared.as_deref().ok_or_else(Failure::malformed_flag)?;
    let evaluation = eval::evaluate(&*flags.state, prepared, &context);
    reported::saw(&asked, &context, Source::Ofrep);
    if !evaluation.missed_key {
        reported::evaluated(&asked, &named.served.stored.row, &evaluation);
    }
    let reason = ofrep::reason(&evaluation, state.config.ofrep.off_reason)?;
    let metadata = ofrep::metadata(&named.flag.row.metadata, false);
    let mut body = String::with_capacity(128);
    let names = Names { key: &named.quoted_key, variants: &named.quoted_names };
    ofrep::write(&mut body, names, &evaluation, reason, metadata.as_deref());
    Ok(body)
}

/// All flags, or word that nothing of the answer is new.
async fn all(
    State(state): State<AppState>,
    OriginalUri(whole): OriginalUri,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    // What is mounted below a prefix announces what is mounted there too.
    let prefix = whole.path().strip_suffix(uri.path()).unwrap_or_default();
    all_of(&state, prefix, &uri, &headers, request).await.unwrap_or_else(|error| error.response(None))
}

async fn all_of(
    state: &AppState,
    prefix: &str,
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
    let (kind, off) = (asked.credential.kind, state.config.ofrep.off_reason);
    let stream = ofrep_stream::uri(state, &asked.credential, prefix);
    let question = etag::part([
        b"ofrep/2".as_slice(),
        // One revision can touch two environments.
        asked.served.state.stored.row.id.as_bytes(),
        flags.position.to_string().as_bytes(),
        flags.flags_revision.to_string().as_bytes(),
        format!("{kind:?} {off:?}").as_bytes(),
        stream.as_deref().unwrap_or_default().as_bytes(),
        context.to_canonical_text().as_bytes(),
    ]);
    let (known, count) = (Known::of(headers), flags.flags.len());
    let evaluate = move || bulk(&flags, kind, &context, off, stream.as_deref());
    Ok(remote::polled(&known, &question, count, evaluate).await?)
}

/// The body of all flags: in order of their keys, each with its result or its own failure.
fn bulk(
    flags: &NamedFlags,
    kind: CredentialKind,
    context: &Context,
    off: OffReason,
    stream: Option<&str>,
) -> String {
    let mut out = String::with_capacity(64 + flags.flags.len() * 96);
    out.push_str("{\"flags\":[");
    let rules = flags.state.rules();
    let first = out.len();
    for (named, place) in flags.placed().filter(|(named, _)| named.is_exposed(kind)) {
        if out.len() > first {
            out.push(',');
        }
        let evaluation = place.and_then(|place| rules.evaluate(place, context));
        let told = evaluation
            .as_ref()
            .ok_or_else(Failure::malformed_flag)
            .and_then(|evaluation| Ok((evaluation, ofrep::reason(evaluation, off)?)));
        match told {
            Ok((evaluation, reason)) => {
                let names = Names { key: &named.quoted_key, variants: &named.quoted_names };
                let metadata = ofrep::metadata(&named.flag.row.metadata, true);
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
    Ok(ofrep::request(&remote::body_of(request).await?)?)
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
    remote::json(status, body)
}

/// A refusal as providers read it.
pub fn refusal(refused: &Refused, key: Option<&str>) -> Response {
    let code = match refused {
        Refused::Malformed(_) => Code::InvalidContext,
        _ => Code::General,
    };
    let failure = Failure::new(code, refused.to_string());
    remote::marked(failed(refused.status(), &failure, key), refused)
}

async fn told_again(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let key = path.strip_prefix("ofrep/v1/evaluate/flags/").filter(|key| !key.is_empty()).map(str::to_owned);
    let tell = |status, detail: &str| failed(status, &Failure::new(Code::General, detail), key.as_deref());
    remote::told_again(guard::answered(longest, request, next).await, tell).await
}
