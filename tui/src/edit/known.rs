//! What belongs into configurations, segments and flags, as JSON Schemas for hints.

use crate::cache::rows::short;
use crate::route::Document;
use crate::world::World;
use shared::json::{Json, parse};
use shared::targeting::Op;

/// The members of a targeting document that people write. Others are kept as they are.
const CONFIG: &str = r##"{
"type":"object","properties":{
"on":{"type":"boolean","description":"Whether targeting is on. While it is off, offVariation is served."},
"offVariation":{"$ref":"#/$defs/variation","description":"What is served while it is off. Left out: the code's own value."},
"fallthrough":{"$ref":"#/$defs/serve","description":"What everybody else gets."},
"prerequisites":{"type":"array","description":"Flags that must be on and serve a variation first.","default":[],
 "items":{"type":"object","default":{"key":"","variation":0},"properties":{
 "key":{"type":"string","description":"The other flag's key."},
 "variation":{"type":"integer","minimum":0,"default":0,"description":"The variation that it must serve."}}}},
"targets":{"type":"array","description":"Keys of users, by variation; they come before the rules.","default":[],"items":{"$ref":"#/$defs/target"}},
"contextTargets":{"type":"array","description":"Keys of any kind, by variation.","default":[],"items":{"$ref":"#/$defs/target"}},
"rules":{"type":"array","description":"Tried in order; the first one that matches decides.","default":[],"items":{"$ref":"#/$defs/rule"}},
"trackEvents":{"type":"boolean","default":false,"description":"Whether SDKs send an event for each evaluation."},
"trackEventsFallthrough":{"type":"boolean","default":false,"description":"Whether they do so, with the reason, for the fallthrough."},
"algorithm":{"type":"string","default":"ld-sha1","description":"How its rollouts divide: ld-sha1, or the tool's that it came from."},
"debugEventsUntilDate":{"type":["integer","null"],"description":"Until when SDKs send debug events: milliseconds since 1970."}},
"$defs":{
"serve":{"type":"object","description":"A variation, a rollout, or the caller's own default.","default":{"variation":0},"properties":{
 "variation":{"$ref":"#/$defs/variation"},"rollout":{"$ref":"#/$defs/rollout"},"codeDefault":{"$ref":"#/$defs/codeDefault"}}},
"codeDefault":{"type":"boolean","default":true,"description":"True leaves the value to the callers."},
"rollout":{"type":"object","description":"A division of contexts by weights.","default":{"variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]},"properties":{
 "kind":{"enum":["rollout","experiment"],"default":"rollout","description":"An experiment marks its reasons."},
 "contextKind":{"type":"string","default":"user","description":"The kind of context that is divided."},
 "bucketBy":{"type":"string","default":"key","description":"The attribute to divide by."},
 "seed":{"type":"integer","description":"Takes the place of key and salt in the hash."},
 "algorithm":{"type":"string","default":"ld-sha1","description":"How it divides: ld-sha1, or the tool's that the flag came from."},
 "group":{"type":"string","default":"","description":"What that tool takes in place of the flag's key."},
 "variations":{"type":"array","default":[],"description":"The parts; their weights make 100000.","items":{"type":"object","default":{"variation":0,"weight":100000},"properties":{
  "variation":{"$ref":"#/$defs/variation"},
  "weight":{"type":"integer","minimum":0,"maximum":100000,"default":0,"description":"Thousandths of a percent: 25000 is 25%."},
  "untracked":{"type":"boolean","default":false,"description":"Whether this part stays out of the experiment."}}}}}},
"target":{"type":"object","default":{"variation":0,"values":[]},"properties":{
 "variation":{"$ref":"#/$defs/variation"},
 "contextKind":{"type":"string","default":"user","description":"The kind of the keys."},
 "values":{"type":"array","default":[],"description":"The keys.","items":{"type":"string"}}}},
"rule":{"type":"object","default":{"variation":0,"clauses":[]},"properties":{
 "id":{"type":"string","default":"","description":"Names the rule in reasons; rules are merged by it."},
 "description":{"type":"string","default":"","description":"What the rule is for."},
 "variation":{"$ref":"#/$defs/variation"},"rollout":{"$ref":"#/$defs/rollout"},"codeDefault":{"$ref":"#/$defs/codeDefault"},
 "clauses":{"type":"array","default":[],"description":"All of them must match; none at all match everybody.","items":{"$ref":"#/$defs/clause"}},
 "trackEvents":{"type":"boolean","default":false,"description":"Whether SDKs send an event, with the reason, for each match."}}},
"clause":{"type":"object","default":{"contextKind":"user","attribute":"key","op":"in","values":[]},"properties":{
 "contextKind":{"type":"string","default":"user","description":"The kind whose attribute is meant."},
 "attribute":{"type":"string","default":"key","description":"A name, or a reference such as /address/city; empty for segmentMatch."},
 "op":{"$ref":"#/$defs/op"},
 "values":{"type":"array","default":[],"description":"Any one of them is enough."},
 "negate":{"type":"boolean","default":false,"description":"Whether the result is turned round."}}},
"op":{"enum":[],"default":"in","description":"How attribute and values are compared."},
"variation":{"type":"integer","minimum":0,"default":0,"description":"The place of a variation in the flag's list."}}}"##;

