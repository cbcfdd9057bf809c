//! Taking an export in: what it says meets what is here; the good is drafted, the rest told.

use std::collections::{BTreeMap, BTreeSet};

use shared::access::{Permission, Scope};
use shared::change::Entity;
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::import::{Details, Format, Import, ImportedFlag, Line, Outcome, Report, Said, Subject};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};
use shared::project::{ClientSideAvailability, Project};
use shared::segment::Segment;
use shared::{eval, evaluated, targeting};

use super::draft::{Draft, VersionRule, differs};
use super::import_plan::{ConfigPlan, FlagPlan, Here, SegmentPlan};
use super::{Cx, Refusal, import_check, import_values};
use crate::store;

/// Puts what is good of an export into the draft, and the report beside it.
///
/// # Errors
/// The database's, or a project that is not there.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, import: &Import) -> Result<(), Refusal> {
    let Some(project) = draft.project(&import.project).await?.filter(|p| !p.archived) else {
        return Err(Refusal::unknown(format!("project {}", import.project)));
    };
    let here = Here::load(draft, import).await?;
    let mut flags = plan_flags(cx, &project, import, &here);
    let mut segments = plan_segments(cx, import, &here);
    import_check::check(&mut flags, &mut segments, &here);
    let mut lines = put_flags(draft, &flags, &here).await?;
    lines.extend(put_segments(draft, &segments, &here).await?);
    put_configs(draft, &flags, &here).await?;
    lines.extend(put_credentials(cx, draft, import).await?);
    raise_bases(draft, import, &flags).await?;
    for (plan, line) in flags.iter().zip(&mut lines) {
        line.outcome = outcome_of(draft, plan);
    }
    lines.extend(import.refused.iter().cloned());
    draft.report = Some(Report::of(import.format, lines, import.notes.clone()));
    Ok(())
}

fn plan_flags(cx: &Cx, project: &Project, import: &Import, here: &Here) -> Vec<FlagPlan> {
    let mut seen = BTreeSet::new();
    let mut plans: Vec<FlagPlan> = import
        .flags
        .iter()
        .map(|imported| {
            let mut plan = plan_flag(cx, project, (import.format, imported), here);
            if !seen.insert(&imported.key) {
                plan.faults.push(Fault::new(plan.at.clone(), "this key stands in the export already"));
            }
            plan
        })
        .collect();
    let indexes: BTreeMap<FlagKey, Vec<usize>> =
        plans.iter().map(|p| (p.row.key.clone(), p.indexes.clone())).collect();
    for (imported, plan) in import.flags.iter().zip(&mut plans) {
        if plan.faults.is_empty() {
            plan_configs(cx, imported, plan, &indexes, here);
        }
    }
    plans
}

fn plan_flag(
    cx: &Cx,
    project: &Project,
    (format, imported): (Format, &ImportedFlag),
    here: &Here,
) -> FlagPlan {
    let before = here.flags.get(&imported.key).map(|s| s.row.clone());
    let fresh = || Flag {
        id: cx.clock.uuid(),
        project: project.key.clone(),
        key: imported.key.clone(),
        name: imported.key.to_string(),
        description: String::new(),
        kind: shared::flag::FlagKind::Json,
        variations: Vec::new(),
        flag_version: 1,
        tags: Vec::new(),
        owner: None,
        temporary: true,
        client_side_availability: match &imported.variations {
            // A client payload: this is where the flag was seen.
            None => ClientSideAvailability {
                using_environment_id: true,
                ..project.default_client_side_availability
            },
            Some(_) => project.default_client_side_availability,
        },
        metadata: Json::object(),
        value_schema: None,
        archived: false,
    };
    let mut plan = FlagPlan {
        row: before.clone().unwrap_or_else(fresh),
        before,
        version: imported.version.unwrap_or(0),
        at: imported.at.clone(),
        format,
        indexes: Vec::new(),
        configs: Vec::new(),
        notes: imported.notes.clone(),
        faults: Vec::new(),
    };
    if plan.row.archived && plan.before.is_some() && !imported.details.as_ref().is_some_and(|d| d.archived) {
        plan.faults.push(Fault::new(plan.at.clone(), "is archived here; restore it first"));
        return plan;
    }
    match imported.availability {
        Some(availability) => plan.row.client_side_availability = availability,
        None if imported.variations.is_none() && !plan.row.client_side_availability.using_environment_id => {
            let note = "was seen by a client-side SDK, but is not available to those here";
            plan.notes.push(note.to_owned());
        }
        None => {}
    }
    if let Some(details) = &imported.details {
        describe(&mut plan.row, details);
    }
    if let Some(variations) = &imported.variations {
        match import_values::place(&mut plan.row, variations, &mut plan.notes) {
            Ok(indexes) => plan.indexes = indexes,
            Err(fault) => plan.faults.push(import_values::in_export(&fault, &plan)),
        }
    }
    plan
}

