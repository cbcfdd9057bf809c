//! What the edits of every noun share: living things, patches, and taken keys.

use shared::api::problem::ProblemKind;
use shared::change::Patch;
use shared::fault::Fault;
use shared::flag::Flag;
use shared::json::{Json, json_patch, merge_patch};
use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
use shared::project::{Environment, Project};

use crate::service::Refusal;
use crate::service::draft::Draft;

/// Applies a patch to a view; faults point into the request.
pub(super) fn patched(view: &Json, patch: &Patch, at: &str) -> Result<Json, Vec<Fault>> {
    match patch {
        Patch::Merge(merge) if merge.as_object().is_none() => {
            Err(vec![Fault::new(at, "must be an object (RFC 7396)")])
        }
        Patch::Merge(merge) => Ok(merge_patch(view, merge)),
        Patch::Operations(operations) => json_patch(view, operations).map_err(|fault| vec![fault.under(at)]),
    }
}

pub(super) async fn live_project(draft: &mut Draft<'_>, project: &ProjectKey) -> Result<Project, Refusal> {
    match draft.project(project).await? {
        Some(p) if !p.archived => Ok(p),
        _ => Err(Refusal::unknown(format!("project {project}"))),
    }
}

pub(super) async fn live_environment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
) -> Result<Environment, Refusal> {
    match draft.environment(project, environment).await? {
        Some(e) if !e.archived => Ok(e),
        _ => Err(Refusal::unknown(format!("environment {environment}"))),
    }
}

pub(super) async fn live_flag(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    flag: &FlagKey,
) -> Result<Flag, Refusal> {
    match draft.flag(project, flag).await? {
        Some(f) if f.archived => {
            Err(Refusal::Plain(ProblemKind::InUse, format!("the flag {flag} is archived; restore it first")))
        }
        Some(f) => Ok(f),
        None => Err(Refusal::unknown(format!("flag {flag}"))),
    }
}

pub(super) fn taken(what: &str, key: &impl std::fmt::Display) -> Refusal {
    Refusal::Plain(
        ProblemKind::KeyTaken,
        format!("the {what} key {key} is taken; a key is never used again, also after archiving"),
    )
}
