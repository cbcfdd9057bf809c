//! Validation of a draft: by the checks of the vocabulary, and by preparing as the loader does.

use std::collections::{BTreeMap, BTreeSet};

use shared::api::problem::ProblemKind;
use shared::change::{Entity, EntityRef};
use shared::evaluated::MAX_VARIATIONS;
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use shared::segment::Segment;
use shared::{eval, targeting};

use super::draft::Draft;
use super::{Refusal, chains, circles};
use crate::store;

/// The largest flag or configuration document, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// The largest document of a segment, in bytes: it may list keys.
const MAX_SEGMENT: usize = 4 * 1024 * 1024;

/// Checks everything that was put.
///
/// # Errors
/// [`Refusal::Invalid`] with every fault, or that something else needs what would go.
pub async fn check(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let written = draft.written();
    let waits = waits(draft);
    let mut faults = Vec::new();
    for reference in &written {
        let Some(slot) = draft.slots.get(reference).cloned() else { continue };
        let Some(after) = slot.after else { continue };
        let before = slot.before.map(|b| b.row);
        match after {
            Entity::Flag(flag) => {
                let old = match before {
                    Some(Entity::Flag(old)) => Some(old),
                    _ => None,
                };
                faults.extend(flag_faults(&flag, old.as_ref(), &slot.origin));
                check_flag_places(draft, &waits, (&flag, old.as_ref()), &slot.origin, &mut faults).await?;
            }
            Entity::Config(config) => {
                if let Some(flag) = draft.flag(&config.project, &config.flag).await? {
                    faults.extend(config_faults(&flag, &config, &slot.origin));
                    if !flag.archived {
                        check_references(draft, &flag, &config, &slot.origin, &mut faults).await?;
                    }
                }
            }
            Entity::Segment(segment) => {
                check_segment(draft, &segment, before.as_ref(), &slot.origin, &mut faults).await?;
            }
            _ => {}
        }
    }
    check_cycles(draft, &written, &mut faults).await?;
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(faults)) }
}

/// What is wrong with a flag by itself.
pub fn flag_faults(flag: &Flag, old: Option<&Flag>, origin: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = flag.faults().into_iter().map(|f| f.under(origin)).collect();
    if flag.variations.len() > MAX_VARIATIONS {
        faults.push(Fault::new(
            format!("{origin}/variations"),
            format!("has {} where at most {MAX_VARIATIONS} are allowed", flag.variations.len()),
        ));
    }
    if let Some(old) = old
        && flag.variations.len() < old.variations.len()
        && flag.variations.is_empty()
        && !old.variations.is_empty()
    {
        faults.push(Fault::new(format!("{origin}/variations"), "must not become empty"));
    }
    if Json::from_serialize(flag).to_text().len() > MAX_DOCUMENT {
        faults.push(Fault::new(origin, format!("is larger than {MAX_DOCUMENT} bytes")));
    }
    for (i, variation) in flag.variations.iter().enumerate() {
        faults.extend(text_faults(&variation.value, &format!("{origin}/variations/{i}/value"), MAX_DOCUMENT));
    }
    faults.extend(text_faults(&flag.metadata, &format!("{origin}/metadata"), MAX_DOCUMENT));
    if let Some(schema) = &flag.value_schema {
        faults.extend(text_faults(schema, &format!("{origin}/valueSchema"), MAX_DOCUMENT));
    }
    if let Some(schema) = &flag.value_schema {
        faults.extend(schema_faults(flag, schema, origin));
    }
    faults
}

