//! `flagstaff eval`: what a flag serves and why, from the daemon or from a payload in a file.

use clap::Args;
use shared::context::Context;
use shared::eval::{Documents, ErrorKind, Explanation, Reason};
use shared::json::Json;

use super::ask::{file, json};
use super::eval_lines;
use super::eval_steps::steps;
use super::global::{Format, Global};
use super::session::{Session, shapeless};
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Method, Request, encoded};

/// What is said of a flag that is not found.
const NONE: &str = ErrorKind::FlagNotFound.as_str();

/// What to evaluate, for whom.
#[derive(Args, Debug)]
pub struct Eval {
    /// The flag's key; without it all flags
    key: Option<String>,
    /// For whom: a context as JSON, the key of a user, @FILE or @-; without it the anonymous user
    #[arg(short = 'c', long, value_name = "CONTEXT")]
    context: Option<String>,
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// As it was at this revision or RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Instead of a daemon, a file as LaunchDarkly's server SDKs get it: {"flags", "segments"}; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["env", "at"])]
    data: Option<String>,
    /// Tell every step
    #[arg(long, requires = "key")]
    explain: bool,
    /// End with 1 where the value is another one, such as true or "blue"
    #[arg(long, value_name = "VALUE", requires = "key")]
    expect: Option<String>,
    /// Read lines {"flags", "segments", "flagKey", "context"} from FILE or standard input, and answer
    /// {"value", "variationIndex", "reason"} a line each; ends with 1 where a line was none
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-",
        conflicts_with_all = ["key", "context", "env", "at", "data", "explain", "expect"])]
    jsonl: Option<String>,
}

impl Eval {
    /// Whether it is done without a daemon.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.data.is_some() || self.jsonl.is_some()
    }
}

/// Evaluates what a file or standard input holds.
///
/// # Errors
/// Whatever went wrong, and [`Trouble::no`] where the answer is another one than expected.
pub async fn offline(wanted: Eval, global: &Global) -> Result<(), Trouble> {
    if let Some(name) = wanted.jsonl {
        // Reading blocks, and a signal must still end it.
        let done = tokio::task::spawn_blocking(move || eval_lines::run(&name)).await;
        return done.map_err(|error| Trouble::new(Exit::Bug, "internal", error.to_string()))?;
    }
    let name = wanted.data.as_deref().unwrap_or("-");
    if name == "-" && wanted.context.as_deref() == Some("@-") {
        return Err(Trouble::usage("standard input can be only one of --data and --context".to_owned()));
    }
    let documents = Documents::parse(&file(name)?).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(|f| format!("{} {}", f.pointer, f.detail)).collect();
        Trouble::usage(format!("{name}: {}", told.join("; ").trim()))
    })?;
    for fault in documents.faults() {
        eprintln!("flagstaff: {} {}", crate::text::shown(&fault.pointer), crate::text::shown(&fault.detail));
    }
    let context = match context(wanted.context.as_deref())? {
        None => Context::anonymous(),
        Some(json) => Context::parse(&json).map_err(|faults| {
            let told: Vec<String> = faults.iter().map(|f| format!("{} {}", f.pointer, f.detail)).collect();
            Trouble::usage(format!("the context: {}", told.join("; ").trim()))
        })?,
    };
    let keys = wanted.key.as_ref().map_or_else(|| documents.keys(), std::slice::from_ref);
    let mut items = Vec::with_capacity(keys.len());
    for key in keys {
        let mut item = match documents.evaluate(key, &context) {
            Ok(found) => item(
                key,
                found.value().cloned().unwrap_or_default(),
                found.variation_index.map_or(Json::Null, Json::from),
                Json::from_serialize(&found.reason),
            ),
            Err(kind) => {
                if kind == ErrorKind::Exception {
                    eprintln!(
                        "flagstaff: {} takes more comparisons than anybody waits for: its clauses, or the context, hold \
                         too many values",
                        crate::text::shown(key)
                    );
                }
                item(key, Json::Null, Json::Null, Json::from_serialize(&Reason::error(kind)))
            }
        };
        if wanted.explain
            && let Ok(explanation) = documents.explain(key, &context)
        {
            item.set("explanation", Json::from_serialize(&explanation));
        }
        items.push(item);
    }
    tell(&wanted, items, None, global)
}

/// Evaluates what the daemon serves.
///
/// # Errors
/// Whatever went wrong, and [`Trouble::no`] where the answer is another one than expected.
pub async fn online(wanted: Eval, session: &Session) -> Result<(), Trouble> {
    let env = session.some_environment(wanted.env.as_deref())?;
    let mut body: Json = [("environment", Json::from(env.as_str()))].into_iter().collect();
    let text = |text: &Option<String>| text.as_deref().map(Json::from);
    let members = [
        ("flagKey", text(&wanted.key)),
        ("at", text(&wanted.at)),
        ("context", context(wanted.context.as_deref())?),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            body.set(name, value);
        }
    }
    if wanted.explain {
        body.set("explain", Json::Bool(true));
    }
    let request = Request::new(Method::Post, session.path("/evaluate")).with_body(body);
    let answer = session.send(request).await?.body;
    let results = answer.get("results").and_then(Json::as_array).and_then(<[Json]>::first);
    let flags = results.and_then(|result| result.get("flags")).and_then(Json::as_object);
    let items = flags.ok_or_else(|| shapeless("results"))?.iter().map(|(key, found)| {
        let member = |name: &str| found.get(name).cloned().unwrap_or_default();
        let mut item = item(key, member("value"), member("variation"), member("reason"));
        for name in ["version", "explanation", "because"] {
            if let Some(value) = found.get(name) {
                item.set(name, value.clone());
            }
        }
        item
    });
    let items: Vec<Json> = items.collect();
    let unknown = match &wanted.key {
        Some(key) if wanted.at.is_none() && items.iter().any(|item| error(item).as_deref() == Some(NONE)) => {
            unknown(session, key, &env).await
        }
        _ => None,
    };
    tell(&wanted, items, unknown, &session.global)
}

