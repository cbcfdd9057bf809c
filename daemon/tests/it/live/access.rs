//! Who may hear what, and for how long.

use std::time::{Duration, Instant};

use flagstaffd::credential;
use flagstaffd::service::commit::Item;
use serde_json::json;
use shared::access::{Role, RoleBinding, Token, TokenKind};
use shared::change::Mutation;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Ears, flag};
use crate::support::app::TestApp;

/// A personal token of `user:<name>` and its secret.
fn token(name: &str, role: Option<Role>, expires_at: Option<OffsetDateTime>) -> (Token, String) {
    let secret = credential::token(TokenKind::Personal);
    let token = Token {
        id: Uuid::new_v4(),
        kind: TokenKind::Personal,
        name: name.into(),
        principal: format!("user:{name}"),
        hash: credential::hash(&secret),
        prefix: "fsp_".into(),
        last_four: credential::last_four(&secret),
        role,
        expires_at,
        revoked: false,
    };
    (token, secret)
}

fn put(token: &Token) -> Item {
    Item::whole(Mutation::PutToken(Box::new(token.clone())))
}

fn bind(subject: &str, role: Role) -> Item {
    Item::whole(Mutation::PutRoleBinding(RoleBinding {
        id: Uuid::from_u128(7),
        subject: subject.into(),
        role,
        project: "*".into(),
        environment: "*".into(),
    }))
}

async fn bearer(app: &TestApp, secret: &str) -> Ears {
    Ears::open_as(app, &[("authorization", format!("Bearer {secret}"))]).await.expect("the token is known")
}

#[tokio::test]
async fn a_revoked_token_ends_its_stream_within_a_second() {
    let app = TestApp::start().await;
    let (mine, secret) = token("one", Some(Role::Viewer), None);
    app.commit(&[put(&mine)]).await;
    let mut ears = bearer(&app, &secret).await;
    ears.subscribe(&["environment:staging"], json!(null)).await;
    app.commit(&[Item::whole(Mutation::RevokeToken(mine.id))]).await;
    let start = Instant::now();
    assert_eq!(ears.hear("error").await["problem"]["status"], 401);
    assert_eq!(ears.next().await.unwrap_err().unwrap().code, 1008.into());
    println!("the stream ended {:?} after the revocation", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(Ears::open_as(&app, &[("authorization", format!("Bearer {secret}"))]).await.is_err());
}

#[tokio::test]
async fn an_expired_token_ends_its_stream_without_any_change() {
    let app = TestApp::start().await;
    let end = app.state.clock.now() + Duration::from_secs(2);
    let (mine, secret) = token("short", Some(Role::Viewer), Some(end));
    app.commit(&[put(&mine)]).await;
    let mut ears = bearer(&app, &secret).await;
    ears.subscribe(&["audit"], json!(null)).await;
    assert_eq!(ears.hear("error").await["problem"]["status"], 401);
    assert!(app.state.clock.now() >= end);
}

#[tokio::test]
async fn a_role_that_is_taken_away_ends_the_stream() {
    let app = TestApp::start().await;
    app.commit(&[bind("user:carol", Role::Viewer)]).await;
    let mut ears = Ears::open_as(&app, &[("x-user-id", "carol".to_owned())]).await.unwrap();
    ears.subscribe(&["environment:staging"], json!(null)).await;
    app.commit(&[bind("user:carol", Role::Auditor)]).await;
    assert_eq!(ears.hear("error").await["problem"]["status"], 403);
    assert_eq!(ears.next().await.unwrap_err().unwrap().code, 1008.into());
}

#[tokio::test]
async fn changes_of_access_are_told_only_to_those_who_manage_it() {
    let app = TestApp::start().await;
    let (boss, secret) = token("boss", None, None);
    app.commit(&[bind("user:boss", Role::Admin), put(&boss)]).await;
    let mut admin = bearer(&app, &secret).await;
    admin.subscribe(&["audit"], json!(null)).await;
    let (mut viewer, _) = Ears::on(&app, &["audit"], json!(null)).await;
    app.commit(&[put(&token("other", None, None).0)]).await;
    let made = flag(&app, "f").await;
    let told = admin.hear("revision").await;
    assert_eq!(told["revision"], made - 1);
    assert_eq!(told["changes"][0]["entity"]["kind"], "token");
    assert!(told["changes"][0]["after"].get("hash").is_none(), "{told}");
    assert_eq!(viewer.hear("revision").await["revision"], made);
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_listen_where_origins_are_listed() {
    let url = crate::support::cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| c.http.cors_origin = vec!["https://flags.example".to_owned()]).await;
    let open = async |origin: String| Ears::open_as(&app, &[("origin", origin)]).await.is_ok();
    assert!(open("https://flags.example".to_owned()).await);
    assert!(open(format!("http://{}", app.address)).await);
    assert!(!open("https://elsewhere.example".to_owned()).await);
}
