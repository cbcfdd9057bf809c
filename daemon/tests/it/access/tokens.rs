//! Tokens: made, shown once, limited by their owner, ended.

use flagstaffd::credential;
use flagstaffd::service::commit::Item;
use reqwest::Method;
use serde_json::json;
use shared::access::{Role, TokenKind};
use shared::change::Mutation;

use super::{
    bind, get, json as body_of, normal, personal, program, put_token, rows_with, send, status, strict,
};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn a_token_is_shown_once_and_kept_nowhere() {
    let app = normal().await;
    bind(&app, "user:a", Role::Editor, "*", "*").await;
    let first = personal(&app, "user:a", None).await;
    let made = super::with(&app, &first, Method::POST, "/api/tokens")
        .header("idempotency-key", "one")
        .json(&json!({"name": "laptop"}))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let made = body_of(made).await;
    let secret = made["token"].as_str().unwrap().to_owned();
    assert!(credential::is_genuine(&secret));
    assert_eq!(made["principal"], "user:a");
    assert_eq!(location, format!("/api/tokens/{}", made["id"].as_str().unwrap()));
    assert!(made.get("hash").is_none());
    let me = body_of(get(&app, &secret, "/api/me").await).await;
    assert_eq!((me["principal"].as_str(), me["role"].as_str()), (Some("user:a"), Some("editor")));
    assert_eq!(me["roles"].as_array().unwrap().len(), 2);
    // The same request again says what was made, without the secret.
    let again = super::with(&app, &first, Method::POST, "/api/tokens")
        .header("idempotency-key", "one")
        .json(&json!({"name": "laptop"}))
        .send()
        .await
        .unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again = body_of(again).await;
    assert_eq!((&again["id"], &again["token"]), (&made["id"], &json!(null)));
    let listed = body_of(get(&app, &secret, "/api/tokens").await).await;
    assert_eq!(listed["total"], 2);
    assert!(!listed.to_string().contains(&secret) && !listed.to_string().contains("hash"));
    assert_eq!(rows_with(&app, &secret).await, 0);
    assert_eq!(rows_with(&app, &secret[4..30]).await, 0);
    // What it must find, lest the search itself be blind.
    assert!(rows_with(&app, &credential::hash(&secret)).await > 0);
}

#[tokio::test]
async fn junk_is_never_looked_up() {
    let app = normal().await;
    // A text with a wrong checksum, whose hash the database knows all the same.
    let mut junk = credential::token(TokenKind::Service);
    let last = if junk.ends_with('0') { '1' } else { '0' };
    junk.pop();
    junk.push(last);
    let id = put_token(&app, &junk, TokenKind::Service, "token:<id>", None).await;
    bind(&app, &format!("token:{id}"), Role::Owner, "*", "*").await;
    assert_eq!(status(&app, &junk, "/api/me").await, 401);
    let genuine = credential::token(TokenKind::Service);
    assert_eq!(status(&app, &genuine, "/api/me").await, 401);
    assert_eq!(status(&app, &format!("fsp_{}", "x".repeat(5000)), "/api/me").await, 401);
}

#[tokio::test]
async fn a_token_never_does_more_than_its_owner_at_that_moment() {
    let app = normal().await;
    let id = bind(&app, "user:a", Role::Admin, "*", "*").await;
    let token = personal(&app, "user:a", Some(Role::Owner)).await;
    assert_eq!(status(&app, &token, "/api/role-bindings").await, 200);
    let lowered = shared::access::RoleBinding { id, ..super::binding("user:a", Role::Viewer, "*", "*") };
    app.commit(&[Item::whole(Mutation::PutRoleBinding(lowered))]).await;
    assert_eq!(status(&app, &token, "/api/role-bindings").await, 403);
    assert_eq!(status(&app, &token, "/api/flags").await, 200);
    app.commit(&[Item::whole(Mutation::RemoveRoleBinding(id))]).await;
    assert_eq!(status(&app, &token, "/api/flags").await, 403);
}

#[tokio::test]
async fn a_limited_token_makes_no_wider_one() {
    let app = normal().await;
    bind(&app, "user:a", Role::Owner, "*", "*").await;
    let limited = personal(&app, "user:a", Some(Role::Viewer)).await;
    let wider =
        send(&app, &limited, Method::POST, "/api/tokens", &json!({"name": "t", "role": "editor"})).await;
    assert_eq!(wider.status(), 403);
    let same = send(&app, &limited, Method::POST, "/api/tokens", &json!({"name": "t"})).await;
    assert_eq!(same.status(), 201);
    assert_eq!(body_of(same).await["role"], "viewer");
}

