//! Promotions: configurations of one environment taken into another, under one lock.

use std::collections::{BTreeMap, BTreeSet};

use shared::change::Entity;
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, SegmentKey};
use shared::promotion::Promotion;
use shared::segment::Segment;
use shared::targeting;

use super::draft::Draft;
use super::edits::configs::config_or_new;
use super::{Cx, Refusal, validate};
use crate::store;

/// Takes the configurations over; salt, version and what an import kept stay those of the target.
///
/// # Errors
/// Flags that cannot be promoted and segments that the target lacks, all at once.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, promotion: &Promotion, at: &str) -> Result<(), Refusal> {
    for environment in [&promotion.from, &promotion.to] {
        match draft.environment(&promotion.project, environment).await? {
            Some(found) if !found.archived => {}
            _ => return Err(Refusal::unknown(format!("environment {environment}"))),
        }
    }
    let mut faults = Vec::new();
    let chosen = chosen(draft, promotion, at, &mut faults).await?;
    let mut named: BTreeMap<String, (String, String)> = BTreeMap::new();
    let keys: BTreeSet<FlagKey> = chosen.iter().map(|(flag, ..)| flag.key.clone()).collect();
    for (flag, source, origin) in chosen {
        let mut target = config_or_new(cx, draft, &flag, &promotion.to).await?;
        target.document = taken(promotion, &source, &target);
        if promotion.targeting {
            for key in targeting::segment_keys(&source.document) {
                named.entry(key).or_insert_with(|| (format!("flag {}", flag.key), origin.clone()));
            }
            warn_of_prerequisites(draft, promotion, &target, &keys, &origin).await?;
        }
        draft.put(Entity::Config(target), &origin).await?;
    }
    segments(cx, draft, promotion, named, &mut faults).await?;
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(faults)) }
}

/// The target's document as it shall be.
fn taken(promotion: &Promotion, source: &FlagConfig, target: &FlagConfig) -> Json {
    let mut document = if promotion.targeting { source.document.clone() } else { target.document.clone() };
    let on = if promotion.on { source.on() } else { target.on() };
    document.set("on", Json::Bool(on));
    document
}

/// The flags with their configuration in the source and where the request names them.
async fn chosen(
    draft: &mut Draft<'_>,
    promotion: &Promotion,
    at: &str,
    faults: &mut Vec<Fault>,
) -> Result<Vec<(Flag, FlagConfig, String)>, Refusal> {
    let project = &promotion.project;
    let mut chosen = Vec::new();
    let Some(keys) = &promotion.flags else {
        preload(draft, promotion).await?;
        let sources: Vec<FlagConfig> = draft
            .slots
            .values()
            .filter_map(|slot| match &slot.after {
                Some(Entity::Config(c)) if c.environment == promotion.from && c.project == *project => {
                    Some(c.clone())
                }
                _ => None,
            })
            .collect();
        for source in sources {
            if let Some(flag) = draft.flag(project, &source.flag).await?
                && !flag.archived
            {
                chosen.push((flag, source, format!("{at}/flags")));
            }
        }
        return Ok(chosen);
    };
    let mut seen = BTreeSet::new();
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| seen.insert((*key).clone())) {
        let origin = format!("{at}/flags/{i}");
        match draft.flag(project, key).await? {
            None => faults.push(Fault::new(origin, format!("there is no flag {key}"))),
            Some(flag) if flag.archived => {
                faults.push(Fault::new(origin, format!("the flag {key} is archived; restore it first")));
            }
            Some(flag) => match draft.config(project, key, &promotion.from).await? {
                Some(source) => chosen.push((flag, source, origin)),
                None => faults.push(Fault::new(
                    origin,
                    format!("{key} has no configuration in {} that could be promoted", promotion.from),
                )),
            },
        }
    }
    Ok(chosen)
}

