//! The one place that makes LaunchDarkly's server document out of a flag and its configuration.
//!
//! Everything is emitted, because the strictest SDK rejects a whole payload for one missing member.
//! Unknown members are kept, at the end; the text of values stays as it was written.

use std::collections::HashSet;

use crate::context::{DEFAULT_KIND, Reference};
use crate::json::Json;
use crate::project::ClientSideAvailability;

type Members = Vec<(String, Json)>;

/// Composes the document of a flag in one environment. Members of `document` that the flag or the
/// environment holds (`key`, `version`, `salt`, `variations`...) give way to the arguments.
pub fn compose_flag(
    key: &str,
    version: i64,
    salt: &str,
    variations: &[Json],
    availability: ClientSideAvailability,
    document: &Json,
) -> Json {
    let mut out = Composer::new(document);
    out.put("key", Json::from(key));
    out.put("version", Json::from(version));
    out.truth("on");
    out.list("prerequisites", |json| {
        let mut out = Composer::new(json);
        out.keep("key");
        out.integer("variation");
        out.finish()
    });
    let mut context_targets = list(document, "contextTargets", context_target);
    if !context_targets.is_empty() {
        place_holders(document, &mut context_targets);
    }
    out.list("targets", |json| {
        let mut out = Composer::new(json);
        out.integer("variation");
        out.list("values", Json::clone);
        out.text("contextKind");
        out.finish()
    });
    out.put("contextTargets", Json::Array(context_targets));
    out.list("rules", |json| {
        let mut out = Composer::new(json);
        out.put("id", json.get("id").filter(|id| !id.is_null()).cloned().unwrap_or_else(|| Json::from("")));
        serve(&mut out);
        out.list("clauses", clause);
        out.truth("trackEvents");
        out.finish()
    });
    let fallthrough = document.get("fallthrough").filter(|json| json.as_object().is_some());
    out.put("fallthrough", fallthrough.map_or_else(Json::object, fallthrough_of));
    out.nullable_integer("offVariation");
    out.put("variations", Json::Array(variations.to_vec()));
    out.put("salt", Json::from(salt));
    let available = [
        ("usingEnvironmentId", Json::Bool(availability.using_environment_id)),
        ("usingMobileKey", Json::Bool(availability.using_mobile_key)),
    ];
    out.put("clientSideAvailability", available.into_iter().collect());
    out.put("clientSide", Json::Bool(availability.using_environment_id));
    out.truth("trackEvents");
    out.truth("trackEventsFallthrough");
    out.nullable_integer("debugEventsUntilDate");
    out.put("deleted", Json::Bool(false));
    out.unless("migration", Json::is_null);
    out.unless("samplingRatio", |ratio| ratio.is_null() || ratio.as_i64() == Some(1));
    out.unless("excludeFromSummaries", |exclude| exclude.as_bool() != Some(true));
    out.finish()
}

/// Composes the document of a segment. `key`, `version` and `salt` in `document` give way.
pub fn compose_segment(key: &str, version: i64, salt: &str, document: &Json) -> Json {
    let mut out = Composer::new(document);
    out.put("key", Json::from(key));
    out.put("version", Json::from(version));
    out.list("included", Json::clone);
    out.list("excluded", Json::clone);
    out.list("includedContexts", segment_target);
    out.list("excludedContexts", segment_target);
    out.list("rules", |json| {
        let mut out = Composer::new(json);
        out.unless("id", Json::is_null);
        out.list("clauses", clause);
        out.integer_if_given("weight");
        divided_by(&mut out, "rolloutContextKind");
        out.finish()
    });
    out.put("salt", Json::from(salt));
    out.truth("unbounded");
    let unbounded = document.get("unbounded").and_then(Json::as_bool) == Some(true);
    match kind_of(document, "unboundedContextKind") {
        None if unbounded => out.put("unboundedContextKind", Json::from(DEFAULT_KIND)),
        _ => out.text("unboundedContextKind"),
    }
    out.nullable_integer("generation");
    out.put("deleted", Json::Bool(false));
    out.finish()
}

/// Builds an object: known members in our order, then what is left of the source.
struct Composer<'j> {
    source: &'j Json,
    known: Vec<&'static str>,
    members: Members,
}

impl<'j> Composer<'j> {
    fn new(source: &'j Json) -> Self {
        Self { source, known: Vec::new(), members: Vec::new() }
    }

    fn put(&mut self, name: &'static str, value: Json) {
        self.known.push(name);
        self.members.push((name.to_owned(), value));
    }

    fn drop(&mut self, name: &'static str) {
        self.known.push(name);
    }

    fn keep(&mut self, name: &'static str) {
        match self.source.get(name) {
            Some(value) => self.put(name, value.clone()),
            None => self.drop(name),
        }
    }

    fn unless(&mut self, name: &'static str, unwanted: impl Fn(&Json) -> bool) {
        if self.source.get(name).is_none_or(unwanted) { self.drop(name) } else { self.keep(name) }
    }

    fn text(&mut self, name: &'static str) {
        self.unless(name, |text| text.as_str().is_none_or(str::is_empty));
    }

    fn truth(&mut self, name: &'static str) {
        self.put(name, Json::Bool(self.source.get(name).and_then(Json::as_bool) == Some(true)));
    }