#[tokio::test]
async fn only_those_who_may_see_and_end_the_tokens_of_others() {
    let app = normal().await;
    bind(&app, "user:a", Role::Editor, "*", "*").await;
    bind(&app, "user:b", Role::Editor, "*", "*").await;
    let (a, b) = (personal(&app, "user:a", None).await, personal(&app, "user:b", None).await);
    let listed = body_of(get(&app, &a, "/api/tokens").await).await;
    assert_eq!(listed["total"], 1);
    let others =
        body_of(get(&app, &b, "/api/tokens").await).await["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/tokens/{others}");
    assert_eq!(send(&app, &a, Method::DELETE, &path, &json!(null)).await.status(), 403);
    assert_eq!(send(&app, &b, Method::DELETE, &path, &json!(null)).await.status(), 200);
    assert_eq!(status(&app, &b, "/api/me").await, 401);
    let service = json!({"name": "ci", "kind": "service", "role": "viewer"});
    assert_eq!(send(&app, &a, Method::POST, "/api/tokens", &service).await.status(), 403);
    let admin = program(&app, Role::Admin, "*", "*").await;
    let made = send(&app, &admin, Method::POST, "/api/tokens", &service).await;
    assert_eq!(made.status(), 201);
    let made = body_of(made).await;
    let ci = made["token"].as_str().unwrap();
    assert!(ci.starts_with("fss_"));
    assert_eq!(status(&app, ci, "/api/flags").await, 200);
    assert_eq!(status(&app, ci, "/api/role-bindings").await, 403);
    // A program makes no tokens that would outlive its own.
    assert_eq!(send(&app, ci, Method::POST, "/api/tokens", &json!({"name": "t"})).await.status(), 403);
    let path = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(send(&app, &admin, Method::DELETE, &path, &json!(null)).await.status(), 200);
    assert_eq!(status(&app, ci, "/api/flags").await, 401);
}

#[tokio::test]
async fn what_a_token_is_to_be_must_be_readable() {
    let app = normal().await;
    bind(&app, "user:a", Role::Editor, "*", "*").await;
    let a = personal(&app, "user:a", None).await;
    for (body, pointer) in [
        (json!({"name": ""}), "/name"),
        (json!({"name": "t", "kind": "bootstrap"}), "/kind"),
        (json!({"name": "t", "kind": "service"}), "/role"),
        (json!({"name": "t", "expiresAt": "2020-01-01T00:00:00Z"}), "/expiresAt"),
        (json!({"name": "t", "principal": "user:root"}), "/principal"),
        (json!({"name": "t", "project": "default"}), "/project"),
        (json!({"name": "t\u{1b}[2J"}), "/name"),
    ] {
        let answer = send(&app, &a, Method::POST, "/api/tokens", &body).await;
        assert_eq!(answer.status(), 422, "{body}");
        assert_eq!(body_of(answer).await["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let app = normal().await;
    bind(&app, "user:a", Role::Editor, "*", "*").await;
    let a = personal(&app, "user:a", None).await;
    let soon = (app.state.clock.now() + time::Duration::seconds(2))
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let made = send(&app, &a, Method::POST, "/api/tokens", &json!({"name": "t", "expiresAt": soon})).await;
    assert_eq!(made.status(), 201);
    let short = body_of(made).await["token"].as_str().unwrap().to_owned();
    app.until("the token is over", async || status(&app, &short, "/api/me").await == 401).await;
    assert_eq!(status(&app, &a, "/api/me").await, 200);
}

#[tokio::test]
async fn a_revoked_token_stops_on_every_daemon() {
    let url = cluster::fresh_database().await;
    let one = TestApp::start_on(url.clone(), strict).await;
    let two = TestApp::start_on(url, strict).await;
    bind(&one, "user:a", Role::Editor, "*", "*").await;
    let a = personal(&one, "user:a", None).await;
    two.until("the token is known to both", async || status(&two, &a, "/api/flags").await == 200).await;
    let id = body_of(get(&two, &a, "/api/tokens").await).await["items"][0]["id"].as_str().unwrap().to_owned();
    let end = send(&two, &a, Method::DELETE, &format!("/api/tokens/{id}"), &json!(null)).await;
    assert_eq!(end.status(), 200);
    assert_eq!(status(&two, &a, "/api/flags").await, 401);
    let started = std::time::Instant::now();
    one.until("the other daemon knows", async || status(&one, &a, "/api/flags").await == 401).await;
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}
