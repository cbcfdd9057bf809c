//! The history over HTTP: listed, looked back to, undone, settled and verified.

mod change_sets;
mod listing;
mod lost_answers;
mod past;
mod reverting;
mod tampering;

use flagstaffd::service::commit::Item;
use serde_json::{Value, json};
use shared::access::{Role, RoleBinding};
use shared::change::Mutation;
use uuid::Uuid;

use crate::support::app::TestApp;

/// Creates a boolean flag and answers the revision.
async fn create(app: &TestApp, key: &str) -> i64 {
    let answer = app.post("/api/flags", &json!({"key": key, "name": key, "type": "boolean"})).await;
    revision(answer, 201).await
}

/// Turns a flag on or off in staging and answers the revision.
async fn set(app: &TestApp, key: &str, on: bool) -> i64 {
    let body = json!({"environment": "staging", "enabled": on, "comment": "switching"});
    revision(app.post(&format!("/api/flags/{key}/toggle"), &body).await, 200).await
}

async fn revision(answer: reqwest::Response, status: u16) -> i64 {
    let got = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(got, status, "{body}");
    body["revision"].as_i64().unwrap_or_else(|| panic!("a revision in {body}"))
}

/// GET as the demo's viewer, which must succeed.
async fn read(app: &TestApp, path: &str) -> Value {
    let answer = app.get(path).await;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status.as_u16(), 200, "{path}: {body}");
    body
}

/// GET as somebody.
async fn read_as(app: &TestApp, user: &str, path: &str) -> (u16, Value) {
    let answer = app.client.get(app.at(path)).header("x-user-id", user).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Gives a user a role.
async fn bind(app: &TestApp, user: &str, role: Role, project: &str, environment: &str) -> i64 {
    let binding = RoleBinding {
        id: Uuid::from_u128(user.bytes().chain(environment.bytes()).fold(7, |n, b| n * 31 + u128::from(b))),
        subject: format!("user:{user}"),
        role,
        project: project.to_owned(),
        environment: environment.to_owned(),
    };
    app.commit(&[Item::whole(Mutation::PutRoleBinding(binding))]).await.revision.unwrap().0
}

/// Runs SQL as the superuser.
async fn sql(app: &TestApp, text: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(app.state.gate.pool()).await.map(|_| ())
}
