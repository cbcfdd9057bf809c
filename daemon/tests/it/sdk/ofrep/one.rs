//! One flag: the rules that its answers keep, whatever is asked.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ALL, ask, one, told};
use crate::sdk::furnished::{
    ID, MOBILE, SERVER, archive, boolean, change, configure, flag, flag_for, served, toggle, with_keys,
};

fn rollout(clauses: Option<&Value>) -> Value {
    let parts = json!({"variations": [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]});
    match clauses {
        None => json!({"on": true, "fallthrough": {"rollout": parts}, "offVariation": 1}),
        Some(clauses) => json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 1,
            "rules": [{"id": "r", "clauses": clauses, "rollout": parts}]}),
    }
}

fn clause(attribute: &str, op: &str, value: &Value) -> Value {
    json!([{"attribute": attribute, "op": op, "values": [value], "negate": false}])
}

#[tokio::test]
async fn every_reason_is_one_of_openfeatures_and_every_result_names_its_variant() {
    let app = with_keys().await;
    boolean(&app, "static").await;
    boolean(&app, "ruled").await;
    let rules = json!([{"id": "r", "clauses": clause("plan", "in", &json!("pro")), "variation": 0}]);
    let targets = json!([{"variation": 0, "values": ["anna"]}]);
    configure(
        &app,
        "ruled",
        json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 1, "rules": rules, "targets": targets}),
    )
    .await;
    boolean(&app, "divided").await;
    configure(&app, "divided", rollout(None)).await;
    boolean(&app, "off").await;
    toggle(&app, "off", false).await;
    boolean(&app, "nothing").await;
    configure(&app, "nothing", json!({"on": false, "fallthrough": {"variation": 0}})).await;
    boolean(&app, "dependent").await;
    configure(
        &app,
        "dependent",
        json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1,
            "prerequisites": [{"key": "off", "variation": 0}]}),
    )
    .await;
    for (key, context, value, variant, reason) in [
        ("static", json!({}), json!(true), "on", "STATIC"),
        ("ruled", json!({"targetingKey": "bob"}), json!(false), "off", "DEFAULT"),
        ("ruled", json!({"targetingKey": "bob", "plan": "pro"}), json!(true), "on", "TARGETING_MATCH"),
        ("ruled", json!({"targetingKey": "anna"}), json!(true), "on", "TARGETING_MATCH"),
        ("off", json!({"targetingKey": "anna"}), json!(false), "off", "DISABLED"),
        ("dependent", json!({"targetingKey": "anna"}), json!(false), "off", "DEFAULT"),
    ] {
        let expected = json!({"key": key, "reason": reason, "variant": variant, "value": value});
        assert_eq!(one(&app, key, context.clone()).await, (200, expected), "{key} {context}");
    }
    let (status, divided) = one(&app, "divided", json!({"targetingKey": "anna"})).await;
    assert_eq!((status, &divided["reason"]), (200, &json!("SPLIT")));
    assert_eq!(divided["variant"], if divided["value"] == true { "on" } else { "off" });
    // Where nothing is served the value is left out, never null: the caller's default counts.
    let nothing = one(&app, "nothing", json!({"targetingKey": "anna"})).await;
    assert_eq!(nothing, (200, json!({"key": "nothing", "reason": "DISABLED", "variant": ""})));
}