/// Every value against the flag's own JSON Schema.
fn schema_faults(flag: &Flag, schema: &Json, origin: &str) -> Vec<Fault> {
    let parsed: serde_json::Value = match serde_json::from_str(&schema.to_text()) {
        Ok(parsed) => parsed,
        Err(error) => return vec![Fault::new(format!("{origin}/valueSchema"), error.to_string())],
    };
    let validator = match jsonschema::options()
        // Linear in time, whatever the pattern: a schema is text from outside.
        .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(1 << 20))
        .build(&parsed)
    {
        Ok(validator) => validator,
        Err(error) => {
            return vec![Fault::new(
                format!("{origin}/valueSchema"),
                format!("is not a JSON Schema that can be used (remote references are refused): {error}"),
            )];
        }
    };
    let mut faults = Vec::new();
    for (i, variation) in flag.variations.iter().enumerate().filter(|(_, v)| !v.placeholder) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&variation.value.to_text()) else {
            continue;
        };
        for error in validator.iter_errors(&value).take(5) {
            faults.push(Fault::new(
                format!("{origin}/variations/{i}/value{}", error.instance_path()),
                format!("does not satisfy the flag's valueSchema: {error}"),
            ));
        }
    }
    faults
}

/// What is wrong with a configuration by itself and for its flag: the strict check, then the loader's.
pub fn config_faults(flag: &Flag, config: &FlagConfig, origin: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> =
        targeting::check_flag(&config.document, flag.variations.len(), &|i| flag.selectable(i))
            .into_iter()
            .map(|f| f.under(origin))
            .collect();
    faults.extend(text_faults(&config.document, origin, MAX_DOCUMENT));
    if let Some(extra) = &config.entry_extra {
        faults.extend(text_faults(extra, origin, MAX_DOCUMENT));
    }
    if faults.is_empty()
        && let Err(more) = eval::prepare_flag(&compose(flag, config))
    {
        faults.extend(more.into_iter().map(|f| f.under(origin)));
    }
    faults
}

/// A document that a patch made must be one that could have been sent: not too large, not too deep.
fn text_faults(document: &Json, origin: &str, most: usize) -> Vec<Fault> {
    let text = document.to_text();
    if text.len() > most {
        return vec![Fault::new(origin, format!("is larger than {most} bytes"))];
    }
    match shared::json::parse(&text) {
        Ok(_) => Vec::new(),
        Err(error) => vec![Fault::new(format!("{origin}{}", error.pointer), error.detail)],
    }
}

/// The LaunchDarkly server document of a flag in an environment.
pub fn compose(flag: &Flag, config: &FlagConfig) -> Json {
    let values: Vec<Json> = flag.variations.iter().map(|v| v.value.clone()).collect();
    targeting::compose_flag(
        flag.key.as_str(),
        config.version,
        &config.salt,
        &values,
        flag.client_side_availability,
        &config.document,
    )
}

/// A changed flag against all places that rest on it.
async fn check_flag_places(
    draft: &mut Draft<'_>,
    waits: &Waits,
    (flag, old): (&Flag, Option<&Flag>),
    origin: &str,
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    let Some(old) = old else { return Ok(()) };
    if flag.archived && !old.archived {
        let dependants = dependants(draft, waits, &flag.project, &flag.key).await?;
        let told: BTreeSet<String> = dependants.iter().map(|(f, e, _)| format!("{f} in {e}")).collect();
        let told: Vec<String> = told.into_iter().collect();
        if !told.is_empty() {
            return Err(Refusal::Plain(
                ProblemKind::InUse,
                format!("{} is a prerequisite of {}", flag.key, told.join(", ")),
            ));
        }
    }
    let restored = old.archived && !flag.archived;
    if flag.variations == old.variations && !restored {
        return Ok(());
    }
    preload_configs(draft, &flag.project, Some(&flag.key)).await?;
    for config in configs_of(draft, &flag.project, &flag.key) {
        let wrong = config_faults(flag, &config, "");
        faults.extend(wrong.into_iter().map(|f| {
            Fault::new(
                format!("{origin}/variations"),
                format!("in {}, {} {}", config.environment, f.pointer, f.detail),
            )
        }));
        if restored {
            check_references(draft, flag, &config, origin, faults).await?;
        }
    }
    for (waiting, environment, variation) in dependants(draft, waits, &flag.project, &flag.key).await? {
        if !usize::try_from(variation).is_ok_and(|v| flag.selectable(v)) {
            faults.push(Fault::new(
                format!("{origin}/variations"),
                format!("{waiting} waits for variation {variation} in {environment}"),
            ));
        }
    }
    Ok(())
}

