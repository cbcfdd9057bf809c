//! Who may do what: the caller itself, tokens, role bindings.

use axum::response::Response;
use shared::access::{Permission, Role, RoleBinding, Scope, Token, TokenKind};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{Entity, EntityRef, Mutation};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::EnvironmentClass;
use shared::read::{Fields, FromJson};
use uuid::Uuid;

use super::credentials::{render_about, shown_once};
use super::flags::write;
use crate::http::error::ApiError;
use crate::http::paging::page;
use crate::http::request::{Asked, Writing, answered};
use crate::http::schema::Said;
use crate::service::plan::Plan;
use crate::service::tokens::{self, NewToken, take_place};
use crate::service::{Caller, commit};
use shared::audit::public;

/// Who is calling, and what they may do.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the caller")]
pub struct Me {
    /// `os:alice`, `user:alice`, `token:<id>`, `anonymous`.
    principal: String,
    /// How they are known: `socket`, `token:<id>`, `header`, `none`.
    credential: String,
    /// `socket`, `token`, `header`, `none` or `cli`: the credential without its name.
    credential_kind: String,
    /// The most the token may do, where it is limited.
    limit: Option<Role>,
    /// The role in the whole installation.
    role: Option<Role>,
    /// What the caller may do in the whole installation.
    permissions: Vec<String>,
    /// What is bound to the caller, its groups included.
    bindings: Vec<RoleBinding>,
    /// The role in each environment that the caller has one in.
    roles: Vec<RoleHere>,
}

/// A role in an environment.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the caller")]
pub struct RoleHere {
    project: String,
    environment: String,
    role: Role,
    /// Whether the role is enough to change flags there.
    may_write: bool,
    /// What the caller may do there: `read`, `read-audit`, `write`, `administer`, `credentials`, `access`, `operate`.
    permissions: Vec<String>,
    /// What the environment is for.
    class: EnvironmentClass,
    protected: bool,
}

/// A page of tokens.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct TokenPage {
    /// The tokens, oldest first, revoked ones included.
    items: Vec<TokenView>,
    /// How many there are in all.
    total: i64,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

/// A token as the API shows it.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct TokenView {
    #[schema(inline)]
    id: Uuid,
    kind: TokenKind,
    name: String,
    principal: String,
    prefix: String,
    last_four: String,
    #[schema(required)]
    role: Option<Role>,
    /// When it stops working, RFC 3339.
    #[schema(required)]
    expires_at: Option<String>,
    revoked: bool,
}

