//! Values of an export among ours: one index, one value, so documents are renumbered.

use std::collections::BTreeMap;

use shared::fault::Fault;
use shared::flag::{Flag, FlagKind, Variation};
use shared::import::Format;
use shared::json::Json;
use shared::key::FlagKey;

use super::import_plan::{ConfigPlan, FlagPlan};

/// Puts the values of an export among the flag's own; answers for each of them its index here.
///
/// # Errors
/// A value of another kind than the flag's, at `/variations/{index}/value`.
pub fn place(flag: &mut Flag, values: &[Variation], notes: &mut Vec<String>) -> Result<Vec<usize>, Fault> {
    if flag.kind_is_open() {
        let mut kinds = values.iter().map(|v| FlagKind::of(&v.value));
        let first = kinds.next().flatten().unwrap_or(FlagKind::Json);
        flag.kind = if kinds.all(|k| k == Some(first)) { first } else { FlagKind::Json };
    }
    if let Some((i, wrong)) = values.iter().enumerate().find(|(_, v)| !flag.kind.admits(&v.value)) {
        return Err(Fault::new(
            format!("/variations/{i}/value"),
            format!("is {} where every value here is a {}", wrong.value.type_name(), flag.kind.as_str()),
        ));
    }
    Ok(values.iter().enumerate().map(|(i, value)| place_one(flag, i, value, notes)).collect())
}

fn place_one(flag: &mut Flag, index: usize, wanted: &Variation, notes: &mut Vec<String>) -> usize {
    let Some(ours) = flag.variations.get_mut(index) else {
        flag.variations.push(wanted.clone());
        return flag.variations.len() - 1;
    };
    let named = |ours: &mut Variation| {
        if wanted.name.is_some() || wanted.description.is_some() {
            ours.name.clone_from(&wanted.name);
            ours.description.clone_from(&wanted.description);
        }
    };
    if ours.placeholder {
        *ours = Variation { value: wanted.value.clone(), placeholder: false, ..ours.clone() };
        named(ours);
        return index;
    }
    if ours.value.same_value(&wanted.value) {
        if ours.value != wanted.value {
            notes.push(format!(
                "variation {index} is written {} here and stays so; {} is the same value",
                ours.value, wanted.value
            ));
        }
        named(ours);
        return index;
    }
    let stands = ours.value.clone();
    let (here, how) = match flag.index_of(&wanted.value) {
        Some(other) => (other, "is"),
        None => {
            flag.variations.push(wanted.clone());
            (flag.variations.len() - 1, "was added as")
        }
    };
    notes.push(format!(
        "variation {index} is {stands} here, so {} {how} variation {here} and its documents say so",
        wanted.value
    ));
    here
}

/// The document with the indexes of here; `others` are those of the export's flags, for prerequisites.
pub fn renumbered(document: &Json, own: &[usize], others: &BTreeMap<FlagKey, Vec<usize>>) -> Json {
    let mut out = document.clone();
    renumber(&mut out, "offVariation", own);
    if let Some(fallthrough) = out.get_mut("fallthrough") {
        renumber_served(fallthrough, own);
    }
    for_each(&mut out, "rules", |rule| renumber_served(rule, own));
    for list in ["targets", "contextTargets"] {
        for_each(&mut out, list, |target| renumber(target, "variation", own));
    }
    for_each(&mut out, "prerequisites", |prerequisite| {
        let key = prerequisite.get("key").and_then(Json::as_str).unwrap_or_default();
        if let Some(indexes) = others.get(key) {
            renumber(prerequisite, "variation", indexes);
        }
    });
    out
}

fn for_each(json: &mut Json, list: &str, mut change: impl FnMut(&mut Json)) {
    if let Some(Json::Array(items)) = json.get_mut(list) {
        items.iter_mut().for_each(&mut change);
    }
}

fn renumber_served(json: &mut Json, indexes: &[usize]) {
    renumber(json, "variation", indexes);
    if let Some(rollout) = json.get_mut("rollout") {
        for_each(rollout, "variations", |part| renumber(part, "variation", indexes));
    }
}

fn renumber(json: &mut Json, member: &str, indexes: &[usize]) {
    let Some(value) = json.get_mut(member) else { return };
    let here = value.as_i64().and_then(|i| Some((i, *indexes.get(usize::try_from(i).ok()?)?)));
    // What stays as it is keeps its text.
    if let Some((index, here)) = here
        && usize::try_from(index) != Ok(here)
    {
        *value = Json::from(here);
    }
}

/// A fault of a flag's row as one of the export.
pub fn in_export(fault: &Fault, plan: &FlagPlan) -> Fault {
    let place = fault.pointer.strip_prefix("/variations/").and_then(|rest| {
        let (index, rest) = rest.split_once('/')?;
        Some((index.parse::<usize>().ok()?, rest.strip_prefix("value")?))
    });
    let pointer = match (plan.format, place) {
        (Format::LaunchdarklyClient, Some((_, rest))) => format!("{}/value{rest}", plan.at),
        (format, Some((index, rest))) => {
            let value = if format == Format::LaunchdarklyRest { "/value" } else { "" };
            let index = plan.indexes.iter().position(|here| *here == index).unwrap_or(index);
            format!("{}/variations/{index}{value}{rest}", plan.at)
        }
        (_, None) if fault.pointer == "/variations" => format!("{}/variations", plan.at),
        (_, None) => plan.at.clone(),
    };
    Fault::new(pointer, fault.detail.clone())
}

/// A fault of a configuration's document as one of the export.
pub fn in_config(fault: &Fault, config: &ConfigPlan) -> Fault {
    let at = &config.at;
    let pointer = match config.format {
        Format::LaunchdarklyServer => format!("{at}{}", fault.pointer),
        Format::LaunchdarklyClient if fault.pointer == "/debugEventsUntilDate" => {
            format!("{at}{}", fault.pointer)
        }
        Format::LaunchdarklyClient => at.clone(),
        Format::LaunchdarklyRest => match fault.pointer.strip_prefix("/rules/") {
            Some(rest) => {
                let (index, rest) = rest.split_once('/').map_or((rest, ""), |(i, rest)| (i, rest));
                let place = index.parse().ok().and_then(|i: usize| config.rule_places.get(i).copied());
                let index = place.map_or_else(|| index.to_owned(), |place| place.to_string());
                match rest {
                    "" => format!("{at}/rules/{index}"),
                    "id" => format!("{at}/rules/{index}/_id"),
                    rest => format!("{at}/rules/{index}/{rest}"),
                }
            }
            None => {
                format!("{at}{}", fault.pointer.replace("/debugEventsUntilDate", "/_debugEventsUntilDate"))
            }
        },
    };
    Fault::new(pointer, fault.detail.clone())
}