/// The configurations that were put, by the flags they wait for: gone through once, since an import puts
/// thousands.
type Waits = BTreeMap<(ProjectKey, String), BTreeSet<(FlagKey, EnvironmentKey)>>;

fn waits(draft: &Draft<'_>) -> Waits {
    let mut waits = Waits::new();
    for slot in draft.slots.values().filter(|slot| slot.written) {
        let Some(Entity::Config(config)) = &slot.after else { continue };
        for (wanted, _) in prerequisites(&config.document) {
            let place = (config.flag.clone(), config.environment.clone());
            waits.entry((config.project.clone(), wanted)).or_default().insert(place);
        }
    }
    waits
}

/// Who waits for a flag, where, and for which variation, as the draft shall be; archived ones left out.
async fn dependants(
    draft: &mut Draft<'_>,
    waits: &Waits,
    project: &ProjectKey,
    key: &FlagKey,
) -> Result<Vec<(FlagKey, EnvironmentKey, i32)>, Refusal> {
    let mut places = waits.get(&(project.clone(), key.to_string())).cloned().unwrap_or_default();
    for edge in draft.edges(project).await?.iter().filter(|edge| edge.prerequisite == key.as_str()) {
        if let (Ok(flag), Ok(environment)) =
            (FlagKey::new(edge.flag.clone()), EnvironmentKey::new(edge.environment.clone()))
        {
            places.insert((flag, environment));
        }
    }
    let mut found = Vec::new();
    for (flag, environment) in places {
        if draft.flag(project, &flag).await?.is_none_or(|f| f.archived) {
            continue;
        }
        let Some(config) = draft.config(project, &flag, &environment).await? else { continue };
        for (wanted, variation) in prerequisites(&config.document) {
            if wanted == key.as_str() {
                found.push((flag.clone(), environment.clone(), variation));
            }
        }
    }
    Ok(found)
}

/// What a configuration refers to must exist.
async fn check_references(
    draft: &mut Draft<'_>,
    flag: &Flag,
    config: &FlagConfig,
    origin: &str,
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    for (i, (key, variation)) in prerequisites(&config.document).into_iter().enumerate() {
        let at = format!("{origin}/prerequisites/{i}");
        let found = match FlagKey::new(key.clone()) {
            Ok(prerequisite) => draft.flag(&flag.project, &prerequisite).await?,
            Err(_) => None,
        };
        match found {
            None => faults.push(Fault::new(format!("{at}/key"), format!("there is no flag {key}"))),
            Some(found) if found.archived => {
                faults.push(Fault::new(format!("{at}/key"), format!("the flag {key} is archived")));
            }
            Some(found) if !usize::try_from(variation).is_ok_and(|v| found.selectable(v)) => {
                faults.push(Fault::new(
                    format!("{at}/variation"),
                    format!("{key} has no variation {variation} that can be served"),
                ));
            }
            Some(_) => {}
        }
    }
    check_segment_references(draft, (&config.project, &config.environment), &config.document, origin, faults)
        .await
}

/// The segments that a document's clauses name must exist.
async fn check_segment_references(
    draft: &mut Draft<'_>,
    (project, environment): (&ProjectKey, &EnvironmentKey),
    document: &Json,
    origin: &str,
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    for (pointer, key) in segment_references(document) {
        let found = match SegmentKey::new(key.clone()) {
            Ok(segment) => draft.segment(project, environment, &segment).await?,
            Err(_) => None,
        };
        let detail = match found {
            None => format!("there is no segment {key} in {environment}"),
            Some(found) if found.archived => format!("the segment {key} is archived"),
            Some(_) => continue,
        };
        faults.push(Fault::new(format!("{origin}{pointer}"), detail));
    }
    Ok(())
}

