//! Edits of segments.

use shared::change::{Entity, EntityRef, NewSegment, Patch};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey, SegmentKey};
use shared::read::Fields;
use shared::segment::Segment;

use super::ground::{live_environment, patched, taken};
use crate::service::draft::Draft;
use crate::service::{Cx, Refusal};

pub(in crate::service) async fn create_segment(
    cx: &Cx,
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    new: &NewSegment,
    at: &str,
) -> Result<(), Refusal> {
    live_environment(draft, project, environment).await?;
    if draft.segment(project, environment, &new.key).await?.is_some() {
        return Err(taken("segment", &new.key));
    }
    let segment = Segment {
        id: cx.clock.uuid(),
        project: project.clone(),
        environment: environment.clone(),
        key: new.key.clone(),
        name: new.name.clone().unwrap_or_else(|| new.key.to_string()),
        description: new.description.clone(),
        tags: new.tags.clone(),
        version: 1,
        salt: new.salt.clone().unwrap_or_else(|| cx.salt()),
        document: new.document.clone(),
        archived: false,
    };
    draft.put(Entity::Segment(segment), &format!("{at}/document")).await
}

/// What of a segment people edit.
pub fn segment_view(entity: &Entity) -> Json {
    let Entity::Segment(segment) = entity else { return Json::Null };
    [
        ("name", Json::from(segment.name.as_str())),
        ("description", Json::from(segment.description.as_str())),
        ("tags", Json::from_serialize(&segment.tags)),
        ("document", segment.document.clone()),
    ]
    .into_iter()
    .collect()
}

/// A segment with its editable part as `view` says, which stands at `at` of the request.
pub fn read_segment(mut segment: Segment, view: &Json, at: &str) -> Result<Segment, Vec<Fault>> {
    let mut fields = Fields::of(view, at)?;
    let same = fields.take::<Option<SegmentKey>>("key").flatten();
    let name = fields.take::<Option<String>>("name").flatten();
    let description = fields.take::<Option<String>>("description").flatten();
    let tags = fields.take::<Option<Vec<String>>>("tags").flatten();
    let document = fields.take::<Option<Json>>("document").flatten();
    if same.is_some_and(|k| k != segment.key) {
        fields.fault("key", "a key never changes");
    }
    if document.as_ref().is_none_or(|d| d.as_object().is_none()) {
        fields.fault("document", "must be an object");
    }
    fields.finish()?;
    segment.name = name.unwrap_or_else(|| segment.key.to_string());
    segment.description = description.unwrap_or_default();
    segment.tags = tags.unwrap_or_default();
    segment.document = document.unwrap_or_default();
    Ok(segment)
}

pub(in crate::service) async fn update_segment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    key: &SegmentKey,
    patch: &Patch,
    at: &str,
) -> Result<(), Refusal> {
    let segment = match draft.segment(project, environment, key).await? {
        Some(segment) if !segment.archived => segment,
        _ => return Err(Refusal::unknown(format!("segment {key}"))),
    };
    let reference = EntityRef::Segment(project.clone(), environment.clone(), key.clone());
    let view = draft.edit(&reference, segment_view, |view| patched(view, patch, at)).await?;
    let segment = read_segment(segment, &view, at).map_err(Refusal::Invalid)?;
    draft.put(Entity::Segment(segment), &format!("{at}/document")).await
}

pub(in crate::service) async fn archive_segment(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    key: &SegmentKey,
    archived: bool,
) -> Result<(), Refusal> {
    let Some(mut segment) = draft.segment(project, environment, key).await? else {
        return Err(Refusal::unknown(format!("segment {key}")));
    };
    segment.archived = archived;
    draft.put(Entity::Segment(segment), "").await
}