/// A token after a write.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered once")]
pub struct TokenWritten {
    #[schema(inline)]
    id: Uuid,
    kind: TokenKind,
    name: String,
    principal: String,
    prefix: String,
    last_four: String,
    #[schema(required)]
    role: Option<Role>,
    /// When it stops working, RFC 3339.
    #[schema(required)]
    expires_at: Option<String>,
    revoked: bool,
    /// The secret: shown only in the answer that made it, and not where that is repeated for an idempotency key.
    #[schema(nullable = false)]
    token: Option<String>,
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether anything differed.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// A role binding after a write.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered once")]
pub struct BindingWritten {
    #[schema(inline)]
    id: Uuid,
    subject: String,
    role: Role,
    project: String,
    environment: String,
    /// The revision that was made, or the head where nothing differed.
    revision: i64,
    /// Whether anything differed.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// That something was taken away.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered once")]
pub struct Removed {
    /// The revision that took it away.
    revision: i64,
    /// Always true.
    changed: bool,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// A page of role bindings.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct BindingPage {
    /// The bindings, oldest first.
    items: Vec<RoleBinding>,
    /// How many there are in all.
    total: i64,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

fn invalid(faults: Vec<Fault>) -> ApiError {
    ApiError::faults(ProblemKind::Invalid, faults)
}

fn permissions(caller: &Caller, scope: &Scope<'_>) -> Json {
    let had = Permission::ALL.into_iter().filter(|permission| caller.may(*permission, scope).allowed);
    Json::Array(had.map(|permission| Json::from(permission.as_str())).collect())
}

/// Says who is calling, and what they may do.
#[utoipa::path(get, path = "/me", tag = "access", responses(
    (status = 200, description = "the caller", body = Me),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn me(asked: Asked) -> Result<Response, ApiError> {
    let caller = &asked.cx.caller;
    let named = |role: Option<Role>| role.map_or(Json::Null, |role| Json::from(role.as_str()));
    let mut roles = Vec::new();
    for ((project, environment), state) in &asked.catalog.environments {
        let mut scope = Scope::environment(project, environment);
        scope.minimum_role = state.stored.row.minimum_role;
        if let Some(role) = caller.role_at(&scope).filter(|_| !state.stored.row.archived) {
            roles.push(
                [
                    ("project", Json::from(project.as_str())),
                    ("environment", Json::from(environment.as_str())),
                    ("role", Json::from(role.as_str())),
                    ("mayWrite", Json::Bool(caller.may(Permission::Write, &scope).allowed)),
                    ("permissions", permissions(caller, &scope)),
                    ("class", Json::from(state.stored.row.shown_class().as_str())),
                    ("protected", Json::Bool(state.stored.row.protected)),
                ]
                .into_iter()
                .collect(),
            );
        }
    }
    let body: Json = [
        ("principal", Json::from(caller.principal.as_str())),
        ("credential", Json::from(caller.credential.as_str())),
        ("credentialKind", Json::from(caller.credential.split(':').next().unwrap_or(""))),
        ("limit", named(caller.ceiling)),
        ("role", named(caller.role_at(&Scope::INSTALLATION))),
        ("permissions", permissions(caller, &Scope::INSTALLATION)),
        ("bindings", Json::from_serialize(&caller.bindings)),
        ("roles", Json::Array(roles)),
    ]
    .into_iter()
    .collect();
    Ok(asked.reply(None, &body))
}

fn view(token: &Token) -> Json {
    let entity = Entity::Token(token.clone());
    public(entity.kind(), entity.to_json())
}

/// Lists tokens: the caller's own, or everybody's for those who may.
#[utoipa::path(get, path = "/tokens", tag = "access", params(
    ("principal" = Option<String>, Query, description = "of this principal"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page of tokens, oldest first", body = TokenPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list_tokens(asked: Asked) -> Result<Response, ApiError> {
    let caller = &asked.cx.caller;
    let all = caller.may(Permission::Access, &Scope::INSTALLATION).allowed;
    if caller.bindings.is_empty() {
        asked.allow(Permission::Read, Scope::INSTALLATION)?;
    }
    let wanted = asked.text("principal");
    let mut items: Vec<_> = asked
        .catalog
        .access
        .tokens
        .values()
        .filter(|t| (all || t.principal == caller.principal) && wanted.is_none_or(|w| t.principal == w))
        .map(|t| (t.id.to_string(), t))
        .collect();
    items.sort_by_key(|(_, token)| token.id);
    Ok(asked.reply(asked.head_etag(), &page(&asked, &items, |token| view(token))?))
}

/// Makes a token: for the caller, or for a program with a role of its own.
#[utoipa::path(post, path = "/tokens", tag = "access",
    request_body(content = Object,
        description = "{name, kind: personal | service, role, project, environment, expiresAt, comment}"),
    responses(
    (status = 201, description = "the token; the secret is shown only here", body = TokenWritten),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create_token(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let new = NewToken::from_json(writing.json()?, "").map_err(invalid)?;
    if new.expires_at.is_some_and(|end| end <= writing.state.clock.now()) {
        return Err(invalid(vec![Fault::new("/expiresAt", "is over already")]));
    }
    let drawn = tokens::draw(&writing.cx, &new);
    let EntityRef::Token(id) = drawn.reference else {
        return Err(ApiError::new(ProblemKind::Internal, "the token has no name"));
    };
    let render = render_about(drawn.reference, Some(format!("/api/tokens/{id}")));
    let answer = commit::run(&writing.cx, &writing.options, &drawn.items, &render).await?;
    Ok(answered(shown_once(&writing, answer, "token", Json::from(drawn.secret.as_str()))))
}

/// Revokes a token: it stops working at once, on every daemon.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "access",
    params(("id" = String, Path, description = "the token")),
    responses(
    (status = 200, description = "the revoked token", body = Said<TokenWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revoke_token(writing: Writing) -> Result<Response, ApiError> {
    let id: Uuid = writing.path("id")?;
    write(&writing, Mutation::RevokeToken(id), EntityRef::Token(id), 200, None).await
}

/// Lists the role bindings of the places where the caller may change them.
#[utoipa::path(get, path = "/role-bindings", tag = "access", params(
    ("subject" = Option<String>, Query, description = "of this subject"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page of role bindings, oldest first", body = BindingPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list_bindings(asked: Asked) -> Result<Response, ApiError> {
    let wanted = asked.text("subject");
    let may = |binding: &RoleBinding| {
        let project = ProjectKey::new(binding.project.clone()).ok();
        let environment = EnvironmentKey::new(binding.environment.clone()).ok();
        let scope =
            Scope { project: project.as_ref(), environment: environment.as_ref(), minimum_role: None };
        asked.cx.caller.may(Permission::Access, &scope).allowed
    };
    let seen: Vec<_> = asked.catalog.access.bindings.values().filter(|b| may(b)).collect();
    if seen.is_empty() && !asked.cx.caller.bindings.iter().any(may) {
        asked.allow(Permission::Access, Scope::INSTALLATION)?;
    }
    let items: Vec<_> = seen
        .into_iter()
        .filter(|b| wanted.is_none_or(|w| b.subject == w))
        .map(|b| (b.id.to_string(), b))
        .collect();
    Ok(asked.reply(asked.head_etag(), &page(&asked, &items, Json::from_serialize)?))
}

fn read_binding(body: &Json, id: Uuid) -> Result<RoleBinding, ApiError> {
    let mut fields = Fields::of(body, "").map_err(invalid)?;
    let subject = fields.take::<String>("subject").unwrap_or_default();
    let role = fields.take::<Role>("role");
    let (project, environment) = take_place(&mut fields);
    let named = |prefix: &str| subject.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    let known = subject == "*"
        || named("os:")
        || named("user:")
        || named("group:")
        || subject.strip_prefix("token:").is_some_and(|id| id.parse::<Uuid>().is_ok());
    if !known || subject.len() > 264 {
        fields.fault(
            "subject",
            "must be os:<name>, user:<id>, group:<name>, token:<id of a service token>, or * for everybody known",
        );
    }
    fields.finish().map_err(invalid)?;
    let Some(role) = role else { return Err(ApiError::parameter("role", "is required")) };
    Ok(RoleBinding { id, subject, role, project, environment })
}

/// Binds a role to a subject in a place.
#[utoipa::path(post, path = "/role-bindings", tag = "access",
    request_body(content = Object, description = "{subject, role, project (*), environment (*), comment}"),
    responses(
    (status = 201, description = "the binding", body = BindingWritten),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create_binding(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let binding = read_binding(writing.json()?, writing.cx.clock.uuid())?;
    let about = EntityRef::RoleBinding(binding.id);
    let location = format!("/api/role-bindings/{}", binding.id);
    let items = [commit::Item::whole(Mutation::PutRoleBinding(binding))];
    let render = render_about(about, Some(location));
    Ok(answered(commit::run(&writing.cx, &writing.options, &items, &render).await?))
}

/// Changes a role binding.
#[utoipa::path(put, path = "/role-bindings/{id}", tag = "access",
    params(("id" = String, Path, description = "the binding")),
    request_body(content = Object, description = "{subject, role, project (*), environment (*), comment}"),
    responses(
    (status = 200, description = "the binding", body = Said<BindingWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn replace_binding(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let id: Uuid = writing.path("id")?;
    let binding = read_binding(writing.json()?, id)?;
    if !writing.catalog.access.bindings.contains_key(&id) {
        writing.allow(Permission::Access, Scope::INSTALLATION)?;
        return Err(ApiError::unknown(format!("role binding {id}")));
    }
    write(&writing, Mutation::PutRoleBinding(binding), EntityRef::RoleBinding(id), 200, None).await
}

/// Takes a role away.
#[utoipa::path(delete, path = "/role-bindings/{id}", tag = "access",
    params(("id" = String, Path, description = "the binding")),
    responses(
    (status = 200, description = "the revision that took it away", body = Said<Removed>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn remove_binding(writing: Writing) -> Result<Response, ApiError> {
    let id: Uuid = writing.path("id")?;
    write(&writing, Mutation::RemoveRoleBinding(id), EntityRef::RoleBinding(id), 200, None).await
}