    fn integer(&mut self, name: &'static str) {
        self.put(name, Json::from(self.source.get(name).and_then(Json::as_i64).unwrap_or_default()));
    }

    fn nullable_integer(&mut self, name: &'static str) {
        self.put(name, self.source.get(name).and_then(Json::as_i64).map_or(Json::Null, Json::from));
    }

    fn integer_if_given(&mut self, name: &'static str) {
        match self.source.get(name).and_then(Json::as_i64) {
            Some(number) => self.put(name, Json::from(number)),
            None => self.drop(name),
        }
    }

    fn list(&mut self, name: &'static str, each: impl Fn(&Json) -> Json) {
        self.put(name, Json::Array(list(self.source, name, each)));
    }

    fn finish(mut self) -> Json {
        for (name, value) in self.source.as_object().unwrap_or_default() {
            if !self.known.contains(&name.as_str()) {
                self.members.push((name.clone(), value.clone()));
            }
        }
        Json::Object(self.members)
    }
}

fn list(source: &Json, name: &str, each: impl Fn(&Json) -> Json) -> Vec<Json> {
    source.get(name).and_then(Json::as_array).unwrap_or_default().iter().map(each).collect()
}

fn kind_of<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str).filter(|kind| !kind.is_empty())
}

fn fallthrough_of(json: &Json) -> Json {
    let mut out = Composer::new(json);
    serve(&mut out);
    out.finish()
}

fn serve(out: &mut Composer<'_>) {
    out.integer_if_given("variation");
    out.unless("codeDefault", |given| given.as_bool() != Some(true));
    match out.source.get("rollout").filter(|json| json.as_object().is_some()) {
        Some(given) => out.put("rollout", rollout(given)),
        None => out.drop("rollout"),
    }
}

fn rollout(json: &Json) -> Json {
    let experiment = json.get("kind").and_then(Json::as_str) == Some("experiment");
    let mut out = Composer::new(json);
    out.put("kind", Json::from(if experiment { "experiment" } else { "rollout" }));
    out.list("variations", |json| {
        let mut out = Composer::new(json);
        out.integer("variation");
        out.integer("weight");
        out.unless("untracked", |untracked| untracked.as_bool() != Some(true));
        out.finish()
    });
    match json.get("seed").and_then(Json::as_i64) {
        Some(seed) if seed != 0 => out.put("seed", Json::from(seed)),
        _ => out.drop("seed"),
    }
    divided_by(&mut out, "contextKind");
    out.finish()
}

/// Writes the kind always, and then the attribute as the reference that it becomes by that.
fn divided_by(out: &mut Composer<'_>, kind_name: &'static str) {
    let kind = kind_of(out.source, kind_name);
    out.put(kind_name, Json::from(kind.unwrap_or(DEFAULT_KIND)));
    match out.source.get("bucketBy").and_then(Json::as_str).filter(|text| !text.is_empty()) {
        Some(text) => out.put("bucketBy", reference(text, kind)),
        None => out.drop("bucketBy"),
    }
}

fn clause(json: &Json) -> Json {
    let kind = kind_of(json, "contextKind");
    let mut out = Composer::new(json);
    out.put("contextKind", Json::from(kind.unwrap_or(DEFAULT_KIND)));
    let attribute = json.get("attribute").and_then(Json::as_str).unwrap_or_default();
    out.put("attribute", reference(attribute, kind));
    out.keep("op");
    out.list("values", Json::clone);
    out.truth("negate");
    out.finish()
}

/// What refers to the same attribute once a kind stands beside it.
fn reference(text: &str, kind: Option<&str>) -> Json {
    match kind {
        None => Json::from(Reference::literal(text).as_ref().map_or(text, Reference::as_str)),
        Some(_) => Json::from(text),
    }
}

fn context_target(json: &Json) -> Json {
    let mut out = Composer::new(json);
    out.put("contextKind", Json::from(kind_of(json, "contextKind").unwrap_or(DEFAULT_KIND)));
    out.integer("variation");
    out.list("values", Json::clone);
    out.finish()
}

fn segment_target(json: &Json) -> Json {
    let mut out = Composer::new(json);
    out.put("contextKind", Json::from(kind_of(json, "contextKind").unwrap_or(DEFAULT_KIND)));
    out.list("values", Json::clone);
    out.finish()
}

/// Users' keys stand in `targets`, which are consulted only through a place holder in
/// `contextTargets` once there is any entry in those: adds the place holders that are missing.
fn place_holders(document: &Json, context_targets: &mut Vec<Json>) {
    let variation = |json: &Json| json.get("variation").and_then(Json::as_i64).unwrap_or_default();
    let mut held: HashSet<i64> = context_targets
        .iter()
        .filter(|entry| {
            entry.get("contextKind").and_then(Json::as_str) == Some(DEFAULT_KIND)
                && entry.get("values").and_then(Json::as_array).is_some_and(<[Json]>::is_empty)
        })
        .map(variation)
        .collect();
    for index in list(document, "targets", |target| Json::from(variation(target))) {
        if held.insert(index.as_i64().unwrap_or_default()) {
            let members = [
                ("contextKind", Json::from(DEFAULT_KIND)),
                ("variation", index),
                ("values", Json::Array(Vec::new())),
            ];
            context_targets.push(members.into_iter().collect());
        }
    }
}
