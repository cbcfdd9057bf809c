//! SDK credentials: made with their environment, sealed, rotated, revoked.

use flagstaffd::credential;
use reqwest::Method;
use serde_json::{Value, json};
use shared::access::{CredentialKind, Role};

use super::{get, json as body_of, normal, program, rows_with, send, status, strict};
use crate::support::app::TestApp;
use crate::support::cluster;

async fn opens(app: &TestApp, key: &str, environment: &str) -> u16 {
    let request = app.client.get(app.at(&format!("/api/environments/{environment}/flags")));
    request.header("authorization", key).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_environment_is_made_with_its_keys_in_one_revision() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let before = app.state.gate.last_committed();
    let made =
        send(&app, &owner, Method::POST, "/api/environments", &json!({"key": "qa", "color": "ff0000"})).await;
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["location"], "/api/environments/qa");
    let made = body_of(made).await;
    assert_eq!(made["revision"], before + 1);
    let keys: Vec<String> = ["serverKey", "mobileKey", "clientSideId"]
        .map(|name| made["credentials"][name].as_str().unwrap().to_owned())
        .into();
    assert!(keys[0].starts_with("sdk-") && keys[1].starts_with("mob-"));
    let listed = body_of(get(&app, &owner, "/api/environments/qa/credentials").await).await;
    assert_eq!(listed["clientSideId"], keys[2].as_str());
    let masked = listed["serverKeys"][0]["masked"].as_str().unwrap();
    assert!(masked.starts_with("sdk-") && !masked.contains(&keys[0][4..20]));
    for secret in &keys[..2] {
        assert_eq!(rows_with(&app, secret).await, 0, "a key lies open in the database");
        assert!(rows_with(&app, &credential::hash(secret)).await > 0);
    }
    // Sealed, not only hashed: secure mode needs the key itself.
    let again = body_of(get(&app, &owner, "/api/environments/qa").await).await;
    assert!(again.get("credentials").is_none());
    let catalog = app.state.live.catalog();
    let row = &catalog.access.credentials[&credential::hash(&keys[0])];
    assert_eq!(row.kind, CredentialKind::Server);
    assert_eq!(app.state.secrets.open(row.sealed.as_ref().unwrap()).unwrap(), keys[0]);
    let audit = rows_with(&app, "sealed").await;
    assert!(audit > 0, "the history knows of the credentials");
}

