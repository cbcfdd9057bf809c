//! What each role may do, through HTTP.

use reqwest::Method;
use serde_json::{Value, json};
use shared::access::Role;

use super::{bind, json as body_of, normal, personal, program, send, status};

/// Action, method, path, body, and the least role. Writes are dry runs: those are authorised alike.
fn actions() -> Vec<(Method, &'static str, Value, Role)> {
    let document = json!({"included": ["a"]});
    vec![
        (Method::GET, "/api/flags", json!(null), Role::Viewer),
        (Method::GET, "/api/flags/f", json!(null), Role::Viewer),
        (Method::GET, "/api/flags/f/config/staging", json!(null), Role::Viewer),
        (Method::GET, "/api/environments", json!(null), Role::Viewer),
        (Method::GET, "/api/environments/staging", json!(null), Role::Viewer),
        (Method::GET, "/api/environments/staging/flags", json!(null), Role::Viewer),
        (Method::GET, "/api/environments/staging/segments", json!(null), Role::Viewer),
        (Method::GET, "/api/projects", json!(null), Role::Viewer),
        (Method::GET, "/api/projects/default", json!(null), Role::Viewer),
        (Method::POST, "/api/flags?dryRun=true", json!({"key": "g"}), Role::Editor),
        (Method::PATCH, "/api/flags/f?dryRun=true", json!({"name": "x"}), Role::Editor),
        (Method::DELETE, "/api/flags/f?dryRun=true", json!(null), Role::Editor),
        (Method::POST, "/api/flags/f/toggle?dryRun=true", json!({"environment": "staging"}), Role::Editor),
        (
            Method::POST,
            "/api/environments/staging/segments?dryRun=true",
            json!({"key": "s", "document": document}),
            Role::Editor,
        ),
        (Method::POST, "/api/projects?dryRun=true", json!({"key": "p"}), Role::Admin),
        (Method::PATCH, "/api/projects/default?dryRun=true", json!({"name": "x"}), Role::Admin),
        (Method::POST, "/api/environments?dryRun=true", json!({"key": "e"}), Role::Admin),
        (Method::PATCH, "/api/environments/staging?dryRun=true", json!({"protected": true}), Role::Admin),
        (Method::DELETE, "/api/environments/staging?dryRun=true", json!(null), Role::Admin),
        (Method::GET, "/api/environments/staging/credentials", json!(null), Role::Admin),
        (
            Method::POST,
            "/api/environments/staging/credentials?dryRun=true",
            json!({"kind": "server"}),
            Role::Admin,
        ),
        (
            Method::POST,
            "/api/environments/staging/credentials/rotate?dryRun=true",
            json!({"kind": "mobile"}),
            Role::Admin,
        ),
        (Method::GET, "/api/role-bindings", json!(null), Role::Admin),
        (
            Method::POST,
            "/api/role-bindings?dryRun=true",
            json!({"subject": "user:b", "role": "viewer"}),
            Role::Admin,
        ),
        (
            Method::POST,
            "/api/role-bindings?dryRun=true",
            json!({"subject": "user:b", "role": "admin"}),
            Role::Admin,
        ),
        (
            Method::POST,
            "/api/role-bindings?dryRun=true",
            json!({"subject": "user:b", "role": "owner"}),
            Role::Owner,
        ),
        (
            Method::POST,
            "/api/tokens?dryRun=true",
            json!({"name": "t", "kind": "service", "role": "admin"}),
            Role::Admin,
        ),
        (
            Method::POST,
            "/api/tokens?dryRun=true",
            json!({"name": "t", "kind": "service", "role": "owner"}),
            Role::Owner,
        ),
    ]
}

