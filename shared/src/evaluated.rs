//! The evaluated form: an entry of a LaunchDarkly client payload, taken in and given out.

use crate::fault::Fault;
use crate::flag::{Flag, FlagConfig, FlagKind, Variation};
use crate::json::Json;

/// The most variations a flag may have.
pub const MAX_VARIATIONS: usize = 100;

/// The highest version that is taken in: some SDKs hold versions in 32 bits, and ours go on from there.
pub const MAX_VERSION: i64 = 2_000_000_000;

/// What an entry says of one flag in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The value that is served.
    pub value: Json,
    /// Its index; none where the flag is off without an off variation.
    pub variation: Option<usize>,
    /// The version of the flag in the environment.
    pub version: Option<i64>,
    /// The version of the flag.
    pub flag_version: Option<i64>,
    /// Whether events are tracked.
    pub track_events: Option<bool>,
    /// Until when events are sent in full, in Unix milliseconds.
    pub debug_events_until_date: Option<Json>,
    /// Members that we do not know, in order.
    pub extra: Json,
}

/// Whether a document is the evaluated form: a value, and none of what makes a targeting document.
pub fn is_evaluated_form(document: &Json) -> bool {
    document.get("value").is_some()
        && ["on", "fallthrough", "variations"].iter().all(|member| document.get(member).is_none())
}

/// Reads an entry that stands at `at` of a request.
///
/// # Errors
/// Every fault, with pointers.
pub fn read(entry: &Json, at: &str) -> Result<Shown, Vec<Fault>> {
    let Some(members) = entry.as_object() else {
        return Err(vec![Fault::new(at, format!("must be an object, not {}", entry.type_name()))]);
    };
    let mut faults = Vec::new();
    let mut shown = Shown {
        value: Json::Null,
        variation: None,
        version: None,
        flag_version: None,
        track_events: None,
        debug_events_until_date: None,
        extra: Json::object(),
    };
    let mut version = |json: &Json, name: &str| match json.as_i64() {
        Some(v) if (1..=MAX_VERSION).contains(&v) => Some(v),
        _ => {
            let detail = format!("must be a whole number from 1 to {MAX_VERSION}");
            faults.push(Fault::new(format!("{at}/{name}"), detail));
            None
        }
    };
    let mut more = Vec::new();
    for (key, value) in members {
        match key.as_str() {
            "value" => shown.value = value.clone(),
            "variation" if value.is_null() => {}
            "variation" => match value.as_i64().and_then(|v| usize::try_from(v).ok()) {
                Some(v) if v < MAX_VARIATIONS => shown.variation = Some(v),
                _ => more.push(Fault::new(
                    format!("{at}/variation"),
                    format!("must be an index from 0 to {}", MAX_VARIATIONS - 1),
                )),
            },
            "version" => shown.version = version(value, "version"),
            "flagVersion" => shown.flag_version = version(value, "flagVersion"),
            "trackEvents" => match value.as_bool() {
                Some(b) => shown.track_events = Some(b),
                None => more.push(Fault::new(format!("{at}/trackEvents"), "must be true or false")),
            },
            "debugEventsUntilDate" => shown.debug_events_until_date = Some(value.clone()),
            _ => shown.extra.set(key, value.clone()),
        }
    }
    if !entry.as_object().is_some_and(|m| m.iter().any(|(k, _)| k == "value")) {
        more.push(Fault::new(format!("{at}/value"), "is required"));
    }
    faults.append(&mut more);
    if faults.is_empty() { Ok(shown) } else { Err(faults) }
}

/// Makes `config` serve what was shown, and `flag` hold its value at its index; answers what a reader of
/// the report should know. Indexes that exist stay as they were: a position that was not shown is filled,
/// for booleans with the other value, else with a marked placeholder.
///
/// # Errors
/// A value of another kind than the flag's, at `{at}/value`.
pub fn show(
    flag: &mut Flag,
    config: &mut FlagConfig,
    shown: &Shown,
    enabled: Option<bool>,
    at: &str,
) -> Result<Vec<String>, Vec<Fault>> {
    let mut notes = Vec::new();
    let mut served = None;
    if shown.variation.is_some() || !shown.value.is_null() {
        if let Some(kind) = FlagKind::of(&shown.value) {
            if flag.kind_is_open() {
                flag.kind = kind;
            } else if !flag.kind.admits(&shown.value) {
                return Err(vec![Fault::new(
                    format!("{at}/value"),
                    format!(
                        "is {} where every value of this flag is a {}",
                        shown.value.type_name(),
                        flag.kind.as_str()
                    ),
                )]);
            }
        }
        served = Some(place(flag, shown, &mut notes));
    }
    notes.extend(replaced(&config.document, served.is_some()));
    let mut on = enabled.unwrap_or(served.is_some());
    if on && served.is_none() && config.document.get("fallthrough").is_none() {
        on = false;
        notes.push("nothing is served, so it is off".to_owned());
    }
    let mut document = Json::object();
    document.set("on", Json::Bool(on));
    if let Some(index) = served {
        document.set("fallthrough", [("variation", Json::from(index))].into_iter().collect());
    } else if let Some(fallthrough) = config.document.get("fallthrough") {
        document.set("fallthrough", fallthrough.clone());
    }
    if flag.kind == FlagKind::Boolean
        && served.is_some()
        && let Some(off) = flag.index_of(&Json::Bool(false))
    {
        document.set("offVariation", Json::from(off));
    }
    if let Some(track) = shown.track_events {
        document.set("trackEvents", Json::Bool(track));
    }
    if let Some(until) = &shown.debug_events_until_date {
        document.set("debugEventsUntilDate", until.clone());
    }
    config.document = document;
    config.entry_extra = shown.extra.as_object().is_some_and(|m| !m.is_empty()).then(|| shown.extra.clone());
    Ok(notes)
}