#[tokio::test]
async fn rotation_leaves_both_keys_open_until_the_old_one_ends() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let made = send(&app, &owner, Method::POST, "/api/environments", &json!({"key": "qa"})).await;
    let old = body_of(made).await["credentials"]["serverKey"].as_str().unwrap().to_owned();
    let path = "/api/environments/qa/credentials/rotate";
    let rotated =
        send(&app, &owner, Method::POST, path, &json!({"kind": "server", "expireOldAfter": 3600})).await;
    assert_eq!(rotated.status(), 201);
    let new = body_of(rotated).await["key"].as_str().unwrap().to_owned();
    assert_eq!((opens(&app, &old, "qa").await, opens(&app, &new, "qa").await), (200, 200));
    let listed = body_of(get(&app, &owner, "/api/environments/qa/credentials").await).await;
    assert_eq!(listed["serverKeys"].as_array().unwrap().len(), 2);
    assert_eq!(listed["serverKeys"][0]["expiresAt"], Value::Null);
    assert!(listed["serverKeys"][1]["expiresAt"].is_string());
    assert_eq!(listed["mobileKeys"].as_array().unwrap().len(), 1);
    // At once: both old ones end, the one that had an end included.
    let rotated =
        send(&app, &owner, Method::POST, path, &json!({"kind": "server", "expireOldAfter": 0})).await;
    let newest = body_of(rotated).await["key"].as_str().unwrap().to_owned();
    assert_eq!(opens(&app, &old, "qa").await, 401);
    assert_eq!(opens(&app, &new, "qa").await, 401);
    assert_eq!(opens(&app, &newest, "qa").await, 200);
    let wrong = send(&app, &owner, Method::POST, path, &json!({"kind": "relay", "expireOldAfter": -1})).await;
    assert_eq!(wrong.status(), 422);
    assert_eq!(body_of(wrong).await["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_of_a_protected_environment_is_revoked_only_where_that_is_confirmed() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let body = json!({"key": "live", "protected": true, "commentRequired": true});
    let made = send(&app, &owner, Method::POST, "/api/environments", &body).await;
    let key = body_of(made).await["credentials"]["serverKey"].as_str().unwrap().to_owned();
    let path = "/api/environments/live/credentials";
    let listed = body_of(get(&app, &owner, path).await).await;
    let id = listed["serverKeys"][0]["id"].as_str().unwrap().to_owned();
    let revoke = async |id: &str, more: &str| {
        let answer = send(&app, &owner, Method::DELETE, &format!("{path}/{id}?{more}"), &json!(null)).await;
        (answer.status().as_u16(), body_of(answer).await)
    };
    let (status, plan) = revoke(&id, "dryRun=true").await;
    assert_eq!((status, &plan["confirmation"]["text"]), (200, &json!("live")));
    assert_eq!(plan["confirmation"]["commentRequired"], true);
    let warned = plan["warnings"][0]["detail"].as_str().unwrap();
    assert!(warned.starts_with("ends every connection that uses the server key sdk-"), "{warned}");
    assert!(warned.ends_with("; no other live server key is left"), "{warned}");
    for more in ["", "confirm=live", "comment=x", "confirm=qa&comment=x"] {
        let (status, refused) = revoke(&id, more).await;
        assert_eq!(
            (status, &refused["plan"]["confirmation"]["text"]),
            (409, &json!("live")),
            "{more}: {refused}"
        );
    }
    assert_eq!(opens(&app, &key, "live").await, 200);

    // Another one is made freely; a rotation that leaves the old one for a while ends nothing.
    let made = send(&app, &owner, Method::POST, path, &json!({"kind": "server"})).await;
    assert_eq!(made.status(), 201);
    let second = body_of(made).await["id"].as_str().unwrap().to_owned();
    let (_, plan) = revoke(&id, "dryRun=true").await;
    assert!(!plan["warnings"][0]["detail"].as_str().unwrap().contains("no other"), "{plan}");
    assert_eq!(revoke(&id, "confirm=live&comment=left").await.0, 200);
    assert_eq!(opens(&app, &key, "live").await, 401);
    let rotate = async |body: Value| {
        let answer = send(&app, &owner, Method::POST, &format!("{path}/rotate"), &body).await;
        (answer.status().as_u16(), body_of(answer).await)
    };
    assert_eq!(rotate(json!({"kind": "server"})).await.0, 201);
    let (status, refused) = rotate(json!({"kind": "server", "expireOldAfter": 0})).await;
    assert_eq!((status, &refused["plan"]["confirmation"]["text"]), (409, &json!("live")), "{refused}");
    let now = json!({"kind": "server", "expireOldAfter": 0, "confirm": "live", "comment": "it leaked"});
    let (status, made) = rotate(now).await;
    assert_eq!(status, 201, "{made}");
    assert!(!made["warnings"].to_string().contains("no other"), "the new one is left: {made}");
    assert_eq!(revoke(&second, "").await.0, 200, "what was revoked before changes nothing");
}

#[tokio::test]
async fn a_key_of_launchdarkly_goes_on_working_until_it_is_revoked() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let path = "/api/environments/staging/credentials";
    let key = "sdk-9b2b1f3e-77aa-4b0f-9d5e-2f1c3a4b5c6d";
    let made = send(&app, &owner, Method::POST, path, &json!({"kind": "server", "key": key})).await;
    assert_eq!(made.status(), 201);
    let id = body_of(made).await["id"].as_str().unwrap().to_owned();
    assert_eq!(opens(&app, key, "staging").await, 200);
    assert_eq!(opens(&app, key, "production").await, 403);
    assert_eq!(rows_with(&app, key).await, 0);
    let elsewhere = json!({"kind": "server", "key": key});
    let taken =
        send(&app, &owner, Method::POST, "/api/environments/production/credentials", &elsewhere).await;
    assert_eq!(taken.status(), 409);
    let taken = body_of(taken).await;
    assert_eq!(taken["errors"][0]["pointer"], "/key", "{taken:#}");
    assert_eq!(taken["detail"], "the key is a credential already, here or in another environment");
    for key in ["short", "with space inside", "fsp_0000000000000000000000000000000000001"] {
        let wrong = send(&app, &owner, Method::POST, path, &json!({"kind": "server", "key": key})).await;
        assert_eq!(wrong.status(), 422, "{key}");
        assert_eq!(body_of(wrong).await["errors"][0]["pointer"], "/key");
    }
    let other = format!("/api/environments/production/credentials/{id}");
    assert_eq!(send(&app, &owner, Method::DELETE, &other, &json!(null)).await.status(), 404);
    // An administrator of the environment alone is enough.
    let admin = program(&app, Role::Admin, "default", "staging").await;
    assert_eq!(send(&app, &admin, Method::DELETE, &format!("{path}/{id}"), &json!(null)).await.status(), 200);
    assert_eq!(opens(&app, key, "staging").await, 401);
}