/// Reads every flag, and the configurations of both environments, in three statements.
async fn preload(draft: &mut Draft<'_>, promotion: &Promotion) -> Result<(), Refusal> {
    let project = &promotion.project;
    for environment in [&promotion.from, &promotion.to] {
        let which =
            store::configs::Which { project: Some(project), flag: None, environment: Some(environment) };
        for stored in store::configs::select(draft.conn, which).await?.into_iter().flatten() {
            let stored = stored.map(Entity::Config);
            draft.remember(stored.row.reference(), Some(stored));
        }
    }
    for stored in store::flags::all(draft.conn, Some(project)).await?.into_iter().flatten() {
        let stored = stored.map(Entity::Flag);
        draft.remember(stored.row.reference(), Some(stored));
    }
    Ok(())
}

/// A prerequisite without a configuration in the target fails there for everybody.
async fn warn_of_prerequisites(
    draft: &mut Draft<'_>,
    promotion: &Promotion,
    target: &FlagConfig,
    promoted: &BTreeSet<FlagKey>,
    origin: &str,
) -> Result<(), Refusal> {
    for (key, _) in validate::prerequisites(&target.document) {
        let Ok(key) = FlagKey::new(key) else { continue };
        if !promoted.contains(&key) && draft.config(&promotion.project, &key, &promotion.to).await?.is_none()
        {
            draft.warnings.push(Fault::new(
                origin,
                format!(
                    "{} waits for {key}, which has no configuration in {}; promote it too",
                    target.flag, promotion.to
                ),
            ));
        }
    }
    Ok(())
}

/// Copies, or asks for, every segment that is named and missing in the target, and those that they name.
async fn segments(
    cx: &Cx,
    draft: &mut Draft<'_>,
    promotion: &Promotion,
    named: BTreeMap<String, (String, String)>,
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    let mut open: Vec<(String, (String, String))> = named.into_iter().collect();
    let mut done = BTreeSet::new();
    while let Some((text, (user, origin))) = open.pop() {
        if !done.insert(text.clone()) {
            continue;
        }
        let Ok(key) = SegmentKey::new(text.clone()) else { continue };
        let theirs = draft.segment(&promotion.project, &promotion.to, &key).await?;
        let ours = draft.segment(&promotion.project, &promotion.from, &key).await?.filter(|s| !s.archived);
        match (theirs, ours) {
            (Some(theirs), ours) if !theirs.archived => {
                if ours.is_some_and(|ours| ours.document != theirs.document) {
                    draft.warnings.push(Fault::new(
                        origin,
                        format!(
                            "the segment {key} differs between {} and {} and stays as it is there",
                            promotion.from, promotion.to
                        ),
                    ));
                }
            }
            (theirs, Some(ours)) if promotion.segments => {
                for inner in targeting::segment_keys(&ours.document) {
                    open.push((inner, (format!("segment {key}"), origin.clone())));
                }
                let copy = copied(cx, &promotion.to, ours, theirs);
                draft.put(Entity::Segment(copy), "/segments").await?;
            }
            (theirs, Some(_)) => {
                let there = if theirs.is_some() { "is archived" } else { "does not exist" };
                faults.push(Fault::new(
                    origin,
                    format!(
                        "the {user} rests on the segment {key}, which {there} in {}; \
                         send \"segments\": true to copy it",
                        promotion.to
                    ),
                ));
            }
            (_, None) => faults.push(Fault::new(
                origin,
                format!("the {user} names the segment {key}, which {} does not have", promotion.from),
            )),
        }
    }
    Ok(())
}

/// A segment as it shall be in the target: a new row, or its archived one brought back.
fn copied(cx: &Cx, to: &EnvironmentKey, ours: Segment, theirs: Option<Segment>) -> Segment {
    let (id, version, salt) = match theirs {
        Some(theirs) => (theirs.id, theirs.version, theirs.salt),
        None => (cx.clock.uuid(), 1, cx.salt()),
    };
    Segment { id, version, salt, environment: to.clone(), archived: false, ..ours }
}