/// Finds or makes the place of the value that is shown.
fn place(flag: &mut Flag, shown: &Shown, notes: &mut Vec<String>) -> usize {
    let Some(index) = shown.variation else {
        let index = flag.index_of(&shown.value).unwrap_or_else(|| {
            flag.variations.push(Variation::of(shown.value.clone()));
            flag.variations.len() - 1
        });
        notes.push(format!("no variation is named, so the value is served as variation {index}"));
        complete_boolean(flag, &shown.value);
        return index;
    };
    while flag.variations.len() <= index {
        flag.variations.push(Variation::unknown());
    }
    let known = flag.variations.get(index).filter(|v| !v.placeholder).map(|v| v.value.clone());
    let served = match known {
        None => {
            if let Some(variation) = flag.variations.get_mut(index) {
                *variation = Variation {
                    value: shown.value.clone(),
                    placeholder: false,
                    ..std::mem::replace(variation, Variation::unknown())
                };
            }
            index
        }
        Some(value) if value.same_value(&shown.value) => {
            if value != shown.value {
                notes.push(format!(
                    "variation {index} is written {value} here and stays so; {} is the same value",
                    shown.value
                ));
            }
            index
        }
        Some(value) => {
            if let Some(other) = flag.index_of(&shown.value) {
                notes.push(format!(
                    "variation {index} is {value} here, so {} is served as variation {other}",
                    shown.value
                ));
                other
            } else {
                flag.variations.push(Variation::of(shown.value.clone()));
                let added = flag.variations.len() - 1;
                notes.push(format!(
                    "variation {index} is {value} here, so {} was added as variation {added}",
                    shown.value
                ));
                added
            }
        }
    };
    complete_boolean(flag, &shown.value);
    served
}

/// A boolean flag knows its other value: it stands where nothing else was shown.
fn complete_boolean(flag: &mut Flag, shown: &Json) {
    let Some(shown) = shown.as_bool().filter(|_| flag.kind == FlagKind::Boolean) else { return };
    if flag.variations.len() == 1 {
        flag.variations.push(Variation::unknown());
    }
    let other = Json::Bool(!shown);
    if flag.index_of(&other).is_none()
        && let Some(hole) = flag.variations.iter_mut().find(|v| v.placeholder)
    {
        *hole = Variation::of(other);
    }
}

/// What a document said that one result cannot say, and that therefore goes.
fn replaced(document: &Json, served: bool) -> Option<String> {
    let empty = |value: &Json| match value {
        Json::Null | Json::Bool(false) => true,
        Json::Array(items) => items.is_empty(),
        _ => false,
    };
    let gone: Vec<&str> = document
        .as_object()
        .unwrap_or_default()
        .iter()
        .filter(|(member, value)| match member.as_str() {
            "on" | "offVariation" | "trackEvents" | "debugEventsUntilDate" => false,
            "fallthrough" => served && value.get("rollout").is_some(),
            _ => !empty(value),
        })
        .map(|(member, _)| member.as_str())
        .collect();
    (!gone.is_empty())
        .then(|| format!("what stood here of {} gives way to the one value that is shown", gone.join(", ")))
}

