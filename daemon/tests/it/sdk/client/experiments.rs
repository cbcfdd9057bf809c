//! Which results SDKs are to report, and with the reason: experiments, and what is tracked by hand.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ID, MOBILE, SERVER, b64, configure, flag, furnished, poll, report, results, sent};
use crate::support::app::TestApp;
use crate::support::sdk::Events;

const ANNA: &str = r#"{"kind":"user","key":"anna","country":"DE"}"#;
const BOB: &str = r#"{"kind":"user","key":"bob","country":"FR"}"#;

/// Everybody gets variation 0, as part of an experiment or in spite of it.
fn experiment(untracked: bool) -> Value {
    let mut share = json!({"variation": 0, "weight": 100_000});
    if untracked {
        share["untracked"] = json!(true);
    }
    json!({"rollout": {"kind": "experiment", "contextKind": "user", "seed": 61, "variations": [share]}})
}

/// The members of both.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// A rule for Germans that has more members.
fn rule(more: Value) -> Value {
    let clause = json!({"contextKind": "user", "attribute": "country", "op": "in", "values": ["DE"]});
    with(json!({"id": "germans", "clauses": [clause]}), more)
}

/// A configuration that is on and has more members.
fn on(more: Value) -> Value {
    with(json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 1}}), more)
}

/// Flags that are reported in every way.
async fn tracked() -> TestApp {
    let app = furnished().await;
    for (key, config) in [
        ("all", on(json!({"fallthrough": experiment(false)}))),
        ("apart", on(json!({"fallthrough": experiment(true)}))),
        ("some", on(json!({"rules": [rule(experiment(false))]}))),
        ("by-rule", on(json!({"rules": [rule(json!({"variation": 0, "trackEvents": true}))]}))),
        ("by-rest", on(json!({"trackEventsFallthrough": true}))),
        ("by-flag", on(json!({"trackEvents": true, "debugEventsUntilDate": 1_900_000_000_000_i64}))),
        (
            "stopped",
            on(json!({"on": false, "trackEventsFallthrough": true, "fallthrough": experiment(false)})),
        ),
    ] {
        flag(&app, key, &json!({"usingEnvironmentId": true, "usingMobileKey": true})).await;
        configure(&app, key, config).await;
    }
    app
}