fn describe(flag: &mut Flag, details: &Details) {
    flag.name.clone_from(&details.name);
    flag.description.clone_from(&details.description);
    flag.tags.clone_from(&details.tags);
    flag.owner.clone_from(&details.owner);
    flag.temporary = details.temporary;
    flag.archived = details.archived;
    if details.other.as_object().is_some_and(|o| !o.is_empty()) {
        flag.metadata.set("launchDarkly", details.other.clone());
    }
}

fn plan_configs(
    cx: &Cx,
    imported: &ImportedFlag,
    plan: &mut FlagPlan,
    indexes: &BTreeMap<FlagKey, Vec<usize>>,
    here: &Here,
) {
    for config in &imported.configs {
        let before = here.configs.get(&(imported.key.clone(), config.environment.clone()));
        let mut row = before.map_or_else(
            || FlagConfig {
                id: cx.clock.uuid(),
                project: plan.row.project.clone(),
                flag: imported.key.clone(),
                environment: config.environment.clone(),
                version: 1,
                salt: cx.salt(),
                document: Json::object(),
                entry_extra: None,
            },
            |stored| stored.row.clone(),
        );
        match (&config.salt, &config.said) {
            (Some(salt), _) => row.salt.clone_from(salt),
            (None, Said::Document(_)) if before.is_none() => {
                let note =
                    format!("{} has no salt: it got a new one, so rollouts are divided anew", config.at);
                plan.notes.push(note);
            }
            _ => {}
        }
        match &config.said {
            Said::Shown(shown) => match evaluated::show(&mut plan.row, &mut row, shown, None, &config.at) {
                Ok(notes) => plan.notes.extend(notes),
                Err(mut faults) => plan.faults.append(&mut faults),
            },
            Said::Document(document) => {
                row.document = import_values::renumbered(document, &plan.indexes, indexes);
            }
        }
        if before.is_none() && plan.before.is_some() {
            plan.notes.push(format!("is new in {}", config.environment));
        }
        plan.configs.push(ConfigPlan {
            row,
            version: config.version.unwrap_or(0),
            at: config.at.clone(),
            rule_places: config.rule_places.clone(),
            format: plan.format,
        });
    }
}

fn plan_segments(cx: &Cx, import: &Import, here: &Here) -> Vec<SegmentPlan> {
    let mut seen = BTreeSet::new();
    let plan = |imported: &shared::import::ImportedSegment| {
        let place = (imported.environment.clone(), imported.key.clone());
        let before = here.segments.get(&place).map(|s| &s.row);
        let mut notes = imported.notes.clone();
        let mut faults = Vec::new();
        let mut row = before.cloned().unwrap_or_else(|| Segment {
            id: cx.clock.uuid(),
            project: import.project.clone(),
            environment: imported.environment.clone(),
            key: imported.key.clone(),
            name: imported.key.to_string(),
            description: String::new(),
            tags: Vec::new(),
            version: 1,
            salt: cx.salt(),
            document: Json::object(),
            archived: false,
        });
        if row.archived {
            faults.push(Fault::new(imported.at.clone(), "is archived here"));
        }
        if !seen.insert(place) {
            faults.push(Fault::new(imported.at.clone(), "this key stands in the export already"));
        }
        if let Some((name, description, tags)) = &imported.details {
            (row.name, row.description, row.tags) = (name.clone(), description.clone(), tags.clone());
        }
        match &imported.salt {
            Some(salt) => row.salt.clone_from(salt),
            None if before.is_none() => notes.push(
                "has no salt in the export: it got a new one, so rules with a weight divide anew".to_owned(),
            ),
            None => {}
        }
        row.document = imported.document.clone();
        let (version, at) = (imported.version.unwrap_or(0), imported.at.clone());
        SegmentPlan { row, version, at, notes, faults }
    };
    let mut plans: Vec<SegmentPlan> = import.segments.iter().map(plan).collect();
    for plan in &mut plans {
        let mut faults = targeting::check_segment(&plan.row.document);
        let Segment { key, version, salt, document, .. } = &plan.row;
        if faults.is_empty()
            && let Err(more) =
                eval::prepare_segment(&targeting::compose_segment(key.as_str(), *version, salt, document))
        {
            faults = more;
        }
        plan.faults.extend(faults.into_iter().map(|f| f.under(&plan.at)));
    }
    plans
}