/// Where a document names segments, and which.
pub fn segment_references(document: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let rules = document.get("rules").and_then(Json::as_array).unwrap_or_default();
    for (r, rule) in rules.iter().enumerate() {
        let clauses = rule.get("clauses").and_then(Json::as_array).unwrap_or_default();
        for (c, clause) in clauses.iter().enumerate() {
            if clause.get("op").and_then(Json::as_str) != Some("segmentMatch") {
                continue;
            }
            let values = clause.get("values").and_then(Json::as_array).unwrap_or_default();
            for (v, value) in values.iter().enumerate() {
                if let Some(key) = value.as_str() {
                    found.push((format!("/rules/{r}/clauses/{c}/values/{v}"), key.to_owned()));
                }
            }
        }
    }
    found
}

/// The prerequisites of a document: key and variation.
pub fn prerequisites(document: &Json) -> Vec<(String, i32)> {
    document
        .get("prerequisites")
        .and_then(Json::as_array)
        .unwrap_or_default()
        .iter()
        .filter_map(|p| {
            let variation = p.get("variation").and_then(Json::as_i64).and_then(|v| i32::try_from(v).ok());
            Some((p.get("key")?.as_str()?.to_owned(), variation.unwrap_or(-1)))
        })
        .collect()
}

async fn check_segment(
    draft: &mut Draft<'_>,
    segment: &Segment,
    before: Option<&Entity>,
    origin: &str,
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    let mut wrong = targeting::check_segment(&segment.document);
    wrong.extend(text_faults(&segment.document, "", MAX_SEGMENT));
    let composed =
        targeting::compose_segment(segment.key.as_str(), segment.version, &segment.salt, &segment.document);
    if wrong.is_empty()
        && let Err(more) = eval::prepare_segment(&composed)
    {
        faults.extend(more.into_iter().map(|f| f.under(origin)));
    }
    faults.extend(wrong.into_iter().map(|f| f.under(origin)));
    let place = (&segment.project, &segment.environment);
    let was_archived = matches!(before, Some(Entity::Segment(old)) if old.archived);
    if segment.archived && !was_archived && before.is_some() {
        let users = segment_users(draft, place, &segment.key).await?;
        if !users.is_empty() {
            return Err(Refusal::Plain(
                ProblemKind::InUse,
                format!("the segment {} is used by {}", segment.key, users.join(", ")),
            ));
        }
    }
    if !segment.archived {
        check_segment_references(draft, place, &segment.document, origin, faults).await?;
    }
    Ok(())
}

/// The flags and segments of an environment whose clauses name a segment.
pub async fn segment_users(
    draft: &mut Draft<'_>,
    (project, environment): (&ProjectKey, &EnvironmentKey),
    key: &SegmentKey,
) -> Result<Vec<String>, Refusal> {
    preload_configs(draft, project, None).await?;
    preload_segments(draft, project, environment).await?;
    let names = |document: &Json| segment_references(document).iter().any(|(_, k)| k == key.as_str());
    let mut users = Vec::new();
    let mut flags = Vec::new();
    for slot in draft.slots.values() {
        match &slot.after {
            Some(Entity::Config(c)) if c.environment == *environment && names(&c.document) => {
                flags.push(c.flag.clone());
            }
            Some(Entity::Segment(s))
                if s.environment == *environment && !s.archived && names(&s.document) =>
            {
                users.push(format!("segment {}", s.key));
            }
            _ => {}
        }
    }
    for flag in flags {
        if draft.flag(project, &flag).await?.is_some_and(|f| !f.archived) {
            users.push(format!("flag {flag}"));
        }
    }
    Ok(users)
}

/// Reads every configuration of a flag (or of a project) into the draft, in one statement.
///
/// # Errors
/// The database's. Rows that cannot be read are left out: they are reported by `flagstaffd check`.
pub async fn preload_configs(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    flag: Option<&FlagKey>,
) -> Result<(), Refusal> {
    if flag.is_some_and(|flag| draft.complete.contains(&(project.clone(), flag.clone()))) {
        return Ok(());
    }
    let which = store::configs::Which { project: Some(project), flag, environment: None };
    for stored in store::configs::select(draft.conn, which).await?.into_iter().flatten() {
        let stored = stored.map(Entity::Config);
        draft.remember(stored.row.reference(), Some(stored));
    }
    Ok(())
}

