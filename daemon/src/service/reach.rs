//! How far a change reaches: the environments and flags whose served result it can alter.

use std::collections::BTreeMap;

use shared::change::Entity;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::Environment;

use super::Refusal;
use super::draft::{Draft, Touched};
use super::validate;

/// The flags and segments whose served result may change, by environment; the environment itself where that
/// changes, or where a key that opens it is revoked.
///
/// # Errors
/// The database's.
pub async fn counted(
    draft: &mut Draft<'_>,
    touched: &[Touched],
) -> Result<BTreeMap<(ProjectKey, EnvironmentKey), Vec<String>>, Refusal> {
    let mut counted: BTreeMap<(ProjectKey, EnvironmentKey), Vec<String>> = BTreeMap::new();
    let mut count = |project: &ProjectKey, environment: &EnvironmentKey, key: String| {
        let keys = counted.entry((project.clone(), environment.clone())).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    for change in touched {
        let before = change.before.as_ref().map(|b| &b.row);
        match (before, change.after.as_ref()) {
            (Some(Entity::Config(old)), Some(Entity::Config(new))) => {
                let off = |c: &shared::flag::FlagConfig| c.document.get("offVariation").cloned();
                if old.on() || new.on() || off(old) != off(new) || off_value_differs(touched, new) {
                    draft.environment(&new.project, &new.environment).await?;
                    count(&new.project, &new.environment, new.flag.to_string());
                }
            }
            (None, Some(Entity::Config(new))) if new.on() => {
                draft.environment(&new.project, &new.environment).await?;
                count(&new.project, &new.environment, new.flag.to_string());
            }
            (Some(Entity::Segment(old)), Some(Entity::Segment(new)))
                if old.document != new.document || old.archived != new.archived =>
            {
                let place = (&new.project, &new.environment);
                if !validate::segment_users(draft, place, &new.key).await?.is_empty() {
                    draft.environment(&new.project, &new.environment).await?;
                    count(&new.project, &new.environment, new.key.to_string());
                }
            }
            (Some(Entity::Environment(old)), Some(Entity::Environment(new)))
                if old.protected
                    && (!new.protected
                        || new.archived
                        || old.minimum_role != new.minimum_role
                        || old.comment_required != new.comment_required
                        || old.secure_mode != new.secure_mode) =>
            {
                count(&new.project, &new.key, new.key.to_string());
            }
            // Whoever connects with it gets nothing any more.
            (Some(Entity::SdkCredential(old)), Some(Entity::SdkCredential(new)))
                if !old.revoked && new.revoked =>
            {
                draft.environment(&new.project, &new.environment).await?;
                count(&new.project, &new.environment, new.environment.to_string());
            }
            _ => {}
        }
    }
    Ok(counted)
}

/// Whether a flag that is off serves another value, because its variations were edited.
fn off_value_differs(touched: &[Touched], config: &shared::flag::FlagConfig) -> bool {
    let Some(off) = config.document.get("offVariation").and_then(|v| usize::try_from(v.as_i64()?).ok())
    else {
        return false;
    };
    touched.iter().any(|t| match (t.before.as_ref().map(|b| &b.row), &t.after) {
        (Some(Entity::Flag(old)), Some(Entity::Flag(new))) => {
            let value = |f: &shared::flag::Flag| f.variations.get(off).map(|v| v.value.clone());
            new.key == config.flag && new.project == config.project && value(old) != value(new)
        }
        _ => false,
    })
}

/// The environments that the draft knows, as they were: a write that unprotects one is itself guarded.
pub fn environments_of(draft: &Draft<'_>) -> Vec<Environment> {
    draft
        .slots
        .values()
        .filter_map(|slot| match slot.before.as_ref().map(|b| &b.row) {
            Some(Entity::Environment(e)) => Some(e.clone()),
            _ => None,
        })
        .collect()
}
