//! The second seed's API: its calls, its shapes, and what it leaves alone.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::TestApp;

const BASE: &str = "/api/v1/system-config/feature-flags";

/// The view looks at `staging`, as in the demo.
async fn demo() -> TestApp {
    TestApp::start_on(crate::support::cluster::fresh_database().await, |config| {
        config.system_config.environment = "staging".to_owned();
    })
    .await
}

async fn call(app: &TestApp, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = app.request(method, &format!("{BASE}{path}"));
    let request = if body.is_null() { request } else { request.json(&body) };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn create(app: &TestApp, body: Value) -> Value {
    let (status, flag) = call(app, Method::POST, "", body).await;
    assert_eq!(status, 201, "{flag:#}");
    flag
}

async fn config(app: &TestApp, flag: &str, environment: &str) -> Value {
    app.get(&format!("/api/flags/{flag}/config/{environment}")).await.json().await.unwrap()
}

#[tokio::test]
async fn a_flag_lives_through_the_seeds_calls_in_the_seeds_shape() {
    let app = demo().await;
    let made = create(
        &app,
        json!({"name": "ops-panel", "description": "The panel", "enabled": true, "allowedGroups": ["ops", "dev"],
            "rolloutPercentage": 25, "metadata": {"ticket": 7}}),
    )
    .await;
    let members: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "id",
            "name",
            "description",
            "enabled",
            "allowedGroups",
            "rolloutPercentage",
            "metadata",
            "createdAt",
            "updatedAt",
            "createdBy",
            "updatedBy"
        ]
    );
    assert_eq!(made["createdBy"], "user:alice");
    let (status, read) = call(&app, Method::GET, "/ops-panel", Value::Null).await;
    assert_eq!((status, &read), (200, &made));
    assert_eq!(config(&app, "ops-panel", "production").await["enabled"], false, "off everywhere else");
    let first: Value = app.get("/api/flags/ops-panel").await.json().await.unwrap();
    assert_eq!(first["revision"], config(&app, "ops-panel", "staging").await["revision"], "one revision");

    let (_, put) = call(&app, Method::PUT, "/ops-panel", json!({"rolloutPercentage": 50})).await;
    assert_eq!(put["rolloutPercentage"], 50);
    assert_eq!(put["allowedGroups"], made["allowedGroups"], "what is not named stays");
    assert_eq!(put["metadata"], json!({"ticket": 7}));
    let (_, put) = call(
        &app,
        Method::PUT,
        "/ops-panel",
        json!({"allowedGroups": [], "metadata": {"b": 1},
        "description": "Else"}),
    )
    .await;
    assert_eq!((&put["allowedGroups"], &put["rolloutPercentage"]), (&json!([]), &json!(50)));
    assert_eq!((&put["metadata"], &put["description"]), (&json!({"b": 1}), &json!("Else")));
    assert_eq!(call(&app, Method::GET, "/ops-panel", Value::Null).await.1, put);

    let (_, off) = call(&app, Method::POST, "/ops-panel/toggle", Value::Null).await;
    assert_eq!(off["enabled"], false);
    let (_, on) = call(&app, Method::POST, "/ops-panel/toggle", Value::Null).await;
    assert_eq!(on["enabled"], true);
    let (_, same) = call(&app, Method::POST, "/ops-panel/toggle", json!({"enabled": true})).await;
    assert_eq!(same["enabled"], true);

    assert_eq!(call(&app, Method::DELETE, "/ops-panel", Value::Null).await.0, 200);
    assert_eq!(call(&app, Method::GET, "/ops-panel", Value::Null).await.0, 404);
    let (status, taken) = call(&app, Method::POST, "", json!({"name": "ops-panel"})).await;
    assert_eq!((status, taken["type"].as_str()), (409, Some("urn:flagstaff:problem:key-taken")));
    let archived: Value = app.get("/api/flags/ops-panel").await.json().await.unwrap();
    assert_eq!(archived["archived"], true);
}

