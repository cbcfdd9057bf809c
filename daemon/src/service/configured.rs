//! A flag's configuration in an environment, or the one that it would begin with there.

use shared::flag::{Flag, FlagConfig, new_document};
use shared::key::EnvironmentKey;

use super::draft::Draft;
use super::{Cx, Refusal};

/// The configuration as the draft knows it; a new one, off, where the environment has none yet.
///
/// # Errors
/// The database's, and an environment that is not there.
pub async fn config_or_new(
    cx: &Cx,
    draft: &mut Draft<'_>,
    flag: &Flag,
    environment: &EnvironmentKey,
) -> Result<FlagConfig, Refusal> {
    match draft.environment(&flag.project, environment).await? {
        Some(found) if !found.archived => {}
        _ => return Err(Refusal::unknown(format!("environment {environment}"))),
    }
    Ok(match draft.config(&flag.project, &flag.key, environment).await? {
        Some(config) => config,
        None => FlagConfig {
            id: cx.clock.uuid(),
            project: flag.project.clone(),
            flag: flag.key.clone(),
            environment: environment.clone(),
            version: 1,
            salt: cx.salt(),
            document: new_document(flag.kind, flag.variations.len(), false),
            entry_extra: None,
        },
    })
}