#[tokio::test]
async fn a_share_of_everybody_needs_a_key_and_nothing_else_does() {
    let app = with_keys().await;
    boolean(&app, "divided").await;
    configure(&app, "divided", rollout(None)).await;
    boolean(&app, "ruled").await;
    configure(&app, "ruled", rollout(Some(&clause("plan", "in", &json!("pro"))))).await;
    boolean(&app, "rests").await;
    configure(
        &app,
        "rests",
        json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1,
            "prerequisites": [{"key": "divided", "variation": 0}]}),
    )
    .await;
    for context in
        [json!({}), json!({"targetingKey": ""}), json!({"plan": "pro"}), json!({"targetingKey": null})]
    {
        for key in ["divided", "rests"] {
            let (status, failure) = one(&app, key, context.clone()).await;
            assert_eq!(
                (status, &failure["errorCode"]),
                (400, &json!("TARGETING_KEY_MISSING")),
                "{key} {context}"
            );
            assert_eq!(failure["key"], key);
            assert!(failure["errorDetails"].as_str().unwrap().contains("targetingKey"));
        }
    }
    assert_eq!(one(&app, "ruled", json!({})).await.1["reason"], "DEFAULT");
    assert_eq!(one(&app, "ruled", json!({"plan": "pro"})).await.0, 400);
    assert_eq!(one(&app, "ruled", json!({"plan": "pro", "targetingKey": "a"})).await.1["reason"], "SPLIT");
    // The kind that is divided by is what must have a key.
    let both = json!({"kind": "multi", "user": {"targetingKey": "a"}, "org": {"plan": "pro"}});
    assert_eq!(one(&app, "divided", both).await.0, 200);
    let other = json!({"kind": "multi", "user": {"plan": "pro"}, "org": {"targetingKey": "b"}});
    assert_eq!(one(&app, "divided", other).await.0, 400);
}

#[tokio::test]
async fn a_context_is_read_as_the_sdk_that_openfeature_stands_on_reads_it() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    for (attribute, value, context, matches) in [
        ("key", json!("anna"), json!({"targetingKey": "anna", "key": "bob"}), true),
        ("key", json!("bob"), json!({"key": "bob"}), true),
        ("targetingKey", json!("anna"), json!({"targetingKey": "anna"}), false),
        ("/address/city", json!("Bern"), json!({"address": {"city": "Bern"}}), true),
        ("age", json!(3), json!({"age": 3.0}), true),
        ("tags", json!("b"), json!({"tags": ["a", "b"]}), true),
        ("name", json!("Anna"), json!({"name": "Anna"}), true),
        ("name", json!(3), json!({"name": 3}), false),
        ("anonymous", json!(true), json!({"anonymous": true}), true),
        ("kind", json!("user"), json!({"kind": 7}), true),
        ("kind", json!("org"), json!({"kind": "org", "targetingKey": "x"}), true),
        ("big", json!(9_007_199_254_740_992_u64), json!({"big": 9_007_199_254_740_993_u64}), true),
    ] {
        let mut clauses = clause(attribute, "in", &value);
        clauses[0]["contextKind"] = json!("user");
        let config = json!({"on": true, "fallthrough": {"variation": 1}, "offVariation": 1,
            "rules": [{"id": "r", "clauses": clauses, "variation": 0}]});
        configure(&app, "f", config).await;
        let (status, result) = one(&app, "f", context.clone()).await;
        assert_eq!((status, &result["value"]), (200, &json!(matches)), "{attribute} {context}");
    }
}

#[tokio::test]
async fn nobody_in_particular_is_asked_for_in_many_ways() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let path = format!("{ALL}/f");
    for body in
        ["", " \n", "null", "{}", r#"{"context":null}"#, r#"{"context":{}}"#, r#"{"context":{"a":null}}"#]
    {
        let (status, result) = told(ask(&app, SERVER, &path, body).send().await.unwrap()).await;
        assert_eq!((status, &result["value"]), (200, &json!(true)), "{body:?}");
    }
    // Neither a content type nor a known length is needed.
    let bare = app.client.post(app.at(&path)).header("authorization", SERVER);
    let chunks = futures_util::stream::iter(["{\"conte", "xt\":{}}"].map(Ok::<_, std::io::Error>));
    assert_eq!(told(bare.body(reqwest::Body::wrap_stream(chunks)).send().await.unwrap()).await.0, 200);
    for body in [
        "{",
        "nonsense",
        "[]",
        "3",
        r#"{"context":[]}"#,
        r#"{"context":"x"}"#,
        r#"{"context":{"targetingKey":7}}"#,
    ] {
        let (status, failure) = told(ask(&app, SERVER, &path, body).send().await.unwrap()).await;
        assert_eq!((status, &failure["errorCode"]), (400, &json!("INVALID_CONTEXT")), "{body:?}");
        assert_eq!(failure["key"], "f");
    }
    for context in [json!({"kind": "multi"}), json!({"kind": "a b"}), json!({"kind": "multi", "a b": {}})] {
        assert_eq!(one(&app, "f", context).await.1["errorCode"], "INVALID_CONTEXT");
    }
}