#[tokio::test]
async fn each_role_does_what_it_covers_and_nothing_else() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    assert_eq!(send(&app, &owner, Method::POST, "/api/flags", &json!({"key": "f"})).await.status(), 201);
    for role in [Role::Auditor, Role::Viewer, Role::Editor, Role::Admin, Role::Owner] {
        let token = program(&app, role, "*", "*").await;
        // An owner's token that is limited to the role may not do more either.
        bind(&app, &format!("user:{role}"), Role::Owner, "*", "*").await;
        let limited = personal(&app, &format!("user:{role}"), Some(role)).await;
        for (method, path, body, least) in actions() {
            for token in [&token, &limited] {
                let answer = send(&app, token, method.clone(), path, &body).await;
                let status = answer.status().as_u16();
                let expected = if role.covers(least) { status == 200 } else { status == 403 };
                let why = body_of(answer).await["detail"].clone();
                assert!(expected, "{role} {method} {path} {body}: {status} {why}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_counts_in_its_place_and_the_narrowest_binding_wins() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    for (path, body) in [
        ("/api/projects", json!({"key": "other"})),
        ("/api/projects/other/environments", json!({"key": "staging"})),
        ("/api/flags", json!({"key": "f"})),
    ] {
        assert_eq!(send(&app, &owner, Method::POST, path, &body).await.status(), 201, "{path}");
    }
    bind(&app, "user:a", Role::Admin, "default", "*").await;
    bind(&app, "user:a", Role::Viewer, "default", "production").await;
    let admin = personal(&app, "user:a", None).await;
    assert_eq!(status(&app, &admin, "/api/projects/other").await, 403);
    assert_eq!(status(&app, &admin, "/api/projects/other/environments/staging").await, 403);
    assert_eq!(status(&app, &admin, "/api/environments/staging/credentials").await, 200);
    assert_eq!(status(&app, &admin, "/api/environments/production/credentials").await, 403);
    let toggle = async |environment: &str| {
        let body = json!({"environment": environment, "enabled": true});
        send(&app, &admin, Method::POST, "/api/flags/f/toggle", &body).await.status().as_u16()
    };
    assert_eq!((toggle("staging").await, toggle("production").await), (200, 403));
    let grant = async |body: Value| {
        send(&app, &admin, Method::POST, "/api/role-bindings", &body).await.status().as_u16()
    };
    assert_eq!(
        grant(json!({"subject": "user:b", "role": "admin", "project": "default", "environment": "staging"}))
            .await,
        201
    );
    // Its own narrower role is not passed by making another one wide, nor by a place beyond its own.
    assert_eq!(grant(json!({"subject": "user:b", "role": "editor", "project": "default"})).await, 403);
    assert_eq!(grant(json!({"subject": "user:b", "role": "viewer", "project": "other"})).await, 403);
    assert_eq!(grant(json!({"subject": "user:b", "role": "viewer"})).await, 403);
    let projects = body_of(super::get(&app, &admin, "/api/projects").await).await;
    assert_eq!(projects["total"], 1);
}

#[tokio::test]
async fn an_admin_does_not_lower_remove_or_change_an_owners_binding() {
    let app = normal().await;
    let admin = program(&app, Role::Admin, "*", "*").await;
    let id = bind(&app, "user:boss", Role::Owner, "*", "*").await;
    let path = format!("/api/role-bindings/{id}");
    let lower = json!({"subject": "user:boss", "role": "viewer"});
    assert_eq!(send(&app, &admin, Method::PUT, &path, &lower).await.status(), 403);
    assert_eq!(send(&app, &admin, Method::DELETE, &path, &json!(null)).await.status(), 403);
    let owner = program(&app, Role::Owner, "*", "*").await;
    let changed = send(&app, &owner, Method::PUT, &path, &lower).await;
    assert_eq!(changed.status(), 200);
    assert_eq!(body_of(changed).await["role"], "viewer");
    assert_eq!(send(&app, &admin, Method::DELETE, &path, &json!(null)).await.status(), 200);
    let left = body_of(super::get(&app, &owner, "/api/role-bindings?subject=user:boss").await).await;
    assert_eq!(left["total"], 0);
    assert_eq!(send(&app, &owner, Method::DELETE, &path, &json!(null)).await.status(), 404);
}

#[tokio::test]
async fn a_binding_that_cannot_be_read_is_refused_with_pointers() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let body = json!({"subject": "alice", "role": "king", "project": "a/b", "sudo": true});
    let answer = send(&app, &owner, Method::POST, "/api/role-bindings", &body).await;
    assert_eq!(answer.status(), 422);
    let problem = body_of(answer).await;
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap().to_owned())
        .collect();
    pointers.sort();
    assert_eq!(pointers, ["/project", "/role", "/subject", "/sudo"]);
    let body = json!({"subject": "user:twice", "role": "viewer"});
    assert_eq!(send(&app, &owner, Method::POST, "/api/role-bindings", &body).await.status(), 201);
    assert_eq!(send(&app, &owner, Method::POST, "/api/role-bindings", &body).await.status(), 409);
}
