//! The system-config view's edits: a boolean flag and its configuration, read and written together.

use shared::api::problem::ProblemKind;
use shared::change::{Entity, EntityRef};
use shared::flag::FlagKind;
use shared::json::Json;
use shared::revision::{Position, Revision};
use shared::system_config::{Audience, Wanted, audience, with_audience};

use super::draft::Draft;
use super::edits::configs::config_or_new;
use super::{Cx, Refusal};

/// The ETag of a flag as the view shows it: both of its rows, the configuration's `0` where there is none.
pub fn etag(flag: Position, config: Revision) -> String {
    format!("\"{flag}.{}\"", config.0)
}

/// Edits what the view shows of a flag; what it cannot show stays as it is.
///
/// # Errors
/// No such boolean flag, another ETag, or groups and percentage for a flag of another shape.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, wanted: &Wanted, at: &str) -> Result<(), Refusal> {
    let (project, environment, key) = (&wanted.project, &wanted.environment, &wanted.flag);
    let mut flag = match draft.flag(project, key).await? {
        Some(flag) if !flag.archived && flag.kind == FlagKind::Boolean => flag,
        _ => return Err(Refusal::unknown(format!("boolean flag {key}"))),
    };
    let mut config = config_or_new(cx, draft, &flag, environment).await?;
    check_etag(draft, wanted)?;
    let edit = &wanted.edit;
    if let Some(description) = &edit.description {
        flag.description.clone_from(description);
    }
    if let Some(metadata) = &edit.metadata {
        flag.metadata = metadata.clone();
    }
    if edit.names_audience() {
        let rich = || {
            Refusal::Plain(
                ProblemKind::NotRepresentable,
                format!(
                    "{key} has rules of its own in {environment}, which groups and a percentage cannot say; \
                     edit its configuration instead"
                ),
            )
        };
        let Audience { groups, percentage } = audience(&flag, &config.document).ok_or_else(rich)?;
        let next = Audience {
            groups: edit.groups.clone().unwrap_or(groups),
            percentage: edit.percentage.unwrap_or(percentage),
        };
        config.document = with_audience(&flag, &config.document, &next).ok_or_else(rich)?;
    }
    let on = edit.enabled.unwrap_or(config.on() != wanted.flip);
    config.document.set("on", Json::Bool(on));
    draft.put(Entity::Flag(flag), at).await?;
    draft.put(Entity::Config(config), at).await
}

/// Compares the ETag that was sent with that of the two rows.
fn check_etag(draft: &Draft<'_>, wanted: &Wanted) -> Result<(), Refusal> {
    let Some(sent) = &wanted.if_match else { return Ok(()) };
    let stored = |reference: &EntityRef| draft.slots.get(reference).and_then(|s| s.before.as_ref());
    let flag = stored(&EntityRef::Flag(wanted.project.clone(), wanted.flag.clone()));
    let config =
        stored(&EntityRef::Config(wanted.project.clone(), wanted.flag.clone(), wanted.environment.clone()));
    let current = etag(
        flag.map(|f| f.stamp.last).unwrap_or_default(),
        config.map(|c| c.stamp.last.revision).unwrap_or_default(),
    );
    if sent.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == current)
    {
        return Ok(());
    }
    let row = config.map(|c| c.row.to_json()).unwrap_or_default();
    Err(Refusal::Stale { current: row, etag: current })
}
