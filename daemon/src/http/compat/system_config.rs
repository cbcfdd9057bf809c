//! The second seed's API: boolean flags of one environment as groups and a percentage.

use std::sync::Arc;

use axum::extract::Query;
use axum::response::Response;
use http::Uri;
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{Entity, EntityRef, Mutation, NewFlag};
use shared::context::Context;
use shared::flag::{Flag, FlagKind, new_document};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::read::Fields;
use shared::system_config::{Edit, MAX_GROUPS, Wanted, with_audience};

use crate::http::compat::system_config_view::{
    Checked, FeatureFlag, FeatureFlagBody, Features, Made, made, view,
};
use crate::http::error::ApiError;
use crate::http::request::{Asked, Writing, answered};
use crate::http::schema::Said;
use crate::live::catalog::{Catalog, EnvironmentState};
use crate::service::commit::{self, Answer, Done, Item};
use crate::service::plan::Plan;
use crate::service::system_config::etag;
use crate::store::Stored;

/// The most flags that one batch creates.
const MAX_BATCH: usize = 200;
/// Names that are paths of this API.
const RESERVED: [&str; 2] = ["enabled", "batch"];
const BASE: &str = "/api/v1/system-config/feature-flags";

/// Where the view looks.
struct Place {
    project: ProjectKey,
    environment: EnvironmentKey,
}

impl Place {
    fn of(asked: &Asked) -> Result<Self, ApiError> {
        let config = &asked.state.config.system_config;
        let wrong = |e| ApiError::unknown(format!("place as system_config names it: {e}"));
        let project: ProjectKey = config.project.parse().map_err(wrong)?;
        let environment: EnvironmentKey = config.environment.parse().map_err(wrong)?;
        asked.known_environment(&project, &environment)?;
        Ok(Self { project, environment })
    }

    /// The place of a read, which the caller may make.
    fn readable(asked: &Asked) -> Result<Self, ApiError> {
        let place = Self::of(asked)?;
        asked.allow(Permission::Read, Scope::environment(&place.project, &place.environment))?;
        Ok(place)
    }

    fn state<'c>(&self, catalog: &'c Catalog) -> Result<&'c Arc<EnvironmentState>, ApiError> {
        catalog
            .environment(&self.project, &self.environment)
            .ok_or_else(|| ApiError::unknown(format!("environment {}", self.environment)))
    }

    fn flag<'c>(&self, catalog: &'c Catalog, key: &FlagKey) -> Result<&'c Arc<Stored<Flag>>, ApiError> {
        match catalog.flag(&self.project, key) {
            Some(flag) if shown(&flag.row) => Ok(flag),
            _ => Err(ApiError::unknown(format!("boolean flag {key}"))),
        }
    }
}

fn shown(flag: &Flag) -> bool {
    !flag.archived && flag.kind == FlagKind::Boolean
}

/// The view of a flag after a write, and its ETag.
fn written(done: &Done, catalog: &Catalog, place: &Place, key: &FlagKey, caller: &str) -> (Json, String) {
    let about = EntityRef::Flag(place.project.clone(), key.clone());
    let beside = EntityRef::Config(place.project.clone(), key.clone(), place.environment.clone());
    let (Some((Entity::Flag(flag), last)), config) = (done.entities.get(&about), done.entities.get(&beside))
    else {
        return (Json::object(), String::new());
    };
    let (config, configured) = match config {
        Some((Entity::Config(config), last)) => (Some(config), last.revision),
        _ => (None, shared::revision::Revision::default()),
    };
    let known = catalog.flag(&place.project, key).map(|known| {
        let state = catalog.environment(&place.project, &place.environment);
        made(known, state.and_then(|s| s.configs.get(key)).map(Arc::as_ref))
    });
    let now = Made {
        created_at: known.as_ref().map_or(done.at, |k| k.created_at),
        created_by: known.as_ref().map_or_else(|| caller.to_owned(), |k| k.created_by.clone()),
        updated_at: done.at,
        updated_by: caller.to_owned(),
    };
    let made = if done.changed { now } else { known.unwrap_or(now) };
    (view(flag, config, &made), etag(*last, configured))
}

/// Does one or more mutations and answers with the flag they were about.
async fn write(
    mut writing: Writing,
    place: Place,
    mutations: Vec<Mutation>,
    key: FlagKey,
    status: u16,
) -> Result<Response, ApiError> {
    writing.caught_up().await;
    writing.asked.cx.source = "system-config";
    let items: Vec<Item> = mutations.into_iter().map(Item::whole).collect();
    let catalog = Arc::clone(&writing.asked.catalog);
    let caller = writing.asked.cx.caller.principal.clone();
    let render = move |done: &Done| {
        let (body, etag) = written(done, &catalog, &place, &key, &caller);
        let mut headers = vec![("etag".to_owned(), etag)];
        if status == 201 {
            headers.push(("location".to_owned(), format!("{BASE}/{key}")));
        }
        Answer { status, headers, body: body.to_text(), revision: None, replayed: false }
    };
    Ok(answered(commit::run(&writing.asked.cx, &writing.options, &items, &render).await?))
}

