//! Who is let in, what they hear, and what happens when they no longer may.

use flagstaffd::config::Config;
use flagstaffd::config::model::AccessMode;
use flagstaffd::service::commit::Item;
use serde_json::json;
use shared::access::{CredentialKind, SdkCredential};
use shared::change::{Entity, Mutation};
use shared::key::{EnvironmentKey, ProjectKey};

use super::{Script, create, toggle};
use crate::support::app::TestApp;
use crate::support::cluster;

/// A daemon that asks everybody for a credential.
async fn strict() -> TestApp {
    let adjust = |config: &mut Config| config.access.mode = AccessMode::Normal;
    TestApp::start_on(cluster::fresh_database().await, adjust).await
}

/// Puts an SDK credential of staging into the database; the secret is its key.
async fn credential(app: &TestApp, secret: &str, kind: CredentialKind) -> SdkCredential {
    use sha2::{Digest, Sha256};
    let credential = SdkCredential {
        id: app.state.clock.uuid(),
        project: ProjectKey::default(),
        environment: EnvironmentKey::new("staging").unwrap(),
        kind,
        hash: shared::audit::hex(&Sha256::digest(secret)),
        sealed: None,
        public: None,
        masked: "***".to_owned(),
        expires_at: None,
        revoked: false,
    };
    put(app, Entity::SdkCredential(credential.clone())).await;
    credential
}

async fn put(app: &TestApp, entity: Entity) {
    app.commit(&[Item::whole(Mutation::Put(Box::new(entity)))]).await;
}

#[tokio::test]
async fn without_a_credential_only_the_demo_lets_anybody_in() {
    let app = strict().await;
    for options in [
        json!({}),
        json!({"auth": {"token": "wrong"}}),
        json!({"auth": {"token": 7}}),
        json!({"query": {"token": "wrong"}}),
        json!({"extraHeaders": {"x-user-id": "alice"}}),
    ] {
        let mut script = Script::plain(app.address, &options);
        assert_eq!(script.hears("connect").await, "connect_error unauthorized unauthenticated", "{options}");
    }
}

#[tokio::test]
async fn an_sdk_credential_opens_its_environment_without_asking_and_no_other() {
    let app = strict().await;
    credential(&app, "sdk-server", CredentialKind::Server).await;
    for options in [
        json!({"auth": {"token": "sdk-server"}}),
        json!({"query": {"token": "sdk-server"}}),
        json!({"extraHeaders": {"authorization": "Bearer sdk-server"}}),
        json!({"extraHeaders": {"authorization": "sdk-server"}, "transports": ["polling"]}),
    ] {
        let mut script = Script::plain(app.address, &options);
        let subscribed = script.told("subscribed").await;
        assert_eq!(subscribed["environments"], json!([{"environment": "staging"}]), "{options}");
        script.say(r#"ack ["subscribe", "production"]"#).await;
        assert_eq!(script.told("ack").await["ok"], false);
    }
}

#[tokio::test]
async fn a_client_side_id_hears_only_of_flags_that_browsers_may_see() {
    let app = TestApp::start().await;
    credential(&app, "public-id", CredentialKind::ClientSideId).await;
    let mut script = Script::plain(app.address, &json!({"auth": {"token": "public-id"}}));
    script.hears("subscribed").await;
    create(&app, "hidden").await;
    toggle(&app, "hidden", true).await;
    create(&app, "shown").await;
    let seen =
        |seen: bool| json!({"clientSideAvailability": {"usingEnvironmentId": seen, "usingMobileKey": true}});
    assert_eq!(app.patch("/api/flags/shown", &seen(true)).await.status(), 200);
    let updated = script.told("updated").await;
    assert_eq!(updated["flagKey"], "shown");
    assert_eq!(updated["config"]["value"], false);
    toggle(&app, "shown", true).await;
    assert_eq!(script.told("toggled").await["enabled"], true);
    assert_eq!(app.patch("/api/flags/shown", &seen(false)).await.status(), 200);
    let hidden = script.told("updated").await;
    assert_eq!(hidden["flagKey"], "shown");
    assert!(hidden.get("config").is_none(), "{hidden}");
    assert!(!script.heard.iter().any(|line| line.contains("hidden")), "{:#?}", script.heard);
}

#[tokio::test]
async fn a_revoked_credential_ends_the_clients_that_came_in_with_it() {
    let app = strict().await;
    let mut credential = credential(&app, "sdk-server", CredentialKind::Server).await;
    let mut script = Script::plain(app.address, &json!({"auth": {"token": "sdk-server"}}));
    script.hears("subscribed").await;
    credential.revoked = true;
    put(&app, Entity::SdkCredential(credential)).await;
    script.hears("disconnect transport").await;
    assert_eq!(script.hears("connect").await, "connect_error unauthorized unauthenticated");
}

#[tokio::test]
async fn pages_of_other_origins_may_poll_unless_the_configuration_lists_some() {
    let handshake = async |app: &TestApp, more: &[(&str, &str)]| {
        let upgrade = more.iter().any(|(name, _)| *name == "upgrade");
        let transport = if upgrade { "websocket" } else { "polling" };
        let url = app.at(&format!("/socket.io/?EIO=4&transport={transport}"));
        let mut request = app.client.get(url).header("origin", "https://page.example");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let origin =
        |origin: &'static str| move |config: &mut Config| config.http.cors_origin = vec![origin.into()];
    let open = TestApp::start_on(cluster::fresh_database().await, origin("*")).await;
    let answer = handshake(&open, &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(handshake(&open, &upgrade).await.status(), 101);
    let closed = TestApp::start_on(cluster::fresh_database().await, origin("https://ours.example")).await;
    assert!(!handshake(&closed, &[]).await.headers().contains_key("access-control-allow-origin"));
    assert_eq!(handshake(&closed, &upgrade).await.status(), 403);
    let ours = [upgrade.as_slice(), &[("origin", "https://ours.example")]].concat();
    let url = closed.at("/socket.io/?EIO=4&transport=websocket");
    let mut request = closed.client.get(url);
    for (name, value) in ours {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://ours.example");
    assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
}
