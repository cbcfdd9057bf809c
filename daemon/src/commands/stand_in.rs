//! Stands in for seeding and importing until those rooms are there.

use flagstaffd::service::commit::{self, Answer, Done, Item};
use flagstaffd::service::{Cx, Refusal, WriteOptions, install};
use shared::audit::RevisionKind;
use shared::change::{Mutation, NewFlag};
use shared::json::Json;
use shared::key::ProjectKey;
use shared::read::FromJson;

/// What `seed::run(cx)` will do.
pub async fn seed(cx: &Cx) -> Result<(), Refusal> {
    install::run(cx).await?;
    let body: Json = [("key", Json::from("databasePremium")), ("name", Json::from("Database premium"))]
        .into_iter()
        .collect();
    let flag = NewFlag::from_json(&body, "").map_err(Refusal::Invalid)?;
    let items = [Item::whole(Mutation::CreateFlag(ProjectKey::default(), Box::new(flag)))];
    let options = WriteOptions { kind: RevisionKind::Seed, ..WriteOptions::default() };
    let answer = |_: &Done| Answer {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
        revision: None,
        replayed: false,
    };
    commit::run(cx, &options, &items, &answer).await?;
    Ok(())
}

/// What `import::run_text` will do.
pub async fn import(_: &Cx, _: &WriteOptions, _: &str, _: &str, _: &str) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("", "importing is not built yet"))
}
