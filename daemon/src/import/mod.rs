//! ROOF of importing: an export as text becomes one revision, all or nothing for the good flags.

mod client;
mod detect;
mod read;
mod report;
mod rest;
mod server;

use shared::audit::RevisionKind;
use shared::change::Mutation;
use shared::fault::Fault;
use shared::import::{Format, Import};
use shared::json::{Json, parse};
use shared::key::{EnvironmentKey, ProjectKey};

pub use read::{NoSealer, Sealer};

use crate::service::commit::{self, Answer, Item};
use crate::service::{Cx, Refusal, WriteOptions};
use crate::store::projects;

/// What to take in, and where.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// What it looks like; `None` finds out.
    pub format: Option<Format>,
    /// The project it goes to.
    pub project: ProjectKey,
    /// The environment it goes to. Payloads name none, so they need it; of a REST export, which names its
    /// environments, it picks one.
    pub environment: Option<EnvironmentKey>,
    /// The export.
    pub export: &'r Json,
}

/// Reads `auto` or the name of a format.
///
/// # Errors
/// The names that there are.
pub fn format_of(name: &str) -> Result<Option<Format>, String> {
    Ok(match name {
        "auto" => None,
        "launchdarkly-client" => Some(Format::LaunchdarklyClient),
        "launchdarkly-server" => Some(Format::LaunchdarklyServer),
        "launchdarkly-rest" => Some(Format::LaunchdarklyRest),
        other => return Err(format!("{other:?} is not a format; there are auto, {}", Format::NAMES)),
    })
}

/// Takes an export in as one revision (or says what it would do): the flags that are good, and a report
/// that tells of every one. The answer's body is `{revision, changed, format, report, totals, notes}`, that
/// of a dry run the plan with `format`, `report`, `totals` and `notes`.
///
/// # Errors
/// A place that does not exist, a text in no known format, or what [`commit::run`] refuses.
pub async fn run(
    cx: &Cx,
    options: &WriteOptions,
    request: &Request<'_>,
    sealer: &dyn Sealer,
) -> Result<Answer, Refusal> {
    let import = read(cx, request, sealer).await?;
    let kind = if options.kind == RevisionKind::Change { RevisionKind::Import } else { options.kind };
    let options = WriteOptions { kind, whole_environment: true, ..options.clone() };
    let cx = Cx { source: if cx.source == "api" { "import" } else { cx.source }, ..cx.clone() };
    let items = [Item::whole(Mutation::Import(Box::new(import)))];
    commit::run(&cx, &options, &items, &report::answer).await
}

/// [`run`] on a text, for callers that have a file.
///
/// # Errors
/// A text that is not JSON, else what [`run`] refuses.
pub async fn run_text(
    cx: &Cx,
    options: &WriteOptions,
    format: Option<Format>,
    (project, environment): (ProjectKey, Option<EnvironmentKey>),
    sealer: &dyn Sealer,
    text: &str,
) -> Result<Answer, Refusal> {
    let export = parse(text).map_err(|e| {
        Refusal::Malformed(vec![Fault::new(
            e.pointer,
            format!("{} (line {}, column {})", e.detail, e.line, e.column),
        )])
    })?;
    run(cx, options, &Request { format, project, environment, export: &export }, sealer).await
}

async fn read(cx: &Cx, request: &Request<'_>, sealer: &dyn Sealer) -> Result<Import, Refusal> {
    let mut conn = cx.gate.read().await?;
    let project = &request.project;
    if projects::find_project(&mut conn, project).await?.is_none_or(|p| p.row.archived) {
        return Err(Refusal::unknown(format!("project {project}")));
    }
    let here: Vec<EnvironmentKey> = projects::environments_of(&mut conn, project)
        .await?
        .into_iter()
        .filter(|e| !e.row.archived)
        .map(|e| e.row.key)
        .collect();
    drop(conn);
    if let Some(wanted) = &request.environment
        && !here.contains(wanted)
    {
        return Err(Refusal::unknown(format!("environment {wanted}")));
    }
    let format = match request.format {
        Some(format) => format,
        None => detect::format(request.export).map_err(Refusal::Invalid)?,
    };
    let mut import = Import {
        project: project.clone(),
        format,
        environments: request.environment.clone().map_or(here, |wanted| vec![wanted]),
        flags: Vec::new(),
        segments: Vec::new(),
        credentials: Vec::new(),
        refused: Vec::new(),
        notes: Vec::new(),
    };
    let keys = read::Keys { cx, sealer };
    let needed = || {
        request.environment.as_ref().ok_or_else(|| {
            Refusal::Malformed(vec![Fault::new(
                "",
                format!("the parameter environment is required: a {} names none", format.as_str()),
            )])
        })
    };
    match format {
        Format::LaunchdarklyClient => client::read(&mut import, needed()?, request.export),
        Format::LaunchdarklyServer => server::read(&mut import, needed()?, request.export, &keys),
        Format::LaunchdarklyRest => {
            rest::read(&mut import, request.environment.as_ref(), request.export, &keys)
        }
    }
    .map_err(Refusal::Invalid)?;
    Ok(import)
}