/// Why SDKs do not know a flag that there is; none where there is no such flag.
async fn unknown(session: &Session, key: &str, env: &str) -> Option<String> {
    let flag = session.get(session.path(&format!("/flags/{}", encoded(key)))).await.ok()?;
    let why = match flag.get("archived").and_then(Json::as_bool) {
        Some(true) => "is archived".to_owned(),
        _ => format!("has no configuration in {env}"),
    };
    Some(format!("{key} {why}, so SDKs do not know it"))
}

fn error(item: &Json) -> Option<String> {
    item.get("reason").and_then(|reason| reason.get("errorKind")).map(|kind| text(Some(kind)))
}

fn item(key: &str, value: Json, index: Json, reason: Json) -> Json {
    [("flag", Json::from(key)), ("value", value), ("variationIndex", index), ("reason", reason)]
        .into_iter()
        .collect()
}

/// Shows the answers, and ends as they say. `unknown` is why a flag that there is was not found.
fn tell(wanted: &Eval, items: Vec<Json>, unknown: Option<String>, global: &Global) -> Result<(), Trouble> {
    let columns = Columns::new()
        .member("flag", "flag")
        .read("value", |item| item.get("value").map(Json::to_text).unwrap_or_default())
        .member("variation", "variationIndex")
        .read("reason", |item| reason(item.get("reason")));
    let Some(key) = &wanted.key else {
        return Sheet::list("flagstaff.evaluations/1", columns, items).print(global);
    };
    let Some(found) = items.into_iter().next() else { return Err(shapeless("the flag")) };
    let value = found.get("value").cloned().unwrap_or_default();
    let error = error(&found);
    let told = found.get("explanation").and_then(|told| told.to_type::<Explanation>().ok());
    Sheet::one("flagstaff.evaluation/1", columns, found).print(global)?;
    if let Some(told) = told.filter(|_| matches!(global.format(), Format::Table | Format::Wide)) {
        let lines: Vec<String> =
            steps(&told).iter().map(|line| crate::text::shown(line).into_owned()).collect();
        say(&format!("\n{}\n", lines.join("\n")))?;
    }
    match error.as_deref() {
        Some(NONE) => {
            let said = unknown.unwrap_or_else(|| format!("there is no flag {key}"));
            return Err(Trouble::new(Exit::NotFound, "not-found", said));
        }
        Some(kind) => return Err(Trouble::new(Exit::No, "no", format!("{key} has no result: {kind}"))),
        None => {}
    }
    match &wanted.expect {
        Some(expected) if !is(&value, expected) => {
            Err(Trouble::new(Exit::No, "no", format!("{key} serves {value}, not {expected}")))
        }
        _ => Ok(()),
    }
}

/// Whether that is the value, written as JSON or as the bare text of a string.
fn is(value: &Json, expected: &str) -> bool {
    let same = |expected: &Json| value.same_value(expected);
    shared::json::parse(expected).is_ok_and(|json| same(&json)) || value.as_str() == Some(expected)
}

fn reason(reason: Option<&Json>) -> String {
    let Some(reason) = reason else { return String::new() };
    let mut out = text(reason.get("kind"));
    // People count rules from 1.
    if let Some(index) = reason.get("ruleIndex").and_then(Json::as_i64) {
        out.push_str(&format!(" rule {}", index + 1));
    }
    if let Some(id) = reason.get("ruleId") {
        out.push_str(&format!(" ({})", text(Some(id))));
    }
    for name in ["prerequisiteKey", "errorKind", "bigSegmentsStatus"] {
        if let Some(value) = reason.get(name) {
            out.push_str(&format!(" {}", text(Some(value))));
        }
    }
    if reason.get("inExperiment").and_then(Json::as_bool) == Some(true) {
        out.push_str(" in experiment");
    }
    out
}

/// A context as JSON: what was written, or the user of that key; `None` where nobody was named.
fn context(given: Option<&str>) -> Result<Option<Json>, Trouble> {
    let Some(given) = given else { return Ok(None) };
    let parsed = match given.strip_prefix('@') {
        Some(name) => json(&file(name)?, name)?,
        None if given.trim_start().starts_with('{') => json(given, "--context")?,
        None => [("kind", Json::from("user")), ("key", Json::from(given))].into_iter().collect(),
    };
    Ok(Some(parsed))
}
