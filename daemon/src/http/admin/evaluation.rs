//! Evaluations asked for over the API: the question read, the answer told from one revision.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use shared::context::Context;
use shared::eval::{
    self, Budget, Documents, ErrorKind, Evaluation, MAX_PATTERNS, Reason, Spent, count_patterns,
};
use shared::fault::Fault;
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey};
use shared::read::{Fields, unread};
use time::format_description::well_known::Rfc3339;

use crate::live::catalog::{Catalog, EnvironmentState, Served};
use crate::store::Stamp;

/// The most contexts of one request.
pub const MAX_CONTEXTS: usize = 100;
/// The most flags that one request names.
pub const MAX_FLAGS: usize = 1000;
/// The most flags that one request has explained.
pub const MAX_EXPLAINED: usize = 50;
/// The largest context, in bytes of compact JSON.
pub const MAX_CONTEXT: usize = 16 * 1024;

/// The most pairs of a flag and a context of one request that brings its documents along: nobody checked those.
pub const MAX_PAIRS: usize = 10_000;

/// The most bytes of values in one answer, as text.
const MAX_VALUES: usize = 32 * 1024 * 1024;
/// How long one request may evaluate: less than its client is told to wait.
const LONGEST: Duration = Duration::from_secs(8);
/// How many steps one flag may take for one context.
const MAX_STEPS: u64 = 25_000_000;

/// Whose flags are asked.
#[derive(Clone, Debug)]
pub enum Of {
    /// Those of an environment.
    Environment {
        /// Which one.
        key: EnvironmentKey,
        /// When, as a revision or an RFC 3339 time; `None` is now.
        at: Option<String>,
    },
    /// Those that the request brings along: `{"flags": {..}, "segments": {..}}`.
    Documents(Json),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whose.
    pub of: Of,
    /// For whom, in order.
    pub contexts: Vec<Context>,
    /// Which flags, each once; `None` is all of the environment.
    pub flags: Option<Vec<String>>,
    /// Whether reasons are wanted.
    pub reasons: bool,
    /// Whether every step is to be told.
    pub explain: bool,
}

impl Question {
    /// Reads `{environment | documents, context | contexts, flagKey | flags, reasons, explain, at}`.
    ///
    /// # Errors
    /// Every fault, with pointers into the request.
    pub fn read(json: &Json) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, "")?;
        let documents = fields.raw("documents").filter(|d| !d.is_null());
        let environment = match documents {
            None => fields.take::<EnvironmentKey>("environment"),
            Some(_) => fields.take::<Option<EnvironmentKey>>("environment").flatten(),
        };
        let one = fields.raw("context").filter(|c| !c.is_null());
        let many = fields.raw("contexts").filter(|c| !c.is_null());
        let flag = fields.take::<Option<String>>("flagKey").flatten();
        let flags = fields.take::<Option<Vec<String>>>("flags").flatten();
        let reasons = fields.take::<Option<bool>>("reasons").flatten().unwrap_or(true);
        let explain = fields.take::<Option<bool>>("explain").flatten().unwrap_or(false);
        let at = match fields.raw("at") {
            None | Some(Json::Null) => None,
            Some(Json::Number(text) | Json::String(text)) => Some(text.clone()),
            Some(_) => {
                fields.fault("at", "must be a revision or an RFC 3339 time");
                None
            }
        };
        if one.is_some() && many.is_some() {
            fields.fault("contexts", "stands beside context; send one of them");
        }
        if flag.is_some() && flags.is_some() {
            fields.fault("flags", "stands beside flagKey; send one of them");
        }
        if let Some(documents) = documents {
            if environment.is_some() {
                fields.fault("documents", "stands beside environment; send one of them");
            }
            if at.is_some() {
                fields.fault("at", "is for an environment; documents have no past");
            }
            let patterns = count_patterns(documents);
            if patterns > MAX_PATTERNS {
                let detail = format!("hold {patterns} patterns where at most {MAX_PATTERNS} are taken");
                fields.fault("documents", detail);
            }
        }
        let contexts = contexts(&mut fields, one, many);
        let flags = flag.map(|flag| vec![flag]).or(flags).map(once);
        let most = if explain { MAX_EXPLAINED } else { MAX_FLAGS };
        if let Some(named) = &flags
            && named.len() > most
        {
            fields.fault("flags", format!("names {} where at most {most} are taken", named.len()));
        }
        if explain && contexts.len() > 1 {
            fields.fault("explain", "is for one context; send the others in requests of their own");
        }
        fields.finish()?;
        let of = match documents {
            Some(documents) => Of::Documents(documents.clone()),
            None => Of::Environment { key: environment.ok_or_else(|| unread("/environment"))?, at },
        };
        Ok(Self { of, contexts, flags, reasons, explain })
    }
}

fn once(mut keys: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys
}