/// Whether a change of the flag alters what every environment serves.
fn served_differs(plan: &FlagPlan) -> bool {
    plan.before.as_ref().is_some_and(|old| {
        old.archived != plan.row.archived || old.client_side_availability != plan.row.client_side_availability
    })
}

/// The imported version where ours is missing or equal, or only values came to it; else past ours.
fn rule_of(plan: &FlagPlan) -> VersionRule {
    let Some(old) = &plan.before else { return VersionRule::Imported(plan.version) };
    let only_values = Flag { variations: old.variations.clone(), kind: old.kind, ..plan.row.clone() } == *old;
    if only_values {
        VersionRule::Imported(plan.version)
    } else {
        VersionRule::Imported(plan.version.max(old.flag_version + 1))
    }
}

/// Flags go first: rows of configurations and prerequisites refer to them.
async fn put_flags(draft: &mut Draft<'_>, plans: &[FlagPlan], here: &Here) -> Result<Vec<Line>, Refusal> {
    let mut lines = Vec::with_capacity(plans.len());
    for plan in plans {
        let key = plan.row.key.to_string();
        if !plan.faults.is_empty() {
            lines.push(Line::refused(Subject::Flag, &key, plan.faults.clone()));
            continue;
        }
        let entity = Entity::Flag(plan.row.clone());
        draft.remember(
            entity.reference(),
            here.flags.get(&plan.row.key).cloned().map(|s| s.map(Entity::Flag)),
        );
        let changed = plan.before.as_ref().is_some_and(|old| *old != plan.row);
        if changed || plan.before.is_none() {
            // All of its configurations, as validation would read them flag by flag.
            let Ok(least) = EnvironmentKey::new("-") else { continue };
            let all = here.configs.range((plan.row.key.clone(), least)..);
            for (_, stored) in all.take_while(|((flag, _), _)| *flag == plan.row.key) {
                let stored = stored.clone().map(Entity::Config);
                draft.remember(stored.row.reference(), Some(stored));
            }
            draft.complete.insert((plan.row.project.clone(), plan.row.key.clone()));
        }
        draft.put_with(entity, &plan.at, rule_of(plan)).await?;
        lines.push(Line {
            key,
            kind: Subject::Flag,
            environment: None,
            outcome: Outcome::Unchanged,
            notes: plan.notes.clone(),
            faults: Vec::new(),
        });
    }
    Ok(lines)
}

async fn put_configs(draft: &mut Draft<'_>, plans: &[FlagPlan], here: &Here) -> Result<(), Refusal> {
    for plan in plans.iter().filter(|p| p.faults.is_empty()) {
        for config in &plan.configs {
            let place = (config.row.flag.clone(), config.row.environment.clone());
            let before = here.configs.get(&place);
            let entity = Entity::Config(config.row.clone());
            draft.remember(entity.reference(), before.cloned().map(|s| s.map(Entity::Config)));
            let least = before.filter(|_| served_differs(plan)).map_or(0, |old| old.row.version + 1);
            draft.put_with(entity, &config.at, VersionRule::Imported(config.version.max(least))).await?;
        }
    }
    Ok(())
}

