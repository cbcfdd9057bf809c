//! `flagstaff export` and `import`: an environment as LaunchDarkly writes it, out and in.

use clap::{Args, ValueEnum};
use shared::json::{Json, pretty};
use shared::project::ClientSideAvailability;
use shared::targeting::{compose_flag, compose_segment};

use super::ask::json_file;
use super::plan::{Writing, agreed};
use super::session::{LONG, Session};
use super::sheet::{Columns, Sheet, at, say, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Method, Request, encoded};

/// What an export looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Documents of flags and segments, as server-side SDKs get them; `import` takes them whole
    Server,
    /// The value of each flag for nobody in particular
    Client,
}

/// What to export.
#[derive(Args, Debug)]
pub struct Export {
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// What it looks like
    #[arg(long, value_enum, default_value = "server")]
    format: Shape,
    /// As it was then: a revision, or an RFC 3339 time; for --format client
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

/// What to import.
#[derive(Args, Debug)]
pub struct Import {
    /// An export of LaunchDarkly or of ours; `-` is standard input
    file: String,
    /// The environment where it goes; of a REST export the one that is taken
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// launchdarkly-client, launchdarkly-server, launchdarkly-rest or auto
    #[arg(long, default_value = "auto")]
    format: String,
    #[command(flatten)]
    writing: Writing,
}

/// Writes an environment to standard output, as JSON.
///
/// # Errors
/// Whatever went wrong.
pub async fn export(wanted: Export, session: &Session) -> Result<(), Trouble> {
    let env = session.some_environment(wanted.env.as_deref())?;
    let document = match wanted.format {
        Shape::Client => {
            let mut request = Request::get(session.path(&format!("/environments/{}/flags", encoded(&env))));
            if let Some(at) = &wanted.at {
                request = request.with_query("at", at);
            }
            session.send(request).await?.body
        }
        Shape::Server if wanted.at.is_some() => {
            return Err(Trouble::usage("--at goes with --format client"));
        }
        Shape::Server => server(&env, session).await?,
    };
    say(&(pretty(&document) + "\n"))
}

async fn server(env: &str, session: &Session) -> Result<Json, Trouble> {
    let list = Request::get(session.path("/flags")).with_query("environment", env);
    let mut flags = Vec::new();
    for flag in session.all(list, None).await? {
        let key = text(flag.get("key"));
        if at(&flag, "environments").and_then(|all| all.get(env)).is_none() {
            continue;
        }
        let path = session.path(&format!("/flags/{}/config/{}", encoded(&key), encoded(env)));
        let config = session.get(path).await?;
        let variations = flag.get("variations").and_then(Json::as_array).unwrap_or_default();
        let values: Vec<Json> =
            variations.iter().map(|v| v.get("value").cloned().unwrap_or_default()).collect();
        let may = |name: &str| at(&flag, &format!("clientSideAvailability.{name}")).and_then(Json::as_bool);
        let availability = ClientSideAvailability {
            using_environment_id: may("usingEnvironmentId").unwrap_or(false),
            using_mobile_key: may("usingMobileKey").unwrap_or(false),
        };
        let version = config.get("version").and_then(Json::as_i64).unwrap_or(1);
        let document = config.get("config").cloned().unwrap_or_else(Json::object);
        let salt = text(config.get("salt"));
        flags.push((key.clone(), compose_flag(&key, version, &salt, &values, availability, &document)));
    }
    let list = Request::get(session.path(&format!("/environments/{}/segments", encoded(env))));
    let mut segments = Vec::new();
    for segment in session.all(list, None).await? {
        let key = text(segment.get("key"));
        let path = session.path(&format!("/environments/{}/segments/{}", encoded(env), encoded(&key)));
        let view = session.get(path).await?;
        let version = view.get("version").and_then(Json::as_i64).unwrap_or(1);
        let document = view.get("document").cloned().unwrap_or_else(Json::object);
        segments.push((key.clone(), compose_segment(&key, version, &text(view.get("salt")), &document)));
    }
    Ok([("flags", Json::Object(flags)), ("segments", Json::Object(segments))].into_iter().collect())
}

/// Takes an export in, as one revision.
///
/// # Errors
/// Whatever went wrong; [`Exit::Partly`] where some of it was refused.
pub async fn import(wanted: Import, session: &Session) -> Result<(), Trouble> {
    let document = json_file(&wanted.file)?;
    // An answer of our own `-o json` is no export; what it says of itself is left out.
    let document = without_schema(document);
    let mut request = Request::new(Method::Post, session.path("/import")).with_body(document);
    request = request.with_query("format", &wanted.format);
    if let Some(env) = &wanted.env {
        request = request.with_query("environment", env);
    }
    request.timeout = LONG;
    let Some(answer) = agreed(session, request, None, &wanted.writing).await? else { return Ok(()) };
    let report = answer.body;
    let refused = at(&report, "totals.refused").and_then(Json::as_i64).unwrap_or(0);
    let columns = Columns::new()
        .member("revision", "revision")
        .member("changed", "changed")
        .member("format", "format")
        .member("created", "totals.created")
        .member("updated", "totals.updated")
        .member("unchanged", "totals.unchanged")
        .member("refused", "totals.refused")
        .read("why", |report| refusals(report).join("\n"))
        .read("lines", |report| {
            let told = lines(report).iter().map(|line| {
                let word = |name: &str| text(line.get(name));
                format!("{} {}: {}", word("kind"), word("key"), word("outcome"))
            });
            told.collect::<Vec<_>>().join("\n")
        })
        .wide();
    Sheet::one("flagstaff.import/1", columns, report).print(&session.global)?;
    if refused > 0 {
        let message = format!("{refused} of the export's flags or segments were refused; the rest was taken");
        return Err(Trouble::new(Exit::Partly, "partly", message));
    }
    Ok(())
}

fn lines(report: &Json) -> &[Json] {
    report.get("report").and_then(Json::as_array).unwrap_or_default()
}

/// Why something was refused, line by line.
fn refusals(report: &Json) -> Vec<String> {
    let refused = lines(report).iter().filter(|line| text(line.get("outcome")) == "refused");
    let told = refused.flat_map(|line| {
        let faults = line.get("faults").and_then(Json::as_array).unwrap_or_default();
        faults.iter().map(|fault| format!("{}: {}", text(fault.get("pointer")), text(fault.get("detail"))))
    });
    told.collect()
}

fn without_schema(mut document: Json) -> Json {
    if document.get("schema").and_then(Json::as_str).is_some_and(|schema| schema.starts_with("flagstaff.")) {
        document.remove("schema");
    }
    document
}
