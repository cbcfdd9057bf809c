//! What a flag would serve with another configuration, decided by the daemon's own evaluator.

use crate::cache::rows::FlagRow;
use crate::world::World;
use shared::context::Context;
use shared::eval::{
    Explanation, PreparedFlag, PreparedSegment, Store, explain, prepare_flag, prepare_segment,
};
use shared::json::Json;
use shared::project::ClientSideAvailability;
use shared::targeting::{compose_flag, compose_segment, prerequisite_keys, segment_keys};
use std::collections::{BTreeMap, BTreeSet};

/// The most documents that an answer may rest on.
const MOST: usize = 200;

/// What an evaluation rests on beside the flag itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// The configuration of another flag.
    Flag(String),
    /// A segment.
    Segment(String),
}

/// The rows that were read for it, as the daemon answers them; `Json::Null` for what there is not.
pub type Ground = BTreeMap<Wanted, Json>;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Imagined {
    /// Every step.
    Decided(Box<Explanation>),
    /// These have to be read first.
    Missing(Vec<Wanted>),
    /// It cannot be said, and why.
    Fault(String),
}

#[derive(Default)]
struct Documents {
    flags: BTreeMap<String, PreparedFlag>,
    segments: BTreeMap<String, PreparedSegment>,
}

impl Store for Documents {
    fn flag(&self, key: &str) -> Option<&PreparedFlag> {
        self.flags.get(key)
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        self.segments.get(key)
    }
}

/// Decides what `flag` would serve to `context` in `environment` if `document` were its configuration.
#[must_use]
pub fn decide(
    world: &World,
    (flag, environment): (&str, &str),
    document: &Json,
    context: &Json,
    ground: &Ground,
) -> Imagined {
    let Ok(context) = Context::parse(context) else {
        return Imagined::Fault("this is no context".to_owned());
    };
    let Some(row) = world.cache.flags.get(flag) else {
        return Imagined::Fault("there is no such flag".to_owned());
    };
    let here = world.cache.configs.get(&(flag.to_owned(), environment.to_owned()));
    let Some(prepared) = prepared(row, here, document) else {
        return Imagined::Fault("the configuration cannot be read".to_owned());
    };
    let mut wanted = named(document);
    let mut seen: BTreeSet<Wanted> = std::iter::once(Wanted::Flag(flag.to_owned())).collect();
    let mut documents = Documents::default();
    let mut missing = Vec::new();
    while let Some(next) = wanted.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        if seen.len() > MOST {
            return Imagined::Fault(format!("it rests on more than {MOST} flags and segments"));
        }
        match &next {
            Wanted::Flag(key) => {
                let other = world.cache.flags.get(key);
                let Some(other) = other.filter(|row| !row.archived && row.cells.contains_key(environment))
                else {
                    continue;
                };
                let known = world.cache.configs.get(&(key.clone(), environment.to_owned()));
                match known.or_else(|| ground.get(&next)) {
                    None => missing.push(next),
                    Some(row) => {
                        let Some(document) = row.get("config").or_else(|| row.get("document")) else {
                            continue;
                        };
                        wanted.extend(named(document));
                        if let Some(flag) = self::prepared(other, Some(row), document) {
                            documents.flags.insert(key.clone(), flag);
                        }
                    }
                }
            }
            Wanted::Segment(key) => {
                let known = world.cache.segments.get(&(environment.to_owned(), key.clone()));
                let known = known.filter(|row| row.get("document").is_some());
                let Some(row) = known.or_else(|| ground.get(&next)) else {
                    missing.push(next);
                    continue;
                };
                let archived = row.get("archived") == Some(&Json::Bool(true));
                let Some(document) = row.get("document").filter(|_| !archived) else { continue };
                wanted.extend(segment_keys(document).into_iter().map(Wanted::Segment));
                let salt = row.get("salt").and_then(Json::as_str).unwrap_or_default();
                if let Ok(segment) = prepare_segment(&compose_segment(key, version(row), salt, document)) {
                    documents.segments.insert(key.clone(), segment);
                }
            }
        }
    }
    if !missing.is_empty() {
        return Imagined::Missing(missing);
    }
    Imagined::Decided(Box::new(explain(&documents, &prepared, &context)))
}

/// What a configuration looks at: nothing while it is off.
fn named(document: &Json) -> Vec<Wanted> {
    if document.get("on") != Some(&Json::Bool(true)) {
        return Vec::new();
    }
    let flags = prerequisite_keys(document).into_iter().map(Wanted::Flag);
    flags.chain(segment_keys(document).into_iter().map(Wanted::Segment)).collect()
}

fn version(row: &Json) -> i64 {
    row.get("version").and_then(Json::as_i64).unwrap_or_default()
}

fn prepared(row: &FlagRow, config: Option<&Json>, document: &Json) -> Option<PreparedFlag> {
    let values: Vec<Json> = row.variations.iter().map(|v| v.value.clone()).collect();
    let salt = config.and_then(|config| config.get("salt")).and_then(Json::as_str).unwrap_or_default();
    let version = config.map_or(0, version);
    let nobody = ClientSideAvailability { using_environment_id: false, using_mobile_key: false };
    prepare_flag(&compose_flag(&row.key, version, salt, &values, nobody, document)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenery::{CHECKOUT, config, json, world};

    fn served(imagined: &Imagined) -> Option<usize> {
        match imagined {
            Imagined::Decided(steps) => steps.variation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_it_rests_on_is_asked_for_before_anything_is_said() {
        let world = world();
        let anna = json(r#"{"kind":"user","key":"anna"}"#);
        let at = ("checkout", "staging");
        let mut ground = Ground::new();
        let Imagined::Missing(missing) = decide(&world, at, &json(CHECKOUT), &anna, &ground) else {
            panic!()
        };
        let wanted = [Wanted::Segment("early-adopters".into()), Wanted::Flag("pay.3ds-v2".into())];
        assert_eq!(missing, wanted);
        ground.insert(Wanted::Segment("early-adopters".into()), Json::Null);
        ground.insert(
            Wanted::Flag("pay.3ds-v2".into()),
            config(r#"{"on":true,"fallthrough":{"variation":1}}"#, 6),
        );
        let steps = decide(&world, at, &json(CHECKOUT), &anna, &ground);
        assert_eq!(served(&steps), Some(1));
        let Imagined::Decided(steps) = steps else { panic!() };
        assert_eq!(steps.reason.get("kind"), Some(&Json::from("PREREQUISITE_FAILED")));
        ground.insert(
            Wanted::Flag("pay.3ds-v2".into()),
            config(r#"{"on":true,"fallthrough":{"variation":0}}"#, 6),
        );
        let early = json(r#"{"key":"early-adopters","salt":"s","document":{"included":["anna"]}}"#);
        ground.insert(Wanted::Segment("early-adopters".into()), early);
        assert_eq!(served(&decide(&world, at, &json(CHECKOUT), &anna, &ground)), Some(0));
    }

    #[test]
    fn a_flag_that_is_off_rests_on_nothing_it_would_look_at() {
        let world = world();
        let off = json(r#"{"on":false,"offVariation":1,"fallthrough":{"variation":0}}"#);
        let anna = json(r#"{"kind":"user","key":"anna"}"#);
        assert_eq!(served(&decide(&world, ("checkout", "staging"), &off, &anna, &Ground::new())), Some(1));
        let gone = decide(&world, ("nothing", "staging"), &off, &anna, &Ground::new());
        assert!(matches!(gone, Imagined::Fault(_)));
    }
}
