//! Unleash's front-end API, asked as its clients ask.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::furnished::{ID, SERVER, boolean, configure, flag, flag_for, toggle, with_keys};
use crate::support::app::TestApp;

const PATH: &str = "/api/frontend";

async fn get(app: &TestApp, path: &str) -> Response {
    app.client.get(app.at(path)).header("authorization", ID).send().await.unwrap()
}

async fn toggles(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    body["toggles"].as_array().unwrap().clone()
}

fn named<'t>(toggles: &'t [Value], name: &str) -> Option<&'t Value> {
    toggles.iter().find(|toggle| toggle["name"] == name)
}

#[tokio::test]
async fn only_what_is_enabled_is_listed_with_its_variant() {
    let app = with_keys().await;
    boolean(&app, "yes").await;
    boolean(&app, "no").await;
    toggle(&app, "no", false).await;
    let values = [("on", json!(true)), ("off", json!(false))];
    flag_for(&app, "hidden", "boolean", &values, false, true).await;
    flag(&app, "text", "string", &[("greeting", json!("hi \"you\"")), ("none", json!(""))]).await;
    flag(&app, "number", "number", &[("half", json!(0.5)), ("none", json!(0))]).await;
    flag(&app, "object", "json", &[("full", json!({"a": [1, "b"]})), ("none", json!({}))]).await;
    flag(&app, "control", "string", &[("new", json!("b")), ("control", json!("a"))]).await;
    configure(&app, "control", json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 1})).await;
    let listed = toggles(get(&app, &format!("{PATH}?userId=anna&appName=web")).await).await;
    let names: Vec<&str> = listed.iter().map(|toggle| toggle["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["number", "object", "text", "yes"]);
    let without = json!({"name": "disabled", "enabled": false, "feature_enabled": true});
    let expected = json!({"name": "yes", "enabled": true, "impressionData": false, "variant": without});
    assert_eq!(named(&listed, "yes").unwrap(), &expected);
    for (name, variant, kind, value) in [
        ("text", "greeting", "string", "hi \"you\""),
        ("number", "half", "number", "0.5"),
        ("object", "full", "json", r#"{"a":[1,"b"]}"#),
    ] {
        let payload = json!({"type": kind, "value": value});
        let expected = json!({"name": variant, "enabled": true, "feature_enabled": true, "payload": payload});
        assert_eq!(named(&listed, name).unwrap()["variant"], expected, "{name}");
    }
    let all = toggles(get(&app, "/api/frontend/all?userId=anna").await).await;
    let names: Vec<&str> = all.iter().map(|toggle| toggle["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["control", "no", "number", "object", "text", "yes"]);
    assert_eq!(named(&all, "no").unwrap()["enabled"], false);
    assert_eq!(named(&all, "no").unwrap()["variant"]["feature_enabled"], false);
}

#[tokio::test]
async fn the_context_of_a_query_and_of_a_body_is_evaluated() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let rule = |attribute: &str, value: &str| {
        let clauses = json!([{"attribute": attribute, "op": "in", "values": [value], "negate": false}]);
        json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 1,
            "rules": [{"id": "r", "clauses": clauses, "variation": 0}]})
    };
    for (attribute, value, query, context) in [
        ("key", "anna", "userId=anna&sessionId=1", json!({"userId": "anna", "sessionId": "1"})),
        ("key", "1", "sessionId=1", json!({"sessionId": "1"})),
        ("plan", "pro ü", "properties%5Bplan%5D=pro%20%C3%BC", json!({"properties": {"plan": "pro ü"}})),
        ("remoteAddress", "::1", "remoteAddress=%3A%3A1", json!({"remoteAddress": "::1"})),
    ] {
        configure(&app, "f", rule(attribute, value)).await;
        let by_query = toggles(get(&app, &format!("{PATH}?{query}")).await).await;
        assert_eq!(by_query.len(), 1, "{query}");
        let post = app.client.post(app.at(PATH)).header("authorization", ID);
        let by_body = toggles(post.json(&json!({ "context": context })).send().await.unwrap()).await;
        assert_eq!(by_body.len(), 1, "{context}");
        assert_eq!(toggles(get(&app, &format!("{PATH}?userId=zoe")).await).await.len(), 0);
    }
}

#[tokio::test]
async fn a_poll_is_told_nothing_as_long_as_nothing_differs_for_its_context() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let poll = |query: &'static str, tag: String| {
        let request = app.client.get(app.at(&format!("{PATH}?{query}"))).header("authorization", ID);
        async move { request.header("if-none-match", tag).send().await.unwrap() }
    };
    let first = poll("userId=a", "\"\"".to_owned()).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(poll("userId=a", tag.clone()).await.status(), 304);
    let rules = json!([{"id": "r", "variation": 1,
        "clauses": [{"attribute": "key", "op": "in", "values": ["b"], "negate": false}]}]);
    configure(
        &app,
        "f",
        json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1, "rules": rules}),
    )
    .await;
    assert_eq!(poll("userId=a", tag.clone()).await.status(), 304, "nothing differs for a");
    let other = poll("userId=b", tag.clone()).await;
    assert_eq!(toggles(other).await.len(), 0, "the tag of another context says nothing");
    toggle(&app, "f", false).await;
    assert_eq!(poll("userId=a", tag).await.status(), 200);
}

#[tokio::test]
async fn what_clients_count_is_counted() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    flag(&app, "s", "string", &[("a", json!("A")), ("b", json!("B")), ("none", json!(""))]).await;
    let now = app.state.clock.now();
    let now = now.format(&time::format_description::well_known::Rfc3339).unwrap();
    let toggles = json!({"f": {"yes": 3, "no": 2, "variants": {}}, "s": {"yes": 5, "no": 1, "variants": {"a": 2, "b": 3}},
        "unknown": {"yes": 1, "no": 0}, "not a key": {"yes": 1, "no": 0}});
    let body = json!({"appName": "web", "instanceId": "browser", "bucket": {"start": now, "stop": now, "toggles": toggles}});
    let sent =
        app.client.post(app.at("/api/frontend/client/metrics")).header("authorization", ID).json(&body);
    assert_eq!(sent.send().await.unwrap().status(), 202);
    let catalog = app.state.live.catalog();
    let state =
        catalog.environments.values().find(|state| state.stored.row.key.as_str() == "staging").unwrap();
    for key in ["f", "s"] {
        let served = state.configs.iter().find(|(flag, _)| flag.as_str() == key).unwrap().1;
        let config = served.stored.row.id;
        assert!(app.state.usage.last_evaluated(state.stored.row.id, config).is_some(), "{key}");
    }
    let register = app.client.post(app.at("/api/frontend/client/register")).header("authorization", SERVER);
    assert_eq!(register.json(&json!({"appName": "web"})).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_refusal_is_json_that_says_why() {
    let app = with_keys().await;
    let unknown = app.client.get(app.at(PATH)).header("authorization", "*:development.unknown");
    let none = app.client.get(app.at(PATH));
    let wrong = app.client.post(app.at(PATH)).header("authorization", ID).body("{");
    let method = app.client.request(Method::DELETE, app.at(PATH)).header("authorization", ID);
    let metrics = app.client.post(app.at("/api/frontend/client/metrics")).body("{}");
    for (request, status) in [(unknown, 401), (none, 401), (wrong, 400), (method, 405), (metrics, 401)] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(body["details"][0]["message"], body["message"]);
    }
}
