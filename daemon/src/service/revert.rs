//! Undoing a revision: what it did is taken back, what came later stays.

use std::collections::BTreeSet;

use shared::access::{Permission, Scope};
use shared::api::problem::ProblemKind;
use shared::audit::RevisionKind;
use shared::change::{Action, Entity, EntityKind};
use shared::fault::Fault;
use shared::flag::FlagKind;
use shared::json::{Conflict, Json, merge};
use shared::revision::Revision;

use super::draft::Draft;
use super::{Cx, Refusal, edits};
use crate::store;
use crate::store::audit::Entry;

fn not_revertible(detail: impl Into<String>) -> Refusal {
    Refusal::Plain(ProblemKind::NotRevertible, detail.into())
}

/// Puts into the draft what undoes a revision: for each entity a three-way merge of its editable part
/// (base: as the revision left it; wanted: as it was before; now: as it stands). A creation is undone
/// by archiving; archiving by restoring. Versions rise, as ever.
///
/// # Errors
/// 404, 403, 422 `not-revertible`, or [`Refusal::Conflict`] with every place that was changed since.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, revision: Revision) -> Result<(), Refusal> {
    let Some(committed) = store::audit::find(draft.conn, revision).await? else {
        return Err(Refusal::unknown(format!("revision {revision}")));
    };
    let entries = store::audit::entries(draft.conn, revision, revision).await?;
    let mut told: Vec<&Entry> = entries.iter().filter(|e| e.action != Action::VersionRaised).collect();
    // A flag before its configurations: they are edited once it is restored.
    told.sort_by_key(|entry| entry.kind);
    for entry in &told {
        authorise(cx, entry)?;
    }
    if committed.header.kind == RevisionKind::Epoch || told.is_empty() {
        return Err(not_revertible(format!("{revision} changed nothing that could be taken back")));
    }
    for entry in &told {
        if entry.kind.is_access() {
            return Err(not_revertible(format!(
                "{revision} changed access ({} {}); access is given and taken in its own way",
                entry.kind.as_str(),
                entry.key
            )));
        }
        if entry.action == Action::Created
            && matches!(entry.kind, EntityKind::Project | EntityKind::Environment)
        {
            return Err(not_revertible(format!(
                "{revision} created the {} {}, which can be archived but not taken back",
                entry.kind.as_str(),
                entry.key
            )));
        }
    }
    let created: BTreeSet<(String, String)> = told
        .iter()
        .filter(|e| e.kind == EntityKind::Flag && e.action == Action::Created)
        .map(|e| (e.project.as_ref().map(ToString::to_string).unwrap_or_default(), e.key.clone()))
        .collect();
    let mut clashes = Clashes::default();
    for entry in told {
        let home = (entry.project.as_ref().map(ToString::to_string).unwrap_or_default(), entry.key.clone());
        if entry.kind == EntityKind::Config && created.contains(&home) {
            // It rests with its flag, which is archived.
            continue;
        }
        let Some(after) = entry.after_entity()? else { continue };
        let reference = after.reference();
        let Some(current) = draft.get(&reference).await?.cloned() else {
            return Err(Refusal::unknown(format!("{} {} any more", entry.kind.as_str(), entry.key)));
        };
        match entry.before_entity()? {
            None => uncreate(draft, current).await?,
            Some(before) => undo(draft, &mut clashes, &before, &after, current).await?,
        }
    }
    clashes.end()
}

fn authorise(cx: &Cx, entry: &Entry) -> Result<(), Refusal> {
    let permission = match entry.kind {
        EntityKind::Project | EntityKind::Environment => Permission::Administer,
        EntityKind::Flag | EntityKind::Config | EntityKind::Segment => Permission::Write,
        EntityKind::RoleBinding | EntityKind::Token => Permission::Access,
        EntityKind::SdkCredential => Permission::Credentials,
    };
    let scope = Scope {
        project: entry.project.as_ref(),
        environment: entry.environment.as_ref(),
        minimum_role: None,
    };
    let decision = cx.caller.may(permission, &scope);
    if decision.allowed { Ok(()) } else { Err(Refusal::forbidden(decision.because)) }
}

/// Undoes a creation.
async fn uncreate(draft: &mut Draft<'_>, mut current: Entity) -> Result<(), Refusal> {
    match &mut current {
        Entity::Flag(flag) => flag.archived = true,
        Entity::Segment(segment) => segment.archived = true,
        Entity::Config(config) => {
            // Where there was no configuration, nothing was served; off is the nearest to it.
            draft.warnings.push(Fault::new(
                "",
                format!(
                    "the configuration of {} in {} stays, turned off: what was created is never deleted",
                    config.flag, config.environment
                ),
            ));
            if config.on() {
                *config = config.clone().turned(false);
            }
        }
        _ => {}
    }
    draft.put(current, "").await
}