fn contexts(fields: &mut Fields<'_>, one: Option<&Json>, many: Option<&Json>) -> Vec<Context> {
    let listed: Vec<(String, &Json)> = match (one, many) {
        (Some(one), _) => vec![("context".to_owned(), one)],
        (None, None) => return vec![Context::anonymous()],
        (None, Some(many)) => match many.as_array() {
            Some([]) => {
                fields.fault("contexts", "must hold a context");
                return Vec::new();
            }
            Some(list) if list.len() > MAX_CONTEXTS => {
                let detail = format!("holds {} where at most {MAX_CONTEXTS} are taken", list.len());
                fields.fault("contexts", detail);
                return Vec::new();
            }
            Some(list) => list.iter().enumerate().map(|(i, c)| (format!("contexts/{i}"), c)).collect(),
            None => {
                fields.fault("contexts", format!("must be an array, not {}", many.type_name()));
                return Vec::new();
            }
        },
    };
    let mut contexts = Vec::with_capacity(listed.len());
    for (place, json) in listed {
        if json.to_text().len() > MAX_CONTEXT {
            fields.fault(&place, format!("is larger than {MAX_CONTEXT} bytes"));
            continue;
        }
        match Context::parse(json) {
            Ok(context) => contexts.push(context),
            Err(faults) => {
                for fault in faults {
                    fields.fault(&format!("{place}{}", fault.pointer), fault.detail);
                }
            }
        }
    }
    contexts
}

/// Answers from one revision. Never fails on a flag: what cannot be evaluated says so in its reason.
///
/// # Errors
/// More evaluations than one request may ask for, where it names no flags; or they take too long.
pub fn answer(catalog: &Catalog, state: &EnvironmentState, question: &Question) -> Result<Json, Fault> {
    let keys: Vec<String> = match &question.flags {
        Some(keys) => keys.clone(),
        None => state.configs.keys().map(ToString::to_string).collect(),
    };
    let most = if question.explain { MAX_EXPLAINED } else { MAX_FLAGS * MAX_CONTEXTS };
    if keys.len() * question.contexts.len() > most {
        return Err(Fault::new(
            "/flags",
            format!("is needed here: all {} flags are more than one answer holds", keys.len()),
        ));
    }
    let bounds = Bounds::begin();
    let results = results(question, &keys, "", &bounds, |key, context| {
        one(catalog, state, key, context, question, &bounds)
    })?;
    Ok([
        ("revision", Json::from(catalog.position.revision.0)),
        ("position", Json::from(catalog.position.to_string())),
        ("environment", Json::from(state.stored.row.key.as_str())),
        ("results", results),
    ]
    .into_iter()
    .collect())
}

/// Answers from documents that the request brought along. What cannot be read answers so in its reason, and is
/// listed with pointers.
///
/// # Errors
/// There are no documents in it, or more evaluations than one request may ask for, or they take too long.
pub fn answer_documents(documents: &Json, question: &Question) -> Result<Json, Vec<Fault>> {
    let bounds = Bounds::begin();
    let documents = Documents::prepare(documents).map_err(|faults| {
        faults
            .into_iter()
            .map(|f| Fault::new(format!("/documents{}", f.pointer), f.detail))
            .collect::<Vec<_>>()
    })?;
    let keys = question.flags.as_deref().unwrap_or_else(|| documents.keys());
    let most = if question.explain { MAX_EXPLAINED } else { MAX_PAIRS };
    let pairs = keys.len() * question.contexts.len();
    if pairs > most {
        let begins = if question.flags.is_some() { "leaves" } else { "is needed here: there are" };
        let detail =
            format!("{begins} {pairs} pairs of a flag and a context, where at most {most} are evaluated");
        return Err(vec![Fault::new("/flags", detail)]);
    }
    let one = |key: &str, context: &Context| {
        let Some(found) = documents.evaluate_within(key, context, bounds.budget())? else {
            return Ok(failed(ErrorKind::FlagNotFound, question.reasons));
        };
        let mut view = evaluated(&found, question.reasons, &bounds);
        view.set("version", Json::from(found.flag.version()));
        if question.explain {
            let explanation = documents.explain_within(key, context, bounds.budget())?;
            view.set("explanation", Json::from_serialize(&explanation));
        }
        Ok(view)
    };
    let results = results(question, keys, "/documents", &bounds, one).map_err(|fault| vec![fault])?;
    let mut body: Json = [("results", results)].into_iter().collect();
    if !documents.faults().is_empty() {
        body.set("faults", Json::from_serialize(&documents.faults()));
    }
    Ok(body)
}

/// What one answer may cost: a question is small, and its answer need not be.
struct Bounds {
    end: Instant,
    /// Bytes of values so far, as text.
    told: Cell<usize>,
}

impl Bounds {
    fn begin() -> Self {
        Self { end: Instant::now() + LONGEST, told: Cell::new(0) }
    }

    /// What one flag may cost for one context.
    const fn budget(&self) -> Budget {
        Budget::of(MAX_STEPS).until(self.end)
    }

    fn is_over(&self) -> bool {
        Instant::now() > self.end
    }

