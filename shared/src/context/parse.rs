//! Reading a context from JSON, the old form without a kind included.

use super::kind::{DEFAULT_KIND, kind_problem};
use super::model::{Context, Individual};
use super::reference::Reference;
use crate::fault::Fault;
use crate::json::Json;

// Names that mean something of their own at the top of an individual.
const RESERVED: [&str; 5] = ["kind", "key", "name", "anonymous", "_meta"];
const LEGACY: [&str; 6] = ["ip", "country", "email", "firstName", "lastName", "avatar"];

impl Context {
    /// Reads a context: `{"kind", "key", ...}`, `{"kind": "multi", ...}`, or a user without `kind`.
    ///
    /// # Errors
    /// Everything that is wrong with it, with pointers.
    pub fn parse(json: &Json) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let context = read(json, &mut faults);
        match context {
            Some(context) if faults.is_empty() => Ok(context),
            _ => Err(faults),
        }
    }

    /// One individual that has nothing but a kind and a key.
    ///
    /// # Errors
    /// The kind is not one, or the key is empty.
    pub fn of(kind: &str, key: &str) -> Result<Self, Vec<Fault>> {
        let named = [("kind".to_owned(), Json::from(kind)), ("key".to_owned(), Json::from(key))];
        Self::parse(&Json::Object(named.into()))
    }
}

fn read(json: &Json, faults: &mut Vec<Fault>) -> Option<Context> {
    let Some(members) = json.as_object() else {
        faults.push(Fault::new("", format!("a context is an object, not {}", a(json))));
        return None;
    };
    match json.get("kind") {
        None => legacy(json, faults).map(Context::single),
        Some(Json::String(kind)) if kind == "multi" => multi(members, faults),
        Some(Json::String(kind)) => {
            if let Some(problem) = kind_problem(kind) {
                faults.push(Fault::new("/kind", problem));
            }
            individual(kind, json, "", faults).map(Context::single)
        }
        Some(other) => {
            faults.push(Fault::new("/kind", format!("must be a string, not {}", a(other))));
            None
        }
    }
}

fn multi(members: &[(String, Json)], faults: &mut Vec<Fault>) -> Option<Context> {
    let mut individuals = Vec::new();
    for (kind, json) in members.iter().filter(|(name, _)| name != "kind") {
        let place = format!("/{}", escape(kind));
        if let Some(problem) = kind_problem(kind) {
            faults.push(Fault::new(&*place, problem));
        } else if json.as_object().is_none() {
            faults.push(Fault::new(&*place, format!("must be an object with a key, not {}", a(json))));
        } else {
            individuals.extend(individual(kind, json, &place, faults));
        }
    }
    if individuals.is_empty() && faults.is_empty() {
        faults.push(Fault::new("", "a context of kind \"multi\" needs at least one member beside \"kind\""));
    }
    Context::multi(individuals)
}

fn individual(kind: &str, json: &Json, place: &str, faults: &mut Vec<Fault>) -> Option<Individual> {
    let mut out = Individual::new(kind, key(json, place, faults)?);
    let mut wrong = |name: &str, expected: &str, found: &Json| {
        faults.push(Fault::new(format!("{place}/{name}"), format!("must be {expected}, not {}", a(found))));
    };
    match json.get("name") {
        None | Some(Json::Null) => {}
        Some(Json::String(name)) => out.set_name(name),
        Some(other) => wrong("name", "a string", other),
    }
    match json.get("anonymous") {
        None => {}
        Some(Json::Bool(anonymous)) => out.set_anonymous(*anonymous),
        Some(other) => wrong("anonymous", "true or false", other),
    }
    match json.get("_meta") {
        None | Some(Json::Null) => {}
        Some(meta @ Json::Object(_)) => match strings(meta.get("privateAttributes")) {
            Ok(private) => out.set_private(private),
            Err(()) => faults.push(Fault::new(
                format!("{place}/_meta/privateAttributes"),
                "must be an array of attribute references, as strings",
            )),
        },
        Some(other) => wrong("_meta", "an object", other),
    }
    let members = json.as_object().unwrap_or_default();
    let custom = members.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    out.set_attributes(custom.cloned().collect());
    Some(out)
}

fn legacy(json: &Json, faults: &mut Vec<Fault>) -> Option<Individual> {
    let mut out = Individual::new(DEFAULT_KIND, key(json, "", faults)?);
    match json.get("name") {
        None | Some(Json::Null) => {}
        Some(Json::String(name)) => out.set_name(name),
        Some(other) => faults.push(Fault::new("/name", format!("must be a string, not {}", a(other)))),
    }
    match json.get("anonymous") {
        None | Some(Json::Null) => {}
        Some(Json::Bool(anonymous)) => out.set_anonymous(*anonymous),
        Some(other) => {
            faults.push(Fault::new("/anonymous", format!("must be true or false, not {}", a(other))));
        }
    }
    match strings(json.get("privateAttributeNames")) {
        Ok(names) => out.set_private(
            names.iter().filter_map(|n| Reference::literal(n).ok()).map(|r| r.as_str().to_owned()).collect(),
        ),
        Err(()) => faults.push(Fault::new("/privateAttributeNames", "must be an array of names, as strings")),
    }
    let mut attributes: Vec<(String, Json)> = match json.get("custom") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Object(custom)) => {
            custom.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())).cloned().collect()
        }
        Some(other) => {
            faults.push(Fault::new("/custom", format!("must be an object, not {}", a(other))));
            Vec::new()
        }
    };
    // After the custom ones: a built-in attribute wins over a custom one of its name.
    for name in LEGACY {
        if let Some(text @ Json::String(_)) = json.get(name) {
            attributes.push((name.to_owned(), text.clone()));
        }
    }
    out.set_attributes(attributes);
    Some(out)
}

fn key<'j>(json: &'j Json, place: &str, faults: &mut Vec<Fault>) -> Option<&'j str> {
    let problem = match json.get("key") {
        Some(Json::String(key)) if !key.is_empty() => return Some(key),
        Some(Json::String(_)) => "must not be empty".to_owned(),
        Some(other) => format!("must be a string, not {}", a(other)),
        None => "is missing; it says who this is".to_owned(),
    };
    faults.push(Fault::new(format!("{place}/key"), problem));
    None
}

fn strings(json: Option<&Json>) -> Result<Vec<String>, ()> {
    match json {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(())).collect()
        }
        Some(_) => Err(()),
    }
}

fn a(json: &Json) -> String {
    match json.type_name() {
        "null" => "null".to_owned(),
        name @ ("array" | "object") => format!("an {name}"),
        name => format!("a {name}"),
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
