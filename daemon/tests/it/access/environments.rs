//! Projects and environments: made, edited, archived, and what an environment asks of writers.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::access::{Role, TokenKind};

use super::{get, json as body_of, normal, program, send, status};

#[tokio::test]
async fn a_project_has_its_own_environments_flags_and_segments() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let post = async |path: &str, body| send(&app, &owner, Method::POST, path, &body).await;
    let made = post("/api/projects", json!({"key": "shop", "name": "Shop"})).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["location"], "/api/projects/shop");
    assert_eq!(post("/api/projects", json!({"key": "shop"})).await.status(), 409);
    let made = post("/api/projects/shop/environments", json!({"key": "live"})).await;
    assert_eq!(made.headers()["location"], "/api/projects/shop/environments/live");
    let segment = json!({"key": "beta", "document": {"included": ["a"]}});
    let made = post("/api/projects/shop/environments/live/segments", segment).await;
    assert_eq!(made.headers()["location"], "/api/projects/shop/environments/live/segments/beta");
    assert_eq!(status(&app, &owner, "/api/projects/shop/environments/live/segments/beta").await, 200);
    assert_eq!(status(&app, &owner, "/api/environments/live").await, 404);
    let page = body_of(get(&app, &owner, "/api/projects?limit=1").await).await;
    assert_eq!((page["total"].as_i64(), page["nextCursor"].as_str()), (Some(2), Some("default")));
    let page = body_of(get(&app, &owner, "/api/projects?limit=1&cursor=default").await).await;
    assert_eq!((page["items"][0]["key"].as_str(), page["nextCursor"].as_str()), (Some("shop"), None));
    assert_eq!(status(&app, &owner, "/api/projects?cursor=nothing").await, 400);
    let archived = send(&app, &owner, Method::DELETE, "/api/projects/shop", &json!(null)).await;
    assert_eq!(body_of(archived).await["archived"], true);
    assert_eq!(status(&app, &owner, "/api/projects/shop/environments").await, 404);
    assert_eq!(body_of(get(&app, &owner, "/api/projects").await).await["total"], 1);
    let back = send(&app, &owner, Method::PATCH, "/api/projects/shop", &json!({"archived": false})).await;
    assert_eq!(back.status(), 200);
    assert_eq!(status(&app, &owner, "/api/projects/shop/environments/live").await, 200);
    assert_eq!(send(&app, &owner, Method::DELETE, "/api/projects/default", &json!(null)).await.status(), 422);
}

