//! The first revision: the default project with its environments.

use shared::audit::RevisionKind;
use shared::change::Mutation;
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};

use super::commit::{self, Answer, Done, Item};
use super::{Cx, Refusal, WriteOptions};
use crate::store::{self, StoreError};

/// Environments of a new installation: key, and whether a change there has to be confirmed.
const ENVIRONMENTS: [(&str, bool); 3] = [("development", false), ("staging", false), ("production", true)];

/// Makes the default project where the history is empty; true where it was.
///
/// # Errors
/// The database's.
pub async fn run(cx: &Cx) -> Result<bool, Refusal> {
    let mut conn = cx.gate.read().await?;
    let head = store::head::get(&mut conn).await?;
    drop(conn);
    if head.position.revision.0 > 0 {
        return Ok(false);
    }
    let project = ProjectKey::default();
    let mut items = vec![Item::whole(Mutation::CreateProject(project.clone(), Json::object()))];
    for (order, (name, protected)) in (0i64..).zip(ENVIRONMENTS) {
        let key = EnvironmentKey::new(name)
            .map_err(|error| StoreError::corrupt(format!("environment {name}"), error))?;
        let body: Json =
            [("order", Json::from(order)), ("protected", Json::from(protected))].into_iter().collect();
        items.push(Item::whole(Mutation::CreateEnvironment(project.clone(), key, body)));
    }
    let options = WriteOptions { kind: RevisionKind::Install, ..WriteOptions::default() };
    let answer = |_: &Done| Answer {
        status: 201,
        headers: Vec::new(),
        body: String::new(),
        revision: None,
        replayed: false,
    };
    match commit::run(cx, &options, &items, &answer).await {
        Ok(_) => Ok(true),
        // Another daemon was faster.
        Err(Refusal::Plain(shared::api::problem::ProblemKind::KeyTaken, _)) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}
