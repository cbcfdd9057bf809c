//! Flags and their configurations: the endpoints of the first seed.

use axum::response::Response;
use shared::access::{CredentialKind, Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{EntityRef, Mutation, NewFlag, Patch};
use shared::context::Context;
use shared::flag::FlagKind;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::read::{Fields, FromJson};

use crate::http::error::ApiError;
use crate::http::filter::Filter;
use crate::http::request::{Asked, Writing, answered};
use crate::http::schema::{ClientEntry, ConfigView, ConfigWritten, FlagPage, FlagView, FlagWritten, Said};
use crate::http::views;
use crate::service::commit::{self, Answer, Done, Item};
use crate::service::plan::Plan;

/// Does one mutation and answers with the entity it was about.
pub async fn write(
    writing: &Writing,
    mutation: Mutation,
    about: EntityRef,
    status: u16,
    location: Option<String>,
) -> Result<Response, ApiError> {
    let render = move |done: &Done| {
        let mut headers = views::done_etag(done, &about);
        if let Some(location) = &location {
            headers.push(("location".to_owned(), location.clone()));
        }
        Answer { status, headers, body: views::done(done, &about).to_text(), revision: None, replayed: false }
    };
    Ok(answered(commit::run(&writing.cx, &writing.options, &[Item::whole(mutation)], &render).await?))
}

/// Lists flags.
#[utoipa::path(get, path = "/flags", tag = "flags", params(
    ("q" = Option<String>, Query, description = "key or name contains"),
    ("tag" = Option<String>, Query, description = "has this tag"),
    ("kind" = Option<FlagKind>, Query, description = "of this kind"),
    ("filter" = Option<String>, Query, description = "the query language of docs/API.md", example = "tag:a -on:staging"),
    ("archived" = Option<bool>, Query,
     description = "archived ones, or live ones (default: what filter says, else live ones)"),
    ("environment" = Option<String>, Query, description = "with enabled or config: where"),
    ("enabled" = Option<bool>, Query, description = "on or off in the environment"),
    ("config" = Option<String>, Query, description = "a jsonpath predicate on the environment's document"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "a page of flags, by key", body = FlagPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    asked.allow(Permission::Read, Scope::project(&project))?;
    let q = asked.text("q").map(str::to_lowercase);
    let tag = asked.text("tag");
    let kind = asked.query::<FlagKind>("kind")?;
    let readable = asked.readable(&project);
    let filter = Filter::read(&asked, &readable)?;
    let enabled = asked.flag("enabled")?;
    let environment = asked.query::<EnvironmentKey>("environment")?;
    if let Some(environment) = &environment {
        asked.known_environment(&project, environment)?;
        asked.allow(Permission::Read, Scope::environment(&project, environment))?;
    }
    if environment.is_none() && (enabled.is_some() || asked.text("config").is_some()) {
        return Err(ApiError::parameter("environment", "is required beside enabled and config"));
    }
    if asked.text("config").is_some() && asked.text("at").is_some() {
        return Err(ApiError::parameter("config", "asks the present alone; it is not taken beside at"));
    }
    let state = environment.as_ref().and_then(|e| asked.catalog.environment(&project, e));
    let matching = match (asked.text("config"), &environment) {
        (Some(predicate), Some(environment)) => {
            Some(crate::service::flags::matching(&asked.cx, &project, environment, predicate).await?)
        }
        _ => None,
    };
    let limit = asked.limit(1000, 1000)?;
    let after = asked.query::<FlagKey>("cursor")?;
    let mut total = 0;
    let mut items = Vec::new();
    let mut last = None;
    let mut more = false;
    for flag in asked.catalog.flags_of(&project) {
        let row = &flag.row;
        let wanted = filter.shows(flag, &readable)
            && q.as_ref().is_none_or(|q| {
                row.key.as_str().to_lowercase().contains(q) || row.name.to_lowercase().contains(q)
            })
            && tag.is_none_or(|tag| row.tags.iter().any(|t| t == tag))
            && kind.is_none_or(|kind| row.kind == kind)
            && matching.as_ref().is_none_or(|keys| keys.contains(row.key.as_str()))
            && enabled.is_none_or(|enabled| {
                state.and_then(|s| s.standing(&row.key)).is_some_and(|c| c.stored.row.on() == enabled)
            });
        if !wanted {
            continue;
        }
        total += 1;
        if after.as_ref().is_some_and(|after| row.key <= *after) {
            continue;
        }
        if items.len() == limit {
            more = true;
            continue;
        }
        last = Some(row.key.to_string());
        items.push(views::flag(flag, &readable));
    }
    let next = if more { last.map_or(Json::Null, Json::from) } else { Json::Null };
    let body: Json =
        [("items", Json::Array(items)), ("total", Json::from(total as i64)), ("nextCursor", next)]
            .into_iter()
            .collect();
    Ok(asked.reply(asked.head_etag().filter(|_| filter.lasts()), &body))
}

/// Shows a flag, with its per-environment summary.
#[utoipa::path(get, path = "/flags/{key}", tag = "flags", params(
    ("key" = String, Path, description = "the flag"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "the flag", body = FlagView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let key: FlagKey = asked.path("key")?;
    asked.allow(Permission::Read, Scope::project(&project))?;
    let flag = asked.catalog.flag(&project, &key).ok_or_else(|| ApiError::unknown(format!("flag {key}")))?;
    let (last, configs) = asked.catalog.last_of(&project, &key);
    let body = views::flag(flag, &asked.readable(&project));
    Ok(asked.reply(Some(views::flag_etag(last, configs)), &body))
}

/// Creates a flag, with a configuration in every environment.
#[utoipa::path(post, path = "/flags", tag = "flags",
    request_body(content = Object, description = "key, name, description, type, enabled, tags, and the full form"),
    responses(
    (status = 201, description = "the flag", body = FlagWritten),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let flag = NewFlag::from_json(writing.json()?, "")
        .map_err(|faults| ApiError::faults(ProblemKind::Invalid, faults))?;
    let about = EntityRef::Flag(project.clone(), flag.key.clone());
    let location = if project == ProjectKey::default() {
        format!("/api/flags/{}", flag.key)
    } else {
        format!("/api/projects/{project}/flags/{}", flag.key)
    };
    write(&writing, Mutation::CreateFlag(project, Box::new(flag)), about, 201, Some(location)).await
}

/// The patch that a body is, by its content type.
pub fn patch_of(writing: &Writing) -> Result<Patch, ApiError> {
    let body = writing.json()?.clone();
    Ok(match writing.content_type.as_str() {
        "application/json-patch+json" => Patch::Operations(body),
        _ => Patch::Merge(body),
    })
}

/// Edits a flag: JSON Merge Patch, or JSON Patch by its content type.
#[utoipa::path(patch, path = "/flags/{key}", tag = "flags",
    params(("key" = String, Path, description = "the flag")),
    request_body(content = Object, description = "RFC 7396; RFC 6902 as application/json-patch+json"),
    responses(
    (status = 200, description = "the flag", body = Said<FlagWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn update(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let patch = patch_of(&writing)?;
    let about = EntityRef::Flag(project.clone(), key.clone());
    write(&writing, Mutation::UpdateFlag(project, key, patch), about, 200, None).await
}

/// Archives a flag. It is never deleted, and its key is never used again.
#[utoipa::path(delete, path = "/flags/{key}", tag = "flags",
    params(("key" = String, Path, description = "the flag")),
    responses(
    (status = 200, description = "the archived flag", body = Said<FlagWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn archive(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let about = EntityRef::Flag(project.clone(), key.clone());
    write(&writing, Mutation::ArchiveFlag(project, key), about, 200, None).await
}

/// Brings an archived flag back.
#[utoipa::path(post, path = "/flags/{key}/restore", tag = "flags",
    params(("key" = String, Path, description = "the flag")),
    responses(
    (status = 200, description = "the flag", body = Said<FlagWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn restore(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    if let Some(body) = &writing.body {
        let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
        Fields::of(body, "").map_err(invalid)?.finish().map_err(invalid)?;
    }
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let about = EntityRef::Flag(project.clone(), key.clone());
    write(&writing, Mutation::RestoreFlag(project, key), about, 200, None).await
}

/// Shows a flag's configuration in an environment.
#[utoipa::path(get, path = "/flags/{key}/config/{environment}", tag = "flags", params(
    ("key" = String, Path, description = "the flag"),
    ("environment" = String, Path, description = "the environment"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "the configuration", body = ConfigView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get_config(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let key: FlagKey = asked.path("key")?;
    let environment = asked.environment(&project)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let state = asked.catalog.environment(&project, &environment);
    let served = state.and_then(|s| s.standing(&key));
    let served =
        served.ok_or_else(|| ApiError::unknown(format!("configuration of {key} in {environment}")))?;
    Ok(asked.reply(Some(views::etag(served.stored.stamp.last)), &views::config(&served.stored)))
}

/// Replaces a flag's configuration in an environment: the targeting document, or the evaluated form.
#[utoipa::path(put, path = "/flags/{key}/config/{environment}", tag = "flags", params(
    ("key" = String, Path, description = "the flag"),
    ("environment" = String, Path, description = "the environment"),
), request_body(content = Object, description = "{config, enabled, comment}"), responses(
    (status = 200, description = "the configuration", body = Said<ConfigWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn put_config(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let environment = writing.environment(&project)?;
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let mut fields = Fields::of(writing.json()?, "").map_err(invalid)?;
    let config = fields.take::<Option<Json>>("config").flatten();
    let enabled = fields.take::<Option<bool>>("enabled").flatten();
    fields.finish().map_err(invalid)?;
    let about = EntityRef::Config(project.clone(), key.clone(), environment.clone());
    let mutation = Mutation::ReplaceConfig(project, key, environment, config, enabled);
    write(&writing, mutation, about, 200, None).await
}

/// Edits a flag's configuration in an environment.
#[utoipa::path(patch, path = "/flags/{key}/config/{environment}", tag = "flags", params(
    ("key" = String, Path, description = "the flag"),
    ("environment" = String, Path, description = "the environment"),
), request_body(content = Object, description = "RFC 7396 on the document; RFC 6902 as application/json-patch+json"),
responses(
    (status = 200, description = "the configuration", body = Said<ConfigWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn patch_config(writing: Writing) -> Result<Response, ApiError> {
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let environment = writing.environment(&project)?;
    let patch = patch_of(&writing)?;
    let about = EntityRef::Config(project.clone(), key.clone(), environment.clone());
    write(&writing, Mutation::PatchConfig(project, key, environment, patch), about, 200, None).await
}

/// Turns a flag on or off in an environment; without `enabled` it flips.
#[utoipa::path(post, path = "/flags/{key}/toggle", tag = "flags",
    params(("key" = String, Path, description = "the flag")),
    request_body(content = Object, description = "{environment, enabled, comment}"), responses(
    (status = 200, description = "the configuration", body = Said<ConfigWritten>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn toggle(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let project = writing.project()?;
    let key: FlagKey = writing.path("key")?;
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let mut fields = Fields::of(writing.json()?, "").map_err(invalid)?;
    let environment = fields.take::<EnvironmentKey>("environment");
    let enabled = fields.take::<Option<bool>>("enabled").flatten();
    fields.finish().map_err(invalid)?;
    let environment = environment.ok_or_else(|| ApiError::parameter("environment", "is required"))?;
    writing.known_environment(&project, &environment)?;
    let about = EntityRef::Config(project.clone(), key.clone(), environment.clone());
    write(&writing, Mutation::SetOn(project, key, environment, enabled), about, 200, None).await
}

/// Every flag of an environment in LaunchDarkly's client format.
#[utoipa::path(get, path = "/environments/{environment}/flags", tag = "flags", params(
    ("environment" = String, Path, description = "the environment"),
    ("context" = Option<String>, Query, description = "base64 of a context's JSON"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "flag key to value, variation and versions", body = BTreeMap<String, ClientEntry>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn payload(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let context = context_of(&asked)?;
    let Some(state) = asked.catalog.environment(&project, &environment) else {
        return Err(ApiError::unknown(format!("environment {environment}")));
    };
    let body = views::client_payload(&asked.catalog, state, &context);
    let etag = payload_etag(&asked, state.revision.0, &context);
    let (body, etag) = exposed(&asked, &project, body, etag);
    Ok(asked.reply(Some(etag), &body))
}

/// What of a payload the caller's credential may see: a client-side one sees the flags that are available
/// to its kind, and nothing tells it of others.
fn exposed(asked: &Asked, project: &ProjectKey, body: Json, etag: String) -> (Json, String) {
    let available: fn(&shared::project::ClientSideAvailability) -> bool =
        match crate::http::identity::sdk_kind(&asked.cx.caller) {
            Some(CredentialKind::Mobile) => |a| a.using_mobile_key,
            Some(CredentialKind::ClientSideId) => |a| a.using_environment_id,
            Some(CredentialKind::Server) | None => return (body, etag),
        };
    let members = body.as_object().unwrap_or_default().iter().filter(|(key, _)| {
        let flag = FlagKey::new(key.as_str()).ok().and_then(|key| asked.catalog.flag(project, &key));
        flag.is_some_and(|flag| available(&flag.row.client_side_availability))
    });
    let kind = asked.cx.caller.credential.split(':').next().unwrap_or_default();
    (members.cloned().collect(), format!("{}.{kind}\"", etag.trim_end_matches('"')))
}

/// The ETag of what an environment serves to a context: no evaluation is needed to answer 304.
pub fn payload_etag(asked: &Asked, revision: i64, context: &Context) -> String {
    use sha2::{Digest, Sha256};
    let hash = shared::audit::hex(&Sha256::digest(context.to_canonical_text().as_bytes()));
    let short = hash.get(..16).unwrap_or(&hash);
    format!("\"{}.{revision}.{short}\"", asked.catalog.position.epoch.0)
}

/// The context of the query (base64, padded or not, either alphabet), or the anonymous user.
pub fn context_of(asked: &Asked) -> Result<Context, ApiError> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let Some(text) = asked.text("context") else { return Ok(Context::anonymous()) };
    let trimmed = text.trim_end_matches('=').replace(' ', "+");
    let bytes = URL_SAFE_NO_PAD
        .decode(&trimmed)
        .or_else(|_| STANDARD_NO_PAD.decode(&trimmed))
        .map_err(|_| ApiError::parameter("context", "must be the base64 of a JSON object"))?;
    let json =
        crate::http::request::read_body(&bytes)?.ok_or_else(|| ApiError::parameter("context", "is empty"))?;
    Context::parse(&json).map_err(|faults| ApiError::faults(ProblemKind::Malformed, faults))
}