#[tokio::test]
async fn the_list_is_filtered_and_other_kinds_are_not_in_it() {
    let app = demo().await;
    create(&app, json!({"name": "one-on", "enabled": true})).await;
    create(&app, json!({"name": "two-off"})).await;
    let created = app
        .post("/api/flags", &json!({"key": "text-on", "type": "string", "variations": [{"value": "a"}]}))
        .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let names = async |query: &str| -> Vec<String> {
        let (status, list) = call(&app, Method::GET, query, Value::Null).await;
        assert_eq!(status, 200);
        list.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["one-on", "two-off"]);
    assert_eq!(names("?enabled=true").await, ["one-on"]);
    assert_eq!(names("?enabled=false").await, ["two-off"]);
    assert_eq!(names("?nameContains=TWO").await, ["two-off"]);
    for (method, path) in [
        (Method::GET, "/text-on"),
        (Method::PUT, "/text-on"),
        (Method::DELETE, "/text-on"),
        (Method::GET, "/text-on/check"),
    ] {
        let body = if method == Method::PUT { json!({"enabled": true}) } else { Value::Null };
        assert_eq!(call(&app, method.clone(), path, body).await.0, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn a_percentage_holds_over_a_thousand_users_and_none_changes_sides() {
    let app = demo().await;
    create(&app, json!({"name": "part", "enabled": true, "rolloutPercentage": 30})).await;
    let contexts: Vec<Value> =
        (0..1000).map(|i| json!({"kind": "user", "key": format!("user-{i}")})).collect();
    let on = async || -> Vec<bool> {
        let mut on = Vec::new();
        for some in contexts.chunks(100) {
            let ask = json!({"environment": "staging", "flags": ["part"], "contexts": some});
            let answer: Value = app.post("/api/evaluate", &ask).await.json().await.unwrap();
            on.extend(
                answer["results"].as_array().unwrap().iter().map(|r| r["flags"]["part"]["value"] == true),
            );
        }
        on
    };
    let first = on().await;
    let count = first.iter().filter(|on| **on).count();
    assert!((240..=360).contains(&count), "{count} of 1000 at 30 %");
    assert_eq!(first, on().await);
    assert_eq!(call(&app, Method::PUT, "/part", json!({"rolloutPercentage": 60})).await.0, 200);
    let wider = on().await;
    assert!(first.iter().zip(&wider).all(|(before, after)| !before || *after), "who had it keeps it");
    for i in [3, 30, 300] {
        let (_, checked) =
            call(&app, Method::GET, &format!("/part/check?userId=user-{i}"), Value::Null).await;
        assert_eq!(checked, json!({"name": "part", "enabled": wider[i]}));
    }
    for (percentage, all) in [(0, false), (100, true)] {
        assert_eq!(call(&app, Method::PUT, "/part", json!({"rolloutPercentage": percentage})).await.0, 200);
        assert!(on().await.iter().all(|on| *on == all), "{percentage} %");
    }
}

#[tokio::test]
async fn groups_and_percentage_must_both_hold() {
    let app = demo().await;
    create(
        &app,
        json!({"name": "both", "enabled": true, "allowedGroups": ["ops", "dev"], "rolloutPercentage": 50}),
    )
    .await;
    create(&app, json!({"name": "members", "enabled": true, "allowedGroups": ["ops"]})).await;
    create(&app, json!({"name": "everyone", "enabled": true})).await;
    create(&app, json!({"name": "nobody", "enabled": false})).await;
    let check = async |name: &str, query: String| -> bool {
        let (status, answer) = call(&app, Method::GET, &format!("/{name}/check?{query}"), Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer["enabled"].as_bool().unwrap()
    };
    let mut inside = 0;
    for i in 0..200 {
        assert!(!check("both", format!("userId=u{i}")).await);
        assert!(!check("both", format!("userId=u{i}&groups=sales")).await);
        let one = check("both", format!("userId=u{i}&groups=sales,dev")).await;
        let two = check("both", format!("userId=u{i}&groups=sales&groups=ops")).await;
        assert_eq!(one, two, "the percentage is by key, whatever the group");
        inside += usize::from(one);
    }
    assert!((70..=130).contains(&inside), "{inside} of 200 at 50 %");
    let (_, features) = call(&app, Method::GET, "/enabled?userId=u1", Value::Null).await;
    assert_eq!(features, json!({"features": ["everyone"]}));
    let (_, features) = call(&app, Method::GET, "/enabled?userId=u1&groups=ops", Value::Null).await;
    let names = features["features"].as_array().unwrap();
    assert!(names.contains(&json!("members")) && !names.contains(&json!("nobody")), "{features}");
    assert!(check("everyone", String::new()).await, "without userId it is who asks");
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_one_revision() {
    let app = demo().await;
    create(&app, json!({"name": "there"})).await;
    let head = async || app.get("/api/flags").await.headers()["flagstaff-revision"].clone();
    let before = head().await;
    let (status, _) = call(&app, Method::POST, "/batch", json!([{"name": "new-1"}, {"name": "there"}])).await;
    assert_eq!(status, 409);
    let (status, problem) = call(
        &app,
        Method::POST,
        "/batch",
        json!([{"name": "new-1"}, {"name": "new-2", "rolloutPercentage": 101}]),
    )
    .await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/1/rolloutPercentage")));
    let (status, _) = call(&app, Method::POST, "/batch", json!([{"name": "twice"}, {"name": "twice"}])).await;
    assert_eq!(status, 409);
    assert_eq!(head().await, before, "nothing was written");
    assert_eq!(call(&app, Method::GET, "/new-1", Value::Null).await.0, 404);
    let (status, made) = call(
        &app,
        Method::POST,
        "/batch",
        json!({"flags": [{"name": "new-1", "enabled": true}, {"name": "new-2"}]}),
    )
    .await;
    assert_eq!((status, made.as_array().unwrap().len()), (201, 2));
    assert_eq!(made[0]["enabled"], true);
    let revision = |v: &Value| v["revision"].as_i64().unwrap();
    assert_eq!(
        revision(&config(&app, "new-1", "staging").await),
        revision(&config(&app, "new-2", "production").await)
    );
}

#[tokio::test]
async fn a_richer_flag_is_shown_as_custom_and_its_own_rules_stay() {
    let app = demo().await;
    create(&app, json!({"name": "rich", "enabled": true})).await;
    let rules = json!([{"id": "own", "variation": 1, "clauses": [
        {"contextKind": "user", "attribute": "key", "op": "in", "values": ["eve"]}]}]);
    let document = json!({"config": {"on": true, "offVariation": 1, "fallthrough": {"variation": 0}, "rules": rules,
        "targets": [{"values": ["mallory"], "variation": 1}]}});
    assert_eq!(app.put("/api/flags/rich/config/staging", &document).await.status(), StatusCode::OK);
    let (status, put) =
        call(&app, Method::PUT, "/rich", json!({"allowedGroups": ["ops"], "rolloutPercentage": 40})).await;
    assert_eq!(status, 200, "{put:#}");
    let now = config(&app, "rich", "staging").await;
    assert_eq!(now["config"]["rules"][0]["id"], "system-config");
    assert_eq!(now["config"]["rules"][1], rules[0]);
    assert_eq!(now["config"]["targets"], document["config"]["targets"]);
    assert_eq!(
        call(&app, Method::PUT, "/rich", json!({"allowedGroups": null, "rolloutPercentage": 100})).await.0,
        200
    );
    assert_eq!(config(&app, "rich", "staging").await["config"], document["config"]);

    let odd = json!({"config": {"on": true, "offVariation": 0, "fallthrough": {"variation": 1}}});
    assert_eq!(app.put("/api/flags/rich/config/staging", &odd).await.status(), StatusCode::OK);
    let (_, shown) = call(&app, Method::GET, "/rich", Value::Null).await;
    assert_eq!(shown["custom"], true);
    assert!(shown["allowedGroups"].is_null() && shown["rolloutPercentage"].is_null());
    let (status, problem) = call(&app, Method::PUT, "/rich", json!({"rolloutPercentage": 10})).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:flagstaff:problem:not-representable")));
    let (status, put) =
        call(&app, Method::PUT, "/rich", json!({"enabled": false, "description": "d", "metadata": null}))
            .await;
    assert_eq!((status, &put["enabled"], &put["description"]), (200, &json!(false), &json!("d")));
    assert_eq!(config(&app, "rich", "staging").await["config"]["offVariation"], 0);
}

#[tokio::test]
async fn wrong_requests_are_refused_and_reserved_names_only_here() {
    let app = demo().await;
    for name in ["enabled", "batch"] {
        let (status, problem) = call(&app, Method::POST, "", json!({"name": name})).await;
        assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/name")));
        assert_eq!(app.post("/api/flags", &json!({"key": name, "type": "boolean"})).await.status(), 201);
    }
    for (body, pointer) in [
        (json!({"name": "x", "rolloutPercentage": 50.5}), "/rolloutPercentage"),
        (json!({"name": "x", "rolloutPercentage": -1}), "/rolloutPercentage"),
        (json!({"name": "x", "allowedGroups": "ops"}), "/allowedGroups"),
        (json!({"name": "a b"}), "/name"),
        (json!({"enabled": true}), "/name"),
        (json!({"name": "x", "rollout": 5}), "/rollout"),
    ] {
        let (status, problem) = call(&app, Method::POST, "", body.clone()).await;
        assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{body}");
    }
    let anonymous = app.client.post(app.at(BASE)).json(&json!({"name": "x"})).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_etag_of_the_view_guards_its_writes() {
    let app = demo().await;
    create(&app, json!({"name": "guarded"})).await;
    let etag = app.get(&format!("{BASE}/guarded")).await.headers()["etag"].clone();
    let put = async |etag: &reqwest::header::HeaderValue, body: Value| {
        let request =
            app.request(Method::PUT, &format!("{BASE}/guarded")).header("if-match", etag).json(&body);
        request.send().await.unwrap()
    };
    let done = put(&etag, json!({"enabled": true})).await;
    assert_eq!(done.status(), StatusCode::OK);
    let next = done.headers()["etag"].clone();
    assert_ne!(etag, next);
    assert_eq!(put(&etag, json!({"enabled": false})).await.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(put(&next, json!({"description": "x"})).await.status(), StatusCode::OK);
}
