//! Segments of an environment: listed, made, edited, archived, brought back.

use axum::response::Response;
use http::{HeaderValue, header};
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::change::{Entity, EntityRef, Mutation, NewSegment, Patch};
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey, SegmentKey};
use shared::read::{Fields, FromJson};
use shared::segment::Segment;

use super::flags::{patch_of, write};
use super::membership::{self, UsedBy};
use crate::http::error::ApiError;
use crate::http::paging::page;
use crate::http::request::{Asked, Writing};
use crate::http::views;
use crate::store::Stored;

/// A page of segments.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct SegmentPage {
    /// The segments, by key, with counts instead of documents.
    items: Vec<SegmentSummary>,
    /// How many match in all.
    total: i64,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

/// A segment in a list.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct SegmentSummary {
    #[schema(inline)]
    id: uuid::Uuid,
    project: String,
    environment: String,
    key: String,
    name: String,
    description: String,
    tags: Vec<String>,
    version: i64,
    archived: bool,
    /// How many keys are listed as members.
    included: i64,
    /// How many keys are listed as none.
    excluded: i64,
    /// How many rules there are.
    rules: i64,
    /// What leans on it.
    used_by: UsedBy,
    revision: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: String,
    created_by: String,
    updated_by: String,
}

/// A segment as the API shows it.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct SegmentView {
    #[schema(inline)]
    id: uuid::Uuid,
    project: String,
    environment: String,
    key: String,
    name: String,
    description: String,
    tags: Vec<String>,
    version: i64,
    salt: String,
    /// LaunchDarkly's segment document without key, version and salt, as it was written.
    #[schema(value_type = Object)]
    document: serde_json::Value,
    archived: bool,
    revision: i64,
    /// Not in the answer to a change, like the three after it.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<String>,
    created_by: Option<String>,
    updated_by: Option<String>,
    /// What leans on it; not in the answer to a change.
    used_by: Option<UsedBy>,
}

fn view(stored: &Stored<Segment>) -> Json {
    let mut view = Entity::Segment(stored.row.clone()).to_json();
    views::stamped(&mut view, &stored.stamp);
    view
}

fn summary(stored: &Stored<Segment>, used_by: &UsedBy) -> Json {
    let row = &stored.row;
    let number = |found: usize| Json::from(i64::try_from(found).unwrap_or(i64::MAX));
    let items = |member: &str| row.document.get(member).and_then(Json::as_array).unwrap_or_default();
    // Users' keys, and those of other kinds in their lists.
    let count = |member: &str| {
        let others = items(&format!("{member}Contexts")).iter();
        let others = others.map(|list| list.get("values").and_then(Json::as_array).map_or(0, <[Json]>::len));
        number(items(member).len() + others.sum::<usize>())
    };
    let mut view: Json = [
        ("id", Json::from(row.id.to_string())),
        ("project", Json::from(row.project.as_str())),
        ("environment", Json::from(row.environment.as_str())),
        ("key", Json::from(row.key.as_str())),
        ("name", Json::from(row.name.as_str())),
        ("description", Json::from(row.description.as_str())),
        ("tags", Json::from_serialize(&row.tags)),
        ("version", Json::from(row.version)),
        ("archived", Json::Bool(row.archived)),
        ("included", count("included")),
        ("excluded", count("excluded")),
        ("rules", number(items("rules").len())),
        ("usedBy", Json::from_serialize(used_by)),
    ]
    .into_iter()
    .collect();
    views::stamped(&mut view, &stored.stamp);
    view
}

fn place(asked: &Asked) -> Result<(ProjectKey, EnvironmentKey), ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    Ok((project, environment))
}

/// Lists the segments of an environment.
#[utoipa::path(get, path = "/environments/{environment}/segments", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("q" = Option<String>, Query, description = "key or name contains"),
    ("tag" = Option<String>, Query, description = "has this tag"),
    ("archived" = Option<bool>, Query, description = "archived ones (default: live ones)"),
    ("limit" = Option<u32>, Query, description = "1 to 1000, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "a page of segments, by key", body = SegmentPage),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(asked: Asked) -> Result<Response, ApiError> {
    let (project, environment) = place(&asked)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let archived = asked.flag("archived")?.unwrap_or(false);
    let q = asked.text("q").map(str::to_lowercase);
    let tag = asked.text("tag");
    let state = asked.catalog.environment(&project, &environment);
    let (uses, unused) = (state.map(|state| membership::uses(state)).unwrap_or_default(), UsedBy::default());
    let items: Vec<_> = state
        .into_iter()
        .flat_map(|state| state.segments.iter())
        .filter(|(_, segment)| {
            let row = &segment.stored.row;
            row.archived == archived
                && q.as_ref().is_none_or(|q| {
                    row.key.as_str().to_lowercase().contains(q) || row.name.to_lowercase().contains(q)
                })
                && tag.is_none_or(|tag| row.tags.iter().any(|t| t == tag))
        })
        .map(|(key, segment)| (key.to_string(), segment))
        .collect();
    Ok(asked.reply(
        asked.head_etag(),
        &page(&asked, &items, |s| {
            summary(&s.stored, uses.get(s.stored.row.key.as_str()).unwrap_or(&unused))
        })?,
    ))
}