/// The entry of a client payload, as the founding example writes it: `flagVersion`, `trackEvents`,
/// `value`, `variation`, `version`, then what else there is.
pub fn entry(flag: &Flag, config: &FlagConfig, value: &Json, variation: Option<usize>) -> Json {
    let mut entry = Json::object();
    entry.set("flagVersion", Json::from(flag.flag_version));
    let track = config.document.get("trackEvents").and_then(Json::as_bool).unwrap_or(false);
    entry.set("trackEvents", Json::Bool(track));
    entry.set("value", value.clone());
    entry.set("variation", variation.map_or(Json::Null, Json::from));
    entry.set("version", Json::from(config.version));
    if let Some(until) = config.document.get("debugEventsUntilDate").filter(|u| !u.is_null()) {
        entry.set("debugEventsUntilDate", until.clone());
    }
    if let Some(extra) = config.entry_extra.as_ref().and_then(Json::as_object) {
        for (key, value) in extra {
            entry.set(key, value.clone());
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;
    use crate::key::{EnvironmentKey, FlagKey, ProjectKey};
    use uuid::Uuid;

    fn flag(kind: FlagKind, values: &[&str]) -> Flag {
        Flag {
            id: Uuid::nil(),
            project: ProjectKey::default(),
            key: FlagKey::new("f").unwrap(),
            name: "f".into(),
            description: String::new(),
            kind,
            variations: values.iter().map(|v| Variation::of(parse(v).unwrap())).collect(),
            flag_version: 1,
            tags: vec![],
            owner: None,
            temporary: true,
            client_side_availability: Default::default(),
            metadata: Json::object(),
            value_schema: None,
            archived: false,
        }
    }

    fn config() -> FlagConfig {
        FlagConfig {
            id: Uuid::nil(),
            project: ProjectKey::default(),
            flag: FlagKey::new("f").unwrap(),
            environment: EnvironmentKey::new("e").unwrap(),
            version: 1,
            salt: "s".into(),
            document: Json::object(),
            entry_extra: None,
        }
    }

    fn shown(text: &str) -> Shown {
        read(&parse(text).unwrap(), "").unwrap()
    }

    #[test]
    fn positions_not_shown_are_marked_and_filled_later() {
        let (mut flag, mut config) = (flag(FlagKind::Json, &[]), config());
        show(&mut flag, &mut config, &shown(r#"{"value":{"a":1.0},"variation":2}"#), None, "").unwrap();
        assert_eq!(flag.variations.iter().map(|v| v.placeholder).collect::<Vec<_>>(), [true, true, false]);
        assert!(config.on());
        show(&mut flag, &mut config, &shown(r#"{"value":{"b":2},"variation":0}"#), None, "").unwrap();
        assert_eq!(flag.variations[0].value.to_text(), r#"{"b":2}"#);
        assert_eq!(flag.variations[2].value.to_text(), r#"{"a":1.0}"#);
    }

    #[test]
    fn booleans_know_their_other_value() {
        let (mut flag, mut config) = (flag(FlagKind::Json, &[]), config());
        show(&mut flag, &mut config, &shown(r#"{"value":false,"variation":1}"#), None, "").unwrap();
        assert_eq!(flag.kind, FlagKind::Boolean);
        assert_eq!(flag.index_of(&Json::Bool(true)), Some(0));
        assert_eq!(config.document.get("offVariation").unwrap().to_text(), "1");
    }

    #[test]
    fn null_without_a_variation_is_off() {
        let (mut flag, mut config) = (flag(FlagKind::Json, &["1"]), config());
        show(&mut flag, &mut config, &shown(r#"{"value":null,"variation":null}"#), None, "").unwrap();
        assert!(!config.on());
    }

    #[test]
    fn another_kind_is_refused_and_another_value_appended() {
        let (mut flag, mut config) = (flag(FlagKind::Number, &["1"]), config());
        let refused = show(&mut flag, &mut config, &shown(r#"{"value":"x","variation":0}"#), None, "/c");
        assert_eq!(refused.unwrap_err()[0].pointer, "/c/value");
        let notes = show(&mut flag, &mut config, &shown(r#"{"value":2,"variation":0}"#), None, "").unwrap();
        assert_eq!(notes.len(), 1);
        assert_eq!(flag.variations.len(), 2);
    }

    #[test]
    fn what_one_result_cannot_say_is_told() {
        let (mut flag, mut config) = (flag(FlagKind::Number, &["1", "2"]), config());
        config.document =
            parse(r#"{"on":true,"rules":[{"clauses":[]}],"targets":[],"fallthrough":{"rollout":{}}}"#)
                .unwrap();
        let notes = show(&mut flag, &mut config, &shown(r#"{"value":1.0,"variation":0}"#), None, "").unwrap();
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("written 1 here"), "{notes:?}");
        assert!(notes[1].contains("rules, fallthrough"), "{notes:?}");
    }

    #[test]
    fn nothing_shown_stays_off_whatever_is_asked() {
        let (mut flag, mut config) = (flag(FlagKind::Json, &[]), config());
        let nothing = shown(r#"{"value":null,"variation":null}"#);
        let notes = show(&mut flag, &mut config, &nothing, Some(true), "").unwrap();
        assert!(!config.on());
        assert_eq!(notes, ["nothing is served, so it is off"]);
    }

    #[test]
    fn versions_that_an_sdk_could_not_hold_are_refused() {
        for version in ["0", "-1", "1.5", "2000000001", "\"1\""] {
            let entry = parse(&format!(r#"{{"value":1,"variation":0,"version":{version}}}"#)).unwrap();
            assert_eq!(read(&entry, "/f").unwrap_err()[0].pointer, "/f/version", "{version}");
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let text = r#"{"flagVersion":9,"trackEvents":false,"value":1.0,"variation":1,"version":435,"debugEventsUntilDate":17,"odd":[1.50]}"#;
        let (mut flag, mut config) = (flag(FlagKind::Json, &[]), config());
        let shown = shown(text);
        show(&mut flag, &mut config, &shown, None, "").unwrap();
        flag.flag_version = 9;
        config.version = 435;
        let value = flag.variations[1].value.clone();
        assert_eq!(entry(&flag, &config, &value, Some(1)).to_text(), text);
    }
}
