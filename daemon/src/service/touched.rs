//! What a draft touches, and by which action each entity does.

use shared::change::{Action, Entity};

use super::draft::{Draft, Touched};

fn action(before: Option<&Entity>, after: Option<&Entity>) -> Action {
    match (before, after) {
        (None, _) => Action::Created,
        (_, None) => Action::Removed,
        (Some(Entity::Flag(old)), Some(Entity::Flag(new))) if old.archived != new.archived => {
            archival(new.archived)
        }
        (Some(Entity::Segment(old)), Some(Entity::Segment(new))) if old.archived != new.archived => {
            archival(new.archived)
        }
        (Some(Entity::Project(old)), Some(Entity::Project(new))) if old.archived != new.archived => {
            archival(new.archived)
        }
        (Some(Entity::Environment(old)), Some(Entity::Environment(new))) if old.archived != new.archived => {
            archival(new.archived)
        }
        (Some(Entity::Config(old)), Some(Entity::Config(new))) => {
            if old.on() != new.on() {
                if new.on() { Action::TurnedOn } else { Action::TurnedOff }
            } else if old.document == new.document
                && old.salt == new.salt
                && old.entry_extra == new.entry_extra
            {
                Action::VersionRaised
            } else {
                Action::Updated
            }
        }
        (Some(Entity::Token(old)), Some(Entity::Token(new))) if new.revoked && !old.revoked => {
            Action::Revoked
        }
        (Some(Entity::SdkCredential(old)), Some(Entity::SdkCredential(new)))
            if new.revoked && !old.revoked =>
        {
            Action::Revoked
        }
        _ => Action::Updated,
    }
}

const fn archival(archived: bool) -> Action {
    if archived { Action::Archived } else { Action::Restored }
}

/// What was put and differs, in order, raised versions last.
pub fn touched(draft: &mut Draft<'_>) -> Vec<Touched> {
    let mut touched: Vec<Touched> = draft
        .written()
        .into_iter()
        .filter_map(|reference| {
            let slot = draft.slots.get(&reference)?;
            let entity = slot.after.as_ref().or(slot.before.as_ref().map(|b| &b.row))?;
            Some(Touched {
                kind: entity.kind(),
                key: entity.key(),
                project: entity.project().cloned(),
                environment: entity.environment().cloned(),
                action: action(slot.before.as_ref().map(|b| &b.row), slot.after.as_ref()),
                before: slot.before.clone(),
                after: slot.after.clone(),
                reference,
            })
        })
        .collect();
    touched.sort_by_key(|t| t.action == Action::VersionRaised);
    touched
}