const SEGMENT: &str = r##"{
"type":"object","properties":{
"name":{"type":"string","description":"What people call it."},
"description":{"type":"string","description":"What it is for."},
"tags":{"type":"array","description":"Words to find it by.","default":[],"items":{"type":"string"}},
"document":{"type":"object","default":{},"description":"Who is in it.","properties":{
 "included":{"type":"array","default":[],"description":"Keys of users that are in it.","items":{"type":"string"}},
 "excluded":{"type":"array","default":[],"description":"Keys of users that are not, unless they are included.","items":{"type":"string"}},
 "includedContexts":{"type":"array","default":[],"description":"Keys of other kinds that are in it.","items":{"$ref":"#/$defs/keys"}},
 "excludedContexts":{"type":"array","default":[],"description":"Keys of other kinds that are not.","items":{"$ref":"#/$defs/keys"}},
 "rules":{"type":"array","default":[],"description":"Tried in order; one that matches is enough.","items":{"type":"object","default":{"clauses":[]},"properties":{
  "id":{"type":"string","default":"","description":"Names the rule."},
  "clauses":{"type":"array","default":[],"description":"All of them must match.","items":{"$ref":"#/$defs/clause"}},
  "weight":{"type":"integer","minimum":0,"maximum":100000,"default":100000,"description":"Thousandths of a percent; left out: all."},
  "bucketBy":{"type":"string","default":"key","description":"The attribute to divide by."},
  "rolloutContextKind":{"type":"string","default":"user","description":"The kind that is divided."}}}}}}},
"$defs":{
"keys":{"type":"object","default":{"contextKind":"user","values":[]},"properties":{
 "contextKind":{"type":"string","default":"user","description":"The kind of the keys."},
 "values":{"type":"array","default":[],"description":"The keys.","items":{"type":"string"}}}}}}"##;

const FLAG: &str = r##"{
"type":"object","properties":{
"name":{"type":"string","minLength":1,"description":"What people call it."},
"description":{"type":"string","description":"What it is for."},
"tags":{"type":"array","default":[],"description":"Words to find it by.","items":{"type":"string"}},
"owner":{"type":["string","null"],"default":null,"description":"Who answers for it."},
"temporary":{"type":"boolean","default":true,"description":"Whether it is meant to be removed again."},
"variations":{"type":"array","description":"Its values; targeting names them by their place.","items":{"type":"object","default":{"value":null},"properties":{
 "value":{"$ref":"#/$defs/value","description":"The value, served as it is written here."},
 "name":{"type":"string","description":"What people call it."},
 "description":{"type":"string","description":"What it means."},
 "placeholder":{"type":"boolean","default":false,"description":"Marks a value that nobody knows yet."}}}},
"clientSideAvailability":{"type":"object","description":"Which client-side SDKs may see it.","properties":{
 "usingEnvironmentId":{"type":"boolean","default":false,"description":"SDKs in browsers."},
 "usingMobileKey":{"type":"boolean","default":false,"description":"SDKs in mobile applications."}}},
"metadata":{"type":"object","default":{},"description":"Anything else a team keeps with it."},
"valueSchema":{"type":["object","boolean","null"],"default":null,"description":"A JSON Schema that every value must satisfy."}},
"$defs":{"value":{}}}"##;

/// The schema that the document's hints come from; `value_schema` is the flag's own, where it has one.
#[must_use]
pub fn schema(document: &Document, value_schema: Option<&Json>, world: &World) -> Json {
    let read = |text: &str| parse(text).unwrap_or_default();
    let mut schema = match document {
        Document::Config { .. } => read(CONFIG),
        Document::Segment { .. } => read(SEGMENT),
        Document::Flag { .. } => read(FLAG),
        Document::Variation { .. } => return value_schema.cloned().unwrap_or_else(Json::object),
    };
    let ops: Json = Op::NAMES.iter().map(|name| Json::from(*name)).collect::<Vec<_>>().into();
    let variations = match document {
        Document::Config { flag, .. } => world.cache.flags.get(flag).map(|row| row.variations.clone()),
        _ => None,
    };
    let clause = read(CONFIG).get("$defs").and_then(|defs| defs.get("clause")).cloned();
    if let Some(defs) = schema.get_mut("$defs") {
        let mut op = read(r#"{"default":"in","description":"How attribute and values are compared."}"#);
        op.set("enum", ops);
        match document {
            Document::Flag { .. } => {
                if let Some(own) = value_schema {
                    defs.set("value", own.clone());
                }
            }
            Document::Segment { .. } => {
                defs.set("op", op);
                defs.set("clause", clause.unwrap_or_default());
            }
            _ => defs.set("op", op),
        }
        if let (Some(variations), Some(variation)) = (variations, defs.get_mut("variation")) {
            let known = |place: &usize| variations.get(*place).is_some_and(|v| !v.placeholder);
            let places: Vec<usize> = (0..variations.len()).filter(known).collect();
            let names: Vec<Json> =
                places.iter().filter_map(|n| variations.get(*n)).map(|v| Json::from(short(v))).collect();
            variation.set("enum", places.into_iter().map(Json::from).collect::<Vec<_>>().into());
            variation.set("enumDescriptions", names.into());
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_are_json_and_name_only_what_they_define() {
        for text in [CONFIG, SEGMENT, FLAG] {
            let schema = parse(text).unwrap();
            for part in text.split("#/$defs/").skip(1) {
                let name = part.split('"').next().unwrap();
                let own = schema.get("$defs").unwrap().get(name).is_some();
                assert!(own || ["clause"].contains(&name), "{name}");
            }
        }
    }
}