    /// What is to be done where not all flags are answered for all contexts.
    fn too_much(question: &Question, keys: &[String], why: &str) -> Fault {
        let contexts = question.contexts.len();
        match &question.flags {
            Some(named) if named.len() > 1 => {
                Fault::new("/flags", format!("names {} flags; name fewer: {why}", named.len()))
            }
            _ if contexts > 1 => {
                Fault::new("/contexts", format!("holds {contexts} contexts; send fewer: {why}"))
            }
            None if keys.len() > 1 => {
                Fault::new("/flags", format!("is needed here, to name some of {} flags: {why}", keys.len()))
            }
            _ => Fault::new("", why),
        }
    }
}

fn results(
    question: &Question,
    keys: &[String],
    costly: &str,
    bounds: &Bounds,
    one: impl Fn(&str, &Context) -> Result<Json, Spent>,
) -> Result<Json, Fault> {
    let too_long = || {
        let why = format!("evaluating takes longer than {} seconds", LONGEST.as_secs());
        Bounds::too_much(question, keys, &why)
    };
    let mut results = Vec::with_capacity(question.contexts.len());
    for context in &question.contexts {
        let mut flags = Vec::with_capacity(keys.len());
        for key in keys {
            let found = one(key, context).map_err(|Spent| match bounds.is_over() {
                true => too_long(),
                false => steps(key, context, costly),
            })?;
            flags.push((key.clone(), found));
            if bounds.told.get() > MAX_VALUES {
                let why = "the values are larger than one answer holds";
                return Err(Bounds::too_much(question, keys, why));
            }
            if bounds.is_over() {
                return Err(too_long());
            }
        }
        let key = Json::from(context.canonical_key());
        results.push([("key", key), ("flags", Json::Object(flags))].into_iter().collect());
    }
    Ok(Json::Array(results))
}

/// That one flag takes too much for one context, whatever else was asked.
fn steps(key: &str, context: &Context, pointer: &str) -> Fault {
    let context = context.canonical_key();
    Fault::new(
        pointer,
        format!(
            "evaluating {key} for {context} takes more than {MAX_STEPS} comparisons: give its clauses, and those \
             of the segments it asks, fewer values, or the context smaller attributes"
        ),
    )
}

fn one(
    catalog: &Catalog,
    state: &EnvironmentState,
    key: &str,
    context: &Context,
    question: &Question,
    bounds: &Bounds,
) -> Result<Json, Spent> {
    let served = state.configs.get(key);
    let flag = FlagKey::new(key).ok().and_then(|key| catalog.flag(&state.stored.row.project, &key).cloned());
    let Some((served, flag)) = served.zip(flag) else {
        return Ok(failed(ErrorKind::FlagNotFound, question.reasons));
    };
    let mut view = match served.prepared.as_deref() {
        None => failed(ErrorKind::MalformedFlag, question.reasons),
        Some(prepared) if question.explain => {
            let explanation = eval::explain_within(state, prepared, context, bounds.budget())?;
            let found = eval::evaluate_within(state, prepared, context, bounds.budget())?;
            let mut view = evaluated(&found, question.reasons, bounds);
            view.set("explanation", Json::from_serialize(&explanation));
            view
        }
        Some(_) => match state.rules().evaluate_key_within(key, context, bounds.budget())? {
            Some(found) => evaluated(&found, question.reasons, bounds),
            None => failed(ErrorKind::MalformedFlag, question.reasons),
        },
    };
    let explanation = view.remove("explanation");
    view.set("version", Json::from(served.stored.row.version));
    view.set("flagVersion", Json::from(flag.row.flag_version));
    if let Some(explanation) = explanation {
        view.set("explanation", explanation);
        view.set("because", because(served));
    }
    Ok(view)
}

fn failed(kind: ErrorKind, reasons: bool) -> Json {
    let mut view: Json = [("value", Json::Null), ("variation", Json::Null)].into_iter().collect();
    if reasons {
        view.set("reason", Json::from_serialize(&Reason::error(kind)));
    }
    view
}

fn evaluated(evaluation: &Evaluation<'_>, reasons: bool, bounds: &Bounds) -> Json {
    bounds.told.set(bounds.told.get() + evaluation.text().map_or(0, |text| text.len()));
    let mut view: Json = [
        ("value", evaluation.value().cloned().unwrap_or_default()),
        ("variation", evaluation.variation_index.map_or(Json::Null, Json::from)),
    ]
    .into_iter()
    .collect();
    if reasons {
        view.set("reason", Json::from_serialize(&evaluation.reason));
    }
    if evaluation.track_events() {
        view.set("trackEvents", Json::Bool(true));
    }
    view
}

/// The revision that made the configuration what it is, and whose it was.
fn because(served: &Served) -> Json {
    let Stamp { last, updated_by, updated_at, .. } = &served.stored.stamp;
    [
        ("revision", Json::from(last.revision.0)),
        ("at", updated_at.format(&Rfc3339).map_or(Json::Null, Json::from)),
        ("actor", Json::from(updated_by.as_str())),
    ]
    .into_iter()
    .collect()
}