#[tokio::test]
async fn whatever_is_refused_is_refused_in_json_with_a_code_and_details() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let path = format!("{ALL}/f");
    let unknown = told(ask(&app, "sdk-nobody-knows-this-one", &path, "{}").send().await.unwrap()).await;
    let none = told(app.client.post(app.at(&path)).send().await.unwrap()).await;
    let get = app.get(&path).await;
    assert_eq!(get.headers()["allow"], "POST");
    let method = told(get).await;
    let large = "x".repeat(3 * 1024 * 1024);
    let large = told(ask(&app, SERVER, &path, large).send().await.unwrap()).await;
    let nowhere = told(app.get("/ofrep/v1/configuration").await).await;
    for ((status, failure), expected) in
        [(unknown, 401), (none, 401), (method, 405), (large, 413), (nowhere, 404)]
    {
        assert_eq!((status, &failure["errorCode"]), (expected, &json!("GENERAL")), "{failure}");
        assert!(failure["errorDetails"].as_str().is_some_and(|details| !details.is_empty()), "{failure}");
        if [401, 413].contains(&status) {
            assert_eq!(failure["key"], "f", "{failure}");
        }
    }
    for key in ["missing", "no%20key", "a/b", "%C3%BC", "%ff"] {
        let (status, failure) = one(&app, key, json!({})).await;
        assert_eq!((status, &failure["errorCode"]), (404, &json!("FLAG_NOT_FOUND")), "{key}");
        assert!(failure["errorDetails"].is_string());
    }
}

#[tokio::test]
async fn what_is_archived_is_not_there() {
    let app = with_keys().await;
    boolean(&app, "gone").await;
    assert_eq!(one(&app, "gone", json!({})).await.0, 200);
    archive(&app, "gone").await;
    assert_eq!(one(&app, "gone", json!({})).await.1["errorCode"], "FLAG_NOT_FOUND");
}

