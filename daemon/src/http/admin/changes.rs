//! Changes as such: several at once, one undone, one whose answer was lost.

use axum::response::Response;
use shared::access::Role;
use shared::api::problem::{Problem, ProblemKind};
use shared::audit::RevisionKind;
use shared::change::{Action, EntityKind, Mutation};
use shared::fault::Fault;
use shared::json::Json;
use shared::read::{Fields, FromJson};
use shared::revision::Revision;
use time::OffsetDateTime;

use super::audit::number;
use crate::http::error::ApiError;
use crate::http::request::{Writing, answered, json, tell_revision};
use crate::http::views;
use crate::service::commit::{self, Answer, Done, Item};
use crate::service::history::Moment;
use crate::service::{idempotency, revert as undo};

/// The most mutations of a change set.
const MOST: usize = 1000;

/// One thing that was changed.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what was done")]
pub struct DoneChange {
    /// What it is.
    kind: EntityKind,
    /// Its key.
    key: String,
    /// What was done.
    action: Action,
    /// Its project, where it has one.
    #[schema(nullable = false)]
    project: Option<String>,
    /// Its environment, where it has one.
    #[schema(nullable = false)]
    environment: Option<String>,
    /// Its ETag now.
    #[schema(nullable = false)]
    etag: Option<String>,
}

/// What a write of several things did; with `dryRun`, the plan is answered instead.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what was done")]
pub struct DoneView {
    /// The revision that was made, or the last one where nothing differed.
    revision: i64,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// Whether anything differed.
    changed: bool,
    /// What was changed, raised versions last.
    changes: Vec<DoneChange>,
    /// What is worth knowing.
    #[schema(nullable = false)]
    warnings: Option<Vec<Fault>>,
}

/// What was done, or what would be.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes what is rendered from what was done")]
pub enum DoneOrPlan {
    /// It was done.
    Done(DoneView),
    /// It would be done.
    Plan(crate::service::plan::Plan),
}

fn render(done: &Done) -> Answer {
    let body = views::done_all(done).to_text();
    Answer { status: 200, headers: Vec::new(), body, revision: None, replayed: false }
}

/// Makes several changes as one revision: all or nothing.
#[utoipa::path(post, path = "/change-sets", tag = "changes",
    request_body(content = Object, description = "{mutations: [{op, ..., ifMatch}], comment, baseRevision, dryRun, planHash, confirm}; \
        op is createFlag, updateFlag, archiveFlag, restoreFlag, setOn, replaceConfig, patchConfig, \
        createSegment, updateSegment, archiveSegment or restoreSegment"),
    responses(
    (status = 200, description = "what was changed, or with dryRun the plan", body = DoneOrPlan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn change_set(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    writing.asked.cx.source = "change-set";
    let project = writing.project()?;
    let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
    let body = writing.json()?;
    let mut fields = Fields::of(body, "").map_err(invalid)?;
    let mutations = fields.raw("mutations").and_then(Json::as_array);
    match mutations.map(<[Json]>::len) {
        None => fields.fault("mutations", "must be an array of mutations"),
        Some(0) => fields.fault("mutations", "must not be empty"),
        Some(count) if count > MOST => {
            fields.fault("mutations", format!("has {count} where at most {MOST} are taken"));
        }
        Some(_) => {}
    }
    fields.finish().map_err(invalid)?;
    let mut items = Vec::new();
    let mut faults = Vec::new();
    for (i, mutation) in mutations.unwrap_or_default().iter().enumerate() {
        let at = format!("/mutations/{i}");
        let if_match = match mutation.get("ifMatch") {
            None | Some(Json::Null) => None,
            Some(value) => match String::from_json(value, &format!("{at}/ifMatch")) {
                Ok(tag) => Some(tag),
                Err(more) => {
                    faults.extend(more);
                    None
                }
            },
        };
        match Mutation::from_json(mutation, &at, &project) {
            Ok(parsed) => {
                let at = origin(&parsed, mutation, at);
                items.push(Item { mutation: parsed, at, if_match });
            }
            Err(more) => faults.extend(more),
        }
    }
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    Ok(answered(commit::run(&writing.cx, &writing.options, &items, &render).await?))
}

/// Where in the request the content of a mutation stands: its faults point there.
fn origin(parsed: &Mutation, written: &Json, at: String) -> String {
    match parsed {
        Mutation::CreateFlag(..) => at + "/flag",
        Mutation::CreateSegment(..) => at + "/segment",
        Mutation::UpdateFlag(..) | Mutation::PatchConfig(..) | Mutation::UpdateSegment(..) => {
            let member = if written.get("patch").is_some_and(|p| !p.is_null()) { "/patch" } else { "/merge" };
            at + member
        }
        _ => at,
    }
}

/// Undoes a revision: takes back what it did, and keeps what came later.
#[utoipa::path(post, path = "/revisions/{revision}/revert", tag = "changes",
    params(("revision" = String, Path, description = "4810, r4810 or 1.4810")),
    request_body(content = Object, description = "{comment, dryRun, planHash, confirm}; may be absent"),
    responses(
    (status = 200, description = "what was changed, or with dryRun the plan", body = DoneOrPlan),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revert(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    if let Some(body) = &writing.body {
        let invalid = |faults| ApiError::faults(ProblemKind::Invalid, faults);
        Fields::of(body, "").and_then(Fields::finish).map_err(invalid)?;
    }
    let revision = number(writing.path::<Moment>("revision")?)?;
    writing.options.kind = RevisionKind::Revert;
    writing.options.default_comment = Some(undo::comment(revision));
    let items = [Item::whole(Mutation::Revert(revision))];
    Ok(answered(commit::run(&writing.cx, &writing.options, &items, &render).await?))
}

/// Whether a write was made.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from what is known")]
pub struct Resolved {
    /// Whether it was made. If not, it never will be: the key is burned.
    applied: bool,
    /// The revision it made, or that it found where nothing differed.
    #[schema(nullable = false)]
    revision: Option<Revision>,
}

/// Says for good whether the caller's write with this idempotency key was made.
#[utoipa::path(post, path = "/idempotency-keys/{key}/resolve", tag = "changes",
    params(("key" = String, Path, description = "the Idempotency-Key of the write whose answer was lost")),
    responses(
    (status = 200, description = "applied with its revision, or not applied and never to be", body = Resolved),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn resolve(writing: Writing) -> Result<Response, ApiError> {
    let key: String = writing.path("key")?;
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(ApiError::unknown("such key: one has 1 to 255 printable characters"));
    }
    // A key is its caller's own, and who may write nowhere has none.
    if !writing.cx.caller.bindings.iter().any(|binding| binding.role.covers(Role::Editor)) {
        return Err(ApiError::new(ProblemKind::Forbidden, "this caller may write nowhere"));
    }
    let revision = idempotency::resolve(&writing.cx, &key).await?;
    let mut body: Json = [("applied", Json::Bool(revision.is_some()))].into_iter().collect();
    if let Some(revision) = revision {
        body.set("revision", Json::from(revision.0));
    }
    let mut response = json(http::StatusCode::OK, body.to_text());
    if let Some(revision) = revision {
        tell_revision(response.headers_mut(), revision);
    }
    Ok(response)
}
