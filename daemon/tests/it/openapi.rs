//! The API's description: it is whole, it is served without anything from outside, and it is true.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::change::Mutation;
use shared::key::EnvironmentKey;

use crate::support::app::TestApp;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

async fn document(app: &TestApp) -> Value {
    let response = app.get("/api/openapi.json").await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

/// Every operation: method, path and what is said of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| Some((*method, path.as_str(), item.get(method)?)))
        })
        .collect()
}

/// A validator of one schema of the document. Members that an object's schema does not name are refused,
/// so that what is answered and not described fails too.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    close(&mut root);
    jsonschema::options().build(&root).unwrap_or_else(|e| panic!("{schema} is no schema: {e}"))
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && members.get("type") == Some(&json!("object")) {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn faults(validator: &jsonschema::Validator, body: &Value) -> Vec<String> {
    validator.iter_errors(body).map(|e| format!("{} {e}", e.instance_path())).collect()
}

/// What stands for the parameters of paths that have no example of their own.
fn samples() -> BTreeMap<&'static str, &'static str> {
    [
        ("project", "default"),
        ("environment", "staging"),
        ("key", "checkout"),
        ("name", "checkout"),
        ("flag", "checkout"),
        ("revision", "2"),
        ("r", "2"),
    ]
    .into()
}

async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    let body = json!({"key": "checkout", "type": "boolean", "enabled": true, "tags": ["a"],
        "metadata": {"a": 1.5}, "owner": "ops"});
    assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::CREATED);
    let body = json!({"key": "size", "type": "number", "variations": [{"value": 1.0}, {"value": 2, "name": "two"}],
        "valueSchema": {"type": "number"}});
    assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::CREATED);
    let config = json!({"config": {"on": true, "fallthrough": {"variation": 0}, "offVariation": 1,
        "rules": [{"id": "r", "variation": 1,
            "clauses": [{"contextKind": "user", "attribute": "key", "op": "in", "values": ["bob"]}]}]}});
    assert_eq!(app.put("/api/flags/checkout/config/staging", &config).await.status(), StatusCode::OK);
    let shown =
        json!({"config": {"value": "x", "variation": 1, "version": 4, "flagVersion": 2, "odd": {"a": 1}}});
    assert_eq!(app.post("/api/flags", &json!({"key": "shown", "type": "string"})).await.status(), 201);
    assert_eq!(app.put("/api/flags/shown/config/staging", &shown).await.status(), StatusCode::OK);
    let segment = shared::change::NewSegment {
        // As the flag is called: one sample stands for every `{key}`.
        key: "checkout".parse().unwrap(),
        name: None,
        description: String::new(),
        tags: vec![],
        salt: None,
        document: shared::json::parse(r#"{"included":["bob"]}"#).unwrap(),
    };
    let staging = EnvironmentKey::new("staging").unwrap();
    app.commit(&[flagstaffd::service::commit::Item::whole(Mutation::CreateSegment(
        Default::default(),
        staging,
        Box::new(segment),
    ))])
    .await;
    app
}

#[tokio::test]
async fn what_is_answered_to_every_documented_get_is_what_the_document_says() {
    let app = furnished().await;
    let document = document(&app).await;
    let samples = samples();
    let mut checked = 0;
    for (_, template, operation) in operations(&document).into_iter().filter(|(m, ..)| *m == "get") {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue; // a stream, a text: not a schema's matter
        }
        let mut path = template.to_owned();
        let mut query = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let example = parameter["example"].as_str().or_else(|| samples.get(name).copied());
            match (parameter["in"].as_str().unwrap(), parameter["required"] == true) {
                ("path", _) => {
                    let value = example.unwrap_or_else(|| panic!("{template}: {name} has no example"));
                    path = path.replace(&format!("{{{name}}}"), value);
                }
                ("query", true) => {
                    let value = example.unwrap_or_else(|| panic!("{template}: {name} has no example"));
                    query.push(format!("{name}={value}"));
                }
                _ => {}
            }
        }
        let url = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let response = app.request(reqwest::Method::GET, &url).send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        let permitted = status == StatusCode::OK || status == StatusCode::FORBIDDEN;
        assert!(permitted, "{url}: {status} {body}");
        let schema = if status == StatusCode::OK {
            schema
        } else {
            &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
        };
        let wrong = faults(&validator(&document, schema), &body);
        assert!(wrong.is_empty(), "{url}: {wrong:#?}\n{body:#}");
        checked += 1;
    }
    assert!(checked >= 12, "only {checked} were checked");
}

