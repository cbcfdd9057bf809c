//! SDK credentials of an environment: shown masked, made or imported, rotated, revoked.

use axum::response::Response;
use shared::access::{CredentialKind, Permission, Scope, SdkCredential};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{EntityRef, Mutation};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::read::Fields;
use uuid::Uuid;

use super::flags::write;
use crate::http::error::ApiError;
use crate::http::request::{Asked, Writing, answered};
use crate::http::schema::Said;
use crate::http::views;
use crate::service::commit::{self, Answer, Done, Item};
use crate::service::credentials::{draw, ending, is_live, need_secrets};
use crate::service::plan::Plan;

/// The credentials of an environment that work now, newest first.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct CredentialsView {
    /// For server-side SDKs.
    server_keys: Vec<MaskedKey>,
    /// For mobile SDKs.
    mobile_keys: Vec<MaskedKey>,
    /// For browsers; public by design.
    client_side_id: Option<String>,
    /// Every client-side id with its identity, to revoke one.
    client_side_ids: Vec<MaskedKey>,
}

/// A key with its middle hidden.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct MaskedKey {
    #[schema(inline)]
    id: Uuid,
    masked: String,
    /// When it stops working, RFC 3339.
    expires_at: Option<String>,
}

/// A credential after a write.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered once")]
pub struct CredentialWritten {
    #[schema(inline)]
    id: Uuid,
    project: String,
    environment: String,
    kind: CredentialKind,
    masked: String,
    /// The key where it is public by design: a client-side id.
    #[schema(required)]
    public: Option<String>,
    /// When it stops working, RFC 3339.
    #[schema(required)]
    expires_at: Option<String>,
    revoked: bool,
    /// The key: shown only in the answer that made it, and not where that is repeated for an idempotency key.
    #[schema(nullable = false)]
    key: Option<String>,
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether anything differed.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// Renders the entity that a write was about, as 201.
pub fn render_about(about: EntityRef, location: Option<String>) -> impl Fn(&Done) -> Answer + Send + Sync {
    move |done| {
        let mut headers = views::done_etag(done, &about);
        headers.extend(location.iter().map(|location| ("location".to_owned(), location.clone())));
        let body = views::done(done, &about).to_text();
        Answer { status: 201, headers, body, revision: None, replayed: false }
    }
}

/// Puts a secret into the answer that is sent, which is not the one that is kept for an idempotency key.
pub fn shown_once(writing: &Writing, mut answer: Answer, member: &str, secret: Json) -> Answer {
    if writing.options.dry_run || answer.replayed {
        return answer;
    }
    if let Ok(mut body) = shared::json::parse_within(&answer.body, 512) {
        body.set(member, secret);
        answer.body = body.to_text();
    }
    answer.headers.push(("cache-control".to_owned(), "no-store".to_owned()));
    writing.state.access_log.secret_read(&writing.who(), &format!("a new secret: {member}"));
    answer
}

fn place(asked: &Asked) -> Result<(ProjectKey, EnvironmentKey), ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    asked.allow(Permission::Credentials, Scope::environment(&project, &environment))?;
    Ok((project, environment))
}

/// The credentials of a place that work now, newest first.
fn live<'a>(asked: &'a Asked, place: &(ProjectKey, EnvironmentKey)) -> Vec<&'a SdkCredential> {
    let now = asked.state.clock.now();
    let mut found: Vec<_> = asked
        .catalog
        .access
        .credentials
        .values()
        .map(AsRef::as_ref)
        .filter(|c: &&SdkCredential| c.project == place.0 && c.environment == place.1 && is_live(c, now))
        .collect();
    found.sort_by_key(|c| std::cmp::Reverse(c.id));
    found
}

fn take_kind(fields: &mut Fields<'_>) -> CredentialKind {
    match fields.take::<String>("kind").as_deref() {
        Some("server") | None => CredentialKind::Server,
        Some("mobile") => CredentialKind::Mobile,
        Some("client-side-id") => CredentialKind::ClientSideId,
        Some(other) => {
            fields.fault("kind", format!("must be server, mobile or client-side-id, not {other:?}"));
            CredentialKind::Server
        }
    }
}

fn invalid(faults: Vec<Fault>) -> ApiError {
    ApiError::faults(ProblemKind::Invalid, faults)
}

