//! Makes plans: what a write would do, and the hash that ties it to what it rests on.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use shared::audit::{hex, public};
use shared::change::{Entity, EntityKind};
use shared::fault::Fault;
use shared::json::{Json, diff};
use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::Environment;
use shared::revision::Position;

use super::draft::{Slot, Touched};
use super::plan::{Confirmation, Plan, PlannedChange, Tier};

/// Members of a row that are made new each time, so a plan cannot name them.
fn made(kind: EntityKind) -> &'static [&'static str] {
    match kind {
        EntityKind::Token => &["id", "principal", "hash", "prefix", "lastFour"],
        EntityKind::SdkCredential => &["id", "hash", "sealed", "public", "masked"],
        _ => &["id", "salt"],
    }
}

/// An entity's name in a plan; those that go by an id have none before they are made.
fn named(reference: &shared::change::EntityRef, new: bool) -> String {
    use shared::change::EntityRef;
    match reference {
        EntityRef::RoleBinding(_) | EntityRef::Token(_) | EntityRef::SdkCredential(_) if new => {
            "new".to_owned()
        }
        named => format!("{named:?}"),
    }
}

/// Makes the plan of what was touched, with everything that was read on the way.
pub fn make(
    base: Position,
    touched: &[Touched],
    read: &BTreeMap<shared::change::EntityRef, Slot>,
    confirmation: Option<Confirmation>,
    warnings: Vec<Fault>,
) -> Plan {
    let mut hasher = Sha256::new();
    for change in touched {
        // The end that a rotation gives an old key counts from the write, so a plan cannot name it.
        let mut after = change.after.as_ref().map(Entity::to_json);
        if let Some(row) = &mut after {
            if change.before.is_none() {
                for member in made(change.kind) {
                    row.remove(member);
                }
            }
            if change.kind == EntityKind::SdkCredential {
                row.remove("expiresAt");
            }
            if change.kind == EntityKind::RoleBinding
                && row.get("subject").and_then(Json::as_str).is_some_and(|s| s.starts_with("token:"))
            {
                row.remove("subject");
            }
        }
        let name = named(&change.reference, change.before.is_none());
        hasher.update(format!("{name}\u{0}{}\u{0}", change.action.as_str()));
        hasher.update(after.map(|a| a.to_text()).unwrap_or_default());
        hasher.update([0]);
    }
    for (reference, slot) in read {
        let last = slot.before.as_ref().map(|b| b.stamp.last.to_string()).unwrap_or_default();
        hasher.update(format!("{}={last}\u{0}", named(reference, slot.before.is_none())));
    }
    if let Some(confirmation) = &confirmation {
        hasher.update(format!("{:?}{}{}", confirmation.tier, confirmation.environment, confirmation.text));
    }
    let plan_hash = hex(&hasher.finalize());
    let changes = touched
        .iter()
        .map(|change| {
            let before = change.before.as_ref().map(|b| b.row.to_json());
            let after = change.after.as_ref().map(|a| public(a.kind(), a.to_json()));
            PlannedChange {
                kind: change.kind,
                key: change.key.clone(),
                project: change.project.clone(),
                environment: change.environment.clone(),
                action: change.action,
                diff: diff(
                    &before.map_or(Json::Null, |b| public(change.kind, b)),
                    &after.unwrap_or(Json::Null),
                ),
            }
        })
        .collect();
    Plan { dry_run: true, base, plan_hash, changes, warnings, confirmation }
}

/// What the strictest environment asks for, out of those whose served result may change.
///
/// `counted` names, for each environment, the flags (and segments) whose result there may change.
pub fn confirmation(
    environments: &[Environment],
    counted: &BTreeMap<(ProjectKey, EnvironmentKey), Vec<String>>,
    whole_environment: bool,
) -> Option<Confirmation> {
    let guarded: Vec<(&Environment, &Vec<String>)> = environments
        .iter()
        .filter(|e| e.protected)
        .filter_map(|e| counted.get(&(e.project.clone(), e.key.clone())).map(|keys| (e, keys)))
        .collect();
    let (strictest, keys) = guarded.iter().max_by_key(|(_, keys)| keys.len()).copied()?;
    let comment_required = guarded.iter().any(|(e, _)| e.comment_required);
    let (tier, text) = match keys.as_slice() {
        _ if whole_environment => (Tier::Wide, strictest.key.to_string()),
        [one] => (Tier::Guarded, one.clone()),
        many => (Tier::Wide, format!("{} {}", strictest.key, many.len())),
    };
    Some(Confirmation { tier, environment: strictest.key.clone(), text, comment_required })
}
