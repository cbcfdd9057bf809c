//! Who a caller is: headers, the socket, and what the access log keeps of it.

use flagstaffd::config::model::LocalRole;
use reqwest::StatusCode;
use serde_json::Value;
use shared::access::Role;
use sqlx::{Connection, PgConnection, Row};

use super::{bind, json as body_of, normal, personal, rows_with, status, strict};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn a_name_in_a_header_is_believed_only_from_a_trusted_proxy() {
    let app = normal().await;
    bind(&app, "user:alice", Role::Viewer, "*", "*").await;
    for header in ["x-user-id", "x-user-email"] {
        let request = app.client.get(app.at("/api/flags")).header(header, "alice");
        let answer = request.header("x-forwarded-for", "127.0.0.1").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key("www-authenticate"));
        let detail = body_of(answer).await["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("access.trusted_proxies"), "{detail}");
    }
    let token = personal(&app, "user:alice", None).await;
    let request = app.client.get(app.at("/api/me")).header("x-user-id", "mallory").bearer_auth(&token);
    assert_eq!(body_of(request.send().await.unwrap()).await["principal"], "user:alice");
}

#[tokio::test]
async fn a_trusted_proxy_names_the_caller_once() {
    let app = TestApp::start_on(cluster::fresh_database().await, |config| {
        strict(config);
        config.access.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    bind(&app, "user:alice", Role::Editor, "*", "*").await;
    bind(&app, "user:bob@example.com", Role::Viewer, "*", "*").await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = app.client.get(app.at("/api/me"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, alice) = ask(&[("x-user-id", "alice")]).await;
    assert_eq!((alice["principal"].as_str(), alice["role"].as_str()), (Some("user:alice"), Some("editor")));
    let (_, bob) = ask(&[("x-user-id", "bob"), ("x-user-email", "bob@example.com")]).await;
    assert_eq!((bob["principal"].as_str(), bob["role"].as_str()), (Some("user:bob"), Some("viewer")));
    let (_, carol) = ask(&[("x-user-id", "carol")]).await;
    assert_eq!(carol["role"], Value::Null);
    assert_eq!(ask(&[("x-user-id", "alice"), ("x-user-id", "mallory")]).await.0, 401);
    assert_eq!(ask(&[]).await.0, 401);
}

#[tokio::test]
async fn over_the_socket_the_kernel_says_who_calls() {
    let path = cluster::directory("socket").join("run/flagstaffd.sock");
    let socket = path.clone();
    let app = TestApp::start_on(cluster::fresh_database().await, move |config| {
        strict(config);
        config.socket.enabled = true;
        config.socket.path = socket;
        config.access.local.default = LocalRole::Deny;
    })
    .await;
    let client = reqwest::Client::builder().unix_socket(path).build().unwrap();
    let me = client.get("http://localhost/api/me").header("x-user-id", "mallory").send().await.unwrap();
    assert_eq!(me.status(), StatusCode::OK);
    let me = body_of(me).await;
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!(me["principal"], format!("os:{user}"));
    assert_eq!((me["credential"].as_str(), me["role"].as_str()), (Some("socket"), Some("owner")));
    // A personal token of the same user is its owner's equal over TCP, and TCP itself gives nothing.
    let made = client
        .post("http://localhost/api/tokens")
        .json(&serde_json::json!({"name": "laptop", "role": "viewer"}))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let token = body_of(made).await["token"].as_str().unwrap().to_owned();
    let me = body_of(super::get(&app, &token, "/api/me").await).await;
    assert_eq!(
        (me["principal"].as_str().unwrap(), me["limit"].as_str()),
        (format!("os:{user}").as_str(), Some("viewer"))
    );
    assert_eq!(app.get("/api/me").await.status(), StatusCode::UNAUTHORIZED);
    // A bad token is not saved by the socket it came over.
    let bad = client.get("http://localhost/api/me").bearer_auth("fsp_junk").send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_access_log_holds_denials_and_log_ins_and_no_secrets() {
    let app = normal().await;
    bind(&app, "user:a", Role::Viewer, "*", "*").await;
    let token = personal(&app, "user:a", None).await;
    assert_eq!(status(&app, &token, "/api/role-bindings").await, 403);
    assert_eq!(status(&app, &token, "/api/flags").await, 200);
    for _ in 0..25 {
        assert_eq!(status(&app, "fsp_junk", "/api/flags").await, 401);
    }
    let mut conn = PgConnection::connect(&app.url).await.unwrap();
    let mut rows = Vec::new();
    app.until("the log is written", async || {
        let query =
            sqlx::query("select principal, action, resource, because, count from access_log order by id");
        rows = query.fetch_all(&mut conn).await.unwrap();
        rows.iter().any(|row| row.get::<String, _>("principal") == "unknown")
    })
    .await;
    let of = |principal: &str, action: &str| -> Vec<(String, String, i32)> {
        rows.iter()
            .filter(|r| {
                r.get::<String, _>("principal") == principal && r.get::<String, _>("action") == action
            })
            .map(|r| (r.get("resource"), r.get("because"), r.get("count")))
            .collect()
    };
    assert_eq!(of("user:a", "login").len(), 1);
    let denied = of("user:a", "denied");
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].0, "GET /api/role-bindings");
    assert!(denied[0].1.contains("access needs admin"), "{denied:?}");
    let unknown = of("unknown", "denied");
    assert_eq!((unknown.len(), unknown[0].0.as_str()), (1, "127.0.0.0/24"));
    assert_eq!(unknown[0].2, 25);
    assert_eq!(rows_with(&app, &token).await, 0);
}

#[tokio::test]
async fn in_the_demo_a_name_is_enough_to_edit_and_none_to_read() {
    let app = TestApp::start().await;
    let me = body_of(app.get("/api/me").await).await;
    assert_eq!((me["principal"].as_str(), me["role"].as_str()), (Some("anonymous"), Some("viewer")));
    let me = body_of(app.request(reqwest::Method::GET, "/api/me").send().await.unwrap()).await;
    assert_eq!((me["principal"].as_str(), me["role"].as_str()), (Some("user:alice"), Some("editor")));
    let denied =
        app.client.post(app.at("/api/flags")).json(&serde_json::json!({"key": "x"})).send().await.unwrap();
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
}