#[tokio::test]
async fn what_writes_and_refusals_answer_is_what_the_document_says() {
    let app = furnished().await;
    let document = document(&app).await;
    let check = async |method: &str, template: &str, path: &str, body: Value, wanted: u16| {
        let request = app.request(method.to_uppercase().parse().unwrap(), path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, wanted, "{method} {path}: {answer:#}");
        let responses = &document["paths"][template][method]["responses"];
        let known = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        let content = known["content"].as_object().unwrap_or_else(|| panic!("{method} {template}"));
        let schema = &content.values().next().unwrap()["schema"];
        let wrong = faults(&validator(&document, schema), &answer);
        assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{answer:#}");
    };
    let base = "/api/v1/system-config/feature-flags";
    let flag = "/api/flags/{key}";
    let config = "/api/flags/{key}/config/{environment}";
    let dry = |path: &str| format!("{path}?dryRun=true");
    check("post", "/api/flags", "/api/flags", json!({"key": "late", "type": "json", "enabled": true}), 201)
        .await;
    check("post", "/api/flags", "/api/flags", json!({"key": "late"}), 409).await;
    check("post", "/api/flags", &dry("/api/flags"), json!({"key": "later"}), 200).await;
    check("patch", flag, "/api/flags/late", json!({"name": "Late"}), 200).await;
    check("patch", flag, &dry("/api/flags/late"), json!({"name": "Later"}), 200).await;
    check("patch", flag, "/api/flags/late", json!({"nome": "Late"}), 422).await;
    check("delete", flag, "/api/flags/late", Value::Null, 200).await;
    check("post", "/api/flags/{key}/restore", "/api/flags/late/restore", Value::Null, 200).await;
    check("put", config, "/api/flags/size/config/staging", json!({"enabled": true}), 200).await;
    check("patch", config, "/api/flags/size/config/staging", json!({"note": 1.50}), 200).await;
    let toggle = "/api/flags/{key}/toggle";
    check("post", toggle, "/api/flags/size/toggle", json!({"environment": "staging"}), 200).await;
    let ask = json!({"environment": "staging", "flagKey": "checkout", "explain": true,
        "context": {"kind": "user", "key": "bob"}});
    check("post", "/api/evaluate", "/api/evaluate", ask, 200).await;
    let ask = json!({"environment": "staging", "flags": ["checkout", "size", "shown", "none"]});
    check("post", "/api/evaluate", "/api/evaluate", ask, 200).await;
    let promotion = json!({"from": "staging", "to": "production", "flags": "all"});
    let promote = "/api/environments/promote";
    check("post", promote, &dry(promote), promotion.clone(), 200).await;
    check("post", promote, promote, promotion, 200).await;
    check("post", base, base, json!({"name": "tool", "rolloutPercentage": 5, "allowedGroups": ["a"]}), 201)
        .await;
    check("post", base, &dry(base), json!({"name": "tool2"}), 200).await;
    let batch = format!("{base}/batch");
    check("post", &batch, &batch, json!([{"name": "tool3"}, {"name": "tool4"}]), 201).await;
    let (one, path) = (format!("{base}/{{name}}"), format!("{base}/tool"));
    check("put", &one, &path, json!({"enabled": true}), 200).await;
    check("put", &one, &dry(&path), json!({"enabled": false}), 200).await;
    check("put", &one, &path, json!({"rolloutPercentage": 500}), 422).await;
    check("post", &format!("{one}/toggle"), &format!("{path}/toggle"), Value::Null, 200).await;
    check("delete", &one, &path, Value::Null, 200).await;
}

#[tokio::test]
async fn what_writes_of_access_answer_is_what_the_document_says() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let owner = shared::access::RoleBinding {
        id: app.state.clock.uuid(),
        subject: "user:alice".to_owned(),
        role: shared::access::Role::Owner,
        project: "*".to_owned(),
        environment: "*".to_owned(),
    };
    app.commit(&[flagstaffd::service::commit::Item::whole(Mutation::PutRoleBinding(owner))]).await;
    let check = async |method: &str, template: &str, path: &str, body: Value, wanted: u16| -> Value {
        for (path, wanted) in [(format!("{path}?dryRun=true"), 200), (path.to_owned(), wanted)] {
            let request = app.request(method.to_uppercase().parse().unwrap(), &path);
            let request = if body.is_null() { request } else { request.json(&body) };
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            assert!(!response.headers().contains_key("etag"), "{method} {path}: nothing compares it");
            let answer: Value = response.json().await.unwrap();
            assert_eq!(status, wanted, "{method} {path}: {answer:#}");
            let known = &document["paths"][template][method]["responses"][status.to_string()];
            let schema = &known["content"]["application/json"]["schema"];
            let wrong = faults(&validator(&document, schema), &answer);
            assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{answer:#}");
            if !path.ends_with("dryRun=true") {
                return answer;
            }
            assert!(answer["planHash"].is_string(), "{method} {path}: {answer:#}");
        }
        unreachable!()
    };
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let tokens = "/api/tokens";
    let made =
        check("post", tokens, tokens, json!({"name": "ci", "kind": "service", "role": "viewer"}), 201).await;
    assert!(made["token"].is_string(), "{made}");
    check("delete", "/api/tokens/{id}", &format!("{tokens}/{}", id(&made)), Value::Null, 200).await;
    let (bindings, one) = ("/api/role-bindings", "/api/role-bindings/{id}");
    let made = check("post", bindings, bindings, json!({"subject": "user:bob", "role": "viewer"}), 201).await;
    let place = format!("{bindings}/{}", id(&made));
    check("put", one, &place, json!({"subject": "user:bob", "role": "editor"}), 200).await;
    check("delete", one, &place, Value::Null, 200).await;
    let template = "/api/environments/{environment}/credentials";
    let credentials = "/api/environments/staging/credentials";
    for kind in ["server", "mobile", "client-side-id"] {
        let made = check("post", template, credentials, json!({"kind": kind}), 201).await;
        assert!(made["key"].is_string(), "{made}");
        let (template, path) = (format!("{template}/rotate"), format!("{credentials}/rotate"));
        check("post", &template, &path, json!({"kind": kind}), 201).await;
        let place = format!("{credentials}/{}", id(&made));
        check("delete", "/api/environments/{environment}/credentials/{id}", &place, Value::Null, 200).await;
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    assert_eq!(document["servers"][0]["url"], "/");
    for scheme in ["token", "user", "sdkKey"] {
        assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
    }
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} names two operations");
        assert!(operation["responses"]["default"].is_object(), "{method} {path} has no default");
        let said: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|p| p["in"] == "path")
            .filter_map(|p| p["name"].as_str())
            .collect();
        let needed: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(said, needed, "{method} {path}");
    }
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/api/flags/{key}/toggle",
        "/api/projects/{project}/flags/{key}/toggle",
        "/api/evaluate",
        "/api/environments/promote",
        "/api/v1/system-config/feature-flags/{name}/check",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn the_page_and_all_it_loads_come_from_here_without_a_credential() {
    let app = TestApp::start_on(crate::support::cluster::fresh_database().await, |config| {
        config.access.mode = flagstaffd::config::model::AccessMode::Normal;
    })
    .await;
    assert_eq!(app.get("/api/flags").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(app.get("/api/openapi.json").await.status(), StatusCode::OK);
    let page = app.get("/docs").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.url().path(), "/docs/");
    let html = page.text().await.unwrap();
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for address in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(!address.contains("//"), "{address} is elsewhere");
            let path = address.trim_start_matches("./").trim_start_matches("/docs/");
            let asset = app.get(&format!("/docs/{path}")).await;
            assert_eq!(asset.status(), StatusCode::OK, "{address}");
            loaded += 1;
        }
    }
    assert!(loaded >= 4, "the page loads {loaded} assets");
    let start = app.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(start.contains("/api/openapi.json"), "{start}");
    assert!(start.contains("\"validatorUrl\": \"none\""), "the document would be sent elsewhere: {start}");
}