/// What a result says of reporting.
fn said(result: &Value) -> Value {
    let names = ["trackEvents", "trackReason", "reason", "debugEventsUntilDate"];
    let members = result.as_object().unwrap().iter().filter(|(name, _)| names.contains(&name.as_str()));
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A result that belongs to an experiment.
fn exposed(reason: &Value) -> Value {
    json!({"trackEvents": true, "trackReason": true, "reason": reason})
}

#[tokio::test]
async fn whoever_takes_part_in_an_experiment_reports_the_reason_unasked_and_nobody_else_does() {
    let app = tracked().await;
    let in_rest = json!({"kind": "FALLTHROUGH", "inExperiment": true});
    let in_rule = json!({"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "germans", "inExperiment": true});
    let by_rule = json!({"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "germans"});
    let by_flag = json!({"trackEvents": true, "debugEventsUntilDate": 1_900_000_000_000_i64});
    let told = poll(&app, ANNA).await;
    for (key, value, expected) in [
        ("all", true, exposed(&in_rest)),
        ("apart", true, json!({})),
        ("some", true, exposed(&in_rule)),
        ("by-rule", true, exposed(&by_rule)),
        ("by-rest", false, exposed(&json!({"kind": "FALLTHROUGH"}))),
        ("by-flag", false, by_flag.clone()),
        ("stopped", false, json!({})),
        ("web", true, json!({})),
    ] {
        assert_eq!((&told[key]["value"], said(&told[key])), (&json!(value), expected), "{key} for anna");
    }
    let told = poll(&app, BOB).await;
    for (key, value, expected) in [
        ("all", true, exposed(&in_rest)),
        ("some", false, json!({})),
        ("by-rule", false, json!({})),
        ("by-flag", false, by_flag),
    ] {
        assert_eq!((&told[key]["value"], said(&told[key])), (&json!(value), expected), "{key} for bob");
    }
}

#[tokio::test]
async fn asking_for_reasons_adds_them_everywhere_and_makes_nothing_reported() {
    let app = tracked().await;
    let path = format!("/sdk/evalx/{ID}/contexts/{}", b64(ANNA));
    let plain = results(app.get(&path).await).await;
    let told = results(app.get(&format!("{path}?withReasons=true")).await).await;
    for (key, result) in told.as_object().unwrap() {
        assert!(result["reason"]["kind"].is_string(), "{key} has no reason");
        for name in ["trackEvents", "trackReason"] {
            assert_eq!(result.get(name), plain[key].get(name), "{name} of {key}");
        }
    }
    assert_eq!(told["by-flag"]["reason"], json!({"kind": "FALLTHROUGH"}));
    // In the share that takes no part nobody says that they do.
    assert_eq!(told["apart"]["reason"], json!({"kind": "FALLTHROUGH"}));
    assert_eq!(told["stopped"]["reason"], json!({"kind": "OFF"}));
    // Only this word asks for them.
    for query in ["?withReasons=false", "?withReasons", "?withReasons=0"] {
        assert_eq!(results(app.get(&format!("{path}{query}")).await).await, plain, "{query}");
    }
}

#[tokio::test]
async fn every_route_says_the_same_of_reporting() {
    let app = tracked().await;
    let browser = poll(&app, ANNA).await;
    let keyed = |path: &str, key: &str| app.client.get(app.at(path)).header("authorization", key);
    let anna = b64(ANNA);
    for answer in [
        sent(report(&app, &format!("/sdk/evalx/{ID}/context"), ANNA)).await,
        sent(keyed(&format!("/msdk/evalx/contexts/{anna}"), MOBILE)).await,
        sent(keyed(&format!("/sdk/evalx/contexts/{anna}"), SERVER)).await,
        sent(report(&app, "/msdk/evalx/user", ANNA).header("authorization", MOBILE)).await,
    ] {
        let path = answer.url().path().to_owned();
        let told = results(answer).await;
        for key in ["all", "apart", "some", "by-rule", "by-rest", "by-flag", "stopped"] {
            assert_eq!(told[key], browser[key], "{key} at {path}");
        }
    }
    // The second protocol: the same results as objects.
    let objects = results(app.get(&format!("/sdk/poll/eval/{anna}?auth={ID}")).await).await;
    let posted = app.client.request(Method::POST, app.at(&format!("/sdk/poll/eval?auth={ID}")));
    let posted = sent(posted.header("content-type", "application/json").body(ANNA)).await;
    for told in [objects, results(posted).await] {
        let events = told["events"].as_array().unwrap();
        for key in ["all", "apart", "some", "by-rule", "by-rest", "by-flag", "stopped"] {
            let put = events.iter().find(|event| event["data"]["key"] == key).expect("an object");
            assert_eq!(said(&put["data"]["object"]), said(&browser[key]), "{key}");
        }
    }
}

#[tokio::test]
async fn a_stream_tells_when_an_experiment_begins_and_ends_although_the_value_stays() {
    let app = tracked().await;
    let answer = app.get(&format!("/eval/{ID}/{}", b64(ANNA))).await;
    assert_eq!(answer.status(), 200);
    let mut stream = Events::of(answer);
    assert_eq!(stream.hear("put").await, poll(&app, ANNA).await);
    configure(&app, "web", on(json!({"fallthrough": experiment(false)}))).await;
    let begun = stream.hear("patch").await;
    assert_eq!((&begun["key"], &begun["value"]), (&json!("web"), &json!(true)));
    assert_eq!(said(&begun), exposed(&json!({"kind": "FALLTHROUGH", "inExperiment": true})));
    configure(&app, "web", on(json!({"fallthrough": {"variation": 0}}))).await;
    let ended = stream.hear("patch").await;
    assert_eq!((&ended["key"], &ended["value"], said(&ended)), (&json!("web"), &json!(true), json!({})));
    configure(&app, "web", on(json!({"fallthrough": {"variation": 0}, "trackEventsFallthrough": true})))
        .await;
    assert_eq!(said(&stream.hear("patch").await), exposed(&json!({"kind": "FALLTHROUGH"})));
}