#[tokio::test]
async fn numbers_come_as_their_author_wrote_them_and_null_is_no_value() {
    let app = with_keys().await;
    let path = format!("{ALL}/n");
    let variations = r#"[{"name":"zero","value":0.0},{"name":"one","value":1}]"#;
    let body = format!(r#"{{"key":"n","type":"number","enabled":true,"variations":{variations}}}"#);
    let made = app.request(Method::POST, "/api/flags").header("content-type", "application/json").body(body);
    assert_eq!(made.send().await.unwrap().status(), 201);
    served(&app).await;
    let text = |body: &'static str| {
        let request = ask(&app, SERVER, &path, body);
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    assert_eq!(text("{}").await, r#"{"key":"n","reason":"STATIC","variant":"zero","value":0.0}"#);
    configure(&app, "n", json!({"on": true, "fallthrough": {"variation": 1}})).await;
    assert_eq!(text("{}").await, r#"{"key":"n","reason":"STATIC","variant":"one","value":1}"#);
    flag(&app, "j", "json", &[("", Value::Null), ("same", json!({"a": [1]})), ("same", json!(""))]).await;
    assert_eq!(one(&app, "j", json!({})).await.1, json!({"key": "j", "reason": "STATIC", "variant": "0"}));
    for (index, variant) in [(1, "same"), (2, "2")] {
        configure(&app, "j", json!({"on": true, "fallthrough": {"variation": index}})).await;
        assert_eq!(one(&app, "j", json!({})).await.1["variant"], variant);
    }
}

#[tokio::test]
async fn metadata_is_what_the_author_meant_for_providers_and_nothing_else() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    change(&app, "f", json!({"metadata": {"ticket": "A-1"}})).await;
    assert!(one(&app, "f", json!({})).await.1.get("metadata").is_none());
    let meant =
        json!({"text": "1.0.2", "whole": 2, "part": 0.1, "truth": true, "deep": {"a": 1}, "none": null});
    change(&app, "f", json!({"metadata": {"ticket": "A-1", "openFeature": meant}})).await;
    let told_one = one(&app, "f", json!({})).await.1;
    assert_eq!(told_one["metadata"], json!({"text": "1.0.2", "whole": 2, "part": 0.1, "truth": true}));
    // One provider refuses a whole answer for one number that it cannot hold.
    let all = told(ask(&app, SERVER, ALL, "{}").send().await.unwrap()).await.1;
    assert_eq!(all["flags"][0]["metadata"], json!({"text": "1.0.2", "whole": 2, "truth": true}));
}

#[tokio::test]
async fn every_kind_of_credential_opens_what_it_may_see_in_every_header() {
    let app = with_keys().await;
    let values = [("on", json!(true)), ("off", json!(false))];
    flag_for(&app, "web", "boolean", &values, true, false).await;
    flag_for(&app, "phone", "boolean", &values, false, true).await;
    for (key, web, phone) in [(SERVER, 200, 200), (ID, 200, 404), (MOBILE, 404, 200)] {
        for (name, value) in [
            ("authorization", format!("Bearer {key}")),
            ("authorization", key.to_owned()),
            ("x-api-key", key.to_owned()),
        ] {
            for (flag, expected) in [("web", web), ("phone", phone)] {
                let request = app.client.post(app.at(&format!("{ALL}/{flag}"))).header(name, &value);
                assert_eq!(request.send().await.unwrap().status(), expected, "{name}: {value} {flag}");
            }
        }
    }
}

#[tokio::test]
async fn a_base_url_may_end_in_a_slash_and_unknown_parameters_are_nobodys_business() {
    let app = with_keys().await;
    boolean(&app, "a.b-c_d").await;
    for path in [
        "//ofrep/v1/evaluate/flags/a.b-c_d",
        "/ofrep/v1/evaluate/flags/a%2Eb%2Dc_d",
        "/ofrep/v1/evaluate/flags/a.b-c_d?tenant=7",
    ] {
        let (status, result) = told(ask(&app, SERVER, path, "{}").send().await.unwrap()).await;
        assert_eq!((status, &result["value"]), (200, &json!(true)), "{path}");
    }
    for path in [
        "/ofrep/v1/evaluate/flags/",
        "//ofrep/v1/evaluate/flags",
        "//ofrep/v1/evaluate/flags/",
        "/ofrep/v1/evaluate/flags?tenant=7",
    ] {
        let (status, all) = told(ask(&app, SERVER, path, "{}").send().await.unwrap()).await;
        assert_eq!((status, all["flags"].as_array().map(Vec::len)), (200, Some(1)), "{path}");
    }
    for path in ["///ofrep/v1/evaluate/flags", "/ofrep//v1/evaluate/flags", "//api/flags"] {
        assert_eq!(ask(&app, SERVER, path, "{}").send().await.unwrap().status(), 400, "{path}");
    }
}

#[tokio::test]
async fn single_evaluations_are_counted() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let config = {
        let catalog = app.state.live.catalog();
        let place = catalog.environments.keys().find(|(_, name)| name.as_str() == "staging").unwrap().clone();
        let state = catalog.environments[&place].clone();
        let served = state.configs.iter().find(|(key, _)| key.as_str() == "f").unwrap().1.clone();
        (state.stored.row.id, served.stored.row.id)
    };
    assert!(app.state.usage.last_evaluated(config.0, config.1).is_none());
    assert_eq!(one(&app, "f", json!({"targetingKey": "a"})).await.0, 200);
    assert!(app.state.usage.last_evaluated(config.0, config.1).is_some());
}