/// Shows an environment's credentials, masked but for the client-side id.
#[utoipa::path(get, path = "/environments/{environment}/credentials", tag = "credentials",
    params(("environment" = String, Path, description = "the environment")),
    responses(
    (status = 200, description = "what works now", body = CredentialsView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let place = place(&asked)?;
    let found = live(&asked, &place);
    let of = |kind: CredentialKind| found.iter().filter(move |c| c.kind == kind);
    let shown = |kind| {
        let masked = of(kind).map(|c| {
            [
                ("id", Json::from(c.id.to_string())),
                ("masked", Json::from(c.masked.as_str())),
                ("expiresAt", c.expires_at.map_or(Json::Null, views::time)),
            ]
            .into_iter()
            .collect()
        });
        Json::Array(masked.collect())
    };
    let public = of(CredentialKind::ClientSideId).find_map(|c| c.public.as_deref());
    let body: Json = [
        ("serverKeys", shown(CredentialKind::Server)),
        ("mobileKeys", shown(CredentialKind::Mobile)),
        ("clientSideId", public.map_or(Json::Null, Json::from)),
        ("clientSideIds", shown(CredentialKind::ClientSideId)),
    ]
    .into_iter()
    .collect();
    // No ETag: a key that expires changes the answer without a revision.
    Ok(asked.reply(None, &body))
}

async fn make(
    writing: &Writing,
    place: &(ProjectKey, EnvironmentKey),
    kind: CredentialKind,
    key: Option<&str>,
    others: Vec<Mutation>,
) -> Result<Response, ApiError> {
    need_secrets(&writing.cx, &writing.state.secrets).await?;
    let drawn = draw(&writing.cx, &writing.state.secrets, (&place.0, &place.1), kind, key)?;
    let about = EntityRef::SdkCredential(drawn.row.id);
    let mut items = vec![Item::whole(Mutation::PutCredential(Box::new(drawn.row)))];
    items.extend(others.into_iter().map(Item::whole));
    let answer = commit::run(&writing.cx, &writing.options, &items, &render_about(about, None)).await?;
    Ok(answered(shown_once(writing, answer, "key", Json::from(drawn.key.as_str()))))
}

/// Makes a credential, or takes a key that applications have already.
#[utoipa::path(post, path = "/environments/{environment}/credentials", tag = "credentials",
    params(("environment" = String, Path, description = "the environment")),
    request_body(content = Object, description = "{kind: server | mobile | client-side-id, key, comment}"),
    responses(
    (status = 201, description = "the credential; its key is shown only here", body = CredentialWritten),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let place = place(&writing)?;
    let mut fields = Fields::of(writing.json()?, "").map_err(invalid)?;
    let kind = take_kind(&mut fields);
    let key = fields.take::<Option<String>>("key").flatten();
    fields.finish().map_err(invalid)?;
    make(&writing, &place, kind, key.as_deref(), Vec::new()).await
}

/// Makes a new key and gives the old ones of its kind an end.
#[utoipa::path(post, path = "/environments/{environment}/credentials/rotate", tag = "credentials",
    params(("environment" = String, Path, description = "the environment")),
    request_body(content = Object,
        description = "{kind: server | mobile | client-side-id, expireOldAfter: seconds (86400; 0 ends them at once), comment}"),
    responses(
    (status = 201, description = "the new credential; its key is shown only here", body = CredentialWritten),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn rotate(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let place = place(&writing)?;
    let mut fields = Fields::of(writing.json()?, "").map_err(invalid)?;
    let kind = take_kind(&mut fields);
    let after = fields.take::<Option<i64>>("expireOldAfter").flatten().unwrap_or(86_400);
    if !(0..=366 * 86_400).contains(&after) {
        fields.fault("expireOldAfter", "must be 0 seconds to 366 days");
    }
    fields.finish().map_err(invalid)?;
    let old: Vec<_> = live(&writing, &place).into_iter().filter(|c| c.kind == kind).collect();
    let ends = ending(&old, writing.state.clock.now(), time::Duration::seconds(after));
    make(&writing, &place, kind, None, ends).await
}

/// Revokes a credential: what uses it stops working.
#[utoipa::path(delete, path = "/environments/{environment}/credentials/{id}", tag = "credentials", params(
    ("environment" = String, Path, description = "the environment"),
    ("id" = String, Path, description = "the credential"),
), responses(
    (status = 200, description = "the revoked credential", body = Said<CredentialWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revoke(writing: Writing) -> Result<Response, ApiError> {
    let place = place(&writing)?;
    let id: Uuid = writing.path("id")?;
    let here = |c: &SdkCredential| c.id == id && c.project == place.0 && c.environment == place.1;
    if !writing.catalog.access.credentials.values().any(|c| here(c)) {
        return Err(ApiError::unknown(format!("credential {id} in {}", place.1)));
    }
    write(&writing, Mutation::RevokeCredential(id), EntityRef::SdkCredential(id), 200, None).await
}