#[tokio::test]
async fn client_side_credentials_see_only_flags_that_are_available_to_them() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let made = send(&app, &owner, Method::POST, "/api/environments", &json!({"key": "qa"})).await;
    let keys = body_of(made).await["credentials"].clone();
    for (key, browser, mobile) in [("web", true, false), ("app", false, true), ("inner", false, false)] {
        let body = json!({"key": key, "clientSideAvailability": {"usingEnvironmentId": browser, "usingMobileKey": mobile}});
        assert_eq!(send(&app, &owner, Method::POST, "/api/flags", &body).await.status(), 201);
    }
    let mut etags = Vec::new();
    for (name, expected) in [
        ("serverKey", vec!["web", "app", "inner"]),
        ("mobileKey", vec!["app"]),
        ("clientSideId", vec!["web"]),
    ] {
        let request = app.client.get(app.at("/api/environments/qa/flags"));
        let answer = request.header("authorization", keys[name].as_str().unwrap()).send().await.unwrap();
        etags.push(answer.headers()["etag"].clone());
        let body = body_of(answer).await;
        let mut seen: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        let mut expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{name}");
    }
    etags.dedup();
    assert_eq!(etags.len(), 3, "answers that differ have ETags that differ");
}

#[tokio::test]
async fn without_the_right_secrets_key_everything_but_secrets_works() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), strict).await;
    let owner = program(&first, Role::Owner, "*", "*").await;
    let made = send(&first, &owner, Method::POST, "/api/environments", &json!({"key": "qa"})).await;
    let key = body_of(made).await["credentials"]["serverKey"].as_str().unwrap().to_owned();
    assert_eq!(first.state.secrets.trouble(), None);
    assert_eq!(opens(&first, &key, "qa").await, 200);
    let sealed =
        first.state.live.catalog().access.credentials[&credential::hash(&key)].sealed.clone().unwrap();

    // Missing: the file is not made again. Another: it is named. The same: all is well.
    let missing = TestApp::start_on(url.clone(), strict).await;
    let file = missing.state.config.secrets.key_file.clone();
    let other = TestApp::start_on(url.clone(), |config| {
        strict(config);
        write_key(&config.secrets.key_file, &"ab".repeat(32));
    })
    .await;
    let text = std::fs::read_to_string(&first.state.config.secrets.key_file).unwrap();
    let same = TestApp::start_on(url, |config| {
        strict(config);
        write_key(&config.secrets.key_file, text.trim());
    })
    .await;
    for (app, word) in [(&missing, "missing"), (&other, "not the key of this installation")] {
        app.until("the key was compared", async || app.state.secrets.trouble().is_some()).await;
        assert!(app.state.secrets.trouble().unwrap().contains(word));
        assert_eq!((app.state.secrets.sealing(), app.state.secrets.socketio()), (None, None));
        assert_eq!(opens(app, &key, "qa").await, 200);
        assert_eq!(status(app, &owner, "/api/environments/qa/credentials").await, 200);
        for (path, body) in [
            ("/api/environments/qa/credentials", json!({"kind": "server"})),
            ("/api/environments/qa/credentials/rotate", json!({"kind": "server"})),
            ("/api/environments", json!({"key": "next"})),
        ] {
            let answer = send(app, &owner, Method::POST, path, &body).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(body_of(answer).await["type"], "urn:flagstaff:problem:secrets-unavailable");
        }
        let flag = send(app, &owner, Method::POST, "/api/flags?dryRun=true", &json!({"key": "f"})).await;
        assert_eq!(flag.status(), 200);
    }
    assert!(!file.exists());
    assert_eq!(same.state.secrets.open(&sealed).unwrap(), key);
    assert_eq!(same.state.secrets.catalog_mac(), first.state.secrets.catalog_mac());
}

fn write_key(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
