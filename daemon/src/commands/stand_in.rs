//! Stands in for seeding, importing and verifying until those rooms are there.

use flagstaffd::live::load::load;
use flagstaffd::service::commit::{self, Answer, Done, Item};
use flagstaffd::service::{Cx, Refusal, WriteOptions, install};
use flagstaffd::store::StoreError;
use shared::audit::RevisionKind;
use shared::change::{Mutation, NewFlag};
use shared::json::Json;
use shared::key::ProjectKey;
use shared::read::FromJson;
use sqlx::PgPool;

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

/// What `verify::audit` will do: what is wrong, a line each.
pub async fn verify(_: &PgPool) -> Result<Vec<String>, StoreError> {
    Err(StoreError::corrupt("the history", "verifying is not built yet"))
}

/// What `verify::check` will do: what is wrong, a line each.
pub async fn check(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let catalog = load(pool).await?;
    Ok(catalog.degraded.iter().map(|(what, why)| format!("{what}: {why}")).collect())
}
