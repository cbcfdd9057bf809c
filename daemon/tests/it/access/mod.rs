//! GROUND: callers of every kind against a daemon that believes nobody; the children are the tests.

mod bootstrap;
mod credentials;
mod environments;
mod identity;
mod roles;
mod routes;
mod segments;
mod tokens;

use flagstaffd::config::Config;
use flagstaffd::config::model::AccessMode;
use flagstaffd::credential;
use flagstaffd::service::commit::Item;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use shared::access::{Role, RoleBinding, Token, TokenKind};
use shared::change::Mutation;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::cluster;

/// A daemon in the normal mode: every caller needs a credential.
async fn normal() -> TestApp {
    TestApp::start_on(cluster::fresh_database().await, strict).await
}

fn strict(config: &mut Config) {
    config.access.mode = AccessMode::Normal;
    config.access.bootstrap = false;
}

fn binding(subject: &str, role: Role, project: &str, environment: &str) -> RoleBinding {
    RoleBinding {
        id: Uuid::new_v4(),
        subject: subject.to_owned(),
        role,
        project: project.to_owned(),
        environment: environment.to_owned(),
    }
}

async fn bind(app: &TestApp, subject: &str, role: Role, project: &str, environment: &str) -> Uuid {
    let binding = binding(subject, role, project, environment);
    let id = binding.id;
    app.commit(&[Item::whole(Mutation::PutRoleBinding(binding))]).await;
    id
}

/// Puts a token into the database whose text is `secret`.
async fn put_token(
    app: &TestApp,
    secret: &str,
    kind: TokenKind,
    principal: &str,
    limit: Option<Role>,
) -> Uuid {
    let id = Uuid::new_v4();
    let token = Token {
        id,
        kind,
        name: "test".to_owned(),
        principal: principal.replace("<id>", &id.to_string()),
        hash: credential::hash(secret),
        prefix: "x".to_owned(),
        last_four: "x".to_owned(),
        role: limit,
        expires_at: None,
        revoked: false,
    };
    app.commit(&[Item::whole(Mutation::PutToken(Box::new(token)))]).await;
    id
}

/// A program's token with a role in a place.
async fn program(app: &TestApp, role: Role, project: &str, environment: &str) -> String {
    let secret = credential::token(TokenKind::Service);
    let id = put_token(app, &secret, TokenKind::Service, "token:<id>", None).await;
    bind(app, &format!("token:{id}"), role, project, environment).await;
    secret
}

/// A personal token of somebody.
async fn personal(app: &TestApp, principal: &str, limit: Option<Role>) -> String {
    let secret = credential::token(TokenKind::Personal);
    put_token(app, &secret, TokenKind::Personal, principal, limit).await;
    secret
}

fn with(app: &TestApp, token: &str, method: Method, path: &str) -> RequestBuilder {
    app.client.request(method, app.at(path)).bearer_auth(token)
}

async fn get(app: &TestApp, token: &str, path: &str) -> Response {
    with(app, token, Method::GET, path).send().await.expect("an answer")
}

async fn send(app: &TestApp, token: &str, method: Method, path: &str, body: &Value) -> Response {
    with(app, token, method, path).json(body).send().await.expect("an answer")
}

async fn json(response: Response) -> Value {
    response.json().await.expect("JSON")
}

async fn status(app: &TestApp, token: &str, path: &str) -> u16 {
    get(app, token, path).await.status().as_u16()
}

/// How many rows of the whole database hold a text.
async fn rows_with(app: &TestApp, text: &str) -> i64 {
    let mut conn = PgConnection::connect(&app.url).await.expect("the database answers");
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut conn)
    .await
    .expect("tables");
    assert!(tables.len() > 10, "{tables:?}");
    let mut found = 0;
    for table in tables {
        let query = format!("select count(*) from \"{table}\" t where t::text like '%' || $1 || '%'");
        let row = sqlx::query(AssertSqlSafe(query)).bind(text).fetch_one(&mut conn).await.expect("a count");
        found += row.get::<i64, _>(0);
    }
    found
}