/// A new flag: off everywhere, and in the view's environment as its author wants it.
fn creation(
    place: &Place,
    json: &Json,
    at: &str,
) -> Result<(FlagKey, [Mutation; 2]), Vec<shared::fault::Fault>> {
    let mut fields = Fields::of(json, at)?;
    let name = fields.take::<FlagKey>("name");
    let edit = Edit::take(&mut fields);
    if name.as_ref().is_some_and(|name| RESERVED.contains(&name.as_str())) {
        fields.fault("name", "is a path of this API; take another one");
    }
    fields.finish()?;
    let key = name.ok_or_else(|| shared::read::unread(at))?;
    let new = NewFlag {
        key: key.clone(),
        name: None,
        description: edit.description.unwrap_or_default(),
        kind: Some(FlagKind::Boolean),
        variations: None,
        enabled: false,
        tags: Vec::new(),
        owner: None,
        temporary: true,
        client_side_availability: None,
        metadata: edit.metadata,
        value_schema: None,
    };
    let audience = shared::system_config::Audience {
        groups: edit.groups.unwrap_or_default(),
        percentage: edit.percentage.unwrap_or(100),
    };
    let plain = new_document(FlagKind::Boolean, 2, false);
    let document = with_audience(&boolean(&new), &plain, &audience);
    let (project, environment) = (place.project.clone(), place.environment.clone());
    Ok((
        key.clone(),
        [
            Mutation::CreateFlag(project.clone(), Box::new(new)),
            Mutation::ReplaceConfig(project, key, environment, document, Some(edit.enabled.unwrap_or(false))),
        ],
    ))
}

/// The flag as it is created: `true` and `false`.
fn boolean(new: &NewFlag) -> Flag {
    Flag {
        id: uuid::Uuid::nil(),
        project: ProjectKey::default(),
        key: new.key.clone(),
        name: String::new(),
        description: String::new(),
        kind: FlagKind::Boolean,
        variations: [true, false].map(|v| shared::flag::Variation::of(Json::Bool(v))).to_vec(),
        flag_version: 1,
        tags: Vec::new(),
        owner: None,
        temporary: true,
        client_side_availability: shared::project::ClientSideAvailability::default(),
        metadata: Json::object(),
        value_schema: None,
        archived: false,
    }
}

fn invalid(faults: Vec<shared::fault::Fault>) -> ApiError {
    ApiError::faults(ProblemKind::Invalid, faults)
}

/// Creates a flag: in the view's environment as asked, off everywhere else.
#[utoipa::path(post, path = "/api/v1/system-config/feature-flags", tag = "system-config",
    request_body = FeatureFlagBody, responses(
    (status = 201, description = "the flag", body = FeatureFlag),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let place = Place::of(&writing)?;
    let (key, mutations) = creation(&place, writing.json()?, "").map_err(invalid)?;
    write(writing, place, mutations.to_vec(), key, 201).await
}

