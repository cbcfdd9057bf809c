//! Every route there is, without the right to it.

use reqwest::Method;
use serde_json::{Value, json};
use shared::access::Role;

use super::{json as body_of, normal, program, send};
use crate::support::app::TestApp;

/// What answers without a credential: probes, and how to use the API.
fn is_public(path: &str) -> bool {
    path.starts_with("/health") || path.starts_with("/docs") || path == "/api/openapi.json"
}

/// What belongs to the whole installation is not mounted below a project.
fn is_elsewhere(path: &str, template: &str) -> bool {
    path.starts_with("/api/projects/default/") && !template.starts_with("/api/projects")
}

/// Every method and path of the API's own description, the parameters filled in.
fn routes() -> Vec<(Method, String, String)> {
    let document = serde_json::to_value(flagstaffd::http::router::document()).unwrap();
    let mut routes = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        let mut path = template.clone();
        for (name, value) in [
            ("project", "default"),
            ("environment", "staging"),
            ("id", "01890000-0000-7000-8000-000000000000"),
            ("revision", "1"),
        ] {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        while let Some((before, rest)) = path.split_once('{') {
            path = format!("{before}x{}", rest.split_once('}').unwrap().1);
        }
        for method in item.as_object().unwrap().keys() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
            {
                routes.push((method.clone(), path.clone(), template.clone()));
                if !is_public(template)
                    && !template.starts_with("/api/projects")
                    && template.starts_with("/api/")
                {
                    let there = path.replacen("/api/", "/api/projects/default/", 1);
                    routes.push((method, there, template.clone()));
                }
            }
        }
    }
    routes
}

#[tokio::test]
async fn no_route_answers_a_caller_without_a_credential() {
    let app = normal().await;
    let routes = routes();
    assert!(routes.len() > 40, "{routes:?}");
    for (method, path, template) in routes.iter().filter(|(_, _, template)| !is_public(template)) {
        for authorization in
            [None, Some("Bearer junk"), Some("Bearer fsp_junk"), Some("sdk-junk"), Some("Basic eDp4")]
        {
            let mut request = app.client.request(method.clone(), app.at(path)).json(&json!({"key": "x"}));
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let status = request.send().await.unwrap().status().as_u16();
            assert!(
                status == 401 || status == 404 && is_elsewhere(path, template),
                "{method} {path} with {authorization:?}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn an_ambiguous_path_opens_nothing() {
    let app = normal().await;
    for (_, path, template) in
        routes().iter().filter(|(m, _, template)| *m == Method::GET && !is_public(template))
    {
        let rest = path.trim_start_matches('/');
        for mutated in [
            format!("//{rest}"),
            format!("/{}", rest.replacen('/', "//", 1)),
            format!("/{}", rest.replacen('/', "%2f", 1)),
            format!("/{}", rest.replacen('/', "%2F", 1)),
            format!("/{}", rest.replacen('/', "%5c", 1)),
            format!("/health/..{path}"),
            format!("/health/%2e%2e{path}"),
            format!("/docs/.{path}"),
            format!("{path}/"),
            format!("{path}/."),
            format!("{path}/..;/"),
            format!("{path};x=/health"),
            format!("{path}%00"),
            format!("{path}?x=/health"),
            format!("{path}%3f"),
            path.to_uppercase(),
            format!("{path}.json"),
        ] {
            let status = raw(&app, "GET", &mutated, "").await;
            assert!(!(200..400).contains(&status), "{mutated}: {status}");
        }
        for header in ["x-http-method-override: GET", "x-original-url: /health", "x-forwarded-for: 127.0.0.1"]
        {
            let status = raw(&app, "GET", path, header).await;
            assert!(
                status == 401 || status == 404 && is_elsewhere(path, template),
                "{path} with {header}: {status}"
            );
        }
    }
}

/// The status of a request whose path no client has tidied up.
async fn raw(app: &TestApp, method: &str, path: &str, header: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

#[tokio::test]
async fn sdk_credentials_open_their_own_routes_and_environment_only() {
    let app = normal().await;
    let owner = program(&app, Role::Owner, "*", "*").await;
    let made = send(&app, &owner, Method::POST, "/api/environments", &json!({"key": "mine"})).await;
    assert_eq!(made.status(), 201);
    let keys = body_of(made).await["credentials"].clone();
    let open = |path: &str| {
        path.ends_with("/environments/staging/flags")
            || path.ends_with("/evaluate")
            || path.ends_with("/feature-flags/enabled")
            || path.ends_with("/check")
    };
    for name in ["serverKey", "mobileKey", "clientSideId"] {
        let key = keys[name].as_str().unwrap();
        for (method, path, template) in routes().iter().filter(|(_, _, template)| !is_public(template)) {
            let request = app.client.request(method.clone(), app.at(path)).header("authorization", key);
            let status = request.json(&json!({})).send().await.unwrap().status().as_u16();
            // Their own routes, but in another environment than theirs.
            let wrong = if open(path) { (200..300).contains(&status) } else { !matches!(status, 403 | 404) };
            assert!(!wrong, "{name} on {method} {path} ({template}): {status}");
        }
        for authorization in [key.to_owned(), format!("api_key {key}"), format!("Bearer {key}")] {
            let request = app.client.get(app.at("/api/environments/mine/flags"));
            let answer = request.header("authorization", authorization).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{name}");
            assert_eq!(answer.json::<Value>().await.unwrap(), json!({}));
        }
    }
}

#[tokio::test]
async fn a_caller_without_a_role_sees_nothing_but_themselves() {
    let app = normal().await;
    let nobody = super::personal(&app, "user:nobody", None).await;
    for (method, path, template) in routes().iter().filter(|(_, _, template)| !is_public(template)) {
        let answer = send(&app, &nobody, method.clone(), path, &json!({"key": "x"})).await;
        let status = answer.status().as_u16();
        if template == "/api/me" && status == 200 {
            assert_eq!(body_of(answer).await["roles"], json!([]));
            continue;
        }
        assert!(!(200..300).contains(&status) && status < 500, "{method} {path}: {status}");
    }
}
