//! Unleash's front-end API: the toggles enabled for a context, and what its clients counted.

use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Method, StatusCode};
use shared::access::CredentialKind;
use shared::context::Context;
use shared::flag::FlagKind;
use shared::json::Json;
use shared::key::FlagKey;

use super::asked::{self, SdkAsked};
use super::etag::{self, Known};
use super::refused::Refused;
use super::{remote, reported};
use crate::http::AppState;
use crate::live::named::{NamedFlag, NamedFlags};
use crate::net::guard;
use crate::protocol::unleash::{self, Counts};
use crate::usage::{self, Kind, Source};

/// The routes that answer at once. Whatever refuses a request here, the answer is one that clients read.
pub fn quick(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/api/frontend", get(enabled).post(enabled).fallback(method))
        .route("/api/frontend/all", get(every).post(every).fallback(method))
        .route("/api/frontend/client/metrics", post(metrics).fallback(method))
        .route("/api/frontend/client/register", post(register).fallback(method))
        .layer(from_fn_with_state(state.config.http.handler_timeout, told_again))
}

/// The routes that last as long as their client stays: Unleash's clients poll.
pub fn lasting() -> Router<AppState> {
    Router::new()
}

async fn method() -> Response {
    refusal(&Refused::Method("GET, POST"))
}

async fn enabled(State(state): State<AppState>, request: Request) -> Response {
    toggles(&state, request, false).await.unwrap_or_else(|refused| refusal(&refused))
}

/// Those that are not enabled as well.
async fn every(State(state): State<AppState>, request: Request) -> Response {
    toggles(&state, request, true).await.unwrap_or_else(|refused| refusal(&refused))
}

async fn toggles(state: &AppState, request: Request, every: bool) -> Result<Response, Refused> {
    let asked = asked::by_any_key(state, request.headers()).await?;
    let known = Known::of(request.headers());
    let context = if request.method() == Method::POST {
        unleash::context_of_body(&remote::body_of(request).await?).map_err(Refused::Malformed)?
    } else {
        let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        unleash::context_of_query(&query.map(|Query(query)| query).unwrap_or_default())
    };
    reported::saw(&asked, &context, Source::Unleash);
    let catalog = state.live.catalog();
    let flags = state
        .named
        .flags(&catalog, &asked.served.place)
        .ok_or_else(|| Refused::NotFound("the environment of this key is archived".to_owned()))?;
    let kind = asked.credential.kind;
    let question = etag::part([
        if every { b"unleash/2 all".as_slice() } else { b"unleash/2" },
        // One revision can touch two environments.
        asked.served.state.stored.row.id.as_bytes(),
        flags.position.to_string().as_bytes(),
        flags.flags_revision.to_string().as_bytes(),
        format!("{kind:?}").as_bytes(),
        context.to_canonical_text().as_bytes(),
    ]);
    let count = flags.flags.len();
    remote::polled(&known, &question, count, move || listed(&flags, kind, &context, every)).await
}

fn listed(flags: &NamedFlags, kind: CredentialKind, context: &Context, every: bool) -> String {
    let mut out = String::with_capacity(64 + flags.flags.len() * 96);
    out.push_str("{\"toggles\":[");
    let rules = flags.state.rules();
    let first = out.len();
    for (named, place) in flags.placed().filter(|(named, _)| named.is_exposed(kind)) {
        let row = &named.flag.row;
        let evaluation = place.and_then(|place| rules.evaluate(place, context));
        let enabled = evaluation.as_ref().is_some_and(|evaluation| {
            unleash::is_enabled(row.kind, named.served.summary.off_variation, evaluation)
        });
        if !enabled && !every {
            continue;
        }
        if out.len() > first {
            out.push(',');
        }
        let index = evaluation.as_ref().and_then(|evaluation| evaluation.variation_index);
        let variant = index
            .filter(|_| row.kind != FlagKind::Boolean)
            .and_then(|index| named.quoted_names.get(index))
            .map(|name| &**name);
        unleash::write(&mut out, &named.quoted_key, enabled, variant, evaluation.as_ref());
    }
    out.push_str("]}");
    out
}

/// Counts what a client counted.
async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    match counted(&state, request).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => refusal(&refused),
    }
}

async fn counted(state: &AppState, request: Request) -> Result<(), Refused> {
    let asked = asked::by_any_key(state, request.headers()).await?;
    let metrics = unleash::metrics(&remote::body_of(request).await?).map_err(Refused::Malformed)?;
    let catalog = state.live.catalog();
    let Some(flags) = state.named.flags(&catalog, &asked.served.place) else { return Ok(()) };
    let at = metrics.stop.unwrap_or_else(|| state.clock.now());
    let mut counted = Vec::new();
    for counts in &metrics.toggles {
        let Ok(key) = FlagKey::new(counts.name.as_str()) else { continue };
        let Ok(index) = flags.flags.binary_search_by(|named| named.key.cmp(&key)) else { continue };
        let Some(named) = flags.flags.get(index).filter(|named| named.is_exposed(asked.credential.kind))
        else {
            continue;
        };
        counted.extend(variations(named, counts).into_iter().map(|(variation, count)| usage::Evaluation {
            config: named.served.stored.row.id,
            version: None,
            variation,
            kind: Kind::Untold,
            rule: None,
            at,
            count,
        }));
    }
    state.usage.record_all(asked.served.state.stored.row.id, &counted);
    Ok(())
}

/// Which variations the counts tell of. A client counts both whether a toggle is enabled and, where it asks for
/// it, the variant: the variants are the finer of the two.
fn variations(named: &NamedFlag, counts: &Counts) -> Vec<(Option<usize>, u64)> {
    let row = &named.flag.row;
    if row.kind == FlagKind::Boolean {
        let of = |truth| row.variations.iter().position(|variation| variation.value == Json::Bool(truth));
        return vec![(of(true), counts.yes), (of(false), counts.no)];
    }
    let index = |name: &str| named.names.iter().position(|known| &**known == name);
    let told: Vec<(Option<usize>, u64)> =
        counts.variants.iter().filter_map(|(name, count)| Some((Some(index(name)?), *count))).collect();
    let of_variants =
        told.iter().map(|(_, count)| count).fold(0_u64, |sum, count| sum.saturating_add(*count));
    let yes = counts.yes.saturating_sub(of_variants);
    told.into_iter().chain([(None, yes), (named.served.summary.off_variation, counts.no)]).collect()
}

/// Clients introduce themselves; nothing is kept of it.
async fn register(State(state): State<AppState>, request: Request) -> Response {
    match asked::by_any_key(&state, request.headers()).await {
        Ok(SdkAsked { .. }) => StatusCode::OK.into_response(),
        Err(refused) => refusal(&refused),
    }
}

fn refused_as(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "AuthenticationRequired",
        StatusCode::FORBIDDEN => "NoAccessError",
        StatusCode::NOT_FOUND => "NotFoundError",
        StatusCode::BAD_REQUEST => "BadDataError",
        StatusCode::METHOD_NOT_ALLOWED => "NotImplementedError",
        StatusCode::PAYLOAD_TOO_LARGE => "ContentTooLargeError",
        _ => "UnknownError",
    }
}

fn refusal(refused: &Refused) -> Response {
    remote::marked(told(refused.status(), &refused.to_string()), refused)
}

fn told(status: StatusCode, detail: &str) -> Response {
    remote::json(status, unleash::refusal(refused_as(status), detail))
}

async fn told_again(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    remote::told_again(guard::answered(longest, request, next).await, told).await
}
