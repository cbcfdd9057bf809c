//! The matrix: all flags by all environments in one read, at one revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use shared::access::{Permission, Role, Scope};
use shared::api::problem::Problem;
use shared::flag::{Flag, FlagKind, Variation};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};
use shared::project::EnvironmentClass;

use crate::http::error::ApiError;
use crate::http::filter::Filter;
use crate::http::request::Asked;
use crate::http::views;
use crate::live::catalog::{EnvironmentState, Served};
use crate::store::Stored;

/// How many flags a page has where nobody says, and may have.
const USUAL: usize = 1_000;
const MOST: usize = 10_000;

/// A page of the matrix.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Matrix {
    /// What is shown, as `epoch.revision`: a stream resumed from here misses nothing.
    position: String,
    /// The revision of it.
    revision: i64,
    /// The columns, in their order.
    environments: Vec<Column>,
    /// How many flags match.
    total: i64,
    /// How many flags there are, archived ones left out.
    all: i64,
    /// A page of flags, by key.
    items: Vec<Row>,
    /// Where the next page starts.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An environment of the matrix.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Column {
    key: String,
    name: String,
    color: String,
    order: i32,
    /// What it is for.
    class: EnvironmentClass,
    protected: bool,
    comment_required: bool,
    #[schema(required)]
    minimum_role: Option<Role>,
    /// Whether the caller may change flags there.
    may_write: bool,
    /// The last revision that touched what is served there.
    revision: i64,
}

/// A flag of the matrix.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Row {
    key: String,
    name: String,
    description: String,
    kind: FlagKind,
    tags: Vec<String>,
    #[schema(required)]
    owner: Option<String>,
    temporary: bool,
    archived: bool,
    flag_version: i64,
    /// The last revision that touched the flag itself.
    revision: i64,
    /// What `If-Match` takes for the flag.
    etag: String,
    variations: Vec<Variation>,
    /// When the flag itself was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Who changed the flag itself last.
    updated_by: String,
    /// The newest change of the flag, or of it in one of the environments shown.
    #[schema(format = DateTime)]
    changed_at: String,
    /// Who made it.
    changed_by: String,
    /// How it stands by environment; left out where it does not exist.
    environments: BTreeMap<String, Cell>,
}

/// A flag in an environment.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Cell {
    on: bool,
    /// What is served where no target and no rule matches; null where nothing is.
    #[schema(required)]
    default: Option<DefaultServes>,
    /// Whether that divides by weights.
    partial_rollout: bool,
    #[schema(required)]
    off_variation: Option<i64>,
    /// How many rules there are.
    rules: i64,
    /// How many targets there are.
    targets: i64,
    /// The flags it waits for.
    prerequisites: Vec<String>,
    /// The segments that its rules name.
    segments: Vec<String>,
    /// The same in two environments exactly where the documents say the same.
    digest: String,
    version: i64,
    revision: i64,
    /// What `If-Match` takes for the configuration.
    etag: String,
    #[schema(format = DateTime)]
    updated_at: String,
    updated_by: String,
    /// When SDKs last evaluated it there, as far as they tell; null where never.
    #[schema(required, format = DateTime)]
    last_evaluated: Option<String>,
}

/// What is served by default: one of the two members.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct DefaultServes {
    /// The index of a variation.
    #[schema(nullable = false)]
    variation: Option<i64>,
    /// A division by weights.
    #[schema(nullable = false)]
    rollout: Option<Vec<Share>>,
}

/// A part of a division.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Share {
    /// The index of a variation.
    variation: i64,
    /// Its share of 100,000.
    weight: i64,
}

fn column(asked: &Asked, state: &EnvironmentState) -> Json {
    let row = &state.stored.row;
    let mut scope = Scope::environment(&row.project, &row.key);
    scope.minimum_role = row.minimum_role;
    [
        ("key", Json::from(row.key.as_str())),
        ("name", Json::from(row.name.as_str())),
        ("color", Json::from(row.color.as_str())),
        ("order", Json::from(i64::from(row.order))),
        ("class", Json::from(row.shown_class().as_str())),
        ("protected", Json::Bool(row.protected)),
        ("commentRequired", Json::Bool(row.comment_required)),
        ("minimumRole", row.minimum_role.map_or(Json::Null, |role| Json::from(role.as_str()))),
        ("mayWrite", Json::Bool(asked.cx.caller.may(Permission::Write, &scope).allowed)),
        ("revision", Json::from(state.revision.0)),
    ]
    .into_iter()
    .collect()
}

fn cell(asked: &Asked, state: &EnvironmentState, served: &Served) -> Json {
    let stamp = &served.stored.stamp;
    let evaluated = asked.state.usage.last_evaluated(state.stored.row.id, served.stored.row.id);
    let mine = [
        ("version", Json::from(served.stored.row.version)),
        ("revision", Json::from(stamp.last.revision.0)),
        ("etag", Json::from(views::etag(stamp.last))),
        ("updatedAt", views::time(stamp.updated_at)),
        ("updatedBy", Json::from(stamp.updated_by.as_str())),
        ("lastEvaluated", evaluated.map_or(Json::Null, views::time)),
    ];
    served.summary.members().into_iter().chain(mine).collect()
}

