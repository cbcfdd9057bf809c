//! Lists of flags in the query language, and the matrix of flags by environments.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn body(app: &TestApp, path: &str) -> Value {
    let response = app.get(path).await;
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// Keys of what a list answers to a filter.
async fn found(app: &TestApp, list: &str, filter: &str) -> Vec<String> {
    let url = reqwest::Url::parse_with_params(&app.at(list), [("filter", filter)]).unwrap();
    let response = app.client.get(url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{filter}: {}", response.text().await.unwrap());
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["total"].as_u64().unwrap() as usize, body["items"].as_array().unwrap().len());
    body["items"].as_array().unwrap().iter().map(|f| f["key"].as_str().unwrap().to_owned()).collect()
}

/// `pay.checkout` (boolean, divided in staging), `pay.budget` (JSON, with a rule), `old` (archived).
async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    for flag in [
        r#"{"key": "pay.checkout", "type": "boolean", "enabled": true, "tags": ["checkout"], "owner": "payments"}"#,
        r#"{"key": "pay.budget", "type": "json", "enabled": false,
            "variations": [{"value": {"attempts":1.50}, "name": "few"}, {"value": {"attempts": 9}}]}"#,
        r#"{"key": "old", "type": "boolean"}"#,
    ] {
        let made = app.request(reqwest::Method::POST, "/api/flags").body(flag).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let divided = json!({"config": {"on": true, "offVariation": 1, "fallthrough": {"rollout": {"variations": [
        {"variation": 0, "weight": 25_000}, {"variation": 1, "weight": 75_000}]}}}});
    assert_eq!(app.put("/api/flags/pay.checkout/config/staging", &divided).await.status(), StatusCode::OK);
    let waiting = json!({"config": {"on": true, "offVariation": 1, "fallthrough": {"variation": 0},
        "prerequisites": [{"key": "pay.checkout", "variation": 0}],
        "rules": [{"id": "r", "variation": 1,
            "clauses": [{"contextKind": "user", "attribute": "key", "op": "in", "values": ["bob"]}]}]}});
    assert_eq!(app.put("/api/flags/pay.budget/config/production", &waiting).await.status(), StatusCode::OK);
    let gone = app.request(reqwest::Method::DELETE, "/api/flags/old").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    // A read waits for what was written.
    assert_eq!(app.get("/api/flags").await.status(), StatusCode::OK);
    app
}

#[tokio::test]
async fn lists_take_the_query_language() {
    let app = furnished().await;
    for list in ["/api/flags", "/api/matrix", "/api/projects/default/matrix"] {
        for (filter, expected) in [
            ("", &["pay.budget", "pay.checkout"][..]),
            ("chkt", &["pay.checkout"]),
            ("tag:checkout type:bool owner:pay*", &["pay.checkout"]),
            ("rollout:partial env:staging", &["pay.checkout"]),
            ("rollout:partial env:production", &[]),
            ("off:staging on:prod", &["pay.budget"]),
            ("prereq:pay.checkout has:rules", &["pay.budget"]),
            ("json:/attempts=1.5", &["pay.budget"]),
            ("differs:staging", &["pay.budget", "pay.checkout"]),
            ("changed:<1h by:alice", &["pay.budget", "pay.checkout"]),
            ("stale:1h", &[]),
            ("archived:yes", &["old"]),
            ("archived:any -type:json", &["old", "pay.checkout"]),
            ("key:^pay\\.(c|x) | archived:yes", &["old", "pay.checkout"]),
        ] {
            assert_eq!(found(&app, list, filter).await, expected, "{list} {filter}");
        }
        let archived = body(&app, &format!("{list}?archived=true&filter=old")).await;
        assert_eq!((&archived["total"], &archived["items"][0]["key"]), (&json!(1), &json!("old")));
    }
    let both = body(&app, "/api/flags?filter=pay&enabled=true&environment=production").await;
    assert_eq!((&both["total"], &both["items"][1]["key"]), (&json!(2), &json!("pay.checkout")));
}