fn outcome_of(draft: &Draft<'_>, plan: &FlagPlan) -> Outcome {
    if !plan.faults.is_empty() {
        return Outcome::Refused;
    }
    if plan.before.is_none() {
        return Outcome::Created;
    }
    let differ = |entity: Entity| draft.slots.get(&entity.reference()).is_some_and(differs);
    let any = differ(Entity::Flag(plan.row.clone()))
        || plan.configs.iter().any(|c| differ(Entity::Config(c.row.clone())));
    if any { Outcome::Updated } else { Outcome::Unchanged }
}

async fn put_segments(
    draft: &mut Draft<'_>,
    plans: &[SegmentPlan],
    here: &Here,
) -> Result<Vec<Line>, Refusal> {
    let mut lines = Vec::with_capacity(plans.len());
    for plan in plans {
        let mut line = Line::refused(Subject::Segment, plan.row.key.as_str(), plan.faults.clone());
        line.environment = Some(plan.row.environment.clone());
        line.notes.clone_from(&plan.notes);
        if plan.faults.is_empty() {
            let before = here.segments.get(&(plan.row.environment.clone(), plan.row.key.clone()));
            let entity = Entity::Segment(plan.row.clone());
            let reference = entity.reference();
            draft.remember(reference.clone(), before.cloned().map(|s| s.map(Entity::Segment)));
            draft.put_with(entity, &plan.at, VersionRule::Imported(plan.version)).await?;
            line.outcome = match before {
                None => Outcome::Created,
                Some(_) if draft.slots.get(&reference).is_some_and(differs) => Outcome::Updated,
                Some(_) => Outcome::Unchanged,
            };
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The keys of SDKs, where the caller may make some: one that is here is left as it is.
async fn put_credentials(cx: &Cx, draft: &mut Draft<'_>, import: &Import) -> Result<Vec<Line>, Refusal> {
    if import.credentials.is_empty() {
        return Ok(Vec::new());
    }
    let known = store::access::all_credentials(draft.conn).await?;
    let mut lines = Vec::new();
    for (credential, at) in &import.credentials {
        let mut line = Line::refused(Subject::Credential, &credential.masked, Vec::new());
        line.environment = Some(credential.environment.clone());
        let scope = Scope::environment(&import.project, &credential.environment);
        let decision = cx.caller.may(Permission::Credentials, &scope);
        let same = known.iter().find(|k| k.hash == credential.hash);
        let repeated = draft.slots.values().any(|s| {
            s.before.is_none()
                && matches!(&s.after, Some(Entity::SdkCredential(c)) if c.hash == credential.hash)
        });
        match same {
            _ if !decision.allowed => line.faults.push(Fault::new(at.clone(), decision.because)),
            _ if repeated => line.faults.push(Fault::new(at.clone(), "stands in the export already")),
            Some(same)
                if same.environment == credential.environment
                    && same.project == credential.project
                    && !same.revoked =>
            {
                line.outcome = Outcome::Unchanged;
            }
            Some(same) if same.revoked => {
                line.faults.push(Fault::new(at.clone(), "was revoked here and stays so"));
            }
            Some(_) => line.faults.push(Fault::new(at.clone(), "opens another environment already")),
            None => {
                let entity = Entity::SdkCredential(credential.clone());
                draft.remember(entity.reference(), None);
                draft.put(entity, at).await?;
                line.outcome = Outcome::Created;
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Client-side wires count from the highest version that was ever imported.
async fn raise_bases(draft: &mut Draft<'_>, import: &Import, plans: &[FlagPlan]) -> Result<(), Refusal> {
    let mut highest: BTreeMap<EnvironmentKey, i64> = BTreeMap::new();
    for config in plans.iter().filter(|p| p.faults.is_empty()).flat_map(|p| &p.configs) {
        let base = highest.entry(config.row.environment.clone()).or_default();
        *base = (*base).max(config.version);
    }
    for (key, base) in highest {
        let Some(mut environment) = draft.environment(&import.project, &key).await? else { continue };
        if environment.archived {
            return Err(Refusal::unknown(format!("environment {key}")));
        }
        if environment.version_base < base {
            environment.version_base = base;
            draft.put(Entity::Environment(environment), "").await?;
        }
    }
    Ok(())
}
