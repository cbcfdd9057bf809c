//! Evaluation over HTTP: what is served, why, and that every door says the same.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn ask(app: &TestApp, question: Value) -> Value {
    let response = app.post("/api/evaluate", &question).await;
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer:#}");
    answer
}

async fn refused(app: &TestApp, question: Value) -> Vec<String> {
    let response = app.post("/api/evaluate", &question).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{question}");
    let problem: Value = response.json().await.unwrap();
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
}

async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    for flag in ["base", "checkout"] {
        let body = json!({"key": flag, "type": "boolean", "enabled": flag == "checkout"});
        assert_eq!(app.post("/api/flags", &body).await.status(), StatusCode::CREATED);
    }
    let ratio =
        r#"{"key":"ratio","type":"number","enabled":true,"variations":[{"value":1.50},{"value":2e0}]}"#;
    let ratio = app
        .request(reqwest::Method::POST, "/api/flags")
        .header("content-type", "application/json")
        .body(ratio)
        .send()
        .await
        .unwrap();
    assert_eq!(ratio.status(), StatusCode::CREATED);
    let document = json!({"config": {"on": true, "offVariation": 1,
        "prerequisites": [{"key": "ratio", "variation": 0}],
        "fallthrough": {"rollout": {"contextKind": "user", "variations": [
            {"variation": 0, "weight": 30000}, {"variation": 1, "weight": 70000}]}},
        "rules": [{"id": "germans", "variation": 0, "clauses": [
            {"contextKind": "user", "attribute": "country", "op": "in", "values": ["DE", "AT"]}]}]}});
    assert_eq!(app.put("/api/flags/checkout/config/staging", &document).await.status(), StatusCode::OK);
    app
}