/// Reads every segment of an environment into the draft.
///
/// # Errors
/// The database's.
pub async fn preload_segments(
    draft: &mut Draft<'_>,
    project: &ProjectKey,
    environment: &EnvironmentKey,
) -> Result<(), Refusal> {
    let rows = store::segments::select(draft.conn, Some((project, environment))).await?;
    for stored in rows.into_iter().flatten() {
        let stored = stored.map(Entity::Segment);
        draft.remember(stored.row.reference(), Some(stored));
    }
    Ok(())
}

/// The configurations of a flag, as they shall be.
pub fn configs_of(draft: &Draft<'_>, project: &ProjectKey, flag: &FlagKey) -> Vec<FlagConfig> {
    // No environment's key sorts before this one.
    let Ok(least) = EnvironmentKey::new("-") else { return Vec::new() };
    draft
        .slots
        .range(EntityRef::Config(project.clone(), flag.clone(), least)..)
        .take_while(
            |(reference, _)| matches!(reference, EntityRef::Config(p, f, _) if p == project && f == flag),
        )
        .filter_map(|(_, slot)| match &slot.after {
            Some(Entity::Config(c)) => Some(c.clone()),
            _ => None,
        })
        .collect()
}

/// Prerequisites, and segments in segments, must not come back to where they began, nor go on for too long.
async fn check_cycles(
    draft: &mut Draft<'_>,
    written: &[EntityRef],
    faults: &mut Vec<Fault>,
) -> Result<(), Refusal> {
    let mut flags: BTreeMap<(ProjectKey, EnvironmentKey), Vec<(String, String)>> = BTreeMap::new();
    let mut segments: BTreeMap<(ProjectKey, EnvironmentKey), Vec<(String, String)>> = BTreeMap::new();
    for reference in written {
        let Some(slot) = draft.slots.get(reference) else { continue };
        match &slot.after {
            Some(Entity::Config(c)) if !prerequisites(&c.document).is_empty() => flags
                .entry((c.project.clone(), c.environment.clone()))
                .or_default()
                .push((c.flag.to_string(), format!("{}/prerequisites", slot.origin))),
            Some(Entity::Segment(s)) if !segment_references(&s.document).is_empty() => segments
                .entry((s.project.clone(), s.environment.clone()))
                .or_default()
                .push((s.key.to_string(), format!("{}/rules", slot.origin))),
            _ => {}
        }
    }
    for ((project, environment), starts) in flags {
        let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for edge in draft.edges(&project).await?.iter().filter(|e| e.environment == environment.as_str()) {
            graph.entry(edge.flag.clone()).or_default().push(edge.prerequisite.clone());
        }
        for slot in draft.slots.values().filter(|s| s.written) {
            if let Some(Entity::Config(c)) = &slot.after
                && c.environment == environment
                && c.project == project
            {
                let wanted = prerequisites(&c.document).into_iter().map(|(k, _)| k).collect();
                graph.insert(c.flag.to_string(), wanted);
            }
        }
        circles::report("prerequisites", &graph, &starts, faults);
        chains::report("prerequisites", &graph, &starts, faults);
    }
    for ((project, environment), starts) in segments {
        preload_segments(draft, &project, &environment).await?;
        let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for slot in draft.slots.values() {
            if let Some(Entity::Segment(s)) = &slot.after
                && s.environment == environment
                && s.project == project
            {
                let wanted = segment_references(&s.document).into_iter().map(|(_, k)| k).collect();
                graph.insert(s.key.to_string(), wanted);
            }
        }
        circles::report("segments", &graph, &starts, faults);
        chains::report("segments", &graph, &starts, faults);
    }
    Ok(())
}