/// Shows a segment, archived or not.
#[utoipa::path(get, path = "/environments/{environment}/segments/{key}", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
), responses(
    (status = 200, description = "the segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let (project, environment) = place(&asked)?;
    let key: SegmentKey = asked.path("key")?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let state = asked.catalog.environment(&project, &environment);
    let found = state.and_then(|state| Some((state, state.segments.get(&key)?)));
    let (state, found) = found.ok_or_else(|| ApiError::unknown(format!("segment {key} in {environment}")))?;
    // Who leans on it changes without it: 304 only where nothing else has moved since.
    let mut view = view(&found.stored);
    let used_by = membership::uses(state).remove(key.as_str()).unwrap_or_default();
    view.set("usedBy", Json::from_serialize(&used_by));
    let last = found.stored.stamp.last;
    let unmoved = state.revision <= last.revision;
    let etag = views::etag(last);
    let mut response = asked.reply(unmoved.then(|| etag.clone()), &view);
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Makes a segment.
#[utoipa::path(post, path = "/environments/{environment}/segments", tag = "segments",
    params(("environment" = String, Path, description = "the environment")),
    request_body(content = Object, description = "key, name, description, tags, document {included, excluded, rules}"),
    responses(
    (status = 201, description = "the segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let (project, environment) = place(&writing)?;
    let segment = NewSegment::from_json(writing.json()?, "")
        .map_err(|faults| ApiError::faults(ProblemKind::Invalid, faults))?;
    let about = EntityRef::Segment(project.clone(), environment.clone(), segment.key.clone());
    let before =
        if project == ProjectKey::default() { String::new() } else { format!("/projects/{project}") };
    let location = format!("/api{before}/environments/{environment}/segments/{}", segment.key);
    let mutation = Mutation::CreateSegment(project, environment, Box::new(segment));
    write(&writing, mutation, about, 201, Some(location)).await
}

/// Replaces a segment's document, and what else is named.
#[utoipa::path(put, path = "/environments/{environment}/segments/{key}", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
), request_body(content = Object, description = "{document, name, description, tags, comment}"), responses(
    (status = 200, description = "the segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn replace(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let (project, environment) = place(&writing)?;
    let key: SegmentKey = writing.path("key")?;
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let body = writing.json()?;
    let mut fields = Fields::of(body, "").map_err(invalid)?;
    let document = fields.take::<Json>("document");
    let same = fields.take::<Option<SegmentKey>>("key").flatten();
    fields.take::<Option<String>>("name");
    fields.take::<Option<String>>("description");
    fields.take::<Option<Vec<String>>>("tags");
    if same.is_some_and(|same| same != key) {
        fields.fault("key", "a key never changes");
    }
    if document.is_some_and(|d| d.as_object().is_none()) {
        fields.fault("document", "must be an object");
    }
    fields.finish().map_err(invalid)?;
    // Replacing member by member keeps what is not named, and leaves nothing of the old document.
    let named = body.as_object().unwrap_or_default().iter().filter(|(name, _)| name != "key");
    let operations = named
        .map(|(name, value)| {
            [
                ("op", Json::from("replace")),
                ("path", Json::from(format!("/{name}"))),
                ("value", value.clone()),
            ]
            .into_iter()
            .collect()
        })
        .collect();
    let about = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    let patch = Patch::Operations(Json::Array(operations));
    write(&writing, Mutation::UpdateSegment(project, environment, key, patch), about, 200, None).await
}

/// Edits a segment: JSON Merge Patch, or JSON Patch by its content type.
#[utoipa::path(patch, path = "/environments/{environment}/segments/{key}", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
), request_body(content = Object, description = "RFC 7396; RFC 6902 as application/json-patch+json"), responses(
    (status = 200, description = "the segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn update(writing: Writing) -> Result<Response, ApiError> {
    let (project, environment) = place(&writing)?;
    let key: SegmentKey = writing.path("key")?;
    let patch = patch_of(&writing)?;
    let about = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    write(&writing, Mutation::UpdateSegment(project, environment, key, patch), about, 200, None).await
}

/// Archives a segment, which must not be in use. It is never deleted, and its key is never used again.
#[utoipa::path(delete, path = "/environments/{environment}/segments/{key}", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
), responses(
    (status = 200, description = "the archived segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn archive(writing: Writing) -> Result<Response, ApiError> {
    let (project, environment) = place(&writing)?;
    let key: SegmentKey = writing.path("key")?;
    let about = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    write(&writing, Mutation::ArchiveSegment(project, environment, key), about, 200, None).await
}

/// Brings an archived segment back.
#[utoipa::path(post, path = "/environments/{environment}/segments/{key}/restore", tag = "segments", params(
    ("environment" = String, Path, description = "the environment"),
    ("key" = String, Path, description = "the segment"),
), responses(
    (status = 200, description = "the segment", body = SegmentView),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn restore(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let (project, environment) = place(&writing)?;
    let key: SegmentKey = writing.path("key")?;
    let about = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    write(&writing, Mutation::RestoreSegment(project, environment, key), about, 200, None).await
}