#[tokio::test]
async fn an_explanation_names_rule_clause_bucket_and_prerequisite_and_the_revision_behind_it() {
    let app = furnished().await;
    let germans = ask(
        &app,
        json!({"environment": "staging", "flagKey": "checkout", "explain": true,
            "context": {"kind": "user", "key": "bob", "country": "DE"}}),
    )
    .await;
    let result = &germans["results"][0]["flags"]["checkout"];
    assert_eq!(germans["results"][0]["key"], "bob");
    assert_eq!(result["value"], true);
    assert_eq!(result["reason"], json!({"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "germans"}));
    let told = &result["explanation"];
    assert_eq!(told["rules"][0]["matched"], true);
    assert_eq!(told["rules"][0]["clauses"][0]["attribute"], "country");
    assert_eq!(told["rules"][0]["clauses"][0]["saw"], "DE");
    assert_eq!(told["prerequisites"][0]["key"], "ratio");
    assert_eq!(told["prerequisites"][0]["passed"], true);
    assert_eq!(told["serve"]["by"], "rule");
    let config: Value = app.get("/api/flags/checkout/config/staging").await.json().await.unwrap();
    assert_eq!(result["because"]["revision"], config["revision"]);
    assert_eq!(result["because"]["actor"], "user:alice");
    assert_eq!(result["version"], config["version"]);

    let others = ask(
        &app,
        json!({"environment": "staging", "flagKey": "checkout", "explain": true,
            "context": {"kind": "user", "key": "bob", "country": "FR"}}),
    )
    .await;
    let result = &others["results"][0]["flags"]["checkout"];
    assert_eq!(result["reason"]["kind"], "FALLTHROUGH");
    let bucket = &result["explanation"]["serve"]["rollout"]["bucket"];
    let (value, served) = (bucket["bucket"].as_f64().unwrap(), result["value"] == true);
    assert_eq!(value < 0.3, served, "{bucket}");
}

#[tokio::test]
async fn evaluation_equals_the_payload_for_every_context() {
    let app = furnished().await;
    for i in 0..40 {
        let context = json!({"kind": "user", "key": format!("user-{i}"), "country": if i % 3 == 0 { "AT" } else { "US" }});
        let answer = ask(&app, json!({"environment": "staging", "context": context})).await;
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(context.to_string());
        let payload: Value = app
            .get(&format!("/api/environments/staging/flags?context={encoded}"))
            .await
            .json()
            .await
            .unwrap();
        let flags = answer["results"][0]["flags"].as_object().unwrap();
        assert_eq!(flags.len(), payload.as_object().unwrap().len());
        for (key, result) in flags {
            for member in ["value", "variation", "version", "flagVersion"] {
                assert_eq!(result[member], payload[key][member], "{key} {member} {context}");
            }
        }
    }
}

#[tokio::test]
async fn many_contexts_are_answered_in_their_order_and_numbers_keep_their_text() {
    let app = furnished().await;
    let contexts: Vec<Value> = (0..100).map(|i| json!({"kind": "org", "key": format!("o{i}")})).collect();
    let response = app
        .post("/api/evaluate", &json!({"environment": "staging", "flags": ["ratio"], "contexts": contexts}))
        .await;
    assert!(response.headers().contains_key("flagstaff-revision"));
    let text = response.text().await.unwrap();
    assert!(text.contains(r#""value":1.50"#), "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    assert_eq!(results[7]["key"], "org:o7");
    assert!(results.iter().all(|r| r["flags"]["ratio"]["variation"] == 0));
}

#[tokio::test]
async fn a_flag_that_is_not_there_says_so_and_without_a_context_it_is_the_anonymous_user() {
    let app = furnished().await;
    let answer = ask(&app, json!({"environment": "staging", "flags": ["none", "ratio", "a/b"]})).await;
    let result = &answer["results"][0];
    assert_eq!(result["key"], "anonymous");
    for key in ["none", "a/b"] {
        let missing = &result["flags"][key];
        assert_eq!(missing["reason"], json!({"kind": "ERROR", "errorKind": "FLAG_NOT_FOUND"}));
        assert!(missing["value"].is_null() && missing["variation"].is_null());
    }
    let bare = ask(&app, json!({"environment": "staging", "flagKey": "ratio", "reasons": false})).await;
    assert!(bare["results"][0]["flags"]["ratio"].get("reason").is_none());
}

#[tokio::test]
async fn what_is_too_much_or_contradicts_itself_is_refused_by_name() {
    let app = furnished().await;
    let user = |i: usize| json!({"kind": "user", "key": format!("u{i}")});
    let many: Vec<Value> = (0..101).map(user).collect();
    let flags: Vec<String> = (0..1001).map(|i| format!("f{i}")).collect();
    let e = "staging";
    let cases = [
        (json!({"environment": e, "contexts": many}), "/contexts"),
        (json!({"environment": e, "contexts": []}), "/contexts"),
        (json!({"environment": e, "flags": flags}), "/flags"),
        (json!({"environment": e, "flags": flags[..51], "explain": true}), "/flags"),
        (json!({"environment": e, "contexts": [user(1), user(2)], "explain": true}), "/explain"),
        (
            json!({"environment": e, "context": {"kind": "user", "key": "u", "x": "y".repeat(17_000)}}),
            "/context",
        ),
        (json!({"environment": e, "contexts": [user(1), {"kind": "user"}]}), "/contexts/1/key"),
        (json!({"environment": e, "context": user(1), "contexts": [user(1)]}), "/contexts"),
        (json!({"environment": e, "flagKey": "a", "flags": ["b"]}), "/flags"),
        (json!({"environment": e, "at": true}), "/at"),
        (json!({"flagKey": "a"}), "/environment"),
        (json!({"environment": e, "documents": {}}), "/documents"),
        (json!({"documents": {"flags": {}}, "at": 1}), "/at"),
        (json!({"documents": 7}), "/documents"),
        (json!({"documents": {"segments": []}}), "/documents/segments"),
        (
            json!({"documents": {"flags": {"f": {"rules": [{"clauses": [
                {"attribute": "a", "op": "matches", "values": vec!["a"; 401]}]}]}}}}),
            "/documents",
        ),
    ];
    for (question, pointer) in cases {
        assert_eq!(refused(&app, question.clone()).await, [pointer], "{question}");
    }
    let elsewhere = app.post("/api/evaluate", &json!({"environment": "nowhere"})).await;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_past_is_evaluated_as_it_was() {
    let app = furnished().await;
    let now = ask(&app, json!({"environment": "staging", "flagKey": "ratio"})).await;
    let then = now["revision"].clone();
    let off = json!({"environment": "staging", "enabled": false});
    assert_eq!(app.post("/api/flags/ratio/toggle", &off).await.status(), StatusCode::OK);
    let question = json!({"environment": "staging", "flagKey": "ratio", "at": then, "explain": true});
    let response = app.post("/api/evaluate", &question).await;
    assert_eq!(response.headers()["flagstaff-revision"].to_str().unwrap(), then.to_string());
    let past: Value = response.json().await.unwrap();
    assert_eq!(past["revision"], then);
    let member = |answer: &Value, name: &str| answer["results"][0]["flags"]["ratio"][name].clone();
    assert_eq!(member(&past, "value"), member(&now, "value"));
    let present = ask(&app, json!({"environment": "staging", "flagKey": "ratio", "explain": true})).await;
    assert_eq!(member(&present, "reason")["kind"], "OFF");
    assert_ne!(member(&present, "because"), member(&past, "because"));
    let odd = app.post("/api/evaluate", &json!({"environment": "staging", "at": "yesterday"})).await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_may_read_may_ask() {
    let app = furnished().await;
    let question = json!({"environment": "staging", "flagKey": "ratio"});
    let anonymous = app.client.post(app.at("/api/evaluate")).json(&question).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::OK);
}

#[tokio::test]
async fn large_questions_take_turns_and_hold_up_no_small_one() {
    let app = furnished().await;
    let large = json!({"documents": {"flags": {}}, "context": {"kind": "user", "key": "u"}});
    let turns = u32::try_from(app.state.questions.available_permits()).unwrap();
    let others = app.state.questions.clone().acquire_many_owned(turns).await.unwrap();
    let full = app.post("/api/evaluate", &large).await;
    assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(full.headers()["retry-after"], "2");
    let problem: Value = full.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("ask again in a moment"), "{problem}");
    let small = app.post("/api/evaluate", &json!({"environment": "staging", "flagKey": "ratio"})).await;
    assert_eq!(small.status(), StatusCode::OK);
    drop(others);
    assert_eq!(app.post("/api/evaluate", &large).await.status(), StatusCode::OK);
    assert_eq!(app.state.questions.available_permits(), turns as usize);
}

#[tokio::test]
async fn documents_are_evaluated_as_they_are_and_what_is_malformed_hurts_nothing_else() {
    let app = TestApp::start().await;
    let question = r#"{"documents": {
        "flags": {
            "good": {"key": "good", "version": 5, "on": true, "salt": "s", "variations": [1.0, 2e0],
                "fallthrough": {"variation": 0},
                "rules": [{"id": "r", "variation": 1, "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta"]}]}]},
            "bad": {"key": "bad", "variations": "none"}},
        "segments": {"beta": {"key": "beta", "included": ["anna"]}}},
        "contexts": [{"kind": "user", "key": "anna"}, {"key": "bob"}]}"#;
    let response = app
        .request(reqwest::Method::POST, "/api/evaluate")
        .header("content-type", "application/json")
        .body(question)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    assert!(text.contains(r#""value":2e0"#) && text.contains(r#""value":1.0"#), "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(
        results[0]["flags"]["good"]["reason"],
        json!({"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "r"})
    );
    assert_eq!(results[1]["flags"]["good"]["version"], 5);
    for result in results {
        let bad = &result["flags"]["bad"];
        assert_eq!(bad["reason"], json!({"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}));
        assert!(bad["value"].is_null() && bad["variation"].is_null());
    }
    assert_eq!(answer["faults"][0]["pointer"], "/flags/bad/variations");
    assert!(answer.get("environment").is_none());

    let mut question: Value = serde_json::from_str(question).unwrap();
    question.as_object_mut().unwrap().remove("contexts");
    question["flags"] = json!(["good", "gone"]);
    question["explain"] = json!(true);
    let told = ask(&app, question.clone()).await;
    assert_eq!(told["results"][0]["key"], "anonymous");
    assert_eq!(told["results"][0]["flags"]["good"]["explanation"]["serve"]["by"], "fallthrough");
    assert_eq!(told["results"][0]["flags"]["gone"]["reason"]["errorKind"], "FLAG_NOT_FOUND");
    question["explain"] = json!(false);
    question["flags"] = json!((0..101).map(|i| format!("f{i}")).collect::<Vec<_>>());
    question["contexts"] = json!((0..100).map(|i| json!({"key": format!("u{i}")})).collect::<Vec<_>>());
    assert_eq!(refused(&app, question).await, ["/flags"]);
}

#[tokio::test]
async fn a_fall_through_can_leave_the_value_to_the_caller_and_rollouts_divide_as_elsewhere() {
    let app = furnished().await;
    let put = |config: Value| {
        let app = &app;
        async move { app.put("/api/flags/base/config/staging", &json!({"config": config})).await }
    };
    let answer =
        || ask(&app, json!({"environment": "staging", "flagKey": "base", "context": {"key": "bob"}}));
    let written = put(json!({"on": true, "fallthrough": {"codeDefault": true}})).await;
    assert_eq!(written.status(), StatusCode::OK);
    let result = answer().await["results"][0]["flags"]["base"].clone();
    assert_eq!(result["reason"], json!({"kind": "FALLTHROUGH"}));
    assert!(result["value"].is_null() && result["variation"].is_null());
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert!(payload["base"]["value"].is_null() && payload["base"]["variation"].is_null());

    // "base" and "bob" fall at 27 of 100 for ConfigCat: sha1("basebob") begins with 5975dcb.
    for (weight, value) in [(28_000, true), (27_000, false)] {
        let rollout = json!({"variations": [
            {"variation": 0, "weight": weight}, {"variation": 1, "weight": 100_000 - weight}]});
        let config = json!({"on": true, "algorithm": "configcat", "fallthrough": {"rollout": rollout}});
        assert_eq!(put(config).await.status(), StatusCode::OK);
        assert_eq!(answer().await["results"][0]["flags"]["base"]["value"], value);
    }
    let kept: Value = app.get("/api/flags/base/config/staging").await.json().await.unwrap();
    assert_eq!(kept["config"]["algorithm"], "configcat");
    for (config, pointer) in [
        (
            json!({"on": true, "fallthrough": {"codeDefault": true, "variation": 0}}),
            "/fallthrough/codeDefault",
        ),
        (json!({"algorithm": "md5", "fallthrough": {"variation": 0}}), "/algorithm"),
    ] {
        let refused = put(config).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = refused.json().await.unwrap();
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().ends_with(pointer), "{problem:#}");
    }
}

/// Documents with a flag that asks one segment `names` times, which compares that many values.
fn costly(names: usize, values: usize) -> Value {
    let clause = json!({"attribute": "", "op": "segmentMatch", "negate": true, "values": ["s"]});
    let values: Vec<String> = (0..values).map(|i| format!("v{i}")).collect();
    json!({
        "flags": {"f": {"key": "f", "on": true, "variations": [0, 1], "fallthrough": {"variation": 0},
            "rules": [{"variation": 1, "clauses": vec![clause; names]}]}},
        "segments": {"s": {"key": "s", "rules": [{"clauses": [
            {"attribute": "a", "op": "contains", "values": values}]}]}},
    })
}

#[tokio::test]
async fn no_question_burns_more_than_its_share() {
    let app = furnished().await;
    let wide = |key: &str| json!({"kind": "user", "key": key, "a": vec!["-"; 1000]});
    // The same segment, named ever again, is evaluated a few times.
    let answer =
        ask(&app, json!({"documents": costly(64, 1000), "context": wide("u"), "explain": true})).await;
    assert_eq!(answer["results"][0]["flags"]["f"]["value"], 1);
    for explain in [false, true] {
        let question = json!({"documents": costly(1, 60_000), "context": wide("u"), "explain": explain});
        let response = app.post("/api/evaluate", &question).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/documents");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("evaluating f for u takes more than"), "{detail}");
    }
}

#[tokio::test]
async fn clauses_that_never_match_here_are_among_the_faults() {
    let app = TestApp::start().await;
    let clauses = json!([{"attribute": "a", "op": "matches", "negate": true, "values": ["x".repeat(1025)]},
        {"attribute": "a", "op": "tastesLike", "negate": true, "values": [1]}]);
    let flag = json!({"key": "f", "on": true, "variations": [0, 1], "fallthrough": {"variation": 0},
        "rules": [{"variation": 1, "clauses": clauses}]});
    let question = json!({"documents": {"flags": {"f": flag}}, "explain": true,
        "context": {"kind": "user", "key": "u", "a": "b"}});
    let answer = ask(&app, question).await;
    let pointers: Vec<&str> =
        answer["faults"].as_array().unwrap().iter().map(|f| f["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/flags/f/rules/0/clauses/0/values/0", "/flags/f/rules/0/clauses/1/op"]);
    let told = &answer["results"][0]["flags"]["f"]["explanation"]["rules"][0]["clauses"];
    assert!(told[0]["detail"].as_str().unwrap().contains("too long"), "{told:#}");
    assert!(told[1]["detail"].as_str().unwrap().contains("unknown operator"), "{told:#}");
}

#[tokio::test]
async fn moments_are_told_as_they_are_written() {
    let app = furnished().await;
    for (at, status, expected) in [
        ("2020-01-01T00:00:00Z", 404, "there was no revision at or before 2020-01-01T00:00:00Z"),
        ("r9999", 422, "9999 has not come yet"),
        ("2999-01-01T00:00:00Z", 422, "the time 2999-01-01T00:00:00Z has not come yet"),
    ] {
        let response = app.post("/api/evaluate", &json!({"environment": "staging", "at": at})).await;
        assert_eq!(response.status(), status, "{at}");
        let problem: Value = response.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected) && !detail.contains("/at"), "{detail}");
    }
}
