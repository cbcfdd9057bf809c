//! The contexts seen lately: who may see them, how many there are, and what is never among them.

use flagstaffd::config::Config;
use serde_json::{Value, json};

use super::{Keys, accepted, bulk, keys};
use crate::support::app::TestApp;
use crate::support::cluster;

async fn send(app: &TestApp, keys: &Keys, contexts: &[Value]) {
    let events: Vec<Value> = contexts.iter().map(|c| json!({"kind": "index", "context": c})).collect();
    accepted(bulk(app, keys, Value::from(events).to_string())).await;
}

async fn list(app: &TestApp, query: &str) -> Value {
    let answer = app.get(&format!("/api/environments/staging/contexts{query}")).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["contexts"].as_array().unwrap().iter().map(|c| c["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn contexts_are_listed_newest_first_without_what_is_private() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    let anna = json!({"kind": "user", "key": "anna", "plan": "pro", "n": 1.0, "email": "a@example.org",
        "_meta": {"privateAttributes": ["email"], "redactedAttributes": ["name"]}});
    send(&app, &keys, &[anna]).await;
    app.until("anna is seen", async || list(&app, "").await["total"] == 1).await;
    let both = json!({"kind": "multi", "user": {"key": "bob"}, "org": {"key": "acme"}});
    send(&app, &keys, &[both, json!({"kind": "user", "key": ""}), json!(7)]).await;
    app.until("bob is seen", async || list(&app, "").await["total"] == 2).await;
    let all = list(&app, "").await;
    assert_eq!(names(&all), ["org:acme:user:bob", "anna"]);
    assert_eq!(all["enabled"], true);
    let anna = &all["contexts"][1];
    assert_eq!((&anna["kind"], &anna["source"]), (&json!("user"), &json!("events")));
    assert_eq!(
        anna["context"],
        json!({"kind": "user", "key": "anna", "n": 1.0, "plan": "pro",
            "_meta": {"redactedAttributes": ["name", "email"]}})
    );
    for (query, found) in [
        ("?kind=user", vec!["org:acme:user:bob", "anna"]),
        ("?kind=org", vec!["org:acme:user:bob"]),
        ("?kind=multi", vec!["org:acme:user:bob"]),
        ("?q=ANN", vec!["anna"]),
        ("?q=pro", vec!["anna"]),
        ("?q=example.org", vec![]),
        ("?limit=1", vec!["org:acme:user:bob"]),
    ] {
        assert_eq!(names(&list(&app, query).await), found, "{query}");
    }
    // The numbers' text is kept, and the other environment saw nobody.
    let text = app.get("/api/environments/staging/contexts").await.text().await.unwrap();
    assert!(text.contains("\"n\":1.0") && !text.contains("a@example.org"));
    let other: Value = app.get("/api/environments/production/contexts").await.json().await.unwrap();
    assert_eq!(other["total"], 0);
    assert_eq!(app.get("/api/environments/nowhere/contexts").await.status(), 404);
}

#[tokio::test]
async fn only_so_many_contexts_stay_here_and_in_the_database() {
    let url = cluster::fresh_database().await;
    let few = |config: &mut Config| {
        config.usage.most_contexts = 3;
        config.usage.flush_interval = std::time::Duration::from_millis(100);
    };
    let app = TestApp::start_on(url.clone(), few).await;
    let keys = keys(&app).await;
    for number in 0..20 {
        send(&app, &keys, &[json!({"kind": "user", "key": format!("u{number}")})]).await;
    }
    app.until("the last is seen", async || names(&list(&app, "").await).first() == Some(&"u19")).await;
    assert_eq!(names(&list(&app, "").await), ["u19", "u18", "u17"]);
    let rows = async || {
        let count: i64 = sqlx::query_scalar("select count(*) from recent_context")
            .fetch_one(app.state.gate.pool())
            .await
            .unwrap();
        count
    };
    app.until("they are in the database", async || rows().await >= 3).await;
    // Another daemon shows the same, and where contexts are switched off they are forgotten.
    let second = TestApp::start_on(url.clone(), few).await;
    assert_eq!(names(&list(&second, "").await), ["u19", "u18", "u17"]);
    let off = TestApp::start_on(url, |config| config.usage.contexts = false).await;
    assert_eq!(
        list(&off, "").await,
        json!({"environment": "staging", "enabled": false, "total": 0, "contexts": []})
    );
    app.until("they are forgotten", async || rows().await == 0).await;
}

#[tokio::test]
async fn whoever_may_not_read_an_environment_sees_nobody_of_it() {
    use flagstaffd::config::model::AccessMode;
    let app =
        TestApp::start_on(cluster::fresh_database().await, |config| config.access.mode = AccessMode::Normal)
            .await;
    let keys = keys(&app).await;
    for path in ["/api/environments/staging/contexts", "/api/flags/a/usage?environment=staging"] {
        assert_eq!(app.get(path).await.status(), 401, "{path}");
        let sdk = app.client.get(app.at(path)).header("authorization", &keys.server).send().await.unwrap();
        assert_eq!(sdk.status(), 403, "{path}: a key of an application is not for looking at people");
    }
}