fn row(asked: &Asked, stored: &Stored<Flag>, states: &[Arc<EnvironmentState>]) -> Json {
    let (flag, stamp) = (&stored.row, &stored.stamp);
    let (last, configs) = asked.catalog.last_of(&flag.project, &flag.key);
    let mut newest = stamp;
    let mut cells = Vec::with_capacity(states.len());
    for state in states {
        let Some(served) = state.standing(&flag.key) else { continue };
        if served.stored.stamp.updated_at > newest.updated_at {
            newest = &served.stored.stamp;
        }
        cells.push((state.stored.row.key.as_str(), cell(asked, state, served)));
    }
    [
        ("key", Json::from(flag.key.as_str())),
        ("name", Json::from(flag.name.as_str())),
        ("description", Json::from(flag.description.as_str())),
        ("kind", Json::from(flag.kind.as_str())),
        ("tags", Json::Array(flag.tags.iter().map(|tag| Json::from(tag.as_str())).collect())),
        ("owner", flag.owner.as_deref().map_or(Json::Null, Json::from)),
        ("temporary", Json::Bool(flag.temporary)),
        ("archived", Json::Bool(flag.archived)),
        ("flagVersion", Json::from(flag.flag_version)),
        ("revision", Json::from(stamp.last.revision.0)),
        ("etag", Json::from(views::flag_etag(last, configs))),
        ("variations", Json::Array(flag.variations.iter().map(variation).collect())),
        ("updatedAt", views::time(stamp.updated_at)),
        ("updatedBy", Json::from(stamp.updated_by.as_str())),
        ("changedAt", views::time(newest.updated_at)),
        ("changedBy", Json::from(newest.updated_by.as_str())),
        ("environments", cells.into_iter().collect()),
    ]
    .into_iter()
    .collect()
}

fn variation(variation: &Variation) -> Json {
    let mut view: Json = [("value", variation.value.clone())].into_iter().collect();
    for (name, text) in [("name", &variation.name), ("description", &variation.description)] {
        if let Some(text) = text {
            view.set(name, Json::from(text.as_str()));
        }
    }
    if variation.placeholder {
        view.set("placeholder", Json::Bool(true));
    }
    view
}

/// The columns that are asked for, each once; each must be one that the caller may read.
fn columns(
    asked: &Asked,
    readable: &[Arc<EnvironmentState>],
) -> Result<Vec<Arc<EnvironmentState>>, ApiError> {
    let Some(names) = asked.text("environments").filter(|names| !names.is_empty()) else {
        return Ok(readable.to_vec());
    };
    let project = asked.project()?;
    let mut columns: Vec<Arc<EnvironmentState>> = Vec::new();
    for name in names.split(',') {
        let key: EnvironmentKey = name.parse().map_err(|e| ApiError::parameter("environments", e))?;
        asked.known_environment(&project, &key)?;
        asked.allow(Permission::Read, Scope::environment(&project, &key))?;
        if columns.iter().any(|state| state.stored.row.key == key) {
            continue;
        }
        columns.extend(readable.iter().filter(|state| state.stored.row.key == key).cloned());
    }
    Ok(columns)
}

/// The head, and to the minute when what is shown was last evaluated.
fn etag(asked: &Asked, columns: &[Arc<EnvironmentState>]) -> Option<String> {
    let head = asked.catalog.position;
    match asked.state.usage.digest(columns.iter().map(|state| state.stored.row.id)) {
        0 => asked.head_etag(),
        digest => Some(format!("\"{head}-{digest:x}\"")),
    }
}

/// Shows flags by environments: everything that a table of all flags needs, in one read.
#[utoipa::path(get, path = "/matrix", tag = "flags", params(
    ("environments" = Option<String>, Query, description = "keys with commas (default: all that the caller may read)",
     example = "staging,production"),
    ("filter" = Option<String>, Query, description = "the query language of docs/API.md", example = "tag:a -on:staging"),
    ("archived" = Option<bool>, Query,
     description = "archived ones, or live ones (default: what filter says, else live ones)"),
    ("limit" = Option<u32>, Query, description = "1 to 10000, usually 1000", minimum = 1, maximum = 10000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "a page of flags, by key", body = Matrix),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let readable = asked.readable(&project);
    if readable.is_empty() {
        asked.allow(Permission::Read, Scope::project(&project))?;
    }
    let columns = columns(&asked, &readable)?;
    let filter = Filter::read(&asked, &readable)?;
    let limit = asked.limit(USUAL, MOST)?;
    let after = asked.query::<FlagKey>("cursor")?;
    let etag = etag(&asked, &columns).filter(|_| filter.lasts());
    Ok(asked.reply_with(etag, || {
        let (mut all, mut total, mut shown) = (0_i64, 0_i64, 0);
        let mut items = String::new();
        let mut next = Json::Null;
        let mut last: Option<&FlagKey> = None;
        for flag in asked.catalog.flags_of(&project) {
            all += i64::from(!flag.row.archived);
            if !filter.shows(flag, &readable) {
                continue;
            }
            total += 1;
            if after.as_ref().is_some_and(|after| flag.row.key <= *after) {
                continue;
            }
            if shown == limit {
                next = last.map_or(Json::Null, |key| Json::from(key.as_str()));
                continue;
            }
            if shown > 0 {
                items.push(',');
            }
            row(&asked, flag, &columns).write(&mut items);
            shown += 1;
            last = Some(&flag.row.key);
        }
        let position = asked.catalog.position;
        let head = columns.iter().map(|state| column(&asked, state)).collect();
        let mut out = String::with_capacity(items.len() + 4_096);
        out.push_str(&format!(
            "{{\"position\":\"{position}\",\"revision\":{},\"environments\":",
            position.revision.0
        ));
        Json::Array(head).write(&mut out);
        out.push_str(&format!(",\"total\":{total},\"all\":{all},\"items\":["));
        out.push_str(&items);
        out.push_str("],\"nextCursor\":");
        next.write(&mut out);
        out.push('}');
        out
    }))
}