/// Creates several flags as one revision: all of them or none.
#[utoipa::path(post, path = "/api/v1/system-config/feature-flags/batch", tag = "system-config",
    request_body(content = Vec<FeatureFlagBody>, description = "the flags; also as {\"flags\": [...]}"),
    responses(
    (status = 201, description = "the flags", body = Vec<FeatureFlag>),
    (status = 200, description = "with dryRun: the plan", body = Plan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn batch(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    writing.caught_up().await;
    let place = Place::of(&writing)?;
    let body = writing.json()?;
    let (list, base) = match body {
        Json::Array(list) => (list.as_slice(), ""),
        _ => {
            let mut fields = Fields::of(body, "").map_err(invalid)?;
            let list = fields.raw("flags").and_then(Json::as_array);
            if list.is_none() {
                fields.fault("flags", "must be an array of flags");
            }
            fields.finish().map_err(invalid)?;
            (list.unwrap_or_default(), "/flags")
        }
    };
    if list.is_empty() || list.len() > MAX_BATCH {
        let fault = shared::fault::Fault::new(base, format!("must hold 1 to {MAX_BATCH} flags"));
        return Err(invalid(vec![fault]));
    }
    let mut faults = Vec::new();
    let mut keys = Vec::new();
    let mut items = Vec::new();
    for (i, json) in list.iter().enumerate() {
        let at = format!("{base}/{i}");
        match creation(&place, json, &at) {
            Ok((key, mutations)) => {
                keys.push(key);
                items.extend(mutations.map(|mutation| Item { mutation, at: at.clone(), if_match: None }));
            }
            Err(mut more) => faults.append(&mut more),
        }
    }
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    writing.asked.cx.source = "system-config";
    let catalog = Arc::clone(&writing.asked.catalog);
    let caller = writing.asked.cx.caller.principal.clone();
    let render = move |done: &Done| {
        let views = keys.iter().map(|key| written(done, &catalog, &place, key, &caller).0).collect();
        let body = Json::Array(views).to_text();
        Answer { status: 201, headers: Vec::new(), body, revision: None, replayed: false }
    };
    Ok(answered(commit::run(&writing.asked.cx, &writing.options, &items, &render).await?))
}

/// Lists the boolean flags, by name.
#[utoipa::path(get, path = "/api/v1/system-config/feature-flags", tag = "system-config", params(
    ("enabled" = Option<bool>, Query, description = "on or off"),
    ("nameContains" = Option<String>, Query, description = "the name contains, whatever the case"),
), responses(
    (status = 200, description = "the flags", body = Vec<FeatureFlag>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let place = Place::readable(&asked)?;
    let state = place.state(&asked.catalog)?;
    let enabled = asked.flag("enabled")?;
    let part = asked.text("nameContains").map(str::to_lowercase);
    let views = asked
        .catalog
        .flags_of(&place.project)
        .filter(|flag| shown(&flag.row))
        .filter(|flag| part.as_ref().is_none_or(|p| flag.row.key.as_str().to_lowercase().contains(p)))
        .map(|flag| (flag, state.configs.get(&flag.row.key)))
        .filter(|(_, config)| {
            enabled.is_none_or(|enabled| config.is_some_and(|c| c.stored.row.on()) == enabled)
        })
        .map(|(flag, config)| {
            let made = made(flag, config.map(Arc::as_ref));
            view(&flag.row, config.map(|c| &c.stored.row), &made)
        })
        .collect();
    Ok(asked.reply(asked.head_etag(), &Json::Array(views)))
}

/// Shows a flag.
#[utoipa::path(get, path = "/api/v1/system-config/feature-flags/{name}", tag = "system-config",
    params(("name" = String, Path, description = "the flag")), responses(
    (status = 200, description = "the flag", body = FeatureFlag),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let place = Place::readable(&asked)?;
    let key: FlagKey = asked.path("name")?;
    let flag = place.flag(&asked.catalog, &key)?;
    let config = place.state(&asked.catalog)?.configs.get(&key);
    let made = made(flag, config.map(Arc::as_ref));
    let body = view(&flag.row, config.map(|c| &c.stored.row), &made);
    let configured = config.map(|c| c.stored.stamp.last.revision).unwrap_or_default();
    Ok(asked.reply(Some(etag(flag.stamp.last, configured)), &body))
}

/// The edit of one flag, with the ETag where the view's own function compares it.
async fn edit(mut writing: Writing, edit: Edit, flip: bool) -> Result<Response, ApiError> {
    let place = Place::of(&writing)?;
    let key: FlagKey = writing.path("name")?;
    let wanted = Wanted {
        project: place.project.clone(),
        environment: place.environment.clone(),
        flag: key.clone(),
        edit,
        flip,
        if_match: writing.options.if_match.take(),
    };
    write(writing, place, vec![Mutation::EditSystemConfig(Box::new(wanted))], key, 200).await
}

/// Changes what the body names; the rest stays.
#[utoipa::path(put, path = "/api/v1/system-config/feature-flags/{name}", tag = "system-config",
    params(("name" = String, Path, description = "the flag")), request_body = FeatureFlagBody, responses(
    (status = 200, description = "the flag", body = Said<FeatureFlag>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn update(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let key: FlagKey = writing.path("name")?;
    let mut fields = Fields::of(writing.json()?, "").map_err(invalid)?;
    let name = fields.take::<Option<String>>("name").flatten();
    if name.is_some_and(|name| name != key.as_str()) {
        fields.fault("name", "never changes");
    }
    let wanted = Edit::take(&mut fields);
    fields.finish().map_err(invalid)?;
    edit(writing, wanted, false).await
}

/// Turns a flag on or off; without a body it flips.
#[utoipa::path(post, path = "/api/v1/system-config/feature-flags/{name}/toggle", tag = "system-config",
    params(("name" = String, Path, description = "the flag")),
    request_body(content = Option<serde_json::Map<String, serde_json::Value>>, description = "{enabled}"),
    responses(
    (status = 200, description = "the flag", body = Said<FeatureFlag>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn toggle(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let mut enabled = None;
    if let Some(body) = &writing.body {
        let mut fields = Fields::of(body, "").map_err(invalid)?;
        enabled = fields.take::<Option<bool>>("enabled").flatten();
        fields.finish().map_err(invalid)?;
    }
    edit(writing, Edit { enabled, ..Edit::default() }, enabled.is_none()).await
}

/// Archives a flag: it is served to nobody, and its name stays taken.
#[utoipa::path(delete, path = "/api/v1/system-config/feature-flags/{name}", tag = "system-config",
    params(("name" = String, Path, description = "the flag")), responses(
    (status = 200, description = "the archived flag", body = Said<FeatureFlag>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn archive(mut writing: Writing) -> Result<Response, ApiError> {
    writing.caught_up().await;
    let place = Place::of(&writing)?;
    let key: FlagKey = writing.path("name")?;
    place.flag(&writing.catalog, &key)?;
    let mutation = Mutation::ArchiveFlag(place.project.clone(), key.clone());
    write(writing, place, vec![mutation], key, 200).await
}

/// The user that is asked about: `userId` and `groups` of the query, else the caller.
fn user(asked: &Asked, uri: &Uri) -> Result<Context, ApiError> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|e| ApiError::new(ProblemKind::Malformed, format!("the query cannot be read: {e}")))?
        .0;
    let groups: Vec<Json> = pairs
        .iter()
        .filter(|(name, _)| name == "groups" || name == "groups[]")
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|group| !group.is_empty())
        .map(Json::from)
        .collect();
    if groups.len() > MAX_GROUPS {
        return Err(ApiError::parameter("groups", format!("names more than {MAX_GROUPS}")));
    }
    let principal = asked.cx.caller.principal.as_str();
    let own = principal.strip_prefix("user:").or_else(|| principal.strip_prefix("os:")).unwrap_or(principal);
    let key = asked.text("userId");
    let mut context: Json =
        [("kind", Json::from("user")), ("key", Json::from(key.unwrap_or(own)))].into_iter().collect();
    if key.is_none() && principal == "anonymous" {
        context.set("anonymous", Json::Bool(true));
    }
    if !groups.is_empty() {
        context.set(shared::system_config::ATTRIBUTE, Json::Array(groups));
    }
    Context::parse(&context).map_err(|faults| {
        let told: Vec<&str> = faults.iter().map(|f| f.detail.as_str()).collect();
        ApiError::parameter("userId", told.join("; "))
    })
}

fn is_on(state: &EnvironmentState, key: &FlagKey, user: &Context) -> bool {
    let result = state.rules().evaluate_key(key.as_str(), user);
    result.is_some_and(|result| result.value() == Some(&Json::Bool(true)))
}

/// The flags that are on for a user.
#[utoipa::path(get, path = "/api/v1/system-config/feature-flags/enabled", tag = "system-config", params(
    ("userId" = Option<String>, Query, description = "the user (default: who asks)"),
    ("groups" = Option<String>, Query, description = "the user's groups, with commas or repeated"),
), responses(
    (status = 200, description = "their names", body = Features),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn enabled(uri: Uri, asked: Asked) -> Result<Response, ApiError> {
    let place = Place::readable(&asked)?;
    let user = user(&asked, &uri)?;
    let state = place.state(&asked.catalog)?;
    let features = asked
        .catalog
        .flags_of(&place.project)
        .filter(|flag| shown(&flag.row) && is_on(state, &flag.row.key, &user))
        .map(|flag| Json::from(flag.row.key.as_str()))
        .collect();
    Ok(asked.reply(None, &[("features", Json::Array(features))].into_iter().collect()))
}

/// Whether a flag is on for a user.
#[utoipa::path(get, path = "/api/v1/system-config/feature-flags/{name}/check", tag = "system-config", params(
    ("name" = String, Path, description = "the flag"),
    ("userId" = Option<String>, Query, description = "the user (default: who asks)"),
    ("groups" = Option<String>, Query, description = "the user's groups, with commas or repeated"),
), responses(
    (status = 200, description = "on or off", body = Checked),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn check(uri: Uri, asked: Asked) -> Result<Response, ApiError> {
    let place = Place::readable(&asked)?;
    let key: FlagKey = asked.path("name")?;
    let user = user(&asked, &uri)?;
    place.flag(&asked.catalog, &key)?;
    let on = is_on(place.state(&asked.catalog)?, &key, &user);
    let body = [("name", Json::from(key.as_str())), ("enabled", Json::Bool(on))].into_iter().collect();
    Ok(asked.reply(None, &body))
}
