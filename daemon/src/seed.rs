//! The first data of an installation: what every one begins with, and the demo's flags.

use shared::api::problem::ProblemKind;
use shared::audit::RevisionKind;
use shared::change::Mutation;
use shared::fault::Fault;
use shared::json::{Json, parse};
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::Revision;

use crate::import::{self, NoSealer, Request};
use crate::service::commit::{self, Answer, Done, Item};
use crate::service::{Cx, Refusal, WriteOptions};
use crate::store::{audit, projects};

const DEMO: &str = include_str!("../../seeds/demo.json");
const EXPORTS: [(&str, &str); 2] = [
    ("staging", include_str!("../../seeds/launch-darkly-staging.json")),
    ("production", include_str!("../../seeds/launch-darkly-production.json")),
];

/// Makes the default project with its environments `staging` and `production` (protected), unless there is
/// a project already. Answers whether it did.
///
/// # Errors
/// What the write path refuses.
pub async fn found(cx: &Cx) -> Result<bool, Refusal> {
    let mut conn = cx.gate.read().await?;
    let founded = !projects::all_projects(&mut conn).await?.is_empty();
    drop(conn);
    if founded {
        return Ok(false);
    }
    let project = ProjectKey::default();
    let demo = read(DEMO)?;
    let name: Json = [("name", Json::from("Default"))].into_iter().collect();
    let mut items = vec![Item::whole(Mutation::CreateProject(project.clone(), name))];
    for environment in list(&demo, "environments") {
        let key = environment.get("key").and_then(Json::as_str).unwrap_or_default();
        let key = EnvironmentKey::new(key).map_err(broken)?;
        items.push(Item::whole(Mutation::CreateEnvironment(project.clone(), key, environment.clone())));
    }
    match commit(cx, RevisionKind::Install, "the installation", &items).await {
        Ok(_) => Ok(true),
        // Another daemon was faster.
        Err(Refusal::Plain(ProblemKind::KeyTaken, _)) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Fills an empty installation with the demo's flags and both exports. Answers whether it did: an
/// installation with a history is left alone.
///
/// # Errors
/// What the write path refuses.
pub async fn run(cx: &Cx) -> Result<bool, Refusal> {
    found(cx).await?;
    let mut conn = cx.gate.read().await?;
    let history = audit::since(&mut conn, Revision(0), 2).await?;
    drop(conn);
    // What every installation begins with is no reason to leave it without flags.
    if history.iter().any(|revision| revision.header.kind != RevisionKind::Install) || history.len() > 1 {
        return Ok(false);
    }
    let project = ProjectKey::default();
    let demo = read(DEMO)?;
    for (s, set) in list(&demo, "changeSets").iter().enumerate() {
        let comment = set.get("comment").and_then(Json::as_str).unwrap_or_default();
        let mut items = Vec::new();
        for (i, change) in list(set, "changes").iter().enumerate() {
            let at = format!("/changeSets/{s}/changes/{i}");
            let mutation = Mutation::from_json(change, &at, &project).map_err(Refusal::Invalid)?;
            items.push(Item { mutation, at, if_match: None });
        }
        commit(cx, RevisionKind::Seed, comment, &items).await?;
    }
    for (environment, text) in EXPORTS {
        let environment = EnvironmentKey::new(environment).map_err(broken)?;
        let options = options(RevisionKind::Import, "the LaunchDarkly export", environment.as_str());
        let export = read(text)?;
        let request = Request {
            format: None,
            project: project.clone(),
            environment: Some(environment),
            export: &export,
        };
        import::run(cx, &options, &request, &NoSealer).await?;
    }
    Ok(true)
}

/// Nobody is served yet, so the text that a protected environment asks for is simply given.
fn options(kind: RevisionKind, comment: &str, environment: &str) -> WriteOptions {
    WriteOptions {
        kind,
        comment: Some(comment.to_owned()).filter(|c| !c.is_empty()),
        confirm: Some(environment.to_owned()),
        whole_environment: true,
        ..WriteOptions::default()
    }
}

async fn commit(cx: &Cx, kind: RevisionKind, comment: &str, items: &[Item]) -> Result<Answer, Refusal> {
    let answer = |_: &Done| Answer {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
        revision: None,
        replayed: false,
    };
    commit::run(cx, &options(kind, comment, "production"), items, &answer).await
}

fn read(text: &str) -> Result<Json, Refusal> {
    parse(text).map_err(broken)
}

fn list<'j>(json: &'j Json, member: &str) -> &'j [Json] {
    json.get(member).and_then(Json::as_array).unwrap_or_default()
}

/// The embedded files are tested, so this is never seen.
fn broken(detail: impl std::fmt::Display) -> Refusal {
    Refusal::Invalid(vec![Fault::new("", format!("the embedded seeds cannot be read: {detail}"))])
}