#[tokio::test]
async fn a_bad_filter_is_refused_at_its_place() {
    let app = TestApp::start().await;
    for (list, filter, at, part) in [
        ("/api/flags", "über%20tga:x", 5, "there is no term tga:"),
        ("/api/matrix", "key:%5B", 4, "regular expression"),
        ("/api/matrix", "a%20on:nowhere", 5, "there are staging, production"),
    ] {
        let response = app.get(&format!("{list}?filter={filter}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:flagstaff:problem:malformed");
        assert_eq!((&problem["parameter"], &problem["at"]), (&json!("filter"), &json!(at)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
}

#[tokio::test]
async fn the_matrix_says_what_a_table_shows() {
    let app = furnished().await;
    let response = app.get("/api/matrix?environments=production,staging").await;
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    assert!(text.contains(r#"{"attempts":1.50}"#), "numbers stay as they were written");
    let matrix: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&matrix["total"], &matrix["all"], &matrix["nextCursor"]),
        (&json!(2), &json!(2), &Value::Null)
    );
    let position = app.state.live.catalog().position;
    assert_eq!(
        (&matrix["position"], &matrix["revision"]),
        (&json!(position.to_string()), &json!(position.revision.0))
    );
    let columns: Vec<_> =
        matrix["environments"].as_array().unwrap().iter().map(|e| (&e["key"], &e["class"])).collect();
    assert_eq!(
        columns,
        [(&json!("production"), &json!("production")), (&json!("staging"), &json!("staging"))]
    );
    assert_eq!(matrix["environments"][0]["mayWrite"], false, "nobody in particular is a viewer");
    let [budget, checkout] = [&matrix["items"][0], &matrix["items"][1]];
    assert_eq!(budget["variations"][0]["name"], "few");
    let cell = &checkout["environments"]["staging"];
    assert_eq!(
        (&cell["on"], &cell["partialRollout"], &cell["offVariation"]),
        (&json!(true), &json!(true), &json!(1))
    );
    assert_eq!(cell["default"]["rollout"][1], json!({"variation": 1, "weight": 75_000}));
    assert_ne!(cell["digest"], checkout["environments"]["production"]["digest"]);
    let cell = &budget["environments"]["production"];
    assert_eq!((&cell["default"], &cell["rules"]), (&json!({"variation": 0}), &json!(1)));
    assert_eq!(cell["prerequisites"], json!(["pay.checkout"]));
    assert_eq!((&budget["changedBy"], &budget["changedAt"]), (&cell["updatedBy"], &cell["updatedAt"]));
    // The ETags are those that writes take.
    let flag = app.get("/api/flags/pay.budget").await;
    assert_eq!(flag.headers()["etag"], budget["etag"].as_str().unwrap());
    let config = app.get("/api/flags/pay.budget/config/production").await;
    assert_eq!(config.headers()["etag"], cell["etag"].as_str().unwrap());
    let one = body(&app, "/api/matrix?environments=staging&limit=1").await;
    assert_eq!(one["items"][0]["environments"].as_object().unwrap().len(), 1);
    assert_eq!((&one["total"], &one["nextCursor"]), (&json!(2), &json!("pay.budget")));
    let two = body(&app, "/api/matrix?limit=1&cursor=pay.budget").await;
    assert_eq!((&two["items"][0]["key"], &two["nextCursor"]), (&json!("pay.checkout"), &Value::Null));
    let twice = body(&app, "/api/matrix?environments=staging,production,staging").await;
    assert_eq!(twice["environments"].as_array().unwrap().len(), 2, "a column stands there once");
    assert_eq!(app.get("/api/matrix?environments=nowhere").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.get("/api/matrix?limit=10001").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_matrix_is_not_sent_twice_and_is_sent_small() {
    let app = furnished().await;
    let etag = app.get("/api/matrix").await.headers()["etag"].clone();
    let again = |path: &str| app.client.get(app.at(path)).header("if-none-match", &etag).send();
    assert_eq!(again("/api/matrix").await.unwrap().status(), StatusCode::NOT_MODIFIED);
    // What fits changes with time though nothing else does.
    let aged = again("/api/matrix?filter=changed:<1h").await.unwrap();
    assert_eq!((aged.status(), aged.headers().get("etag")), (StatusCode::OK, None));
    let plain = app.get("/api/matrix").await.bytes().await.unwrap();
    let small = app.client.get(app.at("/api/matrix")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(small.headers()["content-encoding"], "gzip");
    let vary: Vec<_> =
        small.headers().get_all("vary").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
    assert!(
        vary.join(",").contains("accept-encoding") && vary.join(",").contains("authorization"),
        "{vary:?}"
    );
    // No cache on the way may give one caller's matrix to another.
    assert_eq!(small.headers()["cache-control"], "private, no-cache");
    let vary = vary.join(",");
    assert!(vary.contains("x-user-id") && vary.contains("x-user-email"), "{vary}");
    let small = small.bytes().await.unwrap();
    assert!(
        small.starts_with(&[0x1f, 0x8b]) && small.len() * 2 < plain.len(),
        "{} of {}",
        small.len(),
        plain.len()
    );
    let alice = app.request(reqwest::Method::GET, "/api/matrix").send().await.unwrap();
    assert_eq!(alice.json::<Value>().await.unwrap()["environments"][0]["mayWrite"], true);
}

#[tokio::test]
async fn the_past_has_a_matrix_too() {
    let app = furnished().await;
    let before = app.state.live.catalog().position.revision.0;
    let toggled = app
        .post("/api/flags/pay.checkout/toggle", &json!({"environment": "staging", "enabled": false}))
        .await;
    assert_eq!(toggled.status(), StatusCode::OK);
    assert_eq!(body(&app, "/api/matrix?filter=on:staging").await["total"], 0);
    let then = body(&app, &format!("/api/matrix?filter=on:staging&at={before}")).await;
    assert_eq!((&then["total"], &then["revision"]), (&json!(1), &json!(before)));
}

#[tokio::test]
async fn an_environment_says_what_it_is_for() {
    let app = TestApp::start().await;
    let class = async |key: &str| body(&app, &format!("/api/environments/{key}")).await["class"].clone();
    assert_eq!((class("staging").await, class("production").await), (json!("staging"), json!("production")));
    let update = |patch: Value| {
        let project = shared::key::ProjectKey::default();
        let patch = shared::json::parse(&patch.to_string()).unwrap();
        flagstaffd::service::commit::Item::whole(shared::change::Mutation::UpdateEnvironment(
            project,
            "staging".parse().unwrap(),
            shared::change::Patch::Merge(patch),
        ))
    };
    app.commit(&[update(json!({"class": "production"}))]).await;
    assert_eq!(class("staging").await, "production");
    app.commit(&[update(json!({"class": null}))]).await;
    assert_eq!(class("staging").await, "staging");
    let wrong = app.patch("/api/environments/staging", &json!({"class": "live"})).await;
    assert!(wrong.status().is_client_error());
}

#[tokio::test]
async fn callers_learn_what_they_may_do_where() {
    let app = TestApp::start().await;
    let response = app.request(reqwest::Method::GET, "/api/me").send().await.unwrap();
    let me: Value = response.json().await.unwrap();
    assert_eq!((&me["principal"], &me["credentialKind"]), (&json!("user:alice"), &json!("header")));
    let here = me["roles"].as_array().unwrap().iter().find(|r| r["environment"] == "production").unwrap();
    assert_eq!(here["permissions"], json!(["read", "read-audit", "write"]));
    assert_eq!((&here["class"], &here["protected"]), (&json!("production"), &json!(false)));
    assert_eq!(me["permissions"], json!(["read", "read-audit", "write"]));
}