#[tokio::test]
async fn an_environment_is_edited_with_etags_and_faults_are_named() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let read = get(&app, &owner, "/api/environments/staging").await;
    let etag = read.headers()["etag"].clone();
    assert!(read.headers().contains_key("flagstaff-revision"));
    let known = super::with(&app, &owner, Method::GET, "/api/environments/staging");
    assert_eq!(known.header("if-none-match", &etag).send().await.unwrap().status(), 304);
    let patch = |body| super::with(&app, &owner, Method::PATCH, "/api/environments/staging").json(&body);
    let edited = patch(json!({"color": "417505", "order": 7, "commentRequired": true, "secureMode": true}));
    let edited = edited.header("if-match", &etag).send().await.unwrap();
    assert_eq!(edited.status(), 200);
    let stale = patch(json!({"name": "x"})).header("if-match", &etag).send().await.unwrap();
    assert_eq!(stale.status(), 412);
    let shown = body_of(get(&app, &owner, "/api/environments/staging").await).await;
    assert_eq!(
        (&shown["color"], &shown["order"], &shown["commentRequired"], &shown["secureMode"]),
        (&json!("417505"), &json!(7), &json!(true), &json!(true))
    );
    let order = body_of(get(&app, &owner, "/api/environments").await).await;
    let keys: Vec<_> =
        order["items"].as_array().unwrap().iter().map(|e| e["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["production", "staging"]);
    let wrong = patch(json!({"color": "red", "minimumRole": "king", "order": "first", "loud": true}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 422);
    let wrong = body_of(wrong).await;
    let mut pointers: Vec<_> =
        wrong["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/color", "/loud", "/minimumRole", "/order"]);
    let dry = "/api/environments/staging?dryRun=true";
    let dry = send(&app, &owner, Method::PATCH, dry, &json!({"name": "Other"})).await;
    assert_eq!(body_of(dry).await["changes"][0]["kind"], "environment");
}

#[tokio::test]
async fn who_may_not_read_an_environment_is_not_told_of_it_by_lists() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let made = send(&app, &owner, Method::POST, "/api/flags", &json!({"key": "x", "type": "boolean"})).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let secret = flagstaffd::credential::token(TokenKind::Service);
    let id = super::put_token(&app, &secret, TokenKind::Service, "token:<id>", None).await;
    let who = format!("token:{id}");
    super::bind(&app, &who, Role::Viewer, "default", "*").await;
    // The narrowest binding wins: in production this is an auditor, who reads the history and nothing else.
    super::bind(&app, &who, Role::Auditor, "default", "production").await;
    for path in [
        "/api/flags/x/config/production",
        "/api/environments/production/export",
        "/api/flags?environment=production&enabled=true",
        "/api/matrix?environments=production",
        "/api/environments/production/segments/beta/contains",
        "/api/environments/compare?left=staging&right=production",
    ] {
        assert_eq!(status(&app, &secret, path).await, 403, "{path}");
    }
    for path in ["/api/flags?filter=on:production", "/api/matrix?filter=on:production"] {
        assert_eq!(status(&app, &secret, path).await, 400, "{path}");
    }
    let one = body_of(get(&app, &secret, "/api/flags/x").await).await;
    let list = body_of(get(&app, &secret, "/api/flags").await).await;
    let matrix = body_of(get(&app, &secret, "/api/matrix").await).await;
    for flag in [&one, &list["items"][0], &matrix["items"][0]] {
        let told: Vec<_> = flag["environments"].as_object().unwrap().keys().collect();
        assert_eq!(told, ["staging"], "{flag}");
    }
    assert_eq!(matrix["environments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_plan_that_makes_keys_is_the_same_plan_when_it_is_sent_back() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    for (path, body) in [
        ("/api/environments", json!({"key": "qa"})),
        ("/api/environments/qa/credentials/rotate", json!({"kind": "server"})),
        ("/api/tokens", json!({"name": "ci", "kind": "service", "role": "viewer"})),
        ("/api/role-bindings", json!({"subject": "user:a", "role": "viewer"})),
    ] {
        let plan =
            body_of(send(&app, &owner, Method::POST, &format!("{path}?dryRun=true"), &body).await).await;
        let hash = plan["planHash"].as_str().unwrap();
        let done = send(&app, &owner, Method::POST, &format!("{path}?planHash={hash}"), &body).await;
        assert_eq!(done.status(), 201, "{path}: {}", body_of(done).await);
    }
}

#[tokio::test]
async fn an_environment_can_ask_for_more_than_an_editor() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let editor = program(&app, Role::Editor, "*", "*").await;
    let admin = program(&app, Role::Admin, "*", "*").await;
    assert_eq!(send(&app, &editor, Method::POST, "/api/flags", &json!({"key": "f"})).await.status(), 201);
    let asks = json!({"minimumRole": "admin"});
    assert_eq!(send(&app, &owner, Method::PATCH, "/api/environments/production", &asks).await.status(), 200);
    let toggle = async |token: &str, environment: &str| {
        let body = json!({"environment": environment});
        send(&app, token, Method::POST, "/api/flags/f/toggle", &body).await.status().as_u16()
    };
    assert_eq!(toggle(&editor, "staging").await, 200);
    assert_eq!(toggle(&editor, "production").await, 403);
    assert_eq!(toggle(&admin, "production").await, 200);
    // Nor by a limited token of somebody who could.
    super::bind(&app, "user:boss", Role::Owner, "*", "*").await;
    let limited = super::personal(&app, "user:boss", Some(Role::Editor)).await;
    assert_eq!(toggle(&limited, "production").await, 403);
    let segment = json!({"key": "s"});
    let path = "/api/environments/production/segments";
    assert_eq!(send(&app, &editor, Method::POST, path, &segment).await.status(), 403);
    let me = body_of(get(&app, &editor, "/api/me").await).await;
    let may: Vec<_> = me["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["environment"].as_str().unwrap(), r["mayWrite"].as_bool().unwrap()))
        .collect();
    assert!(may.contains(&("production", false)) && may.contains(&("staging", true)), "{may:?}");
}

#[tokio::test]
async fn a_protected_environment_is_not_archived_or_laid_open_without_confirmation() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let path = "/api/environments/production";
    assert_eq!(send(&app, &owner, Method::PATCH, path, &json!({"protected": true})).await.status(), 200);
    for (method, body) in [(Method::PATCH, json!({"protected": false})), (Method::DELETE, json!(null))] {
        let answer = send(&app, &owner, method.clone(), path, &body).await;
        assert_eq!(answer.status(), 409);
        assert_eq!(body_of(answer).await["plan"]["confirmation"]["text"], "production");
    }
    let confirmed =
        send(&app, &owner, Method::DELETE, &format!("{path}?confirm=production"), &json!(null)).await;
    assert_eq!(confirmed.status(), 200);
    assert_eq!(status(&app, &owner, "/api/environments/production/flags").await, 404);
    assert_eq!(body_of(get(&app, &owner, "/api/environments?archived=true").await).await["total"], 1);
}
