//! Versions: what rises with a change, and what a flag's change raises beside it.

use shared::change::Entity;

use super::Refusal;
use super::draft::{Draft, VersionRule, version_of, with_version};
use super::validate;

/// Gives every changed entity its version; a flag-level change that alters what is served raises the
/// versions of the flag's configurations too.
///
/// # Errors
/// The database's.
pub async fn raise(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let mut served_changed = Vec::new();
    for reference in draft.written() {
        let Some(slot) = draft.slots.get_mut(&reference) else { continue };
        let Some(after) = slot.after.take() else { continue };
        let old = slot.before.as_ref().and_then(|b| version_of(&b.row));
        let same = slot
            .before
            .as_ref()
            .is_some_and(|b| with_version(after.clone(), 0) == with_version(b.row.clone(), 0));
        let version = match (slot.rule, old) {
            (VersionRule::Imported(imported), None) => imported.max(1),
            (VersionRule::Imported(imported), Some(old)) if same => imported.max(old),
            (VersionRule::Imported(imported), Some(old)) if matches!(after, Entity::Flag(_)) => {
                imported.max(old)
            }
            (VersionRule::Imported(imported), Some(old)) => imported.max(old + 1),
            (VersionRule::Rise, None) => 1,
            (VersionRule::Rise, Some(old)) => old + 1,
        };
        if let (Entity::Flag(new), Some(Entity::Flag(old))) = (&after, slot.before.as_ref().map(|b| &b.row)) {
            let values = |f: &shared::flag::Flag| {
                f.variations.iter().map(|v| (v.value.clone(), v.placeholder)).collect::<Vec<_>>()
            };
            let imported = matches!(slot.rule, VersionRule::Imported(_));
            // Nothing could select what an import fills or appends, so no environment serves it yet.
            if (!imported && values(new) != values(old))
                || new.client_side_availability != old.client_side_availability
                || new.archived != old.archived
            {
                served_changed.push((new.project.clone(), new.key.clone()));
            }
        }
        slot.after = Some(with_version(after, version));
    }
    for (project, key) in served_changed {
        validate::preload_configs(draft, &project, Some(&key)).await?;
        for config in validate::configs_of(draft, &project, &key) {
            let reference = Entity::Config(config.clone()).reference();
            if draft.slots.get(&reference).is_some_and(|s| !s.written) {
                let raised = shared::flag::FlagConfig { version: config.version + 1, ..config };
                draft.put(Entity::Config(raised), "").await?;
                if let Some(slot) = draft.slots.get_mut(&reference) {
                    slot.rule =
                        VersionRule::Imported(slot.after.as_ref().and_then(version_of).unwrap_or_default());
                }
            }
        }
    }
    Ok(())
}