/// The part of an entity that people edit, and whether it is archived.
fn view(entity: &Entity) -> Json {
    match entity {
        Entity::Project(_) => edits::project_view(entity),
        Entity::Environment(_) => edits::environment_view(entity),
        Entity::Flag(flag) => {
            let mut view = edits::flag_view(entity);
            // The kind follows from the values; it is settled after the merge.
            view.remove("kind");
            view.set("archived", Json::Bool(flag.archived));
            view
        }
        Entity::Config(config) => [
            ("salt", Json::from(config.salt.as_str())),
            ("document", config.document.clone()),
            ("entryExtra", config.entry_extra.clone().unwrap_or_default()),
        ]
        .into_iter()
        .collect(),
        Entity::Segment(segment) => {
            let mut view = edits::segment_view(entity);
            view.set("archived", Json::Bool(segment.archived));
            view
        }
        _ => Json::Null,
    }
}

/// The entity with its editable part as the merge made it.
fn read(entity: Entity, mut view: Json) -> Result<Entity, Vec<Fault>> {
    Ok(match entity {
        Entity::Project(project) => Entity::Project(edits::read_project(project, &view, "")?),
        Entity::Environment(environment) => {
            Entity::Environment(edits::read_environment(environment, &view, "")?)
        }
        Entity::Flag(mut flag) => {
            flag.archived = archived(&mut view);
            let mut flag = edits::read_flag(flag, &view, "")?;
            if flag.variations.iter().all(|v| v.value.is_null()) {
                flag.kind = FlagKind::Json;
            }
            Entity::Flag(flag)
        }
        Entity::Config(mut config) => {
            if let Some(salt) = view.get("salt").and_then(Json::as_str) {
                salt.clone_into(&mut config.salt);
            }
            config.entry_extra = view.remove("entryExtra").filter(|extra| !extra.is_null());
            config.document = view.remove("document").unwrap_or_else(Json::object);
            Entity::Config(config)
        }
        Entity::Segment(mut segment) => {
            segment.archived = archived(&mut view);
            Entity::Segment(edits::read_segment(segment, &view, "")?)
        }
        other => other,
    })
}

fn archived(view: &mut Json) -> bool {
    view.remove("archived").and_then(|a| a.as_bool()).unwrap_or(false)
}

/// Undoes an edit.
async fn undo(
    draft: &mut Draft<'_>,
    clashes: &mut Clashes,
    before: &Entity,
    after: &Entity,
    current: Entity,
) -> Result<(), Refusal> {
    let now = view(&current);
    let merged = match merge(&view(after), &view(before), &now) {
        Ok(merged) => merged,
        Err(conflicts) => {
            clashes.add(&current, now, conflicts);
            return Ok(());
        }
    };
    if merged == now {
        return Ok(());
    }
    resting(draft, &current, &merged).await?;
    let undone = read(current, merged).map_err(Refusal::Invalid)?;
    draft.put(undone, "").await
}

/// What is archived is not edited: it is restored first, or by this very revert.
async fn resting(draft: &mut Draft<'_>, current: &Entity, merged: &Json) -> Result<(), Refusal> {
    let still = merged.get("archived").and_then(Json::as_bool).unwrap_or(false);
    let archived = match current {
        Entity::Flag(flag) => flag.archived && still,
        Entity::Segment(segment) => segment.archived && still,
        Entity::Config(config) => {
            draft.flag(&config.project, &config.flag).await?.is_some_and(|flag| flag.archived)
        }
        _ => false,
    };
    if archived {
        return Err(Refusal::Plain(
            ProblemKind::InUse,
            format!("{} is archived; restore it first", current.key()),
        ));
    }
    Ok(())
}

/// The places that were changed since, of all entities: each pointer leads into `current`.
#[derive(Default)]
struct Clashes {
    conflicts: Vec<Conflict>,
    entities: Vec<Json>,
}

impl Clashes {
    fn add(&mut self, entity: &Entity, now: Json, conflicts: Vec<Conflict>) {
        let place = self.entities.len();
        self.conflicts.extend(conflicts.into_iter().map(|conflict| Conflict {
            pointer: format!("/entities/{place}/value{}", conflict.pointer),
            ..conflict
        }));
        let text = |t: Option<String>| t.map_or(Json::Null, Json::from);
        self.entities.push(
            [
                ("kind", Json::from(entity.kind().as_str())),
                ("key", Json::from(entity.key())),
                ("project", text(entity.project().map(ToString::to_string))),
                ("environment", text(entity.environment().map(ToString::to_string))),
                ("value", now),
            ]
            .into_iter()
            .collect(),
        );
    }

    fn end(self) -> Result<(), Refusal> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let current = [("entities", Json::Array(self.entities))].into_iter().collect();
        Err(Refusal::Conflict { conflicts: self.conflicts, current })
    }
}

/// What the history says of a revert that came without a comment.
pub fn comment(revision: Revision) -> String {
    format!("reverts {revision}")
}
